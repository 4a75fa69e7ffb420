/* SPDX-License-Identifier: MIT
 * mm-level: 1
 * The frame database: one record per physical frame of RAM. Low frames lie in the direct map, where the
 * kernel can address them at any time; high frames lie beyond it and show only through a window
 * (page_window). */
#ifndef MM_FRAME_H
#define MM_FRAME_H

#include "lib/list.h"
#include "mm/types.h"

struct object;
struct pmap;
struct pool;
struct rmap_node;

enum frame_kind {
    FRAME_RESERVED, /* not RAM, or in use since before the database: kernel image, modules, itself */
    FRAME_FREE,     /* in a free block of the buddy allocator */
    FRAME_KERNEL,   /* wired: page tables, heap, stacks */
    FRAME_USER,     /* holds a page of a process; evictable */
    FRAME_CONTIG,   /* of a contiguous arena: mapped and never evicted; only the arena's compaction moves what
                       it holds */
};

enum { FRAME_KINDS = FRAME_CONTIG + 1 };

enum frame_flag {
    FRAME_BUSY = 1,    /* its content is on its way to or from the disk: wait for it, do not touch it */
    FRAME_HEAD = 2,    /* first frame of a free or allocated block of `order` */
    FRAME_DIRTY = 4,   /* its content is stored nowhere else, whatever the PTEs' dirty bits say */
    FRAME_QUEUED = 8,  /* its pool's policy knows it */
    FRAME_WANTED = 16, /* somebody sleeps until it is no longer BUSY */
    FRAME_STUCK = 64,  /* its slot did not take it: DIRTY, and no slot can be gained by giving its own back */
    FRAME_READAHEAD = 32, /* read before anybody asked for it, and nobody has yet */
    FRAME_MERGED = 128,   /* mapped by pages that were found equal */
};

/* Who writes a field: [b] buddy, [p] pool and reclaim, [r] rmap, [y] the policy of its pool, [f] fault
 * and reclaim, [o] object, [s] slab. Of a block of user pages, the first frame's `pool`, `pmap`, `va` and
 * policy fields stand for all; `slot` and DIRTY are each frame's own. */
struct frame {
    struct list_node link; /* [b] free list, while FREE; [y] the policy's queue, while QUEUED */
    uint8_t kind;          /* [b] enum frame_kind */
    uint8_t flags;         /* [b] HEAD, [f] the others */
    uint8_t order;         /* [b] of the block that this frame heads; of a user block, in all its frames */
    uint8_t policy_flag;   /* [y] */
    uint32_t policy_word;  /* [y] */
    struct pool *pool;     /* [p] the pool that is charged for it, NULL if none */
    slot_t slot;           /* [f] swap slot with a copy of the content, or SLOT_NONE */
    struct pmap *pmap;     /* [r] first mapping; NULL when unmapped */
    vaddr_t va;            /* [r] first mapping */
    union {
        struct rmap_node *more; /* [r] further mappings */
        struct slab *slab;      /* [s] of a KERNEL frame: whose it is, NULL if no slab's */
    };
    struct object *object; /* [o] the object whose page it is; NULL for a private page */
    uint32_t index;        /* [o] which of its pages */
    uint32_t wired;        /* [p] locked mappings; not QUEUED while there are any */
    uint32_t since;        /* [p] the fault (vmstat.pgfault) at which the page came in; for people */
};

extern struct frame *frame_table;    /* indexed by pfn */
extern uint32_t frame_table_count;   /* entries; pfns from here up are not RAM for us */
extern uint32_t frame_direct_count;  /* frames below it lie in the direct map, those from it up do not */
extern const char *frame_direct_map; /* where the direct map shows physical address 0, or would show it */

/* A range of physical memory, bytes, end exclusive. */
struct phys_range {
    paddr_t start, end;
};

/* Figures of frame_init, for the boot log. Frames. */
struct frame_census {
    uint32_t ram;      /* usable frames that the memory map names below the limit */
    uint32_t database; /* frames that hold the database itself */
};

/* Builds the database in the first hole of `usable` that lies in the direct map, is large enough and
 * touches nothing in `reserved`. Frames that the buddy allocator may have are marked FREE, all others
 * RESERVED. Addresses at or above `limit` are ignored, and so is the last page below 4 GiB, whose end has no
 * paddr_t; `direct_limit` is where the direct map ends. Ranges may be unsorted, overlapping, unaligned.
 * => false if there is no such hole. */
bool frame_init(const struct phys_range *usable, size_t usable_count, const struct phys_range *reserved,
                size_t reserved_count, paddr_t limit, paddr_t direct_limit,
                struct frame_census *census) MUST_CHECK;

/* Takes `count` adjoining frames that are marked FREE, as high as possible in the direct map, out of
 * circulation for good: the ramdisk. => before buddy_init. => their physical address, 0 if there is no such
 * run. */
paddr_t frame_take(uint32_t count) MUST_CHECK;

static inline struct frame *frame_of(pfn_t pfn)
{
    return &frame_table[pfn.n];
}

/* The first frame of the block of user pages that f belongs to; f itself if it is a single page. */
static inline struct frame *frame_head(struct frame *f)
{
    return f - ((uint32_t)(f - frame_table) & ((1u << f->order) - 1));
}

static inline pfn_t frame_pfn(const struct frame *f)
{
    return (pfn_t){(uint32_t)(f - frame_table)};
}

/* The content, through the direct map. => f is a low frame, as KERNEL frames always are; what a USER frame
 * holds is reached by page_window. */
void *frame_ptr(const struct frame *f);
struct frame *frame_of_ptr(const void *p);

/* As frame_of_ptr, quickly. => NULL if p is not in the direct map */
static inline struct frame *frame_around(const void *p)
{
    size_t n = ((uintptr_t)p - (uintptr_t)frame_direct_map) / PAGE_SIZE;
    return likely(n < frame_direct_count) ? &frame_table[n] : NULL;
}

#endif
