/* SPDX-License-Identifier: MIT
 * mm-level: 3.1
 * The page table of an object: two levels, as the MMU's. An entry is a word: a frame's or a slot's number
 * above two bits that say which. */
#include "mm/object.h"
#include "lib/string.h"
#include "mm/slab.h"

enum { ENTRY_FRAME = 1, ENTRY_SLOT = 2, ENTRY_KIND = 3, ENTRY_SHIFT = 2 };

struct list_node all_objects = {&all_objects, &all_objects};

static struct slab_cache cache = SLAB_CACHE_INIT(cache, "object", sizeof(struct object));

static uint32_t leaves_for(uint32_t length)
{
    const uint32_t span = OBJECT_LEAF * PAGE_SIZE;
    return length / span + (length % span != 0);
}

struct object *object_new(const char *name, const void *data, uint32_t length)
{
    struct object *o = slab_alloc(&cache);
    if (o == NULL)
        return NULL;
    static uint32_t objects;
    *o = (struct object){.name = name, .number = ++objects, .refs = 1, .data = data};
    if (object_set_length(o, length) != VM_OK) {
        slab_free(&cache, o);
        return NULL;
    }
    list_push_back(&all_objects, &o->link);
    return o;
}

void object_delete(struct object *o)
{
    list_remove(&o->link);
    for (uint32_t i = 0; i < o->leaf_count; i++)
        kfree(o->leaves[i]);
    kfree(o->leaves);
    slab_free(&cache, o);
}

enum vm_result object_set_length(struct object *o, uint32_t length)
{
    uint32_t count = leaves_for(length);
    if (count > o->leaf_count) {
        uint32_t **leaves = kzalloc(count * sizeof *leaves);
        if (leaves == NULL)
            return VM_NO_MEMORY;
        if (o->leaf_count > 0)
            memcpy(leaves, o->leaves, o->leaf_count * sizeof *leaves);
        kfree(o->leaves);
        o->leaves = leaves;
        o->leaf_count = count;
    }
    o->length = length;
    return VM_OK;
}

static uint32_t *entry_at(const struct object *o, uint32_t index)
{
    if (index / OBJECT_LEAF >= o->leaf_count || o->leaves[index / OBJECT_LEAF] == NULL)
        return NULL;
    return &o->leaves[index / OBJECT_LEAF][index % OBJECT_LEAF];
}

struct object_entry object_lookup(const struct object *o, uint32_t index)
{
    const uint32_t *e = entry_at(o, index);
    uint32_t word = e != NULL ? *e : 0;
    struct object_entry at = {NULL, SLOT_NONE};
    if ((word & ENTRY_KIND) == ENTRY_FRAME)
        at.frame = frame_of((pfn_t){word >> ENTRY_SHIFT});
    else if ((word & ENTRY_KIND) == ENTRY_SLOT)
        at.slot = (slot_t){word >> ENTRY_SHIFT};
    return at;
}

enum vm_result object_reserve(struct object *o, uint32_t index)
{
    uint32_t **leaf = &o->leaves[index / OBJECT_LEAF];
    if (*leaf == NULL)
        *leaf = kzalloc(OBJECT_LEAF * sizeof **leaf);
    return *leaf != NULL ? VM_OK : VM_NO_MEMORY;
}

static void set(struct object *o, uint32_t index, uint32_t word)
{
    uint32_t *e = entry_at(o, index), old = e != NULL ? *e & ENTRY_KIND : 0;
    if ((old & ENTRY_KIND) == ENTRY_FRAME) {
        struct frame *f = frame_of((pfn_t){*e >> ENTRY_SHIFT});
        f->object = NULL;
        o->resident--;
    }
    o->swapped -= old == ENTRY_SLOT;
    if (e != NULL)
        *e = word;
}

void object_set_frame(struct object *o, uint32_t index, struct frame *f)
{
    set(o, index, frame_pfn(f).n << ENTRY_SHIFT | ENTRY_FRAME);
    f->object = o;
    f->index = index;
    o->resident++;
}

void object_set_slot(struct object *o, uint32_t index, slot_t s)
{
    set(o, index, s.n << ENTRY_SHIFT | ENTRY_SLOT);
    o->swapped++;
}

void object_clear(struct object *o, uint32_t index)
{
    set(o, index, 0);
}
