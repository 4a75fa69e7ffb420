/* SPDX-License-Identifier: MIT
 * mm-level: 1
 * Building the frame database from the memory map. It hands its RAM to the buddy allocator by marking
 * frames, not by calling it. */
#include "mm/frame.h"
#include "lib/string.h"
#include "mm/port.h"

struct frame *frame_table;
uint32_t frame_table_count;
uint32_t frame_direct_count;
const char *frame_direct_map;

void *frame_ptr(const struct frame *f)
{
    return phys_to_ptr(pfn_base(frame_pfn(f)));
}

struct frame *frame_of_ptr(const void *p)
{
    return frame_of(pfn_of(ptr_to_phys(p)));
}

/* Up to the next frame; never past the last one, where 32 bits would wrap round to 0. */
static paddr_t round_up(paddr_t pa)
{
    const paddr_t last = ALIGN_DOWN(UINT32_MAX, (paddr_t)PAGE_SIZE);
    return pa > last ? last : ALIGN_UP(pa, (paddr_t)PAGE_SIZE);
}

/* Whole frames of a range, cut at the limit. => false if none. */
static bool whole_frames(struct phys_range r, paddr_t limit, struct phys_range *out)
{
    out->end = ALIGN_DOWN(MIN(r.end, limit), (paddr_t)PAGE_SIZE);
    out->start = round_up(r.start);
    return out->start < out->end;
}

/* First fit for `size` bytes outside every reserved range. => 0 if there is none. */
static paddr_t find_hole(const struct phys_range *usable, size_t n, const struct phys_range *reserved,
                         size_t m, paddr_t limit, paddr_t size)
{
    for (size_t i = 0; i < n; i++) {
        struct phys_range r;
        if (!whole_frames(usable[i], limit, &r))
            continue;
        paddr_t at = MAX(r.start, (paddr_t)PAGE_SIZE); /* address 0 stays out of use: it means none */
        for (size_t tries = 0; tries <= m; tries++) {
            size_t j = 0;
            while (j < m && (reserved[j].end <= at || reserved[j].start >= at + size))
                j++;
            if (j == m)
                break;
            at = round_up(reserved[j].end);
        }
        if (at < r.end && r.end - at >= size)
            return at;
    }
    return 0;
}

static uint32_t mark(struct phys_range r, enum frame_kind kind)
{
    uint32_t changed = 0;
    uint32_t end = MIN(round_up(r.end) >> PAGE_SHIFT, frame_table_count);
    for (uint32_t n = r.start >> PAGE_SHIFT; n < end; n++) {
        changed += frame_table[n].kind != kind;
        frame_table[n].kind = (uint8_t)kind;
    }
    return changed;
}

bool frame_init(const struct phys_range *usable, size_t usable_count, const struct phys_range *reserved,
                size_t reserved_count, paddr_t limit, paddr_t direct_limit, struct frame_census *census)
{
    paddr_t top = 0;
    struct phys_range r;
    for (size_t i = 0; i < usable_count; i++)
        if (whole_frames(usable[i], limit, &r))
            top = MAX(top, r.end);
    paddr_t size = ALIGN_UP((top >> PAGE_SHIFT) * (paddr_t)sizeof(struct frame), (paddr_t)PAGE_SIZE);
    paddr_t at = find_hole(usable, usable_count, reserved, reserved_count, MIN(limit, direct_limit), size);
    if (at == 0)
        return false;
    frame_table = phys_to_ptr(at);
    frame_direct_map = (const char *)((uintptr_t)frame_table - at);
    frame_table_count = top >> PAGE_SHIFT;
    frame_direct_count = MIN(frame_table_count, direct_limit >> PAGE_SHIFT);
    memset(frame_table, 0, size); /* all RESERVED */
    /* FREE here means "for buddy_init to take"; it is not yet in any block */
    census->ram = 0;
    for (size_t i = 0; i < usable_count; i++)
        if (whole_frames(usable[i], limit, &r))
            census->ram += mark(r, FRAME_FREE);
    for (size_t i = 0; i < reserved_count; i++)
        mark(reserved[i], FRAME_RESERVED);
    mark((struct phys_range){at, at + size}, FRAME_RESERVED);
    mark((struct phys_range){0, PAGE_SIZE}, FRAME_RESERVED);
    census->database = size >> PAGE_SHIFT;
    for (uint32_t n = 0; n < frame_table_count; n++)
        frame_table[n].slot = SLOT_NONE;
    return true;
}

paddr_t frame_take(uint32_t count)
{
    uint32_t run = 0;
    for (uint32_t n = frame_direct_count; count > 0 && n-- > 0;) {
        run = frame_table[n].kind == FRAME_FREE ? run + 1 : 0;
        if (run == count) {
            mark((struct phys_range){n << PAGE_SHIFT, (n + count) << PAGE_SHIFT}, FRAME_RESERVED);
            return n << PAGE_SHIFT;
        }
    }
    return 0;
}
