/* SPDX-License-Identifier: MIT
 * Tests of kmalloc: sizes, krealloc, and a million random operations against a model. */
#include "lib/random.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/slab_core.h"
#include "tests/host/test.h"

TEST(kmalloc_every_size)
{
    enum { LAST = 18000, STEP = 7 };
    static uint8_t *got[LAST];
    machine_build(20000, TEST_RESERVE, 0);
    for (uint32_t level = 0; level <= SLAB_DEBUG_MAX; level++) {
        slab_set_debug(level);
        for (uint32_t n = 1; n < LAST; n += n < 300 ? 1 : STEP) {
            uint8_t *p = got[n] = kmalloc(n);
            REQUIRE(t, p != NULL && (uintptr_t)p % 8 == 0);
            memset(p, (int)n, n);
        }
        REQUIRE(t, slab_check(t->out));
        for (uint32_t n = 1; n < LAST; n += n < 300 ? 1 : STEP) {
            REQUIRE(t, got[n][0] == (uint8_t)n && memcmp(got[n], got[n] + 1, n - 1) == 0);
            kfree(got[n]);
        }
    }
}

TEST(kmalloc_wastes_at_most_a_quarter)
{
    uint64_t asked = 0, given = 0;
    for (uint32_t n = 1; n <= 14 * 1024; n++) {
        void *p = kmalloc(n);
        size_t size = kmalloc_size(p);
        REQUIRE(t, size >= n && (n <= 24 || (size - n) * 4 <= size));
        asked += n;
        given += size;
        kfree(p);
    }
    EXPECT(t, given * 100 / asked <= 112);
    for (uint32_t n = PAGE_SIZE; n <= 16 * PAGE_SIZE; n += PAGE_SIZE) {
        for (uint32_t level = 0; level <= SLAB_DEBUG_MAX; level++) {
            slab_set_debug(level);
            void *p = kmalloc(n);
            EXPECT_EQ(t, (uintptr_t)p % PAGE_SIZE, 0);
            kfree(p);
        }
    }
}

TEST(kmalloc_edges)
{
    EXPECT(t, kmalloc(0) == NULL);
    EXPECT(t, kzalloc(0) == NULL);
    EXPECT(t, kmalloc(((size_t)PAGE_SIZE << BUDDY_MAX_ORDER) + 1) == NULL);
    EXPECT(t, kmalloc(SIZE_MAX) == NULL);
    EXPECT(t, kmalloc(SIZE_MAX - 6) == NULL);
    kfree(NULL);
    void *page = kmalloc(PAGE_SIZE);
    memset(page, 1, PAGE_SIZE);
    kfree(page);
    static const size_t sizes[] = {1, 20, 3000, PAGE_SIZE, 5 * PAGE_SIZE};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        uint8_t *zero = kzalloc(sizes[i]);
        REQUIRE(t, zero != NULL && zero[0] == 0 && memcmp(zero, zero + 1, sizes[i] - 1) == 0);
        kfree(zero);
    }
}

/* A slab of several frames cannot be had, but one frame can. */
TEST(kmalloc_makes_do_with_a_smaller_block)
{
    static struct frame *frames[2 * TEST_FRAMES];
    uint32_t n = 0;
    while ((frames[n] = buddy_alloc(0, ALLOC_KERNEL)) != NULL)
        n++;
    buddy_free(frames[--n]);
    void *p = kmalloc(1500);
    EXPECT(t, p != NULL);
    EXPECT_EQ(t, kmalloc_size(p), PAGE_SIZE);
    EXPECT(t, kmalloc(1500) == NULL);
    EXPECT(t, slab_check(t->out));
    kfree(p);
    while (n > 0)
        buddy_free(frames[--n]);
}

TEST(krealloc_moves_only_if_it_must)
{
    char *p = krealloc(NULL, 20);
    REQUIRE(t, p != NULL);
    EXPECT_EQ(t, kmalloc_size(p), 24);
    str_copy(p, 20, "nineteen characters");
    EXPECT(t, krealloc(p, 24) == p);
    EXPECT(t, krealloc(p, 13) == p);
    char *q = krealloc(p, 12); /* a half is given back */
    REQUIRE(t, q != NULL && q != p);
    EXPECT_EQ(t, memcmp(q, "nineteen cha", 12), 0);
    EXPECT_EQ(t, kmalloc_size(q), 16);
    for (size_t size = 12; size < 100000; size += size / 3) {
        q = krealloc(q, size);
        REQUIRE(t, q != NULL && kmalloc_size(q) >= size);
        EXPECT_EQ(t, memcmp(q, "nineteen cha", 12), 0);
    }
    EXPECT(t, krealloc(q, SIZE_MAX) == NULL); /* and q is as it was */
    EXPECT_EQ(t, memcmp(q, "nineteen cha", 12), 0);
    q = krealloc(q, 12);
    EXPECT_EQ(t, kmalloc_size(q), 16);
    EXPECT(t, krealloc(q, 0) == NULL);
    EXPECT(t, krealloc(NULL, 0) == NULL);
    slab_set_debug(1);
    p = kmalloc(20);
    EXPECT_EQ(t, kmalloc_size(p), 20);
    EXPECT(t, krealloc(p, 20) == p);
    q = krealloc(p, 21); /* guarded: the old place is nobody's any more */
    EXPECT(t, q != NULL && q != p);
    kfree(q);
}

