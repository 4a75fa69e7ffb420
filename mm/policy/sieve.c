/* SPDX-License-Identifier: MIT
 * mm-level: 4.1
 * SIEVE: pages stay in the order in which they came; a hand goes from the oldest to the newest, clears the
 * visited marks that it finds and takes the first page without one. Unlike CLOCK's, its new pages are not put
 * behind the hand but at the young end, so that they are soon looked at. Zhang, Yang, Yue, Vigfusson and
 * Rashmi, SIEVE is Simpler than LRU, NSDI 2024, algorithm 1.
 *
 * In exact mode a touch marks a page and the load does not, as in the paper. In sampled mode the mark is the
 * accessed bit as the hardware sets it, by the load as well (convention a1). Before the first touch of exact
 * mode the two agree: the hand meets no page but the oldest one. */
#include "mm/slab.h"
#include "mm/usage.h"

struct sieve {
    struct list_node queue; /* oldest first */
    struct list_node *hand; /* the next page to look at; &queue stands for "the oldest" */
    struct usage usage;
    uint32_t passed; /* pages that the last choice passed over */
};

static void *sieve_create(const struct policy_setup *setup UNUSED)
{
    struct sieve *s = kzalloc(sizeof *s);
    if (s != NULL) {
        list_init(&s->queue);
        s->hand = &s->queue;
    }
    return s;
}

static void sieve_inserted(void *state, struct frame *f)
{
    struct sieve *s = state;
    f->policy_flag = 0;
    list_push_back(&s->queue, &f->link);
}

static void sieve_touched(void *state, struct frame *f)
{
    struct sieve *s = state;
    usage_touched(&s->usage, f);
}

static struct frame *sieve_pick_victim(void *state)
{
    struct sieve *s = state;
    if (list_empty(&s->queue))
        return NULL;
    s->passed = 0;
    /* ends within two rounds: the first one cleared every mark */
    for (;;) {
        if (s->hand == &s->queue)
            s->hand = s->queue.next;
        struct frame *f = policy_frame(s->hand);
        if (!usage_test_clear(&s->usage, f))
            return f;
        s->hand = s->hand->next;
        s->passed++;
    }
}

static void sieve_removed(void *state, struct frame *f, bool evicted UNUSED)
{
    struct sieve *s = state;
    if (s->hand == &f->link)
        s->hand = f->link.next;
    list_remove(&f->link);
}

static void sieve_moved(void *state, struct frame *from, struct frame *to)
{
    struct sieve *s = state;
    policy_moved_hand(&s->hand, from, to);
}

/* Once round at most: then every mark is clear, and the hand where it was. */
static struct frame *sieve_next(void *state)
{
    struct sieve *s = state;
    struct list_node *n = s->hand;
    struct frame *first = NULL;
    s->passed = 0;
    do {
        if (n != &s->queue) {
            if (!usage_test(&s->usage, policy_frame(n)))
                return policy_frame(n);
            s->passed++;
            if (first == NULL)
                first = policy_frame(n);
        }
        n = n->next;
    } while (n != s->hand);
    return first;
}

/* The runner-up is where the hand would stop next: at the first page not visited, or, if there is none, at
 * the next one. */
static struct frame *sieve_explain(void *state, struct frame *victim, struct printer *why)
{
    struct sieve *s = state;
    struct list_node *first = NULL;
    print(why, "visited=0 after passing over %u", s->passed);
    for (struct list_node *n = victim->link.next; n != &victim->link; n = n->next) {
        if (n == &s->queue)
            continue;
        if (first == NULL)
            first = n;
        if (!usage_test(&s->usage, policy_frame(n)))
            return policy_frame(n);
    }
    return first != NULL ? policy_frame(first) : NULL;
}

static uint32_t sieve_check(void *state, struct printer *out)
{
    struct sieve *s = state;
    return policy_check_queue(&s->queue, "sieve", out);
}

static void sieve_dump(void *state, struct printer *out)
{
    struct sieve *s = state;
    struct list_node *n = s->hand;
    do {
        if (n != &s->queue)
            policy_dump_frame(policy_frame(n), out);
        n = n->next;
    } while (n != s->hand);
}

const struct policy policy_sieve = {
    .name = "sieve",
    .summary = "a hand sieves out what was not visited, new pages come in front of it (Zhang 2024)",
    .create = sieve_create,
    .destroy = kfree,
    .inserted = sieve_inserted,
    .touched = sieve_touched,
    .pick_victim = sieve_pick_victim,
    .removed = sieve_removed,
    .moved = sieve_moved,
    .explain = sieve_explain,
    .next = sieve_next,
    .check = sieve_check,
    .dump = sieve_dump,
};
