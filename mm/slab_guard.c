/* SPDX-License-Identifier: MIT
 * mm-level: 2.02
 * Guarded objects, which find out what their users do wrong, and say who it was. In a slab each is
 *
 *   tag | red zone | object | red zone, at least GUARD_BEHIND bytes
 *
 * What lies between the bytes that were asked for and the object's end is red, too. A red zone must keep its
 * bytes; in a poisoned slab, so must an object while it is free. A constructed one is not poisoned, as it has
 * to keep its state: its sum is remembered instead. All is looked at when the object is taken and when it is
 * given back, and by slab_check. The tag comes first so that who writes beyond an object's end, however far,
 * spoils the names of others, not the one that the report is about. */
#include "lib/panic.h"
#include "lib/string.h"
#include "lib/symbol.h"
#include "mm/slab.h"
#include "mm/slab_core.h"

enum {
    RED = 0xcc,    /* the bytes of red zones, */
    POISON = 0x6b, /* ... of free objects, */
    UNSET = 0x5a,  /* ... of new ones: whoever reads it forgot to initialise */
    REPORT = 256,  /* bytes that hold a report */
};

enum tag_state { TAG_FREE = 0x0ff0f5ee, TAG_IN_USE = 0x10e0c0de }; /* anything else: overwritten */

struct tag {
    void *next;                    /* see slab_link */
    const void *allocated, *freed; /* by whom, at last; NULL: never */
    uint32_t bytes;                /* that were asked for; of a free object, all */
    uint32_t state;
    uint32_t sum; /* of a free constructed object */
};

_Static_assert(sizeof(struct tag) + GUARD_BEHIND <= GUARD_BEFORE, "a red zone fits before the object");

static uint32_t before(const struct slab *s)
{
    return slab_before(s->kind, slab_layout(s)->apart);
}

static struct tag *tag_of(const struct slab *s, const void *object)
{
    return (struct tag *)((uintptr_t)object - before(s));
}

void **guard_link(const struct slab *s, void *object)
{
    return &tag_of(s, object)->next;
}

