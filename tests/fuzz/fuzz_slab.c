/* SPDX-License-Identifier: MIT
 * Fuzzes object caches and kmalloc on little memory. The model is what each object holds: two that overlap
 * would spoil each other's. */
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/slab.h"
#include "tests/fuzz/fuzz.h"

enum { FRAMES = 40, OBJECTS = 2048, LARGEST = 6 * PAGE_SIZE };

static struct slab_cache caches[] = {SLAB_CACHE_INIT(caches[0], "fuzz-20", 20),
                                     SLAB_CACHE_INIT(caches[1], "fuzz-300", 300),
                                     SLAB_CACHE_INIT(caches[2], "fuzz-2016", SLAB_MAX)};

static struct object {
    uint8_t *at;
    uint32_t size;
    struct slab_cache *cache; /* NULL: of kmalloc */
    uint8_t stamp;
} held[OBJECTS];
static uint32_t count, stamps;

/* All bytes are the same. */
static bool filled(const uint8_t *p, uint32_t size, uint8_t with)
{
    return p[0] == with && memcmp(p, p + 1, size - 1) == 0;
}

static void check_object(const struct object *o)
{
    ASSERT(filled(o->at, o->size, o->stamp), "fuzz: %u bytes at %p have changed", o->size, (void *)o->at);
}

/* Takes over an object. zeroed: it must hold nothing yet. */
static void keep(void *p, uint32_t size, struct slab_cache *cache, bool zeroed)
{
    struct object *o = &held[count++];
    *o = (struct object){p, size, cache, (uint8_t)++stamps};
    ASSERT((uintptr_t)p % (cache == NULL && size > SLAB_MAX ? PAGE_SIZE : 8) == 0, "fuzz: %u bytes at %p",
           size, p);
    ASSERT(!zeroed || filled(o->at, size, 0), "fuzz: %u bytes are not zero", size);
    memset(o->at, o->stamp, size);
}

static void alloc_object(struct slab_cache *c)
{
    void *p = slab_alloc(c);
    ASSERT(p != NULL || buddy_free_frames() == 0, "fuzz: no object of %s with %u frames free", c->name,
           buddy_free_frames());
    if (p != NULL)
        keep(p, c->size, c, false);
}

static void alloc_bytes(uint32_t bytes, bool zeroed)
{
    void *p = zeroed ? kzalloc(bytes) : kmalloc(bytes);
    bool must = bytes > 0 &&
                (bytes <= PAGE_SIZE ? buddy_free_frames() > 0 : buddy_free_frames() == buddy_total_frames());
    ASSERT(p != NULL || !must, "fuzz: no %u bytes with %u frames free", bytes, buddy_free_frames());
    ASSERT(p == NULL || bytes > 0, "fuzz: an object of no bytes");
    if (p != NULL)
        keep(p, bytes, NULL, zeroed);
}

static void free_object(uint32_t i)
{
    check_object(&held[i]);
    if (held[i].cache != NULL)
        slab_free(held[i].cache, held[i].at);
    else
        kfree(held[i].at);
    held[i] = held[--count];
}

static void check(void)
{
    ASSERT(slab_check(&bare_errors) && buddy_check(&bare_errors), "fuzz: a check failed");
    ASSERT(slab_frames() + buddy_free_frames() == buddy_total_frames(), "fuzz: %u frames in slabs, %u free",
           slab_frames(), buddy_free_frames());
    for (uint32_t i = 0; i < count; i++)
        check_object(&held[i]);
}

/* Mostly small: a random width, then a number of that width. */
static uint32_t some_size(struct fuzz_input *in)
{
    uint32_t width = fuzz_byte(in) % 16;
    return fuzz_below(in, MIN(2u << width, (uint32_t)LARGEST));
}

static void step(struct fuzz_input *in)
{
    uint32_t op = fuzz_byte(in);
    if (op % 8 >= 5) {
        if (count > 0)
            free_object(fuzz_below(in, count));
    } else if (count == OBJECTS) {
        free_object(op % OBJECTS);
    } else if (op % 8 < 2) {
        alloc_object(&caches[op / 8 % ARRAY_SIZE(caches)]);
    } else {
        alloc_bytes(some_size(in), op % 8 == 4);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, data + size};
    bare_build_frames(FRAMES);
    stamps = 0;
    for (uint32_t ops = 1; in.at < in.end; ops++) {
        step(&in);
        if (ops % FUZZ_CHECK_EVERY == 0)
            check();
    }
    while (count > 0)
        free_object(count - 1);
    check();
    ASSERT(slab_frames() == 0, "fuzz: %u frames are still in slabs", slab_frames());
    return 0;
}
