/* SPDX-License-Identifier: MIT
 * Tests of the user heap over a fake break. The model: what is in each block, and that none overlaps another
 * shows in the content. */
#include "lib/errno.h"
#include "lib/random.h"
#include "lib/string.h"
#include "tests/host/brk.h"
#include "tests/host/test.h"
#include "user/rt/heap.h"

enum { ROOM = 64 << 20, MAX_BLOCKS = 512, GRAIN = 2 * sizeof(size_t) };

static struct item {
    uint8_t *p;
    size_t size;
    uint32_t stamp;
} items[MAX_BLOCKS];

static uint32_t stamp, large_seen;

/* Both ends and a stride between, so that large blocks are cheap and any overlap of blocks is seen: a block's
 * head and tail are where a neighbour would reach in. */
static void fill(struct item *it)
{
    it->stamp = ++stamp;
    for (size_t i = 0; i < it->size; i += MAX(it->size / 8, (size_t)1))
        it->p[i] = (uint8_t)(it->stamp + i);
    it->p[it->size - 1] = (uint8_t)(it->stamp + it->size - 1);
}

static bool intact(const struct item *it, size_t size)
{
    for (size_t i = 0; i < it->size && i < size; i += MAX(it->size / 8, (size_t)1))
        if (it->p[i] != (uint8_t)(it->stamp + i))
            return false;
    return size < it->size || it->p[it->size - 1] == (uint8_t)(it->stamp + it->size - 1);
}

/* Mostly small, some of a page or two, a few that are mapped. */
static size_t random_size(uint32_t *state)
{
    uint32_t kind = random_below(state, 1000);
    if (kind < 8)
        return random_below(state, 3 * HEAP_MAPPED) + 1;
    if (kind < 50)
        return random_below(state, 9000) + 1;
    return random_below(state, 1u << (3 + random_below(state, 7))) + 1;
}

static bool random_step(uint32_t *state)
{
    struct item *it = &items[random_below(state, MAX_BLOCKS)];
    size_t size = random_size(state);
    large_seen += heap_figures().mapped_blocks > 0;
    if (it->p == NULL) {
        bool zeroed = random_below(state, 4) == 0;
        it->p = zeroed ? heap_zalloc(size, 1) : heap_alloc(size);
        it->size = size;
        if (it->p == NULL || (uintptr_t)it->p % GRAIN != 0 || (zeroed && (it->p[0] | it->p[size - 1]) != 0))
            return false;
        fill(it);
    } else if (random_below(state, 4) == 0) {
        uint8_t *p = heap_realloc(it->p, size);
        if (p == NULL)
            return false;
        it->p = p;
        if (!intact(it, MIN(size, it->size)))
            return false;
        it->size = size;
        fill(it);
    } else {
        if (!intact(it, SIZE_MAX) || heap_usable(it->p) < it->size)
            return false;
        heap_free(it->p);
        it->p = NULL;
    }
    return true;
}

static bool figures_agree(void)
{
    struct heap_figures f = heap_figures();
    size_t requested = 0, blocks = 0;
    for (size_t i = 0; i < MAX_BLOCKS; i++) {
        if (items[i].p != NULL) {
            requested += items[i].size;
            blocks++;
        }
    }
    return f.requested + f.mapped_requested == requested && f.blocks + f.mapped_blocks == blocks &&
           f.mapped == fake_brk.mapped && f.size <= fake_brk.now - fake_brk.start && f.failures == 0;
}

static void free_all(void)
{
    for (size_t i = 0; i < MAX_BLOCKS; i++) {
        heap_free(items[i].p);
        items[i].p = NULL;
    }
}

