/* SPDX-License-Identifier: MIT
 * A small repeatable random generator: Marsaglia's xorshift32 (J. Stat. Soft. 8(14), 2003). */
#ifndef LIB_RANDOM_H
#define LIB_RANDOM_H

#include "lib/types.h"

/* Advances *state (never zero) and returns it. */
static inline uint32_t random_next(uint32_t *state)
{
    uint32_t x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}

/* Uniform enough in [0, n), n > 0, without a division: the high half of a 32 x 32 product. */
static inline uint32_t random_below(uint32_t *state, uint32_t n)
{
    return (uint32_t)(((uint64_t)random_next(state) * n) >> 32);
}

#endif
