/* SPDX-License-Identifier: MIT
 * Fuzzes the buddy allocator, against a model that knows of each frame whose it is. */
#include "mm/buddy.h"
#include "tests/fuzz/fuzz.h"

/* RAM that starts off a block's boundary and has a hole; high memory behind it. Frames. */
enum {
    FIRST = 3,
    HOLE = 701,
    AFTER_HOLE = 738,
    HIGH = 2 << BUDDY_MAX_ORDER,
    END = HIGH + 1430,
    MAX_RESERVE = 64,
    MAX_ISOLATED = 300,
    SINGLES = 16 - BUDDY_ORDERS, /* of 16 allocations more are of one frame */
};

#define BYTES(frame) ((paddr_t)(frame) << PAGE_SHIFT)

static const struct phys_range ram[] = {
    {BYTES(FIRST), BYTES(HOLE)}, {BYTES(AFTER_HOLE), BYTES(HIGH)}, {BYTES(HIGH), BYTES(END)}};

enum state { NOBODYS, FREE, HEAD, TAIL }; /* NOBODYS: not the allocator's */

static struct {
    struct {
        uint8_t state, order, kind; /* order and kind: of a HEAD */
        uint32_t at;                /* of a HEAD: its place in held */
    } frame[END];
    uint32_t held[END], count; /* HEADs */
    uint32_t free, low_free;
} model;

static void start(void)
{
    bare_build(ram, ARRAY_SIZE(ram), BYTES(HIGH), 0);
    model.count = model.free = model.low_free = 0;
    for (uint32_t n = 0; n < END; n++) {
        bool is_free = frame_table[n].kind == FRAME_FREE;
        model.frame[n].state = is_free ? FREE : NOBODYS;
        model.free += is_free;
        model.low_free += is_free && n < HIGH;
    }
}

/* ---- the model's side of each operation ---- */

/* Is there a free block? When every free block is merged with its buddy, any aligned run of free frames is
 * in one. */
static bool block_in(uint32_t from, uint32_t to, unsigned order)
{
    uint32_t size = 1u << order;
    for (uint32_t n = from; n + size <= to; n += size) {
        uint32_t i = 0;
        while (i < size && model.frame[n + i].state == FREE)
            i++;
        if (i == size)
            return true;
    }
    return false;
}

static void hold(uint32_t n, unsigned order, enum frame_kind kind)
{
    for (uint32_t i = 0; i < 1u << order; i++)
        model.frame[n + i].state = i == 0 ? HEAD : TAIL;
    model.frame[n].order = (uint8_t)order;
    model.frame[n].kind = (uint8_t)kind;
    model.frame[n].at = model.count;
    model.held[model.count++] = n;
}

static void unhold(uint32_t n)
{
    uint32_t last = model.held[--model.count];
    model.held[model.frame[n].at] = last;
    model.frame[last].at = model.frame[n].at;
}

/* The frames of a block are taken or given back. */
static void count_free(uint32_t n, uint32_t frames)
{
    model.free += frames;
    model.low_free += n < HIGH ? frames : 0;
}

static void check_frame(uint32_t n, enum frame_kind kind, unsigned order)
{
    ASSERT(frame_table[n].kind == kind && frame_table[n].order == order,
           "fuzz: frame %#x is of kind %u, order %u, not %d, %u", n, frame_table[n].kind,
           frame_table[n].order, kind, order);
}

/* ---- operations ---- */

static void alloc(unsigned order, enum alloc_for who)
{
    bool user = who == ALLOC_USER;
    bool high = user && block_in(HIGH, END, order);
    bool low = (!user || model.low_free >= buddy_reserve() + (1u << order)) && block_in(0, HIGH, order);
    struct frame *f = buddy_alloc(order, who);
    ASSERT((f != NULL) == (high || low), "fuzz: order %u for %d: %s, but high %d, low %d", order, who,
           f != NULL ? "a block" : "no block", high, low);
    if (f == NULL)
        return;
    uint32_t n = frame_pfn(f).n;
    enum frame_kind kind = user ? FRAME_USER : FRAME_KERNEL;
    ASSERT(n % (1u << order) == 0 && high == (n >= HIGH), "fuzz: block %#x of order %u, high %d", n, order,
           high);
    for (uint32_t i = 0; i < 1u << order; i++) {
        ASSERT(model.frame[n + i].state == FREE, "fuzz: frame %#x of block %#x is taken", n + i, n);
        check_frame(n + i, kind, order);
    }
    hold(n, order, kind);
    count_free(n, -(1u << order));
}

static void free_block(uint32_t n)
{
    unsigned order = model.frame[n].order;
    unhold(n);
    for (uint32_t i = 0; i < 1u << order; i++)
        model.frame[n + i].state = FREE;
    count_free(n, 1u << order);
    buddy_free(&frame_table[n]);
}

