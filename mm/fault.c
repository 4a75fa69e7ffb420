/* SPDX-License-Identifier: MIT
 * mm-level: 8
 * The page fault. Every fault is one of six cases:
 *
 *   0  no region        nothing is mapped at the address, and no stack can grow to it: refused
 *   1  forbidden        the region does not allow the access: refused
 *   2  spurious         the PTE already allows it: another path was faster, nothing to do
 *   3  first touch      no page yet, or a clean one was dropped: zeros (the shared page of zeros while it is
 *                       only read), or a page of the region's object
 *   4  swapped out      the page is in a swap slot: it is read back (a major fault), or found in memory
 *                       through the slot, because another process or read-ahead was faster
 *   5  copy on write    a page that is shared is written: it is copied, or made writable if nobody else has
 * it any more
 *
 * The work is a loop over phases. Getting a frame may evict, and with any transfer it may sleep; only the own
 * process changes a space's regions, but reclaim may take any page that is not BUSY. So afterwards the PTE is
 * looked up again; if it changed, the loop starts over with what is true now. The PTE is the single truth
 * about a private page, and the object's entry about a page of an object: no other table says where a page
 * is. */
#include "mm/fault.h"
#include "lib/log.h"
#include "lib/panic.h"
#include "lib/watch.h"
#include "mm/block.h"
#include "mm/exact.h"
#include "mm/port.h"
#include "mm/reclaim.h"
#include "mm/rmap.h"
#include "mm/stats.h"
#include "mm/stop.h"

/* How a phase ended. */
enum phase { PHASE_NEXT, PHASE_RESTART, PHASE_REFUSED };

/* Phase 1: is the access legal at all? Cases 0 and 1. */
static enum vm_result find_region(struct fault *f)
{
    f->region = NULL;
    f->frame = NULL;
    f->slot = SLOT_NONE;
    f->order = 0;
    f->kase = CASE_NO_REGION;
    f->what = "no-region";
    if (f->va >= USER_START && f->va < USER_END)
        f->region = region_find(&f->space->regions, f->va);
    if (unlikely(f->region == NULL) && (f->region = space_grow_stack(f->space, f->va)) == NULL)
        return VM_NO_REGION;
    f->kase = CASE_FORBIDDEN;
    f->what = "forbidden";
    return likely(f->region->prot & f->access) ? VM_OK : VM_FORBIDDEN;
}

/* Phase 2: where is the page? Cases 2 to 5. */
static void look_up(struct fault *f)
{
    f->pte = pmap_lookup(&f->space->pmap, f->va);
    if (f->pte.state == PTE_PRESENT)
        f->frame = frame_of(f->pte.pfn);
    f->kase = fault_case_of(f->pte, f->access);
}

/* Is the PTE still what phase 2 saw? */
static bool unchanged(const struct fault *f)
{
    struct pte now = pmap_lookup(&f->space->pmap, f->va);
    return now.state == f->pte.state && (now.state == PTE_NONE || now.pfn.n == f->pte.pfn.n);
}

static vaddr_t page_of(const struct fault *f)
{
    return ALIGN_DOWN(f->va, (vaddr_t)PAGE_SIZE);
}

/* Phase 3: which page of the region's object is it? */
static uint32_t object_index(const struct fault *f)
{
    return (f->region->offset + (page_of(f) - f->region->start)) / PAGE_SIZE;
}

static enum phase refuse(struct fault *f, enum vm_result r, enum vm_result *result)
{
    f->frame = NULL;
    *result = r;
    return PHASE_REFUSED;
}

/* Memory for a page table or a reverse mapping is short: a page makes room, and the fault starts over. */
static enum phase make_room(struct fault *f, enum vm_result *result)
{
    enum vm_result r = memory_evict();
    return r == VM_OK ? PHASE_RESTART : refuse(f, r, result);
}

