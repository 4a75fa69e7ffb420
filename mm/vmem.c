/* SPDX-License-Identifier: MIT
 * mm-level: 2.12
 * Allocating and freeing. Each is O(1) but for the strategy: neighbours are found in the list of tags, what
 * is freed in the hash table. */
#include "mm/vmem.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "mm/vmem_tags.h"

/* ---- allocated segments ---- */

static inline void set_used(struct vmem *a, struct tag *t)
{
    struct tag **b = bucket_of(a, t->seg.start);
    t->kind = VMEM_USED;
    t->next = *b;
    *b = t;
    if (unlikely(++a->n.allocated > a->grow_at))
        vmem_grow(a);
}

/* => the segment, no longer in the table; or a panic */
static inline struct tag *take_used(struct vmem *a, uintptr_t start, uintptr_t size)
{
    struct tag **link = find_used(a, start), *t = *link;
    ASSERT(t != NULL && t->seg.size == ALIGN_UP(size, a->quantum), "vmem %s: %#zx + %#zx is not allocated",
           a->name, (size_t)start, (size_t)size);
    *link = t->next;
    if (unlikely(--a->n.allocated < a->shrink_at))
        vmem_shrink(a);
    return t;
}

/* ---- free segments ---- */

/* [at, at + size) of the free segment t becomes an allocated one; what is left of t stays one or two free
 * ones. => false when there are no tags */
static inline bool carve(struct vmem *a, struct tag *t, uintptr_t at, uintptr_t size)
{
    uintptr_t front = at - t->seg.start, end = at + size, back = end_of(t) - end;
    if (!have_tags(a, (front > 0) + (back > 0)))
        return false;
    a->n.free -= size;
    if (front == 0 && back == 0) {
        unfile(a, t);
        set_used(a, t);
        return true;
    }
    struct tag *used = take_tag(a, VMEM_USED, at, size);
    if (front == 0) {
        link_before(used, t);
        resize(a, t, end, back);
    } else {
        struct tag *behind = tag_of(t->link.next);
        link_before(used, behind);
        resize(a, t, t->seg.start, front);
        if (back > 0) {
            struct tag *rest = take_tag(a, VMEM_FREE, end, back);
            link_before(rest, behind);
            file(a, rest);
        }
    }
    set_used(a, used);
    return true;
}

/* The free segment t may be all of an imported span. */
static inline void give_back(struct vmem *a, struct tag *t)
{
    const struct tag *span = tag_of(t->link.prev);
    if (span->kind == VMEM_SPAN && unlikely(span->imported) && span->seg.size == t->seg.size)
        vmem_give_span_back(a, t);
}

/* ---- allocating and freeing ---- */

/* What is wanted, in quanta. => VM_INVALID, or VM_NO_MEMORY if nothing can be within the bounds */
static inline enum vm_result round_want(const struct vmem *a, const struct fit_want *want, struct fit_want *w)
{
    uintptr_t quantum = a->quantum;
    w->size = ALIGN_UP(want->size, quantum);
    w->align = want->align > quantum ? want->align : 1;
    w->min = ALIGN_UP(want->min, quantum);
    w->max = want->max == UINTPTR_MAX ? UINTPTR_MAX : ALIGN_DOWN(want->max, quantum);
    if (w->size == 0 || want->align == 0 || (want->align & (want->align - 1)) != 0)
        return VM_INVALID;
    return w->min >= want->min ? VM_OK : VM_NO_MEMORY;
}

static inline struct tag *pick(struct vmem *a, const struct fit_want *w, uintptr_t *at)
{
    struct fit_segment *s = fit_pick(&a->holes, w, at);
    return s != NULL ? tag_of_segment(s) : NULL;
}

static inline enum vm_result allocate(struct vmem *a, const struct fit_want *w, uintptr_t *start)
{
    enum vm_result r = VM_OK;
    uintptr_t at;
    spin_take(&a->lock);
    a->n.allocs++;
    struct tag *t = pick(a, w, &at);
    if (unlikely(t == NULL) && vmem_import(a, w))
        t = pick(a, w, &at);
    if (likely(t != NULL && carve(a, t, at, w->size))) {
        *start = at;
    } else {
        if (t != NULL)
            give_back(a, t);
        a->n.failures++;
        r = VM_NO_MEMORY;
    }
    spin_release(&a->lock);
    return r;
}

enum vm_result vmem_alloc(struct vmem *a, uintptr_t size, uintptr_t *start)
{
    struct fit_want w = {ALIGN_UP(size, a->quantum), 1, 0, UINTPTR_MAX};
    return likely(w.size != 0) ? allocate(a, &w, start) : VM_INVALID;
}

enum vm_result vmem_alloc_want(struct vmem *a, const struct fit_want *want, uintptr_t *start)
{
    struct fit_want w;
    enum vm_result r = round_want(a, want, &w);
    return r == VM_OK ? allocate(a, &w, start) : r;
}

