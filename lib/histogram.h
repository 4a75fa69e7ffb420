/* SPDX-License-Identifier: MIT
 * A distribution: how many values of each size there were, in buckets that double: 0, 1, 2 to 3, 4 to 7, and
 * so on. To add a value is O(1), without a division. */
#ifndef LIB_HISTOGRAM_H
#define LIB_HISTOGRAM_H

#include "lib/print.h"

/* Bucket 0 is the value 0, bucket b the values of b bits: [2^(b-1), 2^b). */
enum { HISTOGRAM_BUCKETS = 33 };

/* All zero: empty. */
struct histogram {
    uint32_t buckets[HISTOGRAM_BUCKETS];
    uint32_t count;    /* values, in all buckets */
    uint32_t min, max; /* count > 0 */
    uint64_t sum;
};

static inline uint32_t histogram_bucket(uint32_t value)
{
    return value == 0 ? 0 : 32 - (uint32_t)__builtin_clz(value);
}

static inline void histogram_add(struct histogram *h, uint32_t value)
{
    h->buckets[histogram_bucket(value)]++;
    if (h->count == 0 || value < h->min)
        h->min = value;
    if (value > h->max)
        h->max = value;
    h->count++;
    h->sum += value;
}

/* Rounded down. => h is not empty. */
uint32_t histogram_mean(const struct histogram *h);

/* ` count=N min=N mean=N max=N` without a newline, only the count of an empty one; then a line for each
 * bucket from the first to the last that has any, as bpftrace does it, in plain ASCII, 68 columns wide:
 *
 *   [256, 512)            81 |@@@@@@@@@@@@@@@@                        |
 *
 * The fullest bucket has all of the bar, the others their part of it, rounded down. */
void histogram_print_figures(const struct histogram *h, struct printer *out);
void histogram_print_buckets(const struct histogram *h, struct printer *out);

#endif
