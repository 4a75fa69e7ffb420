/* SPDX-License-Identifier: MIT
 * mm-level: 2.11
 * What an arena is made of, for vmem*.c, and for tests that break one. Its tags are in one list: a span's,
 * then those of the segments that tile it, then the next span's. Neighbours are found there, so that merging
 * is O(1). A free segment is in the strategy's set; an allocated one is in a hash table by its start, so that
 * freeing it is O(1) too.
 *
 *   segments    [span 0..9] [used 0..3] [free 4..9] [span 20..29] [free 20..29]
 *   hash         0
 *   strategy     4, 20
 *   spans        0, 20                                       a tree: where a new one belongs, and overlaps
 *
 * Tags come from the arena's spare ones first, then from the slab cache that all arenas share. */
#ifndef MM_VMEM_ARENA_H
#define MM_VMEM_ARENA_H

#include "lib/list.h"
#include "mm/vmem.h"

struct tag {
    struct fit_segment seg;   /* start and size always; a free one's or a span's place in its tree or list */
    struct fit_segment place; /* a free one's in arena.places */
    struct list_node link;    /* arena.ends */
    struct tag *next;         /* an allocated one's in its hash bucket, or a spare one's */
    uint8_t kind;             /* of enum vmem_kind */
    bool imported;            /* a span */
};

enum { FEW_BUCKETS_BITS = 4 }; /* the hash table that every arena has in itself */

struct vmem {
    struct spin lock;
    struct list_node link; /* all_arenas */
    const char *name;
    uintptr_t quantum;
    struct vmem *source;
    uintptr_t import;
    uint32_t depth; /* of arenas that it imports through */

    struct tag ends; /* before the first tag and behind the last; counts as a span */
    struct fit_set holes;
    /* The free segments by start, for vmem_alloc_at: kept from its first call on, unless holes.tree is just
     * that. */
    struct fit_tree places;
    bool placing, has_places; /* it was called; and so there is the tree */
    struct fit_tree spans;
    struct tag **buckets, *few_buckets[1 << FEW_BUCKETS_BITS];
    uint32_t bucket_bits;
    uint32_t grow_at, shrink_at; /* the table, when more, or fewer, segments than this are allocated */
    struct tag *spare;
    uint32_t spares, keep; /* at most so many spare ones */
    uint32_t promised;     /* at least so many, but for those in use: vmem_config.tags */
    struct vmem_figures n; /* without `largest` */
};

/* For those who only look. */
static inline struct spin *lock_of(const struct vmem *a)
{
    return (struct spin *)(uintptr_t)&a->lock;
}

static inline struct tag *tag_of(struct list_node *link)
{
    return container_of(link, struct tag, link);
}

static inline struct tag *tag_of_segment(struct fit_segment *s)
{
    return container_of(s, struct tag, seg);
}

static inline uintptr_t end_of(const struct tag *t)
{
    return t->seg.start + t->seg.size;
}

static inline struct tag **bucket_of(const struct vmem *a, uintptr_t start)
{
    /* the golden ratio's fraction spreads any multiples: Knuth, TAOCP 3, 6.4 */
    enum { WORD = 32 };
    uint32_t key = (uint32_t)(start ^ (uint64_t)start >> WORD) * 0x9e3779b1u;
    return &a->buckets[key >> (WORD - a->bucket_bits)];
}

/* The link that leads to the allocated segment from `start`; *link is NULL if there is none. */
static inline struct tag **find_used(const struct vmem *a, uintptr_t start)
{
    struct tag **link = bucket_of(a, start);
    while (*link != NULL && (*link)->seg.start != start)
        link = &(*link)->next;
    return link;
}

#endif
