/* SPDX-License-Identifier: MIT
 * mm-level: 5.2
 * Who goes: asking the policy, trying another victim if one cannot go, and the pager. */
#include "mm/reclaim.h"
#include "lib/command.h"
#include "lib/log.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "lib/wait.h"
#include "lib/watch.h"
#include "mm/buddy.h"
#include "mm/explain.h"
#include "mm/port.h"
#include "mm/slab.h"
#include "mm/stats.h"

struct frame *zero_frame;

static uint32_t machine_low; /* free frames; reserve and a quarter of it */

static bool pager_asleep;
static const char pager_channel;

enum vm_result reclaim_init(void)
{
    zero_frame = buddy_alloc(0, ALLOC_KERNEL);
    if (zero_frame == NULL)
        return VM_NO_MEMORY;
    page_zero(frame_ptr(zero_frame));
    machine_low = buddy_reserve() + buddy_reserve() / 4;
    return VM_OK;
}

/* The last resort. The policy was asked as often as there are pages, but may have named one of them twice
 * and another never: random does, and a ring that still clears bits. */
static enum vm_result evict_any(struct pool *p, enum swap_use use, enum vm_result why, struct frame **out)
{
    for (uint32_t n = 0; n < frame_table_count; n++) {
        *out = &frame_table[n];
        if ((*out)->pool == p && ((*out)->flags & FRAME_QUEUED) && (*out)->order == 0 &&
            evict_page(*out, use) == VM_OK)
            return VM_OK;
    }
    return why;
}

const struct step *reclaim_for;

static bool needed_now(const struct frame *f)
{
    const struct step *s = reclaim_for;
    if (likely(s == NULL || s->count == 0))
        return false;
    for (uint32_t i = 1; i < POOL_MIN_LIMIT && i <= s->count; i++)
        if (s->pages[(s->count - i) % ARRAY_SIZE(s->pages)] == f)
            return true;
    return false;
}

/* The policy's choice was none: says what is wrong with it, by name, and stops before anything is harmed. */
static void NORETURN accuse(const struct pool *p, const struct frame *f)
{
    const char *name = p->policy->name;
    uintptr_t at = (uintptr_t)f, first = (uintptr_t)frame_table;
    if (f == NULL)
        panic("policy %s: picked nothing of %u pages in pool %s", name, p->queued, p->name);
    if (at < first || (at - first) % sizeof *f != 0 || (at - first) / sizeof *f >= frame_table_count)
        panic("policy %s: picked %p, which is no frame", name, (const void *)f);
    if (f->pool != p)
        panic("policy %s: picked frame %#x, which is not pool %s's (kind %u, pool %s)", name, frame_pfn(f).n,
              p->name, f->kind, f->pool != NULL ? f->pool->name : "none");
    panic("policy %s: picked frame %#x, which it was told has left (flags %#x)", name, frame_pfn(f).n,
          f->flags);
}

static bool legal(const struct pool *p, const struct frame *f)
{
    /* a pointer into the middle of a record finds no pool there */
    return f >= frame_table && f < frame_table + frame_table_count && f->pool == p &&
           (f->flags & (FRAME_BUSY | FRAME_QUEUED)) == FRAME_QUEUED;
}

static struct frame *ask(struct pool *p)
{
    struct frame *f = p->policy->pick_victim(p->state);
    if (unlikely(!legal(p, f)))
        accuse(p, f);
    return f;
}

/* The policy's choice among the pages that the instruction which faults does not need: those that it does are
 * out of the competition meanwhile. */
static struct frame *choose(struct pool *p)
{
    struct frame *held[POOL_MIN_LIMIT - 1];
    uint32_t n = 0;
    struct frame *f = ask(p);
    while (unlikely(needed_now(f)) && n < ARRAY_SIZE(held) && p->queued > 1) {
        pool_remove(f, false);
        held[n++] = f;
        f = ask(p);
    }
    while (unlikely(n > 0))
        pool_reinsert(held[--n]);
    return f;
}

static struct frame *pick(struct pool *p)
{
    struct frame *f = choose(p);
    while (explain_on() && explain_pick(p, f))
        f = choose(p);
    return f;
}

/* => VM_OK: a page is gone, and *out is its frame, still charged to p; or NULL when it was a block, whose
 * frames are free. => p has a page queued. */
