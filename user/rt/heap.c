/* SPDX-License-Identifier: MIT
 * The heap's small blocks, its calls, and the choice of its strategy. heap_block.h says what a block is. */
#include "user/rt/heap.h"
#include "lib/string.h"
#include "user/rt/heap_block.h"

static const char initial_strategy[] = "best";

struct heap the_heap;

/* ---- holes ---- */

void make_hole(struct block *b, size_t size)
{
    b->tag = size | BEFORE_USED;
    *size_at_end(b) = size;
    behind(b)->tag &= ~(size_t)BEFORE_USED;
    struct fit_segment *s = segment_of(b);
    s->start = (uintptr_t)b;
    s->size = size;
    fit_insert(&the_heap.holes, s);
    the_heap.is.free += size;
}

void take_hole(struct block *b)
{
    fit_remove(&the_heap.holes, segment_of(b));
    the_heap.is.free -= size_of(b);
}

struct block *make_free(struct block *b, size_t size)
{
    if (!(b->tag & BEFORE_USED)) {
        struct block *before = hole_before(b);
        take_hole(before);
        size += size_of(before);
        b = before;
    }
    struct block *next = block_at((uintptr_t)b + size);
    if (!is_used(next)) {
        take_hole(next);
        size += size_of(next);
    }
    make_hole(b, size);
    return b;
}

/* ---- small blocks ---- */

/* => the size of the block for so many bytes */
static size_t rounded(size_t bytes)
{
    size_t size = MAX(ALIGN_UP(bytes + HEADER, (size_t)GRAIN), (size_t)SMALLEST);
    return the_heap.is.buddy ? fit_round(size) : size;
}

/* Counts a block in, or out. */
static void account(const struct block *b, bool in)
{
    size_t sign = in ? 1 : (size_t)-1;
    the_heap.is.blocks += sign;
    the_heap.is.used += sign * size_of(b);
    the_heap.is.requested += sign * b->requested;
}

/* The part of hole b from `at` on becomes a used block. What is left at either end stays a hole, if it is
 * large enough for one, and else is part of the block. */
static struct block *carve(struct block *b, uintptr_t at, size_t size)
{
    uintptr_t start = (uintptr_t)b, end = start + size_of(b);
    take_hole(b);
    if (at - start < SMALLEST)
        at = start;
    if (end - (at + size) < SMALLEST)
        size = end - at;
    struct block *made = block_at(at);
    made->tag = size | USED | BEFORE_USED;
    if (at > start)
        make_hole(b, at - start);
    if (at + size < end)
        make_hole(behind(made), end - at - size);
    else
        behind(made)->tag |= BEFORE_USED;
    return made;
}

static struct block *alloc_small(size_t bytes)
{
    size_t size = rounded(bytes);
    struct fit_want want = {.size = size, .align = 1, .min = 0, .max = UINTPTR_MAX};
    uintptr_t at;
    struct fit_segment *s = fit_pick(&the_heap.holes, &want, &at);
    if (s == NULL && heap_grow(size))
        s = fit_pick(&the_heap.holes, &want, &at);
    if (s == NULL)
        return NULL;
    struct block *b = carve(block_of(s), at, size);
    b->requested = bytes;
    account(b, true);
    return b;
}

static void free_small(struct block *b)
{
    account(b, false);
    struct block *hole = make_free(b, size_of(b));
    if ((uintptr_t)behind(hole) == the_heap.end)
        heap_trim(hole);
}

/* What a block has beyond `size` goes back, if a hole can be made of it. */
static void cut(struct block *b, size_t size)
{
    size_t rest = size_of(b) - size;
    if (rest < SMALLEST)
        return;
    b->tag -= rest;
    behind(b)->tag = USED | BEFORE_USED;
    struct block *hole = make_free(behind(b), rest);
    if ((uintptr_t)behind(hole) == the_heap.end)
        heap_trim(hole);
}

/* The block where it is, larger or smaller. => false: it must move */
static bool resize_small(struct block *b, size_t bytes)
{
    size_t size = rounded(bytes);
    struct block *next = behind(b);
    size_t reach = size_of(b) + (is_used(next) ? 0 : size_of(next));
    if (bytes >= HEAP_MAPPED || reach < size)
        return false;
    account(b, false);
    if (size_of(b) < size) {
        take_hole(next);
        b->tag += size_of(next);
        behind(b)->tag |= BEFORE_USED;
    }
    b->requested = bytes;
    cut(b, size);
    account(b, true);
    return true;
}

/* ---- the calls ---- */

