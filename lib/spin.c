/* SPDX-License-Identifier: MIT
 * The rules of spin locks, for builds that check them. */
#include "lib/spin.h"
#include "lib/panic.h"

uint32_t preempt_state = PREEMPT_UNWANTED;

#ifdef LOCK_CHECK

enum { DEPTH = 16 };

static struct spin *held[DEPTH]; /* in the order in which they were taken: nobody else runs meanwhile */
static uint32_t depth;

void spin_check_take(struct spin *l)
{
    ASSERT(!l->held, "lock %s is taken twice", l->name);
    ASSERT(depth < DEPTH, "lock %s: %u locks are held", l->name, depth);
    ASSERT(depth == 0 || held[depth - 1]->rank < l->rank,
           "lock order: %s (rank %u) is taken while %s (rank %u) is held", l->name, l->rank,
           held[depth - 1]->name, held[depth - 1]->rank);
    l->held = true;
    held[depth++] = l;
}

void spin_check_release(struct spin *l)
{
    ASSERT(depth > 0 && held[depth - 1] == l, "lock %s is released, but was not the last to be taken",
           l->name);
    l->held = false;
    depth--;
}

void spin_check_none(const char *who)
{
    ASSERT(depth == 0, "%s sleeps with lock %s held", who, held[depth - 1]->name);
}

#else

void spin_check_none(const char *who UNUSED)
{
}

#endif
