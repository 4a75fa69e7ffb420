/* SPDX-License-Identifier: MIT
 * mm-level: 8.1
 * Walks over part of a space, region by region, page by page. */
#include "mm/advise.h"
#include "lib/panic.h"
#include "mm/buddy.h"
#include "mm/rmap.h"

/* ---- advice, page by page ---- */

/* Private memory that nobody shares and that no disk has to keep: clean without a slot, it is dropped as if
 * it had never been touched. A write makes it dirty again. */
static void free_lazily(struct space *s, const struct region *r, vaddr_t va, struct pte pte)
{
    if (pte.state == PTE_SWAPPED) {
        space_drop_pages(s, r, va, va + PAGE_SIZE);
        return;
    }
    struct frame *f = frame_of(pte.pfn);
    if (pte.state != PTE_PRESENT || f == zero_frame)
        return;
    block_split(frame_head(f));
    if (!page_exclusive(f)) {
        space_drop_pages(s, r, va, va + PAGE_SIZE);
        return;
    }
    if (slot_valid(f->slot))
        page_drop_slot(f);
    f->flags &= (uint8_t)~FRAME_DIRTY;
    pmap_unmap(&s->pmap, va, SLOT_NONE);
    pmap_enter(&s->pmap, va, pte.pfn, r->prot, false);
}

/* A page that only this space has, and that can go. */
static struct frame *evictable(struct space *s, vaddr_t va)
{
    struct pte pte = pmap_lookup(&s->pmap, va);
    if (pte.state != PTE_PRESENT)
        return NULL;
    struct frame *f = frame_of(pte.pfn);
    if (f == zero_frame)
        return NULL;
    block_split(frame_head(f));
    return (f->flags & FRAME_QUEUED) && f->more == NULL ? f : NULL;
}

static void page_out(struct space *s, vaddr_t start, vaddr_t end)
{
    enum vm_result why;
    for (vaddr_t va = start; va < end;) {
        struct frame *run[BLKDEV_MAX_RUN];
        uint32_t n = 0;
        for (; va < end && n < BLKDEV_MAX_RUN; va += PAGE_SIZE)
            if ((run[n] = evictable(s, va)) != NULL)
                n++;
        evict_pages(run, n, SWAP_NORMAL, &why); /* what cannot go stays: it is advice */
    }
}

/* Into memory, findable through slot or object: the touch is then cheap. Failure is no harm. */
static void fetch(struct space *s, const struct region *r, vaddr_t va)
{
    struct pte pte = pmap_lookup(&s->pmap, va);
    struct frame *f;
    bool read;
    if (pte.state == PTE_SWAPPED) {
        if (swap_page(pte.slot, s->pool, &f, &read) == VM_OK && f != NULL && read)
            pool_insert(f);
    } else if (pte.state == PTE_NONE && r->object != NULL) {
        if (object_page(r->object, (r->offset + (va - r->start)) / PAGE_SIZE, s->pool, &f, &read) != VM_OK)
            return;
    }
}

static enum vm_result populate(struct space *s, vaddr_t start, vaddr_t end, enum vm_prot access)
{
    for (vaddr_t va = start; va < end; va += PAGE_SIZE) {
        struct pte pte;
        while (pte = pmap_lookup(&s->pmap, va),
               pte.state != PTE_PRESENT || (access == VM_WRITE && !pte.writable)) {
            enum vm_result r = vm_fault_in(s, va, access);
            if (r != VM_OK)
                return r;
        }
    }
    return VM_OK;
}

static enum vm_result advise(struct space *s, struct region *r, vaddr_t start, vaddr_t end,
                             enum vm_advice advice)
{
    bool locked = (r->flags & REGION_LOCKED) != 0;
    switch (advice) {
    case VM_DISCARD:
        if (locked)
            return VM_INVALID;
        space_drop_pages(s, r, start, end);
        break;
    case VM_FREE:
        if (locked || r->object != NULL)
            return VM_INVALID;
        for (vaddr_t va = start; (va = pmap_next_table(&s->pmap, va, end)) < end; va += PAGE_SIZE)
            free_lazily(s, r, va, pmap_lookup(&s->pmap, va));
        break;
    case VM_COLD:
        if (locked)
            return VM_INVALID;
        for (vaddr_t va = start; (va = pmap_next_table(&s->pmap, va, end)) < end; va += PAGE_SIZE)
            if (pmap_lookup(&s->pmap, va).state == PTE_PRESENT)
                pmap_test_clear_accessed(&s->pmap, va);
        break;
    case VM_PAGEOUT:
        if (locked)
            return VM_INVALID;
        page_out(s, start, end);
        break;
    case VM_WILLNEED:
        for (vaddr_t va = start; va < end; va += PAGE_SIZE)
            fetch(s, r, va);
        break;
    case VM_POPULATE_READ:
        return populate(s, start, end, VM_READ);
    case VM_POPULATE_WRITE:
        return populate(s, start, end, VM_WRITE);
    }
    return VM_OK;
}

