/* SPDX-License-Identifier: MIT
 * mm-level: 4.1
 * CLOCK: a hand goes round the resident pages; a page whose accessed bit is set loses the bit and is
 * passed over, the first one without it goes. Corbato, A Paging Experiment with the Multics System, 1968.
 * The accessed bit that the faulting access itself sets is left as it is (convention a1), as textbooks
 * assume and hardware does. */
#include "mm/policy.h"
#include "mm/slab.h"

struct clock {
    struct list_node ring;  /* in order of insertion, behind the hand */
    struct list_node *hand; /* the next page to look at; &ring stands for "round again" */
};

static void *clock_create(uint32_t capacity UNUSED, uint32_t seed UNUSED)
{
    struct clock *c = kmalloc(sizeof *c);
    if (c != NULL) {
        list_init(&c->ring);
        c->hand = &c->ring;
    }
    return c;
}

/* A new page takes the place just behind the hand: it is looked at last. */
static void clock_inserted(void *state, struct frame *f, uint32_t refault_distance UNUSED)
{
    struct clock *c = state;
    list_push_back(c->hand, &f->link);
}

static struct frame *clock_pick_victim(void *state)
{
    struct clock *c = state;
    if (list_empty(&c->ring))
        return NULL;
    /* ends within two rounds: the first one cleared every bit */
    for (;;) {
        if (c->hand == &c->ring)
            c->hand = c->ring.next;
        struct frame *f = policy_frame(c->hand);
        if (!policy_test_clear_accessed(f))
            return f;
        c->hand = c->hand->next;
    }
}

static void clock_removed(void *state, struct frame *f)
{
    struct clock *c = state;
    if (c->hand == &f->link)
        c->hand = f->link.next;
    list_remove(&f->link);
}

static uint32_t clock_check(void *state, struct printer *out)
{
    struct clock *c = state;
    return policy_check_queue(&c->ring, "clock", out);
}

static void clock_dump(void *state, struct printer *out)
{
    struct clock *c = state;
    policy_dump_queue(c->hand->prev, out);
}

const struct policy policy_clock = {
    .name = "clock",
    .summary = "second chance on a ring, accessed bit left as loaded (Corbato 1968)",
    .create = clock_create,
    .destroy = kfree,
    .inserted = clock_inserted,
    .pick_victim = clock_pick_victim,
    .removed = clock_removed,
    .check = clock_check,
    .dump = clock_dump,
};
