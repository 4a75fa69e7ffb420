/* SPDX-License-Identifier: MIT
 * The kernel command line: key=value words. Values may be quoted as in a shell. */
#ifndef KERNEL_OPTIONS_H
#define KERNEL_OPTIONS_H

#include "kernel/allot.h"
#include "kernel/view.h"
#include "lib/fit.h"
#include "lib/print.h"
#include "mm/merge.h"
#include "mm/pool.h"

enum { OPTIONS_TEXT = 1024 };

struct options {
    uint32_t frames; /* limit of the pool; 0: all there are */
    const char *policy;
    enum accessed_mode accessed;
    struct allot_config allot;
    const char *swap;      /* one of the names in boot/main.c's swap_disks, or none */
    uint32_t swap_mb;      /* UINT32_MAX: choose by the size of RAM */
    uint32_t swap_latency; /* microseconds per request of the swap disk; 0: as fast as it is */
    bool swap_force;       /* a swap disk with others' data is overwritten */
    bool ata_dma;          /* the bus master moves the data, where there is one */
    uint32_t seed;
    uint32_t readahead; /* pages read at once from swap */
    uint32_t order;     /* of the unit of residence */
    bool pager;         /* the pool has watermarks of its own */
    bool hist;          /* distributions are collected from the start */
    enum merge_mode ksm;
    const struct fit *mmap_fit; /* where mmap puts what may go anywhere */
    const char *log;
    const char *trace;      /* classes that are traced from the start; NULL: none */
    const char *trace_port; /* where they go: kernel/trace.c knows the names */
    uint32_t trace_kib;     /* memory for events that are on their way */
    const char *run;        /* monitor commands; NULL: none */
    uint32_t check;         /* verify every invariant after so many faults; 0: never */
    bool debug;             /* junk on free */
    uint32_t slab_debug;    /* how kernel objects are guarded */
    struct view_options view;
    char text[OPTIONS_TEXT]; /* what the pointers above point into */
};

/* Parses the line; a first word without '=' is the kernel's file name and is skipped. Every fault gets a
 * message that names the value and the legal range. => the number of faults. */
int options_parse(const char *line, struct options *o, struct printer *out);

/* What holds without a command line. */
void options_default(struct options *o);

/* What options_parse made of the command line; how things stand now may differ: settings.c. */
extern const struct options *options_booted;

/* One value. Pointers in *o may point into `value` afterwards. => 0, or nonzero after saying what was
 * expected
 */
int options_set(struct options *o, const char *key, const char *value, struct printer *out);

/* => the i-th key, NULL beyond the last; its value in *o as the command line takes it */
const char *options_key(uint32_t i);
void options_show(const struct options *o, uint32_t i, char *text, size_t size);

#endif
