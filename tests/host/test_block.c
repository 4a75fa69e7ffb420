/* SPDX-License-Identifier: MIT
 * Tests of blocks of pages, of evicting several pages in few transfers, and of wired pages. */
#include "lib/panic.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/port.h"
#include "mm/rmap.h"
#include "mm/stats.h"
#include "tests/host/pages.h"

enum { LIMIT = 64, RW = VM_READ | VM_WRITE };

/* A block of 2^order pages of zeros at page i, mapped page by page, as one entry of the policy. */
static struct frame *block_map(struct world *w, uint32_t i, unsigned order)
{
    struct frame *f = page_alloc_block(&w->pool, order);
    ASSERT(f != NULL && i % (1u << order) == 0, "no block");
    enum vm_result r = pmap_reserve(&w->space.pmap, page_va(i));
    if (r == VM_OK)
        r = rmap_add(f, &w->space.pmap, page_va(i));
    ASSERT(r == VM_OK, "no memory for a block");
    for (uint32_t k = 0; k < 1u << order; k++) {
        page_zero(phys_to_ptr(pfn_base(frame_pfn(f + k))));
        pmap_enter(&w->space.pmap, page_va(i + k), frame_pfn(f + k), RW, false);
    }
    pool_insert(f);
    return f;
}

TEST(block_is_one_entry_of_the_policy)
{
    struct world w;
    world_init(&w, "fifo", LIMIT, 64);
    struct frame *f = block_map(&w, 8, 3);
    EXPECT_EQ(t, w.pool.resident, 8);
    EXPECT_EQ(t, w.pool.queued, 1);
    EXPECT(t, frame_head(f + 5) == f && frame_head(f) == f);
    test_check(t);
    word_store(&w.space, 13, 3);
    EXPECT(t, rmap_test_clear_accessed(f)); /* of any of its pages */
    EXPECT(t, !rmap_test_clear_accessed(f));
    EXPECT_EQ(t, space_unmap(&w.space, page_va(0), 64 * PAGE_SIZE), VM_OK);
    EXPECT_EQ(t, w.pool.resident, 0);
    world_destroy(&w);
}

TEST(block_split_makes_single_pages)
{
    struct world w;
    world_init(&w, "fifo", LIMIT, 64);
    struct frame *f = block_map(&w, 8, 3);
    for (uint32_t i = 8; i < 16; i += 2)
        word_store(&w.space, i, i);
    block_split(f);
    EXPECT_EQ(t, vmstat.thp_split_page, 1);
    EXPECT_EQ(t, w.pool.resident, 8);
    EXPECT_EQ(t, w.pool.queued, 8);
    for (uint32_t i = 0; i < 8; i++) {
        EXPECT(t, f[i].order == 0 && f[i].pmap == &w.space.pmap && f[i].va == page_va(8 + i));
        EXPECT_EQ(t, word_load(&w.space, 8 + i), i % 2 ? 0 : 8 + i);
    }
    block_split(f); /* nothing to do */
    EXPECT_EQ(t, vmstat.thp_split_page, 1);
    test_check(t);
    EXPECT_EQ(t, space_unmap(&w.space, page_va(10), PAGE_SIZE), VM_OK);
    EXPECT_EQ(t, w.pool.resident, 7);
    world_destroy(&w);
}

/* Unmapping, protecting and forking part of a block works on single pages. */
TEST(block_parts)
{
    struct world w;
    struct space child;
    uint32_t v = 1;
    world_init(&w, "fifo", LIMIT, 64);
    for (uint32_t b = 0; b < 3; b++) {
        block_map(&w, b * 8, 3);
        word_store(&w.space, b * 8 + 3, 30 + b);
    }
    EXPECT_EQ(t, space_unmap(&w.space, page_va(1), PAGE_SIZE), VM_OK);
    test_check(t);
    EXPECT_EQ(t, space_protect(&w.space, page_va(8 + 2), PAGE_SIZE, VM_READ), VM_OK);
    EXPECT_EQ(t, machine_access(&w.space, page_va(8 + 2), VM_WRITE, &v), VM_FORBIDDEN);
    EXPECT_EQ(t, machine_access(&w.space, page_va(8 + 1), VM_WRITE, &v), VM_OK);
    test_check(t);
    EXPECT_EQ(t, space_init(&child, &w.pool, 2), VM_OK);
    EXPECT_EQ(t, space_fork(&child, &w.space), VM_OK);
    test_check(t);
    word_store(&child, 19, 99);
    for (uint32_t b = 0; b < 3; b++)
        EXPECT_EQ(t, word_load(&w.space, b * 8 + 3), 30 + b);
    EXPECT_EQ(t, vmstat.thp_split_page, 3);
    EXPECT_EQ(t, w.pool.resident, 23 + 1);
    space_destroy(&child);
    world_destroy(&w);
}

