/* SPDX-License-Identifier: MIT
 * mm-level: 4.1
 * ARC: two LRU lists, of pages seen once and of pages seen more often; the ghosts of each say by how many the
 * other one is too long. Megiddo and Modha, ARC: A Self-Tuning, Low Overhead Replacement Cache, FAST 2003,
 * figure 4. The paper's cases:
 *
 *   I    the page is here: to the young end of T2                          touched
 *   II   it is in B1: p grows; REPLACE; to T2                              missed, pick_victim, inserted
 *   III  it is in B2: p shrinks; REPLACE; to T2
 *   IV   it is new: REPLACE; to T1; ghosts in excess end
 *
 * The steps of p are whole numbers: the quotient is rounded down, and at least 1.
 *
 * In sampled mode a page that is found accessed where it would go moves to the young end of T2 instead: T2 is
 * a clock then, and order within the lists that of discovery. See mm/usage.h for the bit that the load sets.
 * O(1) but for the pages so passed over. */
#include "mm/policy/adaptive.h"

/* REPLACE of the paper, for lists of these lengths, not both 0. In case IV, if T1 alone is as long as memory,
 * p may be no less: T2 is empty then. => the side that gives a page */
static int side_to_replace(const struct adaptive *a, uint32_t once, uint32_t often)
{
    if (often == 0)
        return SEEN_ONCE;
    if (once > 0 && (once > a->target || (a->wanted_often && once == a->target)))
        return SEEN_ONCE;
    return SEEN_OFTEN;
}

static void *arc_create(const struct policy_setup *setup)
{
    return adaptive_create(setup, "arc", side_to_replace);
}

static void arc_missed(void *state, struct page_id id)
{
    struct adaptive *a = state;
    const struct page_entry *ghost = directory_find(&a->ghosts, id);
    usage_missed(&a->usage, id);
    a->wanted_often = ghost != NULL && ghost->flag == SEEN_OFTEN;
    if (ghost != NULL)
        adaptive_learn(a, ghost);
}

static void arc_inserted(void *state, struct frame *f)
{
    struct adaptive *a = state;
    adaptive_insert(a, f);
    a->wanted_often = false;
}

static void arc_touched(void *state, struct frame *f)
{
    struct adaptive *a = state;
    a->usage.exact = true;
    adaptive_promote(a, f);
}

const struct policy policy_arc = {
    .name = "arc",
    .summary = "recency and frequency balanced by their ghosts (Megiddo and Modha 2003)",
    .create = arc_create,
    .destroy = adaptive_destroy,
    .missed = arc_missed,
    .inserted = arc_inserted,
    .touched = arc_touched,
    .pick_victim = adaptive_pick_victim,
    .removed = adaptive_removed,
    .moved = adaptive_moved,
    .explain = adaptive_explain,
    .check = adaptive_check,
    .dump = adaptive_dump,
};
