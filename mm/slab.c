/* SPDX-License-Identifier: MIT
 * mm-level: 2.03
 * Slabs filed by how many of their objects are free, and kept for a while when all are; the long ways of
 * objects in and out. What a slab is: slab_core.h; how it is made: slab_make.c. */
#include "mm/slab.h"
#include "lib/panic.h"
#include "lib/symbol.h"
#include "mm/slab_core.h"

enum {
    KEEP = 8,        /* a slab that gets empty is kept while at most 1/8 of the cache's slabs are */
    FULL_SHARE = 16, /* a full slab is partial again when 1/16 of its objects are free, and one */
};

static uint32_t reapable; /* frames in slabs on `empty` lists that slab_reap looks at */

static uint32_t end_slabs(struct list_node *doomed)
{
    uint32_t frames = 0;
    for (struct list_node *n; (n = list_pop_front(doomed)) != NULL;) {
        struct slab *s = container_of(n, struct slab, link);
        frames += 1u << slab_layout(s)->order;
        slab_end(s);
    }
    return frames;
}

/* ---- filing; the cache's lock is held ---- */

static void count_slab(struct slab *s, int by)
{
    struct slab_cache *c = s->cache;
    c->slabs += (uint32_t)by;
    c->frames += (uint32_t)by << slab_layout(s)->order;
}

static void count_empty(struct slab *s, int by)
{
    s->cache->empties += (uint32_t)by;
    if (!s->cache->kept)
        reapable += (uint32_t)by << slab_layout(s)->order;
}

static struct list_node *list_for(struct slab *s)
{
    switch (s->state) {
    case SLAB_EMPTY:
        return &s->cache->empty;
    case SLAB_PARTIAL:
        return &s->cache->partial;
    default:
        return &s->cache->full;
    }
}

static void unfile(struct slab *s)
{
    list_remove(&s->link);
    if (s->state == SLAB_EMPTY)
        count_empty(s, -1);
}

/* Full slabs that have objects again queue up behind the partial ones, so that more of theirs come back
 * before it is their turn. */
static void file(struct slab *s, enum slab_state state)
{
    s->state = (uint8_t)state;
    list_push_back(list_for(s), &s->link);
    if (state == SLAB_EMPTY)
        count_empty(s, 1);
}

static void file_full(struct slab *s)
{
    if (s->kind == SLAB_PLAIN) {
        uint32_t capacity = slab_layout(s)->capacity;
        s->until = (int32_t)(capacity / FULL_SHARE);
        s->rest = (uint16_t)(capacity - capacity / FULL_SHARE);
    }
    file(s, SLAB_FULL);
}

/* A slab, on no list, that no object is taken of. Some that are empty are kept, because most that are
 * needed once are needed again. => s, to be ended after the lock is released; or NULL, and it is kept. */
static struct slab *retire(struct slab *s)
{
    struct slab_cache *c = s->cache;
    if (s->kind == c->kind && c->empties <= c->slabs / KEEP) {
        file(s, SLAB_EMPTY);
        return NULL;
    }
    count_slab(s, -1);
    return s;
}

/* The slab that the next objects are taken from, on no list. => NULL if there is none */
static struct slab *next_slab(struct slab_cache *c)
{
    struct list_node *from = list_empty(&c->partial) ? &c->empty : &c->partial;
    if (list_empty(from))
        return NULL;
    struct slab *s = container_of(from->next, struct slab, link);
    unfile(s);
    return s;
}

/* Takes back what the cache's `free` still has of its current slab, which is on no list then. */
static struct slab *recall(struct slab_cache *c)
{
    struct slab *s = c->current;
    while (c->free != NULL) {
        void **object = c->free;
        c->free = *object;
        *object = s->free;
        s->free = object;
        s->until--;
    }
    c->current = NULL;
    return s;
}

