/* SPDX-License-Identifier: MIT
 * mm-level: 1.2
 * The buddy allocator. A free block is on the list of its order and its group's side, and its first frame is
 * a FREE HEAD that knows the order; the other frames of the block are FREE without HEAD, and so are cached
 * frames. */
#include "mm/buddy.h"
#include "lib/panic.h"
#include "lib/spin.h"
#include "lib/string.h"
#include "lib/trace.h"
#include "mm/buddy_zone.h"
#include "mm/port.h"
#include "mm/stats.h"

enum { JUNK = 0xa5 };

enum {
    CACHE_BATCH = 16, /* frames that go in or out of a cache at once */
    CACHE_MOST = 64,
};

struct zone zone_low = {.name = "Normal"}, zone_high = {.name = "HighMem"};
uint8_t group_side[GROUPS];
static uint32_t reserve; /* frames of the low zone */
static struct spin lock = SPIN_INIT("buddy", RANK_BUDDY);

bool buddy_junk;

static void put_block(struct zone *z, uint32_t n, unsigned order)
{
    struct frame *f = &frame_table[n];
    enum mobility side = side_of(n);
    f->flags = FRAME_HEAD;
    f->order = (uint8_t)order;
    list_push_front(&z->list[side][order], &f->link);
    z->blocks[side][order]++;
}

static void take_block(struct zone *z, struct frame *f)
{
    list_remove(&f->link);
    z->blocks[side_of(frame_pfn(f).n)][f->order]--;
    f->flags = 0;
}

/* Merges upwards while the buddy is a free block of the same order, then lists the result. A buddy is
 * always in the same zone: see buddy_init. */
static void release(struct zone *z, uint32_t n, unsigned order)
{
    while (order < BUDDY_MAX_ORDER) {
        uint32_t other = n ^ (1u << order);
        if (other >= frame_table_count || !heads_free_block(&frame_table[other], order))
            break;
        take_block(z, &frame_table[other]);
        n &= ~(1u << order);
        order++;
    }
    if (unlikely(order == BUDDY_MAX_ORDER)) /* nothing of the kernel's is left in the group */
        group_side[n >> GROUP_SHIFT] = MOVABLE;
    put_block(z, n, order);
}

static void zone_init(struct zone *z)
{
    z->free = z->total = 0;
    memset(z->blocks, 0, sizeof z->blocks);
    for (unsigned side = 0; side < MOBILITIES; side++) {
        list_init(&z->cache[side].frames);
        z->cache[side].count = 0;
        for (unsigned i = 0; i < BUDDY_ORDERS; i++)
            list_init(&z->list[side][i]);
    }
}

void buddy_init(uint32_t reserve_frames)
{
    ASSERT(frame_direct_count == frame_table_count || frame_direct_count % (1u << BUDDY_MAX_ORDER) == 0,
           "buddy: the direct map ends at frame %#x, inside a block", frame_direct_count);
    zone_init(&zone_low);
    zone_init(&zone_high);
    /* A group that is not all ours can never be a block of the largest order: it is for the kernel. */
    memset(group_side, UNMOVABLE, sizeof group_side);
    /* Whole aligned blocks at once: releasing frame by frame would cost a merge each. */
    for (uint32_t n = 0; n < frame_table_count;) {
        if (frame_table[n].kind != FRAME_FREE) {
            n++;
            continue;
        }
        uint32_t end = n;
        while (end < frame_table_count && frame_table[end].kind == FRAME_FREE)
            end++;
        while (n < end) {
            unsigned order = 0;
            while (order < BUDDY_MAX_ORDER && n % (2u << order) == 0 && n + (2u << order) <= end)
                order++;
            struct zone *z = zone_of(n);
            if (order == BUDDY_MAX_ORDER)
                group_side[n >> GROUP_SHIFT] = MOVABLE;
            put_block(z, n, order);
            z->total += 1u << order;
            n += 1u << order;
        }
    }
    zone_low.free = zone_low.total;
    zone_high.free = zone_high.total;
    reserve = reserve_frames;
}

/* ---- allocation ---- */

/* The group of frame n changes sides, with its free blocks. */
static void change_side(struct zone *z, uint32_t n, enum mobility side)
{
    uint32_t first = ALIGN_DOWN(n, 1u << GROUP_SHIFT);
    uint32_t end = MIN(first + (1u << GROUP_SHIFT), frame_table_count);
    enum mobility old = side_of(n);
    group_side[n >> GROUP_SHIFT] = (uint8_t)side;
    for (uint32_t i = first; i < end;) {
        struct frame *f = &frame_table[i];
        if (f->kind != FRAME_FREE || !(f->flags & FRAME_HEAD)) {
            i++;
            continue;
        }
        list_remove(&f->link);
        z->blocks[old][f->order]--;
        put_block(z, i, f->order);
        i += 1u << f->order;
    }
}

