/* SPDX-License-Identifier: MIT
 * Tests of distributions, of what the kernel collects in them, and of reuse distances. */
#include "lib/histogram.h"
#include "lib/log.h"
#include "lib/random.h"
#include "lib/string.h"
#include "lib/watch.h"
#include "mm/buddy.h"
#include "mm/histograms.h"
#include "mm/migrate.h"
#include "mm/reuse.h"
#include "tests/host/pages.h"

/* ---- buckets ---- */

/* The bucket's limits, without a logarithm. */
static bool belongs(uint32_t value, uint32_t bucket)
{
    uint64_t low = bucket == 0 ? 0 : 1, high = 1;
    for (uint32_t b = 1; b < bucket; b++)
        low *= 2;
    for (uint32_t b = 0; b < bucket; b++)
        high *= 2;
    return bucket == 0 ? value == 0 : value >= low && value < high;
}

TEST(histogram_each_value_has_its_bucket)
{
    static const uint32_t values[] = {0,    1,    2,    3,          4,          7,         8,
                                      1023, 1024, 1025, 0x7fffffff, 0x80000000, UINT32_MAX};
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        struct histogram h = {0};
        histogram_add(&h, values[i]);
        for (uint32_t b = 0; b < HISTOGRAM_BUCKETS; b++)
            EXPECT_EQ(t, h.buckets[b], belongs(values[i], b));
        EXPECT(t,
               h.count == 1 && h.min == values[i] && h.max == values[i] && histogram_mean(&h) == values[i]);
    }
}

TEST(histogram_against_a_plain_model)
{
    enum { VALUES = 3000 };
    static uint32_t values[VALUES];
    uint32_t rng = 11;
    for (uint32_t n = 1; n <= VALUES; n += 371) {
        struct histogram h = {0};
        uint64_t sum = 0;
        uint32_t min = UINT32_MAX, max = 0;
        for (uint32_t i = 0; i < n; i++) {
            values[i] = random_next(&rng) >> random_below(&rng, 32);
            histogram_add(&h, values[i]);
            sum += values[i];
            min = MIN(min, values[i]);
            max = MAX(max, values[i]);
        }
        for (uint32_t b = 0; b < HISTOGRAM_BUCKETS; b++) {
            uint32_t wanted = 0;
            for (uint32_t i = 0; i < n; i++)
                wanted += belongs(values[i], b);
            EXPECT_EQ(t, h.buckets[b], wanted);
        }
        EXPECT(t, h.count == n && h.sum == sum && h.min == min && h.max == max);
        EXPECT_EQ(t, histogram_mean(&h), (uint32_t)(sum / n));
    }
}

TEST(histogram_prints_as_people_know_it)
{
    struct text_printer p;
    struct histogram h = {0};
    text_start(&p);
    histogram_print_figures(&h, &p.to);
    histogram_print_buckets(&h, &p.to);
    EXPECT(t, strcmp(p.text, " count=0") == 0);
    for (uint32_t i = 0; i < 80; i++)
        histogram_add(&h, 700);
    for (uint32_t i = 0; i < 41; i++)
        histogram_add(&h, 2047);
    histogram_add(&h, 4096); /* too few for a mark */
    text_start(&p);
    histogram_print_figures(&h, &p.to);
    print(&p.to, "\n");
    histogram_print_buckets(&h, &p.to);
    EXPECT_HAS(t, &p,
               " count=122 min=700 mean=1180 max=4096\n"
               "[512, 1K)              80 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|\n"
               "[1K, 2K)               41 |@@@@@@@@@@@@@@@@@@@@                    |\n"
               "[2K, 4K)                0 |                                        |\n"
               "[4K, 8K)                1 |                                        |\n");
    struct histogram ends = {0};
    histogram_add(&ends, 0);
    histogram_add(&ends, UINT32_MAX);
    text_start(&p);
    histogram_print_buckets(&ends, &p.to);
    EXPECT_HAS(t, &p, "[0]                     1 |@");
    EXPECT_HAS(t, &p, "\n[1]                     0 |");
    EXPECT_HAS(t, &p, "\n[2, 4)                  0 |");
    EXPECT_HAS(t, &p, "\n[512M, 1G)              0 |");
    EXPECT_HAS(t, &p, "\n[2G, 4G)                1 |@");
}

