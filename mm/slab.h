/* SPDX-License-Identifier: MIT
 * mm-level: 2
 * Kernel objects: Bonwick's slab allocator ("The Slab Allocator: An Object-Caching Kernel Memory Allocator",
 * USENIX Summer 1994), and kmalloc on size classes over it. Wired memory, never evicted; may use the buddy's
 * reserve; never evicts anybody else. It can be called from threads that may be preempted. */
#ifndef MM_SLAB_H
#define MM_SLAB_H

#include "lib/list.h"
#include "lib/print.h"
#include "lib/spin.h"

struct slab;

/* How objects lie in a slab: object i starts at `first` + i * `stride` of its memory. */
struct slab_layout {
    uint32_t first, stride, capacity; /* bytes, bytes, objects */
    uint8_t order;                    /* a slab has 2^order frames */
    bool apart;                       /* its header lies elsewhere, so that objects fill the frames */
};

/* A cache. Define it with SLAB_CACHE_INIT or SLAB_CACHE_CTOR_INIT; it needs no initialisation call.
 *
 * A constructed object has been through `construct` before slab_alloc returns it, and is in that state again
 * when it is freed: then the next user need not begin anew. It is constructed when its slab is made, and
 * destructed when that is given back, which any allocation may bring about: the destructor may free, but not
 * allocate. Neither may fail. A field marked [l] is under `lock`. */
struct slab_cache {
    void *free;           /* [l] objects of `current` that can be had at once, linked; NULL: ask elsewhere */
    struct slab *current; /* [l] the slab that objects come from, on no list; NULL: none */
    struct spin lock;
    const char *name;
    uint32_t size; /* bytes per object, at most SLAB_LARGEST */
    void (*construct)(void *object);
    void (*destruct)(void *object);
    bool single; /* one-frame slabs whenever two objects fit: these can always be had */
    bool kept;   /* slab_reap leaves it alone: its owner calls slab_cache_reap */
    struct list_node partial, full, empty; /* [l] see enum slab_state */
    uint32_t slabs, empties, frames;       /* [l] all slabs; those on `empty`; frames of all */
    struct slab_layout plain, guarded;     /* from the first slab on */
    struct slab_cache *next;               /* all caches that ever had a slab */
    bool used;
    uint8_t kind; /* [l] of new slabs, enum slab_kind */
};

enum {
    SLAB_MAX = 2016,          /* two objects a frame, beside the header */
    SLAB_LARGEST = 16 * 1024, /* of any cache */
};

#define SLAB_CACHE_FIELDS(c, text, bytes)                                            \
    .lock = SPIN_INIT((text), RANK_SLAB), .name = (text), .size = (uint32_t)(bytes), \
    .partial = {&(c).partial, &(c).partial}, .full = {&(c).full, &(c).full},         \
    .empty = {&(c).empty, &(c).empty}

#define SLAB_CACHE_INIT(c, text, bytes)                   \
    {                                                     \
        SLAB_CACHE_FIELDS(c, text, bytes), .single = true \
    }

/* An object cache with a constructor, and a destructor or NULL. */
#define SLAB_CACHE_CTOR_INIT(c, text, bytes, ctor, dtor)                                           \
    {                                                                                              \
        SLAB_CACHE_FIELDS(c, text, bytes), .single = true, .construct = (ctor), .destruct = (dtor) \
    }

/* slab_reap leaves it alone: its owner calls slab_cache_reap. */
#define SLAB_CACHE_KEPT_INIT(c, text, bytes)                            \
    {                                                                   \
        SLAB_CACHE_FIELDS(c, text, bytes), .single = true, .kept = true \
    }

/* => an object, 8-byte aligned, constructed or with undefined content; NULL when no frame is free, even after
 * all empty slabs were given back. */
void *slab_alloc(struct slab_cache *c) MUST_CHECK;
void slab_free(struct slab_cache *c, void *object);

/* Any size up to 4 MiB; 8-byte aligned; page aligned if it is a multiple of PAGE_SIZE. => NULL when
 * memory is short or bytes is 0. kfree(NULL) does nothing. */
void *kmalloc(size_t bytes) MUST_CHECK;
void *kzalloc(size_t bytes) MUST_CHECK;
void kfree(void *p);

/* As C's realloc: krealloc(NULL, n) is kmalloc(n), krealloc(p, 0) is kfree(p). => NULL when memory is short:
 * p is as it was. */
void *krealloc(void *p, size_t bytes) MUST_CHECK;

/* The bytes that can be used of what kmalloc gave: at least those that were asked for. */
size_t kmalloc_size(const void *p);

/* Gives all empty slabs back, of all caches or of one. => the number of frames. Cheap when there is none. */
uint32_t slab_reap(void);
uint32_t slab_cache_reap(struct slab_cache *c);

/* The same, after those who keep objects in advance have given them back: then as few frames are in use as
 * can be, and figures can be compared. => no lock is held */
uint32_t slab_reap_all(void);

/* Declared low, defined high: vmem_arena.c, which keeps spare tags. */
void slab_spares_back(void);

/* Frames in slabs known to be empty: whether slab_reap is worth while. */
uint32_t slab_reapable(void);

/* Frames held by slabs and big blocks together. */
uint32_t slab_frames(void);

/* Objects in use. Walks the cache's slabs. */
uint32_t slab_objects(struct slab_cache *c);

/* What slabs made from here on find out about their users' errors: at level 0 little, and nothing that would
 * cost; at level 1 whatever a guarded object can tell (slab_guard.c), at level 2 what poison can tell, too.
 * Blocks, and objects of whole pages, are not guarded: they stay aligned. */
enum { SLAB_DEBUG_MAX = 2 };
void slab_set_debug(uint32_t level);
uint32_t slab_debug(void);

/* What a frame of kind KERNEL holds for the slab allocator, in a few words. => false: nothing that it knows
 */
struct frame;
bool slab_describe_frame(const struct frame *f, struct printer *out);

/* The table of Linux's /proc/slabinfo. */
void slab_print_info(struct printer *out);

bool slab_check(struct printer *out) MUST_CHECK;

#endif