enum vm_result space_advise(struct space *s, vaddr_t start, vaddr_t end, enum vm_advice advice)
{
    enum vm_result result = VM_OK;
    vaddr_t at = start;
    for (uint32_t i = region_index(&s->regions, start); i < s->regions.count && s->regions.at[i]->start < end;
         i++) {
        struct region *r = s->regions.at[i];
        if (r->start > at)
            result = VM_NO_REGION;
        vaddr_t from = MAX(start, r->start);
        at = MIN(end, r->end);
        enum vm_result one = advise(s, r, from, at, advice);
        if (one != VM_OK)
            return one;
    }
    return at < end ? VM_NO_REGION : result;
}

bool space_resident(struct space *s, vaddr_t va)
{
    struct pte pte = pmap_lookup(&s->pmap, va);
    const struct region *r = region_find(&s->regions, va);
    if (pte.state == PTE_SWAPPED)
        return swap_cached(pte.slot) != NULL;
    if (pte.state == PTE_PRESENT || r == NULL || r->object == NULL)
        return pte.state == PTE_PRESENT;
    return object_lookup(r->object, (r->offset + (va - r->start)) / PAGE_SIZE).frame != NULL;
}

/* ---- flags and locks ---- */

enum vm_result space_set_flags(struct space *s, vaddr_t start, vaddr_t end, uint32_t set, uint32_t clear)
{
    enum vm_result result = region_cut(&s->regions, start, end);
    if (result != VM_OK)
        return result;
    vaddr_t at = start;
    for (uint32_t i = region_index(&s->regions, start); i < s->regions.count && s->regions.at[i]->start < end;
         i++) {
        struct region *r = s->regions.at[i];
        if (r->start > at)
            result = VM_NO_REGION;
        r->flags = (r->flags & ~clear) | set;
        at = r->end;
    }
    region_merge(&s->regions, start, end);
    return at < end ? VM_NO_REGION : result;
}

/* Each resident page of the region is wired once for this mapping, or no longer. */
static void set_lock(struct space *s, struct region *r, bool lock)
{
    if (lock == ((r->flags & REGION_LOCKED) != 0))
        return;
    uint32_t pages = (r->end - r->start) / PAGE_SIZE;
    r->flags ^= REGION_LOCKED;
    s->locked = lock ? s->locked + pages : s->locked - pages;
    for (vaddr_t va = r->start; (va = pmap_next_table(&s->pmap, va, r->end)) < r->end; va += PAGE_SIZE) {
        struct pte pte = pmap_lookup(&s->pmap, va);
        if (pte.state != PTE_PRESENT || frame_of(pte.pfn) == zero_frame)
            continue;
        block_split(frame_head(frame_of(pte.pfn)));
        if (lock)
            pool_wire(frame_of(pte.pfn));
        else
            pool_unwire(frame_of(pte.pfn));
    }
}

/* A lock wants pages that are the process's own: a write makes the copy now, not later. */
static enum vm_result bring_in(struct space *s, const struct region *r, vaddr_t start, vaddr_t end)
{
    bool own = (r->prot & VM_WRITE) && !(r->flags & REGION_SHARED);
    return r->prot == 0 ? VM_NO_MEMORY : populate(s, start, end, own ? VM_WRITE : VM_READ);
}

/* May so many more pages of the pool be wired? Some must be left to compete: its own limit says how many, or
 * the machine's memory where wired pages do not count. */
static bool lock_fits(const struct pool *p, uint32_t pages)
{
    if (p->wired_apart && p->most_wired > 0 && p->wired + pages > p->most_wired)
        return false;
    if (p->wired_apart)
        return pages <= buddy_free_frames() - MIN(buddy_free_frames(), buddy_reserve());
    return p->wired + pages + POOL_MIN_LIMIT <= p->limit;
}

