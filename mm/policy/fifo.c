/* SPDX-License-Identifier: MIT
 * mm-level: 4.1
 * First in, first out: the page that became resident longest ago goes. Belady, IBM Systems Journal 5(2),
 * 1966. Looks at no bit, so it shows what ignoring use costs, and Belady's anomaly. */
#include "mm/policy.h"
#include "mm/slab.h"

struct fifo {
    struct list_node queue; /* oldest first */
};

static void *fifo_create(const struct policy_setup *setup UNUSED)
{
    struct fifo *q = kmalloc(sizeof *q);
    if (q != NULL)
        list_init(&q->queue);
    return q;
}

static void fifo_inserted(void *state, struct frame *f)
{
    struct fifo *q = state;
    list_push_back(&q->queue, &f->link);
}

static struct frame *fifo_pick_victim(void *state)
{
    struct fifo *q = state;
    return list_empty(&q->queue) ? NULL : policy_frame(q->queue.next);
}

static void fifo_removed(void *state UNUSED, struct frame *f, bool evicted UNUSED)
{
    list_remove(&f->link);
}

static struct frame *fifo_explain(void *state, struct frame *victim, struct printer *why)
{
    struct fifo *q = state;
    print(why, "resident longest");
    return policy_next(&q->queue, victim);
}

static uint32_t fifo_check(void *state, struct printer *out)
{
    struct fifo *q = state;
    return policy_check_queue(&q->queue, "fifo", out);
}

static void fifo_dump(void *state, struct printer *out)
{
    struct fifo *q = state;
    policy_dump_queue(&q->queue, out);
}

const struct policy policy_fifo = {
    .name = "fifo",
    .summary = "first in, first out (Belady 1966)",
    .create = fifo_create,
    .destroy = kfree,
    .inserted = fifo_inserted,
    .pick_victim = fifo_pick_victim,
    .removed = fifo_removed,
    .moved = policy_moved,
    .explain = fifo_explain,
    .next = fifo_pick_victim, /* changes nothing */
    .check = fifo_check,
    .dump = fifo_dump,
};
