/* SPDX-License-Identifier: MIT
 * mm-level: 4.08
 * The arithmetic of the policy gip: logarithmic gaps and ages, and the Gittins index of every age of a class
 * from what was counted about it. Integers of 32 bits only. Ages and gaps are in rounds of the policy's hand.
 */
#ifndef MM_POLICY_GIP_INDEX_H
#define MM_POLICY_GIP_INDEX_H

#include "lib/types.h"

enum {
    GIP_AGES = 13,             /* buckets of age */
    GIP_AGE_END = 4096,        /* ages from here on count as one less */
    GIP_LEVELS = 8,            /* of gaps: 1, 2, 3-4, 5-8, ... 33-64, more */
    GIP_EVENT = 64,            /* what one event adds to a counter */
    GIP_COUNTER_MAX = 1 << 28, /* two of them and one event more still fit 32 bits */
    GIP_PRIOR_EVENTS = 8,      /* the prior weighs as much as so many pages seen */
    GIP_DECAY_SHIFT = 6,       /* a counter loses 1/64 each time that its index is computed */
    GIP_ONE = 1 << 16,         /* probability 1 */
    GIP_ROUND = 16,            /* one round, where time is held */
};

/* Bucket b holds the ages gip_age_start[b] .. gip_age_start[b + 1] - 1. */
static const uint16_t gip_age_start[GIP_AGES + 1] = {1,  2,  3,  4,   6,   8,    12,
                                                     16, 32, 64, 128, 256, 1024, GIP_AGE_END};

/* What happened to pages that reached a bucket of age: used in it, or passed to the next one unused. */
struct gip_count {
    uint32_t used, passed; /* GIP_EVENT each time, decaying */
};

/* Up to age 3 each age is a bucket, then each half power of two up to 16, each power up to 256. */
static inline uint32_t gip_bucket(uint32_t age)
{
    if (age < 4)
        return age == 0 ? 0 : age - 1;
    uint32_t log = 31 - (uint32_t)__builtin_clz(age);
    if (log < 4)
        return 2 * log - 1 + (age >> (log - 1) & 1);
    return log < 8 ? log + 3 : log < 10 ? GIP_AGES - 2 : GIP_AGES - 1;
}

/* Is this age, one that bucket b came to, in a later bucket? */
static inline bool gip_leaves_bucket(uint32_t age, uint32_t b)
{
    return b < GIP_AGES - 1 && age >= gip_age_start[b + 1];
}

/* The level of a gap, base-2 logarithm rounded up: 2^(level-1) < gap <= 2^level. */
static inline uint32_t gip_level(uint32_t gap)
{
    uint32_t level = gap < 2 ? 0 : 32 - (uint32_t)__builtin_clz(gap - 1);
    return MIN(level, (uint32_t)GIP_LEVELS - 1);
}

/* => a gap that stands for its level: the middle. */
static inline uint32_t gip_level_gap(uint32_t level)
{
    return level == 0 ? 1 : 3u << level >> 2;
}

static inline void gip_event(uint32_t *counter)
{
    if (*counter < GIP_COUNTER_MAX)
        *counter += GIP_EVENT;
}

/* The probability, of GIP_ONE - 1, that a page which reached bucket b is used while in it: what was counted,
 * together with a prior, which says that a page unused for `age` rounds is used in the next one with
 * probability 1 / (age + 1 + later). Over a bucket these multiply to width / (start + width + later). */
static inline uint32_t gip_hazard(struct gip_count c, uint32_t b, uint32_t later)
{
    uint32_t width = gip_age_start[b + 1] - gip_age_start[b], shift = 0, seen = c.used + c.passed;
    uint32_t prior = (width << 16) / (gip_age_start[b] + width + later);
    while (seen >> shift >= 1 << 15) /* so that the products below fit */
        shift++;
    uint32_t weight = GIP_PRIOR_EVENTS * GIP_EVENT >> shift;
    uint32_t p = ((c.used >> shift << 16) + weight * prior) / ((seen >> shift) + weight + 1);
    return MIN(p, (uint32_t)GIP_ONE - 1);
}

/* A stretch of ages, seen from its beginning: probability of a use in it, expected time until the use or
 * the end (GIP_ROUND a round), probability of none. */
struct gip_stretch {
    uint32_t use, time, none;
};

/* a, then b. Times sum to less than GIP_AGE_END * GIP_ROUND = 2^16, so the products fit. */
static inline struct gip_stretch gip_join(struct gip_stretch a, struct gip_stretch b)
{
    return (struct gip_stretch){a.use + (a.none * b.use >> 16), a.time + (a.none * b.time >> 16),
                                (uint32_t)((uint64_t)a.none * b.none >> 16)};
}

/* index[b]: the greatest probability of use per round held that can be had by keeping a page of bucket b
 * up to some later age: (P of a use) / (E of the time), the best over all horizons. From the last bucket to
 * the first: a stretch goes on into the next one as long as that has the better rate, which leaves rates that
 * fall with age, so that each bucket is joined once. => index is scaled by 2^32 / GIP_ROUND; 0 only if
 * the hazard is below 2^-16. */
static inline void gip_indices(const struct gip_count *count, uint32_t later, uint32_t *index)
{
    struct gip_stretch ahead[GIP_AGES];
    uint32_t depth = 0;
    for (uint32_t b = GIP_AGES; b-- > 0;) {
        uint32_t width = gip_age_start[b + 1] - gip_age_start[b];
        uint32_t p = gip_hazard(count[b], b, later);
        /* a use comes in the middle of the bucket, on average */
        struct gip_stretch s = {p, width * GIP_ROUND - (width * (GIP_ROUND / 2) * (p >> 4) >> 12),
                                GIP_ONE - p};
        while (depth > 0 && ahead[depth - 1].use * s.time > s.use * ahead[depth - 1].time)
            s = gip_join(s, ahead[--depth]);
        ahead[depth++] = s;
        index[b] = (s.use << 16) / s.time;
    }
}

#endif
