/* SPDX-License-Identifier: MIT
 * Tests of what happens while a process sleeps in a transfer: others fault on the page, fork, exit, cut the
 * object, or find every page of the pool on its way. Every disk transfer lets the other fibers run, and one
 * of them checks every invariant each time. */
#include "lib/panic.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/stats.h"
#include "tests/host/fiber.h"
#include "tests/host/pages.h"

enum { LIMIT = 6, RW = VM_READ | VM_WRITE, SEEDS = 20 };

static void sleep_in_transfer(struct disk *d UNUSED, uint32_t block UNUSED)
{
    fiber_yield();
}

static void checker(void *arg)
{
    struct ktest_run *t = arg;
    for (;;) {
        test_check(t);
        fiber_yield();
    }
}

/* Runs what was started, under the checker's eyes, each transfer asleep. */
static void run(struct ktest_run *t, uint32_t seed)
{
    machine.disk.sleep = sleep_in_transfer;
    fiber_start_daemon(checker, t);
    fibers_run(seed);
    machine.disk.sleep = NULL;
    test_check(t);
}

/* What a fiber does: one access to one page, and what came of it. */
struct access {
    struct space *space;
    uint32_t page, value; /* stored, or loaded */
    enum vm_prot access;
    enum vm_result result;
    bool major, done;
};

static void do_access(void *arg)
{
    struct access *a = arg;
    a->result = machine_access(a->space, page_va(a->page), a->access, &a->value);
    a->major = machine.last.major;
    a->done = true;
}

static void start_load(struct access *a, struct space *s, uint32_t page)
{
    *a = (struct access){.space = s, .page = page, .access = VM_READ};
    fiber_start(do_access, a);
}

static void start_store(struct access *a, struct space *s, uint32_t page, uint32_t value)
{
    *a = (struct access){.space = s, .page = page, .access = VM_WRITE, .value = value};
    fiber_start(do_access, a);
}

/* Two spaces in one pool, the second forked from the first when it had written `pages` pages. */
struct family {
    struct world w;
    struct space child;
};

static void family_init(struct ktest_run *t, struct family *f, uint32_t pages)
{
    world_init(&f->w, "fifo", LIMIT, 60);
    for (uint32_t i = 0; i < pages; i++)
        word_store(&f->w.space, i, 100 + i);
    EXPECT_EQ(t, space_init(&f->child, &f->w.pool, 2), VM_OK);
    EXPECT_EQ(t, space_fork(&f->child, &f->w.space), VM_OK);
}

static void family_destroy(struct family *f)
{
    space_destroy(&f->child);
    world_destroy(&f->w);
}

static void evict_all(struct ktest_run *t, struct pool *p)
{
    while (p->queued > 0)
        EXPECT_EQ(t, pool_evict(p, SWAP_NORMAL), VM_OK);
}

TEST(sleep_two_fault_on_a_page_that_is_read)
{
    struct family f;
    struct access a, b;
    family_init(t, &f, 1);
    evict_all(t, &f.w.pool);
    start_load(&a, &f.w.space, 0);
    start_load(&b, &f.child, 0);
    run(t, 0);
    EXPECT(t, a.result == VM_OK && b.result == VM_OK && a.value == 100 && b.value == 100);
    EXPECT_EQ(t, machine.waits, 1);
    EXPECT_EQ(t, machine.disk.reads, 1);
    EXPECT(t, a.major && !b.major);
    EXPECT_EQ(t, vmstat.pgmajfault, 1);
    EXPECT(t, page_frame(&f.w.space, 0) == page_frame(&f.child, 0));
    family_destroy(&f);
}

