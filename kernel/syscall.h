/* SPDX-License-Identifier: MIT
 * System calls: Linux i386's numbers, arguments and error values. */
#ifndef KERNEL_SYSCALL_H
#define KERNEL_SYSCALL_H

#include "arch/x86/trap.h"

/* Does the call in tf (EAX; arguments in EBX ECX EDX ESI EDI EBP) and leaves the result in EAX. */
void syscall_dispatch(struct trapframe *tf);

#endif
