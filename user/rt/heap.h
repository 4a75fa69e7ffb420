/* SPDX-License-Identifier: MIT
 * The heap of a program: malloc over brk, with a strategy of lib/fit.h that can be changed, figures and a
 * check. user/rt/malloc.c gives it C's names.
 *
 * Boundary tags are in band (Knuth, TAOCP 1, 2.5, algorithm C): a header before each block, and what a
 * strategy needs to know of a hole inside the hole. A vmem arena (mm/vmem.h) keeps its tags elsewhere,
 * because what it deals out need not be memory, or not memory that may be touched: swap slots, pages not
 * mapped yet, frames that others own. A heap deals out memory of its own, so a tag costs no allocation, is in
 * the same cache line as the block, and the block is found from its address alone. The price: a program that
 * writes beyond its block destroys tags, which heap_check and heap_free notice, but cannot mend. */
#ifndef USER_RT_HEAP_H
#define USER_RT_HEAP_H

#include "lib/fit.h"

enum {
    HEAP_GROW = 64 * 1024,    /* bytes: the least that the heap grows by, and what it keeps at its top */
    HEAP_TRIM = 128 * 1024,   /* a hole of that size at the top goes back to the system */
    HEAP_MAPPED = 128 * 1024, /* a block of that size is an mmap of its own */
};

/* Another strategy, by name, and with `buddy` blocks of powers of two only. Before anything is allocated, or
 * when all of it is free again. => 0, -EINVAL: there is no such strategy, -EBUSY: blocks are allocated */
int heap_use(const char *strategy, bool buddy) MUST_CHECK;

/* The same from HEAP=strategy or HEAP=strategy,buddy among `envp`, if it is there. */
int heap_use_environment(char *const *envp) MUST_CHECK;

/* As C's malloc, calloc, realloc, free. A size of 0 counts as 1; blocks are aligned to two words, 8 bytes on
 * i386. => NULL: the system gives no more memory. What is no block of the heap's, or free already, ends the
 * program with a message that says so. */
void *heap_alloc(size_t bytes) MUST_CHECK;
void *heap_zalloc(size_t n, size_t bytes) MUST_CHECK;
void *heap_realloc(void *p, size_t bytes) MUST_CHECK;
void heap_free(void *p);

/* => as many bytes as the block has, at least what was asked for */
size_t heap_usable(const void *p);

struct heap_figures {
    const char *strategy;
    bool buddy;
    size_t size, used, free;          /* bytes from brk: all, in blocks with their headers, in holes */
    size_t requested;                 /* bytes that callers asked for, of these blocks */
    size_t largest;                   /* hole */
    size_t blocks, holes;             /* how many */
    size_t mapped, mapped_blocks;     /* large blocks: bytes from mmap, how many */
    size_t mapped_requested;          /* bytes that callers asked for, of these */
    size_t peak_size, peak_requested; /* at most so far, since heap_use; both with large blocks */
    size_t allocs, frees, failures;   /* calls so far, since heap_use */
};
struct heap_figures heap_figures(void);

/* Per mille. Of free memory, what lies outside the largest hole; of the blocks, what nobody asked for:
 * headers, rounding, and the tails too small to be a hole. */
uint32_t heap_external(const struct heap_figures *f);
uint32_t heap_internal(const struct heap_figures *f);

/* All blocks in order (U: used, H: hole, X: somebody else's, with their sizes in bytes; U40*3: three such),
 * and the figures. */
void heap_print(struct printer *out);

/* Every byte belongs to one block, neighbours agree, no two holes adjoin, the strategy knows the holes and
 * nothing else, the figures are right. => false after printing what is broken. */
bool heap_check(struct printer *out) MUST_CHECK;

/* Declared low, defined high: the heap is broken, or its caller is. */
NORETURN void heap_fail(const char *fmt, ...) PRINTF_LIKE(1);

#endif
