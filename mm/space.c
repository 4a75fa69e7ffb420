/* SPDX-License-Identifier: MIT
 * mm-level: 7.1
 * Address spaces: mapping, unmapping, rights, the heap, and copies by the kernel. */
#include "mm/space.h"
#include "lib/string.h"
#include "mm/reclaim.h"
#include "mm/rmap.h"
#include "mm/slab.h"

struct list_node all_spaces = {&all_spaces, &all_spaces};

enum { STACK_ROOM = 16 << 20 }; /* address space left above map_top for the stack, bytes */

enum vm_result space_init(struct space *s, struct pool *pool, uint32_t tag)
{
    memset(s, 0, sizeof *s);
    s->pool = pool;
    s->map_top = USER_END - STACK_ROOM;
    enum vm_result r = pmap_init(&s->pmap);
    if (r != VM_OK)
        return r;
    s->pmap.tag = tag;
    list_push_back(&all_spaces, &s->link);
    return VM_OK;
}

/* Frees the pages of [start, end), resident or swapped. */
static void drop_pages(struct space *s, vaddr_t start, vaddr_t end)
{
    vaddr_t va = start;
    while ((va = pmap_next_table(&s->pmap, va, end)) < end) {
        struct pte pte = pmap_lookup(&s->pmap, va);
        if (pte.state == PTE_PRESENT) {
            struct frame *f = frame_of(pte.pfn);
            pmap_unmap(&s->pmap, va, SLOT_NONE);
            rmap_remove(f, &s->pmap, va);
            if (f->pmap == NULL)
                page_free(f);
        } else if (pte.state == PTE_SWAPPED) {
            pmap_forget(&s->pmap, va);
            swap_unref(pte.slot);
        }
        va += PAGE_SIZE;
    }
}

void space_destroy(struct space *s)
{
    for (uint32_t i = 0; i < s->regions.count; i++)
        drop_pages(s, s->regions.at[i]->start, s->regions.at[i]->end);
    region_set_destroy(&s->regions);
    pmap_destroy(&s->pmap);
    list_remove(&s->link);
}

static bool valid_range(vaddr_t start, uint32_t length)
{
    return start % PAGE_SIZE == 0 && length % PAGE_SIZE == 0 && length > 0 && start >= USER_START &&
           start < USER_END && length <= USER_END - start;
}

enum vm_result space_map(struct space *s, vaddr_t start, uint32_t length, uint32_t prot, const char *name,
                         struct source source, uint32_t offset)
{
    if (!valid_range(start, length))
        return VM_INVALID;
    struct region r = {start, start + length, prot, name, offset, source};
    return region_add(&s->regions, &r);
}

vaddr_t space_find_gap(struct space *s, uint32_t length)
{
    const struct region_set *set = &s->regions;
    vaddr_t top = s->map_top; /* candidates end here; at[i] is the first region not wholly below */
    if (length == 0)
        return 0;
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

/* Puts region boundaries at both ends. */
static enum vm_result cut(struct space *s, vaddr_t start, vaddr_t end)
{
    enum vm_result r = region_split(&s->regions, start);
    return r == VM_OK ? region_split(&s->regions, end) : r;
}

enum vm_result space_unmap(struct space *s, vaddr_t start, uint32_t length)
{
    if (!valid_range(start, length))
        return VM_INVALID;
    vaddr_t end = start + length;
    enum vm_result r = cut(s, start, end);
    if (r != VM_OK)
        return r;
    uint32_t i = region_index(&s->regions, start);
    while (i < s->regions.count && s->regions.at[i]->start < end) {
        drop_pages(s, s->regions.at[i]->start, s->regions.at[i]->end);
        region_remove(&s->regions, i);
    }
    return VM_OK;
}

static bool wholly_mapped(struct space *s, vaddr_t start, vaddr_t end)
{
    for (vaddr_t va = start; va < end;) {
        struct region *r = region_find(&s->regions, va);
        if (r == NULL)
            return false;
        va = r->end;
    }
    return true;
}

enum vm_result space_protect(struct space *s, vaddr_t start, uint32_t length, uint32_t prot)
{
    if (!valid_range(start, length))
        return VM_INVALID;
    vaddr_t end = start + length;
    if (!wholly_mapped(s, start, end))
        return VM_NO_REGION;
    enum vm_result result = cut(s, start, end);
    if (result != VM_OK)
        return result;
    for (uint32_t i = region_index(&s->regions, start); i < s->regions.count && s->regions.at[i]->start < end;
         i++) {
        struct region *r = s->regions.at[i];
        r->prot = prot;
        for (vaddr_t va = r->start; (va = pmap_next_table(&s->pmap, va, r->end)) < r->end; va += PAGE_SIZE) {
            struct pte pte = pmap_lookup(&s->pmap, va);
            if (pte.state == PTE_PRESENT)
                pmap_protect(&s->pmap, va, prot);
        }
    }
    return VM_OK;
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
        struct region *heap = old_end > s->brk_start ? region_find(&s->regions, old_end - 1) : NULL;
        if (heap != NULL && heap->prot == (VM_READ | VM_WRITE))
            heap->end = new_end;
        else if (space_map(s, old_end, new_end - old_end, VM_READ | VM_WRITE, "heap", source_zero(), 0) !=
                 VM_OK)
            return s->brk;
    } else if (new_end < old_end && space_unmap(s, new_end, old_end - new_end) != VM_OK) {
        return s->brk;
    }
    return s->brk = brk;
}

