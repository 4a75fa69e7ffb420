/* SPDX-License-Identifier: MIT
 * Repeatable randomness: Marsaglia's xorshift and a bijective mixer. Never asks the kernel for any, so
 * that a program's reference string is the same on every run. */
#ifndef USER_RT_RANDOM_H
#define USER_RT_RANDOM_H

#include "lib/types.h"

struct random {
    uint32_t state; /* must not be 0 */
};

static inline uint32_t random_next(struct random *r)
{
    uint32_t x = r->state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return r->state = x;
}

/* 0 <= result < n, by a multiplication instead of a division. */
static inline uint32_t random_below(struct random *r, uint32_t n)
{
    return (uint32_t)((uint64_t)random_next(r) * n >> 32);
}

/* Different numbers give different results: n distinct keys without a table of those already used. */
static inline uint32_t mix32(uint32_t x)
{
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    x ^= x >> 16;
    return x;
}

/* The numbers 0..n-1 in random order. */
static inline void random_order(struct random *r, uint32_t *order, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t j = random_below(r, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
}

#endif
