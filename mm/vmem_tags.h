/* SPDX-License-Identifier: MIT
 * mm-level: 2.115
 * The tags of an arena and where they are filed: what making arenas (vmem_arena.c) and allocating from them
 * (vmem.c) share. => the arena's lock is held */
#ifndef MM_VMEM_TAGS_H
#define MM_VMEM_TAGS_H

#include "mm/slab.h"
#include "mm/vmem_arena.h"

extern struct slab_cache vmem_tag_cache;

/* ---- tags ---- */

/* So many spare tags. => false when memory is short */
static inline bool have_tags(struct vmem *a, uint32_t n)
{
    while (a->spares < n) {
        struct tag *t = slab_alloc(&vmem_tag_cache);
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
        slab_free(&vmem_tag_cache, t);
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

/* Files all of them afresh, under another strategy or the same. */
void vmem_file_all(struct vmem *a, const struct fit *fit);

/* ---- allocated segments: the hash table ---- */

/* Twice as many chains, if there is memory. */
void vmem_grow(struct vmem *a);

/* So few are left that the arena's own small table will do. */
void vmem_shrink(struct vmem *a);

/* ---- spans ---- */

/* May a range from start on be a span or a segment? */
static inline bool is_range(const struct vmem *a, uintptr_t start, uintptr_t size)
{
    return size > 0 && size <= UINTPTR_MAX - start && ((start | size) & (a->quantum - 1)) == 0;
}

/* A span that holds what is wanted, from the source. => false: there is none, or it has nothing */
bool vmem_import(struct vmem *a, const struct fit_want *want);

/* => t is all of an imported span: that goes back. */
void vmem_give_span_back(struct vmem *a, struct tag *t);

#endif
