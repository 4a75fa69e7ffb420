/* SPDX-License-Identifier: MIT
 * mm-level: 2.02
 * Guarded objects, which find out what their users do wrong, and say who it was. In a slab each is
 *
 *   red zone | object | red zone, at least GUARD_BEHIND bytes | tag
 *
 * What lies between the bytes that were asked for and the object's end is red, too. A red zone must keep its
 * bytes; in a poisoned slab, so must an object while it is free. A constructed one is not poisoned, as it has
 * to keep its state: its sum is remembered instead. All is looked at when the object is taken and when it is
 * given back, and by slab_check. */
#include "lib/panic.h"
#include "lib/string.h"
#include "lib/symbol.h"
#include "mm/slab.h"
#include "mm/slab_core.h"

enum {
    RED = 0xcc,    /* the bytes of red zones, */
    POISON = 0x6b, /* ... of free objects, */
    UNSET = 0x5a,  /* ... of new ones: whoever reads it forgot to initialise */
};

enum tag_state { TAG_FREE = 0x0ff0f5ee, TAG_IN_USE = 0x10e0c0de }; /* anything else: overwritten */

struct tag {
    void *next;                    /* see slab_link */
    const void *allocated, *freed; /* by whom, at last; NULL: never */
    uint32_t bytes;                /* that were asked for */
    uint32_t state;
    uint32_t sum; /* of a free constructed object */
};

uint32_t guard_behind(void)
{
    return ALIGN_UP(GUARD_BEHIND + (uint32_t)sizeof(struct tag), 8u);
}

static struct tag *tag_of(const struct slab *s, const void *object)
{
    return (struct tag *)((uintptr_t)object + ALIGN_UP(s->cache->size, 8u) + GUARD_BEHIND);
}

static uint32_t red_before(const struct slab *s)
{
    return slab_layout(s)->apart ? (uint32_t)APART_ALIGN : (uint32_t)GUARD_BEFORE;
}

static uint32_t sum_of(const uint8_t *bytes, uint32_t count)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum = sum * 31 + bytes[i];
    return sum;
}

static bool poisoned(const struct slab *s)
{
    return s->kind == SLAB_POISONED && s->cache->construct == NULL;
}

/* => the first byte from `from` on, below `to`, that is not `wanted`; `to` if there is none */
static int32_t odd_byte(const uint8_t *object, int32_t from, int32_t to, uint8_t wanted)
{
    while (from < to && object[from] == wanted)
        from++;
    return from;
}

/* => false after writing what is wrong with the object */
static bool sound(const struct slab *s, const void *object, char *text, size_t size)
{
    const uint8_t *bytes = object;
    const struct tag *t = tag_of(s, object);
    const char *cache = s->cache->name;
    char by[SYMBOL_TEXT], freed[SYMBOL_TEXT];
    int32_t behind = (int32_t)((uintptr_t)t - (uintptr_t)object);
    bool free = t->state == TAG_FREE;
    symbol_name(t->allocated, by);
    symbol_name(t->freed, freed);
    int32_t at = odd_byte(bytes, -(int32_t)red_before(s), 0, RED);
    if (at < 0) {
        format(text, size, "underflow: the byte at %d of object %p of cache %s is %#x; allocated at %s", at,
               object, cache, bytes[at], by);
        return false;
    }
    at = t->bytes <= s->cache->size ? odd_byte(bytes, (int32_t)t->bytes, behind, RED) : behind;
    if (at < behind || (!free && t->state != TAG_IN_USE)) {
        format(text, size,
               "overflow: the byte at %d of object %p of cache %s, of %u bytes, is %#x; allocated at %s", at,
               object, cache, t->bytes, bytes[at], by);
        return false;
    }
    if (!free || s->kind != SLAB_POISONED)
        return true;
    if (poisoned(s) ? (at = odd_byte(bytes, 0, (int32_t)t->bytes, POISON)) < (int32_t)t->bytes
                    : sum_of(bytes, t->bytes) != t->sum) {
        format(
            text, size,
            "use after free: object %p of cache %s was written to, at byte %d; allocated at %s, freed at %s",
            object, cache, poisoned(s) ? at : 0, by, freed);
        return false;
    }
    return true;
}

