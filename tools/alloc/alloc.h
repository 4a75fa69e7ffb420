/* SPDX-License-Identifier: MIT
 * The parts of build/alloc, which plays workloads of allocations against the kernel's own code:
 * mm/partition.c over mm/vmem*.c and lib/fit*.c, on the bare machine. */
#ifndef TOOLS_ALLOC_ALLOC_H
#define TOOLS_ALLOC_ALLOC_H

#include "lib/fit.h"
#include "lib/types.h"
#include <stdio.h>

enum alloc_status { ALLOC_OK, ALLOC_FAILED, ALLOC_USAGE };

/* Says what is wrong and ends the program. */
void die(enum alloc_status status, const char *fmt, ...) PRINTF_LIKE(2) NORETURN;
void *host_array(void *p, size_t count, size_t size); /* reallocarray that does not fail; NULL: a new one */

/* ---- workloads: workload.c, input.c ---- */

struct alloc_op {
    uint32_t id;    /* of the block, from 0 on; each is allocated once */
    uint32_t bytes; /* 0: it is freed */
};

struct workload {
    const char *name;
    struct alloc_op *ops;
    uint32_t count, room;
    uint32_t ids;               /* blocks */
    uint32_t units, unit_bytes; /* the arena that it is for */
};

/* What the made workloads are made after. */
struct shape {
    uint32_t units, unit_bytes;
    uint32_t allocs; /* allocations; the frees come on top. 0: 10,000, or all that a file has */
    uint32_t load;   /* percent of the arena that the workload wants */
    uint32_t seed;
};

struct workload_kind {
    const char *name, *summary;
    void (*make)(struct workload *w, const struct shape *s);
};

extern const struct workload_kind workload_kinds[];
extern const uint32_t workload_kind_count;

/* By name, or from a file (input.c). Ends the program if there is neither. */
void workload_make(struct workload *w, const char *name, const struct shape *s);
void workload_read(struct workload *w, const char *path, const struct shape *s);
extern const char workload_formats[]; /* of files, for --help */
void workload_add(struct workload *w, uint32_t id, uint32_t bytes);
void workload_free(struct workload *w);

uint32_t units_of(uint32_t bytes, uint32_t unit_bytes); /* rounded up */

/* ---- playing: play.c ---- */

/* What moves: nothing; so many units after each operation; or, when an allocation fails for fragmentation
 * only, partition by partition until it succeeds, or all there is. */
#define COMPACT_OFF    0u
#define COMPACT_ENOUGH (UINT32_MAX - 1)
#define COMPACT_WHOLE  UINT32_MAX

struct variant {
    const struct fit *fit;
    bool buddy;
    uint32_t compact;
};

struct sample {
    uint32_t op; /* operations so far */
    uint32_t used, free, largest, external, internal, partitions, holes, success;
    uint32_t moved, fragmented;
};

struct outcome {
    uint32_t allocs, failures;   /* allocations; those that failed for good */
    uint32_t fragmented;         /* ... of these, although enough was free */
    uint32_t first, first_load;  /* the first that lacked nothing but a hole large enough, an operation's
                                    number from 1, and the share of the arena in use then, thousandths; 0:
                                    none. Also counted if compaction made room for it */
    uint32_t compactions, moved; /* whole ones; units */
    uint32_t external, internal; /* mean over all samples, thousandths */
    uint32_t used_peak;          /* units */
};

struct play {
    const struct workload *workload;
    struct variant variant;
    uint32_t every; /* operations between samples */
    bool check;     /* verify the book at each sample */
    /* NULL: not wanted */
    void (*sampled)(const struct play *p, const struct sample *s);
    /* at: the first unit, UINT32_MAX if the allocation failed; a block that was never had is not freed */
    void (*done)(const struct play *p, const struct alloc_op *op, uint32_t at);
};

struct outcome play(const struct play *p);

/* ---- what is printed: report.c ---- */

const char *compact_name(uint32_t compact); /* good until the next call */
void report_series(const struct play *p);   /* plays, and prints the samples as TSV */
void report_log(const struct play *p);      /* ... each operation */

/* One row for each strategy, with buddy rounding and without: first without compaction, then what each kind
 * of compaction makes of it. */
struct table {
    bool tsv;           /* a line for each variant */
    uint32_t move_cost; /* instructions to move a unit */
    const uint32_t *compacts;
    uint32_t compact_count;
};
void report_table_head(const struct table *t);
void report_table(const struct table *t, const struct play *p);
void report_table_foot(const struct table *t);

/* ---- cost against size: flat.c ---- */

/* Makes `live` blocks of what (buddy, vmem-first ...), then calls flat_pairs(), which callgrind counts. */
void flat_run(const char *what, uint32_t live, uint32_t pairs, uint32_t seed);

#endif
