/* SPDX-License-Identifier: MIT
 * Tests of pools: their references, their end while others still have their pages, pools of very few frames
 * for programs that wire their own pages, and other limits and policies at run time. */
#include "lib/random.h"
#include "lib/string.h"
#include "mm/advise.h"
#include "mm/source.h"
#include "mm/stats.h"
#include "tests/host/fiber.h"
#include "tests/host/pages.h"

enum { RW = VM_READ | VM_WRITE };

static _Alignas(PAGE_SIZE) uint8_t file[16 * PAGE_SIZE];

static struct pool *new_pool(const char *policy, uint32_t limit)
{
    struct pool *p = pool_create(&(struct pool_config){.name = "own",
                                                       .policy = policy_find(policy),
                                                       .limit = limit,
                                                       .seed = 7,
                                                       .accessed = ACCESSED_DEFERRED});
    if (p == NULL)
        panic("no pool of %u frames under %s", limit, policy);
    return p;
}

/* A space of pid 2 in a pool of its own, which has no other reference, and w's pool for heir. */
static void own_init(struct ktest_run *t, struct world *w, struct space *s, const char *policy,
                     uint32_t limit)
{
    struct pool *p = new_pool(policy, limit);
    pool_heir = &w->pool;
    EXPECT_EQ(t, space_init(s, p, 2), VM_OK);
    pool_put(p);
    EXPECT_EQ(t, p->refs, 1);
}

static uint32_t pool_count(void)
{
    uint32_t n = 0;
    list_for_each (i, &all_pools)
        n++;
    return n;
}

static void stamp(struct ktest_run *t, struct space *s, uint32_t first, uint32_t count, uint32_t generation)
{
    for (uint32_t i = first; i < first + count; i++)
        EXPECT_EQ(t, page_stamp(s, page_va(i), generation), VM_OK);
}

/* Each page is read once, so the pool may change what is resident. */
static void expect_stamped(struct ktest_run *t, struct space *s, uint32_t first, uint32_t count,
                           uint32_t generation)
{
    for (uint32_t i = first; i < first + count; i++) {
        enum vm_result r;
        EXPECT(t, page_stamped(s, page_va(i), generation, &r) && r == VM_OK);
    }
}

TEST(pool_is_what_was_asked_for)
{
    char name[] = "own";
    struct pool_config c = {.name = name,
                            .policy = &policy_random,
                            .limit = 48,
                            .seed = 5,
                            .accessed = ACCESSED_DEFERRED,
                            .exact = true,
                            .order = 3};
    struct pool *p = pool_create(&c);
    REQUIRE(t, p != NULL);
    name[0] = 'x'; /* it has a copy */
    EXPECT(t, strcmp(p->name, "own") == 0 && pool_find("own") == p && pool_find("xwn") == NULL);
    EXPECT(t, p->policy == &policy_random && p->limit == 48 && p->capacity == 48 && p->seed == 5);
    EXPECT(t, p->accessed == ACCESSED_DEFERRED && p->announces && p->exact && p->order == 3);
    EXPECT_EQ(t, p->refs, 1);
    EXPECT(t, pool_get(p) == p);
    pool_put(p);
    EXPECT_EQ(t, pool_count(), 1);
    pool_put(p);
    EXPECT_EQ(t, pool_count(), 0);
    c.limit = 47;
    EXPECT(t, pool_create(&c) == NULL); /* 6 units of 8 frames */
    c.order = 0;
    c.limit = 64 << 20;
    EXPECT(t, pool_create(&c) == NULL); /* no memory */
    EXPECT_EQ(t, pool_count(), 0);
}

TEST(pool_space_holds_a_reference)
{
    struct world w;
    struct space s, child;
    world_init(&w, "clock", 12, 20);
    EXPECT_EQ(t, w.pool.refs, 2);
    own_init(t, &w, &s, "fifo", 6);
    struct pool *p = s.pool;
    pages_map(&s, 0, 10, RW);
    stamp(t, &s, 0, 10, 1);
    EXPECT_EQ(t, space_init(&child, s.pool, 3), VM_OK);
    EXPECT_EQ(t, p->refs, 2);
    EXPECT_EQ(t, p->resident, 6);
    space_destroy(&s);
    EXPECT(t, p->refs == 1 && pool_count() == 2);
    space_destroy(&child);
    EXPECT_EQ(t, pool_count(), 1);
    EXPECT_EQ(t, w.pool.resident, 0);
    test_check(t);
    world_destroy(&w);
}

