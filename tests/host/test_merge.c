/* SPDX-License-Identifier: MIT
 * Tests of same-page merging: what is merged, what is not, and that no content is lost on any way out. */
#include "lib/panic.h"
#include "mm/advise.h"
#include "mm/buddy.h"
#include "mm/merge.h"
#include "mm/port.h"
#include "mm/rmap.h"
#include "mm/slab.h"
#include "mm/stats.h"
#include "tests/host/pages.h"

enum { LIMIT = 64, RW = VM_READ | VM_WRITE, A = 0x11111111, B = 0x22222222 };

static void merge_world(struct ktest_run *t, struct world *w, enum merge_mode mode)
{
    world_init(w, "fifo", LIMIT, LIMIT);
    EXPECT_EQ(t, merge_init(mode), VM_OK);
}

static void end(struct ktest_run *t, struct world *w)
{
    test_check(t);
    EXPECT_EQ(t, merge_init(MERGE_OFF), VM_OK);
    world_destroy(w);
}

/* Every word differs from its neighbours, so that no half of a page goes for another. */
static uint32_t word_at(uint32_t seed, vaddr_t offset)
{
    return seed == 0 ? 0 : seed + offset * 77;
}

static void fill(struct space *s, uint32_t i, uint32_t seed)
{
    for (vaddr_t at = 0; at < PAGE_SIZE; at += sizeof(uint32_t)) {
        uint32_t v = word_at(seed, at);
        enum vm_result r = machine_access(s, page_va(i) + at, VM_WRITE, &v);
        ASSERT(r == VM_OK, "fill: page %u: %s", i, vm_result_name(r));
    }
}

static bool filled(struct space *s, uint32_t i, uint32_t seed)
{
    for (vaddr_t at = 0; at < PAGE_SIZE; at += sizeof(uint32_t)) {
        uint32_t v;
        if (machine_access(s, page_va(i) + at, VM_READ, &v) != VM_OK || v != word_at(seed, at))
            return false;
    }
    return true;
}

static void rounds(uint32_t n)
{
    uint32_t until = merge_figures().full_scans + n;
    while (merge_figures().full_scans < until)
        merge_scan(LIMIT);
}

static bool writable(const struct space *s, uint32_t i)
{
    return pmap_lookup(&s->pmap, page_va(i)).writable;
}

TEST(merge_equal_pages_until_they_are_written)
{
    struct world w;
    merge_world(t, &w, MERGE_ALL);
    for (uint32_t i = 0; i < 3; i++)
        fill(&w.space, i, A);
    fill(&w.space, 3, B);
    rounds(1);
    EXPECT_EQ(t, w.pool.resident, 4); /* they may be being written */
    EXPECT_EQ(t, merge_figures().pages_volatile, 4);
    rounds(1);
    EXPECT_EQ(t, w.pool.resident, 2);
    for (uint32_t i = 0; i < 3; i++)
        EXPECT(t, page_frame(&w.space, i) == page_frame(&w.space, 0) && !writable(&w.space, i));
    EXPECT(t, writable(&w.space, 3));
    struct merge_figures m = merge_figures();
    EXPECT_EQ(t, m.pages_shared, 1);
    EXPECT_EQ(t, m.pages_sharing, 2);
    EXPECT_EQ(t, m.pages_volatile, 0);
    EXPECT_EQ(t, vmstat.ksm_pages_merged, 2);
    test_check(t);
    word_store(&w.space, 1, 5);
    word_store(&w.space, 0, 6);
    EXPECT_EQ(t, vmstat.cow_ksm, 2);
    word_store(&w.space, 2, A);
    EXPECT_EQ(t, vmstat.pgreuse, 1);
    EXPECT_EQ(t, w.pool.resident, 4);
    EXPECT_EQ(t, word_load(&w.space, 1), 5);
    EXPECT_EQ(t, word_load(&w.space, 0), 6);
    EXPECT(t, filled(&w.space, 2, A) && filled(&w.space, 3, B));
    EXPECT_EQ(t, merge_figures().pages_sharing, 0);
    end(t, &w);
}

