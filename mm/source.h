/* SPDX-License-Identifier: MIT
 * mm-level: 6
 * Where a page's first content comes from. A source must give the same bytes every time: a page that was
 * never written is dropped without I/O and filled again. */
#ifndef MM_SOURCE_H
#define MM_SOURCE_H

#include "mm/types.h"

struct source {
    const char *name; /* as the log prints it: zero, file */

    /* Fills one page with the bytes from `offset` (page aligned) on. May sleep. */
    enum vm_result (*fill)(const struct source *s, uint32_t offset, void *page);

    /* file: the bytes; beyond `length` pages read as zero, as a program's .bss does. */
    const void *data;
    uint32_t length;
};

struct source source_zero(void);

/* => data stays where it is as long as the source is used. */
struct source source_file(const void *data, uint32_t length);

#endif
