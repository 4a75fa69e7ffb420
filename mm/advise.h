/* SPDX-License-Identifier: MIT
 * mm-level: 8.1
 * What a process may tell about its memory, or ask: madvise, mincore, mlock, and moving it: mremap.
 * Addresses are page aligned; ranges lie in the user part. */
#ifndef MM_ADVISE_H
#define MM_ADVISE_H

#include "mm/space.h"

enum vm_advice {
    VM_DISCARD,  /* the content is not needed: zeros, or the file's bytes, next time */
    VM_FREE,     /* the same, but only when memory is short, unless it is written before */
    VM_COLD,     /* not used soon: counts as not accessed */
    VM_PAGEOUT,  /* not used soon: evict it now */
    VM_WILLNEED, /* used soon: into memory, but mapped only when touched */
    VM_POPULATE_READ,
    VM_POPULATE_WRITE, /* as if every page was touched now */
};

/* Does it to every region in the range. Holes are left out. May evict and sleep. => VM_OK; VM_NO_REGION if
 * there was a hole; VM_INVALID where a region does not allow it (locked pages, FREE of a file's);
 * VM_FORBIDDEN or why a page could not be had, for POPULATE. */
enum vm_result space_advise(struct space *s, vaddr_t start, vaddr_t end, enum vm_advice advice) MUST_CHECK;

/* Sets and clears flags of the regions in the range (REGION_DONTFORK, REGION_MERGEABLE). => VM_OK;
 * VM_NO_REGION if there was a hole, the rest is done; VM_NO_MEMORY. */
enum vm_result space_set_flags(struct space *s, vaddr_t start, vaddr_t end, uint32_t set,
                               uint32_t clear) MUST_CHECK;

/* Is the page in memory, mapped here or not? => va lies in a region. */
bool space_resident(struct space *s, vaddr_t va);

enum vm_lock {
    LOCK_NONE,
    LOCK_NOW,      /* every page comes in, and stays */
    LOCK_ON_FAULT, /* a page stays once it has been touched */
};

/* Locks, or unlocks. May evict and sleep. => VM_OK; VM_NO_REGION at the first
 * hole (what lies before it is done); VM_NO_MEMORY when too little would be left that can be evicted, or
 * LOCK_NOW meets pages without any rights (they are locked all the same, as on Linux). */
enum vm_result space_lock(struct space *s, vaddr_t start, vaddr_t end, enum vm_lock lock) MUST_CHECK;

/* The same for all regions. */
enum vm_result space_lock_all(struct space *s, enum vm_lock lock) MUST_CHECK;

/* Moves the pages of [from, from + length) to `to`, with the region around them, which must be one. Nothing
 * is mapped at the new place, whose region gets `new_length`. => VM_OK, or VM_NO_MEMORY and nothing is
 * changed. */
enum vm_result space_move(struct space *s, vaddr_t from, uint32_t length, vaddr_t to,
                          uint32_t new_length) MUST_CHECK;

#endif
