/* SPDX-License-Identifier: MIT
 * Out of memory: which process has to go (mm/fault.h, vm_out_of_memory). */
#ifndef KERNEL_OOM_H
#define KERNEL_OOM_H

#include "kernel/proc.h"

/* How bad it would be to keep p: the pages that its end would free, resident, swapped and in page tables.
 * Linux's measure (mm/oom_kill.c), without its adjustments. */
uint32_t oom_badness(const struct proc *p);

#endif
