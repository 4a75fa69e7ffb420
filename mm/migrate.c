/* SPDX-License-Identifier: MIT
 * mm-level: 7.2
 * Page migration. */
#include "mm/migrate.h"
#include "lib/log.h"
#include "lib/page.h"
#include "lib/trace.h"
#include "lib/watch.h"
#include "mm/buddy.h"
#include "mm/port.h"
#include "mm/rmap.h"
#include "mm/stats.h"

bool page_movable(const struct frame *f)
{
    return f->kind == FRAME_USER && f->order == 0 && f->pool != NULL && !(f->flags & FRAME_BUSY) &&
           ((f->flags & FRAME_QUEUED) || f->wired > 0);
}

/* The instruction that a process of this page table tries to get done may need the page. */
static void tell_step(const struct pmap *p, const struct frame *from, struct frame *to)
{
    struct step *s = &container_of(p, struct space, pmap)->step;
    for (uint32_t i = 0; i < ARRAY_SIZE(s->pages); i++)
        if (s->pages[i] == from)
            s->pages[i] = to;
}

void page_switch(struct frame *from, struct frame *to)
{
    page_copy(page_window(frame_pfn(to), WINDOW_TO), page_window(frame_pfn(from), WINDOW_FROM));
    to->pmap = from->pmap;
    to->va = from->va;
    to->more = from->more;
    from->pmap = NULL;
    from->va = 0;
    from->more = NULL;
    const struct rmap_node first = {to->more, to->pmap, to->va};
    for (const struct rmap_node *m = &first; m != NULL && m->pmap != NULL; m = m->next) {
        pmap_replace(m->pmap, m->va, frame_pfn(to));
        tell_step(m->pmap, from, to);
    }
    if (from->object != NULL)
        object_set_frame(from->object, from->index, to);
}

static void move_seen(const struct frame *from, const struct frame *to)
{
    TRACE(MOVE, 0, to->pmap != NULL ? to->pmap->tag : 0, to->va, frame_pfn(from).n, frame_pfn(to).n);
    log_event(LOG_MOVE, "move pid=%u va=0x%08x frame=%#x to=%#x", to->pmap != NULL ? to->pmap->tag : 0,
              to->va, frame_pfn(from).n, frame_pfn(to).n);
}

void page_migrate(struct frame *from, struct frame *to)
{
    pool_leave(from); /* what a policy without `moved` asks about the page, it can still see */
    page_switch(from, to);
    to->kind = FRAME_USER;
    to->flags = from->flags;
    if (slot_valid(from->slot)) {
        to->slot = from->slot;
        from->slot = SLOT_NONE;
        swap_set_cached(to->slot, to);
    }
    pool_arrive(from, to);
    from->flags = FRAME_HEAD;
    buddy_hold(from);
    vmstat.pgmigrate_success++;
    if (watched(LOG_MOVE))
        move_seen(from, to);
}
