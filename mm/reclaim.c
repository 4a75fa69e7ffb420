/* SPDX-License-Identifier: MIT
 * mm-level: 5.1
 * Eviction, in this order:
 *
 *   1  the policy picks the victim                         pick_victim
 *   2  a slot is found for it, if it has none              swap_alloc
 *   3  it becomes BUSY and leaves the competition          pool_remove
 *   4  every PTE that maps it becomes SWAPPED(slot)        rmap_unmap_all
 *   5  dirty is what those PTEs said, sampled once
 *   6  it is written, only if dirty or never stored        swap_out
 *   7  its frame is free: for who waits for it, or         buddy_free
 *
 * A page that is clean and has no slot still equals its source, so it needs neither slot nor write: its
 * PTEs become NONE and the source fills it again. If the write fails (6), steps 4 to 2 are undone and
 * another victim is tried; every page of the pool gets one chance. */
#include "mm/reclaim.h"
#include "lib/log.h"
#include "lib/panic.h"
#include "mm/buddy.h"
#include "mm/rmap.h"
#include "mm/stats.h"

static uint32_t kept_slots; /* frames with a slot */

static void log_evict(const struct pool *p, const struct frame *f, uint32_t pid, vaddr_t va, bool written)
{
    if (slot_valid(f->slot))
        log_event(LOG_EVICT, "evict pid=%u va=0x%08x frame=%#x %s slot=%u policy=%s", pid, va, frame_pfn(f).n,
                  written ? "dirty" : "clean", f->slot.n, p->policy->name);
    else
        log_event(LOG_EVICT, "evict pid=%u va=0x%08x frame=%#x clean slot=none policy=%s", pid, va,
                  frame_pfn(f).n, p->policy->name);
}

/* Releases the slots of resident pages: they are copies that the disk can do without when it is full.
 * The pages count as dirty from here on. => whether any slot came free. */
static bool harvest_slots(void)
{
    uint32_t before = swap_free();
    for (uint32_t n = 0; n < frame_table_count && kept_slots > 0; n++) {
        struct frame *f = &frame_table[n];
        if (f->pool == NULL || !slot_valid(f->slot) || (f->flags & FRAME_BUSY))
            continue;
        pmap_mark(f->pmap, f->va, true);
        page_drop_slot(f);
    }
    return swap_free() > before;
}

static slot_t find_slot(enum swap_use use)
{
    slot_t s = swap_alloc(use);
    if (!slot_valid(s) && harvest_slots())
        s = swap_alloc(use);
    return s;
}

/* Then only clean pages can go, and soon the only clean ones are those that the faulting instruction needs
 * itself: they would evict each other for ever. So the last few that came in stay, and if nothing else can
 * go, the fault fails. */
static bool no_slot_left(void)
{
    return swap_no_room() && kept_slots == 0;
}

/* Steps 2 to 6 for one victim. => VM_OK: its frame belongs to the caller. */
static enum vm_result evict(struct pool *p, struct frame *f, enum swap_use use)
{
    bool stored = slot_valid(f->slot);
    if (unlikely(no_slot_left()) && !stored && pool_recent(p, f))
        return VM_NO_SWAP;
    if (!stored && rmap_dirty(f)) {
        slot_t s = find_slot(use);
        if (!slot_valid(s))
            return VM_NO_SWAP;
        page_keep_slot(f, s);
    }
    struct pmap *owner = f->pmap;
    vaddr_t va = f->va;
    f->flags |= FRAME_BUSY;
    pool_remove(f);
    bool dirty = rmap_unmap_all(f, f->slot);
    bool write = dirty || (slot_valid(f->slot) && !stored);
    if (write) {
        enum vm_result r = swap_out(f->slot, f);
        if (unlikely(r == VM_NO_SWAP) && harvest_slots())
            r = swap_out(f->slot, f);
        if (unlikely(r != VM_OK)) {
            rmap_restore(f, true);
            f->flags &= (uint8_t)~FRAME_BUSY;
            if (!stored)
                page_drop_slot(f);
            pool_return(p, f);
            return r;
        }
    }
    p->evictions++;
    owner->evictions++;
    owner->writebacks += write;
    vmstat.pgsteal++;
    vmstat.pgsteal_clean += !write;
    if (log_on(LOG_EVICT))
        log_evict(p, f, owner->tag, va, write);
    uint32_t mappings = rmap_clear(f);
    if (slot_valid(f->slot)) {
        swap_set_shadow(f->slot, p->evictions);
        if (unlikely(mappings > 1))
            swap_ref(f->slot, mappings - 1);
        f->slot = SLOT_NONE; /* the reference is the PTE's now */
        kept_slots--;
    }
    f->flags &= (uint8_t)~FRAME_BUSY;
    return VM_OK;
}

