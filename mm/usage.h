/* SPDX-License-Identifier: MIT
 * mm-level: 4.06
 * Has a page been used since it came in? For policies whose papers start a page with a clear reference bit.
 *
 * Exact mode is known by `touched`: from its first call on, the accessed bits are ignored, as they say
 * nothing more. Before that call no page was used again, or the MMU shows no references at all (sampled
 * mode). The bit that a page's own fault sets must not count in either case: it is cleared at the next miss.
 * (A pool with accessed=ad has done so already.) A page that came unasked, by read-ahead, has no such bit,
 * and keeps its first one.
 *
 * A policy that takes the bit as the hardware sets it uses only `exact`, usage_touched and the tests. */
#ifndef MM_USAGE_H
#define MM_USAGE_H

#include "mm/policy.h"

struct usage {
    bool exact;
    bool expecting; /* a page was missed and has not come yet: */
    struct page_id expected;
    struct frame *fresh; /* the last page that came because it was missed, until the next miss */
};

/* In policy_flag: the page was touched since usage_test_clear. */
enum { USAGE_TOUCHED = 0x80 };

static inline void usage_missed(struct usage *u, struct page_id id)
{
    if (u->fresh != NULL && !u->exact)
        policy_test_clear_accessed(u->fresh);
    u->fresh = NULL;
    u->expected = id;
    u->expecting = true;
}

/* => USAGE_TOUCHED is clear in f's policy_flag */
static inline void usage_inserted(struct usage *u, struct frame *f)
{
    if (u->expecting && page_id_equal(u->expected, policy_page(f))) {
        u->fresh = f;
        u->expecting = false;
    }
}

static inline void usage_touched(struct usage *u, struct frame *f)
{
    u->exact = true;
    f->policy_flag |= USAGE_TOUCHED;
}

static inline void usage_removed(struct usage *u, const struct frame *f)
{
    if (u->fresh == f)
        u->fresh = NULL;
}

static inline void usage_moved(struct usage *u, const struct frame *from, struct frame *to)
{
    if (u->fresh == from)
        u->fresh = to;
}

/* Was f used since the last time that this was asked? */
static inline bool usage_test_clear(const struct usage *u, struct frame *f)
{
    if (!u->exact)
        return policy_test_clear_accessed(f);
    bool touched = (f->policy_flag & USAGE_TOUCHED) != 0;
    f->policy_flag &= (uint8_t)~USAGE_TOUCHED;
    return touched;
}

/* What usage_test_clear would say. Changes nothing. */
static inline bool usage_test(const struct usage *u, const struct frame *f)
{
    return u->exact ? (f->policy_flag & USAGE_TOUCHED) != 0 : policy_accessed(f);
}

#endif
