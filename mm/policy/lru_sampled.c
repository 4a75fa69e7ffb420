/* SPDX-License-Identifier: MIT
 * mm-level: 4.1
 * An approximation of LRU with accessed bits: now and then (mm/sampling.h) all bits are read and cleared, and
 * the pages that were used move to the young end of the queue, in their old order; the oldest page goes. Two
 * pages that were used between the same two samplings cannot be told apart: that is all that it has less than
 * LRU. After Easton and Franaszek, Use Bit Scanning in Replacement Decisions, IEEE Trans. Computers 28(2),
 * 1979. Bits as loaded (convention a1). */
#include "mm/sampling.h"
#include "mm/slab.h"

struct lru_sampled {
    struct list_node queue; /* least recently found accessed first */
    struct sampling sampling;
};

static void *lru_sampled_create(const struct policy_setup *setup)
{
    struct lru_sampled *q = kmalloc(sizeof *q);
    if (q != NULL) {
        list_init(&q->queue);
        q->sampling = sampling_start(setup->capacity);
    }
    return q;
}

static void lru_sampled_inserted(void *state, struct frame *f)
{
    struct lru_sampled *q = state;
    list_push_back(&q->queue, &f->link);
    sampling_inserted(&q->sampling);
}

static struct frame *lru_sampled_pick_victim(void *state)
{
    struct lru_sampled *q = state;
    if (sampling_due(&q->sampling))
        sampling_move_accessed(&q->queue);
    return list_empty(&q->queue) ? NULL : policy_frame(q->queue.next);
}

static void lru_sampled_removed(void *state UNUSED, struct frame *f, bool evicted UNUSED)
{
    list_remove(&f->link);
}

/* Sampling may change the order. */
static struct frame *lru_sampled_next(void *state)
{
    const struct lru_sampled *q = state;
    return sampling_ahead(&q->sampling) ? NULL : lru_sampled_pick_victim(state);
}

static struct frame *lru_sampled_explain(void *state, struct frame *victim, struct printer *why)
{
    struct lru_sampled *q = state;
    print(why, "not found accessed for longest, sampled %u pages ago", q->sampling.since);
    return policy_next(&q->queue, victim);
}

static uint32_t lru_sampled_check(void *state, struct printer *out)
{
    struct lru_sampled *q = state;
    return policy_check_queue(&q->queue, "lru-sampled", out);
}

static void lru_sampled_dump(void *state, struct printer *out)
{
    struct lru_sampled *q = state;
    policy_dump_queue(&q->queue, out);
}

const struct policy policy_lru_sampled = {
    .name = "lru-sampled",
    .summary = "approximates LRU: now and then all who were used become young (Easton, Franaszek 1979)",
    .create = lru_sampled_create,
    .destroy = kfree,
    .inserted = lru_sampled_inserted,
    .pick_victim = lru_sampled_pick_victim,
    .removed = lru_sampled_removed,
    .moved = policy_moved,
    .explain = lru_sampled_explain,
    .next = lru_sampled_next,
    .check = lru_sampled_check,
    .dump = lru_sampled_dump,
};
