/* SPDX-License-Identifier: MIT
 * A swap disk in host memory that counts its transfers and fails, lies or sleeps when a test says so. */
#ifndef TESTS_HOST_DISK_H
#define TESTS_HOST_DISK_H

#include "lib/blkdev.h"

struct disk {
    struct blkdev dev;
    uint8_t *data;
    uint32_t transfers;               /* requests, of one block or more */
    uint32_t reads, writes;           /* blocks transferred with success */
    uint32_t fail_reads, fail_writes; /* so many of the next transfers fail */
    uint32_t pass_writes;             /* so many writes succeed before fail_writes counts */
    int error;                        /* what they return; 0: -EIO */
    /* Called in the middle of each transfer, when neither the old nor the new content is whole: what other
     * processes do while this one sleeps. NULL: nothing. */
    void (*sleep)(struct disk *d, uint32_t block);
};

/* A disk whose blocks hold junk. => pages may be 0: then there is no disk to give to swap_init. */
void disk_init(struct disk *d, uint32_t pages);
void disk_destroy(struct disk *d);

/* Flips one bit of a block, behind everybody's back. */
void disk_flip_bit(struct disk *d, uint32_t block, uint32_t bit);

void disk_exchange(struct disk *d, uint32_t block, uint32_t other);

#endif
