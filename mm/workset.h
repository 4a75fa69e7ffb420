/* SPDX-License-Identifier: MIT
 * mm-level: 5.4
 * Working sets: which pages of a pool its processes have used lately, in their own time. Accessed bits are
 * sampled; a page whose bit is found set was used "now", and a page that comes in is. What the sampling
 * clears is kept for the pool's policy, which sees the bit as if nobody had asked.
 *
 * A tracked pool's `time` is that of the processes which run in it: it stands still while they wait. Whoever
 * tracks the pool keeps it up to date. Times are compared modulo 2^32. */
#ifndef MM_WORKSET_H
#define MM_WORKSET_H

#include "mm/pool.h"

/* From here on the use of the pool's pages is tracked. => it holds none; VM_OK or VM_NO_MEMORY */
enum vm_result workset_track(struct pool *p) MUST_CHECK;

/* Reads and clears all accessed bits, now. One look at each page. */
void workset_sample(struct pool *p);

/* => how many of the pool's frames have not been used at or after `from`, as far as samples tell: those that
 * compete only. */
uint32_t workset_idle(struct pool *p, uint32_t from);

/* Evicts some of those, as many as one transfer can write; who was used since the last sample stays. May
 * sleep.
 * => how many frames are free. 0: all that is left stays, or cannot be written. */
uint32_t workset_release(struct pool *p, uint32_t from);

/* The same for pages whenever they were used: the pool's processes are not to run for a while. */
uint32_t workset_empty(struct pool *p);

#endif
