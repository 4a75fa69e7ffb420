/* SPDX-License-Identifier: MIT
 * Between proc.c, sched.c and preempt.c only; what others may call is in proc.h. */
#ifndef KERNEL_SCHED_H
#define KERNEL_SCHED_H

#include "kernel/proc.h"

/* Leaves the boot stack for p's and runs entry there. */
void sched_start(struct proc *p, void (*entry)(void *)) NORETURN;

/* A sleep's time is over: for struct proc's timer. */
void sched_time_out(struct timer *t);

/* Is anybody else ready to run? */
bool sched_others_ready(void);

/* Frees the record and the stack of a process that is not running. */
void proc_free(struct proc *p);

#endif