enum vm_result vmem_find(struct vmem *a, const struct fit_want *want, uintptr_t *start)
{
    struct fit_want w;
    enum vm_result r = round_want(a, want, &w);
    if (r != VM_OK)
        return r;
    spin_take(&a->lock);
    r = pick(a, &w, start) != NULL ? VM_OK : VM_NO_MEMORY;
    spin_release(&a->lock);
    return r;
}

/* The first free segment that ends behind `at`, or NULL. */
static struct tag *hole_from(struct vmem *a, uintptr_t at)
{
    if (!a->placing) {
        a->placing = true;
        if (a->holes.fit->order != FIT_BY_START)
            vmem_file_all(a, a->holes.fit);
    }
    struct fit_segment *s = fit_tree_from(a->has_places ? &a->places : &a->holes.tree, at);
    if (s == NULL)
        return NULL;
    return a->has_places ? container_of(s, struct tag, place) : tag_of_segment(s);
}

enum vm_result vmem_alloc_at(struct vmem *a, uintptr_t start, uintptr_t size)
{
    enum vm_result r = VM_OK;
    if (!is_range(a, start, size))
        return VM_INVALID;
    spin_take(&a->lock);
    a->n.allocs++;
    struct tag *t = hole_from(a, start);
    if (t == NULL || t->seg.start > start || end_of(t) < start + size)
        r = VM_EXISTS;
    else if (!carve(a, t, start, size))
        r = VM_NO_MEMORY;
    a->n.failures += r != VM_OK;
    spin_release(&a->lock);
    return r;
}

void vmem_free(struct vmem *a, uintptr_t start, uintptr_t size)
{
    spin_take(&a->lock);
    struct tag *t = take_used(a, start, size);
    struct tag *before = tag_of(t->link.prev), *behind = tag_of(t->link.next);
    a->n.frees++;
    a->n.free += t->seg.size;
    if (before->kind == VMEM_FREE) {
        uintptr_t end = end_of(t);
        drop_tag(a, t);
        if (behind->kind == VMEM_FREE) {
            end = end_of(behind);
            unfile(a, behind);
            drop_tag(a, behind);
        }
        t = before;
        resize(a, t, t->seg.start, end - t->seg.start);
    } else if (behind->kind == VMEM_FREE) {
        drop_tag(a, t);
        t = behind;
        resize(a, t, start, end_of(t) - start);
    } else {
        t->kind = VMEM_FREE;
        file(a, t);
    }
    give_back(a, t);
    spin_release(&a->lock);
}

void vmem_free_all(struct vmem *a)
{
    spin_take(&a->lock);
    memset(a->buckets, 0, sizeof a->buckets[0] << a->bucket_bits);
    a->n.frees += a->n.allocated;
    a->n.allocated = 0;
    a->n.free = a->n.total;
    list_for_each_safe (n, &a->ends.link) {
        struct tag *t = tag_of(n), *before = tag_of(n->prev);
        if (t->kind == VMEM_SPAN)
            continue;
        if (before->kind != VMEM_SPAN) { /* the first segment of the span has become all of it */
            drop_tag(a, t);
            continue;
        }
        t->kind = VMEM_FREE;
        t->seg.size = before->seg.size;
    }
    vmem_file_all(a, a->holes.fit);
    for (struct list_node *span = a->ends.link.next; span != &a->ends.link;) {
        struct tag *t = tag_of(span->next);
        span = t->link.next;
        give_back(a, t);
    }
    spin_release(&a->lock);
}

enum vm_result vmem_split(struct vmem *a, uintptr_t start, uintptr_t at)
{
    spin_take(&a->lock);
    struct tag *t = *find_used(a, start);
    ASSERT(t != NULL && at > start && at < end_of(t) && (at & (a->quantum - 1)) == 0,
           "vmem %s: no allocated segment from %#zx can be split at %#zx", a->name, (size_t)start,
           (size_t)at);
    bool ok = have_tags(a, 1);
    if (ok) {
        struct tag *high = take_tag(a, VMEM_USED, at, end_of(t) - at);
        link_before(high, tag_of(t->link.next));
        t->seg.size = at - start;
        set_used(a, high);
    }
    spin_release(&a->lock);
    return ok ? VM_OK : VM_NO_MEMORY;
}

void vmem_join(struct vmem *a, uintptr_t start)
{
    spin_take(&a->lock);
    struct tag *t = *find_used(a, start), *high = t != NULL ? tag_of(t->link.next) : NULL;
    ASSERT(t != NULL && high->kind == VMEM_USED,
           "vmem %s: no allocated segment from %#zx has another behind it", a->name, (size_t)start);
    take_used(a, high->seg.start, high->seg.size);
    t->seg.size += high->seg.size;
    drop_tag(a, high);
    spin_release(&a->lock);
}

uintptr_t vmem_size(const struct vmem *a, uintptr_t start)
{
    spin_take(lock_of(a));
    const struct tag *t = *find_used(a, start);
    uintptr_t size = t != NULL ? t->seg.size : 0;
    spin_release(lock_of(a));
    return size;
}
