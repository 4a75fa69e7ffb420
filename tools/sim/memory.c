/* SPDX-License-Identifier: MIT
 * The kernel's heap (mm/slab.h) on the host's, for policies: memory starts as junk, and a count tells whether
 * a policy gives everything back. */
#include "mm/slab.h"
#include "tools/sim/sim.h"
#include <stdlib.h>
#include <string.h>

enum { HEAP_JUNK = 0xa5 };

static uint32_t objects;

uint32_t memory_objects(void)
{
    return objects;
}

void *kmalloc(size_t bytes)
{
    void *p = NULL;
    size_t align = bytes % PAGE_SIZE == 0 ? PAGE_SIZE : sizeof(void *);
    if (bytes == 0 || posix_memalign(&p, align, bytes) != 0)
        return NULL;
    objects++;
    return memset(p, HEAP_JUNK, bytes);
}

void *kzalloc(size_t bytes)
{
    void *p = kmalloc(bytes);
    return p != NULL ? memset(p, 0, bytes) : NULL;
}

void kfree(void *p)
{
    if (p != NULL)
        objects--;
    free(p);
}

void *slab_alloc(struct slab_cache *c)
{
    return kmalloc(c->size);
}

void slab_free(struct slab_cache *c UNUSED, void *object)
{
    kfree(object);
}

void *host_realloc(void *p, size_t count, size_t size)
{
    void *q = reallocarray(p, count, size);
    if (q == NULL && count > 0)
        die(SIM_FAILED, "no memory for %zu bytes", count * size);
    return q;
}

void *host_alloc(size_t count, size_t size)
{
    void *p = calloc(MAX(count, (size_t)1), size);
    if (p == NULL)
        die(SIM_FAILED, "no memory for %zu bytes", count * size);
    return p;
}

char *host_copy(const char *text)
{
    return strcpy(host_alloc(strlen(text) + 1, 1), text);
}
