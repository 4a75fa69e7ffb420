/* SPDX-License-Identifier: MIT
 * mm-level: 7
 * A region: a page-aligned range of one address space with one set of rights and one source. */
#ifndef MM_REGION_H
#define MM_REGION_H

#include "mm/source.h"

struct region {
    vaddr_t start, end; /* bytes, end exclusive */
    uint32_t prot;      /* of enum vm_prot; 0: no access */
    const char *name;   /* for people: text, data, heap, stack, anon */
    uint32_t offset;    /* of `start` in the source, bytes */
    struct source source;
};

/* A region's set, sorted by address, never overlapping. Lookups are a binary search. */
struct region_set {
    struct region **at;
    uint32_t count, room;
    struct region *last; /* last one found: faults come in runs */
};

void region_set_destroy(struct region_set *set);

/* => the region that contains va, or NULL. */
struct region *region_find(struct region_set *set, vaddr_t va);

/* => index of the first region that ends above va; set->count if there is none. */
uint32_t region_index(const struct region_set *set, vaddr_t va);

/* Adds a copy of r. => VM_OK, VM_EXISTS if it overlaps another, VM_INVALID if it is empty or unaligned,
 * VM_NO_MEMORY. */
enum vm_result region_add(struct region_set *set, const struct region *r) MUST_CHECK;

void region_remove(struct region_set *set, uint32_t index);

/* Splits regions so that a boundary lies at va. => VM_OK or VM_NO_MEMORY. */
enum vm_result region_split(struct region_set *set, vaddr_t va) MUST_CHECK;

#endif
