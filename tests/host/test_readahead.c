/* SPDX-License-Identifier: MIT
 * Tests of read-ahead: which slots come in with the one that is wanted, and what becomes of them. */
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/stats.h"
#include "tests/host/pages.h"

enum { LIMIT = 16, PAGES = 16, WINDOW = 8, RW = VM_READ | VM_WRITE };

/* Pages 0 to 15 with the value of their number plus 100, all in swap, page i in slot i. */
static void swapped_world(struct ktest_run *t, struct world *w)
{
    world_init(w, "fifo", LIMIT, 60);
    for (uint32_t i = 0; i < PAGES; i++)
        word_store(&w->space, i, 100 + i);
    while (w->pool.queued > 0)
        EXPECT_EQ(t, pool_evict(&w->pool, SWAP_NORMAL), VM_OK);
    for (uint32_t i = 0; i < PAGES; i++)
        EXPECT_EQ(t, page_slot(&w->space, i).n, i);
    machine.disk.transfers = machine.disk.reads = machine.disk.writes = 0;
    swap_readahead = WINDOW;
}

static bool cached(const struct world *w, uint32_t i)
{
    slot_t s = page_slot(&w->space, i);
    return slot_valid(s) && swap_cached(s) != NULL;
}

TEST(readahead_brings_the_window_in_one_transfer)
{
    struct world w;
    swapped_world(t, &w);
    EXPECT_EQ(t, word_load(&w.space, 8), 108);
    EXPECT(t, machine.last.major && machine.last.slot.n == 8);
    EXPECT_EQ(t, machine.disk.transfers, 1);
    EXPECT_EQ(t, machine.disk.reads, WINDOW);
    EXPECT_EQ(t, vmstat.swap_ra, WINDOW - 1);
    EXPECT_EQ(t, w.pool.resident, WINDOW);
    for (uint32_t i = 9; i < 8 + WINDOW; i++) {
        EXPECT(t, cached(&w, i));
        EXPECT(t, swap_cached(page_slot(&w.space, i))->flags & FRAME_READAHEAD);
    }
    test_check(t);
    for (uint32_t i = 9; i < 8 + WINDOW; i++) {
        EXPECT_EQ(t, word_load(&w.space, i), 100 + i);
        EXPECT(t, machine.last.kase == CASE_SWAPPED && !machine.last.major);
        EXPECT(t, strcmp(machine.last.what, "swap-cache") == 0);
        EXPECT(t, pmap_lookup(&w.space.pmap, page_va(i)).writable);
        EXPECT_EQ(t, vmstat.swap_ra_hit, i - 8);
        EXPECT(t, !(page_frame(&w.space, i)->flags & FRAME_READAHEAD));
    }
    EXPECT_EQ(t, w.space.major, 1);
    EXPECT_EQ(t, machine.disk.transfers, 1);
    test_check(t);
    world_destroy(&w);
}

/* The window is aligned: also what lies before the wanted slot comes. */
TEST(readahead_window_is_aligned)
{
    struct world w;
    swapped_world(t, &w);
    EXPECT_EQ(t, word_load(&w.space, 5), 105);
    for (uint32_t i = 0; i < PAGES; i++)
        EXPECT_EQ(t, cached(&w, i), i < WINDOW && i != 5);
    world_destroy(&w);
}

/* Slots that are free, and pages that are there already, end the run. */
TEST(readahead_stops_at_gaps)
{
    struct world w;
    swapped_world(t, &w);
    EXPECT_EQ(t, space_unmap(&w.space, page_va(1), PAGE_SIZE), VM_OK);
    swap_readahead = 1;
    EXPECT_EQ(t, word_load(&w.space, 6), 106);
    swap_readahead = WINDOW;
    EXPECT_EQ(t, word_load(&w.space, 3), 103);
    for (uint32_t i = 0; i < WINDOW; i++)
        EXPECT_EQ(t, cached(&w, i), i == 2 || i == 4 || i == 5);
    EXPECT_EQ(t, machine.disk.transfers, 2);
    EXPECT_EQ(t, word_load(&w.space, 15), 115); /* the window ends where the pages do */
    test_check(t);
    world_destroy(&w);
}

