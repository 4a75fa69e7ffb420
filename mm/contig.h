/* SPDX-License-Identifier: MIT
 * mm-level: 7.4
 * A contiguous arena: a run of frames taken from the buddy allocator, of which partitions are handed out as
 * runs of adjoining frames, as memory was before paging. A partition is an object, so that programs map it
 * and the kernel reads and writes it; its pages are there from the start, never faulted in and never evicted.
 * Compaction slides partitions together by moving their frames under the programs that use them. One arena at
 * a time. */
#ifndef MM_CONTIG_H
#define MM_CONTIG_H

#include "mm/object.h"
#include "mm/partition.h"

/* The arena's book; units are frames. book.units is 0 while there is no arena. */
extern struct partition_book contig_book;

/* Takes so many adjoining frames, moving pages out of the way if need be (compact.h). => VM_OK; VM_EXISTS
 * when there is an arena; VM_INVALID (0 frames); VM_NO_MEMORY: no such run can be had. */
enum vm_result contig_open(uint32_t frames, const struct fit *fit) MUST_CHECK;

/* Gives all frames back. => no partition is left. */
void contig_close(void);

/* A partition of `bytes`, rounded up to frames, or to a power of two of frames (buddy), full of zeros. *out
 * is its object with one reference, the caller's; the last reference that goes frees the partition. => as
 * partition_alloc */
enum vm_result contig_alloc(const char *name, uint32_t bytes, bool buddy, struct object **out,
                            bool *compactable) MUST_CHECK;

static inline struct object *contig_object(const struct partition *p)
{
    return p->owner;
}

/* Moves at most `budget` frames towards the arena's start. Does not sleep: its time is the programs' pause.
 * => how many; fewer than the budget: nothing is left to move. */
uint32_t contig_step(uint32_t budget);

/* The frame of a unit. => there is an arena */
struct frame *contig_frame_at(uint32_t unit);

/* The frame of page `index` of a partition. */
struct frame *contig_frame(const struct partition *p, uint32_t index);

/* The book, and that every frame is what the book says. => false after printing what is broken. */
bool contig_check(struct printer *out) MUST_CHECK;

#endif
