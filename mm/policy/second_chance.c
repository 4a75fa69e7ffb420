/* SPDX-License-Identifier: MIT
 * mm-level: 4.1
 * Second chance: a queue as in FIFO, but a page at its head whose accessed bit is set loses the bit and goes
 * to the back, as if it had just come in. Tanenbaum, Modern Operating Systems, 4th edition, 3.4.4. Its
 * victims are those of CLOCK, which turns a hand instead of moving pages. Bits are left as loaded (convention
 * a1). */
#include "mm/policy.h"
#include "mm/slab.h"

struct second_chance {
    struct list_node queue; /* oldest first */
    uint32_t passed;        /* pages that the last choice sent to the back */
};

static void *second_chance_create(const struct policy_setup *setup UNUSED)
{
    struct second_chance *q = kmalloc(sizeof *q);
    if (q != NULL) {
        list_init(&q->queue);
        q->passed = 0;
    }
    return q;
}

static void second_chance_inserted(void *state, struct frame *f)
{
    struct second_chance *q = state;
    list_push_back(&q->queue, &f->link);
}

/* Every page that is sent to the back was used since it came or was last sent there: O(1) for each use. */
static struct frame *second_chance_pick_victim(void *state)
{
    struct second_chance *q = state;
    if (list_empty(&q->queue))
        return NULL;
    q->passed = 0;
    /* ends: after one round every bit is clear */
    for (;;) {
        struct frame *f = policy_frame(q->queue.next);
        if (!policy_test_clear_accessed(f))
            return f;
        list_remove(&f->link);
        list_push_back(&q->queue, &f->link);
        q->passed++;
    }
}

static void second_chance_removed(void *state UNUSED, struct frame *f, bool evicted UNUSED)
{
    list_remove(&f->link);
}

static struct frame *second_chance_next(void *state)
{
    struct second_chance *q = state;
    q->passed = 0;
    list_for_each (n, &q->queue) {
        if (!policy_accessed(policy_frame(n)))
            return policy_frame(n);
        q->passed++;
    }
    return list_empty(&q->queue) ? NULL : policy_frame(q->queue.next);
}

/* The runner-up is the first of the others without the bit, or, if all have it, the first of them. */
static struct frame *second_chance_explain(void *state, struct frame *victim, struct printer *why)
{
    struct second_chance *q = state;
    struct frame *first = NULL;
    print(why, "accessed=0 after sending %u to the back", q->passed);
    list_for_each (n, &q->queue) {
        struct frame *f = policy_frame(n);
        if (f == victim)
            continue;
        if (!policy_accessed(f))
            return f;
        if (first == NULL)
            first = f;
    }
    return first;
}

static uint32_t second_chance_check(void *state, struct printer *out)
{
    struct second_chance *q = state;
    return policy_check_queue(&q->queue, "second-chance", out);
}

static void second_chance_dump(void *state, struct printer *out)
{
    struct second_chance *q = state;
    policy_dump_queue(&q->queue, out);
}

const struct policy policy_second_chance = {
    .name = "second-chance",
    .summary = "FIFO, but who was used goes to the back once more (Tanenbaum, MOS 3.4.4)",
    .create = second_chance_create,
    .destroy = kfree,
    .inserted = second_chance_inserted,
    .pick_victim = second_chance_pick_victim,
    .removed = second_chance_removed,
    .moved = policy_moved,
    .explain = second_chance_explain,
    .next = second_chance_next,
    .check = second_chance_check,
    .dump = second_chance_dump,
};
