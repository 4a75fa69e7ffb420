/* SPDX-License-Identifier: MIT
 * The bare machine: RAM, and nothing else. All that the allocators (levels 1 and 2 of mm/) need of a machine,
 * for tools/alloc and the fuzzers, which are built without the rest of mm/. Tests that fault and swap use
 * tests/host/machine.h. */
#ifndef TOOLS_ALLOC_BARE_H
#define TOOLS_ALLOC_BARE_H

#include "lib/print.h"
#include "mm/frame.h"

/* RAM at these ranges, a frame database and the buddy allocator over them, afresh. Frames from `direct` on
 * are high memory: phys_to_ptr panics there. RAM keeps what it held when the ranges end where the last ones
 * did, else it is zero, and takes host memory only where it is touched. => no object of a slab is in use;
 * what else was allocated is gone. */
void bare_build(const struct phys_range *ranges, size_t count, paddr_t direct, uint32_t reserve);

/* One range of low memory, with so many free frames. */
void bare_build_frames(uint32_t frames);

/* Where checks print: the standard error. */
extern struct printer bare_errors;

#endif
