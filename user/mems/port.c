/* SPDX-License-Identifier: MIT
 * Memory and the page table by system calls. */
#include "user/mems/port.h"
#include "user/rt/sys.h"

enum { SYS_CLOSE = 6, SYS_PREAD64 = 180, O_RDONLY = 0 };

void *port_map(size_t bytes)
{
    uintptr_t at = sys_mmap2(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return sys_failed(at) ? NULL : (void *)at;
}

void port_unmap(void *at, size_t bytes)
{
    sys_munmap((uintptr_t)at, bytes);
}

size_t port_pagemap(const void *at, uint64_t *entries, size_t n)
{
    long fd = sys_call(SYS_OPEN, "/proc/self/pagemap", O_RDONLY);
    if (fd < 0)
        return 0;
    uint32_t offset = (uint32_t)((uintptr_t)at / PAGE_SIZE * sizeof *entries);
    long got = sys_call(SYS_PREAD64, fd, entries, n * sizeof *entries, offset, 0);
    sys_call(SYS_CLOSE, fd);
    return got > 0 ? (size_t)got / sizeof *entries : 0;
}