static void run_model(struct ktest_run *t, const char *strategy, bool buddy, uint32_t steps)
{
    enum { CHECK_EVERY = 1000 };
    uint32_t state = 2463534242u;
    large_seen = 0;
    REQUIRE(t, heap_use(strategy, buddy) == 0);
    for (uint32_t i = 0; i < steps; i++) {
        REQUIRE(t, random_step(&state));
        if (i % CHECK_EVERY == 0)
            REQUIRE(t, heap_check(t->out) && figures_agree());
    }
    struct heap_figures f = heap_figures();
    EXPECT(t, f.buddy == buddy && strcmp(f.strategy, strategy) == 0);
    EXPECT(t, f.holes > 10 && f.blocks > 100 && f.allocs > steps / 3 && large_seen > steps / 1000);
    free_all();
    REQUIRE(t, heap_check(t->out));
    f = heap_figures();
    EXPECT_EQ(t, f.blocks + f.mapped_blocks + f.used + f.requested + f.mapped, 0);
    EXPECT_EQ(t, f.holes, 1);
    EXPECT(t, f.size < HEAP_TRIM + HEAP_GROW); /* the top went back */
    EXPECT_EQ(t, fake_brk.mapped, 0);
}

TEST(heap_million_operations_instant)
{
    fake_brk_start(ROOM);
    run_model(t, "instant", false, 1000 * 1000);
}

TEST(heap_every_strategy_with_and_without_rounding)
{
    fake_brk_start(ROOM);
    for (uint32_t i = 0; i < fit_count && t->failures == 0; i++) {
        run_model(t, fit_table[i]->name, false, 100 * 1000);
        run_model(t, fit_table[i]->name, true, 50 * 1000);
    }
}

/* Where each strategy puts the same block: holes of 400, 200 and 300 bytes between used blocks. */
TEST(heap_strategies_choose_their_hole)
{
    enum { SIZE = 150, A = 400, B = 200, C = 300 };
    static const struct {
        const char *name;
        int hole; /* 0: A, 1: B, 2: C, 3: the top */
    } expected[] = {{"first", 0}, {"best", 1}, {"worst", 3}, {"last", 3}, {"next", 3}};
    fake_brk_start(ROOM);
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
        REQUIRE(t, heap_use(expected[i].name, false) == 0);
        uint8_t *hole[3], *wall[3];
        size_t sizes[] = {A, B, C};
        uint8_t *low = heap_alloc(1);
        for (size_t j = 0; j < 3; j++) { /* last fit takes from the top down */
            hole[j] = heap_alloc(sizes[j]);
            wall[j] = heap_alloc(1);
        }
        for (size_t j = 0; j < 3; j++)
            heap_free(hole[j]);
        if (strcmp(expected[i].name, "last") == 0) {
            uint8_t *p = heap_alloc(SIZE);
            EXPECT(t, p > hole[0] && p < low); /* the hole next to the wall, at its end */
            heap_free(p);
        } else {
            uint8_t *p = heap_alloc(SIZE);
            EXPECT(t, expected[i].hole == 3 ? p > wall[2] : p == hole[expected[i].hole]);
            heap_free(p);
        }
        for (size_t j = 0; j < 3; j++)
            heap_free(wall[j]);
        heap_free(low);
        REQUIRE(t, heap_check(t->out));
    }
}

TEST(heap_rounds_to_powers_of_two)
{
    fake_brk_start(ROOM);
    REQUIRE(t, heap_use("best", true) == 0);
    for (size_t size = 1; size < HEAP_MAPPED; size = size * 3 + 1) {
        void *p = heap_alloc(size);
        size_t block = heap_usable(p) + 2 * sizeof(size_t);
        EXPECT(t, (block & (block - 1)) == 0 && (block / 2 < size + 2 * sizeof(size_t) || block <= 128));
        heap_free(p);
    }
}