/* The last resort. The policy was asked as often as there are pages, but may have named one of them twice
 * and another never: random does, and a ring that still clears bits. */
static enum vm_result evict_any(struct pool *p, enum swap_use use, enum vm_result why, struct frame **out)
{
    for (uint32_t n = 0; n < frame_table_count; n++) {
        *out = &frame_table[n];
        if ((*out)->pool == p && evict(p, *out, use) == VM_OK)
            return VM_OK;
    }
    return why;
}

/* Step 1, and another victim if one cannot go. => VM_OK: *out is the frame that came free; it is the
 * caller's, in no pool. */
static enum vm_result evict_one(struct pool *p, enum swap_use use, struct frame **out)
{
    enum vm_result why = VM_NO_MEMORY;
    for (uint32_t tries = p->resident; tries > 0; tries--) {
        struct frame *f = p->policy->pick_victim(p->state);
        ASSERT(f != NULL, "policy %s: picked nothing of %u frames in pool %s", p->policy->name, p->resident,
               p->name);
        ASSERT(f->pool == p && !(f->flags & FRAME_BUSY),
               "policy %s: picked frame %#x, which is not pool %s's", p->policy->name, frame_pfn(f).n,
               p->name);
        why = evict(p, f, use);
        if (likely(why == VM_OK)) {
            *out = f;
            return VM_OK;
        }
        if (why == VM_NO_SWAP)
            pool_requeue(f);
    }
    return evict_any(p, use, why, out);
}

enum vm_result pool_evict(struct pool *p, enum swap_use use)
{
    struct frame *f;
    enum vm_result r = evict_one(p, use, &f);
    if (r == VM_OK)
        buddy_free(f);
    return r;
}

/* Memory is short although p is below its limit: the pool with the most frames gives one. */
static struct pool *largest_pool(void)
{
    struct pool *best = NULL;
    list_for_each (n, &all_pools) {
        struct pool *p = container_of(n, struct pool, link);
        if (best == NULL || p->resident > best->resident)
            best = p;
    }
    return best;
}

enum vm_result memory_evict(void)
{
    return pool_evict(largest_pool(), SWAP_NORMAL);
}

enum vm_result page_alloc(struct pool *p, enum swap_use use, struct frame **out)
{
    enum vm_result r;
    if (p->resident < p->limit) {
        *out = buddy_alloc(0, ALLOC_USER);
        if (likely(*out != NULL))
            return VM_OK;
        vmstat.allocstall++;
        return evict_one(largest_pool(), use, out);
    }
    vmstat.allocstall++;
    /* above the limit only after it was lowered */
    while (unlikely(p->resident > p->limit))
        if ((r = pool_evict(p, use)) != VM_OK)
            return r;
    return evict_one(p, use, out);
}

void page_keep_slot(struct frame *f, slot_t s)
{
    f->slot = s;
    kept_slots++;
}

uint32_t page_kept_slots(void)
{
    return kept_slots;
}

void page_drop_slot(struct frame *f)
{
    kept_slots--;
    swap_unref(f->slot);
    f->slot = SLOT_NONE;
}

void page_free(struct frame *f)
{
    if (f->pool != NULL)
        pool_remove(f);
    if (slot_valid(f->slot))
        page_drop_slot(f);
    buddy_free(f);
}
