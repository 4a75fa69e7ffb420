/* SPDX-License-Identifier: MIT
 * What is known of every page that a trace names: a hash table by pid and page. */
#ifndef TOOLS_TRACE_PAGES_H
#define TOOLS_TRACE_PAGES_H

#include "lib/types.h"

struct page {
    uint64_t key;        /* page_key + 1; 0: an empty place in the table */
    uint64_t came, left; /* nanoseconds of the log; 0: unknown */
    uint64_t left_fault; /* faults of all before it was evicted */
    uint32_t faults, evictions;
    uint32_t number; /* for whoever numbers pages */
};

struct pages {
    struct page *table;
    uint32_t bits; /* 2^bits places; 0: none yet */
    uint32_t used;
};

/* The page, made with zeros if it is new. Good until the next call. */
struct page *page_of_key(struct pages *t, uint64_t key);

#endif
