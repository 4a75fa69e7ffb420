/* SPDX-License-Identifier: MIT
 * mm-level: 7.3
 * Compaction of physical memory: pages are moved out of a range of frames until all of it is free, so that
 * large blocks come back after memory was fragmented. As Linux's (mm/compaction.c) it moves what is movable
 * and leaves what the kernel has; unlike Linux's, whose two scanners sweep the zone towards each other, it
 * empties the range that costs the fewest moves. Nothing here evicts or sleeps. */
#ifndef MM_COMPACT_H
#define MM_COMPACT_H

#include "mm/frame.h"

/* Pages that would have to move to make [first, first + count) free; COMPACT_NEVER if something in it cannot
 * be moved. */
#define COMPACT_NEVER UINT32_MAX
uint32_t compact_cost(uint32_t first, uint32_t count);

/* Makes it free. => true: all of it is single frames of kind KERNEL, the caller's. false: nothing of it is
 * the caller's; pages may have moved. */
bool compact_range(uint32_t first, uint32_t count) MUST_CHECK;

/* A run of `count` frames, aligned to 2^order frames, as compact_range leaves them: the one that costs the
 * fewest moves. => the first; NULL if there is none. */
struct frame *compact_run(uint32_t count, unsigned order) MUST_CHECK;

#endif
