/* SPDX-License-Identifier: MIT
 * Tests of copy on write: fork, who copies and who need not, shared slots, and what each process sees
 * afterwards. */
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/rmap.h"
#include "mm/slab.h"
#include "mm/stats.h"
#include "tests/host/pages.h"

enum { LIMIT = 12, RW = VM_READ | VM_WRITE };

static void child_of(struct ktest_run *t, struct space *child, struct space *parent, uint32_t pid)
{
    EXPECT_EQ(t, space_init(child, parent->pool, pid), VM_OK);
    EXPECT_EQ(t, space_fork(child, parent), VM_OK);
    test_check(t);
}

static bool writable(const struct space *s, uint32_t i)
{
    return pmap_lookup(&s->pmap, page_va(i)).writable;
}

/* So many clean pages of s come in that the pool holds nothing else. They start at page 50. */
static void push_out(struct space *s)
{
    for (uint32_t i = 0; i < LIMIT; i++)
        page_touch(s, 50 + i);
}

static void fork_world(struct world *w)
{
    world_init(w, "fifo", LIMIT, 80);
}

TEST(cow_child_shares_until_somebody_writes)
{
    struct world w;
    struct space child;
    fork_world(&w);
    for (uint32_t i = 0; i < 4; i++)
        word_store(&w.space, i, 100 + i);
    child_of(t, &child, &w.space, 2);
    EXPECT_EQ(t, w.pool.resident, 4);
    for (uint32_t i = 0; i < 4; i++) {
        EXPECT(t, page_frame(&child, i) == page_frame(&w.space, i));
        EXPECT(t, !writable(&child, i) && !writable(&w.space, i));
        EXPECT_EQ(t, rmap_count(page_frame(&child, i)), 2);
        EXPECT_EQ(t, word_load(&child, i), 100 + i);
    }
    EXPECT_EQ(t, vmstat.pgfault, 4); /* the child's reads took none */
    word_store(&child, 0, 200);
    EXPECT_EQ(t, machine.last.kase, CASE_COW);
    EXPECT(t, strcmp(machine.last.what, "cow") == 0);
    word_store(&w.space, 1, 300);
    EXPECT(t, strcmp(machine.last.what, "cow") == 0);
    EXPECT_EQ(t, w.pool.resident, 6);
    EXPECT_EQ(t, word_load(&w.space, 0), 100);
    EXPECT_EQ(t, word_load(&child, 0), 200);
    EXPECT_EQ(t, word_load(&w.space, 1), 300);
    EXPECT_EQ(t, word_load(&child, 1), 101);
    test_check(t);
    space_destroy(&child);
    world_destroy(&w);
}

/* The whole page is copied, not the word. */
TEST(cow_copies_the_whole_page)
{
    struct world w;
    struct space child;
    enum vm_result r;
    fork_world(&w);
    EXPECT_EQ(t, page_stamp(&w.space, page_va(0), 1), VM_OK);
    child_of(t, &child, &w.space, 1);
    word_store(&child, 0, 5);
    EXPECT(t, page_stamped(&w.space, page_va(0), 1, &r));
    word_store(&child, 0, stamp_of(1, page_va(0), 1));
    EXPECT(t, page_stamped(&child, page_va(0), 1, &r));
    space_destroy(&child);
    world_destroy(&w);
}

/* Who is left alone with a page writes it where it is. */
TEST(cow_last_owner_reuses_the_frame)
{
    for (int child_first = 0; child_first <= 1; child_first++) {
        struct world w;
        struct space child;
        fork_world(&w);
        word_store(&w.space, 0, 1);
        child_of(t, &child, &w.space, 2);
        struct frame *f = page_frame(&w.space, 0);
        uint32_t reused = vmstat.pgreuse;
        struct space *first = child_first ? &child : &w.space, *second = child_first ? &w.space : &child;
        word_store(first, 0, 2);
        EXPECT(t, page_frame(first, 0) != f && writable(first, 0));
        EXPECT_EQ(t, vmstat.pgreuse, reused);
        EXPECT(t, page_frame(second, 0) == f && !writable(second, 0));
        word_store(second, 0, 3);
        EXPECT(t, page_frame(second, 0) == f && writable(second, 0));
        EXPECT_EQ(t, vmstat.pgreuse, reused + 1);
        EXPECT_EQ(t, machine.last.kase, CASE_COW);
        EXPECT(t, strcmp(machine.last.what, "reuse") == 0);
        EXPECT_EQ(t, w.pool.resident, 2);
        EXPECT_EQ(t, word_load(first, 0), 2);
        test_check(t);
        space_destroy(&child);
        world_destroy(&w);
    }
}

