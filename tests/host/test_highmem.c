/* SPDX-License-Identifier: MIT
 * Tests of memory beyond the direct map: who gets which frames, and whether everybody who touches a page of a
 * process goes through a window. */
#include "lib/random.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/port.h"
#include "mm/stats.h"
#include "tests/host/pages.h"

enum { KB = 1024, MB = 1024 * KB, LOW = 128, HIGH = 96, SLOTS = 256, PAGES = 40 };

static bool is_high(const struct frame *f)
{
    return frame_pfn(f).n >= frame_direct_count;
}

static struct frame *frame_of_page(const struct world *w, uint32_t i)
{
    return frame_of(pmap_lookup(&w->space.pmap, page_va(i)).pfn);
}

static void high_world(struct world *w, uint32_t limit)
{
    machine_build_high(LOW, HIGH, TEST_RESERVE, SLOTS);
    world_init(w, "clock", limit, PAGES);
}

TEST(highmem_database_reaches_to_4_gib)
{
    const paddr_t low_end = 128 * MB, high = 0xfff00000, end = 0xffffffff;
    const struct phys_range low = {MACHINE_RAM_BASE, low_end},
                            usable[] = {{high, end}, {0xd0000000, 0xd0000000 + 8 * MB}, low};
    struct frame_census census;
    machine_build(TEST_FRAMES, TEST_RESERVE, 0); /* no swap table in the RAM that goes away */
    machine_ram(&low, 1);
    REQUIRE(t, frame_init(usable, ARRAY_SIZE(usable), NULL, 0, end, low_end, &census));
    EXPECT_EQ(t, frame_table_count, 0xfffff); /* the last page's end has no 32-bit address */
    EXPECT_EQ(t, frame_direct_count, low_end / PAGE_SIZE);
    EXPECT_EQ(t, frame_of_ptr(frame_table)->kind, FRAME_RESERVED); /* panics beyond the direct map */
    EXPECT_EQ(t, frame_of(pfn_of(0xffffe000))->kind, FRAME_FREE);
    EXPECT_EQ(t, frame_of(pfn_of(high - PAGE_SIZE))->kind, FRAME_RESERVED);
    EXPECT_EQ(t, census.ram, (low_end - MACHINE_RAM_BASE + 9 * MB) / PAGE_SIZE - 1);
    paddr_t taken = frame_take(256);
    EXPECT_EQ(t, taken, low_end - MB);
    buddy_init(0);
    EXPECT(t, buddy_check(t->out));
    uint32_t highs = 9 * MB / PAGE_SIZE - 1;
    EXPECT_EQ(t, buddy_free_frames() - buddy_low_free(), highs);
    while (highs-- > 0) {
        struct frame *f = buddy_alloc(0, ALLOC_USER);
        REQUIRE(t, f != NULL && is_high(f));
    }
    EXPECT(t, !is_high(buddy_alloc(0, ALLOC_USER)));
    machine_build(TEST_FRAMES, TEST_RESERVE, TEST_SLOTS);
}

TEST(highmem_no_hole_for_the_database)
{
    const struct phys_range low = {MACHINE_RAM_BASE, 4 * MB}, usable[] = {low, {16 * MB, 1024 * MB}};
    struct frame_census census;
    machine_build(TEST_FRAMES, TEST_RESERVE, 0);
    machine_ram(&low, 1);
    EXPECT(t, !frame_init(usable, 2, NULL, 0, UINT32_MAX, 4 * MB, &census));
    machine_build(TEST_FRAMES, TEST_RESERVE, TEST_SLOTS);
}

TEST(highmem_no_block_lies_in_both_zones)
{
    const struct phys_range low = {MACHINE_RAM_BASE, 8 * MB}, usable = {MACHINE_RAM_BASE, 16 * MB};
    struct frame_census census;
    machine_build(TEST_FRAMES, TEST_RESERVE, 0);
    machine_ram(&low, 1);
    REQUIRE(t, frame_init(&usable, 1, NULL, 0, UINT32_MAX, 8 * MB, &census));
    buddy_init(0);
    EXPECT(t, buddy_check(t->out));
    EXPECT_EQ(t, buddy_free_frames() - buddy_low_free(), 8 * MB / PAGE_SIZE);
    REQUIRE(t, frame_init(&usable, 1, NULL, 0, UINT32_MAX, 7 * MB, &census));
    EXPECT_PANIC(t, "the direct map ends at frame 0x700, inside a block", buddy_init(0));
    machine_build(TEST_FRAMES, TEST_RESERVE, TEST_SLOTS);
}

