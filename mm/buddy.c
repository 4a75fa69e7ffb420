/* SPDX-License-Identifier: MIT
 * mm-level: 1.1
 * The buddy allocator. A free block is on the list of its order, and its first frame is a FREE HEAD that
 * knows the order; the other frames of the block are FREE without HEAD. */
#include "mm/buddy.h"
#include "lib/command.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "mm/port.h"

enum { JUNK = 0xa5 };

static struct zone {
    const char *name;
    struct list_node list[BUDDY_ORDERS];
    uint32_t blocks[BUDDY_ORDERS]; /* on each list */
    uint32_t free, total;          /* frames */
} low = {.name = "low"}, high = {.name = "high"};

static uint32_t reserve; /* frames of the low zone */

bool buddy_junk;

static struct frame *of_link(struct list_node *n)
{
    return container_of(n, struct frame, link);
}

static struct zone *zone_of(uint32_t n)
{
    return likely(n < frame_direct_count) ? &low : &high;
}

static void put_block(struct zone *z, struct frame *f, unsigned order)
{
    f->flags = FRAME_HEAD;
    f->order = (uint8_t)order;
    list_push_front(&z->list[order], &f->link);
    z->blocks[order]++;
}

static void take_block(struct zone *z, struct frame *f)
{
    list_remove(&f->link);
    z->blocks[f->order]--;
    f->flags = 0;
}

/* Merges upwards while the buddy is a free block of the same order, then lists the result. A buddy is
 * always in the same zone: see buddy_init. */
static void release(struct zone *z, uint32_t n, unsigned order)
{
    while (order < BUDDY_MAX_ORDER) {
        uint32_t other = n ^ (1u << order);
        if (other >= frame_table_count)
            break;
        struct frame *b = &frame_table[other];
        if (b->kind != FRAME_FREE || !(b->flags & FRAME_HEAD) || b->order != order)
            break;
        take_block(z, b);
        n &= ~(1u << order);
        order++;
    }
    put_block(z, &frame_table[n], order);
}

static void zone_init(struct zone *z)
{
    z->free = z->total = 0;
    memset(z->blocks, 0, sizeof z->blocks);
    for (unsigned i = 0; i < BUDDY_ORDERS; i++)
        list_init(&z->list[i]);
}

void buddy_init(uint32_t reserve_frames)
{
    ASSERT(frame_direct_count == frame_table_count || frame_direct_count % (1u << BUDDY_MAX_ORDER) == 0,
           "buddy: the direct map ends at frame %#x, inside a block", frame_direct_count);
    zone_init(&low);
    zone_init(&high);
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
            put_block(z, &frame_table[n], order);
            z->total += 1u << order;
            n += 1u << order;
        }
    }
    low.free = low.total;
    high.free = high.total;
    reserve = reserve_frames;
}

/* Inline: with the zone and the kind known it is a fifth shorter, and every first touch comes here. */
static ALWAYS_INLINE struct frame *alloc_from(struct zone *z, unsigned order, enum frame_kind kind)
{
    unsigned have = order;
    while (have < BUDDY_ORDERS && list_empty(&z->list[have]))
        have++;
    if (have >= BUDDY_ORDERS)
        return NULL;
    struct frame *f = of_link(z->list[have].next);
    take_block(z, f);
    while (have > order) {
        have--;
        put_block(z, f + (1u << have), have);
    }
    for (uint32_t i = 0; i < 1u << order; i++) {
        f[i].kind = (uint8_t)kind;
        f[i].order = (uint8_t)order;
    }
    f->flags = FRAME_HEAD;
    list_init(&f->link);
    z->free -= 1u << order;
    return f;
}

