/* SPDX-License-Identifier: MIT
 * Blocks with tags, from the start of the heap to a header without a block at its end:
 *
 *   used   | tag | requested | what the caller writes ...                   |
 *   hole   | tag | -         | struct fit_segment | ...              | size |
 *   end    | tag | -         |
 *
 * A tag is the size with the header, and two flags: is this block used, is the one before it? Only the size
 * of a hole is needed from behind, so only holes repeat it at their end (Knuth, TAOCP 1, 2.5, exercise 19).
 * The smallest block is what a hole needs. If somebody else moves the break, what he took becomes a block
 * that is never freed, and the heap goes on behind it. */
#include "user/rt/heap.h"
#include "lib/string.h"
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

static const char initial_strategy[] = "best";

static struct {
    bool started;         /* it has a first block */
    uintptr_t start, end; /* the first block, the header at the end */
    struct fit_set holes;
    struct mapped *mapped;  /* all large blocks */
    struct heap_figures is; /* all but `largest` and `holes`; no strategy: not chosen yet */
} heap;

/* ---- blocks ---- */

static size_t size_of(const struct block *b)
{
    return b->tag & ~(size_t)FLAGS;
}

static struct block *block_at(uintptr_t at)
{
    return (struct block *)at;
}

static struct block *behind(const struct block *b)
{
    return block_at((uintptr_t)b + size_of(b));
}

static bool is_used(const struct block *b)
{
    return b->tag & USED;
}

static size_t *size_at_end(const struct block *b)
{
    return (size_t *)((uintptr_t)b + size_of(b) - sizeof(size_t));
}

/* => the block before b is a hole */
static struct block *hole_before(const struct block *b)
{
    return block_at((uintptr_t)b - ((const size_t *)b)[-1]);
}

static struct fit_segment *segment_of(struct block *b)
{
    return &((struct hole *)b)->segment;
}

static struct block *block_of(struct fit_segment *s)
{
    return block_at(s->start);
}

static struct mapped *mapped_of(const struct block *b)
{
    return container_of(b, struct mapped, head);
}

static void *payload(struct block *b)
{
    return b + 1;
}

/* b and its neighbours, as a hole between used blocks. */
static void make_hole(struct block *b, size_t size)
{
    b->tag = size | BEFORE_USED;
    *size_at_end(b) = size;
    behind(b)->tag &= ~(size_t)BEFORE_USED;
    struct fit_segment *s = segment_of(b);
    s->start = (uintptr_t)b;
    s->size = size;
    fit_insert(&heap.holes, s);
    heap.is.free += size;
}

static void take_hole(struct block *b)
{
    fit_remove(&heap.holes, segment_of(b));
    heap.is.free -= size_of(b);
}

/* From `b` on, `size` bytes that belong to nobody become a hole, with the holes at either end. => the tag
 * says whether the block before is used */
static struct block *release(struct block *b, size_t size)
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

/* ---- the system's memory ---- */

static void note_size(void)
{
    heap.is.peak_size = MAX(heap.is.peak_size, heap.is.size + heap.is.mapped);
}

static void put_end(uintptr_t at)
{
    heap.end = at;
    *block_at(at) = (struct block){.tag = USED | BEFORE_USED};
}

/* The break is where it should be; its first move makes the heap. => false: no memory */
static bool move_break(uintptr_t to)
{
    return sys_brk(to) == to;
}

static uintptr_t page_up(uintptr_t at)
{
    return ALIGN_UP(at, (uintptr_t)PAGE_SIZE);
}

/* A heap of one hole, or what lies behind somebody else's memory. */
static bool begin(uintptr_t from, size_t bytes)
{
    uintptr_t at = ALIGN_UP(from, (uintptr_t)GRAIN);
    uintptr_t to = page_up(at + bytes + HEADER);
    if (!move_break(to))
        return false;
    if (heap.started) {
        block_at(heap.end)->requested = FOREIGN;
        block_at(heap.end)->tag += at - heap.end;
    } else {
        heap.start = at;
        heap.started = true;
    }
    put_end(to - HEADER);
    make_hole(block_at(at), heap.end - at);
    heap.is.size += to - at;
    return true;
}

/* More at the end: its header becomes the start of a hole. */
static bool extend(size_t bytes)
{
    uintptr_t to = page_up(heap.end + bytes + HEADER);
    if (!move_break(to))
        return false;
    struct block *b = block_at(heap.end);
    put_end(to - HEADER);
    heap.is.size += (uintptr_t)(heap.end - (uintptr_t)b);
    release(b, heap.end - (uintptr_t)b);
    return true;
}

