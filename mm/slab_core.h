/* SPDX-License-Identifier: MIT
 * mm-level: 2.01
 * Inside of the slab allocator: what a slab is, and the paths that are short because most calls take them.
 * For mm/slab*.c, mm/kmalloc.c and their tests.
 *
 * A slab is a block of frames: a header and objects. Objects of *plain* slabs are linked through their first
 * word while they are free. Those of *careful* slabs, which are constructed or guarded, keep their content
 * while free: the link lies before them. Careful slabs never have a `current`, so that everything with
 * them goes the long way, and the short one need not ask.
 *
 * Plain slabs. The objects of the current slab are taken off it all at once and put into the cache's `free`.
 * Objects that come back go to their own slab's `free`, whichever slab that is. So taking does not count, and
 * giving counts down to the next time that something has to be done: when a full slab has some free objects
 * again, or a partial one is empty. (Free lists in two parts: Leijen, Zorn and de Moura, Mimalloc, 2019.)
 *
 * The slab of an object: the header of a slab of one frame is at its start, the header of others is apart
 * (Bonwick's off-slab), and their objects begin at multiples of APART_ALIGN. So who is not at such a multiple
 * has the header at the start of the page; for the rest the frame database knows. */
#ifndef MM_SLAB_CORE_H
#define MM_SLAB_CORE_H

#include "mm/frame.h"
#include "mm/slab.h"

enum slab_kind {
    /* a value that few pages have there that are no slab */
    SLAB_PLAIN = 0xb7,
    SLAB_CONSTRUCTED,
    SLAB_GUARDED,
    SLAB_POISONED, /* guarded, and what is free is checked, too */
};

enum slab_state {
    SLAB_CURRENT, /* on no list */
    SLAB_EMPTY,
    SLAB_PARTIAL, /* some objects are free, some in use */
    SLAB_FULL,    /* next to none is free */
    SLAB_CLOSED,  /* on `full`: of a kind that is not wanted any more, so that no objects are taken from it */
};

struct slab {
    void *free; /* objects that came back */
    struct slab_cache *cache;
    struct list_node link;
    int32_t until; /* objects in use or in the cache's `free`, less `rest`: below 0 something is to be done */
    uint16_t rest; /* 1; of a plain full slab more */
    uint8_t state; /* enum slab_state */
    uint8_t kind;  /* enum slab_kind */
};

/* Sizes are multiples of 16 mostly, and with this header their objects are never at a multiple of
 * APART_ALIGN. */
_Static_assert(sizeof(struct slab) % 16 == 8, "objects begin at an odd multiple of 8");

enum {
    APART_ALIGN = 64,
    GUARD_BEFORE =
        56, /* of guarded objects: tag and red zone, bytes; objects of slabs apart have APART_ALIGN */
    GUARD_BEHIND = 8, /* red zone, bytes, at least */
};

struct slab_apart {
    struct slab slab;
    void *memory;
};

static inline const struct slab_layout *slab_layout(const struct slab *s)
{
    return s->kind >= SLAB_GUARDED ? &s->cache->guarded : &s->cache->plain;
}

static inline char *slab_memory(struct slab *s)
{
    return slab_layout(s)->apart ? container_of(s, struct slab_apart, slab)->memory : (char *)s;
}

static inline void *slab_object(struct slab *s, uint32_t i)
{
    return slab_memory(s) + slab_layout(s)->first + i * slab_layout(s)->stride;
}

static inline uint32_t slab_in_use(const struct slab *s)
{
    return (uint32_t)(s->until + s->rest);
}

void **guard_link(const struct slab *s, void *object);

/* Bytes between the start of an object's share of the slab and the object. */
static inline uint32_t slab_before(enum slab_kind kind, bool apart)
{
    if (kind == SLAB_PLAIN)
        return 0;
    if (apart)
        return APART_ALIGN;
    return kind == SLAB_CONSTRUCTED ? 8 : GUARD_BEFORE;
}

/* What links the free objects. */
static inline void **slab_link(const struct slab *s, void *object)
{
    if (s->kind < SLAB_GUARDED)
        return (void **)object - (s->kind == SLAB_CONSTRUCTED);
    return guard_link(s, object);
}

/* The slab that p lies in, from the frame database. => NULL if it is none */
static inline struct slab *slab_lookup(const void *p)
{
    const struct frame *f = frame_around(p);
    return f != NULL && f->kind == FRAME_KERNEL ? f->slab : NULL;
}

