/* SPDX-License-Identifier: MIT
 * mm-level: 3
 * The swap disk: page-sized slots with reference counts and checksums, over lib/blkdev.h. Knows nothing
 * of address spaces; decides nothing.
 *
 * A reference is one PTE (or one entry of an object) that holds the slot, or the one resident frame whose
 * content the slot stores or will store. That frame can be found through the slot, so that those who share a
 * page find it in memory instead of reading it twice, and wait for it while it is BUSY. The last free slot
 * is a reserve: only a fault that promises to give a slot back right after its read may take it
 * (SWAP_EXCHANGE), so that a full disk can still exchange pages. */
#ifndef MM_SWAP_H
#define MM_SWAP_H

#include "lib/blkdev.h"
#include "lib/panic.h"
#include "lib/print.h"
#include "mm/frame.h"

enum { SWAP_MIN_SLOTS = 2 };

extern bool swap_verify; /* keep and compare checksums; on unless switched off for measurement */

/* => VM_OK; VM_INVALID for a disk below SWAP_MIN_SLOTS; VM_NO_MEMORY. A NULL disk means no swap. */
enum vm_result swap_init(struct blkdev *disk) MUST_CHECK;

enum swap_use { SWAP_NORMAL, SWAP_EXCHANGE };

/* => a slot with one reference and no content, or SLOT_NONE when the disk is full. Calls in a row give
 * adjoining slots where the disk has them, so that they can be written at once. */
slot_t swap_alloc(enum swap_use use) MUST_CHECK;

/* The slot table, for the functions below only: they are on every swap fault. */
struct slot {
    uint32_t refs;
    uint32_t sum;        /* of the content, while refs > 0 and something was written */
    struct frame *frame; /* the resident frame that keeps it */
};
extern struct slot *swap_slots;
void swap_release(slot_t s); /* its last reference goes */

static inline struct slot *swap_slot(slot_t s)
{
    ASSERT(swap_slots[s.n].refs > 0, "swap: slot %u is not in use", s.n);
    return &swap_slots[s.n];
}

static inline void swap_ref(slot_t s, uint32_t more)
{
    swap_slot(s)->refs += more;
}

static inline void swap_unref(slot_t s)
{
    if (swap_slot(s)->refs == 1)
        swap_release(s);
    else
        swap_slots[s.n].refs--;
}

static inline uint32_t swap_refs(slot_t s) /* 0: free */
{
    return swap_slots[s.n].refs;
}

/* The resident frame that keeps s, or NULL. evict.c keeps this and the frame's `slot` in step. */
static inline struct frame *swap_cached(slot_t s)
{
    return swap_slot(s)->frame;
}

static inline void swap_set_cached(slot_t s, struct frame *f)
{
    swap_slot(s)->frame = f;
}

/* True when free slots are few (an eighth of the disk): a page just read should then give its slot back
 * rather than keep it as a copy. Always true while the reserve is in use, or the disk has no room. */
bool swap_scarce(void);

/* True when no more pages can be stored: all slots but the reserve are taken, or the disk has slots left but
 * no room for what is in them (a compressing one). */
bool swap_no_room(void);

/* Transfers a page between a frame and its slot. May sleep. => VM_OK; VM_IO_ERROR; from swap_out VM_NO_SWAP
 * when the device has no room (compressed swap); from swap_in VM_CORRUPT when the checksum of what came back
 * differs from that of what was written. */
enum vm_result swap_out(slot_t s, struct frame *f) MUST_CHECK;
enum vm_result swap_in(slot_t s, struct frame *f) MUST_CHECK;

/* The same for `count` adjoining slots from `first` on, at most BLKDEV_MAX_RUN, in one transfer. corrupt[i]
 * is set for each page of a read whose checksum does not match; all others are good if the result is VM_OK.
 */
enum vm_result swap_out_run(slot_t first, struct frame *const *frames, uint32_t count) MUST_CHECK;
enum vm_result swap_in_run(slot_t first, struct frame *const *frames, uint32_t count,
                           bool corrupt[]) MUST_CHECK;

uint32_t swap_total(void); /* slots */
uint32_t swap_free(void);

/* => the disk, or NULL. Who transfers by himself must own the slots: block n is slot n. */
struct blkdev *swap_disk(void);

bool swap_check(struct printer *out) MUST_CHECK;

#endif
