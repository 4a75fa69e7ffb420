/* SPDX-License-Identifier: MIT
 * mm-level: 5.3
 * The life of a pool as far as pages have to go: its end, and another limit. */
#include "lib/panic.h"
#include "mm/pool.h"
#include "mm/reclaim.h"
#include "mm/slab.h"

/* What the heir has no room for is evicted, by p's own policy. */
static void drain(struct pool *p)
{
    while (p->queued > 0 && pool_heir->resident + p->resident > pool_heir->limit)
        if (pool_evict(p, SWAP_NORMAL) != VM_OK)
            break; /* then the heir is above its limit for a while */
}

void pool_put(struct pool *p)
{
    if (p->refs == 1 && p->released != NULL) {
        void (*released)(struct pool *) = p->released;
        p->released = NULL;
        released(p);
    }
    if (p->refs == 1 && p->resident > 0) {
        ASSERT(pool_heir != NULL && pool_heir != p, "pool %s ends with %u frames and no heir", p->name,
               p->resident);
        drain(p);
    }
    /* who has taken a reference while this slept ends the pool instead */
    if (--p->refs > 0)
        return;
    if (p->resident > 0)
        pool_move_frames(p, pool_heir);
    pool_destroy(p);
    kfree(p);
}

enum vm_result pool_set_limit(struct pool *p, uint32_t limit)
{
    if (limit < pool_min_limit(p->wired_apart, p->order))
        return VM_INVALID;
    enum vm_result r = pool_reserve(p, limit);
    if (r != VM_OK)
        return r;
    p->limit = limit + (p->wired_apart ? p->wired : 0);
    if (p->low > 0)
        pool_set_watermarks(p);
    pool_note_excess(p);
    while (r == VM_OK && p->resident > p->limit && p->queued > 0)
        r = pool_evict(p, SWAP_NORMAL);
    return r;
}