TEST(readahead_at_the_end_of_the_disk)
{
    enum { SLOTS = 20 };
    struct world w;
    machine_build(TEST_FRAMES, TEST_RESERVE, SLOTS);
    world_init(&w, "fifo", LIMIT, 60);
    for (uint32_t i = 0; i < SLOTS - 1; i++)
        word_store(&w.space, i, i);
    while (w.pool.queued > 0 && swap_free() > 1)
        EXPECT_EQ(t, pool_evict(&w.pool, SWAP_NORMAL), VM_OK);
    swap_readahead = WINDOW;
    EXPECT_EQ(t, word_load(&w.space, SLOTS - 2), SLOTS - 2);
    EXPECT_EQ(t, vmstat.swap_ra, 2);
    test_check(t);
    world_destroy(&w);
}

/* Pages that nobody asked for do not push out those in use: in a full pool they take no more than half. */
TEST(readahead_in_a_full_pool)
{
    struct world w;
    swapped_world(t, &w);
    for (uint32_t i = 0; i < LIMIT; i++)
        page_touch(&w.space, 30 + i);
    EXPECT_EQ(t, word_load(&w.space, 0), 100);
    EXPECT_EQ(t, w.pool.resident, LIMIT);
    test_check(t);
    uint32_t left = 0;
    for (uint32_t i = 0; i < LIMIT; i++)
        left += page_present(&w.space, 30 + i);
    EXPECT(t, left >= LIMIT / 2 - 1);
    EXPECT(t, vmstat.swap_ra > 0);
    world_destroy(&w);
}

/* A page that was read ahead in vain goes without I/O, and can still be read. */
TEST(readahead_unused_page_is_dropped)
{
    struct world w;
    swapped_world(t, &w);
    EXPECT_EQ(t, word_load(&w.space, 0), 100);
    for (uint32_t i = 0; i < LIMIT; i++)
        page_touch(&w.space, 30 + i);
    for (uint32_t i = 0; i < WINDOW; i++)
        EXPECT(t, page_swapped(&w.space, i) && !cached(&w, i));
    EXPECT_EQ(t, machine.disk.writes, 0);
    EXPECT_EQ(t, vmstat.swap_ra_hit, 0);
    test_check(t);
    swap_readahead = 1;
    for (uint32_t i = 0; i < WINDOW; i++)
        EXPECT_EQ(t, word_load(&w.space, i), 100 + i);
    world_destroy(&w);
}

TEST(readahead_unmapped_before_use)
{
    struct world w;
    swapped_world(t, &w);
    EXPECT_EQ(t, word_load(&w.space, 0), 100);
    EXPECT_EQ(t, w.pool.resident, WINDOW);
    EXPECT_EQ(t, space_unmap(&w.space, page_va(0), PAGES * PAGE_SIZE), VM_OK);
    EXPECT_EQ(t, w.pool.resident, 0);
    EXPECT_EQ(t, swap_free(), TEST_SLOTS);
    world_destroy(&w);
}

/* A page read ahead is written before anybody read it. */
TEST(readahead_page_is_written)
{
    struct world w;
    swapped_world(t, &w);
    EXPECT_EQ(t, word_load(&w.space, 0), 100);
    word_store(&w.space, 1, 7);
    EXPECT_EQ(t, machine.disk.reads, WINDOW);
    for (uint32_t i = 0; i < LIMIT; i++)
        page_touch(&w.space, 30 + i);
    EXPECT_EQ(t, word_load(&w.space, 1), 7);
    world_destroy(&w);
}

TEST(readahead_corrupt_neighbour_harms_nobody_else)
{
    struct world w;
    uint32_t v;
    swapped_world(t, &w);
    disk_flip_bit(&machine.disk, 2, 77);
    EXPECT_EQ(t, word_load(&w.space, 1), 101);
    EXPECT_EQ(t, machine.disk.transfers, 1);
    EXPECT_EQ(t, vmstat.swap_corrupt, 1);
    EXPECT_EQ(t, vmstat.swap_ra, WINDOW - 2);
    EXPECT(t, !cached(&w, 2) && cached(&w, 3));
    test_check(t);
    EXPECT_EQ(t, word_load(&w.space, 3), 103);
    EXPECT_EQ(t, machine_access(&w.space, page_va(2), VM_READ, &v), VM_CORRUPT); /* when it is wanted */
    EXPECT(t, page_swapped(&w.space, 2));
    test_check(t);
    world_destroy(&w);
}

