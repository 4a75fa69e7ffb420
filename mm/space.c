/* SPDX-License-Identifier: MIT
 * mm-level: 7.1
 * Address spaces: mapping, unmapping, rights, the heap, and copies by the kernel. */
#include "mm/space.h"
#include "lib/string.h"
#include "mm/port.h"
#include "mm/reclaim.h"
#include "mm/rmap.h"

struct list_node all_spaces = {&all_spaces, &all_spaces};

struct space *space_find(uint32_t pid)
{
    list_for_each (n, &all_spaces)
        if (container_of(n, struct space, link)->pmap.tag == pid)
            return container_of(n, struct space, link);
    return NULL;
}
const struct fit *space_gap_fit = &fit_last;

enum { STACK_ROOM = 128 << 20 }; /* address space left above map_top for the stack, bytes */

enum vm_result space_init(struct space *s, struct pool *pool, uint32_t tag)
{
    memset(s, 0, sizeof *s);
    s->pool = pool;
    s->map_top = USER_END - STACK_ROOM;
    s->stack_limit = STACK_LIMIT;
    enum vm_result r = pmap_init(&s->pmap);
    if (r != VM_OK)
        return r;
    s->pmap.tag = tag;
    pool_get(pool);
    list_push_back(&all_spaces, &s->link);
    return VM_OK;
}

/* One present page of region r is taken out of the page table. */
static void drop_present(struct space *s, const struct region *r, vaddr_t va, struct frame *f)
{
    block_split(frame_head(f));
    bool dirty = pmap_unmap(&s->pmap, va, SLOT_NONE).dirty;
    if (f == zero_frame)
        return;
    if (r->flags & REGION_LOCKED)
        pool_unwire(f);
    rmap_remove(f, &s->pmap, va);
    page_unmapped(f, dirty);
}

void space_drop_pages(struct space *s, const struct region *r, vaddr_t start, vaddr_t end)
{
    vaddr_t va = start;
    while ((va = pmap_next_table(&s->pmap, va, end)) < end) {
        struct pte pte = pmap_lookup(&s->pmap, va);
        if (pte.state == PTE_PRESENT) {
            drop_present(s, r, va, frame_of(pte.pfn));
        } else if (pte.state == PTE_SWAPPED) {
            pmap_forget(&s->pmap, va);
            page_put_slot(pte.slot);
        }
        va += PAGE_SIZE;
    }
}

void space_destroy(struct space *s)
{
    for (uint32_t i = 0; i < s->regions.count; i++)
        space_drop_pages(s, s->regions.at[i], s->regions.at[i]->start, s->regions.at[i]->end);
    region_set_destroy(&s->regions);
    exact_destroy(s);
    pmap_destroy(&s->pmap);
    list_remove(&s->link);
    pool_put(s->pool);
}

static bool valid_range(vaddr_t start, uint32_t length)
{
    return start % PAGE_SIZE == 0 && length % PAGE_SIZE == 0 && length > 0 && start >= USER_START &&
           start < USER_END && length <= USER_END - start;
}

/* A region's pages are counted when it is locked, whether or not they are resident. */
static uint32_t locked_pages(const struct region *r)
{
    return r->flags & REGION_LOCKED ? (r->end - r->start) / PAGE_SIZE : 0;
}

/* r was just added. */
static void mapped(struct space *s, const struct region *r)
{
    s->locked += locked_pages(r);
    region_merge(&s->regions, r->start, r->end);
}

enum vm_result space_map(struct space *s, const struct region *r)
{
    if (!valid_range(r->start, r->end - r->start))
        return VM_INVALID;
    struct region copy = *r;
    copy.flags |= s->always;
    enum vm_result result = region_add(&s->regions, &copy);
    if (result == VM_OK)
        mapped(s, &copy);
    return result;
}