TEST(cow_either_exits_first)
{
    for (int child_first = 0; child_first <= 1; child_first++) {
        struct pool pool;
        struct space parent, child;
        enum vm_result r;
        EXPECT_EQ(t, pool_init(&pool, "test", &policy_fifo, LIMIT, 1), VM_OK);
        EXPECT_EQ(t, space_init(&parent, &pool, 1), VM_OK);
        pages_map(&parent, 0, 20, RW);
        for (uint32_t i = 0; i < 6; i++)
            EXPECT_EQ(t, page_stamp(&parent, page_va(i), 1), VM_OK);
        for (uint32_t i = 0; i < 2; i++) /* two of them are in swap */
            EXPECT_EQ(t, pool_evict(&pool, SWAP_NORMAL), VM_OK);
        child_of(t, &child, &parent, 1);
        EXPECT_EQ(t, page_stamp(&child, page_va(5), 2), VM_OK);
        struct space *gone = child_first ? &child : &parent, *left = child_first ? &parent : &child;
        space_destroy(gone);
        test_check(t);
        EXPECT_EQ(t, pool.resident, 4);
        EXPECT_EQ(t, swap_free(), TEST_SLOTS - 2);
        for (uint32_t i = 0; i < 6; i++)
            EXPECT(t, page_stamped(left, page_va(i), i == 5 && !child_first ? 2 : 1, &r));
        uint32_t reused = vmstat.pgreuse;
        for (uint32_t i = 0; i < 5; i++)
            EXPECT_EQ(t, page_stamp(left, page_va(i), 3), VM_OK);
        EXPECT_EQ(t, vmstat.pgreuse, reused + 3); /* 2, 3, 4; 0 and 1 came back writable */
        space_destroy(left);
        pool_destroy(&pool);
    }
}

/* The dirty bit is in the parent's PTE only. When that PTE goes, by unmapping or by a copy, the page that the
 * child still has must not count as clean: it is stored nowhere. */
TEST(cow_dirty_survives_the_sharer_who_knew)
{
    for (int by_write = 0; by_write <= 1; by_write++) {
        struct world w;
        struct space child;
        fork_world(&w);
        word_store(&w.space, 0, 4711);
        child_of(t, &child, &w.space, 2);
        EXPECT(t, !pmap_lookup(&child.pmap, page_va(0)).dirty);
        struct frame *f = page_frame(&child, 0);
        if (by_write)
            word_store(&w.space, 0, 1);
        else
            EXPECT_EQ(t, space_unmap(&w.space, page_va(0), PAGE_SIZE), VM_OK);
        EXPECT(t, page_frame(&child, 0) == f && rmap_count(f) == 1);
        EXPECT(t, (f->flags & FRAME_DIRTY) || rmap_dirty(f));
        push_out(&w.space);
        EXPECT(t, page_swapped(&child, 0));
        EXPECT_EQ(t, word_load(&child, 0), 4711);
        space_destroy(&child);
        world_destroy(&w);
    }
}