TEST(readahead_corrupt_page_itself)
{
    struct world w;
    uint32_t v;
    swapped_world(t, &w);
    disk_flip_bit(&machine.disk, 1, 77);
    EXPECT_EQ(t, machine_access(&w.space, page_va(1), VM_READ, &v), VM_CORRUPT);
    EXPECT(t, page_swapped(&w.space, 1) && !cached(&w, 1));
    EXPECT_EQ(t, w.pool.resident, WINDOW - 1); /* its neighbours are good */
    EXPECT_EQ(t, word_load(&w.space, 2), 102);
    test_check(t);
    world_destroy(&w);
}

/* The run fails, perhaps because of a neighbour: the wanted page is tried alone. */
TEST(readahead_failed_run_is_retried_singly)
{
    struct world w;
    uint32_t v;
    swapped_world(t, &w);
    machine.disk.fail_reads = 1;
    EXPECT_EQ(t, word_load(&w.space, 1), 101);
    EXPECT_EQ(t, machine.disk.transfers, 2);
    EXPECT_EQ(t, machine.disk.reads, 1);
    EXPECT_EQ(t, vmstat.swap_error, 1);
    EXPECT_EQ(t, vmstat.swap_ra, 0);
    EXPECT_EQ(t, w.pool.resident, 1);
    test_check(t);
    machine.disk.fail_reads = 2;
    EXPECT_EQ(t, machine_access(&w.space, page_va(9), VM_READ, &v), VM_IO_ERROR);
    EXPECT(t, page_swapped(&w.space, 9));
    EXPECT_EQ(t, w.pool.resident, 1);
    test_check(t);
    EXPECT_EQ(t, word_load(&w.space, 9), 109);
    world_destroy(&w);
}

/* Neighbours of other processes come too, each to be found by its own. */
TEST(readahead_neighbours_of_other_processes)
{
    struct world w;
    struct space other;
    world_init(&w, "fifo", LIMIT, 10);
    EXPECT_EQ(t, space_init(&other, &w.pool, 2), VM_OK);
    pages_map(&other, 0, 10, RW);
    for (uint32_t i = 0; i < 8; i++)
        word_store(i % 2 ? &other : &w.space, i, 50 + i);
    while (w.pool.queued > 0)
        EXPECT_EQ(t, pool_evict(&w.pool, SWAP_NORMAL), VM_OK);
    swap_readahead = WINDOW;
    EXPECT_EQ(t, word_load(&w.space, 0), 50);
    for (uint32_t i = 1; i < 8; i++)
        EXPECT_EQ(t, word_load(i % 2 ? &other : &w.space, i), 50 + i);
    EXPECT_EQ(t, machine.disk.transfers, 8 + 1);
    EXPECT_EQ(t, other.major, 0);
    test_check(t);
    space_destroy(&other);
    world_destroy(&w);
}

TEST(readahead_of_an_object)
{
    struct world w;
    world_init(&w, "fifo", LIMIT, 0);
    struct object *o = object_create("shared", 8 * PAGE_SIZE);
    REQUIRE(t, o != NULL);
    EXPECT_EQ(t, pages_region(&w.space, 0, 8, RW, REGION_SHARED, o), VM_OK);
    for (uint32_t i = 0; i < 8; i++)
        word_store(&w.space, i, 50 + i);
    while (w.pool.queued > 0)
        EXPECT_EQ(t, pool_evict(&w.pool, SWAP_NORMAL), VM_OK);
    swap_readahead = WINDOW;
    for (uint32_t i = 0; i < 8; i++)
        EXPECT_EQ(t, word_load(&w.space, i), 50 + i);
    EXPECT_EQ(t, machine.disk.transfers, 8 + 1);
    EXPECT_EQ(t, vmstat.swap_ra_hit, 7);
    EXPECT_EQ(t, w.space.major, 1);
    EXPECT(t, o->resident == 8 && o->swapped == 0);
    test_check(t);
    object_unref(o);
    world_destroy(&w);
}