/* Last fit without an arena. */
static vaddr_t find_gap_by_hand(const struct space *s, uint32_t length)
{
    const struct region_set *set = &s->regions;
    vaddr_t top = s->map_top; /* candidates end here; at[i] is the first region not wholly below */
    for (uint32_t i = region_index(set, top - 1);; i--) {
        if (i < set->count && set->at[i]->start < top)
            top = set->at[i]->start;
        vaddr_t below = i > 0 ? set->at[i - 1]->end : USER_START;
        if (top - below >= length)
            return top - length;
        if (i == 0)
            return 0;
    }
}

static bool have_gaps(struct space *s)
{
    if (s->regions.gaps != NULL)
        return true;
    format(s->gaps_name, sizeof s->gaps_name, "mmap-%u", s->pmap.tag);
    struct vmem_config c = {.name = s->gaps_name, .quantum = PAGE_SIZE, .fit = space_gap_fit};
    return region_keep_gaps(&s->regions, USER_START, s->map_top, &c) == VM_OK;
}

/* A region of whole blocks begins with one, if the gap that was found for it at `at` has room for that. */
static vaddr_t align_to_block(const struct space *s, vaddr_t at, uint32_t length)
{
    const struct region_set *set = &s->regions;
    vaddr_t block = (vaddr_t)PAGE_SIZE << s->pool->order, aligned = ALIGN_DOWN(at, block);
    if (length < block || aligned == at)
        return at;
    uint32_t i = region_index(set, at);
    vaddr_t below = i > 0 ? set->at[i - 1]->end : USER_START;
    vaddr_t top = i < set->count ? MIN(set->at[i]->start, s->map_top) : s->map_top;
    if (aligned >= below)
        return aligned;
    aligned += block;
    return aligned <= top && top - aligned >= length ? aligned : at;
}

vaddr_t space_find_gap(struct space *s, uint32_t length)
{
    struct fit_want want = {length, PAGE_SIZE, 0, UINTPTR_MAX};
    uintptr_t at;
    if (length == 0)
        return 0;
    if (!have_gaps(s))
        at = find_gap_by_hand(s, length);
    else if (vmem_find(s->regions.gaps, &want, &at) != VM_OK)
        at = 0;
    return at != 0 ? align_to_block(s, at, length) : 0;
}

enum vm_result space_map_anywhere(struct space *s, struct region *r)
{
    vaddr_t length = r->end - r->start;
    if (length == 0 || length % PAGE_SIZE != 0)
        return VM_INVALID;
    if (s->pool->order == 0 && have_gaps(s)) {
        r->flags |= s->always;
        enum vm_result result = region_add_anywhere(&s->regions, r);
        if (result == VM_OK)
            mapped(s, r);
        if (result == VM_OK)
            return VM_OK;
    }
    /* for a block's alignment it takes two steps; so it does to get by without memory for the arena */
    r->start = space_find_gap(s, length);
    r->end = r->start + length;
    return r->start != 0 ? space_map(s, r) : VM_NO_MEMORY;
}

enum vm_result space_unmap(struct space *s, vaddr_t start, uint32_t length)
{
    if (!valid_range(start, length))
        return VM_INVALID;
    vaddr_t end = start + length;
    enum vm_result result = region_cut(&s->regions, start, end);
    if (result != VM_OK)
        return result;
    uint32_t i = region_index(&s->regions, start);
    while (i < s->regions.count && s->regions.at[i]->start < end) {
        struct region *r = s->regions.at[i];
        space_drop_pages(s, r, r->start, r->end);
        s->locked -= locked_pages(r);
        region_remove(&s->regions, i);
    }
    return VM_OK;
}

bool space_covers(struct space *s, vaddr_t start, vaddr_t end)
{
    for (vaddr_t va = start; va < end;) {
        struct region *r = region_find(&s->regions, va);
        if (r == NULL)
            return false;
        va = r->end;
    }
    return true;
}

