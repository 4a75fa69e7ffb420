/* SPDX-License-Identifier: MIT
 * What MeMS and the runtime's output want of the system, over a C library: for a build with sanitizers. */
#include "user/mems/port.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

/* user/rt/sys.h has them; its structures are not the C library's, so that not both can be included. */
long sys_write(int fd, const void *buf, size_t n);
void sys_exit_group(int status) NORETURN;

void *port_map(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at != MAP_FAILED ? at : NULL;
}

void port_unmap(void *at, size_t bytes)
{
    munmap(at, bytes);
}

size_t port_pagemap(const void *at, uint64_t *entries, size_t n)
{
    int fd = open("/proc/self/pagemap", O_RDONLY);
    if (fd < 0)
        return 0;
    off_t offset = (off_t)((uintptr_t)at / (uintptr_t)sysconf(_SC_PAGESIZE) * sizeof *entries);
    ssize_t got = pread(fd, entries, n * sizeof *entries, offset);
    close(fd);
    return got > 0 ? (size_t)got / sizeof *entries : 0;
}

long sys_write(int fd, const void *buf, size_t n)
{
    return write(fd, buf, n);
}

void sys_exit_group(int status)
{
    _exit(status);
}
