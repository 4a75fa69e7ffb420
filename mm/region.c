/* SPDX-License-Identifier: MIT
 * mm-level: 7
 * The sorted set of regions. */
#include "mm/region.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "mm/slab.h"

static struct slab_cache cache = SLAB_CACHE_INIT(cache, "region", sizeof(struct region));

/* ---- gaps ---- */

static void drop_gaps(struct region_set *set)
{
    if (set->gaps == NULL)
        return;
    vmem_free_all(set->gaps);
    vmem_destroy(set->gaps);
    set->gaps = NULL;
}

/* What was a gap is part of a region. => the set keeps its gaps, as for the two below */
static NOINLINE void take_gap(struct region_set *set, vaddr_t start, vaddr_t end)
{
    end = MIN(end, set->gaps_end);
    if (start >= end)
        return;
    enum vm_result r = vmem_alloc_at(set->gaps, start, end - start);
    ASSERT(r == VM_OK || r == VM_NO_MEMORY, "region: 0x%08x to 0x%08x is no gap, arena %s says", start, end,
           vmem_name(set->gaps));
    if (r != VM_OK)
        drop_gaps(set);
}

static void put_gap(struct region_set *set, vaddr_t start, vaddr_t end)
{
    end = MIN(end, set->gaps_end);
    if (start < end)
        vmem_free(set->gaps, start, end - start);
}

/* The region from start on has taken over the one from `next` on. */
static void join_gap(struct region_set *set, vaddr_t start, vaddr_t next)
{
    if (next < set->gaps_end)
        vmem_join(set->gaps, start);
}

enum vm_result region_keep_gaps(struct region_set *set, vaddr_t start, vaddr_t end,
                                const struct vmem_config *c)
{
    set->gaps = vmem_create(c);
    set->gaps_end = end;
    if (set->gaps == NULL)
        return VM_NO_MEMORY;
    if (vmem_add(set->gaps, start, end - start) != VM_OK)
        drop_gaps(set);
    for (uint32_t i = 0; i < set->count && set->gaps != NULL; i++)
        take_gap(set, set->at[i]->start, set->at[i]->end);
    return set->gaps != NULL ? VM_OK : VM_NO_MEMORY;
}

/* ---- the set ---- */

void region_set_destroy(struct region_set *set)
{
    drop_gaps(set); /* first: there is no need to keep it in step */
    while (set->count > 0)
        region_remove(set, set->count - 1);
    kfree(set->at);
    memset(set, 0, sizeof *set);
}

const char *region_rights(const struct region *r, char text[REGION_RIGHTS])
{
    text[0] = r->prot & VM_READ ? 'r' : '-';
    text[1] = r->prot & VM_WRITE ? 'w' : '-';
    text[2] = r->prot & VM_EXEC ? 'x' : '-';
    text[3] = r->flags & REGION_SHARED ? 's' : 'p';
    text[4] = '\0';
    return text;
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

/* As region_add, but the gaps stay as they are. */
static enum vm_result insert(struct region_set *set, const struct region *r)
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

enum vm_result region_add(struct region_set *set, const struct region *r)
{
    enum vm_result result = insert(set, r);
    if (result == VM_OK && set->gaps != NULL)
        take_gap(set, r->start, r->end);
    return result;
}

enum vm_result region_add_anywhere(struct region_set *set, struct region *r)
{
    uintptr_t at;
    vaddr_t length = r->end - r->start;
    enum vm_result result = vmem_alloc(set->gaps, length, &at);
    if (result != VM_OK)
        return result;
    r->start = at;
    r->end = at + length;
    result = insert(set, r);
    if (result != VM_OK)
        vmem_free(set->gaps, at, length);
    return result;
}

/* As region_remove, but the gaps stay as they are. */
static void erase(struct region_set *set, uint32_t index)
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

void region_remove(struct region_set *set, uint32_t index)
{
    const struct region *r = set->at[index];
    if (set->gaps != NULL)
        put_gap(set, r->start, r->end);
    erase(set, index);
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
    low->end = va; /* make way for the upper part, or insert would see an overlap */
    enum vm_result r = insert(set, &high);
    if (r != VM_OK) {
        low->end = end;
        return r;
    }
    if (high.object != NULL)
        object_ref(high.object);
    if (set->gaps != NULL && va < set->gaps_end && vmem_split(set->gaps, low->start, va) != VM_OK)
        drop_gaps(set);
    return VM_OK;
}

void region_extend_down(struct region_set *set, struct region *r, vaddr_t start)
{
    vaddr_t old = r->start;
    r->start = start;
    if (set->gaps != NULL)
        take_gap(set, start, old);
    if (set->gaps != NULL)
        join_gap(set, start, old);
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
        if (set->gaps != NULL)
            join_gap(set, low->start, high->start);
        low->end = high->end;
        erase(set, i + 1);
    }
}

bool region_check(const struct region_set *set, uint32_t pid, struct printer *out)
{
    uint32_t segments = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        const struct region *r = set->at[i];
        vaddr_t end = MIN(r->end, set->gaps_end);
        if (r->start >= r->end || (i > 0 && set->at[i - 1]->end > r->start)) {
            print(out, "pid %u: region 0x%08x to 0x%08x is out of order\n", pid, r->start, r->end);
            return false;
        }
        if (set->gaps == NULL || r->start >= end)
            continue;
        segments++;
        if (vmem_size(set->gaps, r->start) != end - r->start) {
            print(out, "pid %u: arena %s has no segment for region 0x%08x to 0x%08x\n", pid,
                  vmem_name(set->gaps), r->start, r->end);
            return false;
        }
    }
    if (set->gaps == NULL || vmem_figures(set->gaps).allocated == segments)
        return true;
    print(out, "pid %u: arena %s has %u segments for %u regions\n", pid, vmem_name(set->gaps),
          vmem_figures(set->gaps).allocated, segments);
    return false;
}