/* From the start of the object to the end of its red zone. */
static int32_t end_of(const struct slab *s)
{
    return (int32_t)(slab_layout(s)->stride - before(s));
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

/* Who it was, in words. */
struct names {
    char allocated[SYMBOL_TEXT], freed[SYMBOL_TEXT], now[SYMBOL_TEXT];
};

static void name(char text[SYMBOL_TEXT], const void *site)
{
    if (site != NULL)
        symbol_name(site, text);
    else
        str_copy(text, SYMBOL_TEXT, "nowhere yet");
}

static void name_users(struct names *n, const struct slab *s, const void *object, const void *now)
{
    const struct tag *t = tag_of(s, object);
    name(n->now, now);
    if (s->kind < SLAB_GUARDED) {
        str_copy(n->allocated, sizeof n->allocated, "a place that only slab debug would know");
        return;
    }
    name(n->allocated, t->allocated);
    name(n->freed, t->freed);
}

/* The tag itself was overwritten; most likely by the object before it. */
static void report_tag(struct slab *s, const char *object, char *text)
{
    struct names n = {.allocated = "nowhere"};
    const char *other = object - slab_layout(s)->stride;
    if (other >= (char *)slab_object(s, 0))
        name_users(&n, s, other, NULL);
    format(
        text, REPORT,
        "overflow: the tag of object %p of cache %s is overwritten; the object before it was allocated at %s",
        (const void *)object, s->cache->name, n.allocated);
}

static void report_red(struct slab *s, const uint8_t *object, int32_t at, char *text)
{
    struct names n;
    name_users(&n, s, object, NULL);
    format(text, REPORT, "%s: byte %d of object %p of cache %s, of %u bytes, is %#x; allocated at %s",
           at < 0 ? "underflow" : "overflow", at, (const void *)object, s->cache->name,
           tag_of(s, object)->bytes, object[at], n.allocated);
}

static void report_use(struct slab *s, const void *object, int32_t at, char *text)
{
    struct names n;
    name_users(&n, s, object, NULL);
    format(text, REPORT,
           "use after free: object %p of cache %s was written to, at byte %d or later; allocated at %s, "
           "freed at %s",
           object, s->cache->name, at, n.allocated, n.freed);
}

/* => false after writing what is wrong with the object */
static bool sound(struct slab *s, const void *object, char text[REPORT])
{
    const uint8_t *bytes = object;
    const struct tag *t = tag_of(s, object);
    int32_t used = (int32_t)t->bytes, end = end_of(s);
    if ((t->state != TAG_FREE && t->state != TAG_IN_USE) || t->bytes > s->cache->size) {
        report_tag(s, object, text);
        return false;
    }
    int32_t at = odd_byte(bytes, (int32_t)(sizeof *t) - (int32_t)before(s), 0, RED);
    if (at == 0)
        at = odd_byte(bytes, used, end, RED);
    if (at < end) {
        report_red(s, bytes, at, text);
        return false;
    }
    if (t->state == TAG_IN_USE || s->kind != SLAB_POISONED)
        return true;
    at = poisoned(s) ? odd_byte(bytes, 0, used, POISON) : sum_of(bytes, t->bytes) == t->sum ? used : 0;
    if (at < used)
        report_use(s, object, at, text);
    return at == used;
}

static void expect_sound(struct slab *s, const void *object)
{
    char text[REPORT];
    if (unlikely(!sound(s, object, text)))
        panic("slab: %s", text);
}

/* The whole object is free, with nobody's bytes in it. */
static void set_free(struct slab *s, void *object)
{
    struct tag *t = tag_of(s, object);
    t->state = TAG_FREE;
    t->bytes = s->cache->size;
    if (poisoned(s))
        memset(object, POISON, t->bytes);
    else if (s->kind == SLAB_POISONED)
        t->sum = sum_of(object, t->bytes);
    memset((char *)object + t->bytes, RED, (size_t)end_of(s) - t->bytes);
}

void guard_make(struct slab *s, void *object)
{
    struct tag *t = tag_of(s, object);
    t->allocated = t->freed = NULL;
    memset(t + 1, RED, before(s) - sizeof *t);
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
    if (unlikely(t->state == TAG_FREE)) {
        struct names n;
        name_users(&n, s, object, site);
        panic("slab: object %p of cache %s is freed twice, now at %s; allocated at %s, freed at %s", object,
              s->cache->name, n.now, n.allocated, n.freed);
    }
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
    char text[REPORT];
    if (sound(s, object, text))
        return true;
    print(out, "slab: %s\n", text);
    return false;
}

size_t guard_bytes(const struct slab *s, const void *object)
{
    return tag_of(s, object)->bytes;
}

void guard_wrong_cache(struct slab *s, const void *object, const char *expected, const void *site)
{
    struct names n;
    name(n.now, site);
    if (s == NULL)
        panic("slab: %p is freed at %s as an object of cache %s, but is in no slab", object, n.now, expected);
    name_users(&n, s, object, site);
    panic("slab: object %p of cache %s is freed at %s as one of cache %s; allocated at %s", object,
          s->cache->name, n.now, expected, n.allocated);
}

void guard_no_object(struct slab *s, const void *at, const void *site)
{
    struct names n;
    const struct slab_layout *l = slab_layout(s);
    uintptr_t first = (uintptr_t)slab_object(s, 0), p = MAX((uintptr_t)at, first);
    const char *object = slab_object(s, MIN((uint32_t)(p - first) / l->stride, l->capacity - 1));
    name_users(&n, s, object, site);
    panic("slab: %p, freed at %s, is no object of cache %s: it is byte %d of %p, which was allocated at %s",
          at, n.now, s->cache->name, (int)((const char *)at - object), (const void *)object, n.allocated);
}