TEST(cow_page_goes_out_once_and_is_read_once)
{
    struct world w;
    struct space child, grandchild;
    fork_world(&w);
    word_store(&w.space, 0, 7);
    child_of(t, &child, &w.space, 2);
    child_of(t, &grandchild, &child, 3);
    push_out(&w.space);
    slot_t s = page_slot(&w.space, 0);
    REQUIRE(t, slot_valid(s));
    EXPECT_EQ(t, machine.disk.writes, 1);
    EXPECT_EQ(t, swap_refs(s), 3);
    EXPECT(t, page_slot(&child, 0).n == s.n && page_slot(&grandchild, 0).n == s.n);
    EXPECT_EQ(t, word_load(&child, 0), 7);
    EXPECT(t, machine.last.major && strcmp(machine.last.what, "swap-in") == 0);
    EXPECT(t, !writable(&child, 0)); /* the others hold the slot */
    EXPECT_EQ(t, swap_refs(s), 3);   /* two PTEs and the frame */
    EXPECT_EQ(t, word_load(&w.space, 0), 7);
    EXPECT(t, !machine.last.major && strcmp(machine.last.what, "swap-cache") == 0);
    EXPECT_EQ(t, machine.last.kase, CASE_SWAPPED);
    EXPECT_EQ(t, word_load(&grandchild, 0), 7);
    EXPECT_EQ(t, machine.disk.reads, 1);
    EXPECT_EQ(t, vmstat.pgmajfault, 1);
    EXPECT_EQ(t, vmstat.fault_swap, 3);
    EXPECT(t, page_frame(&child, 0) == page_frame(&w.space, 0));
    EXPECT_EQ(t, swap_refs(s), 1);
    EXPECT_EQ(t, rmap_count(page_frame(&child, 0)), 3);
    test_check(t);
    space_destroy(&grandchild);
    space_destroy(&child);
    world_destroy(&w);
}

/* The page came back for one of two; the other one's PTE still holds the slot. */
TEST(cow_write_to_a_page_whose_slot_others_hold)
{
    struct world w;
    struct space child;
    enum vm_result r;
    fork_world(&w);
    EXPECT_EQ(t, page_stamp(&w.space, page_va(0), 1), VM_OK);
    child_of(t, &child, &w.space, 1);
    push_out(&w.space);
    slot_t s = page_slot(&child, 0);
    REQUIRE(t, slot_valid(s) && swap_refs(s) == 2);
    EXPECT_EQ(t, page_stamp(&w.space, page_va(0), 2), VM_OK); /* case 4 and then case 5 */
    EXPECT(t, writable(&w.space, 0));
    EXPECT_EQ(t, vmstat.pgreuse, 1); /* the slot has the old content: no copy in memory is needed */
    EXPECT_EQ(t, swap_refs(s), 1);
    EXPECT(t, swap_cached(s) == NULL && !slot_valid(page_frame(&w.space, 0)->slot));
    EXPECT(t, page_frame(&w.space, 0)->flags & FRAME_DIRTY);
    test_check(t);
    push_out(&w.space);
    EXPECT(t, page_slot(&w.space, 0).n != s.n);
    EXPECT(t, page_stamped(&child, page_va(0), 1, &r));
    EXPECT(t, page_stamped(&w.space, page_va(0), 2, &r));
    space_destroy(&child);
    world_destroy(&w);
}

/* The same when the write had failed: the slot was never written, so its other holders need the frame. */
TEST(cow_write_to_a_page_whose_slot_was_never_written)
{
    struct world w;
    struct space child;
    enum vm_result r;
    fork_world(&w);
    EXPECT_EQ(t, page_stamp(&w.space, page_va(0), 1), VM_OK);
    child_of(t, &child, &w.space, 1);
    struct frame *f = page_frame(&child, 0);
    machine.disk.fail_writes = 2; /* the try, and the last resort's */
    EXPECT_EQ(t, pool_evict(&w.pool, SWAP_NORMAL), VM_IO_ERROR);
    EXPECT_EQ(t, page_stamp(&w.space, page_va(0), 2), VM_OK);
    EXPECT(t, page_frame(&w.space, 0) != f);
    EXPECT_EQ(t, swap_refs(f->slot), 2);
    EXPECT_EQ(t, vmstat.pgreuse, 0);
    test_check(t);
    EXPECT(t, page_stamped(&child, page_va(0), 1, &r));
    EXPECT(t, page_frame(&child, 0) == f);
    EXPECT_EQ(t, machine.disk.reads, 0);
    space_destroy(&child);
    world_destroy(&w);
}