/* The pool's process ends; a file's pages that it brought in, and pages that its child shares, are others'.
 */
static void leave_pages(struct ktest_run *t, uint32_t heir_limit, uint32_t heir_has, const char *policy)
{
    struct world w;
    struct space s, child;
    world_init(&w, policy, heir_limit, heir_has);
    stamp(t, &w.space, 0, heir_has, 1);
    for (uint32_t i = 0; i < sizeof file; i++)
        file[i] = (uint8_t)(i / PAGE_SIZE);
    own_init(t, &w, &s, "clock", 20);
    struct object *o = file_map(&s, 100, file, sizeof file, VM_READ);
    EXPECT_EQ(t, pages_region(&w.space, 100, 16, VM_READ, 0, o), VM_OK);
    for (uint32_t i = 100; i < 110; i++)
        word_load(&s, i);
    pages_map(&s, 0, 10, RW);
    stamp(t, &s, 0, 10, 1);
    EXPECT_EQ(t, space_init(&child, &w.pool, 2), VM_OK); /* the same pid, for the stamps */
    EXPECT_EQ(t, space_fork(&child, &s), VM_OK);
    EXPECT_EQ(t, s.pool->resident, 20);
    test_check(t);
    uint32_t evictions = vmstat.pgsteal, resident = w.pool.resident;
    space_destroy(&s);
    EXPECT_EQ(t, pool_count(), 1);
    uint32_t room = heir_limit - resident, moved = MIN(room, 20u);
    EXPECT_EQ(t, w.pool.resident, resident + moved);
    EXPECT_EQ(t, vmstat.pgsteal - evictions, 20 - moved);
    test_check(t);
    expect_stamped(t, &child, 0, 10, 1);
    expect_stamped(t, &w.space, 0, heir_has, 1);
    for (uint32_t i = 0; i < 16; i++)
        EXPECT_EQ(t, word_load(&w.space, 100 + i), i * 0x01010101u);
    test_check(t);
    space_destroy(&child);
    world_destroy(&w);
}

TEST(pool_end_leaves_shared_pages_to_the_heir)
{
    for (uint32_t k = 0; k < policy_count; k++) {
        if (policy_table[k]->needs != 0)
            continue;
        leave_pages(t, 64, 10, policy_table[k]->name); /* room for all */
        leave_pages(t, 16, 10, policy_table[k]->name); /* for some */
        leave_pages(t, 10, 10, policy_table[k]->name); /* for none */
    }
}

/* A wired page of the heir's own process, charged to the pool that ends, stays wired; with no room at all the
 * heir is above its limit, and the next page makes it smaller again. */
TEST(pool_end_leaves_wired_pages)
{
    struct world w;
    struct space s;
    world_init(&w, "fifo", 20, 20);
    own_init(t, &w, &s, "clock", 20);
    struct object *o = file_map(&s, 100, file, 4 * PAGE_SIZE, VM_READ);
    EXPECT_EQ(t, pages_region(&w.space, 100, 4, VM_READ, 0, o), VM_OK);
    for (uint32_t i = 100; i < 104; i++)
        word_load(&s, i);
    EXPECT_EQ(t, space_lock(&w.space, page_va(100), page_va(104), LOCK_NOW), VM_OK);
    EXPECT_EQ(t, s.pool->wired, 4);
    stamp(t, &w.space, 0, 20, 1);
    EXPECT_EQ(t, w.pool.resident, 20);
    space_destroy(&s);
    EXPECT(t, w.pool.resident == 24 && w.pool.wired == 4 && w.pool.excess == 4);
    test_check(t);
    word_load(&w.space, 0); /* present */
    EXPECT_EQ(t, w.pool.resident, 24);
    pages_map(&w.space, 50, 1, RW);
    word_store(&w.space, 50, 1);
    EXPECT(t, w.pool.resident == 20 && w.pool.excess == 0);
    test_check(t);
    EXPECT_EQ(t, space_unmap(&w.space, page_va(50), PAGE_SIZE), VM_OK);
    expect_stamped(t, &w.space, 0, 20, 1);
    world_destroy(&w);
}

static void sleep_in_transfer(struct disk *d UNUSED, uint32_t block UNUSED)
{
    fiber_yield();
}

static void destroy_space(void *s)
{
    space_destroy(s);
}

