/* SPDX-License-Identifier: MIT
 * The system calls: Linux i386's numbers, structures and error values. The table is in syscall.c. */
#ifndef KERNEL_SYSCALL_H
#define KERNEL_SYSCALL_H

#include "arch/x86/trap.h"
#include "mm/types.h"

void syscall_dispatch(struct trapframe *tf);

/* The negative errno that stands for r; 0 for VM_OK. */
int32_t syscall_error(enum vm_result r);

/* sys_mem.c */
int32_t sys_brk(struct trapframe *tf);
int32_t sys_mmap2(struct trapframe *tf);
int32_t sys_munmap(struct trapframe *tf);
int32_t sys_mprotect(struct trapframe *tf);

#endif
