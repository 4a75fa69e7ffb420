/* SPDX-License-Identifier: MIT
 * mm-level: 3.1
 * A memory object: pages that do not belong to one process. A file that programs map or read, a file in /tmp,
 * anonymous memory that is shared. This is the table of its pages only; what fills them is source.h.
 *
 * The object's entry is the truth about a page of it: resident in a frame, in a swap slot, or neither (then
 * it is what the file holds, or zeros). PTEs that map it come and go; when its frame is evicted they become
 * NONE, and the entry says where the page is. */
#ifndef MM_OBJECT_H
#define MM_OBJECT_H

#include "mm/frame.h"

struct object {
    struct list_node link; /* all_objects */
    const char *name;      /* as the log prints it: file, shared */
    uint32_t number;       /* its name for policies, never used again */
    uint32_t refs;         /* mappings, open files, names */
    uint32_t length;       /* bytes */
    const void *data; /* file: its bytes, which never change; NULL: zeros at first, kept in memory and swap */
    uint32_t **leaves; /* the entries, OBJECT_LEAF at a time; NULL where none was ever set */
    uint32_t leaf_count;
    uint32_t resident, swapped; /* pages */

    /* Called when the last reference goes, before anything is freed. NULL: nobody wants to know. */
    void (*released)(struct object *o);
    void *owner; /* whoever set `released` */
};

extern struct list_node all_objects;

enum { OBJECT_LEAF = 1024 };

/* => one reference; NULL when memory is short. */
struct object *object_new(const char *name, const void *data, uint32_t length) MUST_CHECK;

/* Frees the table. => no entry is left. */
void object_delete(struct object *o);

/* Makes room for more pages. => VM_OK or VM_NO_MEMORY. */
enum vm_result object_set_length(struct object *o, uint32_t length) MUST_CHECK;

static inline uint32_t object_length(const struct object *o) /* bytes */
{
    return o->length;
}

static inline uint32_t object_pages(const struct object *o)
{
    return o->length / PAGE_SIZE + (o->length % PAGE_SIZE != 0);
}

/* Where a page is. At most one of the two: */
struct object_entry {
    struct frame *frame; /* NULL: not resident */
    slot_t slot;         /* SLOT_NONE: not in swap */
};
struct object_entry object_lookup(const struct object *o, uint32_t index);

/* Makes sure that the entry can be set. => VM_OK, or VM_NO_MEMORY. Never evicts. */
enum vm_result object_reserve(struct object *o, uint32_t index) MUST_CHECK;

/* Set the entry, whatever it was; the frame's `object` and `index` follow. References of slots are the
 * caller's business. => object_reserve has succeeded, or the entry was set before. */
void object_set_frame(struct object *o, uint32_t index, struct frame *f);
void object_set_slot(struct object *o, uint32_t index, slot_t s);
void object_clear(struct object *o, uint32_t index);

#endif