uint32_t space_page_prot(const struct region *r, const struct frame *f)
{
    return (r->flags & REGION_SHARED) || page_exclusive(f) ? r->prot : r->prot & ~(uint32_t)VM_WRITE;
}

static void protect_pages(struct space *s, const struct region *r)
{
    for (vaddr_t va = r->start; (va = pmap_next_table(&s->pmap, va, r->end)) < r->end; va += PAGE_SIZE) {
        struct pte pte = pmap_lookup(&s->pmap, va);
        if (pte.state != PTE_PRESENT)
            continue;
        struct frame *f = frame_of(pte.pfn);
        if (f->order > 0) /* rights are a page's own */
            block_split(frame_head(f));
        pmap_protect(&s->pmap, va, r->flags & REGION_EXACT ? 0 : space_page_prot(r, f));
    }
}

enum vm_result space_protect(struct space *s, vaddr_t start, uint32_t length, uint32_t prot)
{
    if (!valid_range(start, length))
        return VM_INVALID;
    vaddr_t end = start + length, at = start;
    exact_hide_all(s);
    enum vm_result result = region_cut(&s->regions, start, end);
    if (result != VM_OK)
        return result;
    for (uint32_t i = region_index(&s->regions, start); i < s->regions.count && s->regions.at[i]->start < end;
         i++) {
        struct region *r = s->regions.at[i];
        if (r->start != at) {
            result = VM_NO_REGION;
            break;
        }
        if ((prot & VM_WRITE) && (r->flags & REGION_READONLY)) {
            result = VM_FORBIDDEN;
            break;
        }
        r->prot = prot;
        protect_pages(s, r);
        at = r->end;
    }
    region_merge(&s->regions, start, end);
    return result == VM_OK && at < end ? VM_NO_REGION : result;
}

struct region *space_stack_for(const struct space *s, vaddr_t va)
{
    uint32_t i = region_index(&s->regions, va);
    if (va < USER_START || i == s->regions.count)
        return NULL;
    struct region *r = s->regions.at[i];
    vaddr_t start = ALIGN_DOWN(va, (vaddr_t)PAGE_SIZE), below = i > 0 ? s->regions.at[i - 1]->end : 0;
    bool guarded = i > 0 && s->regions.at[i - 1]->prot != 0; /* an inaccessible page is guard enough */
    if (!(r->flags & REGION_GROWSDOWN) || r->start <= va || r->end - start > s->stack_limit ||
        (guarded && start - below < STACK_GUARD))
        return NULL;
    return r;
}

struct region *space_grow_stack(struct space *s, vaddr_t va)
{
    struct region *r = space_stack_for(s, va);
    if (r == NULL)
        return NULL;
    s->locked -= locked_pages(r);
    region_extend_down(&s->regions, r, ALIGN_DOWN(va, (vaddr_t)PAGE_SIZE));
    s->locked += locked_pages(r);
    return r;
}

vaddr_t space_brk(struct space *s, vaddr_t brk)
{
    if (brk < s->brk_start || brk >= USER_END)
        return s->brk;
    vaddr_t old_end = ALIGN_UP(s->brk, (vaddr_t)PAGE_SIZE), new_end = ALIGN_UP(brk, (vaddr_t)PAGE_SIZE);
    if (new_end > old_end) {
        uint32_t next = region_index(&s->regions, old_end);
        if (next < s->regions.count && s->regions.at[next]->start < new_end)
            return s->brk;
        uint32_t flags = s->lock_future ? REGION_LOCKED : 0;
        struct region heap = {old_end, new_end, VM_READ | VM_WRITE, flags, "heap", 0, NULL};
        if (space_map(s, &heap) != VM_OK)
            return s->brk;
    } else if (new_end < old_end && space_unmap(s, new_end, old_end - new_end) != VM_OK) {
        return s->brk;
    }
    return s->brk = brk;
}