static void expect_sound(const struct slab *s, const void *object)
{
    char text[256];
    if (unlikely(!sound(s, object, text, sizeof text)))
        panic("slab: %s", text);
}

/* The whole object is free, with nobody's bytes in it. */
static void set_free(struct slab *s, void *object)
{
    struct tag *t = tag_of(s, object);
    uint32_t size = s->cache->size;
    t->state = TAG_FREE;
    if (poisoned(s))
        memset(object, POISON, size);
    else if (s->kind == SLAB_POISONED)
        t->sum = sum_of(object, size);
    memset((char *)object + size, RED, (size_t)((char *)t - (char *)object) - size);
    t->bytes = size;
}

void guard_make(struct slab *s, void *object)
{
    struct tag *t = tag_of(s, object);
    t->allocated = t->freed = NULL;
    memset((char *)object - red_before(s), RED, red_before(s));
    set_free(s, object);
}

void guard_take(struct slab *s, void *object, size_t bytes, const void *site)
{
    struct tag *t = tag_of(s, object);
    expect_sound(s, object);
    ASSERT(t->state == TAG_FREE, "slab: object %p of cache %s is free and in use", object, s->cache->name);
    t->state = TAG_IN_USE;
    t->allocated = site;
    t->bytes = (uint32_t)bytes;
    if (poisoned(s))
        memset(object, UNSET, bytes);
    memset((char *)object + bytes, RED, s->cache->size - bytes);
}

void guard_give(struct slab *s, void *object, const void *site)
{
    struct tag *t = tag_of(s, object);
    char now[SYMBOL_TEXT], by[SYMBOL_TEXT], freed[SYMBOL_TEXT];
    if (unlikely(t->state == TAG_FREE))
        panic("slab: object %p of cache %s is freed twice, now at %s; allocated at %s, freed at %s", object,
              s->cache->name, symbol_name(site, now), symbol_name(t->allocated, by),
              symbol_name(t->freed, freed));
    expect_sound(s, object);
    t->freed = site;
    set_free(s, object);
}

void guard_end(struct slab *s, void *object)
{
    expect_sound(s, object);
}

bool guard_check(struct slab *s, void *object, struct printer *out)
{
    char text[256];
    if (sound(s, object, text, sizeof text))
        return true;
    print(out, "slab: %s\n", text);
    return false;
}

size_t guard_bytes(const struct slab *s, const void *object)
{
    return tag_of(s, object)->bytes;
}

/* "; allocated at ...", if it can be known. The caller's text. */
static const char *taken_at(const struct slab *s, const void *object, char text[SYMBOL_TEXT])
{
    if (s->kind < SLAB_GUARDED)
        return "an unknown place";
    return symbol_name(tag_of(s, object)->allocated, text);
}

void guard_wrong_cache(const void *object, const char *expected, const void *site)
{
    char now[SYMBOL_TEXT], by[SYMBOL_TEXT];
    struct slab *s = slab_lookup(object);
    symbol_name(site, now);
    if (s == NULL)
        panic("slab: %p is freed at %s as an object of cache %s, but is in no slab", object, now, expected);
    panic("slab: object %p is of cache %s, but freed at %s as one of cache %s; allocated at %s", object,
          s->cache->name, now, expected, taken_at(s, object, by));
}

void guard_no_object(struct slab *s, const void *at, const void *site)
{
    char now[SYMBOL_TEXT], by[SYMBOL_TEXT];
    const struct slab_layout *l = slab_layout(s);
    int32_t offset = (int32_t)((const char *)at - (char *)slab_object(s, 0));
    uint32_t i = offset < 0 ? 0 : MIN((uint32_t)offset / l->stride, l->capacity - 1);
    const char *object = slab_object(s, i);
    panic("slab: %p, freed at %s, does not start an object of cache %s: it is at byte %d of object %p, "
          "allocated "
          "at %s",
          at, symbol_name(site, now), s->cache->name, (int)((const char *)at - object), (const void *)object,
          taken_at(s, object, by));
}
