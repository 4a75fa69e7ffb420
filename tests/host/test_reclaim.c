/* SPDX-License-Identifier: MIT
 * Tests of eviction: what costs I/O and what does not, failing disks, full disks, short memory. */
#include "lib/errno.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/check.h"
#include "mm/stats.h"
#include "tests/host/pages.h"

enum { LIMIT = 6 };

static enum vm_result stamp(struct world *w, uint32_t i, uint32_t generation)
{
    return page_stamp(&w->space, page_va(i), generation);
}

static bool stamped(struct world *w, uint32_t i, uint32_t generation)
{
    enum vm_result r;
    return page_stamped(&w->space, page_va(i), generation, &r);
}

/* Reads so many pages, from page `from` on, that a FIFO pool of LIMIT frames holds nothing else. */
static void push_out(struct world *w, uint32_t from)
{
    for (uint32_t i = 0; i < LIMIT; i++)
        page_touch(&w->space, from + i);
}

TEST(reclaim_clean_zero_page_costs_nothing)
{
    struct world w;
    world_init(&w, "fifo", LIMIT, 20);
    page_touch(&w.space, 0);
    push_out(&w, 10);
    EXPECT_EQ(t, pmap_lookup(&w.space.pmap, page_va(0)).state, PTE_NONE);
    EXPECT_EQ(t, machine.disk.writes, 0);
    EXPECT_EQ(t, swap_free(), TEST_SLOTS);
    EXPECT_EQ(t, vmstat.pgsteal, 1);
    EXPECT_EQ(t, vmstat.pgsteal_clean, 1);
    EXPECT_EQ(t, vmstat.allocstall, 1);
    EXPECT_EQ(t, w.space.pmap.evictions, 1);
    EXPECT_EQ(t, w.space.pmap.writebacks, 0);
    EXPECT_EQ(t, word_load(&w.space, 0), 0);
    EXPECT_EQ(t, machine.last.kase, CASE_FIRST_TOUCH);
    EXPECT_EQ(t, machine.disk.reads, 0);
    world_destroy(&w);
}

TEST(reclaim_dirty_page_is_written_once)
{
    struct world w;
    world_init(&w, "fifo", LIMIT, 20);
    EXPECT_EQ(t, stamp(&w, 0, 1), VM_OK);
    push_out(&w, 10);
    EXPECT(t, page_swapped(&w.space, 0));
    EXPECT_EQ(t, machine.disk.writes, 1);
    EXPECT_EQ(t, vmstat.pswpout, 1);
    EXPECT_EQ(t, vmstat.pgsteal_clean, 0);
    EXPECT_EQ(t, w.space.pmap.writebacks, 1);
    EXPECT(t, stamped(&w, 0, 1));
    EXPECT_EQ(t, machine.disk.reads, 1);
    EXPECT_EQ(t, vmstat.pgsteal, 2);
    world_destroy(&w);
}

TEST(reclaim_clean_page_keeps_its_slot_and_is_not_written)
{
    struct world w;
    world_init(&w, "fifo", LIMIT, 20);
    EXPECT_EQ(t, stamp(&w, 0, 1), VM_OK);
    push_out(&w, 10);
    for (uint32_t round = 1; round <= 5; round++) {
        EXPECT(t, stamped(&w, 0, 1));
        EXPECT_EQ(t, page_kept_slots(), 1);
        EXPECT_EQ(t, swap_free(), TEST_SLOTS - 1);
        test_check(t);
        push_out(&w, 10);
        EXPECT(t, page_swapped(&w.space, 0));
        EXPECT_EQ(t, page_kept_slots(), 0);
        EXPECT_EQ(t, machine.disk.writes, 1);
        EXPECT_EQ(t, machine.disk.reads, round);
    }
    world_destroy(&w);
}

TEST(reclaim_page_dirtied_again_is_written_again)
{
    struct world w;
    world_init(&w, "fifo", LIMIT, 20);
    for (uint32_t generation = 1; generation <= 5; generation++) {
        EXPECT_EQ(t, stamp(&w, 0, generation), VM_OK);
        push_out(&w, 10);
        EXPECT(t, page_swapped(&w.space, 0));
        EXPECT_EQ(t, machine.disk.writes, generation);
        EXPECT(t, stamped(&w, 0, generation)); /* not the one before */
        EXPECT(t, swap_free() >= TEST_SLOTS - 1);
    }
    world_destroy(&w);
}

