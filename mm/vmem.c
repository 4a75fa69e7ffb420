/* SPDX-License-Identifier: MIT
 * mm-level: 2.12
 * Arenas. Of each the tags are in one list: a span's, then those of the segments that tile it, then the next
 * span's. Neighbours are found there, so that merging is O(1). A free segment is in the strategy's set; an
 * allocated one is in a hash table by its start, so that freeing it is O(1) too.
 *
 *   segments    [span 0..9] [used 0..3] [free 4..9] [span 20..29] [free 20..29]
 *   hash         0
 *   strategy     4, 20
 *   spans        0, 20                                       a tree: where a new one belongs, and overlaps
 *
 * Tags come from the arena's spare ones first, then from the slab cache that all arenas share. */
#include "mm/vmem.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "mm/vmem_arena.h"

enum { SPARE_TAGS = 8 }; /* so many are kept in any case: who frees soon allocates */

static struct list_node all_arenas = {&all_arenas, &all_arenas};
static struct spin all_lock = SPIN_INIT("vmem arenas", RANK_VMEM);
/* A cache of their own: an arena may have to be made when memory is short. */
static struct slab_cache arena_cache = SLAB_CACHE_INIT(arena_cache, "vmem", sizeof(struct vmem));
static struct slab_cache tag_cache = SLAB_CACHE_INIT(tag_cache, "vmem-tag", sizeof(struct tag));

/* ---- tags ---- */

/* So many spare tags. => false when memory is short */
static inline bool have_tags(struct vmem *a, uint32_t n)
{
    while (a->spares < n) {
        struct tag *t = slab_alloc(&tag_cache);
        if (t == NULL)
            return false;
        t->next = a->spare;
        a->spare = t;
        a->spares++;
    }
    return true;
}

/* => have_tags said yes */
static inline struct tag *take_tag(struct vmem *a, enum vmem_kind kind, uintptr_t start, uintptr_t size)
{
    struct tag *t = a->spare;
    a->spare = t->next;
    a->spares--;
    t->kind = (uint8_t)kind;
    t->imported = false;
    t->seg.start = start;
    t->seg.size = size;
    return t;
}

/* Off the list, and spare or gone. */
static inline void drop_tag(struct vmem *a, struct tag *t)
{
    t->link.prev->next = t->link.next;
    t->link.next->prev = t->link.prev;
    if (a->spares == a->keep) {
        slab_free(&tag_cache, t);
        return;
    }
    t->next = a->spare;
    a->spare = t;
    a->spares++;
}

static inline void link_before(struct tag *t, struct tag *next)
{
    list_insert_between(&t->link, next->link.prev, &next->link);
}

/* ---- allocated segments: the hash table ---- */

/* The segments go over to an empty table of 2^bits chains. */
static void rehash(struct vmem *a, struct tag **table, uint32_t bits)
{
    struct tag **old = a->buckets;
    uint32_t old_count = 1u << a->bucket_bits;
    a->buckets = table;
    a->bucket_bits = bits;
    a->grow_at = 1u << bits;
    for (uint32_t i = 0; i < old_count; i++) {
        for (struct tag *t = old[i], *next; t != NULL; t = next) {
            next = t->next;
            struct tag **b = bucket_of(a, t->seg.start);
            t->next = *b;
            *b = t;
        }
    }
    if (old != a->few_buckets)
        kfree(old);
}

static bool set_buckets(struct vmem *a, uint32_t bits)
{
    struct tag **table = kzalloc(sizeof *table << bits);
    if (table != NULL)
        rehash(a, table, bits);
    return table != NULL;
}

/* So few are left that the arena's own small table will do. */
static NOINLINE void shrink(struct vmem *a)
{
    a->shrink_at = 0;
    memset(a->few_buckets, 0, sizeof a->few_buckets);
    rehash(a, a->few_buckets, FEW_BUCKETS_BITS);
}

static NOINLINE void grow(struct vmem *a)
{
    if (set_buckets(a, a->bucket_bits + 1))
        a->shrink_at = 1u << (FEW_BUCKETS_BITS - 1);
    else
        a->grow_at *= 2; /* long chains are not worse than failing; try again later */
}

static inline void set_used(struct vmem *a, struct tag *t)
{
    struct tag **b = bucket_of(a, t->seg.start);
    t->kind = VMEM_USED;
    t->next = *b;
    *b = t;
    if (unlikely(++a->n.allocated > a->grow_at))
        grow(a);
}

/* => the segment, no longer in the table; or a panic */
static inline struct tag *take_used(struct vmem *a, uintptr_t start, uintptr_t size)
{
    struct tag **link = find_used(a, start), *t = *link;
    ASSERT(t != NULL && t->seg.size == ALIGN_UP(size, a->quantum), "vmem %s: %#zx + %#zx is not allocated",
           a->name, (size_t)start, (size_t)size);
    *link = t->next;
    if (unlikely(--a->n.allocated < a->shrink_at))
        shrink(a);
    return t;
}