static ALWAYS_INLINE struct slab *slab_at_page(const void *p)
{
    return (struct slab *)ALIGN_DOWN((uintptr_t)p, (uintptr_t)PAGE_SIZE);
}

/* => as slab_lookup, if p is an object or a block */
static ALWAYS_INLINE struct slab *slab_around(const void *p)
{
    return likely((uintptr_t)p % APART_ALIGN != 0) ? slab_at_page(p) : slab_lookup(p);
}

/* All that came back to s, a plain slab, is ready to be taken. => the first of it, taken. There is one */
static inline void *slab_refill(struct slab_cache *c, struct slab *s)
{
    void **object = s->free;
    s->free = NULL;
    s->until = (int32_t)c->plain.capacity - 1;
    c->free = *object;
    return object;
}

/* The long way for an object. The lock is held, and released. bytes: how much of it will be used; site: who
 * asks, for the reports. */
typedef void *slab_slow_fn(struct slab_cache *c, size_t bytes, const void *site);
slab_slow_fn slab_take_slowly;

/* preempt_now, at the end of who returns an object: in one call, so that the short way needs no stack. */
void *slab_preempt(void *object);

/* Who asks: NULL stands for who called the function that this is a part of. (Loading the return address only
 * where it is needed saves two instructions.) */
static ALWAYS_INLINE const void *slab_site(const void *site)
{
    return site != NULL ? site : __builtin_return_address(0);
}

static ALWAYS_INLINE void *slab_take(struct slab_cache *c, size_t bytes, const void *site,
                                     slab_slow_fn *slowly)
{
    spin_take(&c->lock);
    void **object = c->free;
    if (unlikely(object == NULL))
        return slowly(c, bytes, slab_site(site));
    c->free = *object;
    if (unlikely(spin_drop(&c->lock)))
        return slab_preempt(object);
    return object;
}

/* The long way back, when the count is used up, or the object has come back already. The lock is held, and
 * released. */
void slab_settle(struct slab *s, void *object, const void *site);

/* The way back to a slab that is not plain, or to another cache's. expected: the cache that the caller takes
 * it for; NULL: any of kmalloc's. */
void slab_give_carefully(struct slab *s, void *object, struct slab_cache *expected, const void *site);

static ALWAYS_INLINE void slab_give(struct slab *s, void *object, struct slab_cache *expected,
                                    const void *site)
{
    if (unlikely(s->kind != SLAB_PLAIN)) {
        slab_give_carefully(s, object, expected, slab_site(site));
        return;
    }
    spin_take(&s->cache->lock);
    void *first = s->free;
    if (unlikely(first == object) || unlikely(--s->until < 0)) {
        slab_settle(s, object, slab_site(site));
        return;
    }
    *(void **)object = first;
    s->free = object;
    if (unlikely(spin_drop(&s->cache->lock)))
        preempt_now();
}

/* All caches that ever had a slab, the latest first. They stay. */
extern struct slab_cache *slab_caches;

/* ---- slab_make.c ---- */

extern struct slab_cache slab_headers; /* of slabs whose header is apart */
extern uint32_t slab_debug_level;

/* What slabs of the cache should be. => enum slab_kind */
uint8_t slab_kind_for(const struct slab_cache *c);

/* => a slab whose objects are all free, on no list and not counted yet; NULL when memory is short. No lock is
 * held. */
struct slab *slab_make(struct slab_cache *c) MUST_CHECK;

/* Gives back a slab whose objects are all free, that is on no list and not counted any more. No lock is held.
 */
void slab_end(struct slab *s);

/* ---- kmalloc.c ---- */

/* Big blocks of kmalloc, which are the buddy's. */
struct big_blocks {
    uint32_t blocks, frames;
};
extern struct big_blocks kmalloc_big;

/* ---- guarded objects: slab_guard.c ---- */

/* A new, free object. */
void guard_make(struct slab *s, void *object);

/* It is taken, or given back: checks it, and panics with what is wrong. */
void guard_take(struct slab *s, void *object, size_t bytes, const void *site);
void guard_give(struct slab *s, void *object, const void *site);

/* The slab is given back: its objects must be free and untouched. */
void guard_end(struct slab *s, void *object);

/* => false after printing what is wrong with an object */
bool guard_check(struct slab *s, void *object, struct printer *out);

/* The bytes that the object's user has asked for. */
size_t guard_bytes(const struct slab *s, const void *object);

/* Panics with who took the object, as far as it is known. */
void guard_wrong_cache(struct slab *s, const void *object, const char *expected, const void *site) NORETURN;
void guard_no_object(struct slab *s, const void *at, const void *site) NORETURN;

#endif
