/* SPDX-License-Identifier: MIT
 * Tests of the policy gip: the arithmetic of its index against cases computed by hand, what it does in pools
 * of a few frames, that it repeats itself, what it reads, and that it learns what it is for: loops. */
#include "lib/random.h"
#include "lib/string.h"
#include "mm/policy/gip_index.h"
#include "mm/stats.h"
#include "tests/host/pages.h"

TEST(gip_levels_and_buckets)
{
    static const struct {
        uint32_t gap, level;
    } levels[] = {{0, 0}, {1, 0}, {2, 1},  {3, 2},  {4, 2},    {5, 3},
                  {8, 3}, {9, 4}, {64, 6}, {65, 7}, {60000, 7}};
    for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
        EXPECT_EQ(t, gip_level(levels[i].gap), levels[i].level);
    EXPECT_EQ(t, gip_bucket(1), 0);
    for (uint32_t b = 0; b < GIP_AGES; b++) {
        EXPECT_EQ(t, gip_bucket(gip_age_start[b]), b);
        EXPECT_EQ(t, gip_bucket(gip_age_start[b + 1] - 1u), b);
    }
    EXPECT_EQ(t, gip_bucket(GIP_AGE_END * 4), GIP_AGES - 1);
    EXPECT_EQ(t, gip_level_gap(0), 1);
    EXPECT_EQ(t, gip_level_gap(2), 3);
}

static struct gip_count seen(uint32_t used, uint32_t passed)
{
    return (struct gip_count){used * GIP_EVENT, passed * GIP_EVENT};
}

/* The prior of bucket 0 (age 1 alone) is 1 / (1 + 1 + later), and weighs 8 pages. */
TEST(gip_hazard_by_hand)
{
    EXPECT_EQ(t, gip_hazard(seen(0, 0), 0, 0), 32768u * 512 / 513); /* 1/2; the 1 keeps 0/0 away */
    EXPECT_EQ(t, gip_hazard(seen(0, 0), 0, 2), 16384u * 512 / 513);
    /* (8 used + 8 * 1/4) / (24 seen + 8) = 10/32 */
    EXPECT_EQ(t, gip_hazard(seen(8, 16), 0, 2), (uint32_t)(10ull * 64 * 65536 / (32 * 64 + 1)));
    /* bucket 8: ages 16 to 31; prior 16 / (16 + 16 + 0) */
    EXPECT_EQ(t, gip_hazard(seen(0, 8), 8, 0), (uint32_t)(4ull * 64 * 65536 / (16 * 64 + 1)));
    /* counters as large as they get: no overflow, and the prior hardly counts */
    struct gip_count full = {GIP_COUNTER_MAX, GIP_COUNTER_MAX};
    EXPECT_EQ(t, gip_hazard(full, 0, 0), 32766);
    full.passed = 0;
    EXPECT(t, gip_hazard(full, 0, 0) > 65500 && gip_hazard(full, 0, 0) < GIP_ONE);
    uint32_t counter = 0;
    gip_event(&counter);
    EXPECT_EQ(t, counter, GIP_EVENT);
    counter = GIP_COUNTER_MAX;
    gip_event(&counter);
    EXPECT_EQ(t, counter, GIP_COUNTER_MAX);
}

/* 1/2 used over 10 rounds, then 1/2 of the rest over 2: 3/4 over 10 + 1/2 * 2. */
TEST(gip_join_by_hand)
{
    struct gip_stretch a = {GIP_ONE / 2, 10 * GIP_ROUND, GIP_ONE / 2},
                       b = {GIP_ONE / 2, 2 * GIP_ROUND, GIP_ONE / 2}, both = gip_join(a, b);
    EXPECT_EQ(t, both.use, GIP_ONE * 3 / 4);
    EXPECT_EQ(t, both.time, 11 * GIP_ROUND);
    EXPECT_EQ(t, both.none, GIP_ONE / 4);
}

