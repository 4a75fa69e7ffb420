/* SPDX-License-Identifier: MIT
 * Tests of the slab caches and kmalloc. */
#include "lib/command.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/reclaim.h"
#include "mm/slab_core.h"
#include "tests/host/pages.h"
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
    EXPECT_PANIC(t, "as one of cache thing", {
        void *other = kmalloc(64);
        slab_free(&cache, other);
    });
    EXPECT_PANIC(t, "as one of cache thing", {
        void *other = kmalloc(2048);
        slab_free(&cache, other);
    });
    EXPECT_PANIC(t, "but is in no slab", slab_free(&cache, kmalloc(4 * PAGE_SIZE)));
    EXPECT_PANIC(t, "is freed twice", {
        slab_free(&cache, a);
        slab_free(&cache, a);
    });
    slab_free(&cache, a);
    slab_free(&cache, b);
}

/* All objects of a slab are back, and one comes again. */
TEST(slab_free_counts)
{
    enum { SLABS = 3 };
    static struct thing *things[1000];
    struct thing *first = slab_alloc(&cache);
    uint32_t per_slab = cache.plain.capacity, count = SLABS * per_slab - 1;
    REQUIRE(t, first != NULL && count < ARRAY_SIZE(things));
    for (uint32_t i = 0; i < count; i++)
        REQUIRE(t, (things[i] = slab_alloc(&cache)) != NULL);
    for (uint32_t i = 0; i < per_slab - 1; i++)
        slab_free(&cache, things[i]);
    slab_free(&cache, first);
    EXPECT_EQ(t, cache.empties, 1);
    EXPECT(t, slab_check(t->out));
    EXPECT_PANIC(t, "is freed twice", slab_free(&cache, things[0]));
    for (uint32_t i = per_slab - 1; i < count; i++)
        slab_free(&cache, things[i]);
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
    struct slab *s = slab_at_page(a);
    struct frame *f = frame_of_ptr(a);
    f->slab = NULL;
    EXPECT(t, !slab_check(&said.to));
    EXPECT_HAS(t, &said, "its frames say something else");
    f->slab = s;
    void *ready = cache.free;
    cache.free = (char *)ready + 8;
    EXPECT(t, !slab_check(&said.to));
    EXPECT_HAS(t, &said, "what is ready is not of its current slab");
    cache.free = ready;
    EXPECT(t, slab_check(t->out));
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

/* ---- constructors ---- */

enum { FRESH = 0x600d };
static uint32_t constructed, destructed;

static void construct(void *object)
{
    for (uint32_t i = 0; i < ARRAY_SIZE(((struct thing *)object)->word); i++)
        ((struct thing *)object)->word[i] = FRESH + i;
    constructed++;
}

static void destruct(void *object)
{
    destructed += ((struct thing *)object)->word[0] == FRESH;
}

static struct slab_cache built =
    SLAB_CACHE_CTOR_INIT(built, "built", sizeof(struct thing), construct, destruct);

static bool fresh(const struct thing *o)
{
    for (uint32_t i = 0; i < ARRAY_SIZE(o->word); i++)
        if (o->word[i] != FRESH + i)
            return false;
    return true;
}

/* What a constructor did lasts while the object comes and goes; each is undone when the slab goes. */
TEST(slab_objects_stay_constructed)
{
    enum { COUNT = 300, ROUNDS = 5 };
    static struct thing *things[COUNT];
    for (uint32_t level = 0; level <= SLAB_DEBUG_MAX; level++) {
        slab_set_debug(level);
        constructed = destructed = 0;
        for (uint32_t round = 0; round < ROUNDS; round++) {
            for (uint32_t i = 0; i < COUNT; i++) {
                things[i] = slab_alloc(&built);
                REQUIRE(t, things[i] != NULL && fresh(things[i]));
                things[i]->word[0] = i;
                things[i]->word[9] = ~i;
            }
            for (uint32_t i = 0; i < COUNT; i++)
                REQUIRE(t, things[i]->word[0] == i && things[i]->word[9] == ~i &&
                               things[i]->word[5] == FRESH + 5);
            EXPECT_EQ(t, slab_objects(&built), COUNT);
            REQUIRE(t, slab_check(t->out));
            for (uint32_t i = 0; i < COUNT; i++) {
                things[i]->word[0] = FRESH;
                things[i]->word[9] = FRESH + 9;
                slab_free(&built, things[i]);
            }
        }
        EXPECT(t, constructed >= COUNT && constructed < ROUNDS * COUNT); /* not each time */
        slab_reap();
        EXPECT_EQ(t, destructed, constructed);
        EXPECT_EQ(t, built.slabs, 0);
    }
}

/* ---- empty slabs ---- */

TEST(slab_empty_ones_are_kept_within_bounds)
{
    enum { COUNT = 4000 };
    static struct thing *things[COUNT];
    for (uint32_t i = 0; i < COUNT; i++)
        REQUIRE(t, (things[i] = slab_alloc(&cache)) != NULL);
    uint32_t most = cache.slabs;
    for (uint32_t i = 0; i < COUNT; i++) {
        slab_free(&cache, things[i]);
        REQUIRE(t, cache.empties <= most / 8 + 1);
    }
    EXPECT(t, cache.empties > 0 && cache.slabs <= most / 8 + 2); /* one is current still */
    EXPECT_EQ(t, slab_reapable(), cache.empties);
    uint32_t free = buddy_free_frames(), held = cache.frames;
    EXPECT_EQ(t, slab_reap(), held);
    EXPECT_EQ(t, buddy_free_frames(), free + held);
    EXPECT_EQ(t, slab_reapable(), 0);
    EXPECT_EQ(t, slab_reap(), 0);
}

/* => as many objects of `c` as there are frames for, each holding the one before */
static uint32_t take_all(struct slab_cache *c, void **last)
{
    uint32_t n = 0;
    for (void **o; (o = slab_alloc(c)) != NULL; *last = o, n++)
        *o = *last;
    return n;
}

static void free_all(struct slab_cache *c, void *last)
{
    while (last != NULL) {
        void *next = *(void **)last;
        slab_free(c, last);
        last = next;
    }
}

/* What one cache keeps is another's when there is nothing else; user pages do not go before it. */
TEST(slab_kept_ones_go_before_others_starve)
{
    static struct slab_cache other = SLAB_CACHE_INIT(other, "other", SLAB_MAX);
    struct world w;
    void *last = NULL, *kept = slab_alloc(&cache);
    world_init(&w, "fifo", TEST_FRAMES, 20);
    page_touch(&w.space, 0);
    uint32_t n = take_all(&other, &last);
    slab_free(&cache, kept);
    EXPECT_EQ(t, buddy_free_frames(), 0);
    void *one = slab_alloc(&other);
    EXPECT(t, one != NULL); /* on cache's frame */
    EXPECT_EQ(t, cache.slabs, 0);
    slab_free(&other, one);
    EXPECT_EQ(t, buddy_free_frames(), 0);
    EXPECT_EQ(t, memory_evict(), VM_OK);
    EXPECT_EQ(t, buddy_free_frames(), 1);
    EXPECT(t, page_frame(&w.space, 0) != NULL);
    EXPECT(t, n > 2);
    free_all(&other, last);
    world_destroy(&w);
}

/* A page of a process comes out of kept slabs, too, and nobody's page goes for it. */
TEST(slab_kept_ones_become_pages)
{
    enum { MANY = 30 };
    struct frame *hoard[2 * TEST_FRAMES];
    struct world w;
    void *big[MANY];
    uint32_t n = 0;
    world_init(&w, "fifo", TEST_FRAMES, 20);
    for (uint32_t i = 0; i < 4; i++)
        page_touch(&w.space, i);
    for (uint32_t i = 0; i < MANY; i++)
        REQUIRE(t, (big[i] = kmalloc(3000)) != NULL);
    for (uint32_t i = 0; i < MANY; i++)
        kfree(big[i]);
    EXPECT(t, slab_reapable() > 0);
    while ((hoard[n] = buddy_alloc(0, ALLOC_USER)) != NULL)
        n++;
    uint32_t evictions = w.pool.evictions;
    page_touch(&w.space, 4);
    EXPECT_EQ(t, w.pool.evictions, evictions);
    EXPECT_EQ(t, slab_reapable(), 0);
    while (n > 0)
        buddy_free(hoard[--n]);
    world_destroy(&w);
}

/* ---- what the console shows ---- */

static bool command(struct text_printer *said, int argc, const char *const *argv)
{
    char words[3][16];
    char *pointers[3];
    for (int i = 0; i < argc; i++) {
        str_copy(words[i], sizeof words[i], argv[i]);
        pointers[i] = words[i];
    }
    text_start(said);
    for (const struct command *const *c = __start_commands; c < __stop_commands; c++)
        if (strcmp((*c)->name, "slab") == 0)
            return (*c)->run(argc, pointers, &said->to) == 0;
    return false;
}

#define COMMAND_IS(said, ...)                                                            \
    command(said, sizeof((const char *const[]){"slab", ##__VA_ARGS__}) / sizeof(char *), \
            (const char *const[]){"slab", ##__VA_ARGS__})

TEST(slab_command)
{
    static struct text_printer said;
    void *a = slab_alloc(&cache), *b = slab_alloc(&built), *big = kmalloc(5 * PAGE_SIZE);
    EXPECT(t, COMMAND_IS(&said));
    EXPECT_HAS(t, &said, "slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> ");
    EXPECT_HAS(t, &said,
               "\nthing                  1    101     40  101    1 : tunables    0    0    0 : slabdata      "
               "1      1      0\n");
    EXPECT_HAS(t, &said, "\nslabs: frames=10 empty=0 reapable=0 debug=0\nbig: blocks=1 frames=8\n");
    slab_free(&built, b);
    EXPECT(t, COMMAND_IS(&said));
    EXPECT_HAS(t, &said, "\nslabs: frames=10 empty=1 reapable=1 debug=0\n");
    EXPECT(t, COMMAND_IS(&said, "reap"));
    EXPECT_HAS(t, &said, "slab: frames=1 given back\n");
    EXPECT(t, COMMAND_IS(&said, "debug"));
    EXPECT_HAS(t, &said, "slab: debug=0\n");
    EXPECT(t, COMMAND_IS(&said, "debug", "2"));
    EXPECT_HAS(t, &said, "slab: debug=2\n");
    EXPECT(t, COMMAND_IS(&said));
    EXPECT_HAS(t, &said, "\nthing                  1    101     40   39    1 :"); /* new slabs have fewer */
    EXPECT(t, !COMMAND_IS(&said, "debug", "3"));
    EXPECT_HAS(t, &said, "slab: debug 3: expected 0 to 2\n");
    EXPECT(t, !COMMAND_IS(&said, "shrink"));
    EXPECT_HAS(t, &said, "slab: shrink: expected reap, or debug and a level\n");
    kfree(big);
    slab_free(&cache, a);
}
