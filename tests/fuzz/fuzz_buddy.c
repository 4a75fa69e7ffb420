/* SPDX-License-Identifier: MIT
 * Fuzzes the buddy allocator, against a model that knows of each frame whose it is. */
#include "mm/buddy.h"
#include "tests/fuzz/fuzz.h"

/* RAM that starts off a block's boundary and has a hole; high memory behind it. Frames. */
enum {
    FIRST = 3,
    HOLE = 701,
    AFTER_HOLE = 738,
    HIGH = 1 << BUDDY_MAX_ORDER,
    END = HIGH + 430,
    MAX_RESERVE = 64,
};

#define BYTES(frame) ((paddr_t)(frame) << PAGE_SHIFT)

static const struct phys_range ram[] = {
    {BYTES(FIRST), BYTES(HOLE)}, {BYTES(AFTER_HOLE), BYTES(HIGH)}, {BYTES(HIGH), BYTES(END)}};

enum owner { NOBODY, FREE, HELD }; /* NOBODY: not the allocator's */

static struct {
    uint8_t owner[END];
    uint32_t free, low_free;
    struct {
        struct frame *f;
        unsigned order;
    } held[END];
    uint32_t count;
} model;

static void start(void)
{
    bare_build(ram, ARRAY_SIZE(ram), BYTES(HIGH), 0);
    model.count = model.free = model.low_free = 0;
    for (uint32_t n = 0; n < END; n++) {
        model.owner[n] = frame_table[n].kind == FRAME_FREE ? FREE : NOBODY;
        model.free += model.owner[n] == FREE;
        model.low_free += model.owner[n] == FREE && n < HIGH;
    }
}

/* Is there a free block? When every free block is merged with its buddy, any aligned run of free frames is
 * in one. */
static bool block_in(uint32_t from, uint32_t to, unsigned order)
{
    for (uint32_t n = from; n + (1u << order) <= to; n += 1u << order) {
        uint32_t i = 0;
        while (i < 1u << order && model.owner[n + i] == FREE)
            i++;
        if (i == 1u << order)
            return true;
    }
    return false;
}

static void give(uint32_t n, unsigned order, enum owner whose)
{
    uint32_t low = n < HIGH ? 1u << order : 0;
    for (uint32_t i = 0; i < 1u << order; i++) {
        ASSERT(n + i < END && model.owner[n + i] == FREE + HELD - whose,
               "fuzz: frame %#x of block %#x, order %u, is in state %u", n + i, n, order, model.owner[n + i]);
        model.owner[n + i] = whose;
    }
    model.free += whose == FREE ? 1u << order : -(1u << order);
    model.low_free += whose == FREE ? low : -low;
}

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
    ASSERT(n % (1u << order) == 0 && high == (n >= HIGH), "fuzz: block %#x of order %u, high %d", n, order,
           high);
    give(n, order, HELD);
    for (uint32_t i = 0; i < 1u << order; i++)
        ASSERT(f[i].kind == (user ? FRAME_USER : FRAME_KERNEL) && f[i].order == order,
               "fuzz: frame %#x of block %#x: kind %u, order %u", n + i, n, f[i].kind, f[i].order);
    model.held[model.count].f = f;
    model.held[model.count++].order = order;
}

static void free_block(uint32_t i)
{
    give(frame_pfn(model.held[i].f).n, model.held[i].order, FREE);
    buddy_free(model.held[i].f);
    model.held[i] = model.held[--model.count];
}

static void split(uint32_t i)
{
    struct frame *f = model.held[i].f;
    uint32_t size = 1u << model.held[i].order;
    buddy_split(f);
    model.held[i].order = 0;
    for (uint32_t j = 1; j < size; j++) {
        model.held[model.count].f = f + j;
        model.held[model.count++].order = 0;
    }
}

static void check(void)
{
    ASSERT(buddy_check(&bare_errors), "fuzz: buddy_check failed");
    ASSERT(buddy_free_frames() == model.free && buddy_low_free() == model.low_free,
           "fuzz: %u frames free, %u low; the model has %u, %u", buddy_free_frames(), buddy_low_free(),
           model.free, model.low_free);
}

static void step(struct fuzz_input *in)
{
    uint32_t op = fuzz_byte(in);
    switch (op % 8) {
    case 0:
    case 1:
    case 2:
    case 3:
        alloc(op / 8 % BUDDY_ORDERS, op % 2 ? ALLOC_USER : ALLOC_KERNEL);
        break;
    case 4:
    case 5:
    case 6:
        if (model.count > 0)
            free_block(fuzz_below(in, model.count));
        break;
    default:
        if (op / 8 % 4 == 0)
            buddy_move_reserve((int32_t)(fuzz_below(in, MAX_RESERVE) - buddy_reserve()));
        else if (model.count > 0)
            split(fuzz_below(in, model.count));
    }
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
        free_block(model.count - 1);
    check();
    ASSERT(model.free == all, "fuzz: %u of %u frames came back", model.free, all);
    return 0;
}
