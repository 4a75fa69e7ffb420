/* SPDX-License-Identifier: MIT
 * One process's address space, folded. */
#ifndef KERNEL_VIEW_SPACE_H
#define KERNEL_VIEW_SPACE_H

#include "kernel/canvas.h"
#include "kernel/proc.h"

/* From `row` to the row before `end`: a line for each region, and in it a run for each stretch of pages in
 * the same state, as a letter and a number. Runs that were touched flash. Of more pages than VIEW_SPACE_MOST
 * the rest is left out. => p has an address space */
enum { VIEW_SPACE_MOST = 8192 };
void view_draw_space(struct canvas *c, uint32_t row, uint32_t end, const struct proc *p);

#endif
