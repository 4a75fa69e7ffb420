/* SPDX-License-Identifier: MIT
 * mm-level: 2.05
 * Reuse distances: for each reference, how many different other pages were referenced since the last one to
 * the same page. Under LRU with c frames a reference faults if its distance is c or more, or it is the first
 * to its page (Mattson, Gecsei, Slutz and Traiger 1970): one pass over a string tells the faults for every c.
 */
#ifndef MM_REUSE_H
#define MM_REUSE_H

#include "mm/types.h"

/* A string so far. All zero: no reference yet. */
struct reuse {
    uint32_t capacity; /* pages that there is room for */
    uint32_t shift;    /* the hash table has 2^(32 - shift) entries */
    uint32_t count;    /* pages, numbered in the order of their first reference */
    uint32_t now;      /* time: references since it was last reckoned anew */
    uint32_t *pages;   /* by number: what the caller calls it, */
    uint32_t *last;    /* and when it was referenced last */
    uint32_t *at;      /* by time: which page was referenced */
    uint32_t *tree;    /* by time, a Fenwick tree: 1 for a time that is the last of some page */
    uint32_t *hash;    /* a page's number and one; 0: empty */
};

#define REUSE_COLD UINT32_MAX /* the first reference to the page */

/* The next reference is to `page`, any number. O(log pages), amortised. => false when memory is short: the
 * string is as it was. */
bool reuse_refer(struct reuse *r, uint32_t page, uint32_t *distance) MUST_CHECK;

/* Frees its memory: no reference any more. */
void reuse_end(struct reuse *r);

#endif