/* The best rate over all horizons, tried one by one. Times of 1/16 round make the other one coarse. */
static double best_rate(const struct gip_count *count, uint32_t from, uint32_t later)
{
    double none = 1, use = 0, time = 0, best = 0;
    for (uint32_t b = from; b < GIP_AGES; b++) {
        double p = gip_hazard(count[b], b, later) / 65536.0, width = gip_age_start[b + 1] - gip_age_start[b];
        use += none * p;
        time += none * width * (1 - p / 2);
        none *= 1 - p;
        best = MAX(best, use / time);
    }
    return best;
}

TEST(gip_index_is_the_best_horizon)
{
    uint32_t rng = 5, index[GIP_AGES];
    for (int round = 0; round < 500; round++) {
        struct gip_count count[GIP_AGES];
        uint32_t later = random_below(&rng, 50);
        for (uint32_t b = 0; b < GIP_AGES; b++)
            count[b] = seen(random_below(&rng, random_below(&rng, 2) ? 3 : 900), random_below(&rng, 900));
        gip_indices(count, later, index);
        for (uint32_t b = 0; b < GIP_AGES; b++) {
            double want = best_rate(count, b, later) * 65536 * 65536 / GIP_ROUND;
            EXPECT(t, index[b] <= want * 1.12 && index[b] >= want * 0.88);
        }
    }
}

/* Pages that nobody uses until they are 16 rounds old, and everybody uses then: a loop. They are worth more
 * the older they are until then, and hardly anything if they get past it. */
TEST(gip_index_rises_towards_a_sure_use)
{
    struct gip_count count[GIP_AGES];
    uint32_t index[GIP_AGES];
    for (uint32_t b = 0; b < GIP_AGES; b++)
        count[b] = b == 8 ? seen(1000, 0) : b < 8 ? seen(0, 1000) : seen(0, 50);
    gip_indices(count, 0, index);
    for (uint32_t b = 0; b < 8; b++)
        EXPECT(t, index[b] < index[b + 1]);
    EXPECT(t, index[9] * 10 < index[8]);
}

/* Word 0 to `loop` - 1 round and round. => faults */
static uint32_t faults_of_loop(const char *policy, uint32_t frames, uint32_t loop, uint32_t rounds)
{
    struct world w;
    world_init(&w, policy, frames, loop);
    uint32_t before = machine.faults;
    for (uint32_t i = 0; i < rounds * loop; i++)
        word_store(&w.space, i % loop, i);
    uint32_t faults = machine.faults - before;
    world_destroy(&w);
    return faults;
}

TEST(gip_learns_a_loop)
{
    enum { FRAMES = 48, LOOP = 64, ROUNDS = 40 };
    EXPECT_EQ(t, faults_of_loop("clock", FRAMES, LOOP, ROUNDS), LOOP * ROUNDS);
    uint32_t faults = faults_of_loop("gip", FRAMES, LOOP, ROUNDS);
    EXPECT(t, faults < LOOP * ROUNDS * 7 / 10); /* OPT's, in the long run: 17 of 64 */
}

/* Uses of hot pages and of pages that are used once. => what was resident after each, in one number. */
static uint32_t history(uint32_t frames, uint32_t pages, uint32_t refs, struct ktest_run *t)
{
    struct world w;
    uint32_t rng = 9, h = 0;
    world_init(&w, "gip", frames, pages);
    uint32_t faults = machine.faults, reads = (uint32_t)vmstat.pgscan;
    for (uint32_t i = 0; i < refs; i++) {
        uint32_t hot = MAX(frames / 2, 1u);
        word_store(&w.space, random_below(&rng, random_below(&rng, 3) ? hot : pages), i);
        for (uint32_t j = 0; j < pages; j++)
            h = h * 31 + page_present(&w.space, j);
        if (i % 64 == 0)
            EXPECT_EQ(t, w.pool.policy->check(w.pool.state, t->out), w.pool.resident);
    }
    faults = machine.faults - faults;
    reads = (uint32_t)vmstat.pgscan - reads;
    EXPECT(t, faults > refs / 20);
    EXPECT(t, reads <= 8 * faults);
    world_destroy(&w);
    return h;
}

