/* SPDX-License-Identifier: MIT
 * mm-level: 7.5
 * Bringing in blocks: the unit of residence is 2^order pages in one buddy block, for private memory. */
#ifndef MM_BLOCK_H
#define MM_BLOCK_H

#include "mm/space.h"

/* The largest order, up to that of the space's pool, for which the aligned block around va lies in the region
 * and none of its pages is resident or shared. => 0: a single page. */
unsigned block_order(const struct space *s, const struct region *r, vaddr_t va);

/* Brings the block in, as long as memory for one of this or a smaller order can be had, and maps it: what is
 * in swap is read, the rest is zeros. May evict and sleep. *order becomes that of what was brought in; 0:
 * nothing was, a single page is left to try, or everything may have changed. *major: swap was read. => VM_OK;
 * an error only says that the disk failed for some page of the block: also then try the single page. */
enum vm_result block_bring_in(struct space *s, const struct region *r, vaddr_t va, unsigned *order,
                              bool *major) MUST_CHECK;

#endif
