/* SPDX-License-Identifier: MIT
 * Tests of guarded objects: each error that their users can make is reported, with who it was. */
#include "lib/string.h"
#include "lib/symbol.h"
#include "mm/slab_core.h"
#include "tests/host/test.h"

struct thing {
    uint8_t byte[52];
};

static void nothing(void *object UNUSED)
{
}

static struct slab_cache cache = SLAB_CACHE_INIT(cache, "guarded", sizeof(struct thing));
static struct slab_cache built =
    SLAB_CACHE_CTOR_INIT(built, "built-guarded", sizeof(struct thing), nothing, nothing);

/* Addresses are named by what symbol_lookup says: here by the function, if it is one of these. */
static NOINLINE void take_here(void **p)
{
    *p = kmalloc(30);
    __asm__ volatile("");
}

static NOINLINE void free_here(void *p)
{
    kfree(p);
    __asm__ volatile("");
}

static const char *lookup(uintptr_t address, uint32_t *offset)
{
    enum { LONGEST = 200 }; /* bytes of code */
    const struct {
        const char *name;
        uintptr_t at;
    } known[] = {{"take_here", (uintptr_t)take_here}, {"free_here", (uintptr_t)free_here}};
    const char *best = NULL;
    *offset = LONGEST;
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (address >= known[i].at && address - known[i].at < *offset) {
            *offset = (uint32_t)(address - known[i].at);
            best = known[i].name;
        }
    }
    return best;
}

TEST(guard_names_who_took_and_who_freed)
{
    void *p = NULL;
    symbol_lookup = lookup;
    slab_set_debug(1);
    take_here(&p);
    EXPECT_PANIC(t, "of cache kmalloc-32, of 30 bytes, is 0x7; allocated at take_here+", {
        ((uint8_t *)p)[30] = 7;
        kfree(p);
    });
    EXPECT_PANIC(t, "now at free_here+", {
        free_here(p);
        free_here(p);
    });
    EXPECT_PANIC(t, "; allocated at take_here+", {
        free_here(p);
        free_here(p);
    });
    EXPECT_PANIC(t, ", freed at free_here+", {
        free_here(p);
        free_here(p);
    });
    free_here(p);
}

/* All sizes of objects, and every byte on both sides that is nobody's. */
TEST(guard_sees_what_is_written_outside)
{
    static const size_t sizes[] = {1, 8, 20, 52, 100, 500, 1000, 2000, 3000, 6000};
    for (uint32_t level = 1; level <= SLAB_DEBUG_MAX; level++) {
        slab_set_debug(level);
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
            uint8_t *p = kmalloc(sizes[i]);
            REQUIRE(t, p != NULL);
            static const int around[] = {-16, -1, 0, 1, 7};
            for (size_t k = 0; k < ARRAY_SIZE(around); k++) {
                uint8_t *at = around[k] < 0 ? p + around[k] : p + sizes[i] + around[k], was = *at;
                struct text_printer said;
                text_start(&said);
                EXPECT(t, slab_check(t->out));
                *at ^= 0x40;
                EXPECT(t, !slab_check(&said.to));
                EXPECT_HAS(t, &said, around[k] < 0 ? "slab: underflow: byte -" : "slab: overflow: byte ");
                EXPECT_PANIC(t, around[k] < 0 ? "slab: underflow: byte -" : "slab: overflow: byte ",
                             kfree(p));
                *at = was;
            }
            memset(p, 0, sizes[i]);
            kfree(p);
        }
    }
}