/* ---- what is collected ---- */

enum { LIMIT = 6, PAGES = 24 };

/* FIFO, and every access is to a page that is not there: who goes when is plain. Pages are dirty, so that
 * each has a slot. */
static void start_world(struct world *w)
{
    world_init(w, "fifo", LIMIT, PAGES);
    if (histograms_start() != VM_OK)
        panic("test: no memory for histograms");
}

static void store(struct world *w, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        word_store(&w->space, i, i + 1);
}

static uint32_t faults_collected(void)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < FAULT_HISTOGRAMS; i++)
        n += histograms.fault[i].count;
    return n;
}

TEST(histograms_refault_distance_and_residence)
{
    struct world w;
    start_world(&w);
    store(&w, 0, 10); /* 0 to 3 have gone */
    EXPECT(t, histograms.residence.count == 4 && histograms.residence.min == LIMIT &&
                  histograms.residence.max == LIMIT);
    EXPECT_EQ(t, histograms.refault.count, 0);
    word_load(&w.space, 3); /* the last that went: 4 made room for it */
    EXPECT(t, histograms.refault.count == 1 && histograms.refault.sum == 1);
    word_load(&w.space, 0); /* 1, 2, 3, 4 and now 5 */
    EXPECT(t, histograms.refault.count == 2 && histograms.refault.sum == 1 + 5);
    EXPECT_EQ(t, histograms.fault[CASE_FIRST_TOUCH].count, 10);
    EXPECT_EQ(t, histograms.fault[HISTOGRAM_SWAP_IN].count, 2);
    EXPECT_EQ(t, faults_collected(), vmstat.pgfault);
    EXPECT_EQ(t, histograms.refault.count + histograms.refault_unknown, vmstat.workingset_refault);
    EXPECT_EQ(t, histograms.residence.count, vmstat.pgsteal);
    histograms_stop();
    world_destroy(&w);
}

TEST(histograms_know_what_they_cannot_know)
{
    struct world w;
    world_init(&w, "fifo", LIMIT, PAGES);
    store(&w, 0, 8); /* 0 and 1 go unseen */
    EXPECT_EQ(t, faults_collected() + histograms.residence.count, 0);
    EXPECT_EQ(t, histograms_start(), VM_OK);
    word_load(&w.space, 0);
    EXPECT(t, histograms.refault.count == 0 && histograms.refault_unknown == 1);
    EXPECT(t,
           histograms.residence.count == 1 && histograms.residence.sum == LIMIT); /* when it came is known */
    word_load(&w.space, 2);                                                       /* which has just gone */
    EXPECT(t, histograms.refault.count == 1 && histograms.refault.sum == 1);
    histograms_reset();
    EXPECT_EQ(t, faults_collected() + histograms.refault.count + histograms.residence.count, 0);
    word_load(&w.space, 3); /* it went before the reset */
    EXPECT(t, histograms.refault.count == 1 && histograms.refault_unknown == 0);
    /* what goes while nobody collects leaves no time behind, nor what it was before */
    histograms_stop();
    store(&w, 10, 16);
    EXPECT_EQ(t, histograms.refault.count, 1);
    EXPECT_EQ(t, histograms_start(), VM_OK);
    word_load(&w.space, 3);
    EXPECT(t, histograms.refault.count == 0 && histograms.refault_unknown == 1);
    histograms_stop();
    world_destroy(&w);
}

/* Nobody is asked on the fault path but while it is on. */
TEST(histograms_watch_only_while_on)
{
    EXPECT(t, log_configure("quiet"));
    EXPECT(t, !watched(LOG_FAULT | LOG_EVICT));
    EXPECT_EQ(t, histograms_start(), VM_OK);
    EXPECT(t, watched(LOG_FAULT) && watched(LOG_EVICT));
    histograms_stop();
    EXPECT(t, !watched(LOG_FAULT | LOG_EVICT));
}

