/* SPDX-License-Identifier: MIT
 * mm-level: 4.1
 * Least recently used: the page whose last reference is longest ago goes. Mattson, Gecsei, Slutz and Traiger,
 * IBM Systems Journal 9(2), 1970. Exact: it must be told of every reference. See lru_sampled.c for what
 * hardware can do. */
#include "mm/policy.h"
#include "mm/slab.h"

struct lru {
    struct list_node queue; /* least recently used first */
};

static void *lru_create(const struct policy_setup *setup UNUSED)
{
    struct lru *q = kmalloc(sizeof *q);
    if (q != NULL)
        list_init(&q->queue);
    return q;
}

static void lru_inserted(void *state, struct frame *f)
{
    struct lru *q = state;
    list_push_back(&q->queue, &f->link);
}

static void lru_touched(void *state, struct frame *f)
{
    struct lru *q = state;
    list_remove(&f->link);
    list_push_back(&q->queue, &f->link);
}

static struct frame *lru_pick_victim(void *state)
{
    struct lru *q = state;
    return list_empty(&q->queue) ? NULL : policy_frame(q->queue.next);
}

static void lru_removed(void *state UNUSED, struct frame *f, bool evicted UNUSED)
{
    list_remove(&f->link);
}

static struct frame *lru_explain(void *state, struct frame *victim, struct printer *why)
{
    struct lru *q = state;
    print(why, "not used for longest");
    return policy_next(&q->queue, victim);
}

static uint32_t lru_check(void *state, struct printer *out)
{
    struct lru *q = state;
    return policy_check_queue(&q->queue, "lru", out);
}

static void lru_dump(void *state, struct printer *out)
{
    struct lru *q = state;
    policy_dump_queue(&q->queue, out);
}

const struct policy policy_lru = {
    .name = "lru",
    .summary = "least recently used, by every reference: exact mode only (Mattson 1970)",
    .needs = POLICY_NEEDS_TOUCHES,
    .create = lru_create,
    .destroy = kfree,
    .inserted = lru_inserted,
    .touched = lru_touched,
    .pick_victim = lru_pick_victim,
    .removed = lru_removed,
    .moved = policy_moved,
    .explain = lru_explain,
    .next = lru_pick_victim, /* changes nothing */
    .check = lru_check,
    .dump = lru_dump,
};
