/* SPDX-License-Identifier: MIT
 * Maps of the memory viewer: frames and swap slots as cells, in the same characters and colours everywhere.
 */
#ifndef KERNEL_VIEW_MAP_H
#define KERNEL_VIEW_MAP_H

#include "kernel/canvas.h"
#include "mm/frame.h"

/* A part of the screen, and what it shows: `count` frames or slots from `from` on, `group` in each cell. */
struct view_map {
    uint32_t row, column, rows, columns; /* columns in cells */
    uint32_t from, count, group;
    uint32_t width; /* characters of a cell: 1, or 2 with the state as a letter, too (frames) */
};

/* Sets from, count and group so that [first, end) is shown: in whole rows, and in groups of a power of two if
 * it is more than fits. `total` is where frames or slots end. */
void view_map_fit(struct view_map *m, uint32_t first, uint32_t end, uint32_t total);

/* Each cell shows the most telling frame of its group: on its way to or from the disk, then wired, shared, of
 * one process (dirty, accessed, neither), contiguous, kernel, free, reserved; among equals the first. Of more
 * frames than VIEW_MAP_MOST only so many are looked at, evenly spread: that bounds the cost. Those that were
 * touched flash. */
enum { VIEW_MAP_MOST = 8192 };
void view_draw_frames(struct canvas *c, const struct view_map *m);

/* The same for the swap disk: being transferred, in memory as well, shared, on the disk only, free. */
void view_draw_slots(struct canvas *c, const struct view_map *m);

/* The colours of a process: each has a background. */
enum vga_color view_owner_color(uint32_t pid);

/* One thing a row, from `row` on. => the row behind the last */
uint32_t view_draw_frame_legend(struct canvas *c, uint32_t row, uint32_t column);

/* What the colours mean, in a row. */
void view_draw_color_legend(struct canvas *c, uint32_t row);

#endif