static void evict_from_largest(void *result)
{
    *(enum vm_result *)result = memory_evict();
}

static void load_some(void *s)
{
    for (uint32_t i = 0; i < 20; i++)
        word_load(s, i);
}

/* Somebody else's eviction of one of its pages is under way when the pool's last process ends, and the heir
 * is busy. */
TEST(pool_ends_while_a_page_is_written)
{
    for (uint32_t seed = 0; seed < 20; seed++) {
        struct world w;
        struct space s, child;
        uint32_t has = seed % 2 ? 20 : 4; /* the heir has no room, or some; its pages are fewer in any case */
        world_init(&w, "fifo", seed % 2 ? 6 : 40, 20);
        stamp(t, &w.space, 0, has, 1);
        own_init(t, &w, &s, "clock", 20);
        pages_map(&s, 0, 10, RW);
        stamp(t, &s, 0, 10, 1);
        EXPECT_EQ(t, space_init(&child, &w.pool, 2), VM_OK);
        EXPECT_EQ(t, space_fork(&child, &s), VM_OK);
        machine.disk.sleep = sleep_in_transfer;
        machine.disk.fail_writes = seed % 3;
        enum vm_result r[2];
        fiber_start(evict_from_largest, &r[0]);
        fiber_start(evict_from_largest, &r[1]);
        fiber_start(destroy_space, &s);
        fiber_start(load_some, &w.space);
        fibers_run(seed);
        machine.disk.sleep = NULL;
        machine.disk.fail_writes = 0;
        EXPECT(t, r[0] == VM_OK && r[1] == VM_OK);
        EXPECT_EQ(t, pool_count(), 1);
        test_check(t);
        expect_stamped(t, &child, 0, 10, 1);
        expect_stamped(t, &w.space, 0, has, 1);
        test_check(t);
        space_destroy(&child);
        world_destroy(&w);
    }
}

TEST(pool_end_when_nothing_can_be_written)
{
    struct world w;
    struct space s, child;
    world_init(&w, "fifo", 6, 10);
    stamp(t, &w.space, 0, 10, 1);
    own_init(t, &w, &s, "clock", 20);
    pages_map(&s, 0, 10, RW);
    stamp(t, &s, 0, 10, 1);
    EXPECT_EQ(t, space_init(&child, &w.pool, 2), VM_OK);
    EXPECT_EQ(t, space_fork(&child, &s), VM_OK);
    machine.disk.fail_writes = UINT32_MAX;
    space_destroy(&s);
    machine.disk.fail_writes = 0;
    EXPECT_EQ(t, pool_count(), 1);
    EXPECT(t, w.pool.resident == 16 && w.pool.excess == 10);
    test_check(t);
    expect_stamped(t, &child, 0, 10, 1);
    expect_stamped(t, &w.space, 0, 10, 1);
    EXPECT(t, w.pool.resident == 6 && w.pool.excess == 0);
    test_check(t);
    space_destroy(&child);
    world_destroy(&w);
}

/* Belady's string in 1, 2, 3 frames that compete, beside five pages that are wired: the textbooks' counts. */
TEST(pool_wired_apart_small_limits)
{
    static const char belady[] = "123412512345";
    static const uint32_t fifo_faults[] = {12, 12, 9};
    struct world w;
    world_init(&w, "fifo", 12, 0);
    pool_heir = &w.pool;
    const struct pool_config c = {.name = "own", .policy = &policy_fifo, .limit = 0, .wired_apart = true};
    EXPECT(t, pool_create(&c) == NULL);
    for (uint32_t limit = 1; limit <= 3; limit++) {
        struct space s;
        struct pool_config d = c;
        d.limit = limit;
        struct pool *p = pool_create(&d);
        REQUIRE(t, p != NULL);
        EXPECT_EQ(t, space_init(&s, p, 2), VM_OK);
        pages_map(&s, 100, 5, RW);
        EXPECT_EQ(t, space_lock(&s, page_va(100), page_va(105), LOCK_NOW), VM_OK);
        stamp(t, &s, 100, 5, 1);
        EXPECT(t, p->wired == 5 && p->resident == 5 && p->limit == limit + 5);
        EXPECT(t, p->capacity == limit && pool_competing_limit(p) == limit);
        file_map(&s, 0, file, sizeof file, VM_READ);
        uint32_t before = machine.faults, insertions = p->insertions;
        for (const char *at = belady; *at != '\0'; at++) {
            word_load(&s, (uint32_t)(*at - '0'));
            EXPECT(t, p->resident <= limit + 5);
            REQUIRE(t, pools_check(t->out));
        }
        EXPECT_EQ(t, machine.faults - before, fifo_faults[limit - 1]);
        EXPECT_EQ(t, p->insertions - insertions, fifo_faults[limit - 1]);
        test_check(t);
        expect_stamped(t, &s, 100, 5, 1);
        /* wired pages that compete again leave no more room than there was */
        EXPECT_EQ(t, space_lock(&s, page_va(100), page_va(103), LOCK_NONE), VM_OK);
        EXPECT(t, p->wired == 2 && p->limit == limit + 2 && p->excess == 3);
        test_check(t);
        word_load(&s, 0);
        EXPECT(t, p->resident == limit + 2 && p->excess == 0);
        expect_stamped(t, &s, 100, 5, 1);
        EXPECT_EQ(t, pool_set_limit(p, 0), VM_INVALID);
        EXPECT_EQ(t, pool_set_limit(p, 2), VM_OK);
        EXPECT(t, p->limit == 4 && p->resident <= 4);
        test_check(t);
        space_destroy(&s);
        pool_put(p);
    }
    EXPECT_EQ(t, pool_count(), 1);
    world_destroy(&w);
}

