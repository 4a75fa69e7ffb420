/* SPDX-License-Identifier: MIT
 * Fit: a set of free segments of one line of numbers (addresses, frames, slots), and the strategy that says
 * which of them an allocation comes from. The owner embeds a fit_segment in its own record of a segment, and
 * sees to merging; a strategy only files and finds. No memory is allocated here. */
#ifndef LIB_FIT_H
#define LIB_FIT_H

#include "lib/print.h"
#include "lib/types.h"

struct fit_segment {
    uintptr_t start, size; /* the owner's; not to be changed while the segment is in a set */
    /* the strategy's: a tree's links and the largest size below, or a list's links */
    struct fit_segment *left, *right;
    uintptr_t most;
};

enum { FIT_LISTS = 8 * sizeof(uintptr_t) };

struct fit_set {
    const struct fit *fit;
    struct fit_segment *root;            /* of a tree */
    struct fit_segment *list[FIT_LISTS]; /* instant fit: segments of 2^i to 2^(i+1) - 1 */
    uintptr_t lists;                     /* bit i: list[i] is not empty */
    uintptr_t rover;                     /* next fit: where the last allocation ended */
    uint32_t count;
};

/* What a segment must hold. `min` and `max` bound the allocation's numbers, max exclusive; 0 and UINTPTR_MAX:
 * anywhere. align is a power of two, 1: any. */
struct fit_want {
    uintptr_t size, align, min, max;
};

struct fit {
    const char *name, *summary;
    void (*insert)(struct fit_set *set, struct fit_segment *s);
    void (*remove)(struct fit_set *set, struct fit_segment *s);
    /* A segment that holds what is wanted, and where in it the allocation starts. => NULL: the strategy finds
     * none */
    struct fit_segment *(*pick)(struct fit_set *set, const struct fit_want *want, uintptr_t *at);
};

/* first: the lowest address that fits. last: the highest (and the allocation at its end), as Linux's mmap.
 * next: as first, from where the last one ended. best: the smallest that fits, worst: the largest; the lowest
 * of equals. instant: some one of the power of two that surely fits, in O(1) (Bonwick and Adams, USENIX
 * 2001). */
extern const struct fit fit_first, fit_last, fit_next, fit_best, fit_worst, fit_instant;

extern const struct fit *const fit_table[];
extern const uint32_t fit_count;
const struct fit *fit_find(const char *name); /* => NULL if there is none */
void fit_names(struct printer *out);          /* with spaces between them */

void fit_init(struct fit_set *set, const struct fit *fit);

/* Does the set hold what it should, in the order that it should? => false after printing what is broken. */
bool fit_check(const struct fit_set *set, struct printer *out) MUST_CHECK;

/* The size of an allocation under buddy rounding: the next power of two. => 0 if there is none. */
uintptr_t fit_round(uintptr_t size);

#endif
