/* SPDX-License-Identifier: MIT
 * Tests of the slab caches and kmalloc. */
#include "lib/random.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/slab.h"
#include "tests/host/test.h"

struct thing {
    uint32_t word[10];
};

static struct slab_cache cache = SLAB_CACHE_INIT(cache, "thing", sizeof(struct thing));

TEST(slab_objects_are_distinct_and_whole)
{
    enum { COUNT = 1000 };
    static struct thing *things[COUNT];
    uint32_t before = slab_frames();
    for (uint32_t i = 0; i < COUNT; i++) {
        things[i] = slab_alloc(&cache);
        REQUIRE(t, things[i] != NULL && (uintptr_t)things[i] % 8 == 0);
        for (size_t j = 0; j < ARRAY_SIZE(things[i]->word); j++)
            things[i]->word[j] = i;
    }
    EXPECT_EQ(t, slab_objects(&cache), COUNT);
    EXPECT_EQ(t, slab_frames() - before, cache.frames);
    EXPECT(t, slab_check(t->out));
    for (uint32_t i = 0; i < COUNT; i++) {
        for (size_t j = 0; j < ARRAY_SIZE(things[i]->word); j++)
            REQUIRE(t, things[i]->word[j] == i);
        if (i % 2)
            slab_free(&cache, things[i]);
    }
    EXPECT(t, slab_check(t->out));
    for (uint32_t i = 0; i < COUNT; i += 2)
        slab_free(&cache, things[i]);
    EXPECT_EQ(t, slab_objects(&cache), 0);
    EXPECT(t, cache.slabs > 0); /* some are kept, */
    slab_reap();                /* ... until memory is short */
    EXPECT_EQ(t, cache.slabs, 0);
    EXPECT_EQ(t, slab_frames(), before);
}

TEST(slab_free_refuses_what_it_must)
{
    struct thing *a = slab_alloc(&cache), *b = slab_alloc(&cache);
    REQUIRE(t, a != NULL && b != NULL);
    EXPECT_PANIC(t, "but freed at", {
        void *other = kmalloc(64);
        slab_free(&cache, other);
    });
    EXPECT_PANIC(t, "in a frame of kind", kfree(frame_ptr(frame_of(pfn_of(MACHINE_RAM_BASE)))));
    EXPECT_PANIC(t, "does not start a block", {
        char *big = kmalloc(4 * PAGE_SIZE);
        kfree(big + PAGE_SIZE);
    });
    EXPECT_PANIC(t, "", { /* both objects back twice: the frame is gone by then */
                          slab_free(&cache, a);
                          slab_free(&cache, b);
                          slab_free(&cache, b);
    });
    slab_free(&cache, a);
    slab_free(&cache, b);
}

TEST(slab_check_names_what_is_broken)
{
    struct text_printer said;
    struct thing *a = slab_alloc(&cache);
    REQUIRE(t, a != NULL);
    text_start(&said);
    cache.frames++;
    EXPECT(t, !slab_check(&said.to));
    EXPECT_HAS(t, &said, "cache thing counts");
    cache.frames--;
    slab_free(&cache, a);
}

TEST(slab_grows_from_the_reserve_and_then_says_no)
{
    static void *frames[2 * TEST_FRAMES];
    uint32_t n = 0;
    while ((frames[n] = buddy_alloc(0, ALLOC_USER)) != NULL)
        n++;
    void *object = slab_alloc(&cache); /* user pages leave the reserve alone */
    EXPECT(t, object != NULL);
    while ((frames[n] = buddy_alloc(0, ALLOC_KERNEL)) != NULL)
        n++;
    EXPECT(t, kmalloc(2000) == NULL);
    EXPECT(t, kmalloc(2 * PAGE_SIZE) == NULL);
    EXPECT(t, slab_check(t->out));
    while (n > 0)
        buddy_free(frames[--n]);
    slab_free(&cache, object);
}

TEST(kmalloc_every_size)
{
    static const size_t sizes[] = {1,    8,    15,   16,   17,   63,    64,   65,   127,
                                   128,  129,  500,  513,  1000, 1001,  2015, 2016, 2017,
                                   4095, 4096, 4097, 8192, 8193, 65536, 70000};
    void *got[ARRAY_SIZE(sizes)];
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        got[i] = kmalloc(sizes[i]);
        REQUIRE(t, got[i] != NULL && (uintptr_t)got[i] % 8 == 0);
        if (sizes[i] % PAGE_SIZE == 0)
            EXPECT_EQ(t, (uintptr_t)got[i] % PAGE_SIZE, 0);
        memset(got[i], (int)i, sizes[i]);
    }
    EXPECT(t, slab_check(t->out));
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
        for (size_t j = 0; j < sizes[i]; j++)
            REQUIRE(t, ((uint8_t *)got[i])[j] == (uint8_t)i);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
        kfree(got[i]);
    EXPECT(t, kmalloc(0) == NULL);
    EXPECT(t, kmalloc(((size_t)PAGE_SIZE << BUDDY_MAX_ORDER) + 1) == NULL);
    EXPECT(t, kmalloc(SIZE_MAX) == NULL);
    kfree(NULL);
    uint8_t *zero = kzalloc(3000);
    REQUIRE(t, zero != NULL);
    for (int i = 0; i < 3000; i++)
        REQUIRE(t, zero[i] == 0);
    kfree(zero);
}

TEST(kmalloc_random_operations)
{
    enum { HELD = 300, OPS = 30000, CHECK_EVERY = 1000 };
    struct {
        uint8_t *p;
        size_t size;
        uint8_t byte;
    } held[HELD];
    uint32_t n = 0, rng = 77;
    for (uint32_t op = 0; op < OPS; op++) {
        if (n < HELD && random_below(&rng, 2)) {
            size_t size = random_below(&rng, 8) ? 1 + random_below(&rng, 600) : 1 + random_below(&rng, 9000);
            uint8_t *p = kmalloc(size);
            if (p == NULL)
                continue;
            memset(p, (int)op, size);
            held[n].p = p;
            held[n].size = size;
            held[n++].byte = (uint8_t)op;
        } else if (n > 0) {
            uint32_t i = random_below(&rng, n);
            REQUIRE(t, held[i].p[0] == held[i].byte && held[i].p[held[i].size - 1] == held[i].byte);
            kfree(held[i].p);
            held[i] = held[--n];
        }
        if (op % CHECK_EVERY == 0)
            REQUIRE(t, slab_check(t->out) && buddy_check(t->out));
    }
    while (n > 0)
        kfree(held[--n].p);
}