/* => the used block that starts at p. Ends the program if there is none. */
static struct block *expect_block(const char *who, const void *p)
{
    struct block *b = block_at((uintptr_t)p - HEADER);
    uintptr_t at = (uintptr_t)b;
    if (at % GRAIN != 0)
        heap_fail("%s: %p is no block: it is not aligned to %u", who, p, (unsigned)GRAIN);
    if (at < the_heap.start || at >= the_heap.end) {
        if (!mapped_has(b))
            heap_fail("%s: %p is no block of the heap", who, p);
        return b;
    }
    if (!is_used(b))
        heap_fail("%s: %p is free already", who, p);
    if (size_of(b) < SMALLEST || size_of(b) > the_heap.end - at || !(behind(b)->tag & BEFORE_USED) ||
        b->requested > size_of(b) - HEADER)
        heap_fail("%s: %p starts no block, or its tag was overwritten", who, p);
    return b;
}

static struct block *alloc(size_t bytes)
{
    if (!the_heap.is.strategy && heap_use(initial_strategy, false) != 0)
        heap_fail("heap: there is no strategy %s", initial_strategy);
    bytes = MAX(bytes, (size_t)1);
    the_heap.is.allocs++;
    struct block *b = NULL;
    if (bytes <= LARGEST)
        b = bytes >= HEAP_MAPPED ? mapped_alloc(bytes) : alloc_small(bytes);
    if (b == NULL)
        the_heap.is.failures++;
    heap_note_peaks();
    return b;
}

static void release_block(struct block *b)
{
    the_heap.is.frees++;
    if (is_mapped(b))
        mapped_free(b);
    else
        free_small(b);
}

void *heap_alloc(size_t bytes)
{
    struct block *b = alloc(bytes);
    return b != NULL ? payload(b) : NULL;
}

void *heap_zalloc(size_t n, size_t bytes)
{
    size_t all;
    struct block *b = __builtin_mul_overflow(n, bytes, &all) ? NULL : alloc(all);
    if (b == NULL)
        return NULL;
    if (!is_mapped(b)) /* the system's pages are zero */
        memset(payload(b), 0, all);
    return payload(b);
}

void heap_free(void *p)
{
    if (p != NULL)
        release_block(expect_block("free", p));
}

void *heap_realloc(void *p, size_t bytes)
{
    if (p == NULL)
        return heap_alloc(bytes);
    struct block *b = expect_block("realloc", p);
    bytes = MAX(bytes, (size_t)1);
    if (is_mapped(b) ? mapped_resize(b, bytes) : resize_small(b, bytes)) {
        heap_note_peaks();
        return p;
    }
    void *q = heap_alloc(bytes);
    if (q == NULL)
        return NULL;
    memcpy(q, p, MIN(b->requested, bytes));
    release_block(b);
    return q;
}

size_t heap_usable(const void *p)
{
    return p != NULL ? room_of(expect_block("malloc_usable_size", p)) : 0;
}

/* ---- choosing ---- */

/* All back to the system; or, if somebody took memory behind it, all into one set again. */
static void begin_again(const struct fit *fit)
{
    struct block *first = block_at(the_heap.start);
    if (heap_give_back())
        the_heap.is.size = 0;
    the_heap.is = (struct heap_figures){.size = the_heap.is.size};
    fit_init(&the_heap.holes, fit);
    for (struct block *b = first; the_heap.started && (uintptr_t)b != the_heap.end; b = behind(b))
        if (!is_used(b))
            make_hole(b, size_of(b));
    heap_note_peaks();
}

int heap_use(const char *strategy, bool buddy)
{
    const struct fit *fit = fit_find(strategy);
    if (fit == NULL)
        return -EINVAL;
    if (the_heap.is.blocks + the_heap.is.mapped_blocks > 0)
        return -EBUSY;
    begin_again(fit);
    the_heap.is.strategy = fit->name;
    the_heap.is.buddy = buddy;
    return 0;
}

int heap_use_environment(char *const *envp)
{
    static const char key[] = "HEAP=", suffix[] = ",buddy";
    for (; *envp != NULL; envp++) {
        if (strncmp(*envp, key, sizeof key - 1) != 0)
            continue;
        const char *value = *envp + sizeof key - 1, *comma = strchr(value, ',');
        char name[16];
        bool fits = str_copy(name, sizeof name, value);
        if (comma == NULL)
            return fits ? heap_use(name, false) : -EINVAL;
        if (!fits || strcmp(comma, suffix) != 0)
            return -EINVAL;
        name[comma - value] = '\0';
        return heap_use(name, true);
    }
    return 0;
}
