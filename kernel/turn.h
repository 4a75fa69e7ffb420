/* SPDX-License-Identifier: MIT
 * Turns: with few frames and a disk that sleeps, one process at a time gets through an instruction.
 *
 * An instruction can need POOL_MIN_LIMIT pages at once. While a process sleeps until one of them is read,
 * others fault too, and when frames are fewer than all their instructions need together, they take from each
 * other what they have just got: nobody ever has all pages of one instruction. So then a fault needs the
 * turn. Programs with a pool of their own do not take part: nobody takes from them. Who has it keeps it for a
 * number of faults, which are enough for any instruction and mostly for several, or until it sleeps for
 * something else than a page, is found elsewhere by the clock, or ends. Those who wait get it in order of
 * arrival. */
#ifndef KERNEL_TURN_H
#define KERNEL_TURN_H

#include "kernel/proc.h"

extern struct proc *turn_holder;
extern bool turn_needed; /* some pool has too few frames for the instructions of all its programs */

/* Is the disk one that sleeps? Then turns are taken when frames are few. */
void turn_init(bool disk_sleeps);

/* A program has begun (1) or ended (-1) in this pool. */
void turn_count(struct pool *p, int32_t more);

/* A pool's limit is another one. */
void turn_review(void);

/* Waits for the turn, for the instruction at ip; or, who has it already, whether to keep it. Nothing if the
 * current process's pool has frames enough. Not for a process that is to be killed. */
void turn_take(uint32_t ip);

/* The current process has the turn, and a clock tick found it at ip in user mode. */
void turn_tick(uint32_t ip);

/* The current process, which has the turn, gives it to who waits first. */
void turn_release(void);

#endif
