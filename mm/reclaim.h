/* SPDX-License-Identifier: MIT
 * mm-level: 5.2
 * Getting a frame for a page, by evicting another page when the pool is full or memory is short; and the
 * pager, which does that ahead of time.
 *
 * Watermarks, in free frames. Of the machine: below `min` (the buddy allocator's reserve) user pages get
 * nothing; below `low` the pager is woken; it evicts until there are `high`. Of a pool, the same with the
 * frames that its limit leaves; a pool has none unless asked for (pager=on), because a background pager
 * changes which page is resident when, and whoever compares policies wants to see the policy alone. */
#ifndef MM_RECLAIM_H
#define MM_RECLAIM_H

#include "mm/evict.h"

/* An instruction that has faulted: the pages that it got so far must stay, or it would fault for ever. It is
 * the same step as long as neither its address nor any register has changed. */
struct step {
    uint32_t id; /* made of all registers; 0: not a program's instruction */
    uint32_t count;
    struct frame *pages[8]; /* a ring; the last POOL_MIN_LIMIT - 1 of them count */
};

/* The step that a page is wanted for, NULL if none: reclaim takes none of its pages. */
extern const struct step *reclaim_for;

/* A frame for a page of pool p, charged to it (pool_insert makes it compete), content undefined. May evict,
 * and so may sleep and may change any mapping of any page that is not BUSY. `use` says whether the caller
 * promises to give a slot back (see swap.h). => holds no other frame that is not queued, or two that wait for
 * each other's frames could wait for ever; and a reference to p, or a space of it.
 * => VM_OK, or VM_NO_MEMORY / VM_NO_SWAP / VM_IO_ERROR: why no page could be evicted. */
enum vm_result page_alloc(struct pool *p, enum swap_use use, struct frame **out) MUST_CHECK;

/* The same for a block of 2^order frames. => NULL when the pool or the buddy allocator cannot give one: try a
 * smaller one. */
struct frame *page_alloc_block(struct pool *p, unsigned order) MUST_CHECK;

/* A block of 2^order frames of kind USER, made by moving pages together; as from buddy_alloc. Neither evicts
 * nor sleeps, but any page may be in another frame afterwards. => NULL if none can be made, or none could
 * lately. Declared low, defined high: compact.c. */
struct frame *compact_for(unsigned order) MUST_CHECK;

/* A frame if one can be had without evicting anything. => NULL if not. */
struct frame *page_alloc_free(struct pool *p) MUST_CHECK;

/* Evicts one page of the pool; its frame is free afterwards. => as page_alloc. */
enum vm_result pool_evict(struct pool *p, enum swap_use use) MUST_CHECK;

/* Makes a frame free for the kernel itself (a page table): a page of the largest pool goes. => as page_alloc.
 */
enum vm_result memory_evict(void) MUST_CHECK;

/* The pager's life. Never returns; sleeps while no watermark is passed. One kernel thread runs it. */
void pager_run(void *unused);

/* Gives the pool watermarks of its own: a 16th and an 8th of its limit, at least 1 and 2 frames. */
void pool_set_watermarks(struct pool *p);

/* A frame of zeros that all share who only read. Made once; of kind KERNEL, so never evicted, and listed in
 * no reverse map. */
extern struct frame *zero_frame;

/* => VM_OK, or VM_NO_MEMORY. After buddy_init. */
enum vm_result reclaim_init(void) MUST_CHECK;

#endif
