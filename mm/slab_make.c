/* SPDX-License-Identifier: MIT
 * mm-level: 2.02
 * How slabs are laid out, made and given back. No lock is held here, so that constructors and destructors may
 * do as they like. */
#include "lib/panic.h"
#include "mm/buddy.h"
#include "mm/slab.h"
#include "mm/slab_core.h"

enum {
    MAX_ORDER = 4,   /* of a slab */
    MIN_OBJECTS = 3, /* of a slab of one frame, */
    MIN_APART = 4,   /* ... and of one whose header is apart: fewer would bring too little for the trouble */
    WASTE = 8,       /* a slab is large enough when its waste is at most 1/8 (Bonwick, 3.2) */
};

struct slab_cache *slab_caches;
struct slab_cache slab_headers = SLAB_CACHE_INIT(slab_headers, "slab", sizeof(struct slab_apart));
uint32_t slab_debug_level;

static struct spin caches_lock = SPIN_INIT("slab caches", RANK_SLAB); /* of the list and of `used` */

/* => false if slabs of this order would waste too much */
static bool lay_out(const struct slab_cache *c, bool guarded, unsigned order, bool apart,
                    struct slab_layout *l)
{
    uint32_t total = (uint32_t)PAGE_SIZE << order, align = apart ? APART_ALIGN : 8;
    uint32_t header = apart ? 0 : sizeof(struct slab);
    enum slab_kind unguarded = c->construct != NULL ? SLAB_CONSTRUCTED : SLAB_PLAIN;
    uint32_t before = slab_before(guarded ? SLAB_GUARDED : unguarded, apart);
    uint32_t stride = ALIGN_UP(before + c->size + (guarded ? GUARD_BEHIND : 0), align);
    uint32_t capacity = (total - header) / stride, waste = total - capacity * stride;
    *l = (struct slab_layout){header + before, stride, capacity, (uint8_t)order, apart};
    if (c->single && order == 0 && !apart)
        return capacity >= 2;
    return capacity >= (apart ? MIN_APART : MIN_OBJECTS) && waste * WASTE <= total;
}

/* The smallest slab that will do, or the largest there is. */
static void choose_layout(const struct slab_cache *c, bool guarded, struct slab_layout *l)
{
    for (unsigned order = 0; order <= MAX_ORDER; order++)
        if ((order == 0 && lay_out(c, guarded, order, false, l)) || lay_out(c, guarded, order, true, l))
            return;
}

uint8_t slab_kind_for(const struct slab_cache *c)
{
    if (slab_debug_level > 0 && c->size % PAGE_SIZE != 0) /* pages stay aligned */
        return slab_debug_level == 1 ? SLAB_GUARDED : SLAB_POISONED;
    return c->construct != NULL ? SLAB_CONSTRUCTED : SLAB_PLAIN;
}

/* The first slab of a cache is wanted. */
static void enter(struct slab_cache *c)
{
    ASSERT(c->size > 0 && c->size <= SLAB_LARGEST, "slab cache %s: object size %u", c->name, c->size);
    spin_take(&caches_lock);
    if (!c->used) {
        choose_layout(c, false, &c->plain);
        choose_layout(c, true, &c->guarded);
        c->kind = slab_kind_for(c);
        c->next = slab_caches;
        c->used = true;
        slab_caches = c;
    }
    spin_release(&caches_lock);
}

static struct frame *take_frames(unsigned order)
{
    struct frame *f = buddy_alloc(order, ALLOC_KERNEL);
    return f != NULL || slab_reap() == 0 ? f : buddy_alloc(order, ALLOC_KERNEL);
}

/* A block of frames and a header, which belong to each other. */
static struct slab *take_block(const struct slab_layout *l)
{
    struct frame *f = take_frames(l->order);
    if (f == NULL)
        return NULL;
    struct slab *s = frame_ptr(f);
    if (l->apart) {
        struct slab_apart *a = slab_alloc(&slab_headers);
        if (a == NULL) {
            buddy_free(f);
            return NULL;
        }
        a->memory = s;
        s = &a->slab;
    }
    for (uint32_t i = 0; i < 1u << l->order; i++)
        f[i].slab = s;
    return s;
}

static void give_block(struct slab *s)
{
    bool apart = slab_layout(s)->apart;
    struct frame *f = frame_of_ptr(slab_memory(s));
    for (uint32_t i = 0; i < 1u << slab_layout(s)->order; i++)
        f[i].slab = NULL;
    buddy_free(f);
    if (apart)
        slab_free(&slab_headers, container_of(s, struct slab_apart, slab));
}

static void make_object(struct slab *s, void *object)
{
    if (s->cache->construct != NULL)
        s->cache->construct(object);
    if (s->kind >= SLAB_GUARDED)
        guard_make(s, object);
}

struct slab *slab_make(struct slab_cache *c)
{
    if (unlikely(!c->used))
        enter(c);
    uint8_t kind = c->kind;
    struct slab *s = take_block(kind >= SLAB_GUARDED ? &c->guarded : &c->plain);
    if (s == NULL)
        return NULL;
    s->cache = c;
    s->kind = kind;
    s->until = -1;
    s->rest = 1;
    list_init(&s->link);
    const struct slab_layout *l = slab_layout(s);
    char *at = slab_object(s, 0);
    void **link = &s->free;
    for (uint32_t i = 0; i < l->capacity; i++, at += l->stride) {
        if (kind != SLAB_PLAIN)
            make_object(s, at);
        *link = at;
        link = slab_link(s, at);
    }
    *link = NULL;
    return s;
}

void slab_end(struct slab *s)
{
    for (uint32_t i = 0; s->kind != SLAB_PLAIN && i < slab_layout(s)->capacity; i++) {
        void *object = slab_object(s, i);
        if (s->kind >= SLAB_GUARDED)
            guard_end(s, object);
        if (s->cache->destruct != NULL)
            s->cache->destruct(object);
    }
    give_block(s);
}