TEST(block_goes_out_in_one_transfer)
{
    struct world w;
    enum vm_result why = VM_OK;
    world_init(&w, "fifo", LIMIT, 64);
    struct frame *f = block_map(&w, 32, 5);
    for (uint32_t i = 32; i < 64; i++)
        word_store(&w.space, i, i);
    EXPECT_EQ(t, evict_block(f, SWAP_NORMAL, &why), 32);
    EXPECT_EQ(t, machine.disk.transfers, 1);
    EXPECT_EQ(t, machine.disk.writes, 32);
    EXPECT_EQ(t, w.pool.resident, 0);
    test_check(t);
    for (uint32_t i = 32; i < 64; i++)
        EXPECT_EQ(t, word_load(&w.space, i), i);
    world_destroy(&w);
}

/* Clean pages of a block cost nothing, and do not break the run of those that are written. */
TEST(block_with_clean_pages)
{
    struct world w;
    enum vm_result why = VM_OK;
    world_init(&w, "fifo", LIMIT, 64);
    struct frame *f = block_map(&w, 8, 3);
    for (uint32_t i = 8; i < 16; i += 2)
        word_store(&w.space, i, i);
    EXPECT_EQ(t, evict_block(f, SWAP_NORMAL, &why), 8);
    EXPECT_EQ(t, machine.disk.transfers, 1);
    EXPECT_EQ(t, machine.disk.writes, 4);
    for (uint32_t i = 8; i < 16; i++)
        EXPECT_EQ(t, page_swapped(&w.space, i), i % 2 == 0);
    EXPECT_EQ(t, vmstat.pgsteal_clean, 4);
    EXPECT_EQ(t, vmstat.pgsteal, 8);
    world_destroy(&w);
}

/* A block of 128 pages takes as many transfers as the longest one allows. */
TEST(block_larger_than_a_transfer)
{
    struct world w;
    enum vm_result why = VM_OK;
    world_init(&w, "fifo", 256, 256);
    struct frame *f = block_map(&w, 128, 7);
    for (uint32_t i = 128; i < 256; i++)
        word_store(&w.space, i, i);
    EXPECT_EQ(t, evict_block(f, SWAP_NORMAL, &why), 128);
    EXPECT_EQ(t, machine.disk.transfers, 128 / BLKDEV_MAX_RUN);
    for (uint32_t i = 128; i < 256; i++)
        EXPECT_EQ(t, word_load(&w.space, i), i);
    world_destroy(&w);
}

TEST(block_whose_write_fails)
{
    struct world w;
    enum vm_result why = VM_OK;
    world_init(&w, "fifo", LIMIT, 64);
    struct frame *f = block_map(&w, 8, 3);
    for (uint32_t i = 8; i < 15; i++)
        word_store(&w.space, i, i);
    machine.disk.fail_writes = 1;
    EXPECT_EQ(t, evict_block(f, SWAP_NORMAL, &why), 1); /* the clean one */
    EXPECT_EQ(t, why, VM_IO_ERROR);
    EXPECT_EQ(t, w.pool.resident, 7);
    test_check(t);
    for (uint32_t i = 8; i < 16; i++)
        EXPECT_EQ(t, word_load(&w.space, i), i < 15 ? i : 0);
    EXPECT_EQ(t, machine.disk.reads, 0);
    world_destroy(&w);
}

/* The policy picks a block when a page is wanted: the whole block goes. */
TEST(block_is_evicted_for_a_page)
{
    for (uint32_t k = 0; k < policy_count; k++) {
        struct world w;
        world_init(&w, policy_table[k]->name, 8, 64);
        block_map(&w, 8, 3);
        for (uint32_t i = 8; i < 16; i++)
            word_store(&w.space, i, i);
        word_store(&w.space, 0, 1);
        EXPECT(t, w.pool.resident <= 8);
        test_check(t);
        for (uint32_t i = 8; i < 16; i++)
            EXPECT_EQ(t, word_load(&w.space, i), i);
        EXPECT(t, page_alloc_block(&w.pool, 4) == NULL); /* more than the pool may have */
        world_destroy(&w);
    }
}