static enum vm_result evict_one(struct pool *p, enum swap_use use, struct frame **out)
{
    enum vm_result why = VM_NO_MEMORY;
    for (uint32_t tries = p->queued; tries > 0 && p->queued > 0; tries--) {
        struct frame *f = pick(p);
        if (unlikely(f->order > 0)) {
            *out = NULL;
            if (evict_block(f, use, &why) > 0)
                return VM_OK;
            continue;
        }
        why = evict_page(f, use);
        if (likely(why == VM_OK)) {
            *out = f;
            return VM_OK;
        }
        if (why == VM_NO_SWAP && f->pool == p && (f->flags & FRAME_QUEUED))
            pool_requeue(f);
    }
    return evict_any(p, use, why, out);
}

/* The same with a pool that may end while a write sleeps. */
static enum vm_result NOINLINE evict_other(struct pool *p, enum swap_use use, struct frame **out)
{
    pool_get(p);
    enum vm_result r = evict_one(p, use, out);
    pool_put(p);
    return r;
}

enum vm_result pool_evict(struct pool *p, enum swap_use use)
{
    struct frame *f;
    enum vm_result r = evict_other(p, use, &f);
    if (r == VM_OK && f != NULL) {
        pool_uncharge(f);
        buddy_free(f);
    }
    return r;
}

/* Memory is short although p is below its limit: the pool with the most pages gives one. */
static struct pool *largest_pool(void)
{
    struct pool *best = container_of(all_pools.next, struct pool, link); /* there is at least one */
    list_for_each (n, &all_pools) {
        struct pool *p = container_of(n, struct pool, link);
        if (p->queued > best->queued)
            best = p;
    }
    return best;
}

/* The kernel can use frames of the direct map only: where there are others, a victim is looked for among
 * those, from where the last one was found. */
static enum vm_result evict_low(void)
{
    static uint32_t hand;
    enum vm_result why = VM_NO_MEMORY;
    for (uint32_t i = 0; i < frame_direct_count; i++) {
        hand = hand + 1 < frame_direct_count ? hand + 1 : 0;
        struct frame *f = &frame_table[hand];
        if (!(f->flags & FRAME_QUEUED) || f->order > 0)
            continue;
        why = evict_page(f, SWAP_NORMAL);
        if (why == VM_OK) {
            pool_uncharge(f);
            buddy_free(f);
            break;
        }
    }
    return why;
}

enum vm_result memory_evict(void)
{
    if (slab_reap() > 0)
        return VM_OK;
    if (unlikely(frame_direct_count < frame_table_count) && evict_low() == VM_OK)
        return VM_OK;
    return pool_evict(largest_pool(), SWAP_NORMAL);
}

/* ---- watermarks ---- */

static uint32_t machine_high(void)
{
    return buddy_reserve() + buddy_reserve() / 2;
}

void pool_set_watermarks(struct pool *p)
{
    p->low = MAX(p->limit / 16, 1u);
    p->high = MAX(p->limit / 8, 2u);
}

static uint32_t pool_room(const struct pool *p)
{
    return p->limit > p->resident ? p->limit - p->resident : 0;
}

/* Whose pages the pager should evict now, down to the watermark `high` once it has begun; NULL: nobody's. */
static struct pool *needy_pool(bool begun)
{
    list_for_each (n, &all_pools) {
        struct pool *p = container_of(n, struct pool, link);
        if (pool_room(p) < (begun ? p->high : p->low) && p->queued > 0)
            return p;
    }
    if (buddy_free_frames() < (begun ? machine_high() : machine_low))
        return largest_pool();
    return NULL;
}

static void wake_pager(void)
{
    if (pager_asleep) {
        pager_asleep = false;
        vmstat.pageoutrun++;
        wake_all(&pager_channel);
    }
}

/* As many victims at once as one transfer can write: the policy picks them one by one. => how many went. */
static uint32_t evict_cluster(struct pool *p)
{
    struct frame *victims[BLKDEV_MAX_RUN];
    uint32_t n = 0, most = MIN(p->high > 0 ? p->high : (uint32_t)BLKDEV_MAX_RUN, (uint32_t)BLKDEV_MAX_RUN);
    enum vm_result why = VM_OK;
    while (n < most && p->queued > 0) {
        struct frame *f = pick(p);
        if (f->order > 0 && n == 0)
            return evict_block(f, SWAP_NORMAL, &why);
        if (f->order > 0)
            break;
        pool_remove(f, false); /* so that the next pick is another one */
        victims[n++] = f;
    }
    for (uint32_t i = 0; i < n; i++)
        pool_reinsert(victims[i]);
    return evict_pages(victims, n, SWAP_NORMAL, &why);
}

