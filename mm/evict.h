/* SPDX-License-Identifier: MIT
 * mm-level: 5.1
 * The way of one page out of memory, and the bookkeeping of frames, slots and mappings that goes with it.
 * Which page goes is reclaim.c's decision. */
#ifndef MM_EVICT_H
#define MM_EVICT_H

#include "mm/pool.h"
#include "mm/swap.h"

/* A page on its way out. It is BUSY from evict_start to evict_finish. */
struct eviction {
    struct frame *frame;
    bool write;   /* it must be written before the frame can be used */
    uint32_t pid; /* of the first mapping, for the log; 0: none */
    vaddr_t va;
};

/* The last pages that went while somebody watched, a ring, for people: number n is at n % EVICTION_HISTORY,
 * and vmstat.pgsteal is the next number. */
enum { EVICTION_HISTORY = 16 };
struct eviction_record {
    const struct frame *frame; /* NULL: nobody watched */
    uint32_t pid;
    vaddr_t va;
    slot_t slot; /* where it is now; SLOT_NONE: its source has it */
    bool write;
};
extern bool evictions_watched;
extern struct eviction_record eviction_history[EVICTION_HISTORY];

/* Takes the page out of its pool's competition and out of every page table; finds a slot if it needs one.
 * => VM_OK; VM_NO_SWAP: it needs a slot and there is none, nothing is changed. f is a queued single page. */
enum vm_result evict_start(struct frame *f, enum swap_use use, struct eviction *e) MUST_CHECK;

/* `io` is how the write ended, VM_OK if none was needed. => VM_OK: the page is gone; the frame is the
 * caller's, charged to its pool still. Else the page is back in the competition. */
enum vm_result evict_finish(const struct eviction *e, enum vm_result io) MUST_CHECK;

/* All of it for one page. May sleep. => as evict_finish */
enum vm_result evict_page(struct frame *f, enum swap_use use) MUST_CHECK;

/* All of it for several pages, none of them a block, with as few transfers as their slots allow; their frames
 * are freed. At most BLKDEV_MAX_RUN. May sleep. => how many went; *why is why another did not. */
uint32_t evict_pages(struct frame *const *frames, uint32_t count, enum swap_use use, enum vm_result *why);

/* Makes single pages of a block, wherever it is mapped; each competes by itself. Nothing if f is one. */
void block_split(struct frame *f);

/* Evicts a queued block: splits it, writes what must be written in runs. => as evict_pages */
uint32_t evict_block(struct frame *f, enum swap_use use, enum vm_result *why);

/* Frees a page and its frame, or a block: its mappings are gone, its slot is dropped, its pool is told. */
void page_free(struct frame *f);

/* A mapping of f was just taken away: `dirty` is what its PTE said. Frees the page if nothing else needs it.
 */
void page_unmapped(struct frame *f, bool dirty);

/* f keeps the slot: as a copy that saves a write while the page stays clean, or to be written to. One
 * reference of the slot becomes the frame's. */
void page_keep_slot(struct frame *f, slot_t s);

/* Gives f's slot back. From here on the page counts as dirty: it is stored nowhere. */
void page_drop_slot(struct frame *f);

/* A PTE or an object's entry gives its reference of the slot back. Frees the resident page that only waited
 * for it. */
void page_put_slot(slot_t s);

/* May a private page be written where it is? Not while another mapping, another holder of its slot, or an
 * object shares it. */
bool page_exclusive(const struct frame *f);

/* No longer BUSY: wakes those who wait for it. */
void page_ready(struct frame *f);

/* Sleeps until f is no longer BUSY. Afterwards everything may have changed. */
void page_wait(struct frame *f);

/* Slots kept by frames. */
uint32_t page_kept_slots(void);

#endif