/* The read fails for the first; the second one waited, and tries for itself. */
TEST(sleep_read_fails_while_another_waits)
{
    struct family f;
    struct access a, b;
    family_init(t, &f, 1);
    evict_all(t, &f.w.pool);
    machine.disk.fail_reads = 1;
    start_load(&a, &f.w.space, 0);
    start_load(&b, &f.child, 0);
    run(t, 0);
    EXPECT_EQ(t, a.result, VM_IO_ERROR);
    EXPECT(t, b.result == VM_OK && b.value == 100 && b.major);
    EXPECT_EQ(t, machine.waits, 1);
    family_destroy(&f);
}

TEST(sleep_fault_on_a_page_that_is_written)
{
    for (int fails = 0; fails <= 1; fails++) {
        struct family f;
        struct access a, b;
        uint32_t reads = machine.disk.reads, waits = machine.waits;
        family_init(t, &f, LIMIT);
        machine.disk.fail_writes = (uint32_t)fails;
        start_store(&a, &f.w.space, 30, 1); /* page 0 goes */
        start_load(&b, &f.child, 0);        /* ... and is wanted */
        run(t, 0);
        EXPECT(t, a.result == VM_OK && b.result == VM_OK && b.value == 100);
        EXPECT(t, machine.waits > waits);
        EXPECT_EQ(t, machine.disk.reads - reads, !fails); /* it stays if it cannot be written */
        EXPECT_EQ(t, word_load(&f.w.space, 0), 100);
        family_destroy(&f);
    }
}

static void exit_space(void *space)
{
    space_destroy(space);
}

/* Somebody evicts the page of a process that exits meanwhile. Whether the write succeeds does not matter. */
TEST(sleep_owner_exits_while_its_page_is_written)
{
    for (int fails = 0; fails <= 1; fails++) {
        struct world w;
        struct space owner;
        struct access a;
        world_init(&w, "fifo", LIMIT, 60);
        EXPECT_EQ(t, space_init(&owner, &w.pool, 2), VM_OK);
        pages_map(&owner, 0, 10, RW);
        for (uint32_t i = 0; i < LIMIT; i++)
            word_store(&owner, i, i);
        machine.disk.fail_writes = (uint32_t)fails;
        start_store(&a, &w.space, 0, 5);
        fiber_start(exit_space, &owner);
        run(t, 0);
        EXPECT_EQ(t, a.result, VM_OK);
        EXPECT_EQ(t, w.pool.resident, 1);
        EXPECT_EQ(t, swap_free(), TEST_SLOTS);
        EXPECT_EQ(t, page_kept_slots(), 0);
        EXPECT_EQ(t, machine.disk.fail_writes, 0);
        world_destroy(&w);
    }
}

/* The same for a whole cluster, whose frames go to the free list. */
static void evict_three(void *pool)
{
    struct frame *victims[3];
    struct pool *p = pool;
    enum vm_result why = VM_OK;
    uint32_t n = 0;
    for (uint32_t i = 0; i < frame_table_count && n < 3; i++)
        if (frame_table[i].pool == p && (frame_table[i].flags & FRAME_QUEUED))
            victims[n++] = &frame_table[i];
    if (evict_pages(victims, n, SWAP_NORMAL, &why) != 3)
        panic("three should have gone");
}

TEST(sleep_owner_exits_while_a_cluster_is_written)
{
    for (int fails = 0; fails <= 1; fails++) {
        struct world w;
        struct space owner;
        world_init(&w, "fifo", LIMIT, 0);
        EXPECT_EQ(t, space_init(&owner, &w.pool, 2), VM_OK);
        pages_map(&owner, 0, 10, RW);
        for (uint32_t i = 0; i < LIMIT; i++)
            word_store(&owner, i, i);
        machine.disk.fail_writes = (uint32_t)fails;
        fiber_start(evict_three, &w.pool);
        fiber_start(exit_space, &owner);
        run(t, 0);
        EXPECT_EQ(t, w.pool.resident, 0);
        EXPECT_EQ(t, swap_free(), TEST_SLOTS);
        world_destroy(&w);
    }
}

struct forking {
    struct space *parent, *child;
    enum vm_result result;
};