/* ---- free segments ---- */

static inline void file(struct vmem *a, struct tag *t)
{
    fit_insert(&a->holes, &t->seg);
    if (unlikely(a->has_places)) {
        t->place.start = t->seg.start;
        t->place.size = t->seg.size;
        fit_tree_insert(&a->places, &t->place);
    }
}

static inline void unfile(struct vmem *a, struct tag *t)
{
    fit_remove(&a->holes, &t->seg);
    if (unlikely(a->has_places))
        fit_tree_remove(&a->places, &t->place);
}

/* The free segment t is larger or smaller from here on. */
static inline void resize(struct vmem *a, struct tag *t, uintptr_t start, uintptr_t size)
{
    fit_resize(&a->holes, &t->seg, start, size);
    if (unlikely(a->has_places))
        fit_tree_resize(&a->places, &t->place, start, size);
}

/* Files all of them afresh. */
static void file_all(struct vmem *a, const struct fit *fit)
{
    fit_init(&a->holes, fit);
    a->places = (struct fit_tree){.order = FIT_BY_START};
    a->has_places = a->placing && fit->order != FIT_BY_START;
    list_for_each (n, &a->ends.link)
        if (tag_of(n)->kind == VMEM_FREE)
            file(a, tag_of(n));
}

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

/* ---- spans ---- */

/* => have_tags(2) said yes */
static void add_span(struct vmem *a, uintptr_t start, uintptr_t size, bool imported)
{
    struct fit_segment *behind = fit_tree_from(&a->spans, start);
    struct tag *next = behind != NULL ? tag_of_segment(behind) : &a->ends;
    struct tag *span = take_tag(a, VMEM_SPAN, start, size), *t = take_tag(a, VMEM_FREE, start, size);
    span->imported = imported;
    link_before(span, next);
    link_before(t, next);
    fit_tree_insert(&a->spans, &span->seg);
    file(a, t);
    a->n.spans++;
    a->n.total += size;
    a->n.free += size;
}

/* A span that holds what is wanted, from the source. */
static NOINLINE bool import(struct vmem *a, const struct fit_want *want)
{
    if (a->source == NULL || !have_tags(a, 2))
        return false;
    uintptr_t quantum = MAX(a->quantum, a->source->quantum), start;
    struct fit_want span = *want;
    span.align = MAX(want->align, a->quantum);
    span.size = ALIGN_UP(MAX(want->size, a->import), quantum);
    enum vm_result r = vmem_alloc_want(a->source, &span, &start);
    if (r != VM_OK && a->import > want->size) {
        span.size = ALIGN_UP(want->size, quantum);
        r = vmem_alloc_want(a->source, &span, &start);
    }
    if (r != VM_OK)
        return false;
    struct fit_segment *behind = fit_tree_from(&a->spans, start);
    ASSERT(behind == NULL || behind->start >= start + span.size,
           "vmem %s: the span %#zx + %#zx, imported from %s, overlaps another", a->name, (size_t)start,
           (size_t)span.size, a->source->name);
    add_span(a, start, span.size, true);
    return true;
}

/* t is all of an imported span: that goes back. */
static NOINLINE void give_span_back(struct vmem *a, struct tag *t)
{
    struct tag *span = tag_of(t->link.prev);
    uintptr_t start = span->seg.start, size = span->seg.size;
    unfile(a, t);
    fit_tree_remove(&a->spans, &span->seg);
    drop_tag(a, t);
    drop_tag(a, span);
    a->n.spans--;
    a->n.total -= size;
    a->n.free -= size;
    vmem_free(a->source, start, size);
}

/* The free segment t may be all of an imported span. */
static inline void give_back(struct vmem *a, struct tag *t)
{
    const struct tag *span = tag_of(t->link.prev);
    if (span->kind == VMEM_SPAN && unlikely(span->imported) && span->seg.size == t->seg.size)
        give_span_back(a, t);
}

/* ---- making and ending ---- */

