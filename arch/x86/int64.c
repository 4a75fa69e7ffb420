/* SPDX-License-Identifier: MIT
 * 64-bit arithmetic, which the compiler calls by these names. The C library's own (libgcc) take their
 * arguments on the stack, and the kernel passes them in registers. */
#include "lib/types.h"

uint64_t __udivdi3(uint64_t n, uint64_t d);
int64_t __divdi3(int64_t n, int64_t d);
uint64_t __udivmoddi4(uint64_t n, uint64_t d, uint64_t *rest);
int __ctzdi2(uint64_t n);

/* The 64-bit n divided by d, whose quotient must fit 32 bits: what DIV does. */
static inline uint32_t divide(uint64_t n, uint32_t d, uint32_t *rest)
{
    uint32_t quotient;
    __asm__("divl %4" : "=a"(quotient), "=d"(*rest) : "0"((uint32_t)n), "1"((uint32_t)(n >> 32)), "rm"(d));
    return quotient;
}

/* A divisor of 32 bits is schoolbook division in two digits. For a longer one the quotient has 32 bits: an
 * estimate from the divisor's leading 32 bits is too large by one at most (Warren, Hacker's Delight, 9-5). */
uint64_t __udivdi3(uint64_t n, uint64_t d)
{
    uint32_t rest;
    if (d <= UINT32_MAX) {
        uint32_t high = divide(n >> 32, (uint32_t)d, &rest);
        return (uint64_t)high << 32 | divide((uint64_t)rest << 32 | (uint32_t)n, (uint32_t)d, &rest);
    }
    int shift = __builtin_clz((uint32_t)(d >> 32));
    uint64_t q = (uint64_t)divide(n >> 1, (uint32_t)(d << shift >> 32), &rest) << shift >> 31;
    if (q > 0)
        q--;
    return n - q * d >= d ? q + 1 : q;
}

int64_t __divdi3(int64_t n, int64_t d)
{
    uint64_t q = __udivdi3(n < 0 ? -(uint64_t)n : (uint64_t)n, d < 0 ? -(uint64_t)d : (uint64_t)d);
    return (n < 0) != (d < 0) ? -(int64_t)q : (int64_t)q;
}

uint64_t __udivmoddi4(uint64_t n, uint64_t d, uint64_t *rest)
{
    uint64_t q = __udivdi3(n, d);
    if (rest != NULL)
        *rest = n - q * d;
    return q;
}

int __ctzdi2(uint64_t n)
{
    return (uint32_t)n != 0 ? __builtin_ctz((uint32_t)n) : 32 + __builtin_ctz((uint32_t)(n >> 32));
}
