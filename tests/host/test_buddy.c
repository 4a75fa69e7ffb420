/* SPDX-License-Identifier: MIT
 * Tests of the buddy allocator, whose frames are 0-based blocks in a RAM that does not start at 0. */
#include "lib/random.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/slab.h"
#include "tests/host/pages.h"

enum { BIG_FRAMES = 4096, BIG = 1 << BUDDY_MAX_ORDER };

static bool aligned(const struct frame *f, unsigned order)
{
    return frame_pfn(f).n % (1u << order) == 0;
}

TEST(buddy_split_and_merge_every_order)
{
    machine_build(BIG_FRAMES, 0, 0);
    for (unsigned order = 0; order < BUDDY_ORDERS; order++) {
        uint32_t before = buddy_free_frames();
        struct frame *f = buddy_alloc(order, ALLOC_KERNEL), *g = buddy_alloc(order, ALLOC_USER);
        REQUIRE(t, f != NULL && g != NULL && f != g);
        EXPECT(t, aligned(f, order) && aligned(g, order));
        EXPECT_EQ(t, buddy_free_frames(), before - (2u << order));
        EXPECT_EQ(t, f->kind, FRAME_KERNEL);
        EXPECT_EQ(t, g[(1u << order) - 1].kind, FRAME_USER);
        EXPECT(t, buddy_check(t->out));
        memset(frame_ptr(f), 1, (size_t)PAGE_SIZE << order); /* it is all there */
        buddy_free(f);
        EXPECT(t, buddy_check(t->out)); /* also finds buddies that were not merged */
        buddy_free(g);
        EXPECT_EQ(t, buddy_free_frames(), before);
        EXPECT(t, buddy_check(t->out));
    }
}

TEST(buddy_merges_back_to_the_largest_block)
{
    machine_build(BIG_FRAMES, 0, 0);
    struct frame *big = buddy_alloc(BUDDY_MAX_ORDER, ALLOC_KERNEL);
    REQUIRE(t, big != NULL);
    /* take everything else, so that only this block can serve */
    static struct frame *rest[2 * BIG_FRAMES];
    uint32_t n = 0;
    while ((rest[n] = buddy_alloc(0, ALLOC_KERNEL)) != NULL)
        n++;
    buddy_free(big);
    static struct frame *single[BIG];
    for (uint32_t i = 0; i < BIG; i++) {
        single[i] = buddy_alloc(0, ALLOC_KERNEL);
        REQUIRE(t, single[i] != NULL);
    }
    EXPECT(t, buddy_alloc(0, ALLOC_KERNEL) == NULL);
    uint32_t rng = 5;
    for (uint32_t i = BIG; i > 1; i--) { /* free in any order */
        uint32_t j = random_below(&rng, i);
        struct frame *f = single[j];
        single[j] = single[i - 1];
        buddy_free(f);
    }
    EXPECT(t, buddy_alloc(BUDDY_MAX_ORDER, ALLOC_KERNEL) == NULL);
    buddy_free(single[0]);
    EXPECT(t, buddy_check(t->out));
    struct frame *again = buddy_alloc(BUDDY_MAX_ORDER, ALLOC_KERNEL);
    EXPECT(t, again == big);
    buddy_free(again);
    while (n > 0)
        buddy_free(rest[--n]);
}

TEST(buddy_exhaustion)
{
    static struct frame *got[2 * TEST_FRAMES];
    uint32_t n = 0;
    while ((got[n] = buddy_alloc(0, ALLOC_KERNEL)) != NULL)
        n++;
    EXPECT_EQ(t, n, machine.free_frames);
    EXPECT_EQ(t, buddy_free_frames(), 0);
    EXPECT(t, buddy_check(t->out));
    for (unsigned order = 0; order < BUDDY_ORDERS; order++)
        EXPECT(t, buddy_alloc(order, ALLOC_KERNEL) == NULL);
    EXPECT(t, buddy_alloc(0, ALLOC_USER) == NULL);
    while (n > 0)
        buddy_free(got[--n]);
}

TEST(buddy_reserve_is_for_the_kernel)
{
    static struct frame *got[2 * TEST_FRAMES];
    uint32_t n = 0;
    EXPECT_EQ(t, buddy_reserve(), TEST_RESERVE);
    while ((got[n] = buddy_alloc(0, ALLOC_USER)) != NULL)
        n++;
    EXPECT_EQ(t, buddy_free_frames(), TEST_RESERVE);
    for (uint32_t i = 0; i < TEST_RESERVE; i++) {
        got[n] = buddy_alloc(0, ALLOC_KERNEL);
        REQUIRE(t, got[n] != NULL);
        n++;
    }
    EXPECT(t, buddy_alloc(0, ALLOC_KERNEL) == NULL);
    while (n > 0)
        buddy_free(got[--n]);
    /* a block that would leave less than the reserve is refused as well */
    struct frame *f = NULL;
    while (buddy_free_frames() > TEST_RESERVE + 1) {
        f = buddy_alloc(0, ALLOC_USER);
        got[n++] = f;
    }
    EXPECT(t, buddy_alloc(1, ALLOC_USER) == NULL);
    got[n] = buddy_alloc(0, ALLOC_USER);
    EXPECT(t, got[n] != NULL);
    while (n > 0)
        buddy_free(got[n--]);
    buddy_free(got[0]);
}

