/* SPDX-License-Identifier: MIT
 * Tables of the memory viewer. Each is drawn from `row` to the row before `end`. */
#ifndef KERNEL_VIEW_TABLES_H
#define KERNEL_VIEW_TABLES_H

#include "kernel/canvas.h"

/* Processes, those with most faults a second first. */
void view_draw_top(struct canvas *c, uint32_t row, uint32_t end);

/* Pools of frames. => the row behind the last */
uint32_t view_draw_pools(struct canvas *c, uint32_t row, uint32_t end);

/* Faults of each refresh, a line of text and a chart below it. */
void view_draw_rates(struct canvas *c, uint32_t row, uint32_t end);

/* The last faults, or evictions, the latest first. */
void view_draw_faults(struct canvas *c, uint32_t row, uint32_t end);
void view_draw_evictions(struct canvas *c, uint32_t row, uint32_t end);

/* Free blocks by order: in one row, or as a table. */
void view_draw_buddy_row(struct canvas *c, uint32_t row);
void view_draw_buddy(struct canvas *c, uint32_t row);

#endif
