/* SPDX-License-Identifier: MIT
 * mm-level: 4.1
 * CAR: ARC with two clocks instead of two LRU lists, made for paging: a hit only sets the page's reference
 * bit. The hand of T1 moves a page with the bit to T2, the hand of T2 spares it for another round; both clear
 * it. Bansal and Modha, CAR: Clock with Adaptive Replacement, FAST 2004, figure 2. Unlike ARC it adapts when
 * the page has come in, after the victim has become a ghost.
 *
 * The steps of p are whole numbers, as in ARC. The reference bit is set by a touch in exact mode, and is the
 * accessed bit in sampled mode; it starts clear, see mm/usage.h. O(1) but for the pages passed over. */
#include "mm/policy/adaptive.h"

/* The clock whose hand moves, for clocks of these sizes, not both 0. */
static int side_to_turn(const struct adaptive *a, uint32_t once, uint32_t often)
{
    return often == 0 || once >= MAX(a->target, 1u) ? SEEN_ONCE : SEEN_OFTEN;
}

static void *car_create(const struct policy_setup *setup)
{
    return adaptive_create(setup, "car", side_to_turn);
}

static void car_missed(void *state, struct page_id id)
{
    struct adaptive *a = state;
    usage_missed(&a->usage, id);
}

static void car_inserted(void *state, struct frame *f)
{
    struct adaptive *a = state;
    const struct page_entry *ghost = directory_find(&a->ghosts, policy_page(f));
    if (ghost != NULL)
        adaptive_learn(a, ghost);
    adaptive_insert(a, f);
}

static void car_touched(void *state, struct frame *f)
{
    struct adaptive *a = state;
    usage_touched(&a->usage, f);
}

const struct policy policy_car = {
    .name = "car",
    .summary = "ARC with two clocks: hits only set a bit (Bansal and Modha 2004)",
    .create = car_create,
    .destroy = adaptive_destroy,
    .missed = car_missed,
    .inserted = car_inserted,
    .touched = car_touched,
    .pick_victim = adaptive_pick_victim,
    .removed = adaptive_removed,
    .moved = adaptive_moved,
    .explain = adaptive_explain,
    .check = adaptive_check,
    .dump = adaptive_dump,
};
