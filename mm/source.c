/* SPDX-License-Identifier: MIT
 * mm-level: 6
 * Bringing pages in: from swap slots, with read-ahead, and into objects. */
#include "mm/source.h"
#include "lib/string.h"
#include "mm/port.h"
#include "mm/stats.h"

uint32_t swap_readahead = 1;

/* ---- swap ---- */

/* Slots that hold a page nobody has in memory can be read ahead. */
static bool readable(uint32_t n)
{
    slot_t s = {n};
    return n < swap_total() && swap_refs(s) > 0 && swap_cached(s) == NULL;
}

/* A frame for a page that nobody asked for: only if others have plenty. BUSY, as it is nobody's yet. */
static struct frame *spare_frame(struct pool *p)
{
    if (p->resident >= p->limit && (p->queued < p->limit / 2 || pool_evict(p, SWAP_NORMAL) != VM_OK))
        return NULL;
    struct frame *f = page_alloc_free(p);
    if (f != NULL)
        f->flags |= FRAME_BUSY;
    return f;
}

/* What one transfer brings in: adjoining slots, the wanted one among them. */
struct run {
    uint32_t first, count;
    struct frame *frames[BLKDEV_MAX_RUN];
};

/* The readable slots around s, inside the aligned window that contains it, as many as there are frames for:
 * first those behind it, as programs mostly go forward. */
static void choose_run(struct run *run, slot_t s, struct pool *p)
{
    uint32_t window = ALIGN_DOWN(s.n, swap_readahead), end = s.n + 1;
    struct frame *spare[BLKDEV_MAX_RUN];
    uint32_t spares = 0;
    while (spares + 1 < swap_readahead && (spare[spares] = spare_frame(p)) != NULL)
        spares++;
    run->first = s.n;
    run->count = 1;
    /* from here on nothing sleeps */
    for (; end < window + swap_readahead && run->count <= spares && readable(end); end++)
        run->count++;
    while (run->first > window && run->count <= spares && readable(run->first - 1)) {
        run->first--;
        run->count++;
    }
    for (uint32_t i = 0; i < run->count; i++) {
        slot_t at = {run->first + i};
        if (at.n == s.n)
            continue;
        struct frame *f = run->frames[i] = spare[--spares];
        swap_ref(at, 1);
        page_keep_slot(f, at);
        f->flags |= FRAME_READAHEAD;
    }
    while (spares > 0)
        page_free(spare[--spares]);
}

/* Reads s into f and, while at it, its neighbours into frames of their own, which can then be found through
 * their slots. */
static enum vm_result read_around(slot_t s, struct frame *f, struct pool *p)
{
    struct run run;
    bool corrupt[BLKDEV_MAX_RUN];
    choose_run(&run, s, p);
    uint32_t wanted = s.n - run.first;
    run.frames[wanted] = f;
    enum vm_result r = swap_in_run((slot_t){run.first}, run.frames, run.count, corrupt);
    for (uint32_t i = 0; i < run.count; i++) {
        struct frame *other = run.frames[i];
        if (i == wanted)
            continue;
        page_ready(other);
        if (r != VM_OK || corrupt[i] || swap_refs(other->slot) == 1) {
            page_free(other);
            continue;
        }
        pool_insert(other);
        vmstat.swap_ra++;
    }
    if (r != VM_OK && run.count > 1) /* perhaps a neighbour's fault */
        return swap_in(s, f);
    return r == VM_OK && corrupt[wanted] ? VM_CORRUPT : r;
}

enum vm_result swap_page(slot_t s, struct pool *p, struct frame **out, bool *read)
{
    struct frame *f = swap_cached(s);
    *read = false;
    *out = NULL;
    if (unlikely(f != NULL)) {
        if (f->flags & FRAME_BUSY)
            page_wait(f);
        else
            *out = f;
        return VM_OK;
    }
    /* only the slot of a page that nobody shares can be given back after the read */
    enum vm_result r = page_alloc(p, likely(swap_refs(s) == 1) ? SWAP_EXCHANGE : SWAP_NORMAL, &f);
    if (unlikely(r != VM_OK))
        return r;
    if (unlikely(swap_refs(s) == 0 || swap_cached(s) != NULL)) {
        page_free(f);
        return VM_OK;
    }
    swap_ref(s, 1);
    page_keep_slot(f, s);
    f->flags |= FRAME_BUSY;
    r = likely(swap_readahead <= 1) ? swap_in(s, f) : read_around(s, f, p);
    page_ready(f);
    if (unlikely(r != VM_OK)) {
        page_free(f);
        return r;
    }
    *read = true;
    *out = f;
    return VM_OK;
}

/* ---- objects ---- */

struct object *object_create(const char *name, uint32_t length)
{
    return object_new(name, NULL, length);
}

struct object *object_create_file(const char *name, const void *data, uint32_t length)
{
    return object_new(name, data, length);
}

void object_ref(struct object *o)
{
    o->refs++;
}

void object_discard(struct object *o, uint32_t index)
{
    struct object_entry e = object_lookup(o, index);
    object_clear(o, index);
    if (e.frame != NULL)
        page_unmapped(e.frame, false);
    else if (slot_valid(e.slot))
        page_put_slot(e.slot);
}

