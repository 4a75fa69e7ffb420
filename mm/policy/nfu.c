/* SPDX-License-Identifier: MIT
 * mm-level: 4.1
 * Not frequently used: each sampling (mm/sampling.h) adds the accessed bit to the page's counter; the page
 * with the lowest goes, and of several the one that reached this value first. Tanenbaum, Modern Operating
 * Systems, 4th edition, 3.4.7: it never forgets, so that pages of a phase that is over stay, and those of the
 * next one evict each other. Aging is its cure. Bits are left as loaded (convention a1).
 *
 * The queue is in order of the counters. All of them rise by one or stay, so a sampling splits it in two that
 * are in order still, and merges them again. Pages that were never sampled wait beside it with zero. */
#include "mm/sampling.h"
#include "mm/slab.h"

struct nfu {
    struct list_node queue; /* lowest counter first; frame->policy_word is the counter */
    struct list_node
        fresh; /* never sampled, oldest first; their place is behind the last zero of the queue */
    struct sampling sampling;
};

static void *nfu_create(const struct policy_setup *setup)
{
    struct nfu *q = kmalloc(sizeof *q);
    if (q != NULL) {
        list_init(&q->queue);
        list_init(&q->fresh);
        q->sampling = sampling_start(setup->capacity);
    }
    return q;
}

static void nfu_inserted(void *state, struct frame *f)
{
    struct nfu *q = state;
    f->policy_word = 0;
    list_push_back(&q->fresh, &f->link);
    sampling_inserted(&q->sampling);
}

/* Both are in order, and `from` gets empty; its pages come behind their equals. */
static void merge(struct list_node *queue, struct list_node *from)
{
    struct list_node *at = queue->next;
    for (struct list_node *n; (n = list_pop_front(from)) != NULL;) {
        while (at != queue && policy_frame(at)->policy_word <= policy_frame(n)->policy_word)
            at = at->next;
        list_push_back(at, n);
    }
}

static void sample(struct nfu *q)
{
    struct list_node used;
    list_init(&used);
    merge(&q->queue, &q->fresh);
    list_for_each_safe (n, &q->queue) {
        struct frame *f = policy_frame(n);
        if (policy_test_clear_accessed(f) && f->policy_word < UINT32_MAX) {
            f->policy_word++;
            list_remove(n);
            list_push_back(&used, n);
        }
    }
    merge(&q->queue, &used);
}

/* => who goes, if n is the first of the queue and `fresh` the first beside it; NULL if there is nobody. */
static struct frame *lowest(struct nfu *q, struct list_node *n, struct list_node *fresh)
{
    if (fresh != &q->fresh && (n == &q->queue || policy_frame(n)->policy_word > 0))
        return policy_frame(fresh);
    return n != &q->queue ? policy_frame(n) : NULL;
}

/* The first node, were it not for this one. */
static struct list_node *first_but(const struct list_node *head, const struct list_node * not )
{
    return head->next == not ? not ->next : head->next;
}

static struct frame *nfu_pick_victim(void *state)
{
    struct nfu *q = state;
    if (sampling_due(&q->sampling))
        sample(q);
    return lowest(q, q->queue.next, q->fresh.next);
}

static void nfu_removed(void *state UNUSED, struct frame *f, bool evicted UNUSED)
{
    list_remove(&f->link);
}

/* Sampling may change the order. */
static struct frame *nfu_next(void *state)
{
    const struct nfu *q = state;
    return sampling_ahead(&q->sampling) ? NULL : nfu_pick_victim(state);
}

static struct frame *nfu_explain(void *state, struct frame *victim, struct printer *why)
{
    struct nfu *q = state;
    print(why, "counter=%u sampled %u pages ago", victim->policy_word, q->sampling.since);
    return lowest(q, first_but(&q->queue, &victim->link), first_but(&q->fresh, &victim->link));
}

static uint32_t nfu_check(void *state, struct printer *out)
{
    struct nfu *q = state;
    uint32_t held = policy_check_queue(&q->queue, "nfu", out);
    uint32_t fresh = policy_check_queue(&q->fresh, "nfu", out);
    if (held == UINT32_MAX || fresh == UINT32_MAX)
        return UINT32_MAX;
    list_for_each (n, &q->queue) {
        const struct frame *f = policy_frame(n);
        if (n->next != &q->queue && policy_frame(n->next)->policy_word < f->policy_word) {
            print(out, "policy nfu: frame %#x with counter %u is out of order\n", frame_pfn(f).n,
                  f->policy_word);
            return UINT32_MAX;
        }
    }
    return held + fresh;
}

static void nfu_dump(void *state, struct printer *out)
{
    struct nfu *q = state;
    list_for_each (n, &q->queue)
        if (policy_frame(n)->policy_word == 0)
            policy_dump_frame(policy_frame(n), out);
    policy_dump_queue(&q->fresh, out);
    list_for_each (n, &q->queue)
        if (policy_frame(n)->policy_word > 0)
            policy_dump_frame(policy_frame(n), out);
}

const struct policy policy_nfu = {
    .name = "nfu",
    .summary = "not frequently used, sampled counts that never age: a warning (Tanenbaum, MOS 3.4.7)",
    .create = nfu_create,
    .destroy = kfree,
    .inserted = nfu_inserted,
    .pick_victim = nfu_pick_victim,
    .removed = nfu_removed,
    .moved = policy_moved,
    .explain = nfu_explain,
    .next = nfu_next,
    .check = nfu_check,
    .dump = nfu_dump,
};