/* The victim's dirty bit decides, not that of a page looked at before or after it. */
TEST(reclaim_dirty_and_clean_neighbours)
{
    for (uint32_t pattern = 0; pattern < 1u << LIMIT; pattern++) {
        struct world w;
        uint32_t dirty = 0, writes = machine.disk.writes;
        world_init(&w, "clock", LIMIT, 20);
        for (uint32_t i = 0; i < LIMIT; i++) {
            if (pattern & 1u << i)
                word_store(&w.space, i, i + 100);
            else
                page_touch(&w.space, i);
        }
        for (uint32_t i = 0; i < LIMIT; i++) {
            dirty += pattern >> i & 1;
            page_touch(&w.space, 10 + i);
            EXPECT_EQ(t, machine.disk.writes - writes, dirty);
            EXPECT_EQ(t, page_swapped(&w.space, i), pattern >> i & 1);
        }
        for (uint32_t i = 0; i < LIMIT; i++)
            EXPECT_EQ(t, word_load(&w.space, i), pattern & 1u << i ? i + 100 : 0);
        world_destroy(&w);
    }
}

/* Is page i in memory, unmapped, to be found through its slot, and stored nowhere else? */
static bool stranded(struct world *w, uint32_t i)
{
    slot_t s = page_slot(&w->space, i);
    const struct frame *f = slot_valid(s) ? swap_cached(s) : NULL;
    return f != NULL && f->slot.n == s.n && f->pool == &w->pool && swap_refs(s) == 2 &&
           (f->flags & (FRAME_DIRTY | FRAME_QUEUED | FRAME_BUSY)) == (FRAME_DIRTY | FRAME_QUEUED);
}

TEST(reclaim_failed_write_keeps_the_page_and_another_goes)
{
    struct world w;
    world_init(&w, "fifo", LIMIT, 20);
    for (uint32_t i = 0; i < LIMIT; i++)
        EXPECT_EQ(t, stamp(&w, i, 1), VM_OK);
    machine.disk.fail_writes = 2;
    page_touch(&w.space, 10);
    EXPECT(t, stranded(&w, 0) && stranded(&w, 1));
    EXPECT(t, page_swapped(&w.space, 2) && swap_cached(page_slot(&w.space, 2)) == NULL);
    EXPECT_EQ(t, vmstat.swap_error, 2);
    EXPECT_EQ(t, vmstat.pgsteal, 1);
    EXPECT_EQ(t, w.pool.resident, LIMIT);
    EXPECT_EQ(t, swap_free(), TEST_SLOTS - 3);
    EXPECT_EQ(t, page_kept_slots(), 2);
    test_check(t);
    EXPECT(t, stamped(&w, 0, 1) && stamped(&w, 1, 1));
    EXPECT(t, machine.last.kase == CASE_SWAPPED && !machine.last.major);
    EXPECT_EQ(t, machine.disk.reads, 0);
    EXPECT_EQ(t, w.space.major, 0);
    EXPECT(t, page_frame(&w.space, 0)->flags & FRAME_DIRTY);
    EXPECT(t, pmap_lookup(&w.space.pmap, page_va(0)).writable);
    push_out(&w, 10); /* now they can be written, and must be */
    for (uint32_t i = 0; i < LIMIT; i++)
        EXPECT(t, stamped(&w, i, 1));
    EXPECT_EQ(t, machine.disk.reads, LIMIT);
    world_destroy(&w);
}

/* A page that is in memory only because its write failed goes with its owner. */
TEST(reclaim_stranded_page_is_freed_with_its_mapping)
{
    struct world w;
    world_init(&w, "fifo", LIMIT, 20);
    for (uint32_t i = 0; i < LIMIT; i++)
        EXPECT_EQ(t, stamp(&w, i, 1), VM_OK);
    machine.disk.fail_writes = 2;
    page_touch(&w.space, 10);
    REQUIRE(t, stranded(&w, 0) && stranded(&w, 1));
    EXPECT_EQ(t, space_unmap(&w.space, page_va(0), PAGE_SIZE), VM_OK);
    EXPECT_EQ(t, w.pool.resident, LIMIT - 1);
    EXPECT_EQ(t, page_kept_slots(), 1);
    EXPECT_EQ(t, swap_free(), TEST_SLOTS - 2);
    test_check(t);
    world_destroy(&w); /* the other one with its space */
}