/* A frame for this page and nobody else. => PHASE_NEXT: f->frame, and the PTE is what it was. */
static enum phase get_frame(struct fault *f, enum vm_result *result)
{
    pool_expect(f->space->pool, page_id_of(&f->space->pmap, f->va));
    f->frame = page_alloc_free(f->space->pool);
    if (likely(f->frame != NULL)) /* nothing was evicted, nobody slept */
        return PHASE_NEXT;
    enum vm_result r = page_alloc(f->space->pool, SWAP_NORMAL, &f->frame);
    if (unlikely(r != VM_OK))
        return refuse(f, r, result);
    if (likely(unchanged(f)))
        return PHASE_NEXT;
    page_free(f->frame);
    return PHASE_RESTART;
}

/* The last step: f->frame, which is charged, filled and nobody's yet, becomes the page. */
static void map_new(struct fault *f, uint32_t prot, bool dirty)
{
    struct pmap *pmap = &f->space->pmap;
    pmap_enter(pmap, page_of(f), frame_pfn(f->frame), prot, dirty);
    enum vm_result r = rmap_add(f->frame, pmap, page_of(f));
    ASSERT(r == VM_OK, "fault: frame %#x for %#x was not new", frame_pfn(f->frame).n, f->va);
    if (unlikely(f->region->flags & REGION_LOCKED))
        pool_wire(f->frame);
    pool_insert(f->frame);
}

/* The same for a frame that others know, and may have mapped: it is queued already. */
static enum phase map_shared(struct fault *f, enum vm_result *result)
{
    struct pmap *pmap = &f->space->pmap;
    if (rmap_add(f->frame, pmap, page_of(f)) != VM_OK)
        return make_room(f, result);
    if (f->frame->flags & FRAME_READAHEAD)
        vmstat.swap_ra_hit++;
    f->frame->flags &= (uint8_t)~FRAME_READAHEAD;
    pmap_enter(pmap, page_of(f), frame_pfn(f->frame), space_page_prot(f->region, f->frame), false);
    if (f->region->flags & REGION_LOCKED)
        pool_wire(f->frame);
    return PHASE_NEXT;
}

/* Where the unit of residence is more than a page: the block around it. => PHASE_NEXT with f->order 0: there
 * is none, the single page is left to try. */
static enum phase bring_block(struct fault *f)
{
    struct space *s = f->space;
    unsigned order = block_order(s, f->region, f->va);
    bool major = false;
    if (order == 0)
        return PHASE_NEXT;
    /* a disk that fails for a neighbour does not matter; for the page itself it will fail again */
    enum vm_result r = block_bring_in(s, f->region, f->va, &order, &major);
    if (r != VM_OK || order == 0)
        return unchanged(f) ? PHASE_NEXT : PHASE_RESTART;
    f->order = (uint8_t)order;
    f->frame = frame_of(pmap_lookup(&s->pmap, f->va).pfn);
    f->slot = f->frame->slot;
    f->major = major;
    f->kase = major ? CASE_SWAPPED : CASE_FIRST_TOUCH;
    f->what = major ? "swap-in" : "zero";
    return PHASE_NEXT;
}

/* ---- case 3 ---- */

/* Only read: the page of zeros will do until it is written. */
static enum phase map_zero_frame(struct fault *f)
{
    f->frame = zero_frame;
    f->what = "zero-page";
    pmap_enter(&f->space->pmap, page_of(f), frame_pfn(zero_frame), f->region->prot & ~(uint32_t)VM_WRITE,
               false);
    return PHASE_NEXT;
}

static enum phase touch_anonymous(struct fault *f, enum vm_result *result)
{
    f->what = "zero";
    if (unlikely(f->space->pool->order > 0)) {
        enum phase phase = bring_block(f);
        if (phase != PHASE_NEXT || f->order > 0)
            return phase;
    }
    if (f->access != VM_WRITE && likely(!(f->region->flags & REGION_FRAMES)))
        return map_zero_frame(f);
    enum phase phase = get_frame(f, result);
    if (unlikely(phase != PHASE_NEXT))
        return phase;
    page_zero(page_window(frame_pfn(f->frame), WINDOW_TO));
    map_new(f, f->region->prot, false);
    return PHASE_NEXT;
}

/* The page must stay until the step is done. Others may have had their own while this one slept. */
static void need(const struct fault *f, struct frame *page)
{
    struct step *s = &f->space->step;
    s->pages[s->count++ % ARRAY_SIZE(s->pages)] = page;
    reclaim_for = s;
}

