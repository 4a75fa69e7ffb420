/* SPDX-License-Identifier: MIT
 * Frames and slots as cells. */
#include "kernel/view_map.h"
#include "kernel/view_sample.h"
#include "mm/policy.h"
#include "mm/pool.h"
#include "mm/swap.h"
#include "mm/used.h"

/* How something is drawn, and how much it tells: of a group the highest rank is shown. */
struct look {
    char who, state;
    uint8_t attribute, rank;
};

enum { STATE_BUSY = 'b', STATE_WIRED = 'w' }; /* shown even where there is room for one character only */

enum rank {
    RANK_RESERVED,
    RANK_FREE,
    RANK_KERNEL,
    RANK_CONTIG,
    RANK_IDLE,
    RANK_ACCESSED,
    RANK_DIRTY,
    RANK_SHARED,
    RANK_WIRED,
    RANK_BUSY,
};

enum vga_color view_owner_color(uint32_t pid)
{
    static const enum vga_color colors[] = {VGA_BLUE, VGA_GREEN, VGA_CYAN, VGA_RED, VGA_MAGENTA, VGA_BROWN};
    return colors[pid % ARRAY_SIZE(colors)];
}

/* ---- frames ---- */

/* Of any frame of a block its own bits; only single pages are mapped more than once. */
static void look_at_bits(const struct frame *f, const struct frame *head, bool *dirty, bool *accessed)
{
    *dirty = (f->flags & FRAME_DIRTY) != 0;
    *accessed = head->pool != NULL && head->pool->tracked && page_use_accessed(head);
    if (head->more != NULL) {
        *dirty |= policy_dirty(f);
        *accessed |= policy_accessed(f);
    } else if (head->pmap != NULL) {
        struct pte pte = pmap_lookup(head->pmap, head->va + (vaddr_t)(f - head) * PAGE_SIZE);
        *dirty |= pte.dirty;
        *accessed |= pte.accessed;
    }
}

static struct look look_at_page(struct frame *f)
{
    struct frame *head = frame_head(f);
    bool dirty, accessed;
    look_at_bits(f, head, &dirty, &accessed);
    uint32_t pid = head->pmap != NULL ? head->pmap->tag : 0;
    struct look l = {.who = 'o'};
    enum vga_color background = VGA_BLACK;
    if (head->pmap != NULL) {
        l.who = (char)('0' + pid % 10);
        background = view_owner_color(pid);
    }
    if (head->more != NULL) {
        l.who = 'S';
        background = VGA_GREY;
    }
    l.attribute = vga_attribute(dirty                     ? VGA_YELLOW
                                : accessed                ? VGA_WHITE
                                : background == VGA_BLACK ? VGA_GREY
                                                          : VGA_BLACK,
                                background);
    l.state = dirty                 ? (accessed ? 'D' : 'd')
              : slot_valid(f->slot) ? (accessed ? 'C' : 'c')
              : accessed            ? 'A'
                                    : ' ';
    l.rank = head->more != NULL ? RANK_SHARED : dirty ? RANK_DIRTY : accessed ? RANK_ACCESSED : RANK_IDLE;
    if (f->wired > 0) {
        l.state = STATE_WIRED;
        l.rank = RANK_WIRED;
    }
    if (head->flags & FRAME_BUSY) {
        l.state = STATE_BUSY;
        l.rank = RANK_BUSY;
    }
    return l;
}

static struct look look_at_frame(uint32_t n)
{
    static const struct look looks[] = {
        [FRAME_RESERVED] = {'-', ' ', VGA_DARK_GREY, RANK_RESERVED},
        [FRAME_FREE] = {'.', ' ', VGA_DARK_GREY, RANK_FREE},
        [FRAME_KERNEL] = {'K', ' ', VGA_LIGHT_BLUE, RANK_KERNEL},
        [FRAME_CONTIG] = {'c', ' ', VGA_LIGHT_GREEN, RANK_CONTIG},
    };
    struct frame *f = &frame_table[n];
    return f->kind == FRAME_USER ? look_at_page(f) : looks[f->kind];
}

/* ---- slots ---- */

static struct look look_at_slot(uint32_t n)
{
    const struct slot *s = &swap_slots[n];
    if (s->refs == 0)
        return (struct look){'.', ' ', VGA_DARK_GREY, RANK_FREE};
    if (s->frame == NULL)
        return s->refs > 1 ? (struct look){'S', ' ', vga_attribute(VGA_BLACK, VGA_GREY), RANK_SHARED}
                           : (struct look){'o', ' ', VGA_GREY, RANK_CONTIG};
    struct look l = look_at_page(s->frame);
    l.rank = MAX(l.rank, RANK_WIRED);
    return l;
}

