/* SPDX-License-Identifier: MIT
 * Figures of MeMS: its chains as text, the frames behind them, and whether all of it is whole. */
#include "user/mems/chain.h"
#include "user/mems/mems.h"
#include "user/mems/port.h"
#include "user/rt/program.h"
#include "user/rt/sys.h"

struct mems_figures mems_figures(void)
{
    struct mems_figures f = {.mapped = records_mapped()};
    for (const struct span *span = mems.first; span != NULL; span = span->next) {
        f.spans++;
        f.pages += span->size / PAGE_SIZE;
        f.mapped += span->size;
        for (const struct segment *s = span->first; s != NULL; s = s->next) {
            f.segments++;
            f.unused += s->process ? 0 : s->size;
        }
    }
    return f;
}

static void print_span(const struct span *span)
{
    printf("MAIN[%zu:%zu]-> ", (size_t)span->start, (size_t)(span->start + span->size - 1));
    for (const struct segment *s = span->first; s != NULL; s = s->next)
        printf("%c[%zu:%zu] <-> ", s->process ? 'P' : 'H', (size_t)s->start,
               (size_t)(s->start + s->size - 1));
    printf("NULL\n");
}

/* Of its sub-chain. */
static size_t length(const struct span *span)
{
    size_t n = 0;
    for (const struct segment *s = span->first; s != NULL; s = s->next)
        n++;
    return n;
}

/* One entry of pagemap, as Linux's Documentation/admin-guide/mm/pagemap.rst has it. */
static void print_entry(uint64_t entry)
{
    enum { SLOT_SHIFT = 5 }; /* below it: which swap area */
    const uint64_t present = 1ull << 63, swapped = 1ull << 62, number = (1ull << 55) - 1;
    if (!(entry & (present | swapped)))
        printf("no frame\n"); /* never touched */
    else if (entry & swapped)
        printf("swapped to slot %llu\n", (unsigned long long)((entry & number) >> SLOT_SHIFT));
    else if ((entry & number) == 0)
        printf("frame hidden\n"); /* Linux tells root only */
    else
        printf("frame %#llx\n", (unsigned long long)(entry & number));
}

static void print_pages(const struct span *span)
{
    enum { AT_ONCE = 32 };
    uint64_t entries[AT_ONCE];
    size_t pages = span->size / PAGE_SIZE, got = 0;
    for (size_t i = 0; i < pages; i++) {
        const uint8_t *at = span->memory + i * PAGE_SIZE;
        uintptr_t start = span->start + i * PAGE_SIZE;
        if (i % AT_ONCE == 0)
            got = port_pagemap(at, entries, MIN(pages - i, (size_t)AT_ONCE));
        printf("PAGE[%zu:%zu]-> %p, ", (size_t)start, (size_t)(start + PAGE_SIZE - 1), (const void *)at);
        if (i % AT_ONCE < got)
            print_entry(entries[i % AT_ONCE]);
        else
            printf("frame unknown\n");
    }
}

void mems_print_stats(void)
{
    struct mems_figures f = mems_figures();
    printf("----- MeMS SYSTEM STATS -----\n");
    for (const struct span *span = mems.first; span != NULL; span = span->next)
        print_span(span);
    printf("Pages used:\t%zu\nSpace unused:\t%zu\nMain Chain Length:\t%zu\n", f.pages, f.unused, f.spans);
    printf("Sub-chain Length array: [");
    for (const struct span *span = mems.first; span != NULL; span = span->next)
        printf("%zu, ", length(span));
    printf("]\n");
    for (const struct span *span = mems.first; span != NULL; span = span->next)
        print_pages(span);
    printf("-----------------------------\n");
}

static const char *check_span(const struct span *span)
{
    uintptr_t at = span->start;
    const struct segment *prev = NULL;
    for (const struct segment *s = span->first; s != NULL; prev = s, s = s->next) {
        if (s->span != span || s->prev != prev)
            return "a sub-chain is broken";
        if (s->start != at || s->size == 0 || s->size > span->start + span->size - at)
            return "a span is not tiled by its segments";
        if (prev != NULL && !prev->process && !s->process)
            return "two holes are side by side";
        at += s->size;
    }
    return at == span->start + span->size ? NULL : "a span is not tiled by its segments";
}

const char *mems_check(void)
{
    uintptr_t at = MEMS_START;
    for (const struct span *span = mems.first; span != NULL; span = span->next) {
        if (span->start != at || span->size == 0 || span->size % PAGE_SIZE != 0)
            return "the main chain has a gap";
        const char *wrong = check_span(span);
        if (wrong != NULL)
            return wrong;
        at += span->size;
    }
    if (mems.ready && mems.end != at)
        return "the main chain ends elsewhere";
    return index_check(mems.all, mems.first != NULL ? mems.first->first : NULL);
}
