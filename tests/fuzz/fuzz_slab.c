/* SPDX-License-Identifier: MIT
 * Fuzzes object caches and kmalloc on little memory, at all debug levels. The model is what each object
 * holds: two that overlap would spoil each other's. */
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/slab.h"
#include "tests/fuzz/fuzz.h"

enum { FRAMES = 40, OBJECTS = 2048, LARGEST = 6 * PAGE_SIZE, CONSTRUCTED = 0x3e };

static uint32_t constructed; /* objects that are, in use or not */

static void construct(void *object);
static void destruct(void *object);

static struct slab_cache caches[] = {SLAB_CACHE_INIT(caches[0], "fuzz-20", 20),
                                     SLAB_CACHE_INIT(caches[1], "fuzz-300", 300),
                                     SLAB_CACHE_INIT(caches[2], "fuzz-2016", SLAB_MAX),
                                     SLAB_CACHE_CTOR_INIT(caches[3], "fuzz-made", 120, construct, destruct)};

static struct object {
    uint8_t *at;
    uint32_t size;
    struct slab_cache *cache; /* NULL: of kmalloc */
    uint8_t stamp;
} held[OBJECTS];
static uint32_t count, stamps, of_cache[ARRAY_SIZE(caches)];

/* All bytes are the same. */
static bool filled(const uint8_t *p, uint32_t size, uint8_t with)
{
    return size == 0 || (p[0] == with && memcmp(p, p + 1, size - 1) == 0);
}

static void construct(void *object)
{
    memset(object, CONSTRUCTED, caches[3].size);
    constructed++;
}

static void destruct(void *object)
{
    ASSERT(filled(object, caches[3].size, CONSTRUCTED), "fuzz: %p is destructed in another state", object);
    constructed--;
}

static void check_object(const struct object *o)
{
    ASSERT(filled(o->at, o->size, o->stamp), "fuzz: %u bytes at %p have changed", o->size, (void *)o->at);
}

static void stamp(struct object *o)
{
    o->stamp = (uint8_t)++stamps;
    memset(o->at, o->stamp, o->size);
}

static void check_place(const void *p, uint32_t bytes)
{
    bool page = bytes >= PAGE_SIZE && (bytes & (bytes - 1)) == 0;
    ASSERT((uintptr_t)p % (page ? PAGE_SIZE : 8) == 0 && kmalloc_size(p) >= bytes,
           "fuzz: %u bytes at %p, room for %zu", bytes, p, kmalloc_size(p));
}

/* Must kmalloc have succeeded, given that it has reaped? */
static bool must_have(uint32_t bytes)
{
    return bytes > 0 &&
           (bytes <= PAGE_SIZE ? buddy_free_frames() > 0 : buddy_free_frames() == buddy_total_frames());
}

static void alloc_object(uint32_t which)
{
    struct slab_cache *c = &caches[which];
    void *p = slab_alloc(c);
    ASSERT(p != NULL || buddy_free_frames() == 0 || slab_debug() > 0,
           "fuzz: no object of %s with %u frames free", c->name, buddy_free_frames());
    if (p == NULL)
        return;
    ASSERT(c->construct == NULL || filled(p, c->size, CONSTRUCTED), "fuzz: %p is not constructed", p);
    ASSERT((uintptr_t)p % 8 == 0, "fuzz: %u bytes at %p", c->size, p);
    held[count] = (struct object){.at = p, .size = c->size, .cache = c};
    stamp(&held[count++]);
    of_cache[which]++;
}

static void alloc_bytes(uint32_t bytes, bool zeroed)
{
    void *p = zeroed ? kzalloc(bytes) : kmalloc(bytes);
    ASSERT(p != NULL ? bytes > 0 : !must_have(bytes), "fuzz: %u bytes: %p, %u frames free", bytes, p,
           buddy_free_frames());
    if (p == NULL)
        return;
    check_place(p, bytes);
    ASSERT(!zeroed || filled(p, bytes, 0), "fuzz: %u bytes are not zero", bytes);
    held[count] = (struct object){.at = p, .size = bytes};
    stamp(&held[count++]);
}

static void free_object(uint32_t i)
{
    struct object *o = &held[i];
    check_object(o);
    if (o->cache == NULL) {
        kfree(o->at);
    } else {
        if (o->cache->construct != NULL)
            memset(o->at, CONSTRUCTED, o->size);
        slab_free(o->cache, o->at);
        of_cache[o->cache - caches]--;
    }
    held[i] = held[--count];
}

static void resize(uint32_t i, uint32_t bytes)
{
    struct object *o = &held[i];
    if (o->cache != NULL || bytes == 0)
        return;
    check_object(o);
    uint8_t *p = krealloc(o->at, bytes);
    ASSERT(p != NULL || !must_have(bytes), "fuzz: krealloc of %u bytes with %u frames free", bytes,
           buddy_free_frames());
    if (p == NULL)
        return;
    check_place(p, bytes);
    *o = (struct object){.at = p, .size = MIN(o->size, bytes), .stamp = o->stamp};
    check_object(o);
    o->size = bytes;
    stamp(o);
}

/* More frames may be free than it says: the last headers of a slab of headers may have gone. */
static void reap(uint32_t what)
{
    uint32_t before = slab_frames(), free = buddy_free_frames();
    uint32_t frames = what < ARRAY_SIZE(caches) ? slab_cache_reap(&caches[what]) : slab_reap();
    ASSERT(slab_frames() + frames <= before && buddy_free_frames() - free == before - slab_frames(),
           "fuzz: %u frames reaped; %u of %u are left in slabs", frames, slab_frames(), before);
}

static void check(void)
{
    ASSERT(slab_check(&bare_errors) && buddy_check(&bare_errors), "fuzz: a check failed");
    ASSERT(slab_frames() + buddy_free_frames() == buddy_total_frames(), "fuzz: %u frames in slabs, %u free",
           slab_frames(), buddy_free_frames());
    for (uint32_t i = 0; i < ARRAY_SIZE(caches); i++)
        ASSERT(slab_objects(&caches[i]) == of_cache[i], "fuzz: %s: %u objects, not %u", caches[i].name,
               slab_objects(&caches[i]), of_cache[i]);
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
    uint32_t op = fuzz_byte(in), more = op / 16;
    op %= 16;
    if (op == 0 && more < 4)
        slab_set_debug(more % (SLAB_DEBUG_MAX + 1));
    else if (op == 0)
        reap(more);
    else if (op < 9 && count == OBJECTS)
        free_object(more);
    else if (op < 4)
        alloc_object(more % ARRAY_SIZE(caches));
    else if (op < 9)
        alloc_bytes(some_size(in), op == 8);
    else if (count > 0 && op == 9)
        resize(fuzz_below(in, count), some_size(in));
    else if (count > 0)
        free_object(fuzz_below(in, count));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, data + size};
    bare_build_frames(FRAMES); /* reaps what the last input left */
    ASSERT(constructed == 0, "fuzz: %u objects were not destructed", constructed);
    stamps = 0;
    for (uint32_t ops = 1; in.at < in.end; ops++) {
        step(&in);
        if (ops % FUZZ_CHECK_EVERY == 0)
            check();
    }
    while (count > 0)
        free_object(count - 1);
    check();
    slab_set_debug(0);
    return 0;
}