TEST(histograms_of_pools_apart)
{
    struct world w, other;
    start_world(&w);
    store(&w, 0, 7); /* 0 has gone, the first eviction here */
    EXPECT_EQ(t, pool_init(&other.pool, "other", policy_find("fifo"), LIMIT, 1), VM_OK);
    EXPECT_EQ(t, space_init(&other.space, &other.pool, 2), VM_OK);
    pages_map(&other.space, 0, PAGES, VM_READ | VM_WRITE);
    store(&other, 0, PAGES); /* many there */
    word_load(&w.space, 0);
    EXPECT(t, histograms.refault.count == 1 && histograms.refault.sum == 1);
    /* gone from one pool, back in another */
    store(&w, 7, 13);
    EXPECT(t, page_swapped(&w.space, 0));
    w.space.pool = &other.pool;
    word_load(&w.space, 0);
    w.space.pool = &w.pool;
    EXPECT(t, histograms.refault.count == 1 && histograms.refault_unknown == 1);
    histograms_stop();
    space_destroy(&w.space);
    world_destroy(&other);
    pool_destroy(&w.pool);
}

TEST(histograms_residence_of_pages_that_moved)
{
    struct world w;
    start_world(&w);
    store(&w, 0, LIMIT);
    struct frame *from = page_frame(&w.space, 1), *to = buddy_alloc(0, ALLOC_KERNEL);
    REQUIRE(t, to != NULL);
    page_migrate(from, to);
    buddy_free(from);
    store(&w, LIMIT, LIMIT + 2);
    EXPECT(t, histograms.residence.count == 2 && histograms.residence.sum == 2 * LIMIT);
    histograms_stop();
    world_destroy(&w);
}

TEST(histograms_residence_of_a_block)
{
    enum { ORDER = 2, SIZE = 1 << ORDER, UNITS = POOL_MIN_LIMIT };
    struct world w;
    world_init(&w, "fifo", UNITS * SIZE, (UNITS + 2) * SIZE);
    w.pool.order = ORDER;
    EXPECT_EQ(t, histograms_start(), VM_OK);
    for (uint32_t i = 0; i < UNITS + 2; i++)
        word_store(&w.space, i * SIZE, 1);
    EXPECT(t, vmstat.pgfault == UNITS + 2 && vmstat.pgsteal == 2 * SIZE);
    EXPECT(t, histograms.residence.count == 2 * SIZE && histograms.residence.min == UNITS &&
                  histograms.residence.max == UNITS);
    histograms_stop();
    world_destroy(&w);
}

TEST(histograms_need_memory)
{
    uint32_t want = TEST_SLOTS * 2 * sizeof(uint32_t) / PAGE_SIZE;
    struct frame *taken[TEST_FRAMES];
    uint32_t n = 0;
    while (buddy_low_free() >= 2 * buddy_reserve() + want &&
           (taken[n] = buddy_alloc(0, ALLOC_KERNEL)) != NULL)
        n++;
    EXPECT_EQ(t, histograms_start(), VM_NO_MEMORY);
    EXPECT(t, !histograms.on);
    while (n > 0)
        buddy_free(taken[--n]);
    EXPECT_EQ(t, histograms_start(), VM_OK);
    EXPECT_EQ(t, histograms_start(), VM_OK); /* once more: afresh */
    histograms_stop();
}

/* ---- reuse distances ---- */

/* The pages in the order of their last use, the last one first: the definition itself. */
struct stack {
    uint32_t count, pages[2000];
};

static uint32_t stack_refer(struct stack *s, uint32_t page)
{
    uint32_t depth = 0;
    while (depth < s->count && s->pages[depth] != page)
        depth++;
    bool cold = depth == s->count;
    s->count += cold;
    memmove(&s->pages[1], &s->pages[0], depth * sizeof s->pages[0]);
    s->pages[0] = page;
    return cold ? REUSE_COLD : depth;
}

TEST(reuse_known_strings)
{
    enum { C = -1 };
    static const struct {
        const char *refs;
        int distances[12];
    } known[] = {
        {"a", {C}},
        {"aaa", {C, 0, 0}},
        {"abab", {C, C, 1, 1}},
        {"abcabc", {C, C, C, 2, 2, 2}},
        {"abccba", {C, C, C, 0, 1, 2}},
        {"abbbca", {C, C, 0, 0, C, 2}},                         /* different pages count, not references */
        {"123412512345", {C, C, C, C, 3, 3, C, 2, 2, 4, 4, 4}}, /* Belady's */
    };
    for (size_t k = 0; k < ARRAY_SIZE(known); k++) {
        struct reuse r = {0};
        for (size_t i = 0; known[k].refs[i] != '\0'; i++) {
            uint32_t distance;
            EXPECT(t, reuse_refer(&r, (uint32_t)known[k].refs[i], &distance));
            EXPECT_EQ(t, distance, (uint32_t)known[k].distances[i]);
        }
        reuse_end(&r);
    }
}

