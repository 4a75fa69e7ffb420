/* SPDX-License-Identifier: MIT
 * Layout of the pages. The first row names them, the last is the console's status line. */
#include "kernel/view_pages.h"
#include "kernel/status.h"
#include "kernel/view_map.h"
#include "kernel/view_sample.h"
#include "kernel/view_space.h"
#include "kernel/view_tables.h"
#include "mm/swap.h"

static const uint8_t heading = VGA_LIGHT_CYAN, plain = VGA_GREY;

enum { TITLE, FIRST, LABEL = 6 }; /* rows; columns of the number before a row of a map */

const char *const view_page_names[VIEW_PAGES] = {"console", "overview", "frames", "swap",
                                                 "space",   "top",      "events", "buddy"};

static void draw_title(struct canvas *c, enum view_page page)
{
    const uint8_t bar = vga_attribute(VGA_WHITE, VGA_BLUE), here = vga_attribute(VGA_BLACK, VGA_CYAN);
    uint32_t at = 0;
    canvas_color(c, TITLE, 0, VGA_COLUMNS, bar);
    for (uint32_t i = 0; i < VIEW_PAGES; i++) {
        uint32_t end =
            canvas_print(c, TITLE, at + 1, i == page ? here : bar, "F%u %s", i + 1, view_page_names[i]);
        if (i == page) {
            canvas_char(c, TITLE, at, here, '[');
            canvas_char(c, TITLE, end, here, ']');
        }
        at = end;
    }
}

static void draw_status(struct canvas *c)
{
    char text[VGA_COLUMNS + 1];
    status_text(text, sizeof text);
    canvas_print(c, c->rows - 1, 0, vga_attribute(VGA_WHITE, VGA_GREEN), "%-*s", VGA_COLUMNS, text);
}

/* The number of each row's first frame or slot. */
static void draw_labels(struct canvas *c, const struct view_map *m)
{
    for (uint32_t row = 0; row < m->rows && row * m->columns * m->group < m->count; row++)
        canvas_print(c, m->row + row, m->column - LABEL, VGA_DARK_GREY, "%05x",
                     m->from + row * m->columns * m->group);
}

static void draw_frame_counts(struct canvas *c, uint32_t row)
{
    const uint32_t *k = view_sample.kinds;
    uint32_t at = canvas_print(c, row, 0, heading, "frames: %u", frame_table_count);
    canvas_print(c, row, at, plain, " free %u, kernel %u, user %u, contiguous %u, reserved %u", k[FRAME_FREE],
                 k[FRAME_KERNEL], k[FRAME_USER], k[FRAME_CONTIG], k[FRAME_RESERVED]);
}

static void draw_swap_counts(struct canvas *c, uint32_t row, const struct view_map *m)
{
    uint32_t at = canvas_print(c, row, 0, heading, "swap: %u slots,", swap_total());
    if (swap_total() > 0)
        canvas_print(c, row, at, plain, " %u used, cell = %u; . free o out S shared b busy 0 here too",
                     swap_total() - swap_free(), m->group);
}

/* Where programs and contiguous arenas have frames. */
static void draw_pages(struct canvas *c, struct view_map *m)
{
    if (view_sample.user_from == view_sample.user_to) {
        canvas_print(c, m->row, m->column, VGA_DARK_GREY, "no program has pages in memory");
        return;
    }
    view_map_fit(m, view_sample.user_from, view_sample.user_to, frame_table_count);
    draw_labels(c, m);
    view_draw_frames(c, m);
}

/* All of the machine in one row, and the part that programs have. */
static uint32_t draw_memory(struct canvas *c, uint32_t row, uint32_t map_rows)
{
    struct view_map all = {.rows = 1, .columns = VGA_COLUMNS, .width = 1, .count = frame_table_count};
    struct view_map pages = {.column = LABEL, .rows = map_rows, .columns = 64, .width = 1, .group = 1};
    draw_frame_counts(c, row++);
    all.row = row++;
    all.group = (frame_table_count + VGA_COLUMNS - 1) / VGA_COLUMNS;
    view_draw_frames(c, &all);
    pages.row = row + 1;
    draw_pages(c, &pages);
    canvas_print(c, row, 0, plain, "above: all, a cell = %u frames; below: where programs are, a cell = %u",
                 all.group, pages.group);
    view_draw_frame_legend(c, pages.row, pages.column + pages.columns + 1);
    return pages.row + map_rows;
}