/* A slab that was not current, or is not any more, and is on no list. => as retire */
static struct slab *refile(struct slab *s)
{
    s->until += s->rest - 1;
    s->rest = 1;
    if (slab_in_use(s) == 0)
        return retire(s);
    if (s->kind != s->cache->kind)
        file(s, SLAB_CLOSED);
    else if (s->free == NULL)
        file_full(s);
    else
        file(s, SLAB_PARTIAL);
    return NULL;
}

/* ---- objects ---- */

/* All that the current slab has got back, or else the next slab's. => the first of them, taken; or NULL */
static void *take_plain(struct slab_cache *c)
{
    struct slab *s = c->current;
    void **object = c->free;
    if (object != NULL) { /* somebody has filled it while the lock was not held */
        c->free = *object;
        return object;
    }
    if (s != NULL && s->free == NULL) {
        c->current = NULL;
        file_full(s);
        s = NULL;
    }
    if (s == NULL) {
        if ((s = next_slab(c)) == NULL)
            return NULL;
        s->state = SLAB_CURRENT;
        c->current = s;
    }
    return slab_refill(c, s);
}

static void *take_carefully(struct slab_cache *c, size_t bytes, const void *site)
{
    struct slab *s = next_slab(c);
    if (s == NULL)
        return NULL;
    void *object = s->free;
    s->free = *slab_link(s, object);
    s->until++;
    if (s->kind >= SLAB_GUARDED)
        guard_take(s, object, bytes, site);
    if (s->free == NULL)
        file_full(s);
    else {
        s->state = SLAB_PARTIAL;
        list_push_front(&c->partial, &s->link);
    }
    return object;
}

NOINLINE void *slab_preempt(void *object)
{
    preempt_now();
    return object;
}

/* A new one, if its kind is still wanted. */
static void add_slab(struct slab *s)
{
    struct slab_cache *c = s->cache;
    spin_take(&c->lock);
    bool wanted = s->kind == c->kind;
    if (wanted) {
        count_slab(s, 1);
        file(s, SLAB_EMPTY);
    }
    spin_release(&c->lock);
    if (!wanted)
        slab_end(s);
}

NOINLINE void *slab_take_slowly(struct slab_cache *c, size_t bytes, const void *site)
{
    for (;;) {
        void *object = c->kind == SLAB_PLAIN ? take_plain(c) : take_carefully(c, bytes, site);
        spin_release(&c->lock);
        if (object != NULL)
            return object;
        struct slab *s = slab_make(c);
        if (s == NULL)
            return NULL;
        add_slab(s);
        spin_take(&c->lock);
    }
}

static void release_and_end(struct slab_cache *c, struct slab *doomed)
{
    spin_release(&c->lock);
    if (doomed != NULL)
        slab_end(doomed);
}

static void NORETURN freed_twice(struct slab *s, void *object, const void *site)
{
    char where[SYMBOL_TEXT];
    panic("slab: object %p of cache %s is freed twice, now at %s", object, s->cache->name,
          symbol_name(site, where));
}

NOINLINE void slab_settle(struct slab *s, void *object, const void *site)
{
    struct slab *doomed = NULL;
    if (s->free == object || slab_in_use(s) > slab_layout(s)->capacity /* below 0 */)
        freed_twice(s, object, site);
    *(void **)object = s->free;
    s->free = object;
    if (s->state != SLAB_CURRENT) { /* of that, all objects are back: it is about to hand them out again */
        unfile(s);
        doomed = refile(s);
    }
    release_and_end(s->cache, doomed);
}

NOINLINE void slab_give_carefully(struct slab *s, void *object, struct slab_cache *expected, const void *site)
{
    struct slab_cache *c = s->cache;
    const char *cache = expected == NULL ? "kmalloc" : expected->name;
    struct slab *true_slab = slab_lookup(object);
    if (true_slab == NULL)
        guard_wrong_cache(NULL, object, cache, site);
    if (true_slab != s)
        guard_no_object(true_slab, object, site);
    spin_take(&c->lock);
    uint32_t at = (uint32_t)((char *)object - (char *)slab_object(s, 0));
    if (at % slab_layout(s)->stride != 0 || at / slab_layout(s)->stride >= slab_layout(s)->capacity)
        guard_no_object(s, object, site);
    if (expected == NULL ? c->single : c != expected)
        guard_wrong_cache(s, object, cache, site);
    if (s->kind >= SLAB_GUARDED)
        guard_give(s, object, site);
    else if (s->free == object || slab_in_use(s) == 0)
        freed_twice(s, object, site);
    *slab_link(s, object) = s->free;
    s->free = object;
    s->until--;
    struct slab *doomed = NULL;
    if (slab_in_use(s) == 0 || s->state == SLAB_FULL) {
        unfile(s);
        doomed = refile(s);
    }
    release_and_end(c, doomed);
}

