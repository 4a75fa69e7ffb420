/* SPDX-License-Identifier: MIT
 * One channel of the IDE controller: a cable with up to two drives, of which one at a time carries out one
 * command. Moves sectors; knows nothing of pages' meaning. Who uses it: ata.c. */
#ifndef DRIVERS_ATA_CHANNEL_H
#define DRIVERS_ATA_CHANNEL_H

#include "lib/blkdev.h"
#include "lib/list.h"

enum { ATA_SECTOR = 512, ATA_PAGE_SECTORS = BLKDEV_PAGE / ATA_SECTOR, ATA_CHANNELS = 2, ATA_DRIVES = 2 };
#define ATA_MAX_SECTORS (1u << 28) /* what a 28-bit sector number can name: 128 GiB */

struct ata_channel;

struct ata_counts {
    uint32_t reads, writes, sectors; /* of transfers that succeeded */
    uint32_t errors;                 /* commands that the drive or the bus master failed */
    uint32_t timeouts;               /* commands that never ended: the channel was reset */
    uint32_t retries, failed;        /* transfers tried again; transfers given up */
    uint32_t most_waiting;           /* how many transfers there were at once, at most */
};

struct ata_drive {
    struct ata_channel *channel;
    const char *name;
    uint8_t number;   /* on its channel */
    bool dma;         /* else every word goes through the CPU */
    uint32_t waiting; /* transfers that somebody sleeps for */
    struct ata_counts counts;
};

/* One transfer, from the call to its end. The caller sets the first three. */
struct ata_request {
    struct ata_drive *drive;
    const struct blk_transfer *transfer;
    uint32_t sector;       /* the first */
    struct list_node link; /* the channel's queue, in order of arrival */
    uint32_t moved;        /* sectors that PIO has moved in this attempt */
    uint32_t attempts;
    bool done;
    int result;
};

/* => channel 0 or 1 of the controller at the legacy ports, or NULL with the reason in *why. Finds the
 * controller and its bus master at the first call. */
struct ata_channel *ata_channel_find(unsigned n, const char **why);
bool ata_channel_has_dma(const struct ata_channel *ch);

/* Before there are processes: commands that are waited for by polling. */
enum ata_poll { ATA_READ = 0x20, ATA_WRITE = 0x30, ATA_IDENTIFY = 0xec };

/* Carries out one command for `sectors` sectors of data. => 0; -ENXIO: no drive answers; -EIO. */
int ata_poll(const struct ata_drive *d, enum ata_poll command, uint32_t sector, uint32_t sectors,
             void *data) MUST_CHECK;

/* => after a failed IDENTIFY: is it a drive for packet commands, such as a CD-ROM? */
bool ata_is_packet_drive(const struct ata_drive *d);

/* Interrupts from here on; no polling any more. */
void ata_channel_start(struct ata_channel *ch);

/* Queues the request, sleeps until it is done. First come, first served. => r->result: 0 or -EIO */
int ata_submit(struct ata_request *r) MUST_CHECK;

/* At every clock tick, from the interrupt: ends commands that take too long. */
void ata_tick(void);

#endif
