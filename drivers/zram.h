/* SPDX-License-Identifier: MIT
 * A swap disk that keeps its pages compressed in memory, after Linux's zram (Documentation/admin-guide/
 * blockdev/zram.rst). It costs instructions instead of the time of a disk, and holds more than the memory
 * that it takes. */
#ifndef DRIVERS_ZRAM_H
#define DRIVERS_ZRAM_H

#include "lib/blkdev.h"

/* Bytes of table that zram_create needs. */
size_t zram_table_bytes(uint32_t pages);

/* Makes the zram disk of `pages` blocks. It takes up to `limit` frames as kernel memory; a page that needs
 * more is refused with -ENOSPC. table: zram_table_bytes(pages), word aligned. There is one.
 * => the buddy's reserve has been told of the frames (zram moves it by what it takes of them). */
struct blkdev *zram_create(void *table, uint32_t pages, uint32_t limit);

#endif