static void fork_space(void *arg)
{
    struct forking *f = arg;
    f->result = space_init(f->child, f->parent->pool, 3);
    if (f->result == VM_OK)
        f->result = space_fork(f->child, f->parent);
}

TEST(sleep_fork_while_a_page_is_written)
{
    for (int fails = 0; fails <= 1; fails++) {
        struct world w;
        struct space owner, child;
        struct access a;
        world_init(&w, "fifo", LIMIT, 60);
        EXPECT_EQ(t, space_init(&owner, &w.pool, 2), VM_OK);
        pages_map(&owner, 0, 10, RW);
        for (uint32_t i = 0; i < LIMIT; i++)
            word_store(&owner, i, 40 + i);
        machine.disk.fail_writes = (uint32_t)fails;
        struct forking f = {&owner, &child, VM_INVALID};
        start_store(&a, &w.space, 0, 5);
        fiber_start(fork_space, &f);
        run(t, 0);
        EXPECT(t, a.result == VM_OK && f.result == VM_OK);
        word_store(&owner, 0, 1);
        EXPECT_EQ(t, word_load(&child, 0), 40);
        space_destroy(&owner);
        for (uint32_t i = 0; i < LIMIT; i++)
            EXPECT_EQ(t, word_load(&child, i), 40 + i);
        space_destroy(&child);
        world_destroy(&w);
    }
}

/* More processes than frames, each of which wants one: all frames are on their way, and some must wait. */
TEST(sleep_pool_full_of_busy_pages)
{
    enum { PROCESSES = 12 };
    for (uint32_t seed = 0; seed < SEEDS && t->failures == 0; seed++) {
        struct world w;
        struct space s[PROCESSES];
        struct access a[PROCESSES];
        world_init(&w, "clock", LIMIT, 60);
        for (uint32_t i = 0; i < PROCESSES; i++) {
            EXPECT_EQ(t, space_init(&s[i], &w.pool, 2 + i), VM_OK);
            pages_map(&s[i], 0, 4, RW);
            word_store(&s[i], 0, i);
            word_store(&s[i], 1, i * 2);
        }
        for (uint32_t i = 0; i < PROCESSES; i++) {
            if (i % 2)
                start_load(&a[i], &s[i], 0);
            else
                start_store(&a[i], &s[i], 2, 7);
        }
        run(t, seed);
        for (uint32_t i = 0; i < PROCESSES; i++) {
            EXPECT_EQ(t, a[i].result, VM_OK);
            EXPECT_EQ(t, word_load(&s[i], 0), i);
            EXPECT_EQ(t, word_load(&s[i], 1), i * 2);
            EXPECT_EQ(t, word_load(&s[i], 2), i % 2 ? 0 : 7);
        }
        for (uint32_t i = 0; i < PROCESSES; i++)
            space_destroy(&s[i]);
        world_destroy(&w);
    }
    EXPECT(t, machine.waits > SEEDS);
}

/* ---- objects ---- */

struct cut {
    struct object *object;
    struct pool *pool;
    uint32_t length;
    enum vm_result result;
};

static void cut_object(void *arg)
{
    struct cut *c = arg;
    c->result = object_resize(c->object, c->pool, c->length);
}

/* An object of four pages that both spaces map: the first shared, the second privately from page 20 on. */
static struct object *object_world(struct ktest_run *t, struct family *f)
{
    family_init(t, f, 0);
    struct object *o = object_create("shared", 4 * PAGE_SIZE);
    ASSERT(o != NULL, "no object");
    EXPECT_EQ(t, space_unmap(&f->w.space, page_va(0), 4 * PAGE_SIZE), VM_OK);
    EXPECT_EQ(t, space_unmap(&f->child, page_va(20), 4 * PAGE_SIZE), VM_OK);
    EXPECT_EQ(t, pages_region(&f->w.space, 0, 4, RW, REGION_SHARED, o), VM_OK);
    EXPECT_EQ(t, pages_region(&f->child, 20, 4, RW, 0, o), VM_OK);
    return o;
}

