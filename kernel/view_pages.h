/* SPDX-License-Identifier: MIT
 * The pages of the memory viewer: what is where on each. */
#ifndef KERNEL_VIEW_PAGES_H
#define KERNEL_VIEW_PAGES_H

#include "kernel/canvas.h"

/* Function key F1 is the first, and so on. */
enum view_page {
    VIEW_CONSOLE,
    VIEW_OVERVIEW,
    VIEW_FRAMES,
    VIEW_SWAP,
    VIEW_SPACE,
    VIEW_TOP,
    VIEW_EVENTS,
    VIEW_BUDDY,
    VIEW_PAGES,
};

extern const char *const view_page_names[VIEW_PAGES];

/* Draws a page from view_sample and the state of the kernel. `pid` is the process whose address space is
 * shown; if there is none such, it is the one with the smallest pid. => not VIEW_CONSOLE */
void view_draw(struct canvas *c, uint32_t rows, enum view_page page, uint32_t pid);

#endif
