/* SPDX-License-Identifier: MIT
 * ATA disks on the PC's IDE controller: hda and hdb on its first channel, hdc and hdd on its second. */
#ifndef DRIVERS_ATA_H
#define DRIVERS_ATA_H

#include "drivers/ata_channel.h"
#include "lib/print.h"

/* What a disk is wanted for. */
struct ata_swap {
    uint32_t most_pages, least_pages; /* of its capacity, at most so much is used; less is refused */
    bool dma;                         /* by the bus master, where there is one */
    bool force;                       /* overwrite whatever the disk holds */
};

/* Opens disk n (0: hda) for swap. Its first page is kept for a mark, so that a disk that holds somebody's
 * data is not overwritten by mistake: only one that is blank at its start, or has our mark, is taken.
 * => before there are processes; at most once a disk. => NULL after saying why not on `out` */
struct blkdev *ata_swap_open(unsigned n, const struct ata_swap *wanted, struct printer *out);

#endif