/* The failed write destroyed the copy in the slot: the page must not count as stored. */
TEST(reclaim_failed_rewrite_of_a_stored_page)
{
    struct world w;
    world_init(&w, "fifo", LIMIT, 20);
    EXPECT_EQ(t, stamp(&w, 0, 1), VM_OK);
    push_out(&w, 10);
    EXPECT_EQ(t, stamp(&w, 0, 2), VM_OK); /* in its old slot: generation 1 */
    machine.disk.fail_writes = 1;
    push_out(&w, 10);
    EXPECT(t, stranded(&w, 0));
    test_check(t);
    push_out(&w, 10);
    push_out(&w, 3);
    EXPECT(t, page_swapped(&w.space, 0));
    EXPECT(t, stamped(&w, 0, 2));
    world_destroy(&w);
}

static void all_writes_fail(struct ktest_run *t, const char *policy)
{
    struct world w;
    uint32_t reads = machine.disk.reads;
    world_init(&w, policy, LIMIT, 20);
    for (uint32_t i = 0; i < LIMIT; i++)
        EXPECT_EQ(t, stamp(&w, i, 1), VM_OK);
    machine.disk.fail_writes = UINT32_MAX;
    EXPECT_EQ(t, machine_fault(&w.space, page_va(10), VM_WRITE), VM_IO_ERROR);
    EXPECT_EQ(t, w.pool.resident, LIMIT);
    EXPECT_EQ(t, swap_free(), TEST_SLOTS - LIMIT);
    test_check(t);
    for (uint32_t i = 0; i < LIMIT; i++)
        EXPECT(t, stranded(&w, i));
    for (uint32_t i = 0; i < LIMIT; i++)
        EXPECT(t, stamped(&w, i, 1));
    EXPECT_EQ(t, machine.disk.reads, reads);
    test_check(t);
    machine.disk.fail_writes = 0; /* somebody plugged the cable in again */
    page_touch(&w.space, 10);
    for (uint32_t i = 0; i < LIMIT; i++)
        EXPECT(t, stamped(&w, i, 1));
    world_destroy(&w);
}

TEST(reclaim_all_writes_fail)
{
    for (uint32_t i = 0; i < policy_count; i++)
        all_writes_fail(t, policy_table[i]->name);
}

/* One page in the pool is clean, everything else cannot be written: whatever the policy's order, the clean
 * page is found. */
static void only_one_can_go(struct ktest_run *t, const char *policy, uint32_t clean)
{
    struct world w;
    machine_build(TEST_FRAMES, TEST_RESERVE,
                  TEST_SLOTS); /* a disk that has not failed a thousand times yet */
    world_init(&w, policy, LIMIT, 40);
    for (uint32_t i = 0; i < LIMIT; i++) {
        if (i == clean)
            page_touch(&w.space, i);
        else
            EXPECT_EQ(t, stamp(&w, i, 1), VM_OK);
    }
    machine.disk.fail_writes = UINT32_MAX;
    for (uint32_t i = LIMIT; i < 30; i++) {
        EXPECT_EQ(t, machine_fault(&w.space, page_va(i), VM_WRITE), VM_OK);
        EXPECT(t, !page_present(&w.space, i == LIMIT ? clean : i - 1));
        if (t->failures > 0)
            break;
    }
    machine.disk.fail_writes = 0;
    test_check(t);
    world_destroy(&w);
}

TEST(reclaim_finds_the_only_page_that_can_go)
{
    for (uint32_t i = 0; i < policy_count; i++)
        for (uint32_t clean = 0; clean < LIMIT; clean++)
            only_one_can_go(t, policy_table[i]->name, clean);
}

enum { FEW = 8, DIRTY = LIMIT + FEW - 1 }; /* so many dirty pages fill pool and disk, less the reserve */