/* A hole of at least `bytes` at the top. => false: no memory */
static bool grow(size_t bytes)
{
    uintptr_t now = sys_brk(0);
    bool ours = heap.started && now == heap.end + HEADER;
    if (heap.started && now < heap.end + HEADER)
        heap_fail("heap: somebody moved the break down to %#zx, into the heap", (size_t)now);
    size_t have = 0;
    if (ours && !(block_at(heap.end)->tag & BEFORE_USED))
        have = size_of(hole_before(block_at(heap.end)));
    size_t lacks = bytes - MIN(have, bytes), wish = MAX(lacks, (size_t)HEAP_GROW);
    bool grown = ours ? extend(wish) || extend(lacks) : begin(now, wish) || begin(now, bytes);
    if (grown)
        note_size();
    return grown;
}

/* Gives the top back, but for HEAP_GROW, if it is large. */
static void trim(struct block *top)
{
    uintptr_t keep = page_up((uintptr_t)top + HEAP_GROW) - HEADER;
    if (size_of(top) < HEAP_TRIM || sys_brk(0) != heap.end + HEADER || !move_break(keep + HEADER))
        return;
    take_hole(top);
    heap.is.size -= heap.end - keep;
    put_end(keep);
    make_hole(top, keep - (uintptr_t)top);
}

/* ---- small blocks ---- */

/* => the size of the block for so many bytes */
static size_t rounded(size_t bytes)
{
    size_t size = MAX(ALIGN_UP(bytes + HEADER, (size_t)GRAIN), (size_t)SMALLEST);
    return heap.is.buddy ? fit_round(size) : size;
}

/* Counts a block in, or out. */
static void account(const struct block *b, bool in)
{
    size_t sign = in ? 1 : (size_t)-1;
    heap.is.blocks += sign;
    heap.is.used += sign * size_of(b);
    heap.is.requested += sign * b->requested;
}

/* The part of hole b from `at` on becomes a used block. What is left at either end stays a hole, if it is
 * large enough for one, and else is part of the block. */
static struct block *carve(struct block *b, uintptr_t at, size_t size)
{
    uintptr_t start = (uintptr_t)b, end = start + size_of(b);
    take_hole(b);
    if (at - start < SMALLEST) {
        size += at - start;
        at = start;
    }
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
    struct fit_segment *s = fit_pick(&heap.holes, &want, &at);
    if (s == NULL && grow(size))
        s = fit_pick(&heap.holes, &want, &at);
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
    struct block *hole = release(b, size_of(b));
    if ((uintptr_t)behind(hole) == heap.end)
        trim(hole);
}

