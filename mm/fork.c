/* SPDX-License-Identifier: MIT
 * mm-level: 7.2
 * Copying an address space. Nothing is copied but what says where pages are: a resident private page gets
 * another mapping and becomes read-only in both, a slot gets another reference; the first write copies (case
 * 5 of fault.c). Pages of objects and the page of zeros are left out: the child finds them by a cheap fault.
 */
#include "lib/string.h"
#include "mm/rmap.h"
#include "mm/space.h"

/* Memory for tables and reverse mappings comes from evicting pages, when need be. */
static enum vm_result make_room(enum vm_result r)
{
    return r == VM_NO_MEMORY ? memory_evict() : r;
}

/* One page. => VM_OK with *done false: the world may have changed, look again */
static enum vm_result fork_page(struct space *child, struct space *parent, const struct region *r, vaddr_t va,
                                bool *done)
{
    struct pte pte = pmap_lookup(&parent->pmap, va);
    struct frame *f = pte.state == PTE_PRESENT ? frame_of(pte.pfn) : NULL;
    *done = true;
    if (pte.state == PTE_NONE || (f != NULL && (f == zero_frame || f->object != NULL)))
        return VM_OK;
    *done = false;
    if (pmap_reserve(&child->pmap, va) != VM_OK)
        return make_room(VM_NO_MEMORY);
    if (f == NULL) {
        swap_ref(pte.slot, 1);
        pmap_enter_swapped(&child->pmap, va, pte.slot);
        *done = true;
        return VM_OK;
    }
    block_split(frame_head(f)); /* pages are shared one by one */
    enum vm_result result = rmap_add(f, &child->pmap, va);
    if (result != VM_OK)
        return make_room(result);
    uint32_t prot = r->prot & ~(uint32_t)VM_WRITE;
    if (pte.writable)
        pmap_protect(&parent->pmap, va, prot);
    /* dirty in one of them is enough: whoever evicts the page asks both */
    pmap_enter(&child->pmap, va, pte.pfn, r->flags & REGION_EXACT ? 0 : prot, false);
    *done = true;
    return VM_OK;
}

static enum vm_result fork_region(struct space *child, struct space *parent, struct region *r)
{
    struct region copy = *r;
    copy.flags &= ~(uint32_t)REGION_LOCKED; /* locks are not inherited */
    if (copy.object != NULL)
        object_ref(copy.object);
    enum vm_result result;
    while ((result = space_map(child, &copy)) == VM_NO_MEMORY && (result = memory_evict()) == VM_OK)
        ;
    if (result != VM_OK) {
        if (copy.object != NULL)
            object_unref(copy.object);
        return result;
    }
    if (r->flags & REGION_SHARED)
        return VM_OK;
    vaddr_t va = r->start;
    while ((va = pmap_next_table(&parent->pmap, va, r->end)) < r->end) {
        bool done;
        result = fork_page(child, parent, r, va, &done);
        if (result != VM_OK)
            return result;
        if (done)
            va += PAGE_SIZE;
    }
    return VM_OK;
}

enum vm_result space_fork(struct space *child, struct space *parent)
{
    child->brk_start = parent->brk_start;
    child->brk = parent->brk;
    child->map_top = parent->map_top;
    child->stack_limit = parent->stack_limit;
    enum vm_result exact = exact_fork(child, parent);
    if (exact != VM_OK)
        return exact;
    for (uint32_t i = 0; i < parent->regions.count; i++) {
        struct region *r = parent->regions.at[i];
        enum vm_result result = r->flags & REGION_DONTFORK ? VM_OK : fork_region(child, parent, r);
        if (result != VM_OK)
            return result;
    }
    return VM_OK;
}
