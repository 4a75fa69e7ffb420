/* SPDX-License-Identifier: MIT
 * mm-level: 6
 * Where a page's content comes from when it is not in memory: its swap slot, its object's file, or zeros. */
#ifndef MM_SOURCE_H
#define MM_SOURCE_H

#include "mm/object.h"
#include "mm/reclaim.h"

/* ---- objects ---- */

/* Zero-filled, kept in memory and swap: a file in /tmp, shared anonymous memory. => one reference; NULL when
 * memory is short. */
struct object *object_create(const char *name, uint32_t length) MUST_CHECK;

/* Over bytes in kernel memory that never change and outlive it: a file of the initrd. A page of it is read by
 * copying, and dropped without I/O. => as object_create */
struct object *object_create_file(const char *name, const void *data, uint32_t length) MUST_CHECK;

void object_ref(struct object *o);
void object_unref(struct object *o); /* the last one frees every page and slot */

/* Copies between the object and kernel memory. => offset + n within its length. May evict and sleep. */
enum vm_result object_read(struct object *o, struct pool *p, uint32_t offset, void *to,
                           uint32_t n) MUST_CHECK;
enum vm_result object_write(struct object *o, struct pool *p, uint32_t offset, const void *from,
                            uint32_t n) MUST_CHECK;

/* Page `index` of the object, resident and not BUSY. *major: it was read from swap. May evict and sleep; the
 * frame is good until the caller does. => VM_OK, VM_BEYOND past the end, or as page_alloc and swap_in. */
enum vm_result object_page(struct object *o, uint32_t index, struct pool *p, struct frame **out,
                           bool *major) MUST_CHECK;

/* Frees a page of the object. => it is mapped nowhere. */
void object_discard(struct object *o, uint32_t index);

/* Fills `to` with what the page holds, without making it resident. Neither evicts nor sleeps. => false if it
 * is in swap, or beyond the end. */
bool object_fill_copy(struct object *o, uint32_t index, struct frame *to) MUST_CHECK;

/* ---- swap ---- */

extern uint32_t swap_readahead; /* pages read at once around one that is wanted; 1: none. readahead= */

/* The page of slot s, which some PTE or entry holds: found resident, or read into a new frame of pool p; not
 * BUSY. May evict and sleep. *out is NULL with VM_OK when the world changed meanwhile and the caller must
 * look again. A frame that was read is charged and keeps the slot, but is not queued yet: pool_insert it. */
enum vm_result swap_page(slot_t s, struct pool *p, struct frame **out, bool *read) MUST_CHECK;

#endif
