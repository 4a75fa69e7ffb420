/* SPDX-License-Identifier: MIT
 * mm-level: 3
 * The swap disk: page-sized slots with reference counts and checksums, over lib/blkdev.h. Knows nothing
 * of address spaces; decides nothing.
 *
 * A reference is one PTE that holds the slot, or the one resident frame whose content the slot still
 * stores. The last free slot is a reserve: only a fault that promises to give a slot back right after its
 * read may take it (SWAP_EXCHANGE), so that a full disk can still exchange pages. */
#ifndef MM_SWAP_H
#define MM_SWAP_H

#include "lib/blkdev.h"
#include "lib/print.h"
#include "mm/frame.h"

enum { SWAP_MIN_SLOTS = 2 };

extern bool swap_verify; /* keep and compare checksums; on unless switched off for measurement */

/* => VM_OK; VM_INVALID for a disk below SWAP_MIN_SLOTS; VM_NO_MEMORY. A NULL disk means no swap. */
enum vm_result swap_init(struct blkdev *disk) MUST_CHECK;

enum swap_use { SWAP_NORMAL, SWAP_EXCHANGE };

/* => a slot with one reference and no content, or SLOT_NONE when the disk is full. */
slot_t swap_alloc(enum swap_use use) MUST_CHECK;

void swap_ref(slot_t s, uint32_t more);
void swap_unref(slot_t s);

/* True when free slots are few (an eighth of the disk): a page just read should then give its slot back
 * rather than keep it as a copy. Always true while the reserve is in use, or the disk has no room. */
bool swap_scarce(void);

/* True when no more pages can be stored: all slots but the reserve are taken, or the disk has slots left but
 * no room for what is in them (a compressing one). */
bool swap_no_room(void);

/* Transfers a page between a frame and its slot. May sleep. => VM_OK, VM_IO_ERROR; from swap_out VM_NO_SWAP
 * when the disk has no room; from swap_in VM_CORRUPT when the checksum of what came back differs from that
 * of what was written. */
enum vm_result swap_out(slot_t s, const struct frame *f) MUST_CHECK;
enum vm_result swap_in(slot_t s, struct frame *f) MUST_CHECK;

/* The shadow word of an evicted page: the pool's eviction clock when it went (see pool.h). */
void swap_set_shadow(slot_t s, uint32_t shadow);
uint32_t swap_shadow(slot_t s);

uint32_t swap_total(void); /* slots */
uint32_t swap_free(void);
uint32_t swap_refs(slot_t s); /* 0: free */

bool swap_check(struct printer *out) MUST_CHECK;

#endif
