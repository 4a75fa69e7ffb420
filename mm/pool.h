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
    uint32_t number; /* from 1 on, never given twice */
    const struct policy *policy;
    void *state;       /* the policy's instance */
    uint32_t capacity; /* what it was created for */
    uint32_t seed;
    uint32_t refs;     /* spaces that have it, and whoever else holds it */
    uint32_t programs; /* processes that run in it: the kernel's count, for turns */
    uint32_t limit;    /* frames that it may be charged for */
    uint32_t excess;   /* frames above the limit that have not gone yet since it was lowered */
    uint32_t resident; /* frames that it is charged for: queued, wired, or on their way in or out */
    uint32_t queued;   /* pages (blocks) that the policy knows */
    uint32_t wired;    /* frames that are locked */
    uint32_t evictions;
    uint32_t order;      /* the unit of residence is 2^order frames, where that is possible */
    uint32_t most_wired; /* with wired_apart: frames that may be locked; 0: as many as the machine has */
    uint32_t low, high;  /* watermarks, see reclaim.h; 0: none */
    uint32_t waiters;    /* processes asleep until a page of it can be evicted */

    enum accessed_mode accessed; /* what becomes of the bit that the faulting access sets */
    bool announces;              /* pool_expect has something to do */
    bool exact;                  /* its pages' references are seen one by one */
    bool wired_apart;            /* the limit grows by the wired pages: it is for those that compete */
    bool expecting;
    struct page_id expected; /* what pool_expect was told last, until it is inserted */

    /* The last frames that came in, a ring: see pool_recent. */
    struct frame *recent[8];
    uint32_t insertions;   /* pages that came in: the faults of the literature */
    uint32_t counted_from; /* of these, those before pool_count_from_here */
    uint32_t touches;      /* references to resident pages that were seen exactly */
    struct oracle *oracle; /* NULL: nobody knows the future */

    /* When its pages were used: workset.h. */
    bool tracked;
    uint32_t time; /* of the processes that run in it, in the kernel's unit */
    struct list_node used;

    /* Called once, when the last reference goes, before any page does. NULL: nobody wants to know. */
    void (*released)(struct pool *p);
    void *owner; /* whoever set `released` */
};

extern struct list_node all_pools;

/* What a pool is to be. `limit` is in frames, for a pool with wired_apart those of wired pages not counted.
 */
struct pool_config {
    const char *name; /* copied by pool_create */
    const struct policy *policy;
    uint32_t limit, seed;
    enum accessed_mode accessed;
    bool exact;
    bool wired_apart;
    struct oracle *oracle;
    uint32_t order;
};

/* The smallest limit: POOL_MIN_LIMIT units. With wired_apart one unit: it is for a program that wires what
 * its instructions need, and touches one page of the others at a time. */
static inline uint32_t pool_min_limit(bool wired_apart, uint32_t order)
{
    return (wired_apart ? 1u : (uint32_t)POOL_MIN_LIMIT) << order;
}

/* Frames for pages that compete. */
static inline uint32_t pool_competing_limit(const struct pool *p)
{
    return p->wired_apart ? p->limit - p->wired : p->limit;
}

/* A pool in memory of the caller's, which pool_destroy ends. order is 0: set it afterwards, with a limit of
 * at least POOL_MIN_LIMIT << order. => VM_OK; VM_INVALID if limit < POOL_MIN_LIMIT or the policy needs what
 * the pool does not have; VM_NO_MEMORY. */
enum vm_result pool_init(struct pool *p, const char *name, const struct policy *policy, uint32_t limit,
                         uint32_t seed) MUST_CHECK;

/* => p holds no frame. */
void pool_destroy(struct pool *p);

/* A new pool with one reference, the caller's. => NULL: memory is short, the limit is below pool_min_limit,
 * or the policy needs what the pool does not have (pool_suits). */
struct pool *pool_create(const struct pool_config *c) MUST_CHECK;