/* The page of the region's object, resident. */
static enum vm_result get_object_page(struct fault *f, struct frame **page)
{
    struct object *o = f->region->object;
    struct object_entry e = object_lookup(o, object_index(f));
    enum vm_result r = object_page(o, object_index(f), f->space->pool, page, &f->major);
    if (f->major) {
        f->kase = CASE_SWAPPED;
        f->what = "swap-in";
        f->slot = e.slot;
    }
    return r;
}

/* The same when the object's page is in swap: it is read into a frame of this process's own. */
static enum phase read_copy(struct fault *f, slot_t slot, enum vm_result *result)
{
    struct pool *pool = f->space->pool;
    bool read;
    pool_expect(pool, page_id_of(&f->space->pmap, f->va));
    enum vm_result r = swap_page(slot, pool, &f->frame, &read);
    if (r != VM_OK)
        return refuse(f, r, result);
    if (!read)
        return PHASE_RESTART;
    if (!unchanged(f) || object_lookup(f->region->object, object_index(f)).slot.n != slot.n) {
        pool_insert(f->frame);
        page_unmapped(f->frame, false);
        return PHASE_RESTART;
    }
    page_drop_slot(f->frame);
    f->kase = CASE_SWAPPED;
    f->what = "swap-in";
    f->slot = slot;
    f->major = true;
    map_new(f, f->region->prot, true);
    return PHASE_NEXT;
}

/* The first write to a page of a private mapping: it gets its copy at once. Getting a frame for it should not
 * take the object's page away. If it does, the next round must do without that page: there may be frames for
 * one only. */
static enum phase copy_from_object(struct fault *f, enum vm_result *result)
{
    struct object *o = f->region->object;
    struct frame *page;
    uint32_t index = object_index(f);
    struct object_entry e = object_lookup(o, index);
    enum vm_result r = index < object_pages(o) ? VM_OK : VM_BEYOND;
    if (slot_valid(e.slot) && swap_cached(e.slot) == NULL && !swap_scarce())
        return read_copy(f, e.slot, result);
    if (slot_valid(e.slot))
        r = get_object_page(f, &page);
    if (r != VM_OK)
        return refuse(f, r, result);
    if (slot_valid(e.slot))
        need(f, page);
    enum phase phase = get_frame(f, result);
    if (phase != PHASE_NEXT)
        return phase;
    if (!object_fill_copy(o, index, f->frame)) {
        page_free(f->frame);
        return PHASE_RESTART;
    }
    map_new(f, f->region->prot, true);
    return PHASE_NEXT;
}

static enum phase touch_object(struct fault *f, enum vm_result *result)
{
    struct object *o = f->region->object;
    f->what = o->name;
    if (f->access == VM_WRITE && !(f->region->flags & REGION_SHARED))
        return copy_from_object(f, result);
    enum vm_result r = get_object_page(f, &f->frame);
    if (r != VM_OK)
        return refuse(f, r, result);
    if (!unchanged(f))
        return PHASE_RESTART;
    return map_shared(f, result);
}

static enum phase first_touch(struct fault *f, enum vm_result *result)
{
    if (unlikely(pmap_reserve(&f->space->pmap, f->va) != VM_OK))
        return make_room(f, result);
    return f->region->object == NULL ? touch_anonymous(f, result) : touch_object(f, result);
}

/* ---- case 4 ---- */

/* Found in memory through the slot. The PTE's reference of the slot ends: it maps the frame now. */
static enum phase map_cached(struct fault *f, enum vm_result *result)
{
    slot_t slot = f->pte.slot;
    f->what = "swap-cache";
    enum phase phase = map_shared(f, result);
    if (phase != PHASE_NEXT)
        return phase;
    swap_unref(slot);
    if (page_exclusive(f->frame))
        pmap_protect(&f->space->pmap, f->va, f->region->prot);
    return PHASE_NEXT;
}

