/* SPDX-License-Identifier: MIT
 * Tests of working sets: what sampling sees, that a policy does not notice it, and that what is released is
 * what was not used. */
#include "mm/advise.h"
#include "mm/used.h"
#include "mm/workset.h"
#include "tests/host/pages.h"

enum { LIMIT = 24, PAGES = 40 };

static void tracked_world(struct world *w, const char *policy)
{
    world_init(w, policy, LIMIT, PAGES);
    if (workset_track(&w->pool) != VM_OK)
        panic("no memory to track a pool");
    w->pool.time = 0xfffffff0; /* it wraps soon */
}

static void tracked_end(struct world *w)
{
    world_destroy(w);
    page_uses_end();
}

static void load(struct space *s, uint32_t from, uint32_t count)
{
    for (uint32_t i = from; i < from + count; i++)
        word_load(s, i);
}

TEST(workset_is_what_was_used_lately)
{
    struct world w;
    tracked_world(&w, "clock");
    for (uint32_t i = 0; i < 20; i++)
        word_store(&w.space, i, i + 1);
    workset_sample(&w.pool);
    uint32_t start = w.pool.time;
    for (uint32_t step = 1; step <= 10; step++) {
        w.pool.time += 10;
        load(&w.space, 0, 20 - step); /* one page less each time */
        workset_sample(&w.pool);
        /* page 20 - k was used last in step k - 1 */
        for (uint32_t back = 0; back < step; back++)
            EXPECT_EQ(t, workset_idle(&w.pool, w.pool.time - back * 10), step - back);
    }
    EXPECT_EQ(t, workset_idle(&w.pool, start), 0);
    EXPECT_EQ(t, workset_idle(&w.pool, w.pool.time + 1), 20);
    test_check(t);
    tracked_end(&w);
}

TEST(workset_release_takes_what_was_not_used)
{
    struct world w;
    tracked_world(&w, "fifo");
    for (uint32_t i = 0; i < 20; i++)
        word_store(&w.space, i, i + 1);
    workset_sample(&w.pool);
    w.pool.time += 100;
    load(&w.space, 0, 5);
    workset_sample(&w.pool);
    load(&w.space, 5, 5); /* not sampled yet, but used */
    uint32_t gone = 0, n;
    while ((n = workset_release(&w.pool, w.pool.time)) > 0)
        gone += n;
    EXPECT_EQ(t, gone, 10);
    for (uint32_t i = 0; i < 20; i++)
        EXPECT_EQ(t, page_present(&w.space, i), i < 10);
    EXPECT_EQ(t, w.pool.resident, 10);
    test_check(t);
    for (uint32_t i = 0; i < 20; i++)
        EXPECT_EQ(t, word_load(&w.space, i), i + 1);
    tracked_end(&w);
}

TEST(workset_empty_takes_all_but_wired_pages)
{
    struct world w;
    tracked_world(&w, "random");
    for (uint32_t i = 0; i < 20; i++)
        word_store(&w.space, i, i + 1);
    EXPECT_EQ(t, space_lock(&w.space, page_va(3), page_va(5), LOCK_NOW), VM_OK);
    uint32_t transfers = machine.disk.transfers;
    EXPECT_EQ(t, workset_empty(&w.pool), 18);
    EXPECT(t, machine.disk.transfers - transfers < 18); /* several pages in one */
    EXPECT(t, w.pool.resident == 2 && w.pool.wired == 2);
    EXPECT_EQ(t, workset_empty(&w.pool), 0);
    test_check(t);
    EXPECT_EQ(t, space_lock(&w.space, page_va(3), page_va(5), LOCK_NONE), VM_OK);
    EXPECT_EQ(t, workset_empty(&w.pool), 2); /* they compete again, and are known */
    for (uint32_t i = 0; i < 20; i++)
        EXPECT_EQ(t, word_load(&w.space, i), i + 1);
    tracked_end(&w);
}