/* 4 MiB mapped by the directory are split when one page goes. */
TEST(block_large_mapping_is_split)
{
    enum { ORDER = PMAP_LARGE_ORDER, PAGES = 1 << ORDER };
    struct world w;
    enum vm_result why = VM_OK;
    machine_build(4 * PAGES, TEST_RESERVE, 2 * PAGES);
    world_init(&w, "fifo", 2 * PAGES, 0);
    vaddr_t va = ALIGN_UP(TEST_VA, (vaddr_t)PAGES * PAGE_SIZE);
    uint32_t first = (va - TEST_VA) / PAGE_SIZE;
    pages_map(&w.space, first, PAGES, RW);
    struct frame *f = page_alloc_block(&w.pool, ORDER);
    REQUIRE(t, f != NULL);
    memset(phys_to_ptr(pfn_base(frame_pfn(f))), 0, PAGES * PAGE_SIZE);
    EXPECT_EQ(t, pmap_enter_large(&w.space.pmap, va, frame_pfn(f), RW, false), VM_OK);
    EXPECT_EQ(t, rmap_add(f, &w.space.pmap, va), VM_OK);
    pool_insert(f);
    word_store(&w.space, first + 500, 5);
    EXPECT_EQ(t, space_unmap(&w.space, va + 3 * PAGE_SIZE, PAGE_SIZE), VM_OK);
    EXPECT_EQ(t, w.pool.resident, PAGES - 1);
    EXPECT_EQ(t, word_load(&w.space, first + 500), 5);
    test_check(t);
    /* one entry had one dirty bit: all its pages count as dirty, none is lost */
    EXPECT(t, pmap_lookup(&w.space.pmap, va).dirty);
    EXPECT_EQ(t, evict_block(f, SWAP_NORMAL, &why), 1); /* single pages by now */
    EXPECT_EQ(t, w.pool.resident, PAGES - 2);
    world_destroy(&w);
}

/* ---- several pages at once ---- */

TEST(evict_pages_in_as_few_transfers_as_slots_allow)
{
    struct world w;
    struct frame *victims[12];
    enum vm_result why = VM_OK;
    world_init(&w, "fifo", LIMIT, 64);
    for (uint32_t i = 0; i < 12; i++) {
        if (i % 3 == 2)
            page_touch(&w.space, i); /* clean */
        else
            word_store(&w.space, i, i);
        victims[i] = page_frame(&w.space, i);
    }
    EXPECT_EQ(t, evict_pages(victims, 12, SWAP_NORMAL, &why), 12);
    EXPECT_EQ(t, machine.disk.transfers, 1);
    EXPECT_EQ(t, machine.disk.writes, 8);
    test_check(t);
    for (uint32_t i = 0; i < 12; i++)
        EXPECT_EQ(t, word_load(&w.space, i), i % 3 == 2 ? 0 : i);
    /* dirtied again, in another order: they keep their slots, which do not adjoin in this order */
    machine.disk.transfers = machine.disk.writes = 0;
    for (uint32_t i = 0; i < 4; i++) {
        static const uint32_t order[] = {3, 0, 1, 4};
        word_store(&w.space, order[i], 7);
        victims[i] = page_frame(&w.space, order[i]);
    }
    EXPECT_EQ(t, evict_pages(victims, 4, SWAP_NORMAL, &why), 4);
    EXPECT_EQ(t, machine.disk.writes, 4);
    EXPECT_EQ(t, machine.disk.transfers, 3);
    test_check(t);
    world_destroy(&w);
}

TEST(evict_pages_when_slots_run_out)
{
    struct world w;
    struct frame *victims[8];
    enum vm_result why = VM_OK;
    machine_build(TEST_FRAMES, TEST_RESERVE, 6);
    world_init(&w, "fifo", LIMIT, 64);
    for (uint32_t i = 0; i < 8; i++) {
        word_store(&w.space, i, i);
        victims[i] = page_frame(&w.space, i);
    }
    EXPECT_EQ(t, evict_pages(victims, 8, SWAP_NORMAL, &why), 5);
    EXPECT_EQ(t, why, VM_NO_SWAP);
    EXPECT_EQ(t, w.pool.resident, 3);
    EXPECT_EQ(t, w.pool.queued, 3);
    test_check(t);
    for (uint32_t i = 0; i < 8; i++)
        EXPECT_EQ(t, word_load(&w.space, i), i);
    world_destroy(&w);
}

/* ---- wired pages ---- */