TEST(buddy_free_refuses_what_it_must)
{
    struct frame *f = buddy_alloc(2, ALLOC_KERNEL);
    struct pmap pmap = {.tag = 1};
    struct pool pool = {.name = "none"};
    REQUIRE(t, f != NULL);
    EXPECT_PANIC(t, "not allocated", {
        buddy_free(f);
        buddy_free(f);
    });
    EXPECT_PANIC(t, "heads no block", buddy_free(f + 1));
    EXPECT_PANIC(t, "is still mapped at 0x8048000", {
        f->pmap = &pmap;
        f->va = TEST_VA;
        buddy_free(f);
    });
    EXPECT_PANIC(t, "is busy", {
        f->flags |= FRAME_BUSY;
        buddy_free(f);
    });
    EXPECT_PANIC(t, "in a pool", {
        f->pool = &pool;
        buddy_free(f);
    });
    EXPECT_PANIC(t, "has slot 3", {
        f->slot = (slot_t){3};
        buddy_free(f);
    });
    EXPECT_PANIC(t, "not allocated", buddy_free(&frame_table[0]));
    buddy_free(f);
}

TEST(buddy_junks_freed_frames)
{
    struct frame *f = buddy_alloc(1, ALLOC_USER);
    REQUIRE(t, f != NULL);
    const uint8_t *bytes = frame_ptr(f);
    memset(frame_ptr(f), 0, 2 * PAGE_SIZE);
    buddy_free(f);
    EXPECT(t, bytes[0] != 0 && bytes[2 * PAGE_SIZE - 1] != 0);
}

/* A million operations. */
TEST(buddy_random_operations_against_a_model)
{
    enum { HELD = 200, OPS = 1000000, CHECK_EVERY = 1000, DRAIN_EVERY = 300 };
    struct {
        struct frame *f;
        unsigned order;
    } held[HELD];
    static uint8_t owner[2 * BIG_FRAMES]; /* by pfn: is it in some held block? */
    uint32_t n = 0, rng = 11, taken = 0;
    machine_build(BIG_FRAMES, 0, 0);
    buddy_junk = false;
    REQUIRE(t, frame_table_count <= ARRAY_SIZE(owner));
    for (uint32_t op = 0; op < OPS; op++) {
        if (n < HELD && random_below(&rng, 2)) {
            unsigned order = random_below(&rng, 3) ? 0 : random_below(&rng, 7);
            struct frame *f = buddy_alloc(order, op % 2 ? ALLOC_USER : ALLOC_KERNEL);
            if (f == NULL)
                continue;
            for (uint32_t i = 0; i < 1u << order; i++)
                REQUIRE(t, owner[frame_pfn(f).n + i]++ == 0);
            held[n].f = f;
            held[n++].order = order;
            taken += 1u << order;
        } else if (n > 0) {
            uint32_t i = random_below(&rng, n);
            for (uint32_t j = 0; j < 1u << held[i].order; j++)
                owner[frame_pfn(held[i].f).n + j]--;
            taken -= 1u << held[i].order;
            buddy_free(held[i].f);
            held[i] = held[--n];
        }
        REQUIRE(t, buddy_free_frames() == machine.free_frames - taken);
        if (random_below(&rng, DRAIN_EVERY) == 0)
            buddy_drain();
        if (op % CHECK_EVERY == 0)
            REQUIRE(t, buddy_check(t->out));
    }
    while (n > 0)
        buddy_free(held[--n].f);
}

enum { GROUP = 1 << BUDDY_MAX_ORDER };

