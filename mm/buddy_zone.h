/* SPDX-License-Identifier: MIT
 * mm-level: 1.15
 * Inside the buddy allocator: its zones, for the two files that it is made of. */
#ifndef MM_BUDDY_ZONE_H
#define MM_BUDDY_ZONE_H

#include "mm/buddy.h"

/* A group: as many frames as the largest block, all on one side. */
enum mobility { UNMOVABLE, MOVABLE, MOBILITIES };

enum { GROUP_SHIFT = BUDDY_MAX_ORDER, GROUPS = 1u << (32 - PAGE_SHIFT - GROUP_SHIFT) };

struct frame_cache {
    struct list_node frames; /* FREE without HEAD; the warmest first */
    uint32_t count;
};

struct zone {
    const char *name; /* as Linux calls it */
    struct list_node list[MOBILITIES][BUDDY_ORDERS];
    uint32_t blocks[MOBILITIES][BUDDY_ORDERS]; /* on each list */
    struct frame_cache cache[MOBILITIES];
    uint32_t free, total; /* frames; those in the caches are free */
};

extern struct zone zone_low, zone_high;
extern uint8_t group_side[GROUPS]; /* enum mobility */

static inline struct frame *of_link(struct list_node *n)
{
    return container_of(n, struct frame, link);
}

static inline struct zone *zone_of(uint32_t n)
{
    return likely(n < frame_direct_count) ? &zone_low : &zone_high;
}

static inline enum mobility side_of(uint32_t n)
{
    return group_side[n >> GROUP_SHIFT];
}

static inline bool heads_free_block(const struct frame *f, unsigned order)
{
    return f->kind == FRAME_FREE && (f->flags & FRAME_HEAD) && f->order == order;
}

#endif
