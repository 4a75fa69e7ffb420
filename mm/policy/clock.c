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
    uint32_t passed;        /* pages that the last choice passed over */
};

static void *clock_create(const struct policy_setup *setup UNUSED)
{
    struct clock *c = kmalloc(sizeof *c);
    if (c != NULL) {
        list_init(&c->ring);
        c->hand = &c->ring;
    }
    return c;
}

/* A new page takes the place just behind the hand: it is looked at last. */
static void clock_inserted(void *state, struct frame *f)
{
    struct clock *c = state;
    list_push_back(c->hand, &f->link);
}

static struct frame *clock_pick_victim(void *state)
{
    struct clock *c = state;
    if (list_empty(&c->ring))
        return NULL;
    c->passed = 0;
    /* ends within two rounds: the first one cleared every bit */
    for (;;) {
        if (c->hand == &c->ring)
            c->hand = c->ring.next;
        struct frame *f = policy_frame(c->hand);
        if (!policy_test_clear_accessed(f))
            return f;
        c->hand = c->hand->next;
        c->passed++;
    }
}

static void clock_removed(void *state, struct frame *f, bool evicted UNUSED)
{
    struct clock *c = state;
    if (c->hand == &f->link)
        c->hand = f->link.next;
    list_remove(&f->link);
}

static void clock_moved(void *state, struct frame *from, struct frame *to)
{
    struct clock *c = state;
    policy_moved_hand(&c->hand, from, to);
}

/* Once round at most: then every bit is clear, and the hand where it was. */
static struct frame *clock_next(void *state)
{
    struct clock *c = state;
    struct list_node *n = c->hand;
    struct frame *first = NULL;
    c->passed = 0;
    do {
        if (n != &c->ring) {
            if (!policy_accessed(policy_frame(n)))
                return policy_frame(n);
            c->passed++;
            if (first == NULL)
                first = policy_frame(n);
        }
        n = n->next;
    } while (n != c->hand);
    return first;
}

/* The runner-up is where the hand would stop next: at the first page not accessed, or, if there is none, at
 * the next one. */
static struct frame *clock_explain(void *state, struct frame *victim, struct printer *why)
{
    struct clock *c = state;
    struct list_node *first = NULL;
    print(why, "accessed=0 after passing over %u", c->passed);
    for (struct list_node *n = victim->link.next; n != &victim->link; n = n->next) {
        if (n == &c->ring)
            continue;
        if (first == NULL)
            first = n;
        if (!policy_accessed(policy_frame(n)))
            return policy_frame(n);
    }
    return first != NULL ? policy_frame(first) : NULL;
}

static uint32_t clock_check(void *state, struct printer *out)
{
    struct clock *c = state;
    return policy_check_queue(&c->ring, "clock", out);
}

static void clock_dump(void *state, struct printer *out)
{
    struct clock *c = state;
    struct list_node *n = c->hand;
    do {
        if (n != &c->ring)
            policy_dump_frame(policy_frame(n), out);
        n = n->next;
    } while (n != c->hand);
}

const struct policy policy_clock = {
    .name = "clock",
    .summary = "second chance on a ring, accessed bit left as loaded (Corbato 1968)",
    .create = clock_create,
    .destroy = kfree,
    .inserted = clock_inserted,
    .pick_victim = clock_pick_victim,
    .removed = clock_removed,
    .moved = clock_moved,
    .explain = clock_explain,
    .next = clock_next,
    .check = clock_check,
    .dump = clock_dump,
};