struct vmem *vmem_create(const struct vmem_config *c)
{
    struct vmem *a = slab_alloc(&arena_cache);
    if (a == NULL)
        return NULL;
    memset(a, 0, sizeof *a);
    a->name = c->name;
    a->quantum = c->quantum != 0 ? c->quantum : 1;
    a->source = c->source;
    a->import = c->import;
    a->depth = c->source != NULL ? c->source->depth + 1 : 0;
    ASSERT((a->quantum & (a->quantum - 1)) == 0, "vmem %s: quantum %#zx is not a power of two", a->name,
           (size_t)a->quantum);
    ASSERT(a->depth < VMEM_DEPTH, "vmem %s: imports through %u arenas", a->name, a->depth);
    /* who imports takes its own lock first, then its source's */
    a->lock = (struct spin)SPIN_INIT(a->name, (uint8_t)(RANK_VMEM + VMEM_DEPTH - a->depth));
    a->ends.kind = VMEM_SPAN;
    list_init(&a->ends.link);
    fit_init(&a->holes, c->fit != NULL ? c->fit : &fit_instant);
    a->buckets = a->few_buckets;
    a->bucket_bits = FEW_BUCKETS_BITS;
    a->grow_at = 1u << FEW_BUCKETS_BITS;
    a->promised = c->tags;
    a->keep = MAX(c->tags, (uint32_t)SPARE_TAGS);
    uint32_t bits = FEW_BUCKETS_BITS;
    while (1u << bits < c->tags)
        bits++;
    spin_take(&all_lock);
    list_push_back(&all_arenas, &a->link);
    spin_release(&all_lock);
    if (have_tags(a, c->tags) && (bits == FEW_BUCKETS_BITS || set_buckets(a, bits)))
        return a;
    vmem_destroy(a);
    return NULL;
}

void vmem_destroy(struct vmem *a)
{
    ASSERT(a->n.allocated == 0, "vmem %s: is destroyed while %u segments are allocated", a->name,
           a->n.allocated);
    spin_take(&all_lock);
    list_remove(&a->link);
    spin_release(&all_lock);
    list_for_each_safe (n, &a->ends.link)
        slab_free(&tag_cache, tag_of(n));
    for (struct tag *t = a->spare, *next; t != NULL; t = next) {
        next = t->next;
        slab_free(&tag_cache, t);
    }
    if (a->buckets != a->few_buckets)
        kfree(a->buckets);
    slab_free(&arena_cache, a);
}

/* What was promised stays: it may be wanted when there is no memory. */
void slab_spares_back(void)
{
    spin_take(&all_lock);
    list_for_each (n, &all_arenas) {
        struct vmem *a = container_of(n, struct vmem, link);
        spin_take(&a->lock);
        while (a->spares > a->promised) {
            struct tag *t = a->spare;
            a->spare = t->next;
            a->spares--;
            slab_free(&tag_cache, t);
        }
        spin_release(&a->lock);
    }
    spin_release(&all_lock);
}

const char *vmem_name(const struct vmem *a)
{
    return a->name;
}

/* May a range from start on be a span or a segment? */
static bool is_range(const struct vmem *a, uintptr_t start, uintptr_t size)
{
    return size > 0 && size <= UINTPTR_MAX - start && ((start | size) & (a->quantum - 1)) == 0;
}

enum vm_result vmem_add(struct vmem *a, uintptr_t start, uintptr_t size)
{
    enum vm_result r = VM_OK;
    if (!is_range(a, start, size))
        return VM_INVALID;
    spin_take(&a->lock);
    const struct fit_segment *behind = fit_tree_from(&a->spans, start);
    if (behind != NULL && behind->start < start + size)
        r = VM_EXISTS;
    else if (!have_tags(a, 2))
        r = VM_NO_MEMORY;
    else
        add_span(a, start, size, false);
    spin_release(&a->lock);
    return r;
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
    if (unlikely(t == NULL) && import(a, w))
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
            file_all(a, a->holes.fit);
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
    file_all(a, a->holes.fit);
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

/* ---- looking ---- */

void vmem_set_fit(struct vmem *a, const struct fit *fit)
{
    spin_take(&a->lock);
    file_all(a, fit);
    spin_release(&a->lock);
}

const struct fit *vmem_fit(const struct vmem *a)
{
    return a->holes.fit;
}

struct vmem_figures vmem_figures(const struct vmem *a)
{
    spin_take(lock_of(a));
    struct vmem_figures n = a->n;
    n.holes = a->holes.count;
    n.largest = fit_largest(&a->holes);
    spin_release(lock_of(a));
    return n;
}

bool vmem_walk(const struct vmem *a, bool (*visit)(const struct vmem_segment *s, void *arg), void *arg)
{
    bool go_on = true;
    spin_take(lock_of(a));
    for (const struct list_node *n = a->ends.link.next; go_on && n != &a->ends.link; n = n->next) {
        const struct tag *t = container_of(n, struct tag, link);
        struct vmem_segment s = {t->seg.start, t->seg.size, (enum vmem_kind)t->kind};
        go_on = visit(&s, arg);
    }
    spin_release(lock_of(a));
    return go_on;
}

bool vmem_each(bool (*visit)(struct vmem *a, void *arg), void *arg)
{
    bool go_on = true;
    spin_take(&all_lock);
    for (struct list_node *n = all_arenas.next; go_on && n != &all_arenas; n = n->next)
        go_on = visit(container_of(n, struct vmem, link), arg);
    spin_release(&all_lock);
    return go_on;
}
