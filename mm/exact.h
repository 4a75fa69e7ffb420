/* SPDX-License-Identifier: MIT
 * mm-level: 7.8
 * Exact mode: the true page-reference string, seen by the MMU. Of all pages of a space that lie in exact
 * regions, only two can be reached by the program: the page that its instructions come from, and the one that
 * they referenced last. The others are present, but hidden (supervisor pages), so that the next reference to
 * any of them faults. No trap flag, no emulation.
 *
 * An instruction is fetched before it references anything. So a fault of an instruction in page X that
 * references page A stands for two references, X and A, unless X was the last one before; and when the
 * instructions leave X, all is hidden but the page that they go to.
 *
 * An instruction that needs several pages would never get through with these two. So pages stay shown as long
 * as the faults come from one step: the same instruction with the same registers, which therefore has not
 * done anything yet.
 *
 * What cannot be seen: references to shown pages. They change nothing in the string but how often X and A
 * alternate. A page that is read and then written without another page in between counts as read, and its
 * dirty bit tells the rest. */
#ifndef MM_EXACT_H
#define MM_EXACT_H

#include "mm/space.h"

struct exact {
    uint32_t step;                     /* of the last reference; 0: the kernel's */
    uint32_t count;                    /* pages shown, */
    vaddr_t shown[POOL_MIN_LIMIT + 1]; /* oldest first */
    vaddr_t last;                      /* the last page referenced */
    uint32_t member;                   /* which of the recorded spaces this is */
};

/* References to [start, end) are seen one by one from here on; its pages get frames of their own even if they
 * are only read. Page aligned. => VM_OK, VM_NO_REGION if there was a hole (the rest is done), VM_NO_MEMORY;
 * VM_INVALID in a pool of blocks. */
enum vm_result exact_enable(struct space *s, vaddr_t start, vaddr_t end) MUST_CHECK;

/* The contrary. => VM_OK, VM_NO_REGION, VM_NO_MEMORY */
enum vm_result exact_disable(struct space *s, vaddr_t start, vaddr_t end) MUST_CHECK;

/* A new space, without regions yet: all that it will have get these flags, see region.h; exact ones need
 * memory. => as exact_enable */
enum vm_result exact_begin(struct space *s, uint32_t always) MUST_CHECK;

/* For the page fault, in an exact region: the page can be reached again, if it is present. */
void exact_show(struct space *s, const struct region *r, vaddr_t va);

/* ... and when the page is there: it is referenced, by the instruction at `ip` (0: by the kernel). `came`:
 * the page has just been inserted into its pool, which counts as the reference. */
void exact_reference(struct space *s, vaddr_t va, uint32_t ip, uint32_t step, bool write, bool came);

/* ---- the recorder: what was referenced, in order, by all exact spaces together ---- */

/* One recorded reference: the space's number above the page number above the write bit. */
enum { RECORD_WRITE = 1, RECORD_PAGE_SHIFT = 1, RECORD_MEMBER_SHIFT = 21, RECORD_MEMBERS = 1 << 11 };

/* Forgets what was recorded; records from here on if `on`. */
void recorder_reset(bool on);
void recorder_stop(void);
uint32_t recorder_count(void);
uint32_t recorder_lost(void); /* references that there was no memory for */
uint32_t recorder_at(uint32_t i);

/* Where the recorded words lie: piece n. => NULL behind the last */
enum { RECORDER_PIECE = 64 * 1024 }; /* words in each but the last */
const uint32_t *recorder_piece(uint32_t n);

#endif