/* Pool full of dirty pages, disk full to the reserve. */
static void fill_up(struct ktest_run *t, struct world *w, const char *policy)
{
    machine_build(TEST_FRAMES, TEST_RESERVE, FEW);
    world_init(w, policy, LIMIT, 40);
    for (uint32_t i = 0; i < DIRTY; i++)
        EXPECT_EQ(t, stamp(w, i, 1), VM_OK);
    EXPECT_EQ(t, swap_free(), 1);
}

TEST(reclaim_swap_full)
{
    for (uint32_t k = 0; k < policy_count; k++) {
        struct world w;
        uint32_t v;
        fill_up(t, &w, policy_table[k]->name);
        EXPECT_EQ(t, machine_fault(&w.space, page_va(30), VM_WRITE), VM_NO_SWAP);
        EXPECT_EQ(t, machine_access(&w.space, page_va(30), VM_READ, &v), VM_OK); /* that needs no frame */
        EXPECT_EQ(t, machine_access(&w.space, page_va(30), VM_WRITE, &v), VM_NO_SWAP);
        EXPECT_EQ(t, v, 0);
        EXPECT_EQ(t, swap_free(), 1);
        test_check(t);
        world_destroy(&w);
    }
}

/* Unmaps `count` resident dirty pages and reads as many clean ones into their frames. => the next page. */
static uint32_t replace_by_clean(struct ktest_run *t, struct world *w, uint32_t count)
{
    uint32_t next = 20;
    for (uint32_t i = 0, done = 0; i < DIRTY && done < count; i++) {
        if (pmap_lookup(&w->space.pmap, page_va(i)).state != PTE_PRESENT)
            continue;
        EXPECT_EQ(t, space_unmap(&w->space, page_va(i), PAGE_SIZE), VM_OK);
        EXPECT_EQ(t, machine_fault(&w->space, page_va(next++), VM_WRITE), VM_OK);
        done++;
    }
    EXPECT_EQ(t, w->pool.resident, LIMIT);
    return next;
}

TEST(reclaim_swap_full_but_clean_pages_go)
{
    for (uint32_t k = 0; k < policy_count; k++) {
        struct world w;
        fill_up(t, &w, policy_table[k]->name);
        for (uint32_t i = replace_by_clean(t, &w, POOL_MIN_LIMIT); i < 40; i++) {
            EXPECT_EQ(t, machine_fault(&w.space, page_va(i), VM_WRITE), VM_OK);
            EXPECT_EQ(t, w.pool.resident, LIMIT);
        }
        for (uint32_t i = 40 - POOL_MIN_LIMIT; i < 40; i++)
            word_store(&w.space, i, 1);
        EXPECT_EQ(t, machine_fault(&w.space, page_va(20), VM_WRITE), VM_NO_SWAP);
        test_check(t);
        world_destroy(&w);
    }
}

/* With fewer clean pages than one instruction may need, they would take each other's frame for ever. */
TEST(reclaim_swap_full_recent_pages_stay)
{
    for (uint32_t k = 0; k < policy_count; k++) {
        struct world w;
        fill_up(t, &w, policy_table[k]->name);
        uint32_t next = replace_by_clean(t, &w, POOL_MIN_LIMIT - 1);
        EXPECT_EQ(t, machine_fault(&w.space, page_va(next), VM_WRITE), VM_NO_SWAP);
        EXPECT(t, page_present(&w.space, 20) && page_present(&w.space, next - 1));
        test_check(t);
        world_destroy(&w);
    }
}

/* Every dirty page stays reachable on a full disk: each swap-in takes the reserve and gives a slot back. */
TEST(reclaim_swap_full_pages_are_exchanged)
{
    for (uint32_t k = 0; k < policy_count; k++) {
        struct world w;
        fill_up(t, &w, policy_table[k]->name);
        for (uint32_t round = 1; round < 5; round++) {
            for (uint32_t i = 0; i < DIRTY; i++) {
                EXPECT(t, stamped(&w, i, round));
                EXPECT_EQ(t, swap_free(), 1);
            }
            for (uint32_t i = 0; i < DIRTY; i++)
                EXPECT_EQ(t, stamp(&w, i, round + 1), VM_OK);
            test_check(t);
        }
        world_destroy(&w);
    }
}