/* Every page of three generations, each written by one of them, through several rounds of eviction. */
TEST(cow_three_generations)
{
    enum { PAGES = 12 };
    struct world w;
    struct space more[2], *all[3] = {&w.space, &more[0], &more[1]};
    uint32_t want[3][PAGES];
    fork_world(&w);
    for (uint32_t i = 0; i < PAGES; i++)
        word_store(&w.space, i, want[0][i] = 1000 + i);
    for (uint32_t g = 1; g < 3; g++) {
        child_of(t, all[g], all[g - 1], g + 1);
        memcpy(want[g], want[g - 1], sizeof want[g]);
        for (uint32_t i = g; i < PAGES; i += 3)
            word_store(all[g - 1], i, want[g - 1][i] = g * 10000 + i);
    }
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t g = 0; g < 3; g++)
            for (uint32_t i = 0; i < PAGES; i++)
                EXPECT_EQ(t, word_load(all[g], i), want[g][i]);
        test_check(t);
        push_out(&w.space);
        for (uint32_t g = 0; g < 3; g++)
            for (uint32_t i = round; i < PAGES; i += 4)
                word_store(all[g], i, want[g][i] += 7);
    }
    space_destroy(&more[0]); /* the one in the middle */
    for (uint32_t g = 0; g < 3; g += 2)
        for (uint32_t i = 0; i < PAGES; i++)
            EXPECT_EQ(t, word_load(all[g], i), want[g][i]);
    test_check(t);
    space_destroy(&more[1]);
    world_destroy(&w);
}

TEST(cow_fork_copies_what_it_should)
{
    struct world w;
    struct space child;
    uint32_t v = 1;
    world_init(&w, "fifo", LIMIT, 0);
    struct space *s = &w.space;
    struct object *o = object_create("shared", PAGE_SIZE);
    REQUIRE(t, o != NULL);
    EXPECT_EQ(t, pages_region(s, 0, 2, RW, 0, NULL), VM_OK);
    EXPECT_EQ(t, pages_region(s, 4, 2, RW, REGION_DONTFORK, NULL), VM_OK);
    EXPECT_EQ(t, pages_region(s, 8, 2, RW, REGION_LOCKED, NULL), VM_OK);
    EXPECT_EQ(t, pages_region(s, 12, 1, RW, REGION_SHARED, o), VM_OK);
    EXPECT_EQ(t, pages_region(s, 16, 2, VM_READ, 0, NULL), VM_OK);
    s->brk_start = page_va(20);
    s->brk = page_va(20) + 5;
    s->stack_limit = 17 * PAGE_SIZE;
    static const uint32_t written[] = {0, 4, 8, 12};
    for (size_t i = 0; i < ARRAY_SIZE(written); i++)
        word_store(s, written[i], 50 + written[i]);
    word_load(s, 1);
    word_load(s, 16);
    child_of(t, &child, s, 2);
    EXPECT_EQ(t, child.regions.count, 4);
    EXPECT_EQ(t, child.locked, 0);
    EXPECT_EQ(t, s->locked, 2);
    EXPECT(t, child.brk_start == s->brk_start && child.brk == s->brk && child.map_top == s->map_top &&
                  child.stack_limit == s->stack_limit);
    EXPECT(t, !(region_find(&child.regions, page_va(8))->flags & REGION_LOCKED));
    EXPECT_EQ(t, machine_access(&child, page_va(4), VM_READ, &v), VM_NO_REGION);
    EXPECT_EQ(t, machine_access(&child, page_va(16), VM_WRITE, &v), VM_FORBIDDEN);
    word_store(&child, 12, 99); /* shared stays shared */
    EXPECT_EQ(t, word_load(s, 12), 99);
    EXPECT_EQ(t, word_load(&child, 8), 58);
    word_store(&child, 8, 1);
    EXPECT_EQ(t, word_load(s, 8), 58);
    word_store(s, 8, 2); /* locked: the copy is wired, or what is left of sharing */
    EXPECT_EQ(t, page_frame(s, 8)->wired, 1);
    EXPECT_EQ(t, page_frame(&child, 8)->wired, 0);
    EXPECT_EQ(t, o->refs, 3);
    test_check(t);
    space_destroy(&child);
    EXPECT_EQ(t, o->refs, 2);
    object_unref(o);
    world_destroy(&w);
}

