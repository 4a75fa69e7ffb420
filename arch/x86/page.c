/* SPDX-License-Identifier: MIT
 * Whole-page work on x86. With SSE2 a page is 256 registers, so a copy takes half the instructions of
 * `rep movsl`, and a copy that also sums takes as many; without SSE2, string instructions and plain C. */
#include "lib/page.h"
#include "arch/x86/cpu.h"
#include "lib/string.h"

/* page.S. They preserve the SSE registers: those are the interrupted program's. dst may be NULL in the
 * sum: then nothing is stored. */
void page_zero_sse2(void *page);
void page_copy_sse2(void *dst, const void *src);
void page_copy_sum_sse2(void *dst, const void *src, struct page_lanes *lanes);
void page_sum_sse2(const void *src, struct page_lanes *lanes);

void page_zero(void *page)
{
    if (likely(cpu_features.sse2))
        page_zero_sse2(page);
    else
        memset(page, 0, PAGE_SIZE);
}

void page_copy(void *dst, const void *src)
{
    if (likely(cpu_features.sse2))
        page_copy_sse2(dst, src);
    else
        memcpy(dst, src, PAGE_SIZE);
}

uint32_t page_copy_sum(void *dst, const void *src)
{
    struct page_lanes lanes;
    if (likely(cpu_features.sse2))
        page_copy_sum_sse2(dst, src, &lanes);
    else
        page_copy_sum_generic(dst, src, &lanes);
    return page_sum_fold(&lanes);
}

uint32_t page_sum(const void *page)
{
    struct page_lanes lanes;
    if (likely(cpu_features.sse2))
        page_sum_sse2(page, &lanes);
    else
        page_copy_sum_generic(NULL, page, &lanes);
    return page_sum_fold(&lanes);
}
