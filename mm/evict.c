/* SPDX-License-Identifier: MIT
 * mm-level: 5.1
 * Eviction, one page, in this order:
 *
 *   1  a slot is found for it, if it has none and needs one      swap_alloc
 *   2  it becomes BUSY and leaves the competition                pool_remove
 *   3  every PTE that maps it becomes SWAPPED(slot)              rmap_unmap_all
 *   4  dirty is what those PTEs said, sampled once
 *   5  it is written, only if dirty or never stored              swap_out
 *   6  nobody finds it through the slot any more                 swap_set_cached
 *
 * A page that is clean and has no slot still equals its source, so it needs neither slot nor write: its PTEs
 * become NONE and the source fills it again. A page of an object leaves NONE in every PTE; the slot goes into
 * the object's entry instead.
 *
 * Step 5 may sleep. Whoever faults on the page meanwhile finds the frame through the slot, sees that it is
 * BUSY, and waits. If the write fails, the page stays where it is, DIRTY, mapped nowhere, to be found through
 * its slot by the next fault. */
#include "mm/evict.h"
#include "lib/log.h"
#include "lib/panic.h"
#include "lib/trace.h"
#include "lib/wait.h"
#include "lib/watch.h"
#include "mm/buddy.h"
#include "mm/histograms.h"
#include "mm/object.h"
#include "mm/rmap.h"
#include "mm/stats.h"

bool evictions_watched;
struct eviction_record eviction_history[EVICTION_HISTORY];

static uint32_t kept_slots;  /* frames with a slot */
static uint32_t stuck_pages; /* of these, pages that the disk did not take */

/* ---- frames and slots ---- */

void page_keep_slot(struct frame *f, slot_t s)
{
    f->slot = s;
    swap_set_cached(s, f);
    kept_slots++;
}

uint32_t page_kept_slots(void)
{
    return kept_slots;
}

static void forget_slot(struct frame *f)
{
    slot_t s = f->slot;
    kept_slots--;
    if (unlikely(f->flags & FRAME_STUCK)) {
        f->flags &= (uint8_t)~FRAME_STUCK;
        stuck_pages--;
    }
    f->slot = SLOT_NONE;
    swap_set_cached(s, NULL);
    swap_unref(s);
}

void page_drop_slot(struct frame *f)
{
    forget_slot(f);
    f->flags |= FRAME_DIRTY;
}

/* Does nothing but its own frame hold the page? */
static bool orphaned(const struct frame *f)
{
    return f->pmap == NULL && f->object == NULL && !(f->flags & FRAME_BUSY) &&
           (!slot_valid(f->slot) || swap_refs(f->slot) == 1);
}

void page_put_slot(slot_t s)
{
    struct frame *f = swap_cached(s);
    swap_unref(s);
    if (unlikely(f != NULL) && orphaned(f))
        page_free(f);
}

void page_free(struct frame *f)
{
    if (f->flags & FRAME_QUEUED)
        pool_remove(f, false);
    for (uint32_t i = 0; i < 1u << f->order; i++) {
        if (slot_valid(f[i].slot))
            forget_slot(&f[i]);
        f[i].flags = 0;
    }
    f->flags = FRAME_HEAD;
    pool_uncharge(f);
    buddy_free(f);
}

void page_unmapped(struct frame *f, bool dirty)
{
    if (dirty)
        f->flags |= FRAME_DIRTY;
    if (orphaned(f))
        page_free(f);
}

bool page_exclusive(const struct frame *f)
{
    return f->kind == FRAME_USER && f->object == NULL && f->more == NULL &&
           (!slot_valid(f->slot) || swap_refs(f->slot) == 1);
}

void page_ready(struct frame *f)
{
    bool wanted = (f->flags & FRAME_WANTED) != 0;
    f->flags &= (uint8_t) ~(FRAME_BUSY | FRAME_WANTED);
    if (unlikely(wanted))
        wake_all(f);
}

void page_wait(struct frame *f)
{
    f->flags |= FRAME_WANTED;
    wait_on(f);
}

/* Releases the slots of resident pages that nobody else needs: they are copies that the disk can do without
 * when it is full. => whether any came free. */