TEST(reclaim_harvests_kept_slots)
{
    enum { POOL = 12, SLOTS = 16 };
    struct world w;
    machine_build(TEST_FRAMES, TEST_RESERVE, SLOTS);
    world_init(&w, "fifo", POOL, 40);
    for (uint32_t i = 0; i < 20; i++)
        EXPECT_EQ(t, stamp(&w, i, 1), VM_OK);
    for (uint32_t i = 0; i < 4; i++)
        EXPECT(t, stamped(&w, i, 1));
    EXPECT_EQ(t, page_kept_slots(), 4);
    EXPECT_EQ(t, swap_free(), 4);
    for (uint32_t i = 20; i < 23; i++)
        EXPECT_EQ(t, stamp(&w, i, 1), VM_OK);
    EXPECT_EQ(t, page_kept_slots(), 4);
    EXPECT_EQ(t, swap_free(), 1);
    EXPECT_EQ(t, stamp(&w, 23, 1), VM_OK); /* needs a slot: the kept ones are given up, one is taken */
    EXPECT_EQ(t, page_kept_slots(), 0);
    EXPECT_EQ(t, swap_free(), 4);
    for (uint32_t i = 0; i < 4; i++) /* no copy is stored any more */
        EXPECT(t, page_present(&w.space, i) && (page_frame(&w.space, i)->flags & FRAME_DIRTY));
    test_check(t);
    for (uint32_t i = 0; i < 24; i++)
        EXPECT(t, stamped(&w, i, 1));
    world_destroy(&w);
}

TEST(reclaim_scarce_slots_are_not_kept)
{
    enum { SLOTS = 16 };
    struct world w;
    machine_build(TEST_FRAMES, TEST_RESERVE, SLOTS);
    world_init(&w, "fifo", LIMIT, 40);
    for (uint32_t i = 0; i < LIMIT + SLOTS - 2; i++)
        EXPECT_EQ(t, stamp(&w, i, 1), VM_OK);
    EXPECT_EQ(t, swap_free(), 2);
    EXPECT(t, stamped(&w, 0, 1)); /* a slot for the victim, and the page's own back */
    EXPECT_EQ(t, page_kept_slots(), 0);
    EXPECT_EQ(t, swap_free(), 2);
    EXPECT(t, page_frame(&w.space, 0)->flags & FRAME_DIRTY); /* or it would be lost when it goes */
    push_out(&w, 1);
    EXPECT(t, stamped(&w, 0, 1));
    world_destroy(&w);
}

/* A disk that has slots, but no room for what is in them: as when there are no slots, the pages that came
 * last stay, and the fault fails rather than that they evict each other for ever. */
static void disk_without_room(struct ktest_run *t, const char *policy)
{
    enum { FRAMES = 12, WRITTEN = 5, PAGES = 40 };
    struct world w;
    uint32_t n = 0;
    world_init(&w, policy, FRAMES, PAGES);
    machine.disk.error = -ENOSPC;
    machine.disk.pass_writes = WRITTEN;
    machine.disk.fail_writes = UINT32_MAX;
    word_load(&w.space, 30); /* clean: it can go */
    while (n < 20 && stamp(&w, n, 1) == VM_OK)
        n++;
    EXPECT_EQ(t, n, FRAMES + WRITTEN);
    EXPECT(t, swap_no_room() && swap_scarce());
    EXPECT_EQ(t, stamp(&w, n, 1), VM_NO_SWAP);
    /* some may have written one of them while the disk still had room */
    bool takes_new =
        strcmp(policy, "random") == 0 || strcmp(policy, "mru") == 0 || strcmp(policy, "lirs") == 0;
    for (uint32_t i = 1; i < POOL_MIN_LIMIT && !takes_new; i++)
        EXPECT(t, page_present(&w.space, n - i) || stranded(&w, n - i));
    test_check(t);
    machine.disk.fail_writes = 0;
    machine.disk.error = 0;
    for (uint32_t i = 0; i < n; i++)
        EXPECT(t, stamped(&w, i, 1));
    EXPECT(t, !swap_no_room());
    world_destroy(&w);
}

