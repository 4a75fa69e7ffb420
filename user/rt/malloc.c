/* SPDX-License-Identifier: MIT
 * C's names for the heap, apart from it because the host has its own. How a program ends whose heap is
 * broken. */
#include "user/rt/malloc.h"
#include "lib/print.h"
#include "user/rt/heap.h"
#include "user/rt/program.h"

void *malloc(size_t bytes)
{
    return heap_alloc(bytes);
}

void *calloc(size_t n, size_t bytes)
{
    return heap_zalloc(n, bytes);
}

void *realloc(void *p, size_t bytes)
{
    return heap_realloc(p, bytes);
}

void free(void *p)
{
    heap_free(p);
}

size_t malloc_usable_size(void *p)
{
    return heap_usable(p);
}

void heap_fail(const char *fmt, ...)
{
    char text[120];
    va_list ap;
    va_start(ap, fmt);
    vformat(text, sizeof text, fmt, ap);
    va_end(ap);
    fail("%s", text);
}