static bool harvest_slots(void)
{
    uint32_t before = swap_free();
    for (uint32_t n = 0; n < frame_table_count && kept_slots > 0; n++) {
        struct frame *f = &frame_table[n];
        if (slot_valid(f->slot) && !(f->flags & FRAME_BUSY) && swap_refs(f->slot) == 1)
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

/* ---- one page out ---- */

/* Then only clean pages can go, and soon the only clean ones are those that the faulting instruction needs
 * itself: they would evict each other for ever. So the last few that came in stay, and if nothing else can
 * go, the fault fails. */
static bool no_slot_left(void)
{
    return swap_no_room() && kept_slots == stuck_pages;
}

/* Steps 3 and 4. References to the slot move from the frame's mappings into the PTEs or the object's entry.
 */
static bool unmap(struct frame *f)
{
    uint32_t mappings;
    struct object *o = f->object;
    if (likely(o == NULL)) {
        bool dirty = rmap_unmap_all(f, f->slot, &mappings);
        if (slot_valid(f->slot) && likely(mappings > 0))
            swap_ref(f->slot, mappings);
        return dirty;
    }
    bool dirty = rmap_unmap_all(f, SLOT_NONE, &mappings);
    if (slot_valid(f->slot)) {
        swap_ref(f->slot, 1);
        object_set_slot(o, f->index, f->slot);
    } else {
        object_clear(o, f->index);
    }
    return dirty;
}

enum vm_result evict_start(struct frame *f, enum swap_use use, struct eviction *e)
{
    bool stored = slot_valid(f->slot), fresh = false;
    if (unlikely(no_slot_left()) && (!stored || (f->flags & FRAME_STUCK)) && pool_recent(f->pool, f))
        return VM_NO_SWAP;
    if (!stored && ((f->flags & FRAME_DIRTY) || rmap_dirty(f))) {
        slot_t s = find_slot(use);
        if (!slot_valid(s))
            return VM_NO_SWAP;
        page_keep_slot(f, s);
        fresh = true;
    }
    e->frame = f;
    e->pid = 0;
    e->va = f->va;
    struct pmap *owner = f->pmap;
    f->flags |= FRAME_BUSY;
    pool_remove(f, true);
    bool dirty = unmap(f);
    e->write = dirty || fresh || (f->flags & FRAME_DIRTY);
    if (likely(owner != NULL)) {
        e->pid = owner->tag;
        owner->evictions++;
        owner->writebacks += e->write;
    }
    return VM_OK;
}

static void evict_seen(const struct eviction *e)
{
    const struct frame *f = e->frame;
    char slot[16] = "none";
    TRACE(EVICT, e->write, e->pid, e->va, frame_pfn(f).n, f->slot.n);
    if (histograms.on)
        histograms_evicted(f);
    if (!log_on(LOG_EVICT))
        return;
    if (slot_valid(f->slot))
        format(slot, sizeof slot, "%u", f->slot.n);
    log_event(LOG_EVICT, "evict pid=%u va=0x%08x frame=%#x %s slot=%s policy=%s", e->pid, e->va,
              frame_pfn(f).n, e->write ? "dirty" : "clean", slot, f->pool->policy->name);
}

static NOINLINE void remember(const struct eviction *e)
{
    eviction_history[vmstat.pgsteal % EVICTION_HISTORY] =
        (struct eviction_record){e->frame, e->pid, e->va, e->frame->slot, e->write};
}

/* The write failed. => VM_OK if nobody wants the page any more: then the frame is free all the same. */
static enum vm_result stay(struct frame *f, enum vm_result why)
{
    f->flags |= FRAME_DIRTY;
    if (!(f->flags & FRAME_STUCK)) {
        f->flags |= FRAME_STUCK;
        stuck_pages++;
    }
    page_ready(f);
    if (orphaned(f)) {
        forget_slot(f);
        f->flags = FRAME_HEAD;
        return VM_OK;
    }
    pool_reinsert(f);
    return why;
}

enum vm_result evict_finish(const struct eviction *e, enum vm_result io)
{
    struct frame *f = e->frame;
    struct pool *p = f->pool;
    if (unlikely(io != VM_OK))
        return stay(f, io);
    p->evictions++;
    if (unlikely(evictions_watched))
        remember(e);
    vmstat.pgsteal++;
    vmstat.pgsteal_clean += !e->write;
    if (watched(LOG_EVICT))
        evict_seen(e);
    if (slot_valid(f->slot))
        forget_slot(f);
    page_ready(f);
    f->flags = FRAME_HEAD;
    return VM_OK;
}

enum vm_result evict_page(struct frame *f, enum swap_use use)
{
    struct eviction e;
    enum vm_result r = evict_start(f, use, &e);
    if (unlikely(r != VM_OK))
        return r;
    r = e.write ? swap_out(f->slot, f) : VM_OK;
    if (unlikely(r == VM_NO_SWAP) && harvest_slots()) /* a disk that compresses has room again */
        r = swap_out(f->slot, f);
    return evict_finish(&e, r);
}

/* ---- several pages out ---- */

/* Writes those of e[0..count) whose slots adjoin, from e[0] on. => how many. */
static uint32_t write_run(const struct eviction *e, uint32_t count, enum vm_result *io)
{
    struct frame *run[BLKDEV_MAX_RUN];
    uint32_t n = 0;
    slot_t first = e[0].frame->slot;
    while (n < count && e[n].frame->slot.n == first.n + n) {
        run[n] = e[n].frame;
        n++;
    }
    *io = swap_out_run(first, run, n);
    return n;
}

static uint32_t finish_one(const struct eviction *e, enum vm_result io, enum vm_result *why)
{
    enum vm_result r = evict_finish(e, io);
    if (r != VM_OK) {
        *why = r;
        return 0;
    }
    pool_uncharge(e->frame);
    buddy_free(e->frame);
    return 1;
}

uint32_t evict_pages(struct frame *const *frames, uint32_t count, enum swap_use use, enum vm_result *why)
{
    struct eviction e[BLKDEV_MAX_RUN];
    uint32_t started = 0, gone = 0;
    for (uint32_t i = 0; i < count; i++) {
        enum vm_result r = evict_start(frames[i], use, &e[started]);
        if (r != VM_OK)
            *why = r;
        else if (e[started].write)
            started++;
        else /* at once, so that it does not come between two that go in one transfer */
            gone += finish_one(&e[started], VM_OK, why);
    }
    for (uint32_t i = 0; i < started;) {
        enum vm_result io;
        uint32_t n = write_run(&e[i], started - i, &io);
        for (uint32_t j = i; j < i + n; j++)
            gone += finish_one(&e[j], io, why);
        i += n;
    }
    return gone;
}

void block_split(struct frame *f)
{
    uint32_t count = 1u << f->order;
    struct pmap *pmap = f->pmap;
    vaddr_t va = f->va;
    struct pool *p = f->pool;
    if (count == 1)
        return;
    pool_remove(f, false);
    pool_uncharge(f);
    pmap_split_large(pmap, va);
    buddy_split(f);
    for (uint32_t i = 0; i < count; i++) {
        pool_charge(p, &f[i]);
        f[i].pmap = pmap;
        f[i].va = va + i * PAGE_SIZE;
        f[i].since = f->since;
        pool_reinsert(&f[i]);
    }
    vmstat.thp_split_page++;
}

uint32_t evict_block(struct frame *f, enum swap_use use, enum vm_result *why)
{
    uint32_t count = 1u << f->order, gone = 0;
    block_split(f);
    for (uint32_t at = 0; at < count;) {
        struct frame *run[BLKDEV_MAX_RUN];
        uint32_t n = 0;
        /* what is queued still: others run while a write sleeps */
        for (; at < count && n < BLKDEV_MAX_RUN; at++)
            if (f[at].pool != NULL && (f[at].flags & (FRAME_QUEUED | FRAME_BUSY)) == FRAME_QUEUED &&
                f[at].order == 0)
                run[n++] = &f[at];
        gone += evict_pages(run, n, use, why);
    }
    return gone;
}
