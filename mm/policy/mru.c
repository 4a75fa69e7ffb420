/* SPDX-License-Identifier: MIT
 * mm-level: 4.1
 * Most recently used: the page that was used last goes. Best for a loop that is longer than memory, bad for
 * almost all else. Chou and DeWitt, VLDB 1985.
 *
 * If it is told of references (exact mode), the queue is in the order of the last reference. If not, it is in
 * the order of insertion, until a sampling (mm/sampling.h) moves the pages found accessed to the young end,
 * in their old order. Bits as loaded (convention a1).
 *
 * A page that comes without having been missed was not used: it was read ahead, or taken aside because it
 * could not go, or locked. It becomes the oldest; else the next choice would be this page again. */
#include "mm/sampling.h"
#include "mm/slab.h"

struct mru {
    struct list_node queue; /* least recently used first */
    struct sampling sampling;
    struct page_id wanted; /* the last miss, ... */
    bool missing;          /* ... whose page has not come yet */
    bool exact;            /* references are known */
};

static void *mru_create(const struct policy_setup *setup)
{
    struct mru *q = kzalloc(sizeof *q);
    if (q != NULL) {
        list_init(&q->queue);
        q->sampling = sampling_start(setup->capacity);
    }
    return q;
}

static void mru_missed(void *state, struct page_id id)
{
    struct mru *q = state;
    q->wanted = id;
    q->missing = true;
}

static void mru_inserted(void *state, struct frame *f)
{
    struct mru *q = state;
    if (q->missing && page_id_equal(policy_page(f), q->wanted)) {
        q->missing = false;
        list_push_back(&q->queue, &f->link);
    } else {
        list_push_front(&q->queue, &f->link);
    }
    sampling_inserted(&q->sampling);
}

static void mru_touched(void *state, struct frame *f)
{
    struct mru *q = state;
    q->exact = true;
    list_remove(&f->link);
    list_push_back(&q->queue, &f->link);
}

static struct frame *mru_pick_victim(void *state)
{
    struct mru *q = state;
    if (!q->exact && sampling_due(&q->sampling))
        sampling_move_accessed(&q->queue);
    return list_empty(&q->queue) ? NULL : policy_frame(q->queue.prev);
}

static void mru_removed(void *state UNUSED, struct frame *f, bool evicted UNUSED)
{
    list_remove(&f->link);
}

/* Sampling may change the order. */
static struct frame *mru_next(void *state)
{
    const struct mru *q = state;
    return !q->exact && sampling_ahead(&q->sampling) ? NULL : mru_pick_victim(state);
}

static struct frame *mru_explain(void *state, struct frame *victim, struct printer *why)
{
    struct mru *q = state;
    print(why, q->exact ? "used last" : "came in or was found accessed last");
    return victim->link.prev == &q->queue ? NULL : policy_frame(victim->link.prev);
}

static uint32_t mru_check(void *state, struct printer *out)
{
    struct mru *q = state;
    return policy_check_queue(&q->queue, "mru", out);
}

static void mru_dump(void *state, struct printer *out)
{
    struct mru *q = state;
    for (struct list_node *n = q->queue.prev; n != &q->queue; n = n->prev)
        policy_dump_frame(policy_frame(n), out);
}

const struct policy policy_mru = {
    .name = "mru",
    .summary = "most recently used goes: for loops longer than memory (Chou and DeWitt 1985)",
    .create = mru_create,
    .destroy = kfree,
    .missed = mru_missed,
    .inserted = mru_inserted,
    .touched = mru_touched,
    .pick_victim = mru_pick_victim,
    .removed = mru_removed,
    .moved = policy_moved,
    .explain = mru_explain,
    .next = mru_next,
    .check = mru_check,
    .dump = mru_dump,
};
