/* SPDX-License-Identifier: MIT
 * Tables and charts of the memory viewer. */
#include "kernel/view_tables.h"
#include "kernel/view_map.h"
#include "kernel/view_sample.h"
#include "mm/buddy.h"
#include "mm/stats.h"
#include "mm/swap.h"

static const uint8_t heading = VGA_LIGHT_CYAN, plain = VGA_GREY, dim = VGA_DARK_GREY;

/* ---- processes and pools ---- */

/* As Linux's ps has it. */
static char letter_of(enum proc_state s)
{
    return s == PROC_SLEEPING ? 'S' : s == PROC_ZOMBIE ? 'Z' : 'R';
}

void view_draw_top(struct canvas *c, uint32_t row, uint32_t end)
{
    canvas_print(c, row++, 0, heading,
                 "  pid name         S resident  swapped    minor    major evictions faults/s");
    for (uint32_t i = 0; i < view_sample.top_count && row < end; i++, row++) {
        const struct view_process *v = &view_sample.top[i];
        const struct space *s = v->p->space;
        uint32_t pid = v->p->result.pid;
        canvas_print(c, row, 0, plain, "%5u %-12s %c %8u %8u %8u %8u %9u %8u", pid, v->p->result.name,
                     letter_of(v->p->state), s->pmap.resident, s->pmap.swapped, s->minor, s->major,
                     s->pmap.evictions, v->rate);
        canvas_color(c, row, 4, 1, vga_attribute(VGA_WHITE, view_owner_color(pid)));
    }
    if (view_sample.top_count == 0)
        canvas_print(c, row, 0, dim, "no program runs");
}

uint32_t view_draw_pools(struct canvas *c, uint32_t row, uint32_t end)
{
    canvas_print(c, row++, 0, heading, "pool             policy           limit resident    wired evictions");
    list_for_each (n, &all_pools) {
        const struct pool *p = container_of(n, struct pool, link);
        if (row < end)
            canvas_print(c, row++, 0, plain, "%-16.16s %-13.13s %8u %8u %8u %9u", p->name, p->policy->name,
                         p->limit, p->resident, p->wired, p->evictions);
    }
    return row;
}

/* ---- faults ---- */

void view_draw_rates(struct canvas *c, uint32_t row, uint32_t end)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < VIEW_HISTORY; i++)
        most = MAX(most, view_sample.faults[i]);
    canvas_print(c, row, 0, heading,
                 "faults: %u in %u ms; of each refresh, the latest at the right, at most %u",
                 view_sample.faults[VIEW_HISTORY - 1], view_sample.ms, most);
    canvas_chart(c, end - 1, end - 1 - row, 0, VGA_LIGHT_GREEN, view_sample.faults, VIEW_HISTORY);
}

enum { NUMBER_TEXT = 12 };

static void put_slot(char *text, slot_t s)
{
    if (slot_valid(s))
        format(text, NUMBER_TEXT, "%u", s.n);
    else
        format(text, NUMBER_TEXT, "none");
}

static void put_frame(char *text, uint32_t frame)
{
    if (frame != UINT32_MAX)
        format(text, NUMBER_TEXT, "%#x", frame);
    else
        format(text, NUMBER_TEXT, "none");
}

void view_draw_faults(struct canvas *c, uint32_t row, uint32_t end)
{
    canvas_print(c, row++, 0, heading, "last faults   va         ip         case frame    slot");
    for (uint32_t i = 1; i <= FAULT_HISTORY && row < end; i++) {
        const struct fault_record *r = &fault_history[(fault_history_next - i) % FAULT_HISTORY];
        char frame[NUMBER_TEXT], slot[NUMBER_TEXT];
        if (i > fault_history_next)
            break;
        put_frame(frame, r->frame);
        put_slot(slot, r->slot);
        canvas_print(c, row, 0, plain, "%5u %-6s  0x%08x 0x%08x %4u %-8s %-6s %s", r->pid,
                     r->access & VM_WRITE  ? "write"
                     : r->access & VM_EXEC ? "exec"
                                           : "read",
                     r->va, r->ip, r->kase, frame, slot, r->what);
        canvas_color(c, row++, 4, 1, vga_attribute(VGA_WHITE, view_owner_color(r->pid)));
    }
}

void view_draw_evictions(struct canvas *c, uint32_t row, uint32_t end)
{
    canvas_print(c, row++, 0, heading, "evictions     va                         frame    slot");
    for (uint32_t i = 1; i <= EVICTION_HISTORY && row < end; i++) {
        const struct eviction_record *r = &eviction_history[(vmstat.pgsteal - i) % EVICTION_HISTORY];
        char slot[NUMBER_TEXT];
        if (i > vmstat.pgsteal)
            break;
        if (r->frame == NULL) {
            canvas_print(c, row, 0, dim, "earlier ones are not known: the viewer was not in use");
            break;
        }
        put_slot(slot, r->slot);
        canvas_print(c, row, 0, plain, "%5u %-6s  0x%08x                 %#-8x %s", r->pid,
                     r->write ? "dirty" : "clean", r->va, frame_pfn(r->frame).n, slot);
        canvas_color(c, row++, 4, 1, vga_attribute(VGA_WHITE, view_owner_color(r->pid)));
    }
}

/* ---- buddy ---- */

void view_draw_buddy_row(struct canvas *c, uint32_t row)
{
    uint32_t at = canvas_print(c, row, 0, heading, "free blocks by order") + 1;
    for (uint32_t order = 0; order < BUDDY_ORDERS; order++) {
        uint32_t n = 0;
        for (uint32_t list = 0; list < 4; list++)
            n += buddy_blocks(list / 2, list % 2, order);
        at = canvas_print(c, row, at, plain, "%u", n) + 1;
    }
    canvas_print(c, row, at, plain, "cached %u", buddy_cached());
}

void view_draw_buddy(struct canvas *c, uint32_t row)
{
    canvas_print(c, row, 0, heading, "order  KiB      low unmovable    movable    high unmovable    movable");
    for (uint32_t order = 0; order < BUDDY_ORDERS; order++)
        canvas_print(c, ++row, 0, plain, "%5u %4u %18u %10u %17u %10u", order, (PAGE_SIZE / 1024u) << order,
                     buddy_blocks(false, false, order), buddy_blocks(false, true, order),
                     buddy_blocks(true, false, order), buddy_blocks(true, true, order));
    canvas_print(c, ++row, 0, plain, "single frames in the caches in front of the lists: %u", buddy_cached());
    canvas_print(c, ++row, 0, plain, "free: %u of %u frames, of them low %u, of these in reserve %u",
                 buddy_free_frames(), buddy_total_frames(), buddy_low_free(), buddy_reserve());
}
