/* SPDX-License-Identifier: MIT
 * Records of spans and segments: one size for both, carved from pages that are mapped a few at a time and
 * kept until the end. What is free is chained. */
#include "user/mems/chain.h"
#include "user/mems/port.h"
#include "user/rt/sys.h"

union record {
    union record *next; /* free */
    struct span span;
    struct segment segment;
};

/* What one map gives. */
enum { CHUNK = 16 * PAGE_SIZE };
struct chunk {
    struct chunk *next;
    union record records[];
};

static struct chunk *chunks;
static union record *free_records;
static size_t free_count, mapped; /* records, bytes */

bool records_reserve(size_t n)
{
    if (free_count >= n)
        return true;
    struct chunk *c = port_map(CHUNK);
    if (c == NULL)
        return false;
    c->next = chunks;
    chunks = c;
    mapped += CHUNK;
    for (size_t i = (CHUNK - sizeof *c) / sizeof *c->records; i > 0; i--)
        record_free(&c->records[i - 1]);
    return true;
}

void *record_alloc(void)
{
    union record *r = free_records;
    free_records = r->next;
    free_count--;
    return r;
}

void record_free(void *record)
{
    union record *r = record;
    r->next = free_records;
    free_records = r;
    free_count++;
}

void records_finish(void)
{
    while (chunks != NULL) {
        struct chunk *c = chunks;
        chunks = c->next;
        port_unmap(c, CHUNK);
        mapped -= CHUNK;
    }
    free_records = NULL;
    free_count = 0;
}

size_t records_mapped(void)
{
    return mapped;
}
