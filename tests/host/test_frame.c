/* SPDX-License-Identifier: MIT
 * Tests of the frame database: which frames a memory map makes usable, and where the database goes. */
#include "lib/string.h"
#include "mm/buddy.h"
#include "tests/host/pages.h"

enum { KB = 1024, MB = 1024 * KB };
#define BASE     MACHINE_RAM_BASE
#define NO_LIMIT ((paddr_t)0xffffffff)

static const struct phys_range whole_ram = {BASE, BASE + 8 * MB};

static uint32_t count_free(void)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < frame_table_count; i++)
        n += frame_table[i].kind == FRAME_FREE;
    return n;
}

static bool free_at(paddr_t pa)
{
    return frame_of(pfn_of(pa))->kind == FRAME_FREE;
}

static paddr_t database_start(void)
{
    return pfn_base(frame_pfn(frame_of_ptr(frame_table)));
}

/* frame_init replaces the machine's database: put a whole machine back, or the leak check has no base. */
static void done(void)
{
    machine_build(TEST_FRAMES, TEST_RESERVE, TEST_SLOTS);
}

/* The old machine's swap table lies in the RAM that goes away. */
static void begin(void)
{
    machine_build(TEST_FRAMES, TEST_RESERVE, 0);
    machine_ram(&whole_ram, 1);
}

TEST(frame_init_one_range)
{
    struct frame_census census;
    begin();
    REQUIRE(t, frame_init(&whole_ram, 1, NULL, 0, NO_LIMIT, NO_LIMIT, &census));
    EXPECT_EQ(t, frame_table_count, whole_ram.end / PAGE_SIZE);
    EXPECT_EQ(t, census.ram, 8 * MB / PAGE_SIZE);
    EXPECT_EQ(t, census.database, (frame_table_count * sizeof(struct frame) + PAGE_SIZE - 1) / PAGE_SIZE);
    EXPECT_EQ(t, count_free(), census.ram - census.database);
    EXPECT_EQ(t, database_start(), BASE);
    EXPECT(t, !free_at(0) && !free_at(BASE - PAGE_SIZE));
    EXPECT(t, !free_at(BASE) && free_at(BASE + census.database * PAGE_SIZE));
    EXPECT(t, !slot_valid(frame_table[0].slot) && !slot_valid(frame_table[frame_table_count - 1].slot));
    struct frame *f = frame_of(pfn_of(BASE + MB));
    EXPECT_EQ(t, frame_pfn(f).n, (BASE + MB) / PAGE_SIZE);
    EXPECT(t, frame_of_ptr(frame_ptr(f)) == f);
    done();
}

TEST(frame_init_reserved_ranges_are_avoided)
{
    /* a kernel image, a module after a gap that is too small for the database, an unaligned module */
    const struct phys_range reserved[] = {
        {BASE + MB + 1, BASE + MB + 5 * PAGE_SIZE - 1},
        {BASE, BASE + 512 * KB},
        {BASE + 512 * KB + 2 * PAGE_SIZE, BASE + MB},
    };
    struct frame_census census;
    begin();
    REQUIRE(t, frame_init(&whole_ram, 1, reserved, ARRAY_SIZE(reserved), NO_LIMIT, NO_LIMIT, &census));
    EXPECT_EQ(t, database_start(), BASE + MB + 5 * PAGE_SIZE);
    EXPECT(t, !free_at(BASE) && !free_at(BASE + 511 * KB));
    EXPECT(t, free_at(BASE + 512 * KB) && free_at(BASE + 512 * KB + PAGE_SIZE));
    EXPECT(t, !free_at(BASE + 512 * KB + 2 * PAGE_SIZE));
    EXPECT(t, !free_at(BASE + MB) && !free_at(BASE + MB + 4 * PAGE_SIZE)); /* partly reserved: wholly */
    done();
}