/* Page numbers that hash to anything, with both ends among them. */
static uint32_t page_name(uint32_t n)
{
    return n == 0 ? 0 : n == 1 ? UINT32_MAX : n * 0x01000193u;
}

/* Strings of n references to `pages` pages: half of them close to the last one. */
static void compare(struct ktest_run *t, uint32_t n, uint32_t pages, uint32_t seed)
{
    static struct stack s;
    struct reuse r = {0};
    uint32_t rng = seed, at = 0;
    s.count = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t distance;
        at = random_below(&rng, 2) == 0 ? random_below(&rng, pages) : (at + random_below(&rng, 3)) % pages;
        REQUIRE(t, reuse_refer(&r, page_name(at), &distance));
        EXPECT_EQ(t, distance, stack_refer(&s, page_name(at)));
        if (t->failures > 0)
            break;
    }
    EXPECT_EQ(t, r.count, s.count);
    reuse_end(&r);
}

TEST(reuse_against_a_stack)
{
    for (uint32_t seed = 1; seed <= 30; seed++)
        compare(t, 1000, 1 + seed * seed % 97, seed);
    /* around the sizes at which the tables grow, and the line of time begins anew */
    for (uint32_t pages = 62; pages <= 66; pages++)
        compare(t, 2000, pages, pages);
    for (uint32_t pages = 127; pages <= 130; pages++)
        compare(t, 2000, pages, pages);
    compare(t, 20000, 1900, 5);
}

/* Mattson's: distances of one pass tell the faults of an LRU memory of any size. */
TEST(reuse_tells_the_faults_of_lru)
{
    enum { REFS = 3000, SPAN = 40 };
    static uint32_t distances[REFS], refs[REFS];
    struct reuse r = {0};
    uint32_t rng = 3;
    for (uint32_t i = 0; i < REFS; i++) {
        refs[i] = random_below(&rng, 1 + random_below(&rng, SPAN));
        EXPECT(t, reuse_refer(&r, refs[i], &distances[i]));
    }
    reuse_end(&r);
    for (uint32_t frames = 1; frames <= SPAN; frames++) {
        uint32_t last[SPAN] = {0}, faults = 0, told = 0; /* when each page was used, 0: it is not there */
        for (uint32_t i = 0, resident = 0; i < REFS; i++) {
            uint32_t oldest = UINT32_MAX, victim = 0;
            told += distances[i] >= frames;
            faults += last[refs[i]] == 0;
            for (uint32_t p = 0; p < SPAN; p++)
                if (last[p] != 0 && last[p] < oldest)
                    oldest = last[victim = p];
            if (last[refs[i]] == 0 && resident == frames)
                last[victim] = 0;
            else
                resident += last[refs[i]] == 0;
            last[refs[i]] = i + 1;
        }
        EXPECT_EQ(t, told, faults);
    }
}

TEST(reuse_short_of_memory)
{
    enum { FIRST = 64 };
    struct reuse r = {0};
    struct frame *taken[TEST_FRAMES];
    uint32_t n = 0, distance;
    for (uint32_t page = 0; page < FIRST; page++)
        EXPECT(t, reuse_refer(&r, page, &distance));
    while (buddy_low_free() >= 2 * buddy_reserve() && (taken[n] = buddy_alloc(0, ALLOC_KERNEL)) != NULL)
        n++;
    EXPECT(t, !reuse_refer(&r, FIRST, &distance)); /* the first that needs more */
    EXPECT(t, reuse_refer(&r, 0, &distance));
    EXPECT_EQ(t, distance, FIRST - 1);
    while (n > 0)
        buddy_free(taken[--n]);
    EXPECT(t, reuse_refer(&r, FIRST, &distance));
    EXPECT_EQ(t, distance, REUSE_COLD);
    EXPECT(t, reuse_refer(&r, 1, &distance));
    EXPECT_EQ(t, distance, FIRST);
    reuse_end(&r);
    reuse_end(&r); /* harmless */
}
