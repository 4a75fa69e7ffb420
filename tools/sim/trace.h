/* SPDX-License-Identifier: MIT
 * A page-reference trace in memory: 4 bytes a reference, and 4 more for the future if somebody wants to know
 * it. Pages are numbered from 0 in the order of their first reference; references to one page in a row are
 * one entry (lib/reftrace.h says why). */
#ifndef TOOLS_SIM_TRACE_H
#define TOOLS_SIM_TRACE_H

#include "lib/types.h"

struct trace {
    char name[44];      /* lib/reftrace.h's size */
    const char *format; /* that it was read from */
    uint64_t refs;      /* references before those in a row were joined */
    uint32_t *entries;  /* page << 1 | written */
    uint32_t count, room;
    uint64_t *original; /* the number of each page in the file */
    uint32_t unique;
    uint32_t *buckets; /* page + 1 by the hash of its original number; 0: empty */
    uint32_t bucket_bits;
};

void trace_init(struct trace *t, const char *name);

/* Cut to fit; what would not be part of a word becomes _. */
void trace_rename(struct trace *t, const char *name, size_t len);

void trace_free(struct trace *t);

/* One more reference, to the page that the file calls `page`. */
void trace_add(struct trace *t, uint64_t page, bool write);

static inline uint32_t trace_page(const struct trace *t, uint32_t i)
{
    return t->entries[i] >> 1;
}

static inline bool trace_written(const struct trace *t, uint32_t i)
{
    return t->entries[i] & 1;
}

/* For each entry the number of the next one to the same page, or ORACLE_NEVER. => free it */
uint32_t *trace_next_use(const struct trace *t);

/* Pages that are written at least once. */
uint32_t trace_written_pages(const struct trace *t);

#endif