/* The kernel's pages and those of programs come in turns, and are kept apart all the same. */
TEST(buddy_keeps_the_kernel_together)
{
    enum { TURNS = 600, MAX_SPOILT = 4 };
    static struct frame *kernel[TURNS], *user[TURNS];
    bool spoilt[2 * BIG_FRAMES / GROUP] = {false};
    uint32_t groups = 0;
    machine_build(BIG_FRAMES, 0, 0);
    for (uint32_t i = 0; i < TURNS; i++) {
        kernel[i] = buddy_alloc(0, ALLOC_KERNEL);
        user[i] = buddy_alloc(0, ALLOC_USER);
        REQUIRE(t, kernel[i] != NULL && user[i] != NULL);
    }
    for (uint32_t i = 0; i < TURNS; i++)
        spoilt[frame_pfn(kernel[i]).n / GROUP] = true;
    for (uint32_t i = 0; i < ARRAY_SIZE(spoilt); i++)
        groups += spoilt[i];
    EXPECT(t, groups <= MAX_SPOILT); /* what they need, and the ends of the two ranges of memory */
    for (uint32_t i = 0; i < TURNS; i++)
        buddy_free(user[i]);
    buddy_drain();
    EXPECT(t, buddy_has(BUDDY_MAX_ORDER));
    EXPECT(t, buddy_check(t->out));
    for (uint32_t i = 0; i < TURNS; i++)
        buddy_free(kernel[i]);
}

TEST(buddy_last_frame_freed_comes_back_first)
{
    machine_build(BIG_FRAMES, 0, 0);
    struct frame *a = buddy_alloc(0, ALLOC_USER), *b = buddy_alloc(0, ALLOC_USER);
    REQUIRE(t, a != NULL && b != NULL);
    buddy_free(a);
    buddy_free(b);
    EXPECT(t, buddy_alloc(0, ALLOC_USER) == b);
    EXPECT(t, buddy_alloc(0, ALLOC_USER) == a);
    buddy_free(a);
    buddy_free(b);
}

/* Every second frame is free: no pair, though half of memory is there. */
TEST(buddy_fragmentation_index)
{
    static struct frame *got[2 * TEST_FRAMES];
    uint32_t n = 0, kept = 0;
    EXPECT_EQ(t, buddy_fragmentation(false, 0), -1000);
    while ((got[n] = buddy_alloc(0, ALLOC_KERNEL)) != NULL)
        n++;
    EXPECT_EQ(t, buddy_fragmentation(false, 0), 0); /* want of memory */
    for (uint32_t i = 0; i < n; i++)
        if (frame_pfn(got[i]).n % 2)
            buddy_free(got[i]);
        else
            got[kept++] = got[i];
    buddy_drain();
    uint32_t free = buddy_free_frames();
    EXPECT(t, !buddy_has(1) && buddy_has(0));
    EXPECT_EQ(t, buddy_fragmentation(false, 0), -1000);
    /* Gorman and Whitcroft: 1 - (1 + free / requested) / blocks */
    EXPECT_EQ(t, buddy_fragmentation(false, 1), 1000 - (int)((1000 + free * 1000 / 2) / free));
    EXPECT(t, buddy_fragmentation(false, 4) > 900);
    struct text_printer said;
    text_start(&said);
    buddy_print_info(&said.to);
    EXPECT_HAS(t, &said, "Node 0, zone   Normal ");
    while (kept > 0)
        buddy_free(got[--kept]);
}

TEST(buddy_isolated_frames_can_be_joined)
{
    enum { ORDER = 5 };
    machine_build(BIG_FRAMES, 0, 0);
    struct frame *f = buddy_alloc(ORDER, ALLOC_KERNEL);
    REQUIRE(t, f != NULL);
    buddy_free(f);
    uint32_t free = buddy_free_frames(), first = frame_pfn(f).n;
    EXPECT_EQ(t, buddy_isolate(first, 1u << ORDER), 1u << ORDER);
    EXPECT_EQ(t, buddy_free_frames(), free - (1u << ORDER));
    EXPECT(t, buddy_check(t->out));
    EXPECT_EQ(t, buddy_isolate(first, 1u << ORDER), 0); /* it is out already */
    buddy_join(f, ORDER, FRAME_USER);
    EXPECT_EQ(t, f->order, ORDER);
    EXPECT_EQ(t, f[1].kind, FRAME_USER);
    EXPECT_PANIC(t, "is not held", buddy_join(f, ORDER, FRAME_USER));
    buddy_free(f);
    EXPECT_EQ(t, buddy_free_frames(), free);
    EXPECT(t, buddy_check(t->out));
}

TEST(buddy_check_names_what_is_broken)
{
    struct text_printer said;
    struct frame *f = buddy_alloc(1, ALLOC_KERNEL);
    REQUIRE(t, f != NULL);
    buddy_split(f); /* f's buddy is in use, or there would be more to complain of */
    text_start(&said);
    f->kind = FRAME_FREE; /* marked free, listed nowhere */
    EXPECT(t, !buddy_check(&said.to));
    EXPECT_HAS(t, &said, "counted free");
    f->kind = FRAME_KERNEL;
    buddy_free(f);
    buddy_free(f + 1);
}