/* ---- the model ---- */

enum { HELD = 6000, LARGE = 20000 };

static struct held {
    uint8_t *p;
    uint32_t size;
    uint8_t stamp;
    bool object; /* of the cache, not of kmalloc */
} held[HELD];
static uint32_t count;
static uint32_t rng;

static struct slab_cache objects = SLAB_CACHE_INIT(objects, "model", 44);

static uint32_t some_size(void)
{
    switch (random_below(&rng, 16)) {
    case 0:
        return 1 + random_below(&rng, LARGE);
    case 1:
        return 1 + random_below(&rng, 3000);
    default:
        return 1 + random_below(&rng, 200);
    }
}

static bool intact(const struct held *h)
{
    return h->p[0] == h->stamp && memcmp(h->p, h->p + 1, h->size - 1) == 0;
}

/* => false if there was no memory */
static bool hold(uint8_t *p, uint32_t size, bool object)
{
    if (p == NULL)
        return false;
    uint8_t stamp = (uint8_t)random_next(&rng);
    memset(p, stamp, size);
    held[count++] = (struct held){p, size, stamp, object};
    return true;
}

static void drop(struct ktest_run *t, uint32_t i)
{
    EXPECT(t, intact(&held[i]));
    if (held[i].object)
        slab_free(&objects, held[i].p);
    else
        kfree(held[i].p);
    held[i] = held[--count];
}

static void resize(struct ktest_run *t, uint32_t i)
{
    struct held *h = &held[i];
    uint32_t size = some_size();
    EXPECT(t, intact(h));
    uint8_t *p = krealloc(h->p, size);
    if (p == NULL)
        return;
    h->p = p;
    h->size = MIN(h->size, size);
    EXPECT(t, intact(h));
    h->size = size;
    memset(p, h->stamp, size);
}

/* Grows to about `aim` held objects, and is about there from then on. */
static void step(struct ktest_run *t, uint32_t aim)
{
    uint32_t what = random_below(&rng, 100);
    if (what < 4 && count > 0) {
        uint32_t i = random_below(&rng, count);
        if (!held[i].object)
            resize(t, i);
    } else if (random_below(&rng, 2 * aim) >= count && count < HELD) {
        bool object = what >= 80;
        uint32_t size = object ? objects.size : some_size();
        if (!hold(object ? slab_alloc(&objects) : kmalloc(size), size, object) && count > 0)
            drop(t, random_below(&rng, count));
    } else if (count > 0) {
        drop(t, what < 50 ? count - 1 : random_below(&rng, count));
    }
}

static uint32_t objects_in_use(void)
{
    uint32_t n = kmalloc_big.blocks;
    for (struct slab_cache *c = slab_caches; c != NULL; c = c->next)
        if (strcmp(c->name, "slab") != 0) /* headers are the allocator's own */
            n += slab_objects(c);
    return n;
}

static void random_operations(struct ktest_run *t, uint32_t ops, uint32_t seed)
{
    enum { CHECK_EVERY = 1000, PHASE = 40000 };
    static const uint32_t aims[] = {2000, 100, 5000, 20};
    uint32_t before = objects_in_use(), frames = buddy_free_frames() + slab_frames();
    rng = seed;
    count = 0;
    for (uint32_t op = 1; op <= ops; op++) {
        step(t, aims[op / PHASE % ARRAY_SIZE(aims)]);
        if (op % CHECK_EVERY != 0)
            continue;
        REQUIRE(t, slab_check(t->out) && buddy_check(t->out));
        REQUIRE(t, objects_in_use() == before + count);
        REQUIRE(t, buddy_free_frames() + slab_frames() == frames);
        if (random_below(&rng, 30) == 0)
            slab_reap();
    }
    while (count > 0)
        drop(t, count - 1);
    REQUIRE(t, objects_in_use() == before);
}

TEST(kmalloc_a_million_random_operations)
{
    machine_build(2000, TEST_RESERVE, 0);
    random_operations(t, 1000000, 77);
}

TEST(kmalloc_random_operations_guarded)
{
    machine_build(2000, TEST_RESERVE, 0);
    for (uint32_t level = 1; level <= SLAB_DEBUG_MAX; level++) {
        slab_set_debug(level);
        random_operations(t, 200000, 78 + level);
    }
}

/* Objects outlive the level that they were made at. */
TEST(kmalloc_random_operations_with_changing_guards)
{
    machine_build(2000, TEST_RESERVE, 0);
    rng = 91;
    count = 0;
    for (uint32_t round = 0; round < 60; round++) {
        slab_set_debug(random_below(&rng, SLAB_DEBUG_MAX + 1));
        REQUIRE(t, slab_check(t->out));
        for (uint32_t op = 0; op < 2000; op++)
            step(t, 1500);
        REQUIRE(t, slab_check(t->out) && buddy_check(t->out));
    }
    while (count > 0)
        drop(t, count - 1);
    slab_reap();
    EXPECT(t, slab_check(t->out));
    EXPECT_EQ(t, objects.slabs, 0);
}