TEST(wired_pages_stay)
{
    for (uint32_t k = 0; k < policy_count; k++) {
        struct world w;
        world_init(&w, policy_table[k]->name, 8, 60);
        EXPECT_EQ(t, pages_region(&w.space, 100, 4, RW, REGION_LOCKED, NULL), VM_OK);
        EXPECT_EQ(t, w.space.locked, 4);
        for (uint32_t i = 0; i < 3; i++)
            word_store(&w.space, 100 + i, i);
        word_load(&w.space, 103); /* the page of zeros is nobody's */
        EXPECT_EQ(t, w.pool.wired, 3);
        EXPECT_EQ(t, w.pool.queued, 0);
        test_check(t);
        uint32_t faults = machine.faults;
        for (uint32_t i = 0; i < 60; i++)
            word_store(&w.space, i, i);
        EXPECT_EQ(t, machine.faults, faults + 60);
        for (uint32_t i = 0; i < 4; i++)
            EXPECT_EQ(t, word_load(&w.space, 100 + i), i % 3);
        EXPECT_EQ(t, machine.faults, faults + 60);
        EXPECT_EQ(t, w.pool.resident, 8);
        test_check(t);
        EXPECT_EQ(t, space_unmap(&w.space, page_va(100), 2 * PAGE_SIZE), VM_OK);
        EXPECT_EQ(t, w.pool.wired, 1);
        EXPECT_EQ(t, w.space.locked, 2);
        world_destroy(&w);
    }
}

TEST(wired_pool_is_full)
{
    struct world w;
    uint32_t v = 1;
    world_init(&w, "fifo", 6, 60);
    EXPECT_EQ(t, pages_region(&w.space, 100, 6, RW, REGION_LOCKED, NULL), VM_OK);
    for (uint32_t i = 0; i < 6; i++)
        word_store(&w.space, 100 + i, i);
    EXPECT_EQ(t, machine_access(&w.space, page_va(0), VM_WRITE, &v), VM_NO_MEMORY);
    EXPECT_EQ(t, machine_access(&w.space, page_va(0), VM_READ, &v), VM_OK);
    test_check(t);
    EXPECT_EQ(t, space_unmap(&w.space, page_va(100), PAGE_SIZE), VM_OK);
    word_store(&w.space, 0, 5);
    word_store(&w.space, 1, 6); /* takes the place of page 0 */
    EXPECT_EQ(t, word_load(&w.space, 0), 5);
    test_check(t);
    world_destroy(&w);
}

/* A page of an object is wired once for each locked mapping, and competes again when the last one is gone. */
TEST(wired_by_two)
{
    struct world w;
    struct space other;
    world_init(&w, "fifo", 8, 0);
    EXPECT_EQ(t, space_init(&other, &w.pool, 2), VM_OK);
    struct object *o = object_create("shared", 2 * PAGE_SIZE);
    REQUIRE(t, o != NULL);
    EXPECT_EQ(t, pages_region(&w.space, 0, 2, RW, REGION_SHARED | REGION_LOCKED, o), VM_OK);
    EXPECT_EQ(t, pages_region(&w.space, 4, 2, RW, REGION_SHARED, o), VM_OK);
    EXPECT_EQ(t, pages_region(&other, 0, 2, RW, REGION_SHARED | REGION_LOCKED, o), VM_OK);
    word_store(&w.space, 4, 9);
    struct frame *f = page_frame(&w.space, 4);
    EXPECT_EQ(t, f->wired, 0);
    EXPECT(t, f->flags & FRAME_QUEUED);
    EXPECT_EQ(t, word_load(&w.space, 0), 9);
    EXPECT_EQ(t, f->wired, 1);
    EXPECT_EQ(t, word_load(&other, 0), 9);
    EXPECT_EQ(t, f->wired, 2);
    EXPECT_EQ(t, w.pool.wired, 1);
    EXPECT(t, !(f->flags & FRAME_QUEUED));
    test_check(t);
    EXPECT_EQ(t, pool_evict(&w.pool, SWAP_NORMAL), VM_NO_MEMORY);
    space_destroy(&other);
    EXPECT_EQ(t, f->wired, 1);
    EXPECT_EQ(t, space_unmap(&w.space, page_va(0), PAGE_SIZE), VM_OK);
    EXPECT_EQ(t, f->wired, 0);
    EXPECT(t, f->flags & FRAME_QUEUED);
    test_check(t);
    EXPECT_EQ(t, pool_evict(&w.pool, SWAP_NORMAL), VM_OK);
    EXPECT_EQ(t, word_load(&w.space, 4), 9);
    EXPECT_PANIC(t, "is not wired", pool_unwire(page_frame(&w.space, 4)));
    object_unref(o);
    world_destroy(&w);
}

/* From swap, too. */
TEST(wired_when_it_comes_back)
{
    struct world w;
    world_init(&w, "fifo", 8, 2);
    word_store(&w.space, 0, 3);
    EXPECT_EQ(t, pool_evict(&w.pool, SWAP_NORMAL), VM_OK);
    w.space.regions.at[0]->flags |= REGION_LOCKED;
    EXPECT_EQ(t, word_load(&w.space, 0), 3);
    EXPECT_EQ(t, page_frame(&w.space, 0)->wired, 1);
    test_check(t);
    world_destroy(&w);
}
