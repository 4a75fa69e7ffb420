/* SPDX-License-Identifier: MIT
 * A fake break and fake mmap for the user heap (user/rt/heap.c): what lies behind the break, or was unmapped,
 * kills the test when it is touched. */
#ifndef TESTS_HOST_BRK_H
#define TESTS_HOST_BRK_H

#include "lib/types.h"

struct fake_brk {
    uintptr_t start, now, limit; /* where the break was at first, is, and may go at most */
    size_t mapped;               /* bytes from mmap */
    size_t map_limit;            /* as many at most */
    uint32_t moves;              /* of the break */
};

extern struct fake_brk fake_brk;

/* A new break, with so many bytes to move in. */
void fake_brk_start(size_t bytes);

/* Somebody else takes memory, or gives it back. */
void fake_brk_move(intptr_t bytes);

#endif
