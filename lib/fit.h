/* SPDX-License-Identifier: MIT
 * Fit: a set of free segments of one line of numbers (addresses, frames, slots), and the strategy that says
 * which of them an allocation comes from. The owner embeds a fit_segment in its own record of a segment, and
 * sees to merging; a strategy only files and finds. No memory is allocated here, and nothing recurses. */
#ifndef LIB_FIT_H
#define LIB_FIT_H

#include "lib/fit_tree.h"

/* What a segment must hold. `min` and `max` bound the allocation's numbers, max exclusive; 0 and UINTPTR_MAX:
 * anywhere. size is not 0; align is a power of two, 1: any. */
struct fit_want {
    uintptr_t size, align, min, max;
};

enum { FIT_LISTS = 8 * sizeof(uintptr_t) };

struct fit_set {
    const struct fit *fit;
    struct fit_tree tree;
    uint32_t count;                      /* segments */
    uintptr_t rover;                     /* next fit: where the last allocation ended */
    uintptr_t lists;                     /* bit i: list[i] is not empty */
    struct fit_segment *list[FIT_LISTS]; /* instant fit: segments of 2^i to 2^(i+1) - 1, the newest first */
};

struct fit {
    const char *name, *summary;
    enum fit_order order;
    void (*insert)(struct fit_set *set, struct fit_segment *s);
    void (*remove)(struct fit_set *set, struct fit_segment *s);
    void (*resize)(struct fit_set *set, struct fit_segment *s, uintptr_t start, uintptr_t size);
    /* A segment that holds what is wanted, and where in it the allocation starts: as low as possible, but as
     * high for last fit. => NULL: no segment of the set does */
    struct fit_segment *(*pick)(struct fit_set *set, const struct fit_want *want, uintptr_t *at);
};

/* first: the lowest address that fits. last: the highest (and the allocation at its end), as Linux's mmap.
 * next: as first, from where the last one ended; from the start when nothing fits there. best: the smallest
 * that fits, worst: the largest; the lowest of equals. All of these are O(log segments), and look at one
 * segment more for each that is large enough, but fails the alignment or the bounds. instant: the newest of
 * the smallest power of two that surely fits, in O(1) (Bonwick and Adams, USENIX 2001); when there is none,
 * or under bounds, it goes through the lists before it says no. */
extern const struct fit fit_first, fit_last, fit_next, fit_best, fit_worst, fit_instant;

extern const struct fit *const fit_table[];
extern const uint32_t fit_count;
const struct fit *fit_find(const char *name); /* => NULL if there is none */
void fit_names(struct printer *out);          /* with spaces between them */

void fit_init(struct fit_set *set, const struct fit *fit);

static inline void fit_insert(struct fit_set *set, struct fit_segment *s)
{
    set->fit->insert(set, s);
}

static inline void fit_remove(struct fit_set *set, struct fit_segment *s)
{
    set->fit->remove(set, s);
}

/* Another range for a segment of the set. => it overlaps no other, and lies between the same two */
static inline void fit_resize(struct fit_set *set, struct fit_segment *s, uintptr_t start, uintptr_t size)
{
    set->fit->resize(set, s, start, size);
}

static inline struct fit_segment *fit_pick(struct fit_set *set, const struct fit_want *want, uintptr_t *at)
{
    return set->fit->pick(set, want, at);
}

/* The size of the largest segment; 0: there is none. O(1) in a tree, otherwise a walk of one list. */
uintptr_t fit_largest(const struct fit_set *set);

/* Is s in the set? => fit_check said yes */
bool fit_has(const struct fit_set *set, const struct fit_segment *s);

/* Does the set hold what it should, in the order that it should? => false after printing what is broken. */
bool fit_check(const struct fit_set *set, struct printer *out) MUST_CHECK;

/* The size of an allocation under buddy rounding: the next power of two. => 0 if there is none. */
uintptr_t fit_round(uintptr_t size);

#endif
