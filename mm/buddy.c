/* SPDX-License-Identifier: MIT
 * mm-level: 1.1
 * The buddy allocator. A free block is on the list of its order, and its first frame is a FREE HEAD that
 * knows the order; the other frames of the block are FREE without HEAD. */
#include "mm/buddy.h"
#include "lib/command.h"
#include "lib/panic.h"
#include "lib/string.h"

enum { JUNK = 0xa5 };

static struct {
    struct list_node list[BUDDY_ORDERS];
    uint32_t blocks[BUDDY_ORDERS]; /* on each list */
    uint32_t free, total, reserve; /* frames */
} buddy;

bool buddy_junk;

static struct frame *of_link(struct list_node *n)
{
    return container_of(n, struct frame, link);
}

static void put_block(struct frame *f, unsigned order)
{
    f->flags = FRAME_HEAD;
    f->order = (uint8_t)order;
    list_push_front(&buddy.list[order], &f->link);
    buddy.blocks[order]++;
}

static void take_block(struct frame *f)
{
    list_remove(&f->link);
    buddy.blocks[f->order]--;
    f->flags = 0;
}

/* Merges upwards while the buddy is a free block of the same order, then lists the result. */
static void release(uint32_t n, unsigned order)
{
    while (order < BUDDY_MAX_ORDER) {
        uint32_t other = n ^ (1u << order);
        if (other >= frame_table_count)
            break;
        struct frame *b = &frame_table[other];
        if (b->kind != FRAME_FREE || !(b->flags & FRAME_HEAD) || b->order != order)
            break;
        take_block(b);
        n &= ~(1u << order);
        order++;
    }
    put_block(&frame_table[n], order);
}

void buddy_init(uint32_t reserve)
{
    memset(&buddy, 0, sizeof buddy);
    for (unsigned i = 0; i < BUDDY_ORDERS; i++)
        list_init(&buddy.list[i]);
    /* Whole aligned blocks at once: releasing frame by frame would cost a merge each. */
    for (uint32_t n = 0; n < frame_table_count;) {
        if (frame_table[n].kind != FRAME_FREE) {
            n++;
            continue;
        }
        uint32_t end = n;
        while (end < frame_table_count && frame_table[end].kind == FRAME_FREE)
            end++;
        buddy.total += end - n;
        while (n < end) {
            unsigned order = 0;
            while (order < BUDDY_MAX_ORDER && n % (2u << order) == 0 && n + (2u << order) <= end)
                order++;
            put_block(&frame_table[n], order);
            n += 1u << order;
        }
    }
    buddy.free = buddy.total;
    buddy.reserve = reserve;
}

struct frame *buddy_alloc(unsigned order, enum alloc_for who)
{
    if (who == ALLOC_USER && buddy.free < buddy.reserve + (1u << order))
        return NULL;
    unsigned have = order;
    while (have < BUDDY_ORDERS && list_empty(&buddy.list[have]))
        have++;
    if (have >= BUDDY_ORDERS)
        return NULL;
    struct frame *f = of_link(buddy.list[have].next);
    take_block(f);
    while (have > order) {
        have--;
        put_block(f + (1u << have), have);
    }
    enum frame_kind kind = who == ALLOC_USER ? FRAME_USER : FRAME_KERNEL;
    for (uint32_t i = 0; i < 1u << order; i++)
        f[i].kind = (uint8_t)kind;
    f->flags = FRAME_HEAD;
    f->order = (uint8_t)order;
    list_init(&f->link);
    buddy.free -= 1u << order;
    return f;
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
            memset(frame_ptr(&f[i]), JUNK, PAGE_SIZE);
    }
    f->flags = 0;
    buddy.free += 1u << order;
    release(n, order);
}

uint32_t buddy_free_frames(void)
{
    return buddy.free;
}

uint32_t buddy_reserve(void)
{
    return buddy.reserve;
}

void buddy_move_reserve(int32_t frames)
{
    buddy.reserve += (uint32_t)frames;
}

uint32_t buddy_total_frames(void)
{
    return buddy.total;
}

static bool check_block(struct frame *f, unsigned order, struct printer *out)
{
    uint32_t n = frame_pfn(f).n, size = 1u << order;
    if (n % size != 0 || n + size > frame_table_count || !(f->flags & FRAME_HEAD) || f->order != order) {
        print(out, "buddy: block %#x on list %u is misaligned or says order %u\n", n, order, f->order);
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

bool buddy_check(struct printer *out)
{
    uint32_t listed = 0, marked = 0;
    for (unsigned order = 0; order < BUDDY_ORDERS; order++) {
        uint32_t blocks = 0;
        list_for_each (n, &buddy.list[order]) {
            if (!check_block(of_link(n), order, out))
                return false;
            blocks++;
        }
        if (blocks != buddy.blocks[order]) {
            print(out, "buddy: %u blocks of order %u listed, %u counted\n", blocks, order,
                  buddy.blocks[order]);
            return false;
        }
        listed += blocks << order;
    }
    for (uint32_t n = 0; n < frame_table_count; n++)
        marked += frame_table[n].kind == FRAME_FREE;
    if (listed != buddy.free || marked != buddy.free) {
        print(out, "buddy: %u frames counted free, %u listed, %u marked\n", buddy.free, listed, marked);
        return false;
    }
    return true;
}

static int command_run(int argc UNUSED, char **argv UNUSED, struct printer *out)
{
    print(out, "order ");
    for (unsigned i = 0; i < BUDDY_ORDERS; i++)
        print(out, " %6u", i);
    print(out, "\nblocks");
    for (unsigned i = 0; i < BUDDY_ORDERS; i++)
        print(out, " %6u", buddy.blocks[i]);
    print(out, "\nfree %u of %u frames, %u in reserve\n", buddy.free, buddy.total, buddy.reserve);
    return 0;
}

COMMAND(buddy, "", "free blocks of each order", command_run);
