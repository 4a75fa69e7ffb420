/* SPDX-License-Identifier: MIT
 * mm-level: 4.1
 * Not recently used: pages fall into four classes by their bits, and one of the lowest class that is not
 * empty goes. Tanenbaum, Modern Operating Systems, 4th edition, 3.4.2.
 *
 *   0  not accessed, clean      1  not accessed, dirty      2  accessed, clean      3  accessed, dirty
 *
 * When half the capacity has come in since the last time, at least two pages, all accessed bits are cleared,
 * just before the last of these enters. Between two clearings a page's class rises. So there is a queue for
 * each class, and a page waits in that of its class as last seen: a choice takes the head of the lowest
 * queue; if its class has risen, it goes to the end of its own queue, and the next one is looked at. That is
 * no random choice within the class, as the book has it, but a repeatable one. Each page is looked at about
 * four times between two clearings, so a page that comes in costs O(1), not a look at all others. (A page
 * whose class fell, as it was written to disk, keeps its place until the next clearing.) Bits as loaded
 * (convention a1). */
#include "mm/policy.h"
#include "mm/slab.h"

enum { NRU_CLASSES = 4, NRU_ACCESSED = 2, NRU_DIRTY = 1 };

struct nru {
    struct list_node queue[NRU_CLASSES]; /* frame->policy_flag says which */
    uint32_t period, since;              /* pages that come in between two clearings */
};

static void *nru_create(const struct policy_setup *setup)
{
    struct nru *q = kmalloc(sizeof *q);
    if (q != NULL) {
        for (uint32_t i = 0; i < NRU_CLASSES; i++)
            list_init(&q->queue[i]);
        q->period = MAX(setup->capacity / 2, 2u);
        q->since = 0;
    }
    return q;
}

static uint8_t class_of(const struct frame *f)
{
    return (uint8_t)((policy_accessed(f) ? NRU_ACCESSED : 0) + (policy_dirty(f) ? NRU_DIRTY : 0));
}

static void enter(struct nru *q, struct frame *f, uint8_t class)
{
    f->policy_flag = class;
    list_push_back(&q->queue[class], &f->link);
}

/* Clears all bits. Who stood in a lower queue stays in front of who stood in a higher one. */
static void clear_all(struct nru *q)
{
    struct list_node all;
    list_init(&all);
    for (uint32_t i = 0; i < NRU_CLASSES; i++)
        for (struct list_node *n; (n = list_pop_front(&q->queue[i])) != NULL;)
            list_push_back(&all, n);
    for (struct list_node *n; (n = list_pop_front(&all)) != NULL;) {
        policy_test_clear_accessed(policy_frame(n));
        enter(q, policy_frame(n), class_of(policy_frame(n)));
    }
}

/* The new page's bits are seen when it is first looked at. */
static void nru_inserted(void *state, struct frame *f)
{
    struct nru *q = state;
    if (++q->since >= q->period) {
        q->since = 0;
        clear_all(q);
    }
    enter(q, f, 0);
}

static struct frame *nru_pick_victim(void *state)
{
    struct nru *q = state;
    for (uint32_t i = 0; i < NRU_CLASSES; i++) {
        while (!list_empty(&q->queue[i])) {
            struct frame *f = policy_frame(q->queue[i].next);
            uint8_t class = class_of(f);
            if (class <= i)
                return f;
            list_remove(&f->link);
            enter(q, f, class);
        }
    }
    return NULL;
}

static void nru_removed(void *state UNUSED, struct frame *f, bool evicted UNUSED)
{
    list_remove(&f->link);
}

/* The class that a choice would find f in. */
static uint32_t found_in(const struct frame *f)
{
    return MAX(class_of(f), f->policy_flag);
}

/* As in the loop of the choice: who is in its own queue already stands in front of who would come to it. */
static struct frame *best_but(struct nru *q, const struct frame *but)
{
    struct frame *best = NULL;
    for (uint32_t i = 0; i < NRU_CLASSES; i++) {
        list_for_each (n, &q->queue[i]) {
            struct frame *f = policy_frame(n);
            if (f == but)
                continue;
            if (best == NULL || found_in(f) < found_in(best) ||
                (found_in(f) == found_in(best) && f->policy_flag == found_in(f) &&
                 best->policy_flag < found_in(best)))
                best = f;
        }
    }
    return best;
}

static struct frame *nru_next(void *state)
{
    return best_but(state, NULL);
}

static struct frame *nru_explain(void *state, struct frame *victim, struct printer *why)
{
    uint8_t class = class_of(victim);
    print(why, "class=%u accessed=%u dirty=%u", class, class / NRU_ACCESSED, class % NRU_ACCESSED);
    return best_but(state, victim);
}

static uint32_t nru_check(void *state, struct printer *out)
{
    struct nru *q = state;
    uint32_t held = 0;
    for (uint32_t i = 0; i < NRU_CLASSES; i++) {
        uint32_t n = policy_check_queue(&q->queue[i], "nru", out);
        if (n == UINT32_MAX)
            return n;
        held += n;
        list_for_each (at, &q->queue[i]) {
            if (policy_frame(at)->policy_flag != i) {
                print(out, "policy nru: frame %#x is in queue %u, but thinks it is in %u\n",
                      frame_pfn(policy_frame(at)).n, i, policy_frame(at)->policy_flag);
                return UINT32_MAX;
            }
        }
    }
    return held;
}

static void nru_dump(void *state, struct printer *out)
{
    struct nru *q = state;
    for (uint32_t i = 0; i < NRU_CLASSES; i++)
        policy_dump_queue(&q->queue[i], out);
}

const struct policy policy_nru = {
    .name = "nru",
    .summary = "not recently used: the lowest of four classes, accessed before dirty (Tanenbaum, MOS 3.4.2)",
    .create = nru_create,
    .destroy = kfree,
    .inserted = nru_inserted,
    .pick_victim = nru_pick_victim,
    .removed = nru_removed,
    .moved = policy_moved,
    .explain = nru_explain,
    .next = nru_next,
    .check = nru_check,
    .dump = nru_dump,
};
