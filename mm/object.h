/* SPDX-License-Identifier: MIT
 * mm-level: 6
 * Memory objects: the pages of a file or of shared memory, whoever maps or reads them. */
#ifndef MM_OBJECT_H
#define MM_OBJECT_H

#include "mm/pool.h"

struct object; /* reference counted */

/* Zero-filled, kept in memory and swap: a file in /tmp, shared anonymous memory. The name is not copied.
 * => one reference, or NULL when memory is short. */
struct object *object_create(const char *name, uint32_t length) MUST_CHECK;

/* Over bytes in kernel memory that never change: a file of the initrd. => as object_create. */
struct object *object_create_file(const char *name, const void *data, uint32_t length) MUST_CHECK;

void object_ref(struct object *o);
void object_unref(struct object *o); /* the last one frees every page and slot */

/* *cell, which points to o, becomes NULL when the last reference goes: a lookup that does not keep o alive.
 * One cell an object. */
void object_set_weak(struct object *o, struct object **cell);

uint32_t object_length(const struct object *o); /* bytes */

/* Cuts, or extends with zeros; mapped pages beyond the end go. => VM_OK, VM_NO_MEMORY, VM_INVALID (not an
 * object_create one). */
enum vm_result object_resize(struct object *o, uint32_t length) MUST_CHECK;

/* Copies n bytes at offset. May evict and sleep. => VM_OK, VM_INVALID when the range is not within the
 * length, or why a page could not be had. */
enum vm_result object_read(struct object *o, struct pool *pool, uint32_t offset, void *to,
                           uint32_t n) MUST_CHECK;
enum vm_result object_write(struct object *o, struct pool *pool, uint32_t offset, const void *from,
                            uint32_t n) MUST_CHECK;

#endif