static inline struct pool *pool_get(struct pool *p)
{
    p->refs++;
    return p;
}

/* Gives a reference back. The last one ends a pool of pool_create: pages that outlive its processes (those of
 * objects, and shared ones) go over to pool_heir as far as that has room, and are evicted otherwise. May
 * evict and sleep. Declared low, defined high: pools.c. */
void pool_put(struct pool *p);

/* Inherits from pools that end, and never ends itself. NULL: none may leave a page behind. */
extern struct pool *pool_heir;

/* Can a pool, exact or not, with this oracle or none, be under this policy? => true; false after printing
 * what the policy needs. */
bool pool_suits(const struct policy *policy, bool exact, const struct oracle *oracle, struct printer *out);

/* Changes the limit (of a wired_apart pool: of what competes). A lower one evicts, and so may sleep. The
 * policy gets a new instance if the old one was created for fewer. => VM_OK; VM_INVALID (below
 * pool_min_limit) or VM_NO_MEMORY, and nothing is changed; or why not all pages above the limit could go: it
 * holds all the same, and they go with the next page that comes. Declared low, defined high: pools.c. */
enum vm_result pool_set_limit(struct pool *p, uint32_t limit) MUST_CHECK;

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

/* The page in `from` moves to `to`: pool_leave before it does, pool_arrive when `to` has all that it had but
 * its place in the pool. It is charged and wired as before, and its policy keeps its history (policy->moved).
 */
void pool_leave(struct frame *from);
void pool_arrive(struct frame *from, struct frame *to);

void pool_set_accessed(struct pool *p, enum accessed_mode mode);

/* "a1" and "ad". => false if the text is neither. */
bool accessed_parse(const char *text, enum accessed_mode *mode) MUST_CHECK;
const char *accessed_name(enum accessed_mode mode);

/* The pool gets another policy; every page stays. => VM_OK; VM_NO_MEMORY or VM_INVALID (the policy needs what
 * the pool does not have), and nothing is changed. */
enum vm_result pool_set_policy(struct pool *p, const struct policy *policy, uint32_t seed) MUST_CHECK;

/* The policy's instance is one for at least so many pages: a new one if it has to be, every page stays. => as
 * pool_set_policy */
enum vm_result pool_reserve(struct pool *p, uint32_t capacity) MUST_CHECK;

/* p's frames above its limit are known, and no error: they go as soon as they can. After lowering it. */
void pool_note_excess(struct pool *p);

/* All that p has is `to`'s from here on; `to` may be above its limit then. Does not sleep. */
void pool_move_frames(struct pool *p, struct pool *to);

/* => NULL if no pool has this name. */
struct pool *pool_find(const char *name);

/* Offer the names of policies, and of pools. Declared low, defined high: pool_command.c. */
struct completion;
void policy_complete(struct completion *c);
void pool_complete(struct completion *c);

/* One more locked mapping of f, or one less: it is not queued while there is any. => f is a single page. */
void pool_wire(struct frame *f);
void pool_unwire(struct frame *f);

/* Sleeps until a page of p was inserted or freed: when all are on their way in or out. */
void pool_wait(struct pool *p);

/* Is f one of the pages that came in last, so that the instruction which wants another one may still need
 * it? Policies need not care; reclaim does when there is hardly anything else that could go. */
bool pool_recent(const struct pool *p, const struct frame *f);

/* A measurement begins: the policy starts afresh with the pages that there are, and the count of those that
 * came in, and the oracle's time, are zero. => VM_OK, or VM_NO_MEMORY and nothing is changed. */
enum vm_result pool_count_from_here(struct pool *p) MUST_CHECK;
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

/* One line: its policy, limit, pages and counts. */
void pool_print(const struct pool *p, struct printer *out);

/* Holds the policies' own checks against the counts. */
bool pools_check(struct printer *out) MUST_CHECK;

#endif