TEST(gip_small_pools_and_reads)
{
    for (uint32_t frames = 1; frames <= 14; frames++)
        history(frames, 32, 1500, t);
    history(60, 150, 6000, t);
}

TEST(gip_repeats_itself)
{
    EXPECT_EQ(t, history(20, 50, 2000, t), history(20, 50, 2000, t));
}

/* More frames than it was told of, as after the limit of a pool was lowered; and pages taken aside. */
TEST(gip_more_frames_than_capacity)
{
    enum { TOLD = 14, FRAMES = 24 };
    struct world w;
    struct policy_setup small = {.capacity = TOLD, .seed = 1};
    world_init(&w, "fifo", FRAMES, FRAMES);
    for (uint32_t i = 0; i < FRAMES; i++)
        page_touch(&w.space, i);
    const struct policy *p = policy_find("gip");
    struct frame *mine[FRAMES];
    for (uint32_t i = 0; i < FRAMES; i++) {
        mine[i] = page_frame(&w.space, i);
        w.pool.policy->removed(w.pool.state, mine[i], false);
    }
    void *state = p->create(&small);
    REQUIRE(t, state != NULL);
    EXPECT(t, p->pick_victim(state) == NULL);
    for (uint32_t i = 0; i < FRAMES; i++) {
        p->inserted(state, mine[i]);
        EXPECT_EQ(t, p->check(state, t->out), i + 1);
    }
    for (uint32_t left = FRAMES; left > 0; left--) {
        struct frame *f = p->pick_victim(state), *again;
        REQUIRE(t, f != NULL);
        p->removed(state, f, false); /* taken aside: another one goes, if there is one */
        p->inserted(state, f);
        again = p->pick_victim(state);
        EXPECT(t, again != NULL && (again != f || left == 1));
        p->removed(state, again, left % 2);
        EXPECT_EQ(t, p->check(state, t->out), left - 1);
    }
    EXPECT(t, p->pick_victim(state) == NULL);
    p->destroy(state);
    for (uint32_t i = 0; i < FRAMES; i++)
        w.pool.policy->inserted(w.pool.state, mine[i]);
    world_destroy(&w);
}

/* Below 12 frames it is gclock, fault for fault. */
TEST(gip_leaves_small_pools_to_gclock)
{
    EXPECT_EQ(t, faults_of_loop("gip", 11, 14, 30), faults_of_loop("gclock", 11, 14, 30));
    EXPECT(t, faults_of_loop("gip", 12, 15, 30) < faults_of_loop("gclock", 12, 15, 30));
}

/* What a refault tells: pages that were used, evicted and wanted again have one gap, ended by a fault. */
TEST(gip_refault_knows_the_gap)
{
    struct world w;
    struct text_printer said;
    bool known = false;
    world_init(&w, "gip", 16, 32);
    for (uint32_t i = 0; i < 2 * 32; i++)
        word_store(&w.space, i % 32, i);
    for (uint32_t i = 0; i < 32; i++) {
        struct frame *f = page_present(&w.space, i) ? page_frame(&w.space, i) : NULL;
        if (f == NULL)
            continue;
        text_start(&said);
        w.pool.policy->explain(w.pool.state, f, &said.to);
        known |= text_has(&said, ",none last=fault");
    }
    EXPECT(t, known);
    world_destroy(&w);
}

TEST(gip_explains)
{
    struct world w;
    struct text_printer said;
    world_init(&w, "gip", 16, 40);
    for (uint32_t i = 0; i < 400; i++)
        word_store(&w.space, i * 7 % 40, i);
    struct frame *victim = w.pool.policy->pick_victim(w.pool.state);
    text_start(&said);
    struct frame *next = w.pool.policy->explain(w.pool.state, victim, &said.to);
    EXPECT(t, next != NULL && next != victim);
    EXPECT_HAS(t, &said, "index=");
    EXPECT_HAS(t, &said, "gaps<=");
    world_destroy(&w);
}