TEST(heap_realloc_in_place)
{
    fake_brk_start(ROOM);
    uint8_t *a = heap_alloc(1000), *b = heap_alloc(1000), *c = heap_alloc(1000);
    memset(a, 'a', 1000);
    EXPECT(t, heap_realloc(a, 300) == a); /* the rest becomes a hole */
    EXPECT_EQ(t, heap_figures().holes, 2);
    EXPECT(t, heap_realloc(a, 900) == a); /* and is there again */
    heap_free(b);
    EXPECT(t, heap_realloc(a, 1900) == a); /* into the neighbour */
    uint8_t *moved = heap_realloc(a, 5000);
    EXPECT(t, moved != a && moved[0] == 'a' && moved[299] == 'a');
    EXPECT(t, heap_check(t->out));
    uint8_t *large = heap_realloc(moved, 2 * HEAP_MAPPED); /* into pages of its own */
    EXPECT(t, large[0] == 'a' && large[299] == 'a' && heap_figures().mapped_blocks == 1);
    EXPECT(t, heap_realloc(large, 2 * HEAP_MAPPED + 100) == large);
    EXPECT_EQ(t, heap_figures().mapped_requested, 2 * HEAP_MAPPED + 100);
    uint8_t *small = heap_realloc(large, 300); /* and back */
    EXPECT(t, small[299] == 'a' && heap_figures().mapped_blocks == 0 && fake_brk.mapped == 0);
    EXPECT(t, heap_check(t->out));
    heap_free(small);
    heap_free(c);
    EXPECT_EQ(t, heap_figures().holes, 1);
}