struct frame *buddy_alloc(unsigned order, enum alloc_for who)
{
    if (who == ALLOC_KERNEL)
        return alloc_from(&low, order, FRAME_KERNEL);
    if (unlikely(high.free > 0)) {
        struct frame *f = alloc_from(&high, order, FRAME_USER);
        if (f != NULL)
            return f;
    }
    if (low.free < reserve + (1u << order))
        return NULL;
    return alloc_from(&low, order, FRAME_USER);
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

void buddy_free(struct frame *f)
{
    uint32_t n = frame_pfn(f).n;
    ASSERT(f->kind == FRAME_KERNEL || f->kind == FRAME_USER,
           "buddy_free: frame %#x is not allocated (kind %d)", n, f->kind);
    ASSERT(f->flags == FRAME_HEAD, "buddy_free: frame %#x is busy or heads no block (flags %#x)", n,
           f->flags);
    ASSERT(f->pmap == NULL, "buddy_free: frame %#x is still mapped at %#x", n, f->va);
    ASSERT(f->pool == NULL && !slot_valid(f->slot), "buddy_free: frame %#x is still in a pool or has slot %d",
           n, (int)f->slot.n);
    unsigned order = f->order;
    for (uint32_t i = 0; i < 1u << order; i++) {
        f[i].kind = FRAME_FREE;
        if (unlikely(buddy_junk))
            memset(page_window(frame_pfn(&f[i]), WINDOW_TO), JUNK, PAGE_SIZE);
    }
    f->flags = 0;
    struct zone *z = zone_of(n);
    z->free += 1u << order;
    release(z, n, order);
}

uint32_t buddy_free_frames(void)
{
    return low.free + high.free;
}

uint32_t buddy_low_free(void)
{
    return low.free;
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
    return low.total + high.total;
}

static bool check_block(const struct zone *z, struct frame *f, unsigned order, struct printer *out)
{
    uint32_t n = frame_pfn(f).n, size = 1u << order;
    if (n % size != 0 || n + size > frame_table_count || zone_of(n) != z || zone_of(n + size - 1) != z ||
        !(f->flags & FRAME_HEAD) || f->order != order) {
        print(out, "buddy: block %#x on list %u of zone %s is elsewhere, misaligned or says order %u\n", n,
              order, z->name, f->order);
        return false;
    }
    for (uint32_t i = 0; i < size; i++) {
        if (f[i].kind != FRAME_FREE || f[i].pmap != NULL || f[i].pool != NULL || (i > 0 && f[i].flags != 0)) {
            print(out, "buddy: frame %#x in free block %#x is of kind %d\n", n + i, n, f[i].kind);
            return false;
        }
    }
    uint32_t other = n ^ size;
    if (order < BUDDY_MAX_ORDER && other + size <= frame_table_count) {
        struct frame *b = &frame_table[other];
        if (b->kind == FRAME_FREE && (b->flags & FRAME_HEAD) && b->order == order) {
            print(out, "buddy: free buddies %#x and %#x of order %u are not merged\n", n, other, order);
            return false;
        }
    }
    return true;
}

static bool check_zone(const struct zone *z, uint32_t first, uint32_t end, struct printer *out)
{
    uint32_t listed = 0, marked = 0;
    for (unsigned order = 0; order < BUDDY_ORDERS; order++) {
        uint32_t blocks = 0;
        list_for_each (n, &z->list[order]) {
            if (!check_block(z, of_link(n), order, out))
                return false;
            blocks++;
        }
        if (blocks != z->blocks[order]) {
            print(out, "buddy: zone %s: %u blocks of order %u listed, %u counted\n", z->name, blocks, order,
                  z->blocks[order]);
            return false;
        }
        listed += blocks << order;
    }
    for (uint32_t n = first; n < end; n++)
        marked += frame_table[n].kind == FRAME_FREE;
    if (listed != z->free || marked != z->free) {
        print(out, "buddy: zone %s: %u frames counted free, %u listed, %u marked\n", z->name, z->free, listed,
              marked);
        return false;
    }
    return true;
}

bool buddy_check(struct printer *out)
{
    return check_zone(&low, 0, frame_direct_count, out) &&
           check_zone(&high, frame_direct_count, frame_table_count, out);
}

static void print_zone(const struct zone *z, struct printer *out)
{
    print(out, "%-4s  ", z->name);
    for (unsigned i = 0; i < BUDDY_ORDERS; i++)
        print(out, " %6u", z->blocks[i]);
    print(out, "\n");
}

static int command_run(int argc UNUSED, char **argv UNUSED, struct printer *out)
{
    print(out, "order ");
    for (unsigned i = 0; i < BUDDY_ORDERS; i++)
        print(out, " %6u", i);
    print(out, "\n");
    print_zone(&low, out);
    if (high.total > 0)
        print_zone(&high, out);
    print(out, "free %u of %u frames, %u in reserve\n", buddy_free_frames(), buddy_total_frames(), reserve);
    if (high.total > 0)
        print(out, "low %u of %u, high %u of %u\n", low.free, low.total, high.free, high.total);
    return 0;
}

COMMAND(buddy, "", "free blocks of each order, in low memory and in high", command_run);