TEST(reclaim_disk_without_room)
{
    for (uint32_t i = 0; i < policy_count; i++)
        disk_without_room(t, policy_table[i]->name);
}

/* The pages that came last are the only clean ones: they must not evict each other, however many writes of
 * other pages fail in between. */
TEST(reclaim_disk_without_room_recent_pages_stay)
{
    enum { FRAMES = 12, RECENT = POOL_MIN_LIMIT - 1, STAMPED = FRAMES - RECENT };
    struct world w;
    world_init(&w, "fifo", FRAMES, 30);
    for (uint32_t i = 0; i < STAMPED; i++)
        EXPECT_EQ(t, stamp(&w, i, 1), VM_OK);
    for (uint32_t i = 0; i < RECENT; i++)
        page_touch(&w.space, 20 + i);
    machine.disk.error = -ENOSPC;
    machine.disk.fail_writes = UINT32_MAX;
    EXPECT_EQ(t, machine_fault(&w.space, page_va(29), VM_WRITE), VM_NO_SWAP);
    EXPECT_EQ(t, vmstat.pgsteal, 0);
    test_check(t);
    machine.disk.fail_writes = 0;
    word_store(&w.space, 29, 1);
    world_destroy(&w);
}

/* Copies that the disk can do without make room for pages that are nowhere else. */
TEST(reclaim_disk_without_room_gives_up_copies)
{
    enum { FRAMES = 8 };
    struct world w;
    world_init(&w, "fifo", FRAMES, 20);
    for (uint32_t i = 0; i < FRAMES + 2; i++)
        EXPECT_EQ(t, stamp(&w, i, 1), VM_OK);
    EXPECT(t, stamped(&w, 0, 1)); /* its slot is kept */
    EXPECT_EQ(t, page_kept_slots(), 1);
    machine.disk.error = -ENOSPC;
    machine.disk.fail_writes = 1;
    EXPECT_EQ(t, stamp(&w, 15, 1), VM_OK);
    EXPECT_EQ(t, page_kept_slots(), 0);
    EXPECT_EQ(t, vmstat.swap_error, 1);
    for (uint32_t i = 0; i < FRAMES + 2; i++)
        EXPECT(t, stamped(&w, i, 1));
    world_destroy(&w);
}

TEST(reclaim_without_swap)
{
    struct world w;
    machine_build(TEST_FRAMES, TEST_RESERVE, 0);
    world_init(&w, "clock", LIMIT, 40);
    for (uint32_t i = 0; i < 30; i++)
        page_touch(&w.space, i); /* clean pages come and go */
    for (uint32_t i = 30; i < 30 + LIMIT; i++)
        word_store(&w.space, i, i);
    EXPECT_EQ(t, machine_fault(&w.space, page_va(0), VM_WRITE), VM_NO_SWAP);
    for (uint32_t i = 30; i < 30 + LIMIT; i++)
        EXPECT_EQ(t, word_load(&w.space, i), i);
    test_check(t);
    world_destroy(&w);
}

/* ---- what is true in the middle of a transfer ---- */

static struct {
    struct space *space;
    uint32_t page, calls, wrong;
} watched;

/* The page in transfer is found through its slot, charged, and out of the competition. */
static uint32_t count_wrong(uint32_t block)
{
    struct pte pte = pmap_lookup(&watched.space->pmap, page_va(watched.page));
    const struct frame *f = swap_cached((slot_t){block});
    uint32_t busy = 0;
    for (uint32_t i = 0; i < frame_table_count; i++)
        busy += (frame_table[i].flags & FRAME_BUSY) != 0;
    watched.calls++;
    return (pte.state != PTE_SWAPPED) + (pte.slot.n != block) + (busy != 1) +
           !machine_tlb_check(&test_log.to) +
           (f == NULL || (f->flags & (FRAME_BUSY | FRAME_QUEUED)) != FRAME_BUSY || f->pmap != NULL ||
            f->pool != watched.space->pool) +
           !vm_check(&test_log.to);
}

static void during_transfer(struct disk *d UNUSED, uint32_t block)
{
    watched.wrong += count_wrong(block);
}