TEST(heap_grows_and_gives_the_top_back)
{
    enum { COUNT = 100, SIZE = 10000 };
    fake_brk_start(ROOM);
    uint8_t *p[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        p[i] = heap_alloc(SIZE);
    size_t high = fake_brk.now - fake_brk.start;
    EXPECT(t, high >= COUNT * SIZE && high < COUNT * SIZE + 2 * HEAP_GROW + COUNT * 16);
    EXPECT(t, fake_brk.moves <= COUNT * SIZE / HEAP_GROW + 1); /* not one for each block */
    for (size_t i = COUNT; i-- > 1;)
        heap_free(p[i]);
    EXPECT(t, fake_brk.now - fake_brk.start < HEAP_TRIM + HEAP_GROW);
    EXPECT_EQ(t, heap_figures().size,
              fake_brk.now - fake_brk.start - ALIGN_UP(fake_brk.start, GRAIN) + fake_brk.start);
    EXPECT(t, heap_figures().peak_size >= COUNT * SIZE);
    EXPECT(t, heap_check(t->out));
    heap_free(p[0]);
    EXPECT(t, heap_use("first", false) == 0); /* nothing is allocated: all of it */
    EXPECT_EQ(t, fake_brk.now, ALIGN_UP(fake_brk.start, GRAIN));
    EXPECT_EQ(t, heap_figures().size, 0);
}

TEST(heap_ends_where_memory_does)
{
    enum { COUNT = 4096 };
    static void *p[COUNT];
    fake_brk_start(1 << 20);
    size_t n = 0;
    while (n < COUNT && (p[n] = heap_alloc(1000)) != NULL)
        n++;
    EXPECT(t, n > 1000 && n < 1040); /* 1 MiB, to the last page */
    EXPECT_EQ(t, heap_figures().failures, 1);
    EXPECT(t, heap_realloc(p[0], 5000) == NULL && heap_check(t->out));
    EXPECT(t, heap_usable(p[0]) >= 1000); /* what could not grow is as it was */
    EXPECT(t, heap_alloc((size_t)2 << 30) == NULL && heap_zalloc(SIZE_MAX / 2, 3) == NULL);
    EXPECT(t, heap_alloc(SIZE_MAX) == NULL && heap_alloc(SIZE_MAX - 20) == NULL);
    fake_brk.map_limit = 0;
    EXPECT(t, heap_alloc(HEAP_MAPPED) == NULL && heap_check(t->out));
    while (n > 0)
        heap_free(p[--n]);
    EXPECT(t, heap_check(t->out) && heap_figures().holes == 1);
}

TEST(heap_lives_with_others_who_move_the_break)
{
    fake_brk_start(ROOM);
    void *first = heap_alloc(5000);
    fake_brk_move(12345); /* no multiple of anything */
    memset((void *)(fake_brk.now - 12345), 0xee, 12345);
    void *p[40];
    for (size_t i = 0; i < ARRAY_SIZE(p); i++)
        p[i] = heap_alloc(5000);
    EXPECT(t, heap_check(t->out));
    struct text_printer text;
    text_start(&text);
    heap_print(&text.to);
    EXPECT_HAS(t, &text, " X123");
    for (size_t i = 0; i < ARRAY_SIZE(p); i++)
        heap_free(p[i]);
    heap_free(first);
    EXPECT(t, heap_check(t->out) && heap_figures().holes == 2);
    EXPECT(t, heap_use("worst", false) == 0 && heap_check(t->out)); /* what is behind him cannot go back */
    EXPECT_EQ(t, heap_figures().holes, 2);
    first = heap_alloc(70000);
    EXPECT(t, first != NULL && heap_check(t->out));
    heap_free(first);
    fake_brk_move(-(intptr_t)20000);
    EXPECT_PANIC(t, "somebody moved the break down", EXPECT(t, heap_alloc(120000) != NULL));
}

TEST(heap_names_what_is_wrong)
{
    fake_brk_start(ROOM);
    EXPECT_EQ(t, heap_use("nosuch", false), -EINVAL);
    uint8_t *a = heap_alloc(100), *b = heap_alloc(100), *c = heap_alloc(HEAP_MAPPED);
    EXPECT_EQ(t, heap_use("first", false), -EBUSY);
    int local;
    memset(a, 0xff, 100);
    heap_free(NULL);
    EXPECT_PANIC(t, "it is not aligned to", heap_free(a + 1));
    EXPECT_PANIC(t, "is no block of the heap", heap_free(&local - (uintptr_t)&local % GRAIN / sizeof local));
    EXPECT_PANIC(t, "is no block of the heap", heap_free(c + GRAIN));
    EXPECT_PANIC(t, "starts no block, or its tag was overwritten", heap_free(a + 2 * GRAIN));
    EXPECT_PANIC(t, "free already", (heap_free(a), heap_free(a)));
    EXPECT_PANIC(t, "realloc: ", EXPECT(t, (heap_free(a), heap_realloc(a, 5)) == NULL));
    EXPECT_PANIC(t, "is no block of the heap", (heap_free(c), heap_free(c)));
    memset(a, 0, heap_usable(a) + sizeof(size_t)); /* over b's tag */
    EXPECT_PANIC(t, "starts no block, or its tag was overwritten", heap_free(a));
    EXPECT_PANIC(t, "free: ", heap_free(b));
    struct text_printer text;
    text_start(&text);
    EXPECT(t, !heap_check(&text.to));
    EXPECT_HAS(t, &text, "heap: the block at ");
}

static int from_environment(const char *text)
{
    char copy[40], other[] = "HOME=/";
    char *envp[] = {other, copy, NULL};
    str_copy(copy, sizeof copy, text);
    return heap_use_environment(envp);
}

TEST(heap_strategy_from_the_environment)
{
    fake_brk_start(ROOM);
    EXPECT_EQ(t, from_environment("HEAP=worst"), 0);
    EXPECT(t, strcmp(heap_figures().strategy, "worst") == 0 && !heap_figures().buddy);
    EXPECT_EQ(t, from_environment("HEAP=instant,buddy"), 0);
    EXPECT(t, strcmp(heap_figures().strategy, "instant") == 0 && heap_figures().buddy);
    EXPECT_EQ(t, from_environment("HEAPS=first"), 0);
    EXPECT(t, strcmp(heap_figures().strategy, "instant") == 0);
    static const char *const bad[] = {"HEAP=",
                                      "HEAP=nosuch",
                                      "HEAP=best,",
                                      "HEAP=best,budd",
                                      "HEAP=best,buddyx",
                                      "HEAP=,buddy",
                                      "HEAP=best buddy",
                                      "HEAP=aaaaaaaaaaaaaaaaaaaaaaaa,buddy"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        EXPECT_EQ(t, from_environment(bad[i]), -EINVAL);
}
