/* SPDX-License-Identifier: MIT
 * mm-level: 5
 * Where the fault path may be stopped, for a person to look and to interfere. Nobody stops: `stops` is NULL,
 * and the hooks are not even reached, because nobody watches (lib/watch.h, WATCH_STOP). */
#ifndef MM_STOP_H
#define MM_STOP_H

#include "mm/types.h"

struct fault;
struct frame;
struct pool;

struct stop_hooks {
    /* A fault begins; nothing has been done. */
    void (*fault)(const struct fault *f);

    /* The policy of p has chosen `victim`; nothing has been done to it. `why` is the policy's reason, `next`
     * who would go if the victim did not exist, NULL if nobody can tell. The hook may give p another policy.
     * => true: ask the policy again */
    bool (*victim)(struct pool *p, struct frame *victim, const char *why, struct frame *next);

    /* The fault has ended, resolved or refused. */
    void (*done)(const struct fault *f, bool resolved);
};

extern const struct stop_hooks *stops;

#endif