TEST(cow_locked_page_is_copied_and_its_copy_is_wired)
{
    struct world w;
    struct space child;
    world_init(&w, "fifo", LIMIT, 0);
    EXPECT_EQ(t, pages_region(&w.space, 0, 2, RW, REGION_LOCKED, NULL), VM_OK);
    word_store(&w.space, 0, 1);
    EXPECT_EQ(t, w.pool.wired, 1);
    child_of(t, &child, &w.space, 2);
    struct frame *f = page_frame(&child, 0);
    word_store(&w.space, 0, 2);
    EXPECT_EQ(t, f->wired, 0);
    EXPECT(t, f->flags & FRAME_QUEUED);
    EXPECT_EQ(t, page_frame(&w.space, 0)->wired, 1);
    EXPECT_EQ(t, w.pool.wired, 1);
    EXPECT_EQ(t, word_load(&child, 0), 1);
    test_check(t);
    space_destroy(&child);
    world_destroy(&w);
}

TEST(cow_page_of_zeros_is_never_written)
{
    struct world w;
    struct space child;
    fork_world(&w);
    for (uint32_t i = 0; i < 5; i++)
        word_load(&w.space, i);
    child_of(t, &child, &w.space, 2);
    EXPECT_EQ(t, pmap_lookup(&child.pmap, page_va(0)).state, PTE_NONE);
    EXPECT_EQ(t, w.pool.resident, 0);
    word_store(&child, 0, 1);
    word_store(&w.space, 1, 1);
    uint32_t v = 3;
    EXPECT_EQ(t, space_copy_out(&w.space, page_va(2), &v, sizeof v), VM_OK);
    EXPECT_EQ(t, space_protect(&w.space, page_va(3), PAGE_SIZE, VM_READ), VM_OK);
    EXPECT_EQ(t, space_protect(&w.space, page_va(3), PAGE_SIZE, RW), VM_OK);
    EXPECT(t, !writable(&w.space, 3));
    word_store(&w.space, 3, 1);
    const uint32_t *zeros = frame_ptr(zero_frame);
    for (uint32_t i = 0; i < PAGE_SIZE / sizeof *zeros; i++)
        REQUIRE(t, zeros[i] == 0);
    EXPECT_EQ(t, word_load(&w.space, 0), 0);
    EXPECT_EQ(t, word_load(&child, 1), 0);
    EXPECT_EQ(t, word_load(&w.space, 2), 3);
    EXPECT_EQ(t, space_unmap(&w.space, page_va(4), PAGE_SIZE), VM_OK);
    EXPECT_EQ(t, zero_frame->kind, FRAME_KERNEL);
    test_check(t);
    space_destroy(&child);
    world_destroy(&w);
}

/* Rights that change while a page is shared do not let anybody write it. */
TEST(cow_protect_keeps_shared_pages_read_only)
{
    struct world w;
    struct space child;
    fork_world(&w);
    for (uint32_t i = 0; i < 2; i++)
        word_store(&w.space, i, 10 + i);
    child_of(t, &child, &w.space, 2);
    EXPECT_EQ(t, space_protect(&child, page_va(0), 2 * PAGE_SIZE, 0), VM_OK);
    EXPECT_EQ(t, space_protect(&child, page_va(0), 2 * PAGE_SIZE, RW), VM_OK);
    EXPECT(t, !writable(&child, 0) && !writable(&child, 1));
    word_store(&child, 0, 1);
    EXPECT_EQ(t, word_load(&w.space, 0), 10);
    EXPECT_EQ(t, space_protect(&w.space, page_va(0), 2 * PAGE_SIZE, VM_READ), VM_OK);
    EXPECT_EQ(t, space_protect(&w.space, page_va(0), 2 * PAGE_SIZE, RW), VM_OK);
    EXPECT(t, writable(&w.space, 0) && !writable(&w.space, 1)); /* 0 is its own again */
    test_check(t);
    space_destroy(&child);
    world_destroy(&w);
}

