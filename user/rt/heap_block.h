/* SPDX-License-Identifier: MIT
 * Inside the heap: blocks with tags, from the start of the heap to a header without a block at its end:
 *
 *   used   | tag | requested | what the caller writes ...                   |
 *   hole   | tag | -         | struct fit_segment | ...              | size |
 *   end    | tag | -         |
 *
 * A tag is the size with the header, and two flags: is this block used, is the one before it? Only the size
 * of a hole is needed from behind, so only holes repeat it at their end (Knuth, TAOCP 1, 2.5, exercise 19).
 * The smallest block is what a hole needs. If somebody else moves the break, what he took becomes a block
 * that is never freed, and the heap goes on behind it. */
#ifndef USER_RT_HEAP_BLOCK_H
#define USER_RT_HEAP_BLOCK_H

#include "user/rt/heap.h"
#include "user/rt/sys.h"

struct block {
    size_t tag;
    size_t requested; /* bytes; of a block of somebody else's FOREIGN */
};

enum { USED = 1, BEFORE_USED = 2, MAPPED = 4, FLAGS = USED | BEFORE_USED | MAPPED };

#define FOREIGN ((size_t)-1)

struct hole {
    struct block head;
    struct fit_segment segment; /* its start is the hole's address */
};

/* A large block, alone in its pages. */
struct mapped {
    struct mapped *next, *before;
    struct block head;
};

enum {
    GRAIN = 2 * sizeof(size_t), /* sizes and addresses are multiples of it */
    HEADER = sizeof(struct block),
    SMALLEST = ALIGN_UP(sizeof(struct hole) + sizeof(size_t), GRAIN),
    LARGEST = 1 << 30, /* bytes; sums of sizes below this do not wrap */
};

_Static_assert(HEADER % GRAIN == 0 && offsetof(struct mapped, head) % GRAIN == 0, "blocks are aligned");
_Static_assert((int)FLAGS < (int)GRAIN, "flags are below a size");

extern struct heap {
    bool started;         /* it has a first block */
    uintptr_t start, end; /* the first block, the header at the end */
    struct fit_set holes;
    struct mapped *mapped;  /* all large blocks */
    struct heap_figures is; /* all but `largest` and `holes`; no strategy: not chosen yet */
} the_heap;

static inline size_t size_of(const struct block *b)
{
    return b->tag & ~(size_t)FLAGS;
}

static inline struct block *block_at(uintptr_t at)
{
    return (struct block *)at;
}

static inline struct block *behind(const struct block *b)
{
    return block_at((uintptr_t)b + size_of(b));
}

static inline bool is_used(const struct block *b)
{
    return b->tag & USED;
}

static inline size_t *size_at_end(const struct block *b)
{
    return (size_t *)((uintptr_t)b + size_of(b) - sizeof(size_t));
}

/* => the block before b is a hole */
static inline struct block *hole_before(const struct block *b)
{
    return block_at((uintptr_t)b - ((const size_t *)b)[-1]);
}

static inline struct fit_segment *segment_of(struct block *b)
{
    return &((struct hole *)b)->segment;
}

static inline struct block *block_of(struct fit_segment *s)
{
    return block_at(s->start);
}

static inline void *payload(struct block *b)
{
    return b + 1;
}

static inline bool is_mapped(const struct block *b)
{
    return b->tag & MAPPED;
}

static inline size_t room_of(const struct block *b)
{
    return size_of(b) - (is_mapped(b) ? sizeof(struct mapped) : HEADER);
}

static inline uintptr_t page_up(uintptr_t at)
{
    return ALIGN_UP(at, (uintptr_t)PAGE_SIZE);
}

static inline size_t mapped_size(size_t bytes)
{
    return page_up(bytes + sizeof(struct mapped));
}

/* ---- heap.c ---- */

/* A hole between used blocks: the blocks are told. */
void make_hole(struct block *b, size_t size);
void take_hole(struct block *b);

/* From `b` on, `size` bytes that belong to nobody become a hole, with the holes at either end. => that hole;
 * b's tag says whether the block before is used */
struct block *make_free(struct block *b, size_t size);

/* ---- heap_pages.c: the system's memory ---- */

/* A hole of at least `bytes` at the top. => false: no memory */
bool heap_grow(size_t bytes) MUST_CHECK;

/* Gives the top back, but for HEAP_GROW, if it is large. */
void heap_trim(struct block *top);

/* All of it. => the heap has not begun; false: somebody moved the break, and it stays */
bool heap_give_back(void);

/* Large blocks. => NULL: no memory */
struct block *mapped_alloc(size_t bytes) MUST_CHECK;
void mapped_free(struct block *b);

/* Another size for a large block where it is. => false: it must move */
bool mapped_resize(struct block *b, size_t bytes);

bool mapped_has(const struct block *b);

/* The figures have changed: are they peaks? */
void heap_note_peaks(void);

#endif
