/* SPDX-License-Identifier: MIT
 * mm-level: 2.12
 * Arenas as such: made and destroyed, their spans, added or imported, their tables, and looking at them.
 * See vmem_arena.h for what they are made of. */
#include "mm/vmem_arena.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "mm/vmem_tags.h"

enum { SPARE_TAGS = 8 }; /* so many are kept in any case: who frees soon allocates */

static struct list_node all_arenas = {&all_arenas, &all_arenas};
static struct spin all_lock = SPIN_INIT("vmem arenas", RANK_VMEM);
/* A cache of their own: an arena may have to be made when memory is short. */
static struct slab_cache arena_cache = SLAB_CACHE_INIT(arena_cache, "vmem", sizeof(struct vmem));
struct slab_cache vmem_tag_cache = SLAB_CACHE_INIT(vmem_tag_cache, "vmem-tag", sizeof(struct tag));

/* ---- tables ---- */

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

void vmem_shrink(struct vmem *a)
{
    a->shrink_at = 0;
    memset(a->few_buckets, 0, sizeof a->few_buckets);
    rehash(a, a->few_buckets, FEW_BUCKETS_BITS);
}

void vmem_grow(struct vmem *a)
{
    if (set_buckets(a, a->bucket_bits + 1))
        a->shrink_at = 1u << (FEW_BUCKETS_BITS - 1);
    else
        a->grow_at *= 2; /* long chains are not worse than failing; try again later */
}

void vmem_file_all(struct vmem *a, const struct fit *fit)
{
    fit_init(&a->holes, fit);
    a->places = (struct fit_tree){.order = FIT_BY_START};
    a->has_places = a->placing && fit->order != FIT_BY_START;
    list_for_each (n, &a->ends.link)
        if (tag_of(n)->kind == VMEM_FREE)
            file(a, tag_of(n));
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

bool vmem_import(struct vmem *a, const struct fit_want *want)
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

void vmem_give_span_back(struct vmem *a, struct tag *t)
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
        slab_free(&vmem_tag_cache, tag_of(n));
    for (struct tag *t = a->spare, *next; t != NULL; t = next) {
        next = t->next;
        slab_free(&vmem_tag_cache, t);
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
            slab_free(&vmem_tag_cache, t);
        }
        spin_release(&a->lock);
    }
    spin_release(&all_lock);
}

const char *vmem_name(const struct vmem *a)
{
    return a->name;
}

/* ---- looking ---- */

void vmem_set_fit(struct vmem *a, const struct fit *fit)
{
    spin_take(&a->lock);
    vmem_file_all(a, fit);
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