static void split(uint32_t n)
{
    uint32_t size = 1u << model.frame[n].order;
    enum frame_kind kind = model.frame[n].kind;
    buddy_split(&frame_table[n]);
    unhold(n);
    for (uint32_t i = 0; i < size; i++) {
        hold(n + i, 0, kind);
        check_frame(n + i, kind, 0);
    }
}

static void isolate(uint32_t first, uint32_t count)
{
    uint32_t want = 0;
    for (uint32_t n = first; n < MIN(first + count, (uint32_t)END); n++)
        want += model.frame[n].state == FREE;
    uint32_t got = buddy_isolate(first, count);
    ASSERT(got == want, "fuzz: %u frames isolated of %u", got, want);
    for (uint32_t n = first; n < MIN(first + count, (uint32_t)END); n++) {
        if (model.frame[n].state == FREE) {
            hold(n, 0, FRAME_KERNEL);
            count_free(n, -1u);
            check_frame(n, FRAME_KERNEL, 0);
        }
    }
}

static void make_kernels(uint32_t n)
{
    if (model.frame[n].order > 0 || model.frame[n].kind != FRAME_USER)
        return;
    buddy_hold(&frame_table[n]);
    model.frame[n].kind = FRAME_KERNEL;
    check_frame(n, FRAME_KERNEL, 0);
}

static bool joinable(uint32_t n, unsigned order)
{
    for (uint32_t i = 0; i < 1u << order; i++)
        if (n + i >= END || model.frame[n + i].state != HEAD || model.frame[n + i].order > 0 ||
            model.frame[n + i].kind != FRAME_KERNEL)
            return false;
    return true;
}

/* The largest block around frame n that can be joined, up to this order. */
static void join(uint32_t n, unsigned order, enum frame_kind kind)
{
    while (order > 0 && !joinable(ALIGN_DOWN(n, 1u << order), order))
        order--;
    if (!joinable(n, 0))
        return;
    n = ALIGN_DOWN(n, 1u << order);
    buddy_join(&frame_table[n], order, kind);
    for (uint32_t i = 0; i < 1u << order; i++) {
        unhold(n + i);
        check_frame(n + i, kind, order);
    }
    hold(n, order, kind);
}

/* Once the caches are empty, all that is free is merged as far as it goes. */
static void drain(void)
{
    buddy_drain();
    for (unsigned order = 0; order < BUDDY_ORDERS; order++) {
        bool low = block_in(0, HIGH, order), high = block_in(HIGH, END, order);
        ASSERT(buddy_has(order) == (low || high), "fuzz: a block of order %u: low %d, high %d", order, low,
               high);
        ASSERT((buddy_fragmentation(false, order) == -1000) == low &&
                   (buddy_fragmentation(true, order) == -1000) == high,
               "fuzz: order %u is fragmented: %d, %d", order, buddy_fragmentation(false, order),
               buddy_fragmentation(true, order));
    }
}

static void check(void)
{
    ASSERT(buddy_check(&bare_errors), "fuzz: buddy_check failed");
    ASSERT(buddy_free_frames() == model.free && buddy_low_free() == model.low_free,
           "fuzz: %u frames free, %u low; the model has %u, %u", buddy_free_frames(), buddy_low_free(),
           model.free, model.low_free);
}

/* One of those that are held. => model.count > 0 */
static uint32_t any(struct fuzz_input *in)
{
    return model.held[fuzz_below(in, model.count)];
}

static void step(struct fuzz_input *in)
{
    uint32_t op = fuzz_byte(in), more = op / 16;
    op %= 16;
    if (op < 6)
        alloc(more < SINGLES ? 0 : more - SINGLES, op % 2 ? ALLOC_USER : ALLOC_KERNEL);
    else if (op == 6)
        isolate(fuzz_below(in, END), fuzz_below(in, MAX_ISOLATED));
    else if (op == 7 && more % 2 == 0)
        drain();
    else if (op == 7)
        buddy_move_reserve((int32_t)(fuzz_below(in, MAX_RESERVE) - buddy_reserve()));
    else if (model.count == 0)
        return;
    else if (op < 13)
        free_block(any(in));
    else if (op == 13)
        split(any(in));
    else if (op == 14)
        make_kernels(any(in));
    else
        join(any(in), more % BUDDY_ORDERS, more % 2 ? FRAME_USER : FRAME_KERNEL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, data + size};
    start();
    uint32_t all = model.free;
    for (uint32_t ops = 1; in.at < in.end; ops++) {
        step(&in);
        if (ops % FUZZ_CHECK_EVERY == 0)
            check();
    }
    while (model.count > 0)
        free_block(model.held[model.count - 1]);
    check();
    drain();
    ASSERT(model.free == all, "fuzz: %u of %u frames came back", model.free, all);
    return 0;
}
