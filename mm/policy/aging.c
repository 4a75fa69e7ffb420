/* SPDX-License-Identifier: MIT
 * mm-level: 4.1
 * Aging: LRU simulated by eight bits of history for each page. At each sampling (mm/sampling.h) a page's
 * counter is shifted right, and its accessed bit becomes the highest bit; the page with the lowest counter
 * goes, the one that came in first if several have it. Tanenbaum, Modern Operating Systems, 4th edition,
 * 3.4.7, where a clock tick samples.
 *
 * A page that came in since the last sampling stands with those that were used in the last interval, so that
 * it does not go at once; its history begins at the first sampling. Bits are left as loaded (convention a1).
 *
 * A list for each value makes a choice O(1), beside the sampling. A sampling merges the lists 2k and 2k + 1
 * into k and k + 128, in order of insertion: what was shifted out must not decide among equals. */
#include "mm/sampling.h"
#include "mm/slab.h"

enum { AGING_BITS = 8, AGING_VALUES = 1 << AGING_BITS, AGING_USED = AGING_VALUES / 2 };

struct aging {
    struct sampling sampling;
    uint32_t next;    /* frame->policy_word: the number of its insertion; wraps round */
    uint32_t sampled; /* insertions from this number on were never sampled */
    uint32_t lowest;  /* no page has a lower counter */
    uint32_t current; /* which of the two sets of lists */
    /* frame->policy_flag is the counter */
    struct list_node lists[2][AGING_VALUES];
};

static void *aging_create(const struct policy_setup *setup)
{
    struct aging *a = kzalloc(sizeof *a);
    if (a != NULL) {
        a->sampling = sampling_start(setup->capacity);
        a->lowest = AGING_VALUES;
        for (uint32_t i = 0; i < AGING_VALUES; i++) {
            list_init(&a->lists[0][i]);
            list_init(&a->lists[1][i]);
        }
    }
    return a;
}

static void aging_inserted(void *state, struct frame *f)
{
    struct aging *a = state;
    f->policy_word = a->next++;
    f->policy_flag = AGING_USED;
    list_push_back(&a->lists[a->current][AGING_USED], &f->link);
    a->lowest = MIN(a->lowest, (uint32_t)AGING_USED);
    sampling_inserted(&a->sampling);
}

/* Did number a come before b? Numbers wrap round. */
static inline bool before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

/* => of two lists in order of insertion, the page that came in first, taken off; NULL if both are empty. */
static struct frame *pop_older(struct list_node *a, struct list_node *b)
{
    if (list_empty(a) ||
        (!list_empty(b) && before(policy_frame(b->next)->policy_word, policy_frame(a->next)->policy_word)))
        a = b;
    struct list_node *n = list_pop_front(a);
    return n != NULL ? policy_frame(n) : NULL;
}

/* Never sampled pages are at the end of list AGING_USED, newer than all others, and go behind them. */
static void sample(struct aging *a)
{
    struct list_node *from = a->lists[a->current];
    a->current ^= 1;
    for (uint32_t i = 0; i < AGING_VALUES; i += 2) {
        for (struct frame *f; (f = pop_older(&from[i], &from[i + 1])) != NULL;) {
            uint32_t history = before(f->policy_word, a->sampled) ? i / 2 : 0;
            f->policy_flag = (uint8_t)(history + (policy_test_clear_accessed(f) ? AGING_USED : 0));
            list_push_back(&a->lists[a->current][f->policy_flag], &f->link);
        }
    }
    a->sampled = a->next;
    a->lowest = 0;
}

static struct frame *aging_pick_victim(void *state)
{
    struct aging *a = state;
    if (sampling_due(&a->sampling))
        sample(a);
    while (a->lowest < AGING_VALUES && list_empty(&a->lists[a->current][a->lowest]))
        a->lowest++;
    return a->lowest < AGING_VALUES ? policy_frame(a->lists[a->current][a->lowest].next) : NULL;
}

static void aging_removed(void *state UNUSED, struct frame *f, bool evicted UNUSED)
{
    list_remove(&f->link);
}

/* Sampling may change the order. */
static struct frame *aging_next(void *state)
{
    const struct aging *a = state;
    return sampling_ahead(&a->sampling) ? NULL : aging_pick_victim(state);
}

static struct frame *aging_explain(void *state, struct frame *victim, struct printer *why)
{
    struct aging *a = state;
    print(why, "counter=0x%02x sampled %u pages ago", victim->policy_flag, a->sampling.since);
    for (uint32_t i = a->lowest; i < AGING_VALUES; i++)
        list_for_each (n, &a->lists[a->current][i])
            if (policy_frame(n) != victim)
                return policy_frame(n);
    return NULL;
}

static uint32_t aging_check(void *state, struct printer *out)
{
    struct aging *a = state;
    uint32_t held = 0;
    for (uint32_t i = 0; i < AGING_VALUES; i++) {
        const struct list_node *list = &a->lists[a->current][i];
        uint32_t n = policy_check_queue(list, "aging", out);
        if (n == UINT32_MAX)
            return n;
        held += n;
        list_for_each (at, list) {
            const struct frame *f = policy_frame(at);
            if (f->policy_flag != i || i < a->lowest ||
                (at->next != list && !before(f->policy_word, policy_frame(at->next)->policy_word))) {
                print(out,
                      "policy aging: frame %#x with counter %#x, number %u is out of order in list %#x\n",
                      frame_pfn(f).n, f->policy_flag, f->policy_word, i);
                return UINT32_MAX;
            }
        }
    }
    return held;
}

static void aging_dump(void *state, struct printer *out)
{
    struct aging *a = state;
    for (uint32_t i = 0; i < AGING_VALUES; i++)
        policy_dump_queue(&a->lists[a->current][i], out);
}

const struct policy policy_aging = {
    .name = "aging",
    .summary = "the lowest of 8-bit counters that halve and gain the accessed bit (Tanenbaum, MOS 3.4.7)",
    .create = aging_create,
    .destroy = kfree,
    .inserted = aging_inserted,
    .pick_victim = aging_pick_victim,
    .removed = aging_removed,
    .moved = policy_moved,
    .explain = aging_explain,
    .next = aging_next,
    .check = aging_check,
    .dump = aging_dump,
};