static uint32_t draw_swap(struct canvas *c, uint32_t row, uint32_t map_rows)
{
    struct view_map m = {.row = row + 1, .column = LABEL, .rows = map_rows, .columns = 64, .width = 1};
    if (swap_total() > 0) {
        view_map_fit(&m, 0, swap_total(), swap_total());
        draw_labels(c, &m);
        view_draw_slots(c, &m);
    }
    draw_swap_counts(c, row, &m);
    return row + 1 + map_rows;
}

static void draw_overview(struct canvas *c)
{
    bool large = c->rows > VGA_ROWS;
    uint32_t row = draw_memory(c, FIRST, large ? 16 : 7);
    view_draw_color_legend(c, row++);
    row = draw_swap(c, row, large ? 6 : 2);
    view_draw_buddy_row(c, row++);
    view_draw_top(c, row, row + (large ? 9 : 5));
    row += large ? 9 : 5;
    view_draw_rates(c, row, row + (large ? 5 : 3));
    row += large ? 6 : 3;
    view_draw_faults(c, row, c->rows - 1);
}

static void draw_frames(struct canvas *c)
{
    struct view_map m = {.row = FIRST + 3, .column = LABEL, .columns = 32, .width = 2, .group = 1};
    m.rows = c->rows - 1 - m.row;
    draw_frame_counts(c, FIRST);
    draw_pages(c, &m);
    canvas_print(c, FIRST + 1, 0, plain,
                 "cell = %u: whose, and d dirty, c copy on swap, w wired, b busy; D C A accessed", m.group);
    view_draw_color_legend(c, FIRST + 2);
    view_draw_frame_legend(c, m.row, m.column + 2 * m.columns + 1);
}

static const struct proc *chosen(uint32_t pid)
{
    const struct proc *first = NULL;
    for (uint32_t i = 0; i < view_sample.top_count; i++) {
        const struct proc *p = view_sample.top[i].p;
        if (p->result.pid == pid)
            return p;
        if (first == NULL || p->result.pid < first->result.pid)
            first = p;
    }
    return first;
}

static void draw_space(struct canvas *c, uint32_t pid)
{
    const struct proc *p = chosen(pid);
    if (p == NULL) {
        canvas_print(c, FIRST, 0, plain, "no program runs");
        return;
    }
    const struct pmap *m = &p->space->pmap;
    canvas_print(c, FIRST, 0, heading,
                 "pid %u %s: in memory %u, swapped out %u, page tables %u; another: view PID", p->result.pid,
                 p->result.name, m->resident, m->swapped, m->tables);
    canvas_print(c, FIRST + 1, 0, plain,
                 "d dirty, r clean, S shared, z zeros, w wired; s swapped, c and read back; . none");
    view_draw_space(c, FIRST + 2, c->rows - 1, p);
}

static void draw_top(struct canvas *c)
{
    uint32_t last = c->rows - 1, chart = last - (c->rows > VGA_ROWS ? 13 : 7);
    uint32_t pools = view_draw_pools(c, FIRST, chart - 8);
    view_draw_top(c, pools + 1, chart - 1);
    view_draw_rates(c, chart, last);
}

static void draw_events(struct canvas *c)
{
    uint32_t half = FIRST + (c->rows - 2) / 2;
    view_draw_faults(c, FIRST, half);
    view_draw_evictions(c, half, c->rows - 1);
}

void view_draw(struct canvas *c, uint32_t rows, enum view_page page, uint32_t pid)
{
    canvas_clear(c, rows);
    draw_title(c, page);
    switch (page) {
    case VIEW_OVERVIEW:
        draw_overview(c);
        break;
    case VIEW_FRAMES:
        draw_frames(c);
        break;
    case VIEW_SWAP:
        draw_swap(c, FIRST, c->rows - FIRST - 2);
        break;
    case VIEW_SPACE:
        draw_space(c, pid);
        break;
    case VIEW_TOP:
        draw_top(c);
        break;
    case VIEW_EVENTS:
        draw_events(c);
        break;
    case VIEW_BUDDY:
        view_draw_buddy(c, FIRST);
        break;
    case VIEW_CONSOLE:
    case VIEW_PAGES:
        break;
    }
    draw_status(c);
}
