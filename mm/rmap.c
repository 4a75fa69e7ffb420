/* SPDX-License-Identifier: MIT
 * mm-level: 2.2
 * Chains of mappings. The first one is inline; `more` is a singly linked list. */
#include "mm/rmap.h"
#include "lib/panic.h"
#include "mm/slab.h"

static struct slab_cache nodes = SLAB_CACHE_INIT(nodes, "rmap_node", sizeof(struct rmap_node));

enum vm_result rmap_add(struct frame *f, struct pmap *p, vaddr_t va)
{
    if (likely(f->pmap == NULL)) {
        f->pmap = p;
        f->va = va;
        return VM_OK;
    }
    struct rmap_node *n = slab_alloc(&nodes);
    if (n == NULL)
        return VM_NO_MEMORY;
    *n = (struct rmap_node){f->more, p, va};
    f->more = n;
    return VM_OK;
}

void rmap_remove(struct frame *f, struct pmap *p, vaddr_t va)
{
    if (likely(f->pmap == p && f->va == va)) {
        struct rmap_node *n = f->more;
        f->pmap = n ? n->pmap : NULL;
        f->va = n ? n->va : 0;
        if (n != NULL) {
            f->more = n->next;
            slab_free(&nodes, n);
        }
        return;
    }
    for (struct rmap_node **at = &f->more; *at != NULL; at = &(*at)->next) {
        struct rmap_node *n = *at;
        if (n->pmap == p && n->va == va) {
            *at = n->next;
            slab_free(&nodes, n);
            return;
        }
    }
    panic("rmap: frame %#x is not mapped at %#x of %u", frame_pfn(f).n, va, p->tag);
}

void rmap_move(struct frame *f, struct pmap *p, vaddr_t from, vaddr_t to)
{
    if (f->pmap == p && f->va == from) {
        f->va = to;
        return;
    }
    struct rmap_node *n = f->more;
    while (n != NULL && (n->pmap != p || n->va != from))
        n = n->next;
    ASSERT(n != NULL, "rmap: frame %#x is not mapped at %#x of %u", frame_pfn(f).n, from, p->tag);
    n->va = to;
}

bool rmap_unmap_all(struct frame *f, slot_t slot, uint32_t *count)
{
    if (unlikely(f->pmap == NULL)) {
        *count = 0;
        return false;
    }
    bool dirty = pmap_unmap(f->pmap, f->va, slot).dirty;
    *count = 1;
    f->pmap = NULL;
    f->va = 0;
    while (unlikely(f->more != NULL)) {
        struct rmap_node *n = f->more;
        f->more = n->next;
        dirty |= pmap_unmap(n->pmap, n->va, slot).dirty;
        slab_free(&nodes, n);
        ++*count;
    }
    return dirty;
}

bool rmap_dirty(const struct frame *f)
{
    if (f->pmap == NULL)
        return false;
    bool dirty = pmap_lookup(f->pmap, f->va).dirty;
    for (struct rmap_node *n = f->more; n != NULL; n = n->next)
        dirty |= pmap_lookup(n->pmap, n->va).dirty;
    return dirty;
}

bool rmap_accessed(const struct frame *f)
{
    if (f->pmap == NULL)
        return false;
    bool accessed = false;
    for (uint32_t i = 0; i < 1u << f->order; i++)
        accessed |= pmap_lookup(f->pmap, f->va + i * PAGE_SIZE).accessed;
    for (struct rmap_node *n = f->more; n != NULL; n = n->next)
        accessed |= pmap_lookup(n->pmap, n->va).accessed;
    return accessed;
}

bool rmap_test_clear_accessed(struct frame *f)
{
    if (f->pmap == NULL)
        return false;
    bool accessed = pmap_test_clear_accessed(f->pmap, f->va);
    for (uint32_t i = 1; unlikely(i < 1u << f->order); i++)
        accessed |= pmap_test_clear_accessed(f->pmap, f->va + i * PAGE_SIZE);
    for (struct rmap_node *n = f->more; n != NULL; n = n->next)
        accessed |= pmap_test_clear_accessed(n->pmap, n->va);
    return accessed;
}

uint32_t rmap_count(const struct frame *f)
{
    uint32_t count = f->pmap != NULL;
    for (struct rmap_node *n = f->more; n != NULL; n = n->next)
        count++;
    return count;
}

bool rmap_has(const struct frame *f, const struct pmap *p, vaddr_t va)
{
    if (f->pmap == p && f->va == va)
        return true;
    for (struct rmap_node *n = f->more; n != NULL; n = n->next)
        if (n->pmap == p && n->va == va)
            return true;
    return false;
}
