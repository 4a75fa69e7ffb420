/* SPDX-License-Identifier: MIT
 * mm-level: 2.3
 * The book of a contiguous arena: named partitions of a line of units (frames), placed by a vmem strategy,
 * merged when freed, and slid together by compaction. It knows no frames and moves nothing: it says what is
 * to move, unit by unit, and is told when that is done; so the kernel moves real frames by it, and
 * tools/alloc only counts. */
#ifndef MM_PARTITION_H
#define MM_PARTITION_H

#include "lib/print.h"
#include "mm/vmem.h"

enum { PARTITION_NAME = 16 };

struct partition {
    char name[PARTITION_NAME];
    uint32_t at, units; /* where it lies, how large it is */
    uint32_t bytes;     /* what was asked for: the rest is internal fragmentation */
    void *owner;        /* whoever allocated it */
};

struct partition_book {
    struct spin lock;
    struct vmem *arena;
    struct partition **by_start; /* by unit: the partition that starts there */
    uint32_t units, unit_bytes;
    uint32_t count; /* partitions */
    uint64_t bytes; /* asked for by those that there are */
    /* The move that is going on: `moving` slides down from moving->at to `target`; `moved` units have. Its
     * new place, as far as the old one does not cover it, is allocated meanwhile. NULL: none. */
    struct partition *moving;
    uint32_t target, moved;
    /* so far */
    uint32_t allocs, failures, frees; /* allocations that were tried, those that failed */
    uint32_t fragmented;              /* ... of these, although enough was free: for fragmentation only */
    uint32_t moves;                   /* units moved */
};

/* => VM_OK, VM_NO_MEMORY, or VM_INVALID if units is 0. */
enum vm_result partition_open(struct partition_book *b, uint32_t units, uint32_t unit_bytes,
                              const struct fit *fit) MUST_CHECK;

/* Frees every partition's record. */
void partition_close(struct partition_book *b);

/* A partition of `bytes`, with buddy rounding of a power of two of units. => VM_OK; VM_EXISTS if the name
 * is taken ("" never is); VM_INVALID (0 bytes, or more than the arena has); VM_NO_MEMORY: no hole is large
 * enough. *compactable: the free units would do if they lay together. */
enum vm_result partition_alloc(struct partition_book *b, const char *name, uint32_t bytes, bool buddy,
                               struct partition **out, bool *compactable) MUST_CHECK;

/* It may be the one that moves. Its record is gone. */
void partition_free(struct partition_book *b, struct partition *p);

/* The units that a partition of `bytes` takes. => 0 if that is none, or more than the arena has */
uint32_t partition_size(const struct partition_book *b, uint32_t bytes, bool buddy);

/* The partitions in the order of their places: the first for NULL, then the one behind p. => NULL at the end
 */
struct partition *partition_next(const struct partition_book *b, const struct partition *p);

struct partition *partition_find(struct partition_book *b, const char *name); /* => NULL if there is none */

/* Compaction, one unit a call: the next unit to move. Whoever asks moves it, then calls partition_moved.
 * => false when all holes are one, at the end. */
struct partition_move {
    struct partition *p;
    uint32_t index, from, to; /* unit `index` of p goes from unit `from` to unit `to`, which is nobody's */
};
bool partition_next_move(struct partition_book *b, struct partition_move *m) MUST_CHECK;
void partition_moved(struct partition_book *b);

/* Where unit `index` of p lies: differs from p->at + index while p moves. */
uint32_t partition_unit(const struct partition_book *b, const struct partition *p, uint32_t index);

struct partition_figures {
    uint32_t total, used, free, largest, holes; /* units */
    uint32_t external;                          /* fragmentation: 1 - largest / free, in thousandths */
    uint32_t
        internal;     /* fragmentation: what partitions have beyond what was asked for, thousandths of used */
    uint32_t success; /* rate of allocations, thousandths; 1000 when none was tried */
};
struct partition_figures partition_figures(const struct partition_book *b);

bool partition_check(const struct partition_book *b, struct printer *out) MUST_CHECK;

#endif
