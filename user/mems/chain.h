/* SPDX-License-Identifier: MIT
 * What MeMS is made of. Records of spans and segments lie on pages of their own, never in the spans. */
#ifndef USER_MEMS_CHAIN_H
#define USER_MEMS_CHAIN_H

#include "lib/types.h"

struct segment {
    struct segment *prev, *next; /* the sub-chain; NULL at its ends */
    struct span *span;
    uintptr_t start, size; /* MeMS addresses */
    bool process;          /* else a hole */

    struct segment *left, *right; /* the index */
    uint32_t priority;
    uintptr_t largest; /* hole in the subtree below and here; 0: none */
};

struct span {
    struct span *next; /* the main chain */
    struct segment *first;
    uint8_t *memory;       /* where it really is */
    uintptr_t start, size; /* MeMS addresses; size in whole pages */
};

struct mems {
    bool ready;          /* between mems_init and mems_finish */
    struct span *first;  /* main chain, NULL: empty */
    struct span *last;   /* undefined if it is empty */
    struct segment *all; /* root of the index */
    uintptr_t end;       /* the next span starts here */
    const char *error;
};
extern struct mems mems;

/* ---- index.c: all segments by address ---- */

/* => s is not in it */
void index_insert(struct segment **root, struct segment *s);
void index_remove(struct segment **root, struct segment *s);

/* s is in it, and its size or kind has changed; its start has not. */
void index_changed(struct segment *root, const struct segment *s);

/* => the segment that holds address v, NULL if none does. */
struct segment *index_find(struct segment *root, uintptr_t v);

/* => the hole of at least so many bytes with the lowest address, NULL if there is none. */
struct segment *index_first_hole(struct segment *root, uintptr_t bytes);

/* => NULL, or what is wrong with it */
const char *index_check(const struct segment *root, const struct segment *lowest);

/* ---- records.c ---- */

/* Makes sure that the next n allocations of records succeed. => false: no memory */
bool records_reserve(size_t n);
void *record_alloc(void); /* => one of the reserved, of undefined content */
void record_free(void *record);
void records_finish(void);   /* unmaps them all */
size_t records_mapped(void); /* bytes */

#endif
