/* SPDX-License-Identifier: MIT
 * Traces in memory. */
#include "tools/sim/trace.h"
#include "tools/sim/sim.h"
#include <stdlib.h>
#include <string.h>

enum { FIRST_BUCKET_BITS = 10, FIRST_ROOM = 1 << 16 };

void trace_init(struct trace *t, const char *name)
{
    *t = (struct trace){.bucket_bits = FIRST_BUCKET_BITS};
    trace_rename(t, name, strlen(name));
    t->buckets = host_alloc((size_t)1 << t->bucket_bits, sizeof t->buckets[0]);
}

void trace_rename(struct trace *t, const char *name, size_t len)
{
    size_t n = MIN(len, sizeof t->name - 1);
    for (size_t i = 0; i < n; i++)
        t->name[i] = name[i] > ' ' && name[i] < 0x7f ? name[i] : '_';
    t->name[n] = '\0';
}

void trace_free(struct trace *t)
{
    free(t->entries);
    free(t->original);
    free(t->buckets);
}

/* Where the page is, or would be, in the table: linear probing, multiplicative hashing (Knuth, TAOCP 3, 6.4).
 */
static uint32_t *bucket(const struct trace *t, uint64_t page)
{
    uint64_t hash = page * 0x9e3779b97f4a7c15u; /* 2^64 / golden ratio */
    uint32_t mask = (1u << t->bucket_bits) - 1;
    uint32_t at = (uint32_t)(hash >> (64 - t->bucket_bits));
    while (t->buckets[at] != 0 && t->original[t->buckets[at] - 1] != page)
        at = (at + 1) & mask;
    return &t->buckets[at];
}

static void grow_pages(struct trace *t)
{
    free(t->buckets);
    t->bucket_bits++;
    t->buckets = host_alloc((size_t)1 << t->bucket_bits, sizeof t->buckets[0]);
    for (uint32_t p = 0; p < t->unique; p++)
        *bucket(t, t->original[p]) = p + 1;
}

static uint32_t number_of(struct trace *t, uint64_t page)
{
    uint32_t *b = bucket(t, page);
    if (*b != 0)
        return *b - 1;
    if (t->unique == UINT32_MAX >> 1)
        die(SIM_FAILED, "%s: more than %u pages", t->name, UINT32_MAX >> 1);
    if ((t->unique & (t->unique - 1)) == 0)
        t->original = host_realloc(t->original, MAX(t->unique * (size_t)2, (size_t)1), sizeof t->original[0]);
    t->original[t->unique] = page;
    *b = ++t->unique;
    if (t->unique >> (t->bucket_bits - 1) != 0) /* half full */
        grow_pages(t);
    return t->unique - 1;
}

void trace_add(struct trace *t, uint64_t page, bool write)
{
    t->refs++;
    if (t->count > 0 && t->original[t->entries[t->count - 1] >> 1] == page) {
        t->entries[t->count - 1] |= write;
        return;
    }
    if (t->count == t->room) {
        if (t->room > UINT32_MAX / 2)
            die(SIM_FAILED, "%s: more than %u references", t->name, t->room);
        t->room = t->room != 0 ? t->room * 2 : FIRST_ROOM;
        t->entries = host_realloc(t->entries, t->room, sizeof t->entries[0]);
    }
    uint32_t number = number_of(t, page);
    t->entries[t->count++] = number << 1 | write;
}

uint32_t *trace_next_use(const struct trace *t)
{
    uint32_t *next = host_alloc(t->count, sizeof *next);
    uint32_t *last = host_alloc(t->unique, sizeof *last);
    for (uint32_t p = 0; p < t->unique; p++)
        last[p] = ORACLE_NEVER;
    for (uint32_t i = t->count; i-- > 0;) {
        next[i] = last[trace_page(t, i)];
        last[trace_page(t, i)] = i;
    }
    free(last);
    return next;
}

uint32_t trace_written_pages(const struct trace *t)
{
    bool *written = host_alloc(t->unique, sizeof *written);
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        if (trace_written(t, i) && !written[trace_page(t, i)]) {
            written[trace_page(t, i)] = true;
            n++;
        }
    }
    free(written);
    return n;
}