TEST(cow_kernel_writes_copy_too)
{
    struct world w;
    struct space child;
    uint32_t v = 8;
    fork_world(&w);
    word_store(&w.space, 0, 7);
    word_store(&w.space, 1, 7);
    child_of(t, &child, &w.space, 2);
    EXPECT_EQ(t, space_copy_out(&child, page_va(0), &v, sizeof v), VM_OK);
    EXPECT_EQ(t, word_load(&w.space, 0), 7);
    push_out(&w.space);
    EXPECT_EQ(t, space_copy_out(&child, page_va(1), &v, sizeof v), VM_OK); /* read back shared first */
    EXPECT_EQ(t, word_load(&w.space, 1), 7);
    EXPECT_EQ(t, word_load(&child, 1), 8);
    space_destroy(&child);
    world_destroy(&w);
}

/* ---- short memory ---- */

static struct frame *hoard[2 * TEST_FRAMES];

static uint32_t take_all(void)
{
    uint32_t n = 0;
    while ((hoard[n] = buddy_alloc(0, ALLOC_KERNEL)) != NULL)
        n++;
    return n;
}

TEST(cow_fork_evicts_when_tables_are_short)
{
    struct world w;
    struct space child;
    fork_world(&w);
    for (uint32_t i = 0; i < 8; i++)
        word_store(&w.space, i, i);
    EXPECT_EQ(t, space_init(&child, &w.pool, 2), VM_OK);
    uint32_t n = take_all();
    EXPECT_EQ(t, space_fork(&child, &w.space), VM_OK);
    EXPECT(t, vmstat.pgsteal > 0);
    while (n > 0)
        buddy_free(hoard[--n]);
    test_check(t);
    for (uint32_t i = 0; i < 8; i++)
        EXPECT(t, word_load(&child, i) == i && word_load(&w.space, i) == i);
    space_destroy(&child);
    world_destroy(&w);
}

/* At every point where memory may run out: the parent keeps all it had, and nothing is lost. */
TEST(cow_fork_that_fails_leaves_no_trace)
{
    bool done = false;
    for (uint32_t spare = 0; !done && spare < 40; spare++) {
        struct world w;
        struct space child;
        machine_build(TEST_FRAMES, TEST_RESERVE, 0); /* nothing can be evicted */
        world_init(&w, "fifo", 400, 0);
        for (uint32_t i = 0; i < 6; i++) {
            pages_map(&w.space, i * 3000, 40, i % 2 ? RW : RW | VM_EXEC);
            for (uint32_t k = 0; k < 40; k++)
                word_store(&w.space, i * 3000 + k, i + k);
        }
        EXPECT_EQ(t, space_init(&child, &w.pool, 2), VM_OK);
        void *beside = kmalloc(sizeof(uint32_t)); /* so that the check finds heap */
        uint32_t n = take_all(), regions = w.space.regions.count;
        for (uint32_t i = 0; i < spare; i++)
            buddy_free(hoard[--n]);
        done = space_fork(&child, &w.space) == VM_OK;
        test_check(t);
        space_destroy(&child);
        slab_reap();
        EXPECT_EQ(t, buddy_free_frames(), spare + 1); /* the child's directory */
        EXPECT_EQ(t, w.space.regions.count, regions);
        for (uint32_t i = 0; i < 6; i++) {
            for (uint32_t k = 0; k < 40; k += 13) {
                EXPECT_EQ(t, word_load(&w.space, i * 3000 + k), i + k);
                word_store(&w.space, i * 3000 + k, 9);
            }
        }
        EXPECT_EQ(t, buddy_free_frames(), spare + 1); /* written where they are */
        while (n > 0)
            buddy_free(hoard[--n]);
        test_check(t);
        kfree(beside);
        world_destroy(&w);
        if (t->failures > 0)
            return;
    }
    EXPECT(t, done); /* with enough memory it works, so failures before were of every kind */
}
