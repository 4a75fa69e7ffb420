/* SPDX-License-Identifier: MIT
 * THROW-AWAY: memory objects in wired kernel memory, to test files with until mm/object.c is there. Deleted
 * when that is merged. */
#include "lib/panic.h"
#include "lib/string.h"
#include "mm/object.h"
#include "mm/slab.h"

struct object {
    uint32_t refs, length;
    const void *data; /* a file's bytes, or NULL */
    char **pages;     /* NULL: zeros */
    struct object **weak;
};

static uint32_t pages_of(uint32_t length)
{
    return (length + PAGE_SIZE - 1) / PAGE_SIZE;
}

static struct object *make(const void *data, uint32_t length)
{
    struct object *o = kzalloc(sizeof *o);
    if (o == NULL)
        return NULL;
    o->refs = 1;
    o->data = data;
    if (data != NULL) {
        o->length = length;
    } else if (object_resize(o, length) != VM_OK) {
        kfree(o);
        return NULL;
    }
    return o;
}

struct object *object_create(const char *name UNUSED, uint32_t length)
{
    return make(NULL, length);
}

struct object *object_create_file(const char *name UNUSED, const void *data, uint32_t length)
{
    return make(data, length);
}

void object_ref(struct object *o)
{
    ASSERT(o->refs > 0, "object_ref: %p is gone", (void *)o);
    o->refs++;
}

void object_unref(struct object *o)
{
    ASSERT(o->refs > 0, "object_unref: %p is gone", (void *)o);
    if (--o->refs > 0)
        return;
    if (o->weak != NULL)
        *o->weak = NULL;
    for (uint32_t i = 0; o->pages != NULL && i < pages_of(o->length); i++)
        kfree(o->pages[i]);
    kfree(o->pages);
    kfree(o);
}

void object_set_weak(struct object *o, struct object **cell)
{
    o->weak = cell;
}

uint32_t object_length(const struct object *o)
{
    return o->length;
}

enum vm_result object_resize(struct object *o, uint32_t length)
{
    uint32_t now = pages_of(o->length), then = pages_of(length);
    if (o->data != NULL)
        return VM_INVALID;
    if (then != now) {
        char **pages = then > 0 ? kzalloc(then * sizeof *pages) : NULL;
        if (then > 0 && pages == NULL)
            return VM_NO_MEMORY;
        for (uint32_t i = 0; i < now; i++) {
            if (i < then)
                pages[i] = o->pages[i];
            else
                kfree(o->pages[i]);
        }
        kfree(o->pages);
        o->pages = pages;
    }
    if (length < o->length && length % PAGE_SIZE != 0 && o->pages[then - 1] != NULL)
        memset(o->pages[then - 1] + length % PAGE_SIZE, 0, PAGE_SIZE - length % PAGE_SIZE);
    o->length = length;
    return VM_OK;
}

enum vm_result object_read(struct object *o, struct pool *pool UNUSED, uint32_t offset, void *to, uint32_t n)
{
    if (offset > o->length || n > o->length - offset)
        return VM_INVALID;
    for (uint32_t i = 0; i < n; i++, offset++) {
        const char *page = o->data == NULL ? o->pages[offset / PAGE_SIZE] : NULL;
        ((char *)to)[i] = o->data != NULL ? ((const char *)o->data)[offset]
                          : page != NULL  ? page[offset % PAGE_SIZE]
                                          : 0;
    }
    return VM_OK;
}

enum vm_result object_write(struct object *o, struct pool *pool UNUSED, uint32_t offset, const void *from,
                            uint32_t n)
{
    if (o->data != NULL || offset > o->length || n > o->length - offset)
        return VM_INVALID;
    for (uint32_t i = 0; i < n; i++, offset++) {
        char **page = &o->pages[offset / PAGE_SIZE];
        if (*page == NULL && (*page = kzalloc(PAGE_SIZE)) == NULL)
            return VM_NO_MEMORY;
        (*page)[offset % PAGE_SIZE] = ((const char *)from)[i];
    }
    return VM_OK;
}