TEST(highmem_kernel_low_users_high_first)
{
    static struct frame *got[4 * (LOW + HIGH)];
    uint32_t n = 0;
    machine_build_high(LOW, HIGH, TEST_RESERVE, SLOTS);
    uint32_t low = buddy_low_free();
    EXPECT_EQ(t, buddy_free_frames(), low + HIGH);
    struct frame *kernel = buddy_alloc(0, ALLOC_KERNEL);
    EXPECT(t, !is_high(kernel));
    for (; n < HIGH; n++) {
        got[n] = buddy_alloc(0, ALLOC_USER);
        REQUIRE(t, got[n] != NULL && is_high(got[n]));
    }
    EXPECT_EQ(t, buddy_low_free(), low - 1);
    while ((got[n] = buddy_alloc(0, ALLOC_USER)) != NULL) {
        REQUIRE(t, !is_high(got[n]));
        n++;
    }
    EXPECT_EQ(t, buddy_free_frames(), TEST_RESERVE);
    buddy_free(got[0]); /* a high frame: of no use to the kernel, and not part of the reserve */
    EXPECT_EQ(t, buddy_low_free(), TEST_RESERVE);
    EXPECT(t, buddy_check(t->out));
    struct frame *reserve[TEST_RESERVE];
    for (uint32_t i = 0; i < TEST_RESERVE; i++) {
        reserve[i] = buddy_alloc(0, ALLOC_KERNEL);
        REQUIRE(t, reserve[i] != NULL && !is_high(reserve[i]));
    }
    EXPECT(t, buddy_alloc(0, ALLOC_KERNEL) == NULL);
    got[0] = buddy_alloc(0, ALLOC_USER);
    EXPECT(t, got[0] != NULL && is_high(got[0]));
    EXPECT(t, buddy_alloc(0, ALLOC_USER) == NULL);
    for (uint32_t i = 0; i < TEST_RESERVE; i++)
        buddy_free(reserve[i]);
    while (n > 0)
        buddy_free(got[--n]);
    buddy_free(kernel);
}

/* High memory in pieces: a block that does not fit there is had from the low zone. */
TEST(highmem_large_user_block_from_the_low_zone)
{
    machine_build_high(LOW, 3, TEST_RESERVE, SLOTS);
    struct frame *f = buddy_alloc(2, ALLOC_USER);
    REQUIRE(t, f != NULL);
    EXPECT(t, !is_high(f));
    buddy_free(f);
    /* what is free up there does not count towards the reserve */
    static struct frame *got[4 * LOW];
    uint32_t n = 0;
    while (buddy_low_free() > TEST_RESERVE + 3)
        REQUIRE(t, (got[n++] = buddy_alloc(0, ALLOC_KERNEL)) != NULL);
    EXPECT(t, buddy_alloc(2, ALLOC_USER) == NULL);
    while (n > 0)
        buddy_free(got[--n]);
}

TEST(highmem_random_operations_keep_the_zones_apart)
{
    enum { HELD = 64, OPS = 20000, CHECK_EVERY = 200 };
    struct frame *held[HELD];
    uint32_t n = 0, rng = 17;
    machine_build_high(LOW, HIGH, TEST_RESERVE, SLOTS);
    for (uint32_t op = 0; op < OPS; op++) {
        if (n < HELD && random_below(&rng, 2)) {
            enum alloc_for who = random_below(&rng, 2) ? ALLOC_USER : ALLOC_KERNEL;
            struct frame *f = buddy_alloc(random_below(&rng, 4), who);
            if (f == NULL)
                continue;
            REQUIRE(t, who == ALLOC_USER || !is_high(f));
            held[n++] = f;
        } else if (n > 0) {
            uint32_t i = random_below(&rng, n);
            buddy_free(held[i]);
            held[i] = held[--n];
        }
        if (op % CHECK_EVERY == 0)
            REQUIRE(t, buddy_check(t->out));
    }
    while (n > 0)
        buddy_free(held[--n]);
}

TEST(highmem_junk_on_free)
{
    machine_build_high(LOW, HIGH, TEST_RESERVE, SLOTS);
    struct frame *f = buddy_alloc(1, ALLOC_USER);
    REQUIRE(t, f != NULL && is_high(f));
    uint8_t *bytes = page_window(frame_pfn(f + 1), WINDOW_FROM);
    memset(bytes, 0, PAGE_SIZE);
    buddy_free(f);
    EXPECT(t, bytes[0] != 0 && bytes[PAGE_SIZE - 1] != 0);
}

TEST(highmem_pages_are_filled_swapped_and_brought_back)
{
    struct world w;
    enum vm_result r;
    high_world(&w, 8);
    for (uint32_t generation = 1; generation <= 3; generation++) {
        for (uint32_t i = 0; i < PAGES; i++) {
            EXPECT(t, page_stamped(&w.space, page_va(i), generation - 1, &r));
            EXPECT_EQ(t, page_stamp(&w.space, page_va(i), generation), VM_OK);
            EXPECT(t, is_high(frame_of_page(&w, i)));
        }
        test_check(t);
    }
    EXPECT(t, vmstat.pswpin >= 2 * (PAGES - 8));
    world_destroy(&w);
}

