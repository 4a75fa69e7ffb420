/* SPDX-License-Identifier: MIT
 * mm-level: 7.4
 * The contiguous arena: the book says where partitions lie and what is to move; this is what it means for
 * frames. */
#include "mm/contig.h"
#include "lib/log.h"
#include "lib/panic.h"
#include "lib/trace.h"
#include "lib/watch.h"
#include "mm/buddy.h"
#include "mm/compact.h"
#include "mm/migrate.h"
#include "mm/port.h"
#include "mm/stats.h"

struct partition_book contig_book;
static struct frame *arena; /* the first of its frames */

enum vm_result contig_open(uint32_t frames, const struct fit *fit)
{
    if (contig_book.units > 0)
        return VM_EXISTS;
    if (frames == 0)
        return VM_INVALID;
    arena = compact_run(frames, 0);
    if (arena == NULL)
        return VM_NO_MEMORY;
    enum vm_result r = partition_open(&contig_book, frames, PAGE_SIZE, fit);
    for (uint32_t i = 0; i < frames; i++)
        if (r == VM_OK)
            arena[i].kind = FRAME_CONTIG;
        else
            buddy_free(&arena[i]);
    return r;
}

void contig_close(void)
{
    ASSERT(contig_book.count == 0, "contig: closed with %u partitions", contig_book.count);
    for (uint32_t i = 0; i < contig_book.units; i++) {
        arena[i].kind = FRAME_KERNEL;
        buddy_free(&arena[i]);
    }
    partition_close(&contig_book);
}

struct frame *contig_frame_at(uint32_t unit)
{
    return &arena[unit];
}

struct frame *contig_frame(const struct partition *p, uint32_t index)
{
    return &arena[partition_unit(&contig_book, p, index)];
}

/* Nobody maps it any more, and nobody will. Its frames stay the arena's. */
static void released(struct object *o)
{
    struct partition *p = o->owner;
    for (uint32_t i = 0; i < p->units; i++) {
        object_clear(o, i);
        contig_frame(p, i)->flags = FRAME_HEAD;
    }
    log_event(LOG_PROC, "contig-free name=%s bytes=%u at=%#x frames=%u", p->name, p->bytes, p->at, p->units);
    partition_free(&contig_book, p);
}

static bool fill(struct object *o, const struct partition *p)
{
    for (uint32_t i = 0; i < p->units; i++) {
        if (object_reserve(o, i) != VM_OK)
            return false;
        page_zero(page_window(frame_pfn(contig_frame(p, i)), WINDOW_TO));
        object_set_frame(o, i, contig_frame(p, i));
    }
    return true;
}

enum vm_result contig_alloc(const char *name, uint32_t bytes, bool buddy, struct object **out,
                            bool *compactable)
{
    struct partition *p;
    enum vm_result r = partition_alloc(&contig_book, name, bytes, buddy, &p, compactable);
    if (r != VM_OK)
        return r;
    struct object *o = object_new("contig", NULL, p->units * PAGE_SIZE);
    if (o == NULL) {
        partition_free(&contig_book, p);
        return VM_NO_MEMORY;
    }
    p->owner = o;
    o->owner = p;
    o->released = released;
    if (!fill(o, p)) {
        object_unref(o);
        return VM_NO_MEMORY;
    }
    *out = o;
    return VM_OK;
}

/* In a trace nobody's, at its offset in the partition. */
static void move_seen(const struct partition_move *m, pfn_t from, pfn_t to)
{
    TRACE(MOVE, 0, 0, m->index << PAGE_SHIFT, from.n, to.n);
    log_event(LOG_MOVE, "contig-move name=%s page=%u frame=%#x to=%#x", m->p->name, m->index, from.n, to.n);
}

uint32_t contig_step(uint32_t budget)
{
    uint32_t done = 0;
    struct partition_move m;
    while (done < budget && contig_book.units > 0 && partition_next_move(&contig_book, &m)) {
        struct frame *from = &arena[m.from], *to = &arena[m.to];
        if (watched(LOG_MOVE))
            move_seen(&m, frame_pfn(from), frame_pfn(to));
        page_switch(from, to);
        to->flags = from->flags;
        from->flags = FRAME_HEAD;
        vmstat.pgmigrate_success++;
        partition_moved(&contig_book);
        done++;
    }
    return done;
}

/* ---- check ---- */

static bool check_pages(const struct partition *p, struct printer *out)
{
    for (uint32_t i = 0; i < p->units; i++) {
        const struct frame *f = contig_frame(p, i);
        if (object_lookup(contig_object(p), i).frame == f && f->object == contig_object(p) && f->index == i)
            continue;
        print(out, "contig: page %u of partition %s is not in frame %#x\n", i, p->name, frame_pfn(f).n);
        return false;
    }
    return true;
}

bool contig_check(struct printer *out)
{
    uint32_t owned = 0, used = 0;
    if (contig_book.units == 0)
        return true;
    if (!partition_check(&contig_book, out))
        return false;
    for (uint32_t at = 0; at < contig_book.units; at++) {
        const struct partition *p = contig_book.by_start[at];
        if (arena[at].kind != FRAME_CONTIG) {
            print(out, "contig: frame %#x of the arena is of kind %u\n", frame_pfn(&arena[at]).n,
                  arena[at].kind);
            return false;
        }
        owned += arena[at].object != NULL;
        if (p == NULL)
            continue;
        used += p->units;
        if (!check_pages(p, out))
            return false;
    }
    if (owned != used)
        print(out, "contig: %u frames hold a page, partitions have %u\n", owned, used);
    return owned == used;
}