/* A process reads its private copy back from swap while the object is cut: the copy is gone. */
TEST(sleep_object_is_cut_while_a_private_copy_is_read)
{
    struct family f;
    struct access a;
    struct object *o = object_world(t, &f);
    word_store(&f.child, 20, 1);
    evict_all(t, &f.w.pool);
    struct cut c = {o, &f.w.pool, 0, VM_INVALID};
    start_load(&a, &f.child, 20);
    fiber_start(cut_object, &c);
    run(t, 0);
    EXPECT_EQ(t, c.result, VM_OK);
    EXPECT_EQ(t, a.result, VM_BEYOND);
    EXPECT_EQ(t, f.w.pool.resident, 0);
    EXPECT_EQ(t, swap_free(), TEST_SLOTS);
    object_unref(o);
    family_destroy(&f);
}

TEST(sleep_object_is_cut_while_its_page_is_read)
{
    struct family f;
    struct access a, b;
    struct object *o = object_world(t, &f);
    word_store(&f.w.space, 0, 1);
    evict_all(t, &f.w.pool);
    EXPECT_EQ(t, o->swapped, 1);
    struct cut c = {o, &f.w.pool, 0, VM_INVALID};
    start_load(&a, &f.w.space, 0);
    start_store(&b, &f.child, 20, 9); /* waits for it, to copy it */
    fiber_start(cut_object, &c);
    run(t, 0);
    EXPECT_EQ(t, c.result, VM_OK);
    EXPECT(t, a.result == VM_BEYOND && b.result == VM_BEYOND);
    EXPECT_EQ(t, f.w.pool.resident, 0);
    EXPECT_EQ(t, swap_free(), TEST_SLOTS);
    object_unref(o);
    family_destroy(&f);
}

TEST(sleep_object_is_cut_while_its_page_is_written)
{
    for (int fails = 0; fails <= 1; fails++) {
        struct family f;
        struct access a;
        struct object *o = object_world(t, &f);
        word_store(&f.w.space, 0, 1);
        for (uint32_t i = 30; i < 30 + LIMIT - 1; i++)
            word_store(&f.w.space, i, i);
        machine.disk.fail_writes = (uint32_t)fails;
        struct cut c = {o, &f.w.pool, 0, VM_INVALID};
        start_store(&a, &f.w.space, 40, 1);
        fiber_start(cut_object, &c);
        run(t, 0);
        EXPECT(t, c.result == VM_OK && a.result == VM_OK);
        EXPECT(t, o->resident == 0 && o->swapped == 0);
        EXPECT_EQ(t, swap_free(), TEST_SLOTS);
        EXPECT_EQ(t, f.w.pool.resident, LIMIT);
        object_unref(o);
        family_destroy(&f);
    }
}

/* Two bring in the same page of an object; the second one finds it. */
TEST(sleep_two_want_the_same_page_of_an_object)
{
    for (uint32_t seed = 0; seed < SEEDS && t->failures == 0; seed++) {
        struct family f;
        struct access a, b;
        struct object *o = object_world(t, &f);
        word_store(&f.w.space, 0, 77);
        evict_all(t, &f.w.pool);
        for (uint32_t i = 40; i < 40 + LIMIT; i++) /* so that a frame costs a write */
            word_store(&f.w.space, i, i);
        uint32_t reads = machine.disk.reads;
        start_load(&a, &f.w.space, 0);
        start_load(&b, &f.child, 20);
        run(t, seed);
        EXPECT(t, a.result == VM_OK && b.result == VM_OK && a.value == 77 && b.value == 77);
        EXPECT_EQ(t, machine.disk.reads, reads + 1);
        EXPECT_EQ(t, o->resident, 1);
        object_unref(o);
        family_destroy(&f);
    }
}

/* ---- read-ahead ---- */