/* The slot stays the page's copy while the page is clean, unless slots are scarce. */
static enum phase read_back(struct fault *f, enum vm_result *result)
{
    struct pool *pool = f->space->pool;
    slot_t slot = f->pte.slot;
    bool read;
    if (unlikely(pool->order > 0)) {
        enum phase phase = bring_block(f);
        if (phase != PHASE_NEXT || f->order > 0)
            return phase;
    }
    f->what = "swap-in";
    pool_expect(pool, page_id_of(&f->space->pmap, f->va));
    enum vm_result r = swap_page(slot, pool, &f->frame, &read);
    if (unlikely(r != VM_OK))
        return refuse(f, r, result);
    if (unlikely(f->frame == NULL))
        return PHASE_RESTART;
    if (unlikely(!read))
        return map_cached(f, result);
    if (unlikely(f->region->object != NULL) && !unchanged(f)) {
        /* a private copy, cut off with its object's end meanwhile: the PTE's reference went with it */
        pool_insert(f->frame);
        page_unmapped(f->frame, false);
        return PHASE_RESTART;
    }
    f->slot = slot;
    f->major = true;
    /* the PTE's reference goes: what is left is the frame's own, and those of others that share the page */
    swap_unref(slot);
    bool alone = swap_refs(slot) == 1;
    if (unlikely(swap_scarce()) && alone)
        page_drop_slot(f->frame);
    map_new(f, likely(alone) ? f->region->prot : f->region->prot & ~(uint32_t)VM_WRITE, false);
    return PHASE_NEXT;
}

/* ---- case 5 ---- */

/* Nobody else has the page: it becomes writable where it is. A slot that others hold stays theirs. */
static bool reuse(struct fault *f)
{
    struct frame *page = f->frame;
    if (!(f->region->flags & REGION_SHARED)) {
        if (page == zero_frame || page->object != NULL || page->more != NULL)
            return false;
        if (!page_exclusive(page)) {
            if (page->flags & FRAME_DIRTY) /* its slot was never written: the others need this frame */
                return false;
            page_drop_slot(page);
        }
    }
    pmap_protect(&f->space->pmap, f->va, f->region->prot);
    vmstat.pgreuse++;
    f->what = "reuse";
    return true;
}

static enum phase copy_on_write(struct fault *f, enum vm_result *result)
{
    struct frame *old = f->frame;
    struct pmap *pmap = &f->space->pmap;
    if (reuse(f))
        return PHASE_NEXT;
    f->what = "cow";
    enum phase phase = get_frame(f, result);
    if (unlikely(phase != PHASE_NEXT))
        return phase;
    void *to = page_window(frame_pfn(f->frame), WINDOW_TO);
    bool dirty = pmap_unmap(pmap, page_of(f), SLOT_NONE).dirty; /* perhaps only this PTE knows */
    if (old == zero_frame) {
        page_zero(to);
        f->what = "cow-zero";
        map_new(f, f->region->prot, false);
        return PHASE_NEXT;
    }
    page_copy(to, page_window(frame_pfn(old), WINDOW_FROM));
    vmstat.cow_ksm += (old->flags & FRAME_MERGED) != 0;
    if (f->region->flags & REGION_LOCKED)
        pool_unwire(old);
    rmap_remove(old, pmap, page_of(f));
    map_new(f, f->region->prot, true);
    page_unmapped(old, dirty);
    return PHASE_NEXT;
}

/* Phase 3: the page. */
static enum phase resolve(struct fault *f, enum vm_result *result)
{
    switch (f->kase) {
    case CASE_FIRST_TOUCH:
        return first_touch(f, result);
    case CASE_SWAPPED:
        return read_back(f, result);
    case CASE_COW:
        return copy_on_write(f, result);
    case CASE_SPURIOUS:
    case CASE_NO_REGION:
    case CASE_FORBIDDEN:
        break;
    }
    f->what = "spurious";
    return PHASE_NEXT;
}

static const struct fault_record *remember(const struct fault *f)
{
    struct fault_record *r = &fault_history[fault_history_next++ % FAULT_HISTORY];
    r->pid = f->space->pmap.tag;
    r->ip = f->ip;
    r->va = f->va;
    r->what = f->what;
    r->frame = f->frame != NULL ? frame_pfn(f->frame).n : UINT32_MAX;
    r->slot = f->slot;
    r->access = (uint8_t)f->access;
    r->kase = (uint8_t)f->kase;
    r->order = f->order;
    return r;
}

