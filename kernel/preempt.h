/* SPDX-License-Identifier: MIT
 * Preemption of kernel threads that ask for it. All other code of the kernel runs with interrupts off, and is
 * never preempted. A thread that asked runs with interrupts on, and an interrupt may give the CPU to another
 * after any of its instructions, save while it holds a lock of lib/spin.h: then the release of the last one
 * does. So it may call what keeps its state under such locks, the allocators, and nothing else; for anything
 * else (printing, sleeping, waking) it turns interrupts off with irq_save, or ends its being preempted. */
#ifndef KERNEL_PREEMPT_H
#define KERNEL_PREEMPT_H

#include "lib/types.h"

/* From here on the current thread may be preempted, with interrupts on; or no more, with interrupts off.
 * => a kernel thread */
void preempt_enable(void);
void preempt_disable(void);

/* An interrupt that came in the kernel has been served, and the current thread may be preempted: does it.
 * => interrupts off */
void preempt_after_interrupt(void);

struct preempt_figures {
    uint32_t done;     /* preemptions of kernel threads, since boot */
    uint32_t deferred; /* of these, how many had to wait for the release of a lock */
};
extern struct preempt_figures preempt_figures;

/* Until the stop, time slices end at random, mostly after a few microseconds: sooner than the clock's tick,
 * and anywhere. Under icount the same seed (not 0) gives the same points. => interrupts off */
void preempt_random_start(uint32_t seed);
void preempt_random_stop(void);

#endif
