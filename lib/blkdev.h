/* SPDX-License-Identifier: MIT
 * What the swap layer asks of a disk. Drivers (and fakes in tests) implement it; mm never sees more. */
#ifndef LIB_BLKDEV_H
#define LIB_BLKDEV_H

#include "lib/types.h"

enum {
    BLKDEV_PAGE = 4096,  /* bytes in one block */
    BLKDEV_MAX_RUN = 32, /* most blocks in one transfer */
};

/* Checksums that a transfer may fill in on its way, so that the bytes are touched once; see swap.c. */
struct page_sum {
    uint32_t value;
};

/* One transfer: `count` adjoining blocks from `block` on, one frame each. Frames are physical page numbers:
 * they may lie beyond what the kernel can address directly (mm/port.h, page_window). */
struct blk_transfer {
    bool write;
    uint32_t block, count; /* 1 <= count <= BLKDEV_MAX_RUN */
    const uint32_t *pfns;
    struct page_sum *sums; /* NULL, or `count` checksums for a device with `sums` to fill in */
};

struct blkdev {
    const char *name;
    uint32_t pages; /* capacity, in blocks of BLKDEV_PAGE bytes */
    bool sleeps;    /* a transfer takes time, in which others run */
    bool sums;      /* it fills in checksums (lib/page.h); else the swap layer computes them */

    /* => 0 when all of it is done, or a negative errno; then every frame (read) or block (write) of the
     * transfer holds no defined data. May sleep (lib/wait.h); other transfers may come meanwhile. */
    int (*transfer)(struct blkdev *dev, const struct blk_transfer *t) MUST_CHECK;

    /* Nobody will read this block again before it is written: its memory can be used for others. Does not
     * sleep. NULL: the device does not care. */
    void (*discard)(struct blkdev *dev, uint32_t block);
};

#endif