static uint32_t *counter(const struct fault *f, bool resolved)
{
    if (unlikely(!resolved))
        return &vmstat.fault_refused;
    switch (f->kase) {
    case CASE_FIRST_TOUCH:
        return f->region->object == NULL ? &vmstat.fault_zero : &vmstat.fault_file;
    case CASE_SWAPPED:
        return &vmstat.fault_swap;
    case CASE_COW:
        return &vmstat.fault_cow;
    default:
        return &vmstat.fault_spurious;
    }
}

static void count(const struct fault *f, bool resolved)
{
    vmstat.pgfault++;
    vmstat.fault_case[f->kase]++;
    ++*counter(f, resolved);
    bool major = f->major && resolved;
    vmstat.pgmajfault += major;
    vmstat.workingset_refault += major;
    f->space->major += major;
    f->space->minor += !major;
}

/* A program that makes no progress faults for the same instruction again, and the kernel, which wants one
 * page only, for the same page. */
static void begin_step(const struct fault *f)
{
    struct step *s = &f->space->step;
    uint32_t id = f->registers != NULL ? fault_step(f->registers) : page_of(f) | 1;
    if (s->id != id) {
        s->id = id;
        s->count = 0;
    }
    reclaim_for = s;
}

/* One reference in an exact region; `insertions` is what the pool had when the fault began. */
static void NOINLINE seen(const struct fault *f, uint32_t insertions)
{
    const struct pool *p = f->space->pool;
    bool came = p->insertions != insertions && pool_newest(p) == f->frame;
    uint32_t step = f->registers != NULL ? fault_step(f->registers) : 0;
    exact_reference(f->space, f->va, f->ip, step, f->access == VM_WRITE, came);
}

#define UNSEEN UINT64_MAX /* nobody watched when the fault began */

/* For those who watch faults. => when it began, in log_ticks */
static uint64_t NOINLINE begins(const struct fault *f)
{
    if (stops != NULL)
        stops->fault(f);
    return log_ticks();
}

/* Whoever has begun to watch while it slept cannot know what it cost: it is not theirs. */
static void NOINLINE ends(const struct fault *f, const struct fault_record *r, bool resolved, uint64_t start)
{
    if (start == UNSEEN)
        return;
    fault_seen(r, f->major, resolved, log_ticks() - start);
    if (stops != NULL)
        stops->done(f, resolved);
}

static bool out_of_memory(enum vm_result r)
{
    return r == VM_NO_MEMORY || r == VM_NO_SWAP;
}

enum vm_result vm_fault(struct fault *f)
{
    uint64_t start = watched(LOG_FAULT) ? begins(f) : UNSEEN;
    enum vm_result result;
    enum phase phase;
    const struct pool *pool = f->space->pool;
    uint32_t insertions = pool->insertions;
    f->major = false;
    do {
        if (pool->resident + (1u << pool->order) > pool->limit) /* something must go */
            begin_step(f);
        phase = PHASE_REFUSED;
        result = find_region(f);
        if (unlikely(result != VM_OK))
            break;
        if (unlikely(f->region->flags & REGION_EXACT))
            exact_show(f->space, f->region, page_of(f));
        look_up(f);
        phase = resolve(f, &result);
        if (unlikely(phase == PHASE_REFUSED) && out_of_memory(result) && vm_out_of_memory(f->space, result))
            phase = PHASE_RESTART; /* somebody else had to go */
    } while (unlikely(phase == PHASE_RESTART));
    if (reclaim_for != NULL && likely(phase == PHASE_NEXT))
        need(f, f->frame);
    reclaim_for = NULL;
    if (unlikely(phase == PHASE_NEXT && (f->region->flags & REGION_EXACT)))
        seen(f, insertions);
    count(f, phase == PHASE_NEXT);
    const struct fault_record *r = remember(f);
    if (watched(LOG_FAULT))
        ends(f, r, phase == PHASE_NEXT, start);
    return result;
}

enum vm_result vm_fault_in(struct space *s, vaddr_t va, enum vm_prot access)
{
    struct fault f = {.space = s, .va = va, .access = access};
    return vm_fault(&f);
}