/* Every page of the object from `first` on goes out of every space that maps it. */
static void unmap_object(struct object *o, uint32_t first)
{
    list_for_each (n, &all_spaces) {
        struct space *s = container_of(n, struct space, link);
        for (uint32_t i = 0; i < s->regions.count; i++) {
            struct region *r = s->regions.at[i];
            uint32_t at = r->offset / PAGE_SIZE, pages = (r->end - r->start) / PAGE_SIZE;
            if (r->object != o || at + pages <= first)
                continue;
            vaddr_t from = first > at ? r->start + (first - at) * PAGE_SIZE : r->start;
            space_drop_pages(s, r, from, r->end);
        }
    }
}

static enum vm_result zero_tail(struct object *o, struct pool *p, uint32_t length)
{
    struct frame *f;
    bool major;
    uint32_t used = length % PAGE_SIZE;
    struct object_entry e = object_lookup(o, length / PAGE_SIZE);
    if (used == 0 || (e.frame == NULL && !slot_valid(e.slot)))
        return VM_OK;
    enum vm_result r = object_page(o, length / PAGE_SIZE, p, &f, &major);
    if (r != VM_OK)
        return r;
    memset((char *)page_window(frame_pfn(f), WINDOW_TO) + used, 0, PAGE_SIZE - used);
    f->flags |= FRAME_DIRTY;
    return VM_OK;
}

enum vm_result object_resize(struct object *o, struct pool *p, uint32_t length)
{
    if (length < o->length) {
        enum vm_result r = zero_tail(o, p, length);
        if (r != VM_OK)
            return r;
        uint32_t old = object_pages(o);
        o->length = length;
        unmap_object(o, object_pages(o));
        for (uint32_t i = object_pages(o); i < old; i++)
            object_discard(o, i);
        return VM_OK;
    }
    return object_set_length(o, length);
}

/* The kernel's view of one user page, resident and with the access allowed. The pointer is good until
 * the next call that may evict. */
static enum vm_result touch(struct space *s, vaddr_t va, enum vm_prot access, void **out)
{
    if (va < USER_START || va >= USER_END)
        return VM_NO_REGION;
    struct region *r = region_find(&s->regions, va);
    if (r != NULL && !(r->prot & access))
        return VM_FORBIDDEN;
    struct pte pte = {.state = PTE_NONE};
    if (r != NULL && likely(!(r->flags & REGION_EXACT)))
        pte = pmap_lookup(&s->pmap, va);
    /* a page that comes back shared takes a second fault to become writable */
    while (pte.state != PTE_PRESENT || (access == VM_WRITE && !pte.writable)) {
        enum vm_result result = vm_fault_in(s, va, access);
        if (result != VM_OK)
            return result;
        pte = pmap_lookup(&s->pmap, va);
    }
    pmap_mark(&s->pmap, va, access == VM_WRITE);
    *out = (char *)page_window(pte.pfn, access == VM_WRITE ? WINDOW_TO : WINDOW_FROM) + va % PAGE_SIZE;
    return VM_OK;
}

enum vm_result space_copy_in(struct space *s, void *to, vaddr_t from, uint32_t n)
{
    while (n > 0) {
        void *p;
        enum vm_result r = touch(s, from, VM_READ, &p);
        if (r != VM_OK)
            return r;
        uint32_t chunk = MIN(n, PAGE_SIZE - from % PAGE_SIZE);
        memcpy(to, p, chunk);
        to = (char *)to + chunk;
        from += chunk;
        n -= chunk;
    }
    return VM_OK;
}

enum vm_result space_copy_out(struct space *s, vaddr_t to, const void *from, uint32_t n)
{
    while (n > 0) {
        void *p;
        enum vm_result r = touch(s, to, VM_WRITE, &p);
        if (r != VM_OK)
            return r;
        uint32_t chunk = MIN(n, PAGE_SIZE - to % PAGE_SIZE);
        memcpy(p, from, chunk);
        from = (const char *)from + chunk;
        to += chunk;
        n -= chunk;
    }
    return VM_OK;
}