TEST(merge_zeros_into_the_page_of_zeros)
{
    struct world w;
    merge_world(t, &w, MERGE_ALL);
    for (uint32_t i = 0; i < 3; i++)
        fill(&w.space, i, 0);
    rounds(2);
    EXPECT_EQ(t, w.pool.resident, 0);
    EXPECT_EQ(t, merge_figures().ksm_zero_pages, 3);
    EXPECT(t, page_frame(&w.space, 0) == zero_frame && !writable(&w.space, 0));
    word_store(&w.space, 0, 9);
    EXPECT(t, filled(&w.space, 1, 0) && filled(&w.space, 2, 0));
    EXPECT_EQ(t, word_load(&w.space, 0), 9);
    end(t, &w);
}

/* Sums, and sums of sums, of each lane are the same. */
TEST(merge_compares_more_than_checksums)
{
    struct world w;
    merge_world(t, &w, MERGE_ALL);
    fill(&w.space, 0, A);
    fill(&w.space, 1, A);
    static const struct {
        vaddr_t offset;
        uint32_t add;
    } change[] = {{0, 1}, {16, (uint32_t)-2}, {32, 1}};
    for (uint32_t i = 0; i < ARRAY_SIZE(change); i++) {
        uint32_t v = word_at(A, change[i].offset) + change[i].add;
        EXPECT_EQ(t, machine_access(&w.space, page_va(1) + change[i].offset, VM_WRITE, &v), VM_OK);
    }
    EXPECT_EQ(t, page_sum(page_window(frame_pfn(page_frame(&w.space, 0)), WINDOW_FROM)),
              page_sum(page_window(frame_pfn(page_frame(&w.space, 1)), WINDOW_FROM)));
    rounds(3);
    EXPECT_EQ(t, w.pool.resident, 2);
    EXPECT_EQ(t, merge_figures().pages_unshared, 2);
    EXPECT(t, filled(&w.space, 0, A) && !filled(&w.space, 1, A));
    end(t, &w);
}

TEST(merge_leaves_what_changes)
{
    struct world w;
    merge_world(t, &w, MERGE_ALL);
    for (uint32_t n = 0; n < 4; n++) {
        for (uint32_t i = 0; i < 2; i++)
            fill(&w.space, i, A + n);
        rounds(1);
        EXPECT_EQ(t, w.pool.resident, 2);
        EXPECT(t, writable(&w.space, 0) && writable(&w.space, 1));
    }
    end(t, &w);
}

TEST(merge_evicted_pages_come_back)
{
    struct world w;
    merge_world(t, &w, MERGE_ALL);
    for (uint32_t i = 0; i < 3; i++)
        fill(&w.space, i, A);
    rounds(2);
    for (uint32_t times = 0; times < 3; times++) {
        EXPECT_EQ(t, pool_evict(&w.pool, SWAP_NORMAL), VM_OK);
        EXPECT(t, page_swapped(&w.space, 0) && page_swapped(&w.space, 2));
        EXPECT_EQ(t, page_slot(&w.space, 0).n, page_slot(&w.space, 1).n);
        test_check(t);
        for (uint32_t i = 0; i < 3; i++)
            EXPECT(t, filled(&w.space, i, A));
        EXPECT_EQ(t, w.pool.resident, 1);
    }
    EXPECT_EQ(t, vmstat.pswpout, 1); /* it stayed clean */
    word_store(&w.space, 1, 3);
    EXPECT(t, filled(&w.space, 0, A) && filled(&w.space, 2, A));
    end(t, &w);
}