/* One frame for data, and the data is written and shared copy on write. */
TEST(pool_wired_apart_one_frame_writes)
{
    struct world w;
    struct space s;
    world_init(&w, "fifo", 12, 0);
    pool_heir = &w.pool;
    struct pool *p = pool_create(
        &(struct pool_config){.name = "own", .policy = &policy_clock, .limit = 1, .wired_apart = true});
    REQUIRE(t, p != NULL && space_init(&s, p, 2) == VM_OK);
    pool_put(p);
    file_map(&s, 100, file, sizeof file, RW);
    pages_map(&s, 0, 20, RW);
    for (uint32_t generation = 1; generation <= 3; generation++) {
        stamp(t, &s, 0, 20, generation);
        stamp(t, &s, 100, 16, generation);
        expect_stamped(t, &s, 0, 20, generation);
        expect_stamped(t, &s, 100, 16, generation);
        EXPECT_EQ(t, p->resident, 1);
        test_check(t);
    }
    space_destroy(&s);
    world_destroy(&w);
}

TEST(pool_set_limit_evicts_and_grows)
{
    for (uint32_t k = 0; k < policy_count; k++) {
        if (policy_table[k]->needs != 0)
            continue;
        struct world w;
        world_init(&w, policy_table[k]->name, 30, 60);
        stamp(t, &w.space, 0, 60, 1);
        EXPECT_EQ(t, w.pool.resident, 30);
        void *state = w.pool.state;
        EXPECT_EQ(t, pool_set_limit(&w.pool, 10), VM_OK);
        EXPECT(t, w.pool.resident == 10 && w.pool.excess == 0 && w.pool.state == state);
        test_check(t);
        expect_stamped(t, &w.space, 0, 60, 1);
        EXPECT_EQ(t, pool_set_limit(&w.pool, 30), VM_OK);
        EXPECT(t, w.pool.state == state); /* it was made for as many */
        EXPECT_EQ(t, pool_set_limit(&w.pool, 50), VM_OK);
        EXPECT(t, w.pool.capacity == 50 && w.pool.resident == 10 && w.pool.queued == 10);
        test_check(t);
        stamp(t, &w.space, 0, 60, 2);
        EXPECT_EQ(t, w.pool.resident, 50);
        EXPECT_EQ(t, pool_set_limit(&w.pool, 5), VM_INVALID);
        EXPECT_EQ(t, w.pool.limit, 50);
        test_check(t);
        expect_stamped(t, &w.space, 0, 60, 2);
        world_destroy(&w);
    }
}

TEST(pool_set_limit_refusals)
{
    struct world w;
    world_init(&w, "random", 30, 60);
    stamp(t, &w.space, 0, 60, 1);
    EXPECT_EQ(t, pool_set_limit(&w.pool, 64 << 20), VM_NO_MEMORY);
    EXPECT(t, w.pool.limit == 30 && w.pool.capacity == 30);
    test_check(t);
    stamp(t, &w.space, 0, 60, 2);
    machine.disk.fail_writes = UINT32_MAX; /* nothing can go: the limit holds for what comes */
    EXPECT_EQ(t, pool_set_limit(&w.pool, 10), VM_IO_ERROR);
    machine.disk.fail_writes = 0;
    EXPECT(t, w.pool.limit == 10 && w.pool.resident == 30 && w.pool.excess == 20);
    test_check(t);
    expect_stamped(t, &w.space, 0, 60, 2);
    EXPECT(t, w.pool.resident == 10 && w.pool.excess == 0);
    world_destroy(&w);
}