/* ---- maps ---- */

void view_map_fit(struct view_map *m, uint32_t first, uint32_t end, uint32_t total)
{
    uint32_t cells = m->rows * m->columns;
    end = MIN(end, total);
    for (m->group = 1;; m->group *= 2) {
        m->from = ALIGN_DOWN(first, m->columns * m->group);
        if (end - m->from <= cells * m->group)
            break;
    }
    m->count = MIN(cells * m->group, total - m->from);
}

static struct look look_at_group(const struct view_map *m, uint32_t first, uint32_t step,
                                 struct look (*look)(uint32_t n))
{
    uint32_t end = MIN(first + m->group, m->from + m->count);
    struct look best = look(first);
    for (uint32_t n = first + step; n < end; n += step) {
        struct look l = look(n);
        if (l.rank > best.rank)
            best = l;
    }
    return best;
}

static void place(const struct view_map *m, uint32_t cell, uint32_t *row, uint32_t *column)
{
    *row = m->row + cell / m->columns;
    *column = m->column + cell % m->columns * m->width;
}

static void draw(struct canvas *c, const struct view_map *m, struct look (*look)(uint32_t n))
{
    uint32_t step = MAX((m->count + VIEW_MAP_MOST - 1) / VIEW_MAP_MOST, 1u), row, column;
    for (uint32_t cell = 0; cell * m->group < m->count; cell++) {
        struct look l = look_at_group(m, m->from + cell * m->group, step, look);
        place(m, cell, &row, &column);
        bool only_state = m->width == 1 && (l.state == STATE_BUSY || l.state == STATE_WIRED);
        canvas_char(c, row, column, l.attribute, only_state ? l.state : l.who);
        if (m->width > 1)
            canvas_char(c, row, column + 1, l.attribute, l.state);
    }
}

static void flash(struct canvas *c, const struct view_map *m, uint32_t n)
{
    uint32_t row, column;
    if (n < m->from || n - m->from >= m->count)
        return;
    place(m, (n - m->from) / m->group, &row, &column);
    for (uint32_t i = 0; i < m->width; i++)
        canvas_flash(c, row, column + i);
}

void view_draw_frames(struct canvas *c, const struct view_map *m)
{
    draw(c, m, look_at_frame);
    for (uint32_t i = 0; i < view_sample.touched_count; i++)
        flash(c, m, view_sample.touched[i].frame);
}

void view_draw_slots(struct canvas *c, const struct view_map *m)
{
    draw(c, m, look_at_slot);
    for (uint32_t i = 0; i < view_sample.touched_count; i++)
        flash(c, m, view_sample.touched[i].slot.n);
}

/* ---- legends ---- */

uint32_t view_draw_frame_legend(struct canvas *c, uint32_t row, uint32_t column)
{
    static const struct {
        uint8_t attribute;
        char sign;
        const char *means;
    } lines[] = {
        {VGA_DARK_GREY, '.', "free"},
        {VGA_LIGHT_BLUE, 'K', "kernel"},
        {VGA_DARK_GREY, '-', "fixed"},
        {VGA_LIGHT_GREEN, 'c', "contig"},
        {VGA_GREY, 'o', "nobody"},
        {VGA_GREY << 4, 'S', "shared"},
        {VGA_BLUE << 4 | VGA_WHITE, '0', "pid%10"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++, row++) {
        canvas_char(c, row, column, lines[i].attribute, lines[i].sign);
        canvas_print(c, row, column + 2, VGA_GREY, "%s", lines[i].means);
    }
    return row;
}

void view_draw_color_legend(struct canvas *c, uint32_t row)
{
    static const struct {
        uint8_t attribute;
        const char *word, *means;
    } words[] = {
        {VGA_BLUE << 4 | VGA_YELLOW, "yellow", "dirty,"},
        {VGA_BLUE << 4 | VGA_WHITE, "white", "accessed,"},
        {VGA_BLUE << 4 | VGA_BLACK, "black", "neither;"},
        {VGA_LIGHT_BLUE << 4 | VGA_WHITE, "bright", "just touched; b busy w wired"},
    };
    uint32_t at = 0;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        at = canvas_print(c, row, at, words[i].attribute, "%s", words[i].word) + 1;
        at = canvas_print(c, row, at, VGA_GREY, "%s", words[i].means) + 1;
    }
}