TEST(frame_init_unsorted_overlapping_unaligned)
{
    const struct phys_range usable[] = {
        {BASE + 4 * MB + 1, BASE + 5 * MB - 1}, /* loses a frame at each end */
        {BASE, BASE + 2 * MB},
        {BASE + MB, BASE + 3 * MB},         /* half of it again */
        {BASE + 6 * MB, BASE + 6 * MB + 8}, /* no whole frame */
        {BASE + 7 * MB, BASE + 7 * MB},     /* empty */
    };
    struct frame_census census;
    begin();
    REQUIRE(t, frame_init(usable, ARRAY_SIZE(usable), NULL, 0, NO_LIMIT, NO_LIMIT, &census));
    EXPECT_EQ(t, census.ram, 3 * MB / PAGE_SIZE + MB / PAGE_SIZE - 2);
    EXPECT_EQ(t, count_free(), census.ram - census.database);
    EXPECT_EQ(t, frame_table_count, (BASE + 5 * MB) / PAGE_SIZE - 1);
    EXPECT(t, !free_at(BASE + 3 * MB) && !free_at(BASE + 4 * MB) && free_at(BASE + 5 * MB - 2 * PAGE_SIZE));
    EXPECT_EQ(t, database_start(), BASE + 4 * MB + PAGE_SIZE); /* first in the map's order */
    done();
}

TEST(frame_init_limit_cuts_ram)
{
    struct frame_census census;
    begin();
    const struct phys_range usable[] = {{BASE, BASE + 4 * MB}, {0xf0000000, 0xffffffff}};
    REQUIRE(t, frame_init(usable, 2, NULL, 0, BASE + 2 * MB + 100, NO_LIMIT, &census));
    EXPECT_EQ(t, frame_table_count, (BASE + 2 * MB) / PAGE_SIZE);
    EXPECT_EQ(t, census.ram, 2 * MB / PAGE_SIZE);
    done();
}

TEST(frame_init_without_a_hole_fails)
{
    struct frame_census census;
    begin();
    const struct phys_range reserved = {BASE, BASE + 8 * MB};
    EXPECT(t, !frame_init(&whole_ram, 1, &reserved, 1, NO_LIMIT, NO_LIMIT, &census));
    EXPECT(t, !frame_init(&whole_ram, 1, NULL, 0, BASE, NO_LIMIT, &census));
    EXPECT(t, !frame_init(NULL, 0, NULL, 0, NO_LIMIT, NO_LIMIT, &census));
    /* holes of one frame each */
    struct phys_range comb[64];
    for (uint32_t i = 0; i < ARRAY_SIZE(comb); i++)
        comb[i] = (struct phys_range){BASE + i * 2 * PAGE_SIZE, BASE + (i * 2 + 1) * PAGE_SIZE};
    EXPECT(t, !frame_init(comb, ARRAY_SIZE(comb), NULL, 0, NO_LIMIT, NO_LIMIT, &census));
    done();
}

/* A range that ends with the address space must not wrap round to 0. */
TEST(frame_init_reserved_to_the_end)
{
    struct frame_census census;
    begin();
    const struct phys_range reserved = {BASE + 4 * MB, 0xffffffff};
    REQUIRE(t, frame_init(&whole_ram, 1, &reserved, 1, NO_LIMIT, NO_LIMIT, &census));
    EXPECT(t, free_at(BASE + 4 * MB - PAGE_SIZE));
    EXPECT(t, !free_at(BASE + 4 * MB) && !free_at(BASE + 8 * MB - PAGE_SIZE));
    const struct phys_range front[] = {{BASE + 6 * MB, BASE + 8 * MB}, {BASE, BASE + 2 * MB}};
    const struct phys_range back = {BASE + 5 * MB, 0xffffffff};
    REQUIRE(t, frame_init(front, 2, &back, 1, NO_LIMIT, NO_LIMIT, &census));
    EXPECT_EQ(t, database_start(), BASE); /* not given up after the first range */
    done();
}

TEST(frame_init_then_buddy_takes_all_free_frames)
{
    const struct phys_range usable[] = {{BASE + 3 * PAGE_SIZE, BASE + MB}, {BASE + 2 * MB, BASE + 7 * MB}};
    struct frame_census census;
    begin();
    REQUIRE(t, frame_init(usable, 2, NULL, 0, NO_LIMIT, NO_LIMIT, &census));
    uint32_t usable_frames = count_free();
    buddy_init(0);
    EXPECT_EQ(t, buddy_total_frames(), usable_frames);
    EXPECT(t, buddy_check(t->out));
    done();
}
