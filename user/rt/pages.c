/* SPDX-License-Identifier: MIT
 * Whole pages from the kernel, and its clock. Frees nothing by itself and keeps no heap. */
#include "user/rt/program.h"
#include "user/rt/sys.h"

void *map_pages(size_t n)
{
    uintptr_t at = sys_mmap2(0, n * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (sys_failed(at))
        fail("mmap2 pages=%zu errno=%d", n, -(int)at);
    return (void *)at;
}

void *grow_pages(size_t n)
{
    uintptr_t at = ALIGN_UP(sys_brk(0), (uintptr_t)PAGE_SIZE);
    uintptr_t end = at + n * PAGE_SIZE;
    uintptr_t got = sys_brk(end); /* unlike the other calls it says no by not moving */
    if (got != end)
        fail("brk pages=%zu", n);
    return (void *)at;
}

void unmap_pages(void *at, size_t n)
{
    long err = sys_munmap((uintptr_t)at, n * PAGE_SIZE);
    if (err != 0)
        fail("munmap pages=%zu errno=%ld", n, -err);
}

uint64_t clock_ms(void)
{
    struct timespec now;
    long err = sys_clock_gettime(CLOCK_MONOTONIC, &now);
    if (err != 0)
        fail("clock_gettime errno=%ld", -err);
    return (uint64_t)now.sec * 1000 + (unsigned)now.nsec / 1000000;
}