TEST(reclaim_state_is_published_before_io)
{
    struct world w;
    world_init(&w, "fifo", LIMIT, 20);
    word_store(&w.space, 0, 1);
    watched.space = &w.space;
    machine.disk.sleep = during_transfer;
    push_out(&w, 10);
    EXPECT_EQ(t, watched.calls, 1);
    EXPECT_EQ(t, word_load(&w.space, 0), 1);
    EXPECT_EQ(t, watched.calls, 2);
    EXPECT_EQ(t, watched.wrong, 0);
    world_destroy(&w);
}

/* ---- several pools, short memory ---- */

TEST(reclaim_pools_do_not_touch_each_other)
{
    struct world a, b;
    world_init(&a, "clock", LIMIT, 40);
    world_init(&b, "fifo", LIMIT, 40);
    b.space.pmap.tag = 2;
    for (uint32_t i = 0; i < LIMIT; i++)
        EXPECT_EQ(t, stamp(&b, i, 1), VM_OK);
    for (uint32_t i = 0; i < 400; i++)
        word_store(&a.space, i * 7 % 40, i);
    EXPECT_EQ(t, b.pool.evictions, 0);
    uint32_t faults = machine.faults;
    for (uint32_t i = 0; i < LIMIT; i++)
        EXPECT(t, stamped(&b, i, 1));
    EXPECT_EQ(t, machine.faults, faults);
    EXPECT_EQ(t, a.pool.evictions, vmstat.pgsteal);
    test_check(t);
    world_destroy(&a);
    world_destroy(&b);
}

TEST(reclaim_short_memory_takes_from_the_largest_pool)
{
    enum { HUGE_LIMIT = 4 * TEST_FRAMES, ROOM = 3 * TEST_FRAMES };
    struct world big, small;
    world_init(&big, "fifo", HUGE_LIMIT, ROOM);
    world_init(&small, "fifo", LIMIT, 10);
    small.space.pmap.tag = 2;
    uint32_t n = 0;
    while (big.pool.evictions == 0)
        page_touch(&big.space, n++);
    EXPECT_EQ(t, buddy_free_frames(), TEST_RESERVE);
    uint32_t resident = big.pool.resident;
    for (uint32_t i = 0; i < LIMIT; i++)
        word_store(&small.space, i, i);
    EXPECT_EQ(t, small.pool.resident, LIMIT);
    EXPECT_EQ(t, small.pool.evictions, 0);
    EXPECT(t, big.pool.resident < resident);
    test_check(t);
    world_destroy(&big);
    world_destroy(&small);
}

TEST(reclaim_log_lines)
{
    struct world w;
    world_init(&w, "clock", LIMIT, 20);
    word_store(&w.space, 0, 1);
    page_touch(&w.space, 1);
    (void)log_configure("+evict");
    push_out(&w, 10);
    EXPECT_HAS(t, &test_log, "evict pid=1 va=0x08048000 frame=0x");
    EXPECT_HAS(t, &test_log, "dirty slot=");
    EXPECT_HAS(t, &test_log, "evict pid=1 va=0x08049000 frame=0x");
    EXPECT_HAS(t, &test_log, "clean slot=none policy=clock");
    world_destroy(&w);
}

static struct frame *pick_nothing(void *state UNUSED)
{
    return NULL;
}

static struct frame *pick_wrong(void *state UNUSED)
{
    return &frame_table[0];
}

TEST(reclaim_notices_a_broken_policy)
{
    struct world w;
    world_init(&w, "fifo", LIMIT, 20);
    for (uint32_t i = 0; i < LIMIT; i++)
        page_touch(&w.space, i);
    struct policy bad = policy_fifo;
    bad.name = "bad";
    w.pool.policy = &bad;
    bad.pick_victim = pick_nothing;
    EXPECT_PANIC(t, "policy bad: picked nothing of 6 pages in pool test", page_touch(&w.space, 10));
    bad.pick_victim = pick_wrong;
    EXPECT_PANIC(t, "which is not pool test's", page_touch(&w.space, 10));
    w.pool.policy = &policy_fifo;
    world_destroy(&w);
}
