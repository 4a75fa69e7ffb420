/* SPDX-License-Identifier: MIT
 * mm-level: 5.1
 * Getting a frame for a page, by evicting another page when the pool is full or memory is short. */
#ifndef MM_RECLAIM_H
#define MM_RECLAIM_H

#include "mm/pool.h"
#include "mm/swap.h"

/* A frame for a page of pool p, in no pool yet (pool_insert makes it compete), content undefined.
 * May evict, and so may sleep and may change any mapping of the pool's pages. `use` says whether the
 * caller promises to give a slot back (see swap.h).
 * => VM_OK, or VM_NO_MEMORY / VM_NO_SWAP / VM_IO_ERROR: why no page could be evicted. */
enum vm_result page_alloc(struct pool *p, enum swap_use use, struct frame **out) MUST_CHECK;

/* Undoes page_alloc, or frees a page whose mappings are gone: takes it out of its pool, drops its slot. */
void page_free(struct frame *f);

/* Evicts one page of the pool; its frame is free afterwards. => as page_alloc. */
enum vm_result pool_evict(struct pool *p, enum swap_use use) MUST_CHECK;

/* Makes a frame free for the kernel itself (a page table): a page of the largest pool goes. => as page_alloc.
 */
enum vm_result memory_evict(void) MUST_CHECK;

/* f, just read from s, keeps the slot as a copy that saves a write while the page stays clean. The PTE's
 * reference becomes the frame's. */
void page_keep_slot(struct frame *f, slot_t s);

/* Gives f's slot back. => from here on the page must count as dirty: no copy of it is stored. */
void page_drop_slot(struct frame *f);

/* Slots kept by resident pages. */
uint32_t page_kept_slots(void);

#endif
