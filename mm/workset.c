/* SPDX-License-Identifier: MIT
 * mm-level: 5.4
 * Sampling, counting and releasing: walks over the list of a pool's pages. A frame that has left the pool is
 * taken off the list when a walk meets it. */
#include "mm/workset.h"
#include "mm/evict.h"
#include "mm/rmap.h"
#include "mm/used.h"

enum vm_result workset_track(struct pool *p)
{
    enum vm_result r = page_uses_init();
    p->tracked = r == VM_OK;
    return r;
}

/* => a record of a page that is here and competes; NULL for one that is not any more, and off the list */
static struct page_use *member(struct pool *p, struct list_node *n)
{
    struct page_use *u = container_of(n, struct page_use, link);
    if (u->frame->pool == p && (u->frame->flags & FRAME_QUEUED))
        return u;
    list_remove(n);
    return NULL;
}

static void look(struct pool *p, struct page_use *u)
{
    if (!rmap_test_clear_accessed(u->frame))
        return;
    u->accessed = true;
    u->last = p->time;
}

static bool used_since(const struct page_use *u, uint32_t from)
{
    return (int32_t)(u->last - from) >= 0;
}

void workset_sample(struct pool *p)
{
    list_for_each_safe (n, &p->used) {
        struct page_use *u = member(p, n);
        if (u != NULL)
            look(p, u);
    }
}

uint32_t workset_idle(struct pool *p, uint32_t from)
{
    uint32_t idle = 0;
    list_for_each_safe (n, &p->used) {
        struct page_use *u = member(p, n);
        if (u != NULL && !used_since(u, from))
            idle += 1u << u->frame->order;
    }
    return idle;
}

/* Pages that go at once: at most one transfer's, or one block. */
struct batch {
    struct frame *frames[BLKDEV_MAX_RUN];
    uint32_t count;
};

/* A dirty page has to be written anyway. In a new slot beside those of the others it takes part in their
 * transfer, by which they can come back, too. */
static void move_slot(struct frame *f)
{
    if (slot_valid(f->slot) && swap_refs(f->slot) == 1 && policy_dirty(f) && !swap_scarce())
        page_drop_slot(f);
}

static void choose(struct pool *p, bool all, uint32_t from, struct batch *b)
{
    b->count = 0;
    list_for_each_safe (n, &p->used) {
        struct page_use *u = member(p, n);
        if (b->count == BLKDEV_MAX_RUN || (b->count > 0 && b->frames[0]->order > 0))
            return;
        if (u == NULL || (b->count > 0 && u->frame->order > 0))
            continue;
        if (!all)
            look(p, u);
        if (all || !used_since(u, from))
            b->frames[b->count++] = u->frame;
    }
}

static uint32_t evict_batch(struct pool *p, bool all, uint32_t from)
{
    struct batch b;
    enum vm_result why = VM_OK;
    choose(p, all, from, &b);
    if (b.count == 0)
        return 0;
    for (uint32_t i = 0; all && i < b.count; i++)
        move_slot(b.frames[i]);
    pool_get(p);
    uint32_t gone = b.frames[0]->order > 0 ? evict_block(b.frames[0], SWAP_NORMAL, &why)
                                           : evict_pages(b.frames, b.count, SWAP_NORMAL, &why);
    pool_put(p);
    return gone;
}

uint32_t workset_release(struct pool *p, uint32_t from)
{
    return evict_batch(p, false, from);
}

uint32_t workset_empty(struct pool *p)
{
    return evict_batch(p, true, 0);
}