/* From each policy to each other one, while pages come and go, and the limit changes too. */
TEST(pool_policy_and_limit_change_under_load)
{
    enum { PAGES = 40, ROUNDS = 60 };
    uint32_t rng = 11, generation[PAGES] = {0};
    struct world w;
    world_init(&w, "fifo", 12, PAGES);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        const struct policy *to = policy_table[random_below(&rng, policy_count)];
        if (to->needs != 0)
            continue;
        uint32_t queued = w.pool.queued;
        EXPECT_EQ(t, pool_set_policy(&w.pool, to, round), VM_OK);
        EXPECT(t, w.pool.queued == queued && w.pool.policy == to);
        EXPECT_EQ(t, to->check(w.pool.state, t->out), queued);
        EXPECT_EQ(t, pool_set_limit(&w.pool, 6 + random_below(&rng, 30)), VM_OK);
        pool_set_accessed(&w.pool, round % 2 ? ACCESSED_DEFERRED : ACCESSED_LEFT);
        for (int i = 0; i < 40; i++) {
            uint32_t page = random_below(&rng, PAGES);
            enum vm_result r;
            if (random_below(&rng, 2) == 0)
                EXPECT_EQ(t, page_stamp(&w.space, page_va(page), ++generation[page]), VM_OK);
            REQUIRE(t, page_stamped(&w.space, page_va(page), generation[page], &r));
            REQUIRE(t, pools_check(t->out));
        }
        test_check(t);
    }
    world_destroy(&w);
}

TEST(pool_says_what_a_policy_needs)
{
    struct policy needy = policy_fifo;
    struct text_printer said;
    struct pool pool;
    struct oracle oracle = {.now = 0};
    needy.name = "needy";
    needy.needs = POLICY_NEEDS_TOUCHES;
    text_start(&said);
    EXPECT(t, !pool_suits(&needy, false, NULL, &said.to) && pool_suits(&needy, true, NULL, &said.to));
    EXPECT(t, strcmp(said.text, "policy needy needs exact mode: it must see every reference\n") == 0);
    EXPECT_EQ(t, pool_init(&pool, "test", &needy, 6, 1), VM_INVALID);
    needy.needs |= POLICY_NEEDS_ORACLE;
    text_start(&said);
    EXPECT(t, !pool_suits(&needy, true, NULL, &said.to) && pool_suits(&needy, true, &oracle, &said.to));
    EXPECT_HAS(t, &said, "policy needy needs to know the future");
    EXPECT(t, pool_suits(&policy_clock, false, NULL, &said.to));
}

TEST(pool_check_notices_frames_of_a_pool_that_is_gone)
{
    struct world w;
    struct text_printer said;
    world_init(&w, "fifo", 6, 6);
    word_store(&w.space, 0, 1);
    struct frame *f = page_frame(&w.space, 0);
    struct pool gone = w.pool;
    pool_remove(f, false);
    w.pool.resident--;
    f->pool = &gone;
    text_start(&said);
    EXPECT(t, !pools_check(&said.to));
    EXPECT_HAS(t, &said, "pools: 1 frames hold user pages, 0 are charged to a pool that exists");
    f->pool = NULL;
    pool_charge(&w.pool, f);
    pool_reinsert(f);
    world_destroy(&w);
}

TEST(accessed_names)
{
    enum accessed_mode mode = ACCESSED_LEFT;
    EXPECT(t, accessed_parse("ad", &mode) && mode == ACCESSED_DEFERRED);
    EXPECT(t, !accessed_parse("a2", &mode) && !accessed_parse("", &mode) && mode == ACCESSED_DEFERRED);
    EXPECT(t, accessed_parse("a1", &mode) && mode == ACCESSED_LEFT);
    EXPECT(t, strcmp(accessed_name(ACCESSED_LEFT), "a1") == 0);
    EXPECT(t, strcmp(accessed_name(ACCESSED_DEFERRED), "ad") == 0);
}
