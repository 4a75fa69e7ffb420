/* SPDX-License-Identifier: MIT
 * System calls about memory: what Linux i386 checks, in its order, and then one call into mm/. */
#include "kernel/proc.h"
#include "kernel/syscall.h"
#include "lib/errno.h"
#include "mm/space.h"

enum { PROT_ALL = VM_READ | VM_WRITE | VM_EXEC }; /* Linux's PROT_ bits are the same as ours */
enum { MAP_SHARED = 1, MAP_PRIVATE = 2, MAP_TYPE = 0xf, MAP_FIXED = 0x10, MAP_ANONYMOUS = 0x20 };

/* Write and execute include read, as on this hardware they cannot be had without it. */
static uint32_t prot_of(uint32_t prot)
{
    return prot & PROT_ALL ? (prot & PROT_ALL) | VM_READ : 0;
}

int32_t sys_brk(struct trapframe *tf)
{
    return (int32_t)space_brk(current->space, tf->ebx);
}

int32_t sys_mmap2(struct trapframe *tf)
{
    uint32_t at = tf->ebx, length = tf->ecx, flags = tf->esi;
    uint32_t type = flags & MAP_TYPE;
    struct space *s = current->space;
    struct region r = {.prot = prot_of(tf->edx), .name = "anon"};
    if (!(flags & MAP_ANONYMOUS))
        return -EBADF; /* there is no file to map */
    if (length == 0 || (type != MAP_PRIVATE && type != MAP_SHARED))
        return -EINVAL;
    if (length > USER_END)
        return -ENOMEM;
    length = ALIGN_UP(length, (uint32_t)PAGE_SIZE);
    if (flags & MAP_FIXED) {
        if (at % PAGE_SIZE != 0)
            return -EINVAL;
        if (at >= USER_END || length > USER_END - at)
            return -ENOMEM;
        if (at < USER_START)
            return -EPERM;
        enum vm_result e = space_unmap(s, at, length);
        if (e != VM_OK)
            return syscall_error(e);
    } else {
        /* a hint is taken if the range is free */
        at = ALIGN_DOWN(at, (uint32_t)PAGE_SIZE);
        r.start = at;
        r.end = at + length;
        if (at != 0 && space_map(s, &r) == VM_OK)
            return (int32_t)at;
        at = space_find_gap(s, length);
        if (at == 0)
            return -ENOMEM;
    }
    r.start = at;
    r.end = at + length;
    return space_map(s, &r) == VM_OK ? (int32_t)at : -ENOMEM;
}

int32_t sys_munmap(struct trapframe *tf)
{
    uint32_t at = tf->ebx, length = tf->ecx;
    if (at % PAGE_SIZE != 0 || length == 0 || at >= USER_END || length > USER_END - at)
        return -EINVAL;
    length = ALIGN_UP(length, (uint32_t)PAGE_SIZE);
    if (at < USER_START) { /* never mapped: nothing to do there */
        uint32_t skip = MIN(USER_START - at, length);
        at += skip;
        length -= skip;
        if (length == 0)
            return 0;
    }
    return syscall_error(space_unmap(current->space, at, length));
}

int32_t sys_mprotect(struct trapframe *tf)
{
    uint32_t at = tf->ebx, length = tf->ecx, prot = tf->edx;
    if (at % PAGE_SIZE != 0 || (prot & ~(uint32_t)PROT_ALL))
        return -EINVAL;
    if (length == 0)
        return 0;
    if (at < USER_START || at >= USER_END || length > USER_END - at)
        return -ENOMEM;
    length = ALIGN_UP(length, (uint32_t)PAGE_SIZE);
    enum vm_result r = space_protect(current->space, at, length, prot_of(prot));
    return r == VM_NO_REGION ? -ENOMEM : r == VM_FORBIDDEN ? -EACCES : syscall_error(r);
}
