/* SPDX-License-Identifier: MIT
 * The page checksum in portable C: what the host uses, and what machine versions are tested against. */
#include "lib/page.h"

enum { LANES = 4, ROWS = PAGE_SIZE / (LANES * sizeof(uint32_t)) };

uint32_t page_sum_fold(const struct page_lanes *lanes)
{
    const uint32_t *a = lanes->a, *b = lanes->b;
    uint32_t first = a[0] * 0x9e3779b1 + a[1] * 0x85ebca77 + a[2] * 0xc2b2ae3d + a[3] * 0x27d4eb2f;
    uint32_t second = b[0] * 0x165667b1 + b[1] * 0xd3a2646d + b[2] * 0xfd7046c5 + b[3] * 0xb55a4f09;
    return first ^ (second << 16 | second >> 16);
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
