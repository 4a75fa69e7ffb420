/* SPDX-License-Identifier: MIT
 * The fake break: a stretch of the host's address space, of which as much can be touched as the break allows.
 */
#include "tests/host/brk.h"
#include "lib/panic.h"
#include "user/rt/heap.h"
#include "user/rt/sys.h"
#include <sys/mman.h> /* after sys.h, whose enumerators have the names of its macros */

struct fake_brk fake_brk;

enum { UNALIGNED = 40 }; /* a break need not be where a page starts, nor where a block may */

void fake_brk_start(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT(at != MAP_FAILED, "fake brk: the host has no %zu bytes", bytes);
    uintptr_t start = (uintptr_t)at;
    fake_brk = (struct fake_brk){start, start, start + bytes, 0, SIZE_MAX, 0};
    ASSERT(sys_brk(start + UNALIGNED) == start + UNALIGNED, "fake brk: it does not move");
    fake_brk.start += UNALIGNED;
    fake_brk.moves = 0;
}

/* What is given back is zero when it is taken again. */
uintptr_t sys_brk(uintptr_t end)
{
    if (end < fake_brk.start || end > fake_brk.limit)
        return fake_brk.now;
    uintptr_t from = ALIGN_UP(fake_brk.now, (uintptr_t)PAGE_SIZE), to = ALIGN_UP(end, (uintptr_t)PAGE_SIZE);
    int err = 0;
    if (to > from)
        err = mprotect((void *)from, to - from, PROT_READ | PROT_WRITE);
    else if (to < from)
        err = mmap((void *)to, from - to, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
              MAP_FAILED;
    ASSERT(err == 0, "fake brk: the host does not move it to %#zx", (size_t)end);
    fake_brk.now = end;
    fake_brk.moves++;
    return end;
}

void fake_brk_move(intptr_t bytes)
{
    uintptr_t to = fake_brk.now + (uintptr_t)bytes;
    ASSERT(sys_brk(to) == to, "fake brk: it does not move to %#zx", (size_t)to);
}

uintptr_t sys_mmap2(uintptr_t at, size_t len, int prot, int flags, int fd, unsigned page_offset UNUSED)
{
    ASSERT(at == 0 && len % PAGE_SIZE == 0 && fd == -1, "fake mmap2 of %zu bytes", len);
    void *p = fake_brk.mapped + len <= fake_brk.map_limit ? mmap(NULL, len, prot, flags, fd, 0) : MAP_FAILED;
    if (p == MAP_FAILED)
        return (uintptr_t)-ENOMEM;
    fake_brk.mapped += len;
    return (uintptr_t)p;
}

long sys_munmap(uintptr_t at, size_t len)
{
    fake_brk.mapped -= len;
    return munmap((void *)at, len);
}

void heap_fail(const char *fmt, ...)
{
    char text[200];
    va_list ap;
    va_start(ap, fmt);
    vformat(text, sizeof text, fmt, ap);
    va_end(ap);
    panic("%s", text);
}
