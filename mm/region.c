/* SPDX-License-Identifier: MIT
 * mm-level: 7
 * The sorted set of regions. */
#include "mm/region.h"
#include "lib/string.h"
#include "mm/slab.h"

static struct slab_cache cache = SLAB_CACHE_INIT(cache, "region", sizeof(struct region));

void region_set_destroy(struct region_set *set)
{
    while (set->count > 0)
        region_remove(set, set->count - 1);
    kfree(set->at);
    memset(set, 0, sizeof *set);
}

uint32_t region_index(const struct region_set *set, vaddr_t va)
{
    uint32_t low = 0, high = set->count;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (set->at[mid]->end > va)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

struct region *region_find(struct region_set *set, vaddr_t va)
{
    struct region *r = set->last;
    if (likely(r != NULL && va >= r->start && va < r->end))
        return r;
    uint32_t i = region_index(set, va);
    if (i == set->count || set->at[i]->start > va)
        return NULL;
    return set->last = set->at[i];
}

static enum vm_result make_room(struct region_set *set)
{
    if (set->count < set->room)
        return VM_OK;
    uint32_t room = set->room ? set->room * 2 : 8;
    struct region **at = kmalloc(room * sizeof *at);
    if (at == NULL)
        return VM_NO_MEMORY;
    if (set->count > 0)
        memcpy(at, set->at, set->count * sizeof *at);
    kfree(set->at);
    set->at = at;
    set->room = room;
    return VM_OK;
}

enum vm_result region_add(struct region_set *set, const struct region *r)
{
    if (r->start >= r->end || r->start % PAGE_SIZE != 0 || r->end % PAGE_SIZE != 0)
        return VM_INVALID;
    uint32_t i = region_index(set, r->start);
    if (i < set->count && set->at[i]->start < r->end)
        return VM_EXISTS;
    if (make_room(set) != VM_OK)
        return VM_NO_MEMORY;
    struct region *copy = slab_alloc(&cache);
    if (copy == NULL)
        return VM_NO_MEMORY;
    *copy = *r;
    memmove(&set->at[i + 1], &set->at[i], (set->count - i) * sizeof set->at[0]);
    set->at[i] = copy;
    set->count++;
    return VM_OK;
}

void region_remove(struct region_set *set, uint32_t index)
{
    struct region *r = set->at[index];
    if (set->last == r)
        set->last = NULL;
    if (r->object != NULL)
        object_unref(r->object);
    slab_free(&cache, r);
    set->count--;
    memmove(&set->at[index], &set->at[index + 1], (set->count - index) * sizeof set->at[0]);
}

enum vm_result region_split(struct region_set *set, vaddr_t va)
{
    struct region *low = region_find(set, va);
    if (low == NULL || low->start == va)
        return VM_OK;
    struct region high = *low;
    vaddr_t end = low->end;
    high.start = va;
    high.offset += va - low->start;
    low->end = va; /* make way for the upper part, or region_add would see an overlap */
    enum vm_result r = region_add(set, &high);
    if (r != VM_OK)
        low->end = end;
    else if (high.object != NULL)
        object_ref(high.object);
    return r;
}

enum vm_result region_cut(struct region_set *set, vaddr_t start, vaddr_t end)
{
    enum vm_result r = region_split(set, start);
    return r == VM_OK ? region_split(set, end) : r;
}

static bool joinable(const struct region *a, const struct region *b)
{
    return a->end == b->start && a->prot == b->prot && a->flags == b->flags && a->object == b->object &&
           a->name == b->name && (a->object == NULL || a->offset + (a->end - a->start) == b->offset);
}

void region_merge(struct region_set *set, vaddr_t start, vaddr_t end)
{
    uint32_t i = region_index(set, start - 1);
    while (i + 1 < set->count && set->at[i + 1]->start <= end) {
        struct region *low = set->at[i], *high = set->at[i + 1];
        if (!joinable(low, high)) {
            i++;
            continue;
        }
        low->end = high->end;
        region_remove(set, i + 1);
    }
}