/* The kernel's view of one user page, resident and with the access allowed. The pointer is good until
 * the next call that may evict. */
static enum vm_result touch(struct space *s, vaddr_t va, enum vm_prot access, void **out)
{
    if (va < USER_START || va >= USER_END)
        return VM_NO_REGION;
    struct region *r = region_find(&s->regions, va);
    if (r == NULL)
        return VM_NO_REGION;
    if (!(r->prot & access))
        return VM_FORBIDDEN;
    struct pte pte = pmap_lookup(&s->pmap, va);
    if (pte.state != PTE_PRESENT || (access == VM_WRITE && !pte.writable)) {
        enum vm_result result = vm_fault_in(s, va, access);
        if (result != VM_OK)
            return result;
        pte = pmap_lookup(&s->pmap, va);
    }
    pmap_mark(&s->pmap, va, access == VM_WRITE);
    *out = (char *)frame_ptr(frame_of(pte.pfn)) + va % PAGE_SIZE;
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

/* STUB, to be replaced by copy on write: copies every page at once, through a kernel buffer. */
static enum vm_result fork_region(struct space *child, struct space *parent, const struct region *r,
                                  void *buffer)
{
    uint32_t length = r->end - r->start, prot = r->prot;
    enum vm_result result =
        space_map(child, r->start, length, VM_READ | VM_WRITE, r->name, r->source, r->offset);
    if (result == VM_OK && !(prot & VM_READ))
        result = space_protect(parent, r->start, length, prot | VM_READ);
    if (result != VM_OK)
        return result;
    for (vaddr_t va = r->start; result == VM_OK && (va = pmap_next_table(&parent->pmap, va, r->end)) < r->end;
         va += PAGE_SIZE) {
        if (pmap_lookup(&parent->pmap, va).state == PTE_NONE)
            continue;
        result = space_copy_in(parent, buffer, va, PAGE_SIZE);
        if (result == VM_OK)
            result = space_copy_out(child, va, buffer, PAGE_SIZE);
    }
    if (result == VM_OK)
        result = space_protect(child, r->start, length, prot);
    if (prot & VM_READ)
        return result;
    enum vm_result restored = space_protect(parent, r->start, length, prot);
    return result == VM_OK ? restored : result;
}

enum vm_result space_fork(struct space *child, struct space *parent)
{
    void *buffer = kmalloc(PAGE_SIZE);
    enum vm_result result = buffer != NULL ? VM_OK : VM_NO_MEMORY;
    child->brk_start = parent->brk_start;
    child->brk = parent->brk;
    child->map_top = parent->map_top;
    for (uint32_t i = 0; i < parent->regions.count && result == VM_OK; i++)
        result = fork_region(child, parent, parent->regions.at[i], buffer);
    kfree(buffer);
    return result;
}
