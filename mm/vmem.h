/* SPDX-License-Identifier: MIT
 * mm-level: 2.1
 * vmem arenas (Bonwick and Adams, USENIX 2001): lines of numbers (addresses, swap slots, frames) of which
 * ranges are handed out. An arena is made of spans; each span is tiled by segments, free or allocated, that
 * are kept in order by boundary tags outside the range itself. Which free segment an allocation comes from is
 * a strategy of lib/fit.h. All but the tags' memory is O(1) under instant fit, O(log segments) under the
 * others.
 *
 * Each operation is in one piece: it holds the arena's spin lock. Nothing here sleeps or evicts. */
#ifndef MM_VMEM_H
#define MM_VMEM_H

#include "lib/fit.h"
#include "lib/spin.h"
#include "mm/types.h"

struct vmem;

struct vmem_config {
    const char *name;      /* not copied */
    uintptr_t quantum;     /* a power of two: every start and size is a multiple of it; 0 counts as 1 */
    const struct fit *fit; /* NULL: instant fit */
    /* Spans are imported from here when nothing fits, and given back when empty; NULL: none. At most
     * VMEM_DEPTH arenas may import from one another. */
    struct vmem *source;
    uintptr_t import; /* the least that is imported at once, if the source has it */
    uint32_t tags;    /* so many segments need no memory: for who must not fail while it makes memory free */
};

enum { VMEM_DEPTH = 9 };

/* => NULL when memory is short. Never evicts. */
struct vmem *vmem_create(const struct vmem_config *c) MUST_CHECK;

/* => nothing is allocated from it. */
void vmem_destroy(struct vmem *a);

const char *vmem_name(const struct vmem *a);

/* Adds a span. => VM_OK; VM_EXISTS if it overlaps another; VM_INVALID (empty, unaligned, ends beyond
 * UINTPTR_MAX); VM_NO_MEMORY. */
enum vm_result vmem_add(struct vmem *a, uintptr_t start, uintptr_t size) MUST_CHECK;

/* A range of `size`, rounded up to the quantum. => VM_OK; VM_NO_MEMORY: no free segment is large enough, or
 * no tag can be had; VM_INVALID: size is 0 or too large to be rounded. */
enum vm_result vmem_alloc(struct vmem *a, uintptr_t size, uintptr_t *start) MUST_CHECK;

/* The same with an alignment and bounds: see struct fit_want. => also VM_INVALID if align is not a power of
 * two */
enum vm_result vmem_alloc_want(struct vmem *a, const struct fit_want *want, uintptr_t *start) MUST_CHECK;

/* Where vmem_alloc_want would put it, without importing; nothing is allocated. Who then allocates it with
 * vmem_alloc_at has done in two steps what it does in one, under next fit too. */
enum vm_result vmem_find(struct vmem *a, const struct fit_want *want, uintptr_t *start) MUST_CHECK;

/* Exactly this range, in O(log holes). => VM_OK; VM_EXISTS when not all of it is free; VM_INVALID (empty,
 * unaligned, ends beyond UINTPTR_MAX); VM_NO_MEMORY. */
enum vm_result vmem_alloc_at(struct vmem *a, uintptr_t start, uintptr_t size) MUST_CHECK;

/* => start and size (rounded or not) of an allocated segment; else a panic that names the arena and the
 * range. Cannot fail. */
void vmem_free(struct vmem *a, uintptr_t start, uintptr_t size);

/* Nothing is allocated any more. */
void vmem_free_all(struct vmem *a);

/* An allocated segment becomes two that can be freed apart, the second from `at` on: a multiple of the
 * quantum within it. => VM_OK or VM_NO_MEMORY. vmem_join is the opposite: the allocated segment from `start`
 * and the one behind it, allocated and of the same span, are one. */
enum vm_result vmem_split(struct vmem *a, uintptr_t start, uintptr_t at) MUST_CHECK;
void vmem_join(struct vmem *a, uintptr_t start);

/* The allocated segment that starts at `start`. => its size, or 0. */
uintptr_t vmem_size(const struct vmem *a, uintptr_t start);

/* Another strategy from here on. */
void vmem_set_fit(struct vmem *a, const struct fit *fit);
const struct fit *vmem_fit(const struct vmem *a);

struct vmem_figures {
    uintptr_t total, free,
        largest; /* of the numbers; the largest free segment (O(1) for tree strategies, else a walk) */
    uint32_t spans, allocated, holes; /* segments */
    uint32_t allocs, failures, frees; /* calls so far: allocations that were tried, those that failed */
};
struct vmem_figures vmem_figures(const struct vmem *a);

/* Segments in order, each span before what it is made of. `visit` must not use the arena. => false when a
 * visit said false, which ends it. */
enum vmem_kind { VMEM_SPAN, VMEM_FREE, VMEM_USED };
struct vmem_segment {
    uintptr_t start, size;
    enum vmem_kind kind;
};
bool vmem_walk(const struct vmem *a, bool (*visit)(const struct vmem_segment *s, void *arg), void *arg);

/* All arenas, the oldest first. `visit` may use them, but not create or destroy any. => as vmem_walk */
bool vmem_each(bool (*visit)(struct vmem *a, void *arg), void *arg);

/* Spans tiled, neighbours merged, tags, hash and strategy in step. Of one arena, and of all. => false after
 * printing what is broken. */
bool vmem_check(const struct vmem *a, struct printer *out) MUST_CHECK;
bool vmem_check_all(struct printer *out) MUST_CHECK;

#endif
