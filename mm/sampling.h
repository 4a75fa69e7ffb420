/* SPDX-License-Identifier: MIT
 * mm-level: 4.05
 * For policies that read the accessed bits of all their pages from time to time. That is due before a choice,
 * when an eighth of the capacity, at least one page, came in since the last time: about eight bits are read
 * for each page that comes in. */
#ifndef MM_SAMPLING_H
#define MM_SAMPLING_H

#include "mm/policy.h"

struct sampling {
    uint32_t period, since; /* pages that come in */
};

enum { SAMPLINGS_PER_CAPACITY = 8 };

static inline struct sampling sampling_start(uint32_t capacity)
{
    return (struct sampling){.period = MAX(capacity / SAMPLINGS_PER_CAPACITY, 1u)};
}

static inline void sampling_inserted(struct sampling *s)
{
    s->since++;
}

/* Will the next choice sample first? */
static inline bool sampling_ahead(const struct sampling *s)
{
    return s->since >= s->period;
}

/* Before a choice. => whether to sample now, which then counts as done */
static inline bool sampling_due(struct sampling *s)
{
    if (!sampling_ahead(s))
        return false;
    s->since = 0;
    return true;
}

/* Reads and clears all bits; the pages found accessed move to the end of the queue, in their old order. */
static inline void sampling_move_accessed(struct list_node *queue)
{
    struct list_node *n = queue->next, *next, *last = queue->prev;
    for (bool more = !list_empty(queue); more; n = next) {
        more = n != last;
        next = n->next;
        if (policy_test_clear_accessed(policy_frame(n))) {
            list_remove(n);
            list_push_back(queue, n);
        }
    }
}

#endif