/* Two equal runs under CLOCK, of which one is sampled between any two accesses: the same victims. */
static uint32_t clock_history(bool sampled)
{
    struct world w;
    uint32_t h = 0;
    tracked_world(&w, "clock");
    for (uint32_t i = 0; i < 400; i++) {
        word_store(&w.space, i * i * 7 % PAGES, i + 1);
        if (sampled)
            workset_sample(&w.pool);
        for (uint32_t j = 0; j < PAGES; j++)
            h = h * 31 + page_present(&w.space, j);
    }
    tracked_end(&w);
    return h;
}

TEST(workset_sampling_is_hidden_from_the_policy)
{
    struct world w;
    EXPECT_EQ(t, clock_history(false), clock_history(true));
    tracked_world(&w, "clock");
    word_store(&w.space, 0, 1);
    workset_sample(&w.pool);
    struct frame *f = page_frame(&w.space, 0);
    EXPECT(t, !pmap_lookup(&w.space.pmap, page_va(0)).accessed);
    EXPECT(t, policy_accessed(f) && policy_test_clear_accessed(f));
    EXPECT(t, !policy_accessed(f) && !policy_test_clear_accessed(f));
    workset_sample(&w.pool);
    EXPECT(t, !policy_accessed(f));
    tracked_end(&w);
}

/* A frame goes from pool to pool; the lists stay whole, and no page is counted for two. */
TEST(workset_frames_change_pools)
{
    struct world w;
    tracked_world(&w, "fifo");
    pool_heir = &w.pool;
    for (uint32_t round = 0; round < 5; round++) {
        struct space s;
        struct pool *p = pool_create(
            &(struct pool_config){.name = "own", .policy = &policy_clock, .limit = 10, .seed = 1});
        REQUIRE(t, p != NULL && workset_track(p) == VM_OK && space_init(&s, p, 2) == VM_OK);
        pool_put(p);
        pages_map(&s, 0, 20, VM_READ | VM_WRITE);
        for (uint32_t i = 0; i < 20; i++) {
            word_store(&s, i, i + 1);
            word_store(&w.space, (round + 1) * i % PAGES, i);
        }
        p->time++;
        workset_sample(p);
        EXPECT_EQ(t, workset_idle(p, p->time + 1), 10);
        EXPECT_EQ(t, workset_idle(&w.pool, w.pool.time + 1), w.pool.resident);
        if (round % 2 == 0)
            while (workset_empty(p) > 0)
                ;
        for (uint32_t i = 0; i < 20; i++)
            EXPECT_EQ(t, word_load(&s, i), i + 1);
        space_destroy(&s);
        EXPECT_EQ(t, workset_idle(&w.pool, w.pool.time + 1), w.pool.resident);
        test_check(t);
    }
    tracked_end(&w);
}

TEST(workset_pages_that_cannot_be_written_stay)
{
    struct world w;
    tracked_world(&w, "fifo");
    for (uint32_t i = 0; i < 10; i++)
        word_store(&w.space, i, i + 1);
    machine.disk.fail_writes = UINT32_MAX;
    EXPECT_EQ(t, workset_empty(&w.pool), 0);
    machine.disk.fail_writes = 0;
    EXPECT_EQ(t, w.pool.resident, 10);
    test_check(t);
    for (uint32_t i = 0; i < 10; i++)
        EXPECT_EQ(t, word_load(&w.space, i), i + 1);
    EXPECT_EQ(t, workset_empty(&w.pool), 10);
    tracked_end(&w);
}

TEST(workset_of_blocks)
{
    struct world w;
    world_init(&w, "clock", 64, 0);
    w.pool.order = 2;
    REQUIRE(t, workset_track(&w.pool) == VM_OK);
    EXPECT_EQ(t, pages_region(&w.space, 0, 64, VM_READ | VM_WRITE, 0, NULL), VM_OK);
    for (uint32_t i = 0; i < 32; i++)
        word_store(&w.space, i, i + 1);
    uint32_t resident = w.pool.resident;
    workset_sample(&w.pool);
    EXPECT_EQ(t, workset_idle(&w.pool, w.pool.time + 1), resident);
    while (workset_empty(&w.pool) > 0)
        ;
    EXPECT_EQ(t, w.pool.resident, 0);
    for (uint32_t i = 0; i < 32; i++)
        EXPECT_EQ(t, word_load(&w.space, i), i + 1);
    test_check(t);
    tracked_end(&w);
}