void object_unref(struct object *o)
{
    if (--o->refs > 0)
        return;
    if (o->released != NULL)
        o->released(o);
    for (uint32_t i = 0; i < o->leaf_count * OBJECT_LEAF && o->resident + o->swapped > 0; i++)
        object_discard(o, i);
    object_delete(o);
}

static void fill(const struct object *o, uint32_t index, struct frame *f)
{
    void *page = page_window(frame_pfn(f), WINDOW_TO);
    uint32_t offset = index * PAGE_SIZE;
    uint32_t n = o->data == NULL || offset >= o->length ? 0 : MIN(o->length - offset, (uint32_t)PAGE_SIZE);
    const char *from = (const char *)o->data + offset;
    if (n == 0) {
        page_zero(page);
    } else if (n == PAGE_SIZE && (uintptr_t)from % 16 == 0) {
        page_copy(page, from);
    } else {
        memcpy(page, from, n);
        memset((char *)page + n, 0, PAGE_SIZE - n);
    }
}

bool object_fill_copy(struct object *o, uint32_t index, struct frame *to)
{
    struct object_entry e = object_lookup(o, index);
    if (slot_valid(e.slot) || index >= object_pages(o))
        return false;
    if (e.frame != NULL)
        page_copy(page_window(frame_pfn(to), WINDOW_TO), page_window(frame_pfn(e.frame), WINDOW_FROM));
    else
        fill(o, index, to);
    return true;
}

/* A page that was never there, or was dropped clean. => VM_OK with *out NULL: look again */
static enum vm_result first_page(struct object *o, uint32_t index, struct pool *p, struct frame **out)
{
    *out = NULL;
    if (object_reserve(o, index) != VM_OK)
        return memory_evict();
    struct frame *f;
    pool_expect(p, object_page_id(o, index));
    enum vm_result r = page_alloc(p, SWAP_NORMAL, &f);
    if (r != VM_OK)
        return r;
    struct object_entry now = object_lookup(o, index);
    if (now.frame != NULL || slot_valid(now.slot) || index >= object_pages(o)) {
        page_free(f);
        return VM_OK;
    }
    fill(o, index, f);
    object_set_frame(o, index, f);
    pool_insert(f);
    *out = f;
    return VM_OK;
}

/* A page that is in slot s. => as first_page */
static enum vm_result page_back(struct object *o, uint32_t index, slot_t s, struct pool *p,
                                struct frame **out, bool *read)
{
    pool_expect(p, object_page_id(o, index));
    enum vm_result r = swap_page(s, p, out, read);
    if (r != VM_OK || *out == NULL)
        return r;
    struct frame *f = *out;
    bool same = object_lookup(o, index).slot.n == s.n;
    if (same) {
        object_set_frame(o, index, f);
        swap_unref(s);
        if (swap_scarce() && swap_refs(s) == 1)
            page_drop_slot(f);
    } else {
        *out = NULL;
    }
    if (*read)
        pool_insert(f);
    if (!same)
        page_unmapped(f, false);
    return VM_OK;
}

enum vm_result object_page(struct object *o, uint32_t index, struct pool *p, struct frame **out, bool *major)
{
    bool read = false;
    enum vm_result r;
    *major = false;
    do {
        if (index >= object_pages(o))
            return VM_BEYOND;
        struct object_entry e = object_lookup(o, index);
        *out = e.frame;
        if (e.frame != NULL)
            return VM_OK;
        r = slot_valid(e.slot) ? page_back(o, index, e.slot, p, out, &read) : first_page(o, index, p, out);
        *major |= read;
    } while (r == VM_OK && *out == NULL);
    return r;
}

/* The part of [offset, offset + n) that lies in one page. */
static enum vm_result one_page(struct object *o, struct pool *p, uint32_t offset, uint32_t n, uint32_t *chunk,
                               struct frame **f)
{
    bool major;
    *chunk = MIN(n, PAGE_SIZE - offset % PAGE_SIZE);
    return object_page(o, offset / PAGE_SIZE, p, f, &major);
}

enum vm_result object_read(struct object *o, struct pool *p, uint32_t offset, void *to, uint32_t n)
{
    for (uint32_t done = 0, chunk; done < n; done += chunk) {
        struct frame *f;
        enum vm_result r = one_page(o, p, offset + done, n - done, &chunk, &f);
        if (r != VM_OK)
            return r;
        const char *page = page_window(frame_pfn(f), WINDOW_FROM);
        memcpy((char *)to + done, page + (offset + done) % PAGE_SIZE, chunk);
    }
    return VM_OK;
}

enum vm_result object_write(struct object *o, struct pool *p, uint32_t offset, const void *from, uint32_t n)
{
    for (uint32_t done = 0, chunk; done < n; done += chunk) {
        struct frame *f;
        enum vm_result r = one_page(o, p, offset + done, n - done, &chunk, &f);
        if (r != VM_OK)
            return r;
        char *page = page_window(frame_pfn(f), WINDOW_TO);
        memcpy(page + (offset + done) % PAGE_SIZE, (const char *)from + done, chunk);
        f->flags |= FRAME_DIRTY;
    }
    return VM_OK;
}
