/* SPDX-License-Identifier: MIT
 * mm-level: 6
 * The two sources: nothing but zeros, and a file that is in memory as a whole (from the initrd). */
#include "mm/source.h"
#include "lib/string.h"

static enum vm_result zero_fill(const struct source *s UNUSED, uint32_t offset UNUSED, void *page)
{
    page_zero(page);
    return VM_OK;
}

static enum vm_result file_fill(const struct source *s, uint32_t offset, void *page)
{
    uint32_t n = offset >= s->length ? 0 : MIN(s->length - offset, (uint32_t)PAGE_SIZE);
    const char *from = (const char *)s->data + offset;
    if (n == PAGE_SIZE && (uintptr_t)from % 16 == 0) {
        page_copy(page, from);
    } else {
        memcpy(page, from, n);
        memset((char *)page + n, 0, PAGE_SIZE - n);
    }
    return VM_OK;
}

struct source source_zero(void)
{
    return (struct source){.name = "zero", .fill = zero_fill};
}

struct source source_file(const void *data, uint32_t length)
{
    return (struct source){.name = "file", .fill = file_fill, .data = data, .length = length};
}