/* The page that another process's fault reads ahead is wanted before it is there. */
TEST(sleep_fault_on_a_page_that_is_read_ahead)
{
    struct family f;
    struct access a, b;
    family_init(t, &f, 4);
    evict_all(t, &f.w.pool);
    swap_readahead = 4;
    start_load(&a, &f.w.space, 0);
    start_load(&b, &f.child, 1);
    run(t, 0);
    EXPECT(t, a.result == VM_OK && b.result == VM_OK && a.value == 100 && b.value == 101);
    EXPECT_EQ(t, machine.waits, 1);
    EXPECT_EQ(t, machine.disk.reads, 4);
    EXPECT(t, a.major && !b.major);
    EXPECT_EQ(t, vmstat.swap_ra, 3);
    EXPECT_EQ(t, vmstat.swap_ra_hit, 1);
    family_destroy(&f);
}

/* The owner of pages that another process's fault reads ahead exits meanwhile. */
TEST(sleep_owner_exits_while_its_pages_are_read_ahead)
{
    struct world w;
    struct space owner;
    struct access a;
    world_init(&w, "fifo", LIMIT, 10);
    EXPECT_EQ(t, space_init(&owner, &w.pool, 2), VM_OK);
    pages_map(&owner, 0, 10, RW);
    word_store(&w.space, 0, 5);
    for (uint32_t i = 0; i < 3; i++)
        word_store(&owner, i, i);
    evict_all(t, &w.pool);
    swap_readahead = 8;
    start_load(&a, &w.space, 0);
    fiber_start(exit_space, &owner);
    run(t, 0);
    EXPECT(t, a.result == VM_OK && a.value == 5);
    EXPECT_EQ(t, machine.disk.reads, 4);
    EXPECT_EQ(t, w.pool.resident, 1);
    EXPECT_EQ(t, vmstat.swap_ra, 0);
    EXPECT_EQ(t, swap_free(), TEST_SLOTS - 1);
    world_destroy(&w);
}

/* ---- the pager ---- */

static void run_pager(void *arg)
{
    pager_run(arg);
}

static bool transfers_going(void)
{
    bool going = false;
    for (uint32_t i = 0; i < frame_table_count; i++)
        going |= (frame_table[i].flags & FRAME_BUSY) != 0;
    return going;
}

static void write_many(void *arg)
{
    struct space *s = arg;
    for (uint32_t i = 0; i < 60; i++) {
        word_store(s, i, 500 + i);
        for (int ticks = 0; ticks < 8; ticks++) /* it does something else in between */
            fiber_yield();
    }
    while (transfers_going())
        fiber_yield();
}

TEST(sleep_pager_evicts_ahead_in_clusters)
{
    struct world w;
    world_init(&w, "fifo", 32, 60);
    pool_set_watermarks(&w.pool);
    EXPECT(t, w.pool.low == 2 && w.pool.high == 4);
    fiber_start_daemon(run_pager, NULL);
    fiber_start(write_many, &w.space);
    run(t, 0);
    EXPECT(t, vmstat.pageoutrun > 0);
    EXPECT(t, vmstat.pgsteal_kswapd > 20);
    EXPECT(t, machine.disk.writes >= 28);
    EXPECT(t, machine.disk.transfers <= machine.disk.writes / 2);
    for (uint32_t i = 0; i < 60; i++)
        EXPECT_EQ(t, word_load(&w.space, i), 500 + i);
    world_destroy(&w);
}

/* A pool has no watermarks unless asked: the pager leaves it alone. */
TEST(sleep_pager_leaves_pools_without_watermarks)
{
    struct world w;
    world_init(&w, "fifo", 32, 60);
    fiber_start_daemon(run_pager, NULL);
    fiber_start(write_many, &w.space);
    run(t, 0);
    EXPECT_EQ(t, vmstat.pgsteal_kswapd, 0);
    EXPECT_EQ(t, vmstat.pgsteal, 28);
    EXPECT_EQ(t, w.pool.resident, 32);
    world_destroy(&w);
}
