/* SPDX-License-Identifier: MIT
 * Spin locks, for what kernel threads that can be preempted share: the allocators. There is one CPU, so who
 * takes a lock need not spin: it only keeps preemption away until it gives the last of its locks back, which
 * costs an increment and a decrement. An interrupt in the middle of either, should the compiler make more
 * than one instruction of it, finds and leaves the same number of locks; at worst the wish for the CPU is
 * forgotten, and the next interrupt has it again. (The memory system above the allocators needs none: it runs
 * with interrupts off and leaves the CPU only where it says so.)
 *
 * Never sleep with a lock held. Locks have ranks, and are taken in ascending order only; docs/locking.md
 * lists them. A build with LOCK_CHECK (make LOCK_CHECK=1, and the host tests) panics on a breach of either
 * rule. */
#ifndef LIB_SPIN_H
#define LIB_SPIN_H

#include "lib/types.h"

/* In the order in which they may be taken: a lower one first. */
enum spin_rank {
    RANK_PARTITION = 10, /* a contiguous arena's book */
    RANK_SWAP = 20,      /* the slot table */
    RANK_VMEM = 30,      /* an arena; an arena that imports takes its source's, whose rank is higher */
    RANK_SLAB = 60,      /* a cache */
    RANK_BUDDY = 70,     /* the zones */
    RANK_TEST = 80,      /* the hammer's own list */
    RANK_TRACE = 90,     /* the ring of trace events, which may be put while any other is held */
};

struct spin {
    const char *name;
    uint8_t rank;
#ifdef LOCK_CHECK
    bool held;
#endif
};

#ifdef LOCK_CHECK
#define SPIN_INIT(text, r) \
    {                      \
        (text), (r), false \
    }
#else
#define SPIN_INIT(text, r) \
    {                      \
        (text), (r)        \
    }
#endif

/* How many locks are held, and, as the highest bit, that nobody wants the CPU: 0 when the last lock goes and
 * somebody does. */
#define PREEMPT_UNWANTED 0x80000000u
extern uint32_t preempt_state;

/* The last lock has gone and somebody wants the CPU. Declared low, defined high: kernel/sched.c, and
 * tests/host on the host. */
void preempt_now(void);

/* The rules above. Panic on a breach. */
void spin_check_take(struct spin *l);
void spin_check_release(struct spin *l);
void spin_check_none(const char *who); /* before sleeping */

static inline void spin_take(struct spin *l UNUSED)
{
    preempt_state++;
    __asm__ volatile("" : : : "memory");
#ifdef LOCK_CHECK
    spin_check_take(l);
#endif
}

/* All of spin_release but its call. => true: somebody wants the CPU, and the caller ends with preempt_now. */
static inline bool spin_drop(struct spin *l UNUSED)
{
#ifdef LOCK_CHECK
    spin_check_release(l);
#endif
    __asm__ volatile("" : : : "memory");
    return unlikely(--preempt_state == 0);
}

static inline void spin_release(struct spin *l)
{
    if (unlikely(spin_drop(l)))
        preempt_now();
}

#endif