/* This side has no block that is large enough, so it is one of the other side's. For the kernel the largest,
 * whose whole group comes over, so that the next pages of the kernel's do not spoil another one. For movable
 * pages, if most of a group is free, the same; else the smallest that will do: what they leave, the kernel
 * can still have. */
static struct frame *steal(struct zone *z, unsigned order, enum mobility side)
{
    unsigned least = side == UNMOVABLE ? order : MAX(order, (unsigned)BUDDY_MAX_ORDER - 1);
    for (unsigned have = BUDDY_ORDERS; have-- > least;) {
        if (list_empty(&z->list[!side][have]))
            continue;
        struct frame *f = of_link(z->list[!side][have].next);
        change_side(z, frame_pfn(f).n, side);
        return f;
    }
    for (unsigned have = order; have < least; have++)
        if (!list_empty(&z->list[!side][have]))
            return of_link(z->list[!side][have].next);
    return NULL;
}

/* => a block of this order that is on no list, FREE still; NULL if there is none. */
static struct frame *take(struct zone *z, unsigned order, enum mobility side)
{
    unsigned have = order;
    while (have < BUDDY_ORDERS && list_empty(&z->list[side][have]))
        have++;
    struct frame *f = have < BUDDY_ORDERS ? of_link(z->list[side][have].next) : steal(z, order, side);
    if (f == NULL)
        return NULL;
    have = f->order;
    take_block(z, f);
    while (have > order) {
        have--;
        put_block(z, frame_pfn(f).n + (1u << have), have);
    }
    return f;
}

static void drain(struct zone *z, struct frame_cache *c, uint32_t count)
{
    for (; count > 0 && c->count > 0; count--) {
        struct frame *f = of_link(c->frames.prev);
        list_remove(&f->link);
        c->count--;
        release(z, frame_pfn(f).n, 0);
    }
}

static void drain_zone(struct zone *z)
{
    for (unsigned side = 0; side < MOBILITIES; side++)
        drain(z, &z->cache[side], UINT32_MAX);
}

static NOINLINE void refill(struct zone *z, enum mobility side)
{
    struct frame_cache *c = &z->cache[side];
    struct frame *f;
    if (list_empty(&z->list[side][0]) && z->free <= z->cache[!side].count)
        drain_zone(z); /* nothing but what the other side's cache holds */
    while (c->count < CACHE_BATCH && (f = take(z, 0, side)) != NULL) {
        f->order = 0;
        list_push_back(&c->frames, &f->link);
        c->count++;
    }
}

static struct frame *take_large(struct zone *z, unsigned order, enum mobility side)
{
    struct frame *f = take(z, order, side);
    if (f == NULL && z->cache[MOVABLE].count + z->cache[UNMOVABLE].count > 0) {
        drain_zone(z);
        f = take(z, order, side);
    }
    return f;
}

/* Inline: with the zone and the kind known it is a fifth shorter, and every first touch comes here. */
static ALWAYS_INLINE struct frame *alloc_from(struct zone *z, unsigned order, enum frame_kind kind)
{
    const enum mobility side = kind == FRAME_USER ? MOVABLE : UNMOVABLE;
    struct frame *f;
    if (likely(order == 0)) {
        struct frame_cache *c = &z->cache[side];
        if (unlikely(c->count == 0))
            refill(z, side);
        if (unlikely(c->count == 0))
            return NULL;
        f = of_link(c->frames.next);
        list_remove(&f->link);
        c->count--;
    } else {
        f = take_large(z, order, side);
        if (f == NULL)
            return NULL;
        for (uint32_t i = 1; i < 1u << order; i++) {
            f[i].kind = (uint8_t)kind;
            f[i].order = (uint8_t)order;
        }
    }
    f->kind = (uint8_t)kind;
    f->order = (uint8_t)order;
    f->flags = FRAME_HEAD;
    list_init(&f->link);
    z->free -= 1u << order;
    vmstat.pgalloc += 1u << order;
    TRACE(ALLOC, order | (kind == FRAME_USER ? 16u : 0), trace_pid, frame_pfn(f).n);
    return f;
}

struct frame *buddy_alloc(unsigned order, enum alloc_for who)
{
    struct frame *f = NULL;
    spin_take(&lock);
    if (who == ALLOC_KERNEL) {
        f = alloc_from(&zone_low, order, FRAME_KERNEL);
    } else {
        if (unlikely(zone_high.free > 0))
            f = alloc_from(&zone_high, order, FRAME_USER);
        if (likely(f == NULL) && likely(zone_low.free >= reserve + (1u << order)))
            f = alloc_from(&zone_low, order, FRAME_USER);
    }
    spin_release(&lock);
    return f;
}

void buddy_split(struct frame *f)
{
    ASSERT((f->flags & FRAME_HEAD) && f->kind != FRAME_FREE,
           "buddy_split: frame %#x heads no allocated block", frame_pfn(f).n);
    for (uint32_t i = (1u << f->order); i-- > 0;) {
        f[i].flags |= FRAME_HEAD;
        f[i].order = 0;
    }
}

