/* SPDX-License-Identifier: MIT
 * What the swap layer asks of a disk. Drivers (and fakes in tests) implement it; mm never sees more. */
#ifndef LIB_BLKDEV_H
#define LIB_BLKDEV_H

#include "lib/types.h"

enum { BLKDEV_PAGE = 4096 }; /* bytes in one block */

/* Checksums that a transfer may fill in on its way, so that the bytes are touched once; see swap.c. */
struct page_sum {
    uint32_t value;
};

struct blkdev {
    const char *name;
    uint32_t pages; /* capacity, in blocks of BLKDEV_PAGE bytes */

    /* Transfers one block. buf is page aligned. sum, if not NULL, receives page_sum (lib/page.h) of the data
     * that was transferred. => 0, or a negative errno; on failure buf (read) or the block (write) holds
     * no defined data. May sleep. */
    int (*read)(struct blkdev *dev, uint32_t block, void *buf, struct page_sum *sum);
    int (*write)(struct blkdev *dev, uint32_t block, const void *buf, struct page_sum *sum);
};

#endif
