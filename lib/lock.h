/* SPDX-License-Identifier: MIT
 * A sleeping lock: keeps what takes several steps in one piece while one of the steps may sleep. On one CPU
 * that is never preempted in the kernel, taking a free one is a load and a store. Zeroed memory is a free
 * lock. */
#ifndef LIB_LOCK_H
#define LIB_LOCK_H

#include "lib/types.h"
#include "lib/wait.h"

struct lock {
    bool held;
    uint32_t waiting;
};

/* Sleeps until the lock is free. => not held by the caller; not from an interrupt handler. */
static inline void lock_take(struct lock *l)
{
    while (unlikely(l->held)) {
        l->waiting++;
        wait_on(l);
        l->waiting--;
    }
    l->held = true;
}

static inline void lock_release(struct lock *l)
{
    l->held = false;
    if (unlikely(l->waiting > 0))
        wake_all(l);
}

#endif