void pager_run(void *unused UNUSED)
{
    bool begun = false;
    for (;;) {
        if (buddy_free_frames() < machine_low && slab_reapable() > 0)
            slab_reap();
        struct pool *p = needy_pool(begun);
        uint32_t gone = p != NULL && p->queued > 0 ? evict_cluster(p) : 0;
        vmstat.pgsteal_kswapd += gone;
        begun = gone > 0;
        if (!begun) {
            pager_asleep = true;
            wait_on(&pager_channel);
        }
    }
}

/* ---- frames ---- */

static inline void check_watermarks(struct pool *p)
{
    if (unlikely(pool_room(p) < p->low) || unlikely(buddy_free_frames() < machine_low))
        wake_pager();
}

struct frame *page_alloc_free(struct pool *p)
{
    if (p->resident >= p->limit)
        return NULL;
    struct frame *f = buddy_alloc(0, ALLOC_USER);
    if (likely(f != NULL)) {
        pool_charge(p, f);
        check_watermarks(p);
    }
    return f;
}

enum vm_result page_alloc(struct pool *p, enum swap_use use, struct frame **out)
{
    while ((*out = page_alloc_free(p)) == NULL) {
        struct pool *from = p->resident < p->limit ? largest_pool() : p;
        if (p->resident < p->limit && slab_reapable() > 0 && slab_reap() > 0)
            continue;
        vmstat.allocstall++;
        if (unlikely(from->queued == 0)) {
            if (from->resident == from->wired)
                return VM_NO_MEMORY;
            pool_wait(from); /* all of it is on its way in or out */
            continue;
        }
        /* p is the caller's, who holds it */
        enum vm_result r = likely(from == p) ? evict_one(p, use, out) : evict_other(from, use, out);
        if (unlikely(r != VM_OK))
            return r;
        if (likely(*out != NULL && from == p && p->resident <= p->limit))
            return VM_OK; /* charged to p as it was */
        if (*out == NULL)
            continue;
        /* not by way of the free list: others may be quicker, or the reserve may hold it */
        pool_uncharge(*out);
        if (likely(p->resident < p->limit)) {
            pool_charge(p, *out);
            return VM_OK;
        }
        buddy_free(*out);
    }
    return VM_OK;
}

struct frame *page_alloc_block(struct pool *p, unsigned order)
{
    uint32_t size = 1u << order;
    while (p->resident + size > p->limit) {
        vmstat.allocstall++;
        if (p->queued == 0 || p->limit < size || pool_evict(p, SWAP_NORMAL) != VM_OK)
            return NULL;
    }
    struct frame *f = buddy_alloc(order, ALLOC_USER);
    if (unlikely(f == NULL) && buddy_free_frames() >= buddy_reserve() + size) /* enough, but not together */
        f = compact_for(order);
    if (f == NULL) {
        vmstat.thp_fault_fallback++;
        return NULL;
    }
    vmstat.thp_fault_alloc++;
    pool_charge(p, f);
    check_watermarks(p);
    return f;
}

static int command_run(int argc UNUSED, char **argv UNUSED, struct printer *out)
{
    print(out, "machine: min=%u low=%u high=%u free=%u frames\n", buddy_reserve(), machine_low,
          machine_high(), buddy_free_frames());
    list_for_each (n, &all_pools) {
        const struct pool *p = container_of(n, struct pool, link);
        print(out, "pool %s: low=%u high=%u free=%u of %u frames\n", p->name, p->low, p->high, pool_room(p),
              p->limit);
    }
    print(out, "pager: %s, woken %u times, evicted %u\n", pager_asleep ? "asleep" : "awake",
          vmstat.pageoutrun, vmstat.pgsteal_kswapd);
    return 0;
}

COMMAND_AT_STOP(pager, "", "watermarks of memory, and what the background pager did", command_run);
