/* SPDX-License-Identifier: MIT
 * Whole-page work: zero, copy, checksum. Declared low, defined high: arch/x86 has its own versions, the
 * host uses the generic ones of page.c, and both give the same checksum for the same bytes. */
#ifndef LIB_PAGE_H
#define LIB_PAGE_H

#include "lib/types.h"

enum { PAGE_SHIFT = 12, PAGE_SIZE = 1 << PAGE_SHIFT };

/* All pointers are page aligned; source and destination do not overlap. */
void page_zero(void *page);
void page_copy(void *dst, const void *src);
uint32_t page_sum(const void *page);
uint32_t page_copy_sum(void *dst, const void *src);

/* The checksum is Fletcher's (IEEE Trans. Comm. COM-30(1), 1982) on four interleaved lanes of 32-bit
 * words: a += word, b += a, modulo 2^32. b makes it notice exchanged words; the fold multiplies each lane
 * by an odd number of its own, so that exchanged lanes show and no bit is lost. Four lanes, because that
 * is one SSE2 register. */
struct page_lanes {
    uint32_t a[4], b[4];
};

uint32_t page_sum_fold(const struct page_lanes *lanes);
void page_copy_sum_generic(void *dst, const void *src, struct page_lanes *lanes); /* dst NULL: sum only */

#endif
