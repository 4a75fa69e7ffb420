/* SPDX-License-Identifier: MIT
 * mm-level: 5
 * A pool: frames that compete under one replacement policy, with one limit. All processes may share one
 * pool (global replacement), or each have its own (local replacement). */
#ifndef MM_POOL_H
#define MM_POOL_H

#include "mm/object.h"
#include "mm/pmap.h"
#include "mm/policy.h"

/* One instruction of a process may need this many pages at once, each of which must stay while the
 * others are brought in, or it would fault for ever: the instruction itself can lie across a page
 * boundary (2), and so can each of two memory operands (movs, cmps, push m, call m: 2 + 2). String
 * instructions restart between elements. Page tables are wired and do not count. */
enum { POOL_MIN_LIMIT = 6 };

/* The access that faults is tried again once its page is there, and so sets the page's accessed bit. */
enum accessed_mode {
    ACCESSED_LEFT,     /* a1: it stays set, as in textbooks */
    ACCESSED_DEFERRED, /* ad: the pool clears it at its next fault, so that the bit tells later use */
};

struct pool {
    struct list_node link; /* all pools */
    const char *name;
    const struct policy *policy;
    void *state;       /* the policy's instance */
    uint32_t limit;    /* frames that it may be charged for */
    uint32_t resident; /* frames that it is charged for: queued, wired, or on their way in or out */
    uint32_t queued;   /* pages (blocks) that the policy knows */
    uint32_t wired;    /* frames that are locked */
    uint32_t evictions;
    uint32_t order;     /* the unit of residence is 2^order frames, where that is possible */
    uint32_t low, high; /* watermarks, see reclaim.h; 0: none */
    uint32_t waiters;   /* processes asleep until a page of it can be evicted */

    enum accessed_mode accessed; /* what becomes of the bit that the faulting access sets */
    bool announces;              /* pool_expect has something to do */
    bool exact;                  /* its pages' references are seen one by one */
    bool expecting;
    struct page_id expected; /* what pool_expect was told last, until it is inserted */

    /* The last frames that came in, a ring: see pool_recent. */
    struct frame *recent[8];
    uint32_t insertions;   /* pages that came in: the faults of the literature */
    uint32_t counted_from; /* of these, those before pool_count_from_here */
    uint32_t touches;      /* references to resident pages that were seen exactly */
    struct oracle *oracle; /* NULL: nobody knows the future */
};

extern struct list_node all_pools;

/* => VM_OK; VM_INVALID if limit < POOL_MIN_LIMIT; VM_NO_MEMORY. order is 0: set it afterwards, with a
 * limit of at least POOL_MIN_LIMIT << order. */
enum vm_result pool_init(struct pool *p, const char *name, const struct policy *policy, uint32_t limit,
                         uint32_t seed) MUST_CHECK;

/* => p holds no frame. */
void pool_destroy(struct pool *p);

/* p pays for the frames of f's block from here on; until pool_uncharge. */
void pool_charge(struct pool *p, struct frame *f);
void pool_uncharge(struct frame *f);

static inline struct page_id page_id_of(const struct pmap *p, vaddr_t va)
{
    return (struct page_id){p->tag, va / PAGE_SIZE};
}

static inline struct page_id object_page_id(const struct object *o, uint32_t index)
{
    return (struct page_id){o->number | OWNER_OBJECT, index};
}

/* Page `id` is wanted and not in memory: a frame for it is asked for next. Before page_alloc, which asks the
 * policy for a victim. */
void pool_announce(struct pool *p, struct page_id id);
static inline void pool_expect(struct pool *p, struct page_id id)
{
    if (unlikely(p->announces))
        pool_announce(p, id);
}

/* The page in f is resident and can be found (mapped, cached): from here on it competes, unless it is wired.
 * => f is charged to a pool and not queued. */
void pool_insert(struct frame *f);

/* A reference to the resident page in f that was seen exactly. Not while it is wired or on its way. */
void pool_touch(struct frame *f);

/* The same for a page that was taken out of the competition, but is not new: it does not count as recent. */
void pool_reinsert(struct frame *f);

/* f leaves the competition: evicted, or else freed or wired. => it is queued. */
void pool_remove(struct frame *f, bool evicted);

void pool_set_accessed(struct pool *p, enum accessed_mode mode);

/* The pool gets another policy; every page stays. => VM_OK; VM_NO_MEMORY or VM_INVALID (the policy needs what
 * the pool does not have), and nothing is changed. */
enum vm_result pool_set_policy(struct pool *p, const struct policy *policy, uint32_t seed) MUST_CHECK;

/* One more locked mapping of f, or one less: it is not queued while there is any. => f is a single page. */
void pool_wire(struct frame *f);
void pool_unwire(struct frame *f);

/* Sleeps until a page of p was inserted or freed: when all are on their way in or out. */
void pool_wait(struct pool *p);

/* Is f one of the pages that came in last, so that the instruction which wants another one may still need
 * it? Policies need not care; reclaim does when there is hardly anything else that could go. */
bool pool_recent(const struct pool *p, const struct frame *f);

/* Counts of pages that came in, and the oracle's time, begin now. */
void pool_count_from_here(struct pool *p);
static inline uint32_t pool_faults(const struct pool *p)
{
    return p->insertions - p->counted_from;
}

/* The page that came in last. => some page came in, and may have left since. */
static inline const struct frame *pool_newest(const struct pool *p)
{
    return p->recent[(p->insertions - 1) % ARRAY_SIZE(p->recent)];
}

/* f could not be evicted: its policy is told to look at it anew, so that the next pick is another page. */
void pool_requeue(struct frame *f);

/* Holds the policies' own checks against the counts. */
bool pools_check(struct printer *out) MUST_CHECK;

#endif
