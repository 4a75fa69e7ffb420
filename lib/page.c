/* SPDX-License-Identifier: MIT
 * The page checksum in portable C: what the host uses, and what machine versions are tested against. */
#include "lib/page.h"

enum { LANES = 4, ROWS = PAGE_SIZE / (LANES * sizeof(uint32_t)) };

uint32_t page_sum_fold(const struct page_lanes *lanes)
{
    const uint32_t odd_multiplier = 0x9e3779b1; /* 2^32 / golden ratio: mixes, and loses nothing */
    uint32_t h = 0;
    for (int i = 0; i < LANES; i++) {
        h = (h ^ lanes->a[i]) * odd_multiplier;
        h = (h ^ (h >> 15) ^ lanes->b[i]) * odd_multiplier;
    }
    return h;
}

void page_copy_sum_generic(void *dst, const void *src, struct page_lanes *lanes)
{
    const uint32_t *from = src;
    uint32_t *to = dst;
    for (int lane = 0; lane < LANES; lane++) {
        uint32_t a = 0, b = 0;
        for (size_t i = (size_t)lane; i < LANES * ROWS; i += LANES) {
            uint32_t w = from[i];
            if (to != NULL)
                to[i] = w;
            a += w;
            b += a;
        }
        lanes->a[lane] = a;
        lanes->b[lane] = b;
    }
}