void *slab_alloc(struct slab_cache *c)
{
    return slab_take(c, c->size, NULL, slab_take_slowly);
}

static NOINLINE void free_by_frame(struct slab_cache *c, void *object, const void *site)
{
    struct slab *s = slab_lookup(object);
    if (s == NULL || s->cache != c)
        guard_wrong_cache(s, object, c->name, site);
    slab_give(s, object, c, site);
}

void slab_free(struct slab_cache *c, void *object)
{
    if (unlikely((uintptr_t)object % APART_ALIGN == 0))
        free_by_frame(c, object, slab_site(NULL));
    else if (unlikely(slab_at_page(object)->cache != c))
        slab_give_carefully(slab_at_page(object), object, c, slab_site(NULL));
    else
        slab_give(slab_at_page(object), object, c, NULL);
}

/* ---- all caches ---- */

/* Takes all empty slabs off c, whose lock is held. */
static void reap(struct slab_cache *c, struct list_node *doomed)
{
    struct slab *s = c->current != NULL ? refile(recall(c)) : NULL;
    if (s != NULL)
        list_push_back(doomed, &s->link);
    while (!list_empty(&c->empty)) {
        s = container_of(c->empty.next, struct slab, link);
        unfile(s);
        count_slab(s, -1);
        list_push_back(doomed, &s->link);
    }
}

uint32_t slab_cache_reap(struct slab_cache *c)
{
    struct list_node doomed;
    list_init(&doomed);
    spin_take(&c->lock);
    reap(c, &doomed);
    spin_release(&c->lock);
    return end_slabs(&doomed);
}

uint32_t slab_reap(void)
{
    uint32_t frames = 0;
    for (struct slab_cache *c = slab_caches; c != NULL; c = c->next)
        if (!c->kept && c != &slab_headers)
            frames += slab_cache_reap(c);
    return frames + slab_cache_reap(&slab_headers); /* last: the others' headers have come back */
}

uint32_t slab_reap_all(void)
{
    slab_spares_back();
    return slab_reap();
}

uint32_t slab_reapable(void)
{
    return reapable;
}

static void refile_all(struct list_node *slabs, struct list_node *doomed)
{
    struct list_node all;
    list_init(&all);
    for (struct list_node *n; (n = list_pop_front(slabs)) != NULL;)
        list_push_back(&all, n);
    for (struct list_node *n; (n = list_pop_front(&all)) != NULL;) {
        struct slab *s = refile(container_of(n, struct slab, link));
        if (s != NULL)
            list_push_back(doomed, &s->link);
    }
}

void slab_set_debug(uint32_t level)
{
    slab_debug_level = MIN(level, (uint32_t)SLAB_DEBUG_MAX);
    for (struct slab_cache *c = slab_caches; c != NULL; c = c->next) {
        struct list_node doomed;
        list_init(&doomed);
        spin_take(&c->lock);
        c->kind = slab_kind_for(c);
        reap(c, &doomed);
        refile_all(&c->full, &doomed);
        refile_all(&c->partial, &doomed);
        spin_release(&c->lock);
        end_slabs(&doomed);
    }
}

uint32_t slab_debug(void)
{
    return slab_debug_level;
}

uint32_t slab_frames(void)
{
    uint32_t n = kmalloc_big.frames;
    for (struct slab_cache *c = slab_caches; c != NULL; c = c->next)
        n += c->frames;
    return n;
}