/* What a block has beyond `size` goes back, if a hole can be made of it. */
static void cut(struct block *b, size_t size)
{
    size_t rest = size_of(b) - size;
    if (rest < SMALLEST)
        return;
    b->tag -= rest;
    behind(b)->tag = USED | BEFORE_USED;
    struct block *hole = release(behind(b), rest);
    if ((uintptr_t)behind(hole) == heap.end)
        trim(hole);
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

/* ---- large blocks ---- */

static size_t mapped_size(size_t bytes)
{
    return page_up(bytes + sizeof(struct mapped));
}

static void account_mapped(const struct block *b, bool in)
{
    size_t sign = in ? 1 : (size_t)-1;
    heap.is.mapped_blocks += sign;
    heap.is.mapped += sign * size_of(b);
    heap.is.mapped_requested += sign * b->requested;
    note_size();
}

static struct block *alloc_mapped(size_t bytes)
{
    size_t size = mapped_size(bytes);
    uintptr_t at = sys_mmap2(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (sys_failed(at))
        return NULL;
    struct mapped *m = (struct mapped *)at;
    m->head = (struct block){.tag = size | USED | MAPPED, .requested = bytes};
    m->next = heap.mapped;
    m->before = NULL;
    if (m->next != NULL)
        m->next->before = m;
    heap.mapped = m;
    account_mapped(&m->head, true);
    return &m->head;
}

static void free_mapped(struct block *b)
{
    struct mapped *m = mapped_of(b);
    account_mapped(b, false);
    if (m->next != NULL)
        m->next->before = m->before;
    if (m->before != NULL)
        m->before->next = m->next;
    else
        heap.mapped = m->next;
    size_t size = size_of(b);
    if (sys_munmap((uintptr_t)m, size) != 0)
        heap_fail("heap: munmap of %#zx + %#zx failed", (size_t)m, size);
}

/* ---- the calls ---- */

static bool is_mapped(const struct block *b)
{
    return b->tag & MAPPED;
}

static bool in_mapped_list(const struct block *b)
{
    const struct mapped *m = heap.mapped;
    while (m != NULL && &m->head != b)
        m = m->next;
    return m != NULL;
}

/* => the used block that starts at p. Ends the program if there is none. */
static struct block *expect_block(const char *who, const void *p)
{
    struct block *b = block_at((uintptr_t)p - HEADER);
    uintptr_t at = (uintptr_t)b;
    if (at % GRAIN != 0)
        heap_fail("%s: %p is no block: it is not aligned to %u", who, p, (unsigned)GRAIN);
    if (at < heap.start || at >= heap.end) {
        if (!in_mapped_list(b))
            heap_fail("%s: %p is no block of the heap", who, p);
        return b;
    }
    if (!is_used(b))
        heap_fail("%s: %p is free already", who, p);
    if (size_of(b) < SMALLEST || size_of(b) > heap.end - at || !(behind(b)->tag & BEFORE_USED) ||
        b->requested > size_of(b) - HEADER)
        heap_fail("%s: %p starts no block, or its tag was overwritten", who, p);
    return b;
}

static size_t room_of(const struct block *b)
{
    return size_of(b) - (is_mapped(b) ? sizeof(struct mapped) : HEADER);
}

static struct block *alloc(size_t bytes)
{
    if (!heap.is.strategy && heap_use(initial_strategy, false) != 0)
        heap_fail("heap: there is no strategy %s", initial_strategy);
    bytes = MAX(bytes, (size_t)1);
    heap.is.allocs++;
    struct block *b = NULL;
    if (bytes <= LARGEST)
        b = bytes >= HEAP_MAPPED ? alloc_mapped(bytes) : alloc_small(bytes);
    if (b == NULL)
        heap.is.failures++;
    else
        heap.is.peak_requested = MAX(heap.is.peak_requested, heap.is.requested + heap.is.mapped_requested);
    return b;
}

static void release_block(struct block *b)
{
    heap.is.frees++;
    if (is_mapped(b))
        free_mapped(b);
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

/* Where it is, if that is possible. */
static bool resize(struct block *b, size_t bytes)
{
    if (!is_mapped(b))
        return resize_small(b, bytes);
    if (bytes < HEAP_MAPPED || bytes > LARGEST || mapped_size(bytes) != size_of(b))
        return false;
    account_mapped(b, false);
    b->requested = bytes;
    account_mapped(b, true);
    return true;
}

void *heap_realloc(void *p, size_t bytes)
{
    if (p == NULL)
        return heap_alloc(bytes);
    struct block *b = expect_block("realloc", p);
    bytes = MAX(bytes, (size_t)1);
    if (resize(b, bytes)) {
        heap.is.peak_requested = MAX(heap.is.peak_requested, heap.is.requested + heap.is.mapped_requested);
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
    struct block *first = block_at(heap.start);
    bool whole = heap.started && !is_used(first) && (uintptr_t)behind(first) == heap.end;
    if (whole && sys_brk(0) == heap.end + HEADER && move_break(heap.start)) {
        heap.started = false;
        heap.is.size = heap.is.free = 0;
    }
    heap.is = (struct heap_figures){.size = heap.is.size};
    fit_init(&heap.holes, fit);
    for (struct block *b = first; heap.started && (uintptr_t)b != heap.end; b = behind(b))
        if (!is_used(b))
            make_hole(b, size_of(b));
    note_size();
}

int heap_use(const char *strategy, bool buddy)
{
    const struct fit *fit = fit_find(strategy);
    if (fit == NULL)
        return -EINVAL;
    if (heap.is.blocks + heap.is.mapped_blocks > 0)
        return -EBUSY;
    begin_again(fit);
    heap.is.strategy = fit->name;
    heap.is.buddy = buddy;
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

/* ---- looking ---- */

struct heap_figures heap_figures(void)
{
    struct heap_figures f = heap.is;
    f.holes = heap.holes.count;
    f.largest = heap.is.strategy != NULL ? fit_largest(&heap.holes) : 0;
    return f;
}

/* Per mille of `whole`, in 32 bits. */
static uint32_t per_mille(size_t part, size_t whole)
{
    enum { MILLE = 1000 };
    while (whole > UINT32_MAX / MILLE) {
        part /= 2;
        whole /= 2;
    }
    return whole > 0 ? (uint32_t)part * MILLE / (uint32_t)whole : 0;
}

uint32_t heap_external(const struct heap_figures *f)
{
    return per_mille(f->free - f->largest, f->free);
}

uint32_t heap_internal(const struct heap_figures *f)
{
    return per_mille(f->used - f->requested, f->used);
}

static char letter_of(const struct block *b)
{
    return !is_used(b) ? 'H' : b->requested == FOREIGN ? 'X' : 'U';
}

/* Several that are the same are one word with a number. => where the next begins */
static struct block *print_run(struct block *first, int *column, struct printer *out)
{
    enum { COLUMNS = 100 };
    size_t count = 0;
    struct block *b = first;
    for (; (uintptr_t)b != heap.end && letter_of(b) == letter_of(first) && size_of(b) == size_of(first);
         count++)
        b = behind(b);
    *column += print(out, "%s%c%zu", *column > 0 ? " " : "", letter_of(first), size_of(first));
    if (count > 1)
        *column += print(out, "*%zu", count);
    if (*column >= COLUMNS || (uintptr_t)b == heap.end) {
        print(out, "\n");
        *column = 0;
    }
    return b;
}

void heap_print(struct printer *out)
{
    int column = 0;
    for (struct block *b = block_at(heap.start); heap.started && (uintptr_t)b != heap.end;)
        b = print_run(b, &column, out);
    struct heap_figures f = heap_figures();
    uint32_t external = heap_external(&f), internal = heap_internal(&f);
    print(out,
          "heap: strategy=%s%s size=%zu used=%zu free=%zu blocks=%zu holes=%zu largest=%zu external=%u.%u%% "
          "internal=%u.%u%% mapped=%zu in %zu\n",
          f.strategy != NULL ? f.strategy : "none", f.buddy ? ",buddy" : "", f.size, f.used, f.free, f.blocks,
          f.holes, f.largest, external / 10, external % 10, internal / 10, internal % 10, f.mapped,
          f.mapped_blocks);
}

/* ---- checking ---- */

static bool broken(struct printer *out, const struct block *b, const char *what)
{
    print(out, "heap: the block at %#zx, tag %#zx: %s\n", (size_t)b, b->tag, what);
    return false;
}

static bool check_hole(struct block *b, struct printer *out)
{
    const struct fit_segment *s = segment_of(b);
    if (!(b->tag & BEFORE_USED))
        return broken(out, b, "a hole behind a hole");
    if (*size_at_end(b) != size_of(b) || s->start != (uintptr_t)b || s->size != size_of(b))
        return broken(out, b, "a hole whose sizes differ");
    return fit_has(&heap.holes, s) || broken(out, b, "a hole that the strategy does not know");
}

static bool check_block(struct block *b, bool before_used, struct heap_figures *sum, struct printer *out)
{
    bool foreign = is_used(b) && b->requested == FOREIGN;
    size_t size = size_of(b);
    if (size % GRAIN != 0 || size > heap.end - (uintptr_t)b || (size < SMALLEST && !foreign) || size == 0)
        return broken(out, b, "not a size");
    if ((bool)(b->tag & BEFORE_USED) != before_used || is_mapped(b))
        return broken(out, b, "its flags do not agree with the block before");
    if (foreign)
        return true;
    sum->size += size;
    if (!is_used(b)) {
        sum->holes++;
        sum->free += size;
        return check_hole(b, out);
    }
    if (b->requested == 0 || b->requested > room_of(b))
        return broken(out, b, "more was asked for than it has");
    sum->blocks++;
    sum->used += size;
    sum->requested += b->requested;
    return true;
}

static bool check_mapped(struct heap_figures *sum, struct printer *out)
{
    const struct mapped *before = NULL;
    for (const struct mapped *m = heap.mapped; m != NULL; before = m, m = m->next) {
        const struct block *b = &m->head;
        if (m->before != before || !is_mapped(b) || size_of(b) != mapped_size(b->requested))
            return broken(out, b, "a large block out of its list, or not of its size");
        sum->mapped_blocks++;
        sum->mapped += size_of(b);
        sum->mapped_requested += b->requested;
    }
    return true;
}

bool heap_check(struct printer *out)
{
    struct heap_figures sum = {.size = 0}, is = heap_figures();
    bool before_used = true;
    struct block *b = block_at(heap.start);
    for (; heap.started && (uintptr_t)b != heap.end; b = behind(b)) {
        if (!check_block(b, before_used, &sum, out))
            return false;
        before_used = is_used(b);
        sum.size += is_used(b) && b->requested == FOREIGN ? HEADER : 0;
    }
    if (heap.started && (b->tag & ~(size_t)BEFORE_USED) != USED)
        return broken(out, b, "the end has a size");
    sum.size += heap.started ? HEADER : 0;
    if (!check_mapped(&sum, out))
        return false;
    if (sum.size != is.size || sum.used != is.used || sum.free != is.free || sum.requested != is.requested ||
        sum.blocks != is.blocks || sum.holes != is.holes || sum.mapped != is.mapped ||
        sum.mapped_blocks != is.mapped_blocks || sum.mapped_requested != is.mapped_requested) {
        print(
            out,
            "heap: counted %zu bytes, %zu in %zu blocks, %zu in %zu holes, %zu mapped; says %zu, %zu in %zu, "
            "%zu in %zu, %zu\n",
            sum.size, sum.used, sum.blocks, sum.free, sum.holes, sum.mapped, is.size, is.used, is.blocks,
            is.free, is.holes, is.mapped);
        return false;
    }
    return is.strategy == NULL || fit_check(&heap.holes, out);
}
