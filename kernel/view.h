/* SPDX-License-Identifier: MIT
 * The memory viewer: a live picture of memory on the VGA screen in place of the console, and the same as
 * text. */
#ifndef KERNEL_VIEW_H
#define KERNEL_VIEW_H

#include "kernel/view_pages.h"

enum { VIEW_HZ = 10, VIEW_HZ_MAX = 100 }; /* refreshes a second: at first, and at most */

struct view_options {
    enum view_page page;
    uint32_t rows, hz;
};

/* "overview" and so on; "off" is the console. => false if there is no such page. */
bool view_page_parse(const char *name, enum view_page *page) MUST_CHECK;
bool view_rows_parse(const char *text, uint32_t *rows) MUST_CHECK;
bool view_hz_parse(const char *text, uint32_t *hz) MUST_CHECK;
extern const char view_pages_legal[], view_rows_legal[], view_hz_legal[]; /* what they know, for messages */

/* Listens to the function keys from here on, and shows what the user asked for. */
void view_start(const struct view_options *o);

/* Called at every clock tick. */
void view_tick(void);

#endif
