/* SPDX-License-Identifier: MIT
 * The bare machine: mm/port.h, lib/panic.h and lib/spin.h's other end, over RAM that the host lends. */
#include "tools/alloc/bare.h"
#include "lib/panic.h"
#include "lib/spin.h"
#include "mm/buddy.h"
#include "mm/port.h"
#include "mm/slab.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static uint8_t *ram; /* host address of physical 0 */
static paddr_t ram_end, direct_end;

static void write_errors(struct printer *to UNUSED, const char *text, size_t len)
{
    fwrite(text, 1, len, stderr);
}

struct printer bare_errors = {write_errors};

void panic(const char *fmt, ...)
{
    va_list ap;
    fflush(stdout);
    print(&bare_errors, "panic: ");
    va_start(ap, fmt);
    vprint(&bare_errors, fmt, ap);
    va_end(ap);
    print(&bare_errors, "\n");
    abort();
}

/* There is one thread. */
void preempt_now(void)
{
    preempt_state |= PREEMPT_UNWANTED;
}

void *phys_to_ptr(paddr_t pa)
{
    ASSERT(pa < ram_end && pa < direct_end, "bare: physical address %#x is beyond the direct map", pa);
    return ram + pa;
}

paddr_t ptr_to_phys(const void *p)
{
    uintptr_t offset = (uintptr_t)p - (uintptr_t)ram;
    ASSERT(offset < ram_end, "bare: pointer %p is not into RAM", p);
    return (paddr_t)offset;
}

void *page_window(pfn_t pfn, enum page_window w UNUSED)
{
    ASSERT(pfn_base(pfn) < ram_end, "bare: frame %#x is not RAM", pfn.n);
    return ram + pfn_base(pfn);
}

static void lend(paddr_t end)
{
    if (end == ram_end)
        return;
    if (ram != NULL)
        munmap(ram, ram_end);
    ram = mmap(NULL, end, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ASSERT(ram != MAP_FAILED, "bare: the host has no %u bytes", end);
    ram_end = end;
}

void bare_build(const struct phys_range *ranges, size_t count, paddr_t direct, uint32_t reserve)
{
    paddr_t end = 0;
    struct frame_census census;
    while (ram != NULL && slab_reap() > 0) /* the headers of slabs may leave another one empty */
        ;
    ASSERT(slab_frames() == 0, "bare: %u frames are in use by slabs", slab_frames());
    for (size_t i = 0; i < count; i++)
        end = MAX(end, ALIGN_UP(ranges[i].end, (paddr_t)PAGE_SIZE));
    lend(end);
    direct_end = direct;
    if (!frame_init(ranges, count, NULL, 0, UINT32_MAX, direct, &census))
        panic("bare: no room for the frame database");
    buddy_init(reserve);
}

void bare_build_frames(uint32_t frames)
{
    /* The database, which is part of them, and frame 0, which is never handed out, come on top. */
    const uint32_t most = UINT32_MAX >> PAGE_SHIFT;
    uint64_t each = PAGE_SIZE - sizeof(struct frame);
    uint64_t known = ((uint64_t)frames + 2) * PAGE_SIZE / each + 1;
    ASSERT(known <= most, "bare: %u frames and their database are more than 4 GiB", frames);
    struct phys_range all = {0, (paddr_t)known << PAGE_SHIFT};
    bare_build(&all, 1, UINT32_MAX, 0);
    ASSERT(buddy_free_frames() >= frames, "bare: %u frames are free, not %u", buddy_free_frames(), frames);
}
