/* SPDX-License-Identifier: MIT
 * mm-level: 4.07
 * What ARC and CAR share: pages in memory that were seen once (T1) or more often (T2), pages that were
 * evicted from either (B1, B2, the ghosts), and the size that T1 should have, which ghosts that are missed
 * adapt. At most c = capacity pages are on T1 and B1 together, at most 2c on all four. Megiddo and Modha,
 * FAST 2003; Bansal and Modha, FAST 2004. */
#ifndef MM_ADAPTIVE_H
#define MM_ADAPTIVE_H

#include "mm/directory.h"
#include "mm/usage.h"

/* Indices, and values of policy_flag and of the ghosts' flag. */
enum { SEEN_ONCE, SEEN_OFTEN, ADAPTIVE_SIDES };

struct adaptive {
    const char *name;
    /* Which side gives a page, for T1 and T2 of these lengths, not both 0. Where the two policies differ. */
    int (*side)(const struct adaptive *a, uint32_t once, uint32_t often);
    struct list_node t[ADAPTIVE_SIDES], b[ADAPTIVE_SIDES]; /* frames, ghosts: the next to go first */
    uint32_t t_count[ADAPTIVE_SIDES], b_count[ADAPTIVE_SIDES];
    uint32_t capacity;
    uint32_t target; /* p of the papers: what |T1| should be */
    struct directory ghosts;
    struct usage usage;
    bool wanted_often; /* for ARC: the page that was missed is in B2 */
};

/* A new instance for the policy of this name. => NULL when memory is short. */
struct adaptive *adaptive_create(const struct policy_setup *setup, const char *name,
                                 int (*side)(const struct adaptive *, uint32_t, uint32_t)) MUST_CHECK;
void adaptive_destroy(void *state);

/* The target moves towards the side whose ghost was missed, by the quotient of the lengths of the other and
 * of its own list of ghosts, rounded down, and by at least 1. */
void adaptive_learn(struct adaptive *a, const struct page_entry *ghost);

/* f's page to the young end of T1, or of T2 if it is a ghost, which then ends. Ghosts in excess end, too:
 * those of B1 if it is T1 and B1 that are too many, else those of B2. */
void adaptive_insert(struct adaptive *a, struct frame *f);

/* f to the young end of T2. */
void adaptive_promote(struct adaptive *a, struct frame *f);

/* f's page goes to the young end of B1 or B2 if it is evicted. */
void adaptive_removed(void *state, struct frame *f, bool evicted);
void adaptive_moved(void *state, struct frame *from, struct frame *to);

/* The oldest page of the side that gives one; those found used on the way go to the young end of T2. */
struct frame *adaptive_pick_victim(void *state);

/* The runner-up cannot be told if it was accessed, and so would be passed over. */
struct frame *adaptive_explain(void *state, struct frame *victim, struct printer *why);

uint32_t adaptive_check(void *state, struct printer *out);
void adaptive_dump(void *state, struct printer *out);

#endif
