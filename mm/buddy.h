/* SPDX-License-Identifier: MIT
 * mm-level: 1.1
 * Physical frames in blocks of 2^order, order 0..10: Knowlton's buddy system (CACM 8(10), 1965; Knuth,
 * TAOCP 1, 2.5). Split and merge are O(orders), the merge test O(1) through the frame database. It never
 * reclaims: when it says no, pool.c decides what to evict.
 *
 * Frames are in two zones: low, in the direct map, and high, beyond it (mm/frame.h). The kernel can use low
 * frames only; pages of processes take high frames first, so that low ones are left for the kernel.
 *
 * Each group of frames as large as the largest block is movable or unmovable: pages of processes, which
 * compaction can move (compact.h), are kept together, and so are the kernel's, so that one page of the
 * kernel's does not spoil a large block. A group changes sides only when nothing else is left (after Gorman
 * and Whitcroft, "The What, The Why and the Where To of Anti-Fragmentation", Ottawa Linux Symposium 2006).
 *
 * In front of the lists stands a small cache of single frames for each zone and kind, as each CPU would have
 * one: most allocations are of one frame, and the one that was freed last is the warmest. It fills and
 * empties by the batch. Its frames count as free; they are merged when they leave it, and all leave it before
 * an allocation fails. */
#ifndef MM_BUDDY_H
#define MM_BUDDY_H

#include "lib/print.h"
#include "mm/frame.h"

enum { BUDDY_ORDERS = 11, BUDDY_MAX_ORDER = BUDDY_ORDERS - 1 };

/* Takes over every frame that frame_init marked FREE. The last `reserve` low frames are kept for
 * ALLOC_KERNEL, so that page tables and the heap can be had when user pages have taken the rest. => the
 * direct map ends on a multiple of the largest block, so that no block lies in both zones. */
void buddy_init(uint32_t reserve);

enum alloc_for {
    ALLOC_KERNEL, /* a low frame; may dig into the reserve */
    ALLOC_USER,   /* a high frame, else a low one; fails when only the reserve is left */
};

/* => the first frame of a block, of kind KERNEL or USER, content undefined; NULL if there is none.
 * Never evicts. The caller frees the block with buddy_free. */
struct frame *buddy_alloc(unsigned order, enum alloc_for who) MUST_CHECK;

/* => f heads an allocated block (any order; the database knows), unmapped, in no pool, without slot. */
void buddy_free(struct frame *f);

/* Makes single frames of an allocated block: each can be freed by itself. */
void buddy_split(struct frame *f);

/* For compaction. Takes the frames of [first, first + count) that are free out of the lists: they are single
 * frames of kind KERNEL then, the caller's. => how many. */
uint32_t buddy_isolate(uint32_t first, uint32_t count);

/* A page has left f, a single frame of kind USER: it becomes one of kind KERNEL, the caller's. */
void buddy_hold(struct frame *f);

/* Makes one block of 2^order single frames of kind KERNEL, the first of them aligned to it, or single frames
 * of that kind of a block of one order. `kind` is KERNEL or USER. */
void buddy_join(struct frame *f, unsigned order, enum frame_kind kind);

/* The caches' frames go back to the lists, where they merge. */
void buddy_drain(void);

/* Free blocks of this order or a larger one, as they lie. */
bool buddy_has(unsigned order);

/* Is the failure to give a block of this order due to want of memory, or to fragmentation? Thousandths:
 * towards 0 the first, towards 1000 the second; -1000 when a block could be given (Gorman and Whitcroft,
 * section 5; Linux's extfrag_index). Of the low zone, or the high one. */
int32_t buddy_fragmentation(bool of_high, unsigned order);

uint32_t buddy_free_frames(void); /* of both zones */
uint32_t buddy_low_free(void);    /* those that the kernel can have */
uint32_t buddy_reserve(void);

/* Free blocks on the lists of exactly this order, and single frames in the caches in front of them. */
uint32_t buddy_blocks(bool of_high, bool movable, unsigned order);
uint32_t buddy_cached(void);

/* Moves the reserve by so many frames, for a user of kernel memory to whom frames are promised: it makes
 * the reserve smaller by what it takes, and larger again by what it gives back. */
void buddy_move_reserve(int32_t frames);

uint32_t buddy_total_frames(void); /* frames that were ever handed to buddy_init */

/* Junk on free (a debug aid): fills freed blocks with a byte that is no valid pointer or count. */
extern bool buddy_junk;

/* The rows of Linux's /proc/buddyinfo. */
void buddy_print_info(struct printer *out);

/* Walks the free lists and the database. => false after printing what is broken. */
bool buddy_check(struct printer *out) MUST_CHECK;

#endif