/* The disk has none of its own checksums: the swap layer sums the page itself, through a window. */
TEST(highmem_swap_layer_sums_high_pages)
{
    struct world w;
    enum vm_result r;
    high_world(&w, 8);
    machine.disk.dev.sums = false;
    for (uint32_t i = 0; i < PAGES; i++)
        EXPECT_EQ(t, page_stamp(&w.space, page_va(i), 1), VM_OK);
    for (uint32_t i = 0; i < PAGES; i++)
        EXPECT(t, page_stamped(&w.space, page_va(i), 1, &r));
    world_destroy(&w);
}

static struct frame *other_frame;

/* Another process uses every window while this one waits for the disk. */
static void use_every_window(struct disk *d UNUSED, uint32_t block)
{
    for (enum page_window v = 0; v < WINDOWS; v++)
        memset(page_window(frame_pfn(other_frame), v), (int)block, PAGE_SIZE);
}

TEST(highmem_windows_are_reused_while_a_transfer_sleeps)
{
    struct world w;
    enum vm_result r;
    high_world(&w, 8);
    other_frame = buddy_alloc(0, ALLOC_USER);
    REQUIRE(t, other_frame != NULL && is_high(other_frame));
    machine.disk.sleep = use_every_window;
    for (uint32_t i = 0; i < PAGES; i++)
        EXPECT_EQ(t, page_stamp(&w.space, page_va(i), 1), VM_OK);
    for (uint32_t i = 0; i < PAGES; i++)
        EXPECT(t, page_stamped(&w.space, page_va(i), 1, &r));
    machine.disk.sleep = NULL;
    buddy_free(other_frame);
    world_destroy(&w);
}

/* The copies evict between their pages, and with it close every window. */
TEST(highmem_copies_by_the_kernel)
{
    static uint8_t in[5 * PAGE_SIZE], back[sizeof in];
    struct world w;
    high_world(&w, 2);
    for (uint32_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(i * 7 + i / PAGE_SIZE);
    const vaddr_t va = page_va(1) + 100;
    EXPECT_EQ(t, space_copy_out(&w.space, va, in, sizeof in), VM_OK);
    EXPECT_EQ(t, space_copy_in(&w.space, back, va, sizeof back), VM_OK);
    EXPECT_EQ(t, memcmp(in, back, sizeof in), 0);
    EXPECT(t, vmstat.pswpout > 0);
    world_destroy(&w);
}

TEST(highmem_file_pages)
{
    static _Alignas(PAGE_SIZE) uint32_t file[2 * PAGE_SIZE / sizeof(uint32_t)];
    struct world w;
    machine_build_high(LOW, HIGH, TEST_RESERVE, SLOTS);
    world_init(&w, "clock", 8, 0);
    for (uint32_t i = 0; i < ARRAY_SIZE(file); i++)
        file[i] = i * 2654435761u;
    struct region r = {.start = page_va(0),
                       .end = page_va(2),
                       .prot = VM_READ,
                       .name = "file",
                       .object = object_create_file("file", file, sizeof file - 8)};
    EXPECT_EQ(t, space_map(&w.space, &r), VM_OK);
    for (uint32_t i = 0; i < ARRAY_SIZE(file); i++) {
        uint32_t v;
        EXPECT_EQ(t, machine_access(&w.space, page_va(0) + i * 4, VM_READ, &v), VM_OK);
        EXPECT_EQ(t, v, i < ARRAY_SIZE(file) - 2 ? file[i] : 0);
    }
    EXPECT(t, is_high(frame_of_page(&w, 0)));
    world_destroy(&w);
}

/* The fake machine notices what it is there to notice. */
TEST(machine_high_frames_show_through_windows_only)
{
    machine_build_high(LOW, HIGH, TEST_RESERVE, SLOTS);
    struct frame *f = buddy_alloc(0, ALLOC_USER), *g = buddy_alloc(0, ALLOC_USER);
    REQUIRE(t, f != NULL && g != NULL && is_high(f) && is_high(g));
    EXPECT_PANIC(t, "beyond the direct map", frame_ptr(f));
    volatile uint32_t *p = page_window(frame_pfn(f), WINDOW_TO);
    const volatile uint32_t *same = page_window(frame_pfn(f), WINDOW_FROM);
    *p = 1;
    EXPECT_EQ(t, *same, 1);
    EXPECT(t, page_window(frame_pfn(f), WINDOW_TO) == (void *)(uintptr_t)p);
    page_window(frame_pfn(g), WINDOW_TO);
    EXPECT_EQ(t, *same, 1); /* another window */
    EXPECT_PANIC(t, "used after it closed", *p = 2);
    machine_windows_close();
    EXPECT_PANIC(t, "used after it closed", (void)*same);
    buddy_free(f);
    buddy_free(g);
}
