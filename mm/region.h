/* SPDX-License-Identifier: MIT
 * mm-level: 7
 * A region: a page-aligned range of one address space with one set of rights and one source. */
#ifndef MM_REGION_H
#define MM_REGION_H

#include "mm/source.h"
#include "mm/vmem.h"

enum region_flag {
    REGION_SHARED = 1,    /* writes are seen by all who map the object */
    REGION_GROWSDOWN = 2, /* a stack: a fault below it extends it */
    REGION_LOCKED = 4,    /* its pages are wired (mlock) */
    REGION_MERGEABLE = 8, /* its pages may be merged with equal ones (MADV_MERGEABLE) */
    REGION_DONTFORK = 16, /* a child does not get it (MADV_DONTFORK) */
    REGION_READONLY = 32, /* may never become writable: the file was opened for reading only */
    REGION_EXACT = 64,    /* its pages' references are seen one by one: exact.h */
    REGION_FRAMES = 128,  /* a page gets a frame of its own even if it is only read */
};

struct region {
    vaddr_t start, end;    /* bytes, end exclusive */
    uint32_t prot;         /* of enum vm_prot; 0: no access */
    uint32_t flags;        /* of enum region_flag */
    const char *name;      /* for people: text, data, heap, stack, anon */
    uint32_t offset;       /* of `start` in the object, bytes */
    struct object *object; /* a reference; NULL: private memory that starts as zeros */
};

/* A region's set, sorted by address, never overlapping. Lookups are a binary search. */
struct region_set {
    struct region **at;
    uint32_t count, room;
    struct region *last; /* last one found: faults come in runs */
    struct vmem *gaps;   /* NULL, or an arena in which each region is an allocated segment, */
    vaddr_t gaps_end;    /* ... up to here */
};

void region_set_destroy(struct region_set *set);

/* => the region that contains va, or NULL. */
struct region *region_find(struct region_set *set, vaddr_t va);

/* => "rw-p": read, write, execute, and shared or private, as /proc/PID/maps has them. In `text`. */
enum { REGION_RIGHTS = 5 };
const char *region_rights(const struct region *r, char text[REGION_RIGHTS]);

/* => index of the first region that ends above va; set->count if there is none. */
uint32_t region_index(const struct region_set *set, vaddr_t va);

/* Adds a copy of r, and takes over its reference to the object. => VM_OK, VM_EXISTS if it overlaps another,
 * VM_INVALID if it is empty or unaligned, VM_NO_MEMORY. */
enum vm_result region_add(struct region_set *set, const struct region *r) MUST_CHECK;

/* From here on the set's gaps between start and end are free in set->gaps, an arena that the functions below
 * keep in step. When that is short of memory, it goes, and set->gaps is NULL again. => no region lies below
 * start; the set has no such arena. VM_OK or VM_NO_MEMORY. */
enum vm_result region_keep_gaps(struct region_set *set, vaddr_t start, vaddr_t end,
                                const struct vmem_config *c) MUST_CHECK;

/* As region_add, but of r only the length counts: it is put where the arena of gaps has room. => the set has
 * one. VM_NO_MEMORY also when it has no room. */
enum vm_result region_add_anywhere(struct region_set *set, struct region *r) MUST_CHECK;

/* Gives the reference to the object back. */
void region_remove(struct region_set *set, uint32_t index);

/* Splits regions so that a boundary lies at va. => VM_OK or VM_NO_MEMORY. */
enum vm_result region_split(struct region_set *set, vaddr_t va) MUST_CHECK;

/* Boundaries at both ends of [start, end). => as region_split */
enum vm_result region_cut(struct region_set *set, vaddr_t start, vaddr_t end) MUST_CHECK;

/* Joins neighbours that differ in nothing but their addresses, from the one before start to the one behind
 * end. */
void region_merge(struct region_set *set, vaddr_t start, vaddr_t end);

/* A region gets a new start, below its old one. => nothing is between */
void region_extend_down(struct region_set *set, struct region *r, vaddr_t start);

/* Regions in order, and the gaps' arena in step. => false after printing what is broken, for pid's set */
bool region_check(const struct region_set *set, uint32_t pid, struct printer *out) MUST_CHECK;

#endif
