/* SPDX-License-Identifier: MIT
 * mm-level: 5.1
 * Why a page goes: told as it is chosen, kept for a while, and asked beforehand. */
#ifndef MM_EXPLAIN_H
#define MM_EXPLAIN_H

#include "lib/log.h"
#include "lib/watch.h"
#include "mm/pool.h"

/* Does anybody want to know? One load and a branch. */
static inline bool explain_on(void)
{
    return watched(LOG_EXPLAIN);
}

/* The policy of p has just chosen `victim`, which is still queued. Whoever stops there is asked first; then
 * it is kept, logged and traced. => true: somebody has interfered, the policy must be asked again */
bool explain_pick(struct pool *p, struct frame *victim);

/* Who would go next, if p had to give a page now. Changes nothing. */
void explain_next(const struct pool *p, struct printer *out);

#endif
