/* SPDX-License-Identifier: MIT
 * A disk that is a piece of RAM. The swap disk of choice for measuring: it takes the time of a copy, the
 * same in every run. */
#ifndef DRIVERS_RAMDISK_H
#define DRIVERS_RAMDISK_H

#include "lib/blkdev.h"

/* Makes the ramdisk of `pages` blocks at memory (page aligned). There is one. */
struct blkdev *ramdisk_create(void *memory, uint32_t pages);

/* Is this the ramdisk? */
bool ramdisk_is(const struct blkdev *d);

/* Where a block of it lies. Its content is the swap disk's, sealed by a checksum: this is for looking. */
void *ramdisk_block(uint32_t block);

#endif