/* The only dirty PTE of a merged page goes when its owner writes. */
TEST(merge_owner_of_the_dirty_bit_leaves)
{
    for (uint32_t leaver = 0; leaver < 3; leaver++) {
        struct world w;
        merge_world(t, &w, MERGE_ALL);
        for (uint32_t i = 0; i < 3; i++)
            fill(&w.space, i, A);
        for (uint32_t i = 0; i < 3; i++)
            EXPECT_EQ(t, pool_evict(&w.pool, SWAP_NORMAL), VM_OK);
        fill(&w.space, 0, B), fill(&w.space, 1, B), fill(&w.space, 2, B); /* each has a slot, with A */
        rounds(2);
        EXPECT_EQ(t, w.pool.resident, 1);
        fill(&w.space, leaver, A);
        while (w.pool.queued > 0)
            EXPECT_EQ(t, pool_evict(&w.pool, SWAP_NORMAL), VM_OK);
        for (uint32_t i = 0; i < 3; i++)
            EXPECT(t, filled(&w.space, i, i == leaver ? A : B));
        end(t, &w);
    }
}

/* MADV_FREE lets a page be dropped; its twin did not agree to that. */
TEST(merge_with_a_page_that_may_be_dropped)
{
    for (uint32_t freed = 0; freed < 2; freed++) {
        struct world w;
        merge_world(t, &w, MERGE_ALL);
        fill(&w.space, 0, A);
        fill(&w.space, 1, A);
        EXPECT_EQ(t, space_advise(&w.space, page_va(freed), page_va(freed + 1), VM_FREE), VM_OK);
        rounds(2);
        EXPECT_EQ(t, w.pool.resident, 1);
        EXPECT_EQ(t, pool_evict(&w.pool, SWAP_NORMAL), VM_OK);
        EXPECT(t, filled(&w.space, 1 - freed, A));
        EXPECT(t, filled(&w.space, freed, A) || filled(&w.space, freed, 0));
        end(t, &w);
    }
}

TEST(merge_pages_of_parent_and_child)
{
    struct world w;
    struct space child;
    merge_world(t, &w, MERGE_ALL);
    for (uint32_t i = 0; i < 2; i++)
        fill(&w.space, i, A);
    EXPECT_EQ(t, space_init(&child, &w.pool, 2), VM_OK);
    EXPECT_EQ(t, space_fork(&child, &w.space), VM_OK);
    fill(&child, 2, A);
    rounds(3);
    EXPECT_EQ(t, w.pool.resident, 1);
    EXPECT_EQ(t, rmap_count(page_frame(&child, 2)), 5);
    test_check(t);
    fill(&w.space, 0, B);
    space_destroy(&w.space);
    EXPECT(t, filled(&child, 0, A) && filled(&child, 1, A) && filled(&child, 2, A));
    EXPECT_EQ(t, w.pool.resident, 1);
    EXPECT_EQ(t, space_init(&w.space, &w.pool, 1), VM_OK);
    space_destroy(&child);
    end(t, &w);
}

TEST(merge_no_more_than_256_into_one)
{
    enum { COUNT = 300 };
    struct world w;
    machine_build(2 * TEST_FRAMES, TEST_RESERVE, TEST_SLOTS);
    world_init(&w, "fifo", COUNT, COUNT);
    EXPECT_EQ(t, merge_init(MERGE_ALL), VM_OK);
    for (uint32_t i = 0; i < COUNT; i++)
        fill(&w.space, i, A);
    rounds(4);
    EXPECT_EQ(t, w.pool.resident, 2);
    uint32_t most = 0;
    for (uint32_t i = 0; i < COUNT; i++)
        most = MAX(most, rmap_count(page_frame(&w.space, i)));
    EXPECT_EQ(t, most, 256);
    EXPECT_EQ(t, merge_figures().pages_sharing, COUNT - 2);
    end(t, &w);
}

