/* SPDX-License-Identifier: MIT
 * Worlds and stamped pages. */
#include "tests/host/pages.h"
#include "lib/panic.h"

enum vm_result pool_init_any(struct pool *p, const char *name, const char *policy, uint32_t limit,
                             uint32_t seed)
{
    static struct oracle blind; /* no page is ever wanted again */
    const struct policy *wanted = policy_find(policy);
    enum vm_result r = pool_init(p, name, wanted->needs == 0 ? wanted : &policy_fifo, limit, seed);
    if (r != VM_OK || wanted->needs == 0)
        return r;
    p->exact = (wanted->needs & POLICY_NEEDS_TOUCHES) != 0;
    p->oracle = wanted->needs & POLICY_NEEDS_ORACLE ? &blind : NULL;
    return pool_set_policy(p, wanted, seed);
}

void world_init(struct world *w, const char *policy, uint32_t limit, uint32_t pages)
{
    enum vm_result r = pool_init_any(&w->pool, "test", policy, MAX(limit, (uint32_t)POOL_MIN_LIMIT), 1);
    ASSERT(r == VM_OK, "world: pool_init says %s", vm_result_name(r));
    w->pool.limit = limit;
    r = space_init(&w->space, &w->pool, 1);
    ASSERT(r == VM_OK, "world: space_init says %s", vm_result_name(r));
    if (pages > 0)
        pages_map(&w->space, 0, pages, VM_READ | VM_WRITE);
}

void world_destroy(struct world *w)
{
    space_destroy(&w->space);
    pool_destroy(&w->pool);
}

void pages_map(struct space *s, uint32_t i, uint32_t count, uint32_t prot)
{
    enum vm_result r = pages_region(s, i, count, prot, 0, NULL);
    ASSERT(r == VM_OK, "pages_map: space_map says %s", vm_result_name(r));
}

enum vm_result pages_region(struct space *s, uint32_t i, uint32_t count, uint32_t prot, uint32_t flags,
                            struct object *o)
{
    struct region r = {page_va(i), page_va(i + count), prot, flags, o != NULL ? "data" : "anon", 0, o};
    if (o != NULL)
        object_ref(o);
    enum vm_result result = space_map(s, &r);
    if (result != VM_OK && o != NULL)
        object_unref(o);
    return result;
}

struct object *file_map(struct space *s, uint32_t i, const void *data, uint32_t length, uint32_t prot)
{
    struct object *o = object_create_file("file", data, length);
    ASSERT(o != NULL, "file_map: no memory for %u bytes", length);
    enum vm_result r = pages_region(s, i, object_pages(o), prot, 0, o);
    ASSERT(r == VM_OK, "file_map: space_map says %s", vm_result_name(r));
    object_unref(o); /* the region has its own reference */
    return o;
}

void page_touch(struct space *s, uint32_t i)
{
    struct pte pte = pmap_lookup(&s->pmap, page_va(i));
    enum vm_result r = VM_OK;
    while (r == VM_OK && (pte.state != PTE_PRESENT || !pte.writable)) {
        r = machine_fault(s, page_va(i), VM_WRITE);
        pte = pmap_lookup(&s->pmap, page_va(i));
    }
    ASSERT(r == VM_OK, "touch of page %u: %s", i, vm_result_name(r));
    word_load(s, i);
}

struct frame *page_frame(const struct space *s, uint32_t i)
{
    struct pte pte = pmap_lookup(&s->pmap, page_va(i));
    return pte.state == PTE_PRESENT ? frame_of(pte.pfn) : NULL;
}

slot_t page_slot(const struct space *s, uint32_t i)
{
    struct pte pte = pmap_lookup(&s->pmap, page_va(i));
    return pte.state == PTE_SWAPPED ? pte.slot : SLOT_NONE;
}

void word_store(struct space *s, uint32_t i, uint32_t v)
{
    enum vm_result r = machine_access(s, page_va(i), VM_WRITE, &v);
    ASSERT(r == VM_OK, "store to page %u: %s", i, vm_result_name(r));
}

uint32_t word_load(struct space *s, uint32_t i)
{
    uint32_t v;
    enum vm_result r = machine_access(s, page_va(i), VM_READ, &v);
    ASSERT(r == VM_OK, "load from page %u: %s", i, vm_result_name(r));
    return v;
}

uint32_t stamp_of(uint32_t pid, vaddr_t va, uint32_t generation)
{
    const uint32_t mix = 0x85ebca6b;
    if (generation == 0)
        return 0;
    uint32_t h = va * mix ^ generation;
    h = (h ^ h >> 13) * mix ^ pid;
    return (h ^ h >> 16) | 1;
}

enum vm_result page_stamp(struct space *s, vaddr_t va, uint32_t generation)
{
    for (vaddr_t at = va; at < va + PAGE_SIZE; at += sizeof(uint32_t)) {
        uint32_t v = stamp_of(s->pmap.tag, at, generation);
        enum vm_result r = machine_access(s, at, VM_WRITE, &v);
        if (r != VM_OK)
            return r;
    }
    return VM_OK;
}

bool page_stamped(struct space *s, vaddr_t va, uint32_t generation, enum vm_result *result)
{
    for (vaddr_t at = va; at < va + PAGE_SIZE; at += sizeof(uint32_t)) {
        uint32_t v;
        *result = machine_access(s, at, VM_READ, &v);
        if (*result != VM_OK || v != stamp_of(s->pmap.tag, at, generation))
            return false;
    }
    return true;
}

bool page_present(const struct space *s, uint32_t i)
{
    return pmap_lookup(&s->pmap, page_va(i)).state == PTE_PRESENT;
}

bool page_swapped(const struct space *s, uint32_t i)
{
    return pmap_lookup(&s->pmap, page_va(i)).state == PTE_SWAPPED;
}
