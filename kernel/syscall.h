/* SPDX-License-Identifier: MIT
 * The system calls: Linux i386's numbers, structures and error values. The table is in syscall.c. */
#ifndef KERNEL_SYSCALL_H
#define KERNEL_SYSCALL_H

#include "arch/x86/trap.h"
#include "mm/types.h"

struct object;

/* Does the call in tf (EAX; arguments in EBX ECX EDX ESI EDI EBP) and leaves the result in EAX. */
void syscall_dispatch(struct trapframe *tf);

/* The negative errno that stands for r; 0 for VM_OK. */
int32_t syscall_error(enum vm_result r);

/* What mmap wants to know of an open file. */
struct mapped_file {
    struct object *object; /* NULL: it cannot be mapped */
    bool readable, writable;
};

/* => false if fd is not open. */
bool syscall_mapped_file(uint32_t fd, struct mapped_file *out) MUST_CHECK;

/* sys_mem.c */
int32_t sys_brk(struct trapframe *tf);
int32_t sys_mmap2(struct trapframe *tf);
int32_t sys_munmap(struct trapframe *tf);
int32_t sys_mprotect(struct trapframe *tf);
int32_t sys_mremap(struct trapframe *tf);
int32_t sys_madvise(struct trapframe *tf);
int32_t sys_mincore(struct trapframe *tf);
int32_t sys_msync(struct trapframe *tf);
int32_t sys_mlock(struct trapframe *tf);
int32_t sys_mlock2(struct trapframe *tf);
int32_t sys_munlock(struct trapframe *tf);
int32_t sys_mlockall(struct trapframe *tf);
int32_t sys_munlockall(struct trapframe *tf);

#endif
