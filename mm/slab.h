/* SPDX-License-Identifier: MIT
 * mm-level: 2
 * Kernel objects: caches of equal-sized objects on one-frame slabs (after Bonwick, USENIX Summer 1994,
 * without constructors), and kmalloc on size classes over them. Wired memory, never evicted; may use the
 * buddy's reserve; never reclaims. */
#ifndef MM_SLAB_H
#define MM_SLAB_H

#include "lib/list.h"
#include "lib/print.h"

/* A cache. Define it with SLAB_CACHE; it needs no initialisation call. */
struct slab_cache {
    const char *name;
    uint32_t size; /* bytes per object, a multiple of 8, at most SLAB_MAX */
    struct list_node partial, full;
    uint32_t slabs, objects; /* frames held; objects in use */
    struct slab_cache *next; /* all caches that were ever used, for check and dump */
    bool used;
};

enum { SLAB_MAX = 2016 }; /* two objects a frame, beside the header */

#define SLAB_CACHE_INIT(c, text, bytes)                                                                   \
    {                                                                                                     \
        .name = (text), .size = ALIGN_UP((uint32_t)(bytes), 8u), .partial = {&(c).partial, &(c).partial}, \
        .full = {                                                                                         \
            &(c).full,                                                                                    \
            &(c).full                                                                                     \
        }                                                                                                 \
    }

/* => an object with undefined content, or NULL when no frame is free. */
void *slab_alloc(struct slab_cache *c) MUST_CHECK;
void slab_free(struct slab_cache *c, void *object);

/* Any size up to 4 MiB; 8-byte aligned, page aligned above SLAB_MAX. => NULL when memory is short or
 * bytes is 0. kfree(NULL) does nothing. */
void *kmalloc(size_t bytes) MUST_CHECK;
void *kzalloc(size_t bytes) MUST_CHECK;
void kfree(void *p);

/* Frames held by slabs and big blocks together. */
uint32_t slab_frames(void);

bool slab_check(struct printer *out) MUST_CHECK;

#endif
