/* SPDX-License-Identifier: MIT
 * Regions as runs of pages. */
#include "kernel/view_space.h"
#include "kernel/view_map.h"
#include "kernel/view_sample.h"
#include "lib/string.h"
#include "mm/swap.h"

enum { RUNS_AT = 37, DIGITS_MAX = 7 }; /* column of the first run; of a run with its letter */

/* Where the next run goes, and what is drawn. */
struct pen {
    struct canvas *canvas;
    const struct space *space;
    uint32_t row, column, end;
    uint32_t pages_left; /* that may still be looked at */
};

static char state_of(struct pte pte)
{
    if (pte.state == PTE_NONE)
        return '.';
    if (pte.state == PTE_SWAPPED)
        return swap_cached(pte.slot) != NULL ? 'c' : 's';
    const struct frame *f = frame_of(pte.pfn);
    if (f == zero_frame)
        return 'z';
    if (f->kind == FRAME_CONTIG)
        return 'p';
    if (f->wired > 0)
        return 'w';
    if (f->more != NULL)
        return 'S';
    return pte.dirty || (f->flags & FRAME_DIRTY) ? 'd' : 'r';
}

static uint8_t attribute_of(char state, uint32_t pid)
{
    switch (state) {
    case '.':
        return VGA_DARK_GREY;
    case 's':
    case 'c':
        return VGA_GREY;
    case 'd':
        return vga_attribute(VGA_YELLOW, view_owner_color(pid));
    case 'S':
        return vga_attribute(VGA_BLACK, VGA_GREY);
    default:
        return vga_attribute(VGA_WHITE, view_owner_color(pid));
    }
}

static bool touched(const struct pen *pen, vaddr_t start, vaddr_t end)
{
    for (uint32_t i = 0; i < view_sample.touched_count; i++) {
        const struct view_touch *t = &view_sample.touched[i];
        if (t->pid == pen->space->pmap.tag && t->va >= start && t->va < end)
            return true;
    }
    return false;
}

static void draw_run(struct pen *pen, char state, vaddr_t start, vaddr_t end)
{
    char text[DIGITS_MAX + 1];
    uint32_t len = (uint32_t)format(text, sizeof text, "%c%u", state, (end - start) / PAGE_SIZE);
    if (pen->column + len > VGA_COLUMNS) {
        pen->row++;
        pen->column = RUNS_AT;
    }
    if (pen->row >= pen->end)
        return;
    canvas_print(pen->canvas, pen->row, pen->column, attribute_of(state, pen->space->pmap.tag), "%s", text);
    for (uint32_t i = 0; i < len && touched(pen, start, end); i++)
        canvas_flash(pen->canvas, pen->row, pen->column + i);
    pen->column += len + 1;
}

static void draw_runs(struct pen *pen, const struct region *r)
{
    const struct pmap *m = &pen->space->pmap;
    vaddr_t start = r->start, va = start;
    char state = '\0'; /* of the pages from start to va */
    while (va < r->end && pen->pages_left > 0 && pen->row < pen->end) {
        vaddr_t next = pmap_next_table(m, va, r->end);
        bool skipped = next > va; /* a stretch without page tables */
        char now = skipped ? '.' : state_of(pmap_lookup(m, va));
        if (now != state && va > start) {
            draw_run(pen, state, start, va);
            start = va;
        }
        state = now;
        va = skipped ? next : va + PAGE_SIZE;
        pen->pages_left--;
    }
    if (va > start && pen->row < pen->end)
        draw_run(pen, state, start, va);
}

void view_draw_space(struct canvas *c, uint32_t row, uint32_t end, const struct proc *p)
{
    const struct space *s = p->space;
    struct pen pen = {c, s, row, RUNS_AT, end - 1, VIEW_SPACE_MOST};
    uint32_t i = 0;
    for (; i < s->regions.count && pen.row < pen.end && pen.pages_left > 0; i++, pen.row++) {
        const struct region *r = s->regions.at[i];
        char rights[REGION_RIGHTS];
        canvas_print(c, pen.row, 0, VGA_GREY, "%08x-%08x %s %-6.6s %5u", r->start, r->end,
                     region_rights(r, rights), r->name, (r->end - r->start) / PAGE_SIZE);
        pen.column = RUNS_AT;
        draw_runs(&pen, r);
    }
    if (pen.row >= pen.end || pen.pages_left == 0)
        canvas_print(c, end - 1, 0, VGA_DARK_GREY, "... and more, for which this page has no room");
}