enum vm_result space_lock(struct space *s, vaddr_t start, vaddr_t end, enum vm_lock lock)
{
    uint32_t pages = (end - start) / PAGE_SIZE;
    if (lock != LOCK_NONE && !lock_fits(s->pool, pages))
        return VM_NO_MEMORY;
    enum vm_result result = region_cut(&s->regions, start, end);
    if (result != VM_OK)
        return result;
    vaddr_t at = start;
    for (uint32_t i = region_index(&s->regions, start);
         i < s->regions.count && s->regions.at[i]->start == at && at < end; i++) {
        set_lock(s, s->regions.at[i], lock != LOCK_NONE);
        at = s->regions.at[i]->end;
    }
    region_merge(&s->regions, start, end);
    for (vaddr_t va = start; lock == LOCK_NOW && va < at && result == VM_OK;) {
        const struct region *r = region_find(&s->regions, va);
        vaddr_t to = MIN(at, r->end);
        result = bring_in(s, r, va, to);
        va = to;
    }
    return result == VM_OK && at < end ? VM_NO_REGION : result;
}

enum vm_result space_lock_all(struct space *s, enum vm_lock lock)
{
    uint32_t pages = 0;
    for (uint32_t i = 0; i < s->regions.count; i++)
        if (s->regions.at[i]->prot != 0)
            pages += (s->regions.at[i]->end - s->regions.at[i]->start) / PAGE_SIZE;
    if (lock != LOCK_NONE && !lock_fits(s->pool, pages - s->locked))
        return VM_NO_MEMORY;
    for (uint32_t i = 0; i < s->regions.count; i++)
        set_lock(s, s->regions.at[i], lock != LOCK_NONE);
    for (uint32_t i = 0; lock == LOCK_NOW && i < s->regions.count; i++) {
        const struct region *r = s->regions.at[i];
        enum vm_result result = r->prot != 0 ? bring_in(s, r, r->start, r->end) : VM_OK;
        if (result != VM_OK)
            return result;
    }
    return VM_OK;
}

/* ---- moving ---- */

static void move_page(struct space *s, vaddr_t from, vaddr_t to)
{
    struct pmap *p = &s->pmap;
    struct pte pte = pmap_lookup(p, from);
    if (pte.state == PTE_SWAPPED) {
        pmap_forget(p, from);
        pmap_enter_swapped(p, to, pte.slot);
    } else if (pte.state == PTE_PRESENT) {
        struct frame *f = frame_of(pte.pfn);
        bool dirty = pmap_unmap(p, from, SLOT_NONE).dirty;
        if (f != zero_frame)
            rmap_move(f, p, from, to);
        const struct region *r = region_find(&s->regions, to);
        uint32_t prot = f == zero_frame ? r->prot & ~(uint32_t)VM_WRITE : space_page_prot(r, f);
        pmap_enter(p, to, pte.pfn, r->flags & REGION_EXACT && f != zero_frame ? 0 : prot, dirty);
    }
}

enum vm_result space_move(struct space *s, vaddr_t from, uint32_t length, vaddr_t to, uint32_t new_length)
{
    const struct region *old = region_find(&s->regions, from);
    struct region r = *old;
    r.start = to;
    r.end = to + new_length;
    r.offset += from - old->start;
    r.flags &= ~(uint32_t)REGION_GROWSDOWN;
    /* first all that can fail: page tables, boundaries, the new region */
    for (vaddr_t at = 0; at < length; at += PAGE_SIZE)
        while (pmap_lookup(&s->pmap, from + at).state != PTE_NONE && pmap_reserve(&s->pmap, to + at) != VM_OK)
            if (memory_evict() != VM_OK)
                return VM_NO_MEMORY;
    if (region_cut(&s->regions, from, from + length) != VM_OK)
        return VM_NO_MEMORY;
    if (r.object != NULL)
        object_ref(r.object);
    if (space_map(s, &r) != VM_OK) {
        if (r.object != NULL)
            object_unref(r.object);
        return VM_NO_MEMORY;
    }
    for (vaddr_t at = 0; (at = pmap_next_table(&s->pmap, from + at, from + length) - from) < length;
         at += PAGE_SIZE) {
        struct pte pte = pmap_lookup(&s->pmap, from + at);
        if (pte.state == PTE_PRESENT && frame_of(pte.pfn) != zero_frame)
            block_split(frame_head(frame_of(pte.pfn)));
        move_page(s, from + at, to + at);
    }
    enum vm_result result = length > 0 ? space_unmap(s, from, length) : VM_OK;
    ASSERT(result == VM_OK, "space_move: the old region of pid %u does not go", s->pmap.tag);
    return VM_OK;
}