TEST(merge_two_large_groups_stay_two)
{
    enum { HALF = 150 };
    struct world w;
    machine_build(2 * TEST_FRAMES, TEST_RESERVE, TEST_SLOTS);
    world_init(&w, "fifo", 2 * HALF, 2 * HALF);
    EXPECT_EQ(t, merge_init(MERGE_ADVISED), VM_OK);
    for (uint32_t group = 0; group < 2; group++) {
        vaddr_t start = page_va(group * HALF), stop = page_va((group + 1) * HALF);
        EXPECT_EQ(t, space_set_flags(&w.space, start, stop, REGION_MERGEABLE, 0), VM_OK);
        for (uint32_t i = 0; i < HALF; i++)
            fill(&w.space, group * HALF + i, A);
        rounds(2);
        EXPECT_EQ(t, space_set_flags(&w.space, start, stop, 0, REGION_MERGEABLE), VM_OK);
    }
    EXPECT_EQ(t, w.pool.resident, 2);
    EXPECT_EQ(t, space_set_flags(&w.space, page_va(0), page_va(2 * HALF), REGION_MERGEABLE, 0), VM_OK);
    rounds(2);
    EXPECT_EQ(t, w.pool.resident, 2);
    EXPECT_EQ(t, rmap_count(page_frame(&w.space, 0)), HALF);
    end(t, &w);
}

/* Reverse mappings need memory. Without it pages stay as they are, all or in part. */
TEST(merge_without_memory)
{
    enum { COUNT = 40 };
    static struct frame *taken[TEST_FRAMES];
    uint32_t n = 0;
    struct world w;
    merge_world(t, &w, MERGE_ALL);
    for (uint32_t i = 0; i < COUNT; i++)
        fill(&w.space, i, A);
    void *beside = kmalloc((TEST_SLOTS + 1) * sizeof(uint32_t)); /* so that the check finds heap */
    while ((taken[n] = buddy_alloc(0, ALLOC_KERNEL)) != NULL)
        n++;
    merge_scan(LIMIT);
    merge_scan(LIMIT);
    test_check(t);
    for (uint32_t i = 0; i < COUNT; i++)
        EXPECT(t, filled(&w.space, i, A));
    while (n > 0)
        buddy_free(taken[--n]);
    rounds(3);
    EXPECT_EQ(t, w.pool.resident, 1);
    for (uint32_t i = 0; i < COUNT; i++)
        EXPECT(t, filled(&w.space, i, A));
    kfree(beside);
    end(t, &w);
}

TEST(merge_only_what_may_be)
{
    struct world w;
    merge_world(t, &w, MERGE_ADVISED);
    for (uint32_t i = 0; i < 8; i++)
        fill(&w.space, i, A);
    rounds(3);
    EXPECT_EQ(t, w.pool.resident, 8);
    EXPECT_EQ(t, space_set_flags(&w.space, page_va(2), page_va(6), REGION_MERGEABLE, 0), VM_OK);
    EXPECT_EQ(t, space_lock(&w.space, page_va(2), page_va(4), LOCK_NOW), VM_OK);
    rounds(3);
    EXPECT_EQ(t, w.pool.resident, 7);
    EXPECT(t, page_frame(&w.space, 4) == page_frame(&w.space, 5));
    EXPECT_EQ(t, space_lock(&w.space, page_va(2), page_va(6), LOCK_NOW), VM_OK); /* to each its own */
    EXPECT_EQ(t, w.pool.resident, 8);
    test_check(t);
    EXPECT_EQ(t, space_lock(&w.space, page_va(2), page_va(6), LOCK_NONE), VM_OK);
    rounds(3);
    EXPECT_EQ(t, w.pool.resident, 5);
    end(t, &w);
}

/* Private copies of a file's pages: a page of zeros there would be the file's after a fork. */
TEST(merge_no_pages_of_files)
{
    struct world w;
    static uint32_t data[2 * PAGE_SIZE / sizeof(uint32_t)];
    merge_world(t, &w, MERGE_ALL);
    file_map(&w.space, LIMIT, data, sizeof data, RW);
    for (uint32_t i = LIMIT; i < LIMIT + 2; i++)
        fill(&w.space, i, i % 2 ? A : 0);
    fill(&w.space, 0, A);
    rounds(3);
    EXPECT_EQ(t, w.pool.resident, 3);
    EXPECT_EQ(t, vmstat.ksm_pages_merged, 0);
    end(t, &w);
}