TEST(guard_sees_writes_after_free)
{
    struct text_printer said;
    slab_set_debug(2);
    uint8_t *p = slab_alloc(&cache);
    REQUIRE(t, p != NULL && p[0] == p[51]); /* set to something, not zero */
    EXPECT(t, p[0] != 0);
    slab_free(&cache, p);
    p[51] = 0;
    text_start(&said);
    EXPECT(t, !slab_check(&said.to));
    EXPECT_HAS(t, &said, "slab: use after free: object ");
    EXPECT_HAS(t, &said, " was written to, at byte 51 or later; allocated at ");
    EXPECT_PANIC(t, "slab: use after free: object", p = slab_alloc(&cache));
    EXPECT_PANIC(t, "slab: use after free: object", slab_reap());
    p[51] = p[50];
    EXPECT(t, slab_check(t->out));
    /* a constructed object keeps its state, and is not poisoned */
    uint8_t *q = slab_alloc(&built);
    memset(q, 3, sizeof(struct thing));
    slab_free(&built, q);
    EXPECT_EQ(t, q[9], 3);
    q[9] = 4;
    EXPECT_PANIC(t, "slab: use after free: object", q = slab_alloc(&built));
    q[9] = 3;
    EXPECT(t, slab_check(t->out));
}

/* Level 1 does without. */
TEST(guard_without_poison_leaves_objects_alone)
{
    slab_set_debug(1);
    uint8_t *p = slab_alloc(&cache);
    memset(p, 5, sizeof(struct thing));
    slab_free(&cache, p);
    EXPECT_EQ(t, p[0], 5);
    p[0] = 6;
    EXPECT(t, slab_check(t->out));
}

TEST(guard_sees_what_is_freed_wrongly)
{
    for (uint32_t level = 1; level <= SLAB_DEBUG_MAX; level++) {
        slab_set_debug(level);
        struct thing *a = slab_alloc(&cache), *b = slab_alloc(&cache), *c = slab_alloc(&built);
        uint8_t *d = kmalloc(60), *e = kmalloc(2000);
        REQUIRE(t, a != NULL && b != NULL && c != NULL && d != NULL && e != NULL);
        EXPECT_PANIC(t, "of cache guarded is freed at ", slab_free(&built, a));
        EXPECT_PANIC(t, "as one of cache built-guarded; allocated at ", slab_free(&built, a));
        EXPECT_PANIC(t, "as one of cache kmalloc; allocated at ", kfree(a));
        EXPECT_PANIC(t, "of cache kmalloc-64 is freed at ", slab_free(&cache, d));
        EXPECT_PANIC(t, "of cache kmalloc-2048 is freed at ", slab_free(&cache, e));
        EXPECT_PANIC(t, "is no object of cache guarded: it is byte 8 of ", slab_free(&cache, (char *)a + 8));
        EXPECT_PANIC(t, "is no object of cache guarded: it is byte 8 of ", kfree((char *)a + 8));
        EXPECT_PANIC(t, "is no object of cache kmalloc-64: it is byte 5 of ", kfree(d + 5));
        EXPECT_PANIC(t, "is no object of cache kmalloc-2048: it is byte 64 of ", kfree(e + 64));
        EXPECT_PANIC(t, "is no object of cache kmalloc-2048: it is byte 12 of ", kfree(e + 12));
        EXPECT_PANIC(t, "is freed twice, now at ", { /* and others in between */
                                                     slab_free(&cache, a);
                                                     slab_free(&cache, b);
                                                     slab_free(&cache, a);
        });
        EXPECT_PANIC(t, "is freed twice, now at ", {
            kfree(e);
            kfree(e);
        });
        EXPECT_PANIC(t, "is freed twice, now at ", {
            slab_free(&built, c);
            slab_free(&built, c);
        });
        slab_free(&cache, a);
        slab_free(&cache, b);
        slab_free(&built, c);
        kfree(d);
        kfree(e);
    }
}

/* Who writes far beyond its end spoils the next object's tag, but it is itself that is named. */
TEST(guard_long_overflows_name_the_right_one)
{
    symbol_lookup = lookup;
    slab_set_debug(1);
    void *p = NULL;
    take_here(&p);
    uint8_t *next = kmalloc(30);
    REQUIRE(t, p != NULL && next == (uint8_t *)p + slab_layout(slab_at_page(p))->stride);
    EXPECT_PANIC(t, "overflow: byte 30 of object", {
        memset(p, 0x41, 200);
        kfree(p);
    });
    EXPECT_PANIC(t, "the object before it was allocated at take_here+", {
        memset(p, 0x41, 200);
        kfree(next);
    });
    kfree(next);
    kfree(p);
}
