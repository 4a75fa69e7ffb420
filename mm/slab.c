/* SPDX-License-Identifier: MIT
 * mm-level: 2
 * A slab is one frame: a header, then objects. Free objects are chained through their first word. The
 * header is found by rounding an object's address down to its page. Empty slabs go back at once. */
#include "mm/slab.h"
#include "lib/command.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "mm/buddy.h"

struct slab {
    struct list_node link; /* in its cache */
    struct slab_cache *cache;
    void *free;
    uint32_t in_use;
};

enum { SLAB_HEADER = ALIGN_UP(sizeof(struct slab), 8) };
_Static_assert(SLAB_HEADER + 2 * SLAB_MAX <= PAGE_SIZE, "two of the largest objects fit a slab");

static struct slab_cache *all_caches;
static uint32_t big_frames; /* frames in kmalloc blocks above SLAB_MAX */

static uint32_t capacity(const struct slab_cache *c)
{
    return (PAGE_SIZE - SLAB_HEADER) / c->size;
}

static struct slab *slab_of(void *object)
{
    return (struct slab *)ALIGN_DOWN((uintptr_t)object, (uintptr_t)PAGE_SIZE);
}

static struct slab *grow(struct slab_cache *c)
{
    struct frame *f = buddy_alloc(0, ALLOC_KERNEL);
    if (f == NULL)
        return NULL;
    if (!c->used) {
        ASSERT(c->size > 0 && c->size <= SLAB_MAX, "slab cache %s: object size %u", c->name, c->size);
        c->used = true;
        c->next = all_caches;
        all_caches = c;
    }
    struct slab *s = frame_ptr(f);
    s->cache = c;
    s->in_use = 0;
    s->free = NULL;
    char *objects = (char *)s + SLAB_HEADER;
    for (uint32_t i = capacity(c); i-- > 0;) {
        void **o = (void **)(objects + i * c->size);
        *o = s->free;
        s->free = o;
    }
    list_push_front(&c->partial, &s->link);
    c->slabs++;
    return s;
}

void *slab_alloc(struct slab_cache *c)
{
    struct slab *s;
    if (!list_empty(&c->partial))
        s = container_of(c->partial.next, struct slab, link);
    else if ((s = grow(c)) == NULL)
        return NULL;
    void **object = s->free;
    s->free = *object;
    s->in_use++;
    c->objects++;
    if (s->free == NULL) {
        list_remove(&s->link);
        list_push_front(&c->full, &s->link);
    }
    return object;
}

void slab_free(struct slab_cache *c, void *object)
{
    struct slab *s = slab_of(object);
    size_t offset = (size_t)((char *)object - (char *)s);
    ASSERT(s->cache == c, "slab_free: object %p is not of cache %s", object, c->name);
    ASSERT(offset >= SLAB_HEADER && (offset - SLAB_HEADER) % c->size == 0,
           "slab_free: %p does not start an object of cache %s", object, c->name);
    ASSERT(s->in_use > 0, "slab_free: %p freed twice (cache %s)", object, c->name);
    if (s->free == NULL) {
        list_remove(&s->link);
        list_push_front(&c->partial, &s->link);
    }
    *(void **)object = s->free;
    s->free = object;
    s->in_use--;
    c->objects--;
    if (s->in_use == 0) {
        list_remove(&s->link);
        c->slabs--;
        buddy_free(frame_of_ptr(s));
    }
}

static struct slab_cache classes[] = {
    SLAB_CACHE_INIT(classes[0], "kmalloc-16", 16),     SLAB_CACHE_INIT(classes[1], "kmalloc-32", 32),
    SLAB_CACHE_INIT(classes[2], "kmalloc-64", 64),     SLAB_CACHE_INIT(classes[3], "kmalloc-128", 128),
    SLAB_CACHE_INIT(classes[4], "kmalloc-256", 256),   SLAB_CACHE_INIT(classes[5], "kmalloc-512", 512),
    SLAB_CACHE_INIT(classes[6], "kmalloc-1000", 1000), SLAB_CACHE_INIT(classes[7], "kmalloc-2016", SLAB_MAX),
};

void *kmalloc(size_t bytes)
{
    if (bytes == 0 || bytes > (size_t)PAGE_SIZE << BUDDY_MAX_ORDER)
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
        if (bytes <= classes[i].size)
            return slab_alloc(&classes[i]);
    unsigned order = 0;
    while ((size_t)PAGE_SIZE << order < bytes)
        order++;
    struct frame *f = buddy_alloc(order, ALLOC_KERNEL);
    if (f == NULL)
        return NULL;
    big_frames += 1u << order;
    return frame_ptr(f);
}

void *kzalloc(size_t bytes)
{
    void *p = kmalloc(bytes);
    if (p != NULL)
        memset(p, 0, bytes);
    return p;
}

void kfree(void *p)
{
    if (p == NULL)
        return;
    struct frame *f = frame_of_ptr(p);
    ASSERT(f->kind == FRAME_KERNEL, "kfree: %p is in a frame of kind %d", p, f->kind);
    /* an object never starts its frame (the slab header does), a big block always does */
    if (slab_of(p) == p) {
        ASSERT(f->flags & FRAME_HEAD, "kfree: %p does not start a block", p);
        big_frames -= 1u << f->order;
        buddy_free(f);
    } else {
        slab_free(slab_of(p)->cache, p);
    }
}

uint32_t slab_frames(void)
{
    uint32_t n = big_frames;
    for (struct slab_cache *c = all_caches; c != NULL; c = c->next)
        n += c->slabs;
    return n;
}

static bool check_slab(struct slab_cache *c, struct slab *s, struct printer *out)
{
    uint32_t free = 0;
    for (void **o = s->free; o != NULL && free <= capacity(c); o = *o, free++) {
        size_t offset = (size_t)((char *)o - (char *)s);
        if (slab_of(o) != s || offset < SLAB_HEADER || (offset - SLAB_HEADER) % c->size != 0) {
            print(out, "slab: cache %s, slab %p: free object %p is none of its objects\n", c->name, (void *)s,
                  (void *)o);
            return false;
        }
    }
    if (s->cache != c || s->in_use + free != capacity(c) || s->in_use == 0) {
        print(out, "slab: cache %s, slab %p: %u in use + %u free of %u\n", c->name, (void *)s, s->in_use,
              free, capacity(c));
        return false;
    }
    return true;
}

bool slab_check(struct printer *out)
{
    for (struct slab_cache *c = all_caches; c != NULL; c = c->next) {
        uint32_t slabs = 0, objects = 0;
        struct list_node *lists[] = {&c->partial, &c->full};
        for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
            list_for_each (n, lists[i]) {
                struct slab *s = container_of(n, struct slab, link);
                if (!check_slab(c, s, out))
                    return false;
                slabs++;
                objects += s->in_use;
            }
        }
        if (slabs != c->slabs || objects != c->objects) {
            print(out, "slab: cache %s counts %u slabs, %u objects; has %u, %u\n", c->name, c->slabs,
                  c->objects, slabs, objects);
            return false;
        }
    }
    return true;
}

static int command_run(int argc UNUSED, char **argv UNUSED, struct printer *out)
{
    print(out, "cache            size   in-use  frames\n");
    for (struct slab_cache *c = all_caches; c != NULL; c = c->next)
        print(out, "%-16s %4u %8u %7u\n", c->name, c->size, c->objects, c->slabs);
    print(out, "%-16s    - %8s %7u\n", "big", "-", big_frames);
    return 0;
}

COMMAND(slab, "", "kernel object caches", command_run);