static ALWAYS_INLINE void check_unused(const struct frame *f)
{
    uint32_t n = frame_pfn(f).n;
    ASSERT(f->kind == FRAME_KERNEL || f->kind == FRAME_USER,
           "buddy_free: frame %#x is not allocated (kind %d)", n, f->kind);
    ASSERT(f->flags == FRAME_HEAD, "buddy_free: frame %#x is busy or heads no block (flags %#x)", n,
           f->flags);
    ASSERT(f->pmap == NULL, "buddy_free: frame %#x is still mapped at %#x", n, f->va);
    ASSERT(f->pool == NULL && !slot_valid(f->slot), "buddy_free: frame %#x is still in a pool or has slot %d",
           n, (int)f->slot.n);
}

static NOINLINE void junk(const struct frame *f)
{
    for (uint32_t i = 0; i < 1u << f->order; i++)
        memset(page_window(frame_pfn(&f[i]), WINDOW_TO), JUNK, PAGE_SIZE);
}

void buddy_free(struct frame *f)
{
    uint32_t n = frame_pfn(f).n;
    unsigned order = f->order;
    struct zone *z = zone_of(n);
    check_unused(f);
    if (unlikely(buddy_junk))
        junk(f);
    TRACE(FREE, order | (f->kind == FRAME_USER ? 16u : 0), trace_pid, n);
    spin_take(&lock);
    f->flags = 0;
    z->free += 1u << order;
    vmstat.pgfree += 1u << order;
    if (likely(order == 0)) {
        struct frame_cache *c = &z->cache[side_of(n)];
        f->kind = FRAME_FREE;
        list_push_front(&c->frames, &f->link);
        if (unlikely(++c->count > CACHE_MOST))
            drain(z, c, CACHE_BATCH);
    } else {
        for (uint32_t i = 0; i < 1u << order; i++)
            f[i].kind = FRAME_FREE;
        release(z, n, order);
    }
    spin_release(&lock);
}

void buddy_drain(void)
{
    spin_take(&lock);
    drain_zone(&zone_low);
    drain_zone(&zone_high);
    spin_release(&lock);
}

/* ---- for compaction ---- */

/* The head of the free block that contains frame n, which is FREE and in no cache. */
static struct frame *head_of_free(uint32_t n)
{
    for (unsigned order = 0; order < BUDDY_ORDERS; order++) {
        struct frame *f = &frame_table[ALIGN_DOWN(n, 1u << order)];
        if (f->kind == FRAME_FREE && (f->flags & FRAME_HEAD) && f->order >= order)
            return f;
    }
    panic("buddy: free frame %#x is in no block", n);
}

static void hold(struct frame *f)
{
    f->kind = FRAME_KERNEL;
    f->order = 0;
    f->flags = FRAME_HEAD;
    list_init(&f->link);
}

uint32_t buddy_isolate(uint32_t first, uint32_t count)
{
    uint32_t taken = 0, end = MIN(first + count, frame_table_count);
    spin_take(&lock);
    drain_zone(&zone_low);
    drain_zone(&zone_high);
    for (uint32_t n = first; n < end; n++) {
        if (frame_table[n].kind != FRAME_FREE)
            continue;
        struct zone *z = zone_of(n);
        struct frame *f = head_of_free(n);
        uint32_t start = frame_pfn(f).n, size = 1u << f->order;
        take_block(z, f);
        for (uint32_t i = 0; i < size; i++)
            if (start + i >= first && start + i < end)
                hold(&f[i]);
            else
                release(z, start + i, 0);
        uint32_t held = MIN(start + size, end) - n;
        z->free -= held;
        taken += held;
    }
    spin_release(&lock);
    return taken;
}

void buddy_hold(struct frame *f)
{
    check_unused(f);
    hold(f);
}

void buddy_join(struct frame *f, unsigned order, enum frame_kind kind)
{
    ASSERT(frame_pfn(f).n % (1u << order) == 0, "buddy_join: frame %#x is not aligned to order %u",
           frame_pfn(f).n, order);
    for (uint32_t i = 0; i < 1u << order; i++) {
        ASSERT(f[i].kind == FRAME_KERNEL && f[i].flags == FRAME_HEAD && f[i].order == 0,
               "buddy_join: frame %#x is not held", frame_pfn(&f[i]).n);
        f[i].kind = (uint8_t)kind;
        f[i].order = (uint8_t)order;
        f[i].flags = i == 0 ? FRAME_HEAD : 0;
    }
}

/* ---- counts ---- */

uint32_t buddy_free_frames(void)
{
    return zone_low.free + zone_high.free;
}

uint32_t buddy_low_free(void)
{
    return zone_low.free;
}

uint32_t buddy_reserve(void)
{
    return reserve;
}

void buddy_move_reserve(int32_t frames)
{
    reserve += (uint32_t)frames;
}

uint32_t buddy_total_frames(void)
{
    return zone_low.total + zone_high.total;
}
