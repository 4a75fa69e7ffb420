/* SPDX-License-Identifier: MIT
 * mm-level: 1.2
 * The buddy allocator looked at: fragmentation, its own check, and what the command prints. */
#include "lib/command.h"
#include "mm/buddy.h"
#include "mm/buddy_zone.h"

static const char *const mobility_names[] = {"Unmovable", "Movable"};

static uint32_t blocks_of(const struct zone *z, unsigned order)
{
    return z->blocks[MOVABLE][order] + z->blocks[UNMOVABLE][order];
}

static bool has(const struct zone *z, unsigned order)
{
    while (order < BUDDY_ORDERS && blocks_of(z, order) == 0)
        order++;
    return order < BUDDY_ORDERS;
}

uint32_t buddy_blocks(bool of_high, bool movable, unsigned order)
{
    return (of_high ? &zone_high : &zone_low)->blocks[movable ? MOVABLE : UNMOVABLE][order];
}

uint32_t buddy_cached(void)
{
    uint32_t n = 0;
    for (uint32_t side = 0; side < MOBILITIES; side++)
        n += zone_low.cache[side].count + zone_high.cache[side].count;
    return n;
}

bool buddy_has(unsigned order)
{
    return has(&zone_high, order) || has(&zone_low, order);
}

int32_t buddy_fragmentation(bool of_high, unsigned order)
{
    const struct zone *z = of_high ? &zone_high : &zone_low;
    uint32_t blocks = 0, frames = 0;
    for (unsigned i = 0; i < BUDDY_ORDERS; i++) {
        blocks += blocks_of(z, i);
        frames += blocks_of(z, i) << i;
    }
    if (blocks == 0)
        return 0;
    if (has(z, order))
        return -1000;
    return 1000 - (int32_t)((1000 + (uint32_t)((uint64_t)frames * 1000 >> order)) / blocks);
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
        if (heads_free_block(&frame_table[other], order)) {
            print(out, "buddy: free buddies %#x and %#x of order %u are not merged\n", n, other, order);
            return false;
        }
    }
    return true;
}

static bool check_cache(const struct zone *z, enum mobility side, struct printer *out)
{
    uint32_t count = 0;
    list_for_each (n, &z->cache[side].frames) {
        const struct frame *f = of_link(n);
        if (f->kind != FRAME_FREE || f->flags != 0 || f->order != 0 || zone_of(frame_pfn(f).n) != z) {
            print(out, "buddy: frame %#x in the cache of zone %s has kind %d, flags %#x, order %u\n",
                  frame_pfn(f).n, z->name, f->kind, f->flags, f->order);
            return false;
        }
        count++;
    }
    if (count != z->cache[side].count)
        print(out, "buddy: zone %s: %u frames cached, %u counted\n", z->name, count, z->cache[side].count);
    return count == z->cache[side].count;
}

/* *frames grows by those on the list. */
static bool check_list(struct zone *z, enum mobility side, unsigned order, uint32_t *frames,
                       struct printer *out)
{
    uint32_t blocks = 0;
    list_for_each (n, &z->list[side][order]) {
        if (!check_block(z, of_link(n), order, out))
            return false;
        if (side_of(frame_pfn(of_link(n)).n) != side) {
            print(out, "buddy: block %#x of order %u is on the list of the other side\n",
                  frame_pfn(of_link(n)).n, order);
            return false;
        }
        blocks++;
    }
    if (blocks != z->blocks[side][order]) {
        print(out, "buddy: zone %s: %u blocks of order %u listed, %u counted\n", z->name, blocks, order,
              z->blocks[side][order]);
        return false;
    }
    *frames += blocks << order;
    return true;
}

static bool check_zone(struct zone *z, uint32_t first, uint32_t end, struct printer *out)
{
    uint32_t listed = z->cache[MOVABLE].count + z->cache[UNMOVABLE].count, marked = 0;
    for (unsigned side = 0; side < MOBILITIES; side++) {
        if (!check_cache(z, side, out))
            return false;
        for (unsigned order = 0; order < BUDDY_ORDERS; order++)
            if (!check_list(z, side, order, &listed, out))
                return false;
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
    return check_zone(&zone_low, 0, frame_direct_count, out) &&
           check_zone(&zone_high, frame_direct_count, frame_table_count, out);
}

/* ---- what people see ---- */

static void print_blocks(const struct zone *z, struct printer *out)
{
    print(out, "Node 0, zone %8s ", z->name);
    for (unsigned i = 0; i < BUDDY_ORDERS; i++)
        print(out, "%6u ", blocks_of(z, i));
    print(out, "\n");
}

void buddy_print_info(struct printer *out)
{
    print_blocks(&zone_low, out);
    if (zone_high.total > 0)
        print_blocks(&zone_high, out);
}

static void print_sides(const struct zone *z, struct printer *out)
{
    for (unsigned side = 0; side < MOBILITIES; side++) {
        print(out, "Node 0, zone %8s, type %12s ", z->name, mobility_names[side]);
        for (unsigned i = 0; i < BUDDY_ORDERS; i++)
            print(out, "%6u ", z->blocks[side][i]);
        print(out, "cached %u\n", z->cache[side].count);
    }
}

static void print_fragmentation(const struct zone *z, struct printer *out)
{
    print(out, "Node 0, zone %8s ", z->name);
    for (unsigned i = 0; i < BUDDY_ORDERS; i++) {
        int32_t index = buddy_fragmentation(z == &zone_high, i);
        uint32_t size = (uint32_t)(index < 0 ? -index : index);
        print(out, "%s%u.%03u ", index < 0 ? "-" : "", size / 1000, size % 1000);
    }
    print(out, "\n");
}

static int command_run(int argc UNUSED, char **argv UNUSED, struct printer *out)
{
    const struct zone *zones[] = {&zone_low, &zone_high};
    uint32_t count = zone_high.total > 0 ? 2 : 1;
    buddy_print_info(out);
    print(out, "by side:\n");
    for (uint32_t i = 0; i < count; i++)
        print_sides(zones[i], out);
    print(out, "fragmentation index:\n");
    for (uint32_t i = 0; i < count; i++)
        print_fragmentation(zones[i], out);
    print(out, "free %u of %u frames, %u in reserve\n", buddy_free_frames(), buddy_total_frames(),
          buddy_reserve());
    if (zone_high.total > 0)
        print(out, "low %u of %u, high %u of %u\n", zone_low.free, zone_low.total, zone_high.free,
              zone_high.total);
    return 0;
}

COMMAND_AT_STOP(buddy, "", "free blocks of each order as in /proc/buddyinfo, and the fragmentation index",
                command_run);
