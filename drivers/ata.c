/* SPDX-License-Identifier: MIT
 * ATA disks: what they say of themselves, whether they may be overwritten, and their pages as blocks. */
#include "drivers/ata.h"
#include "lib/command.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "lib/string.h"

/* Block 0 of a swap disk is the mark, swap's own blocks come after it. */
enum { MARK_PAGES = 1 };
static const char mark[] = "FAULTLINE-SWAP";

/* A disk in use has something in its first 128 KiB: boot code, a partition table, or one of the file
 * systems' superblocks, of which btrfs' is the last, at 64 KiB. */
enum { BLANK_PAGES = 32 };

/* Words of the data that IDENTIFY DEVICE returns (ATA/ATAPI-6, table 27). */
enum {
    ID_WORDS = ATA_SECTOR / sizeof(uint16_t),
    ID_MODEL = 27,
    ID_MODEL_WORDS = 20,
    ID_CAPABILITIES = 49,
    ID_SECTORS = 60
};
enum { CAPABLE_DMA = 0x100, CAPABLE_LBA = 0x200 };

struct disk {
    struct blkdev dev;
    struct ata_drive drive;
    uint32_t sectors;
    char model[2 * ID_MODEL_WORDS + 1];
};

static struct disk disks[ATA_CHANNELS * ATA_DRIVES];                      /* in use: dev.transfer is set */
static uint8_t buffer[BLKDEV_PAGE] __attribute__((aligned(BLKDEV_PAGE))); /* at boot, before any allocator */

static int disk_transfer(struct blkdev *dev, const struct blk_transfer *t)
{
    struct disk *d = container_of(dev, struct disk, dev);
    if (t->count == 0 || t->count > BLKDEV_MAX_RUN || t->count > dev->pages ||
        t->block > dev->pages - t->count)
        return -ENXIO;
    struct ata_request r = {
        .drive = &d->drive, .transfer = t, .sector = (t->block + MARK_PAGES) * ATA_PAGE_SECTORS};
    return ata_submit(&r);
}

static int poll_page(const struct disk *d, enum ata_poll command, uint32_t page)
{
    return ata_poll(&d->drive, command, page * ATA_PAGE_SECTORS, ATA_PAGE_SECTORS, buffer);
}

/* Text in IDENTIFY data has its characters exchanged in pairs, and is padded with spaces. */
static void copy_model(struct disk *d, const uint16_t *words)
{
    size_t len = 0;
    for (size_t i = 0; i < ID_MODEL_WORDS; i++) {
        d->model[2 * i] = (char)(words[i] >> 8);
        d->model[2 * i + 1] = (char)words[i];
    }
    for (size_t i = 0; i < 2 * ID_MODEL_WORDS; i++) {
        bool printable = d->model[i] > ' ' && d->model[i] <= '~' && d->model[i] != '"';
        if (printable)
            len = i + 1;
        else
            d->model[i] = ' ';
    }
    d->model[len] = '\0';
}

/* => NULL, or why the disk cannot be used */
static const char *identify(struct disk *d)
{
    static uint16_t id[ID_WORDS];
    int err = ata_poll(&d->drive, ATA_IDENTIFY, 0, 1, id);
    if (err != 0)
        return ata_is_packet_drive(&d->drive) ? "it is a CD-ROM or the like, not a disk"
               : err == -ENXIO                ? "there is no such disk"
                                              : "it does not answer IDENTIFY DEVICE";
    copy_model(d, id + ID_MODEL);
    if (!(id[ID_CAPABILITIES] & CAPABLE_LBA))
        return "it is too old: it does not number its sectors (no LBA)";
    d->sectors = MIN(id[ID_SECTORS] | (uint32_t)id[ID_SECTORS + 1] << 16, ATA_MAX_SECTORS);
    d->drive.dma = (id[ID_CAPABILITIES] & CAPABLE_DMA) && ata_channel_has_dma(d->drive.channel);
    return NULL;
}

static bool buffer_blank(void)
{
    for (size_t i = 0; i < sizeof buffer; i++)
        if (buffer[i] != 0)
            return false;
    return true;
}

/* => NULL, or why the disk must not be overwritten */
static const char *read_mark(const struct disk *d)
{
    for (uint32_t page = 0; page < MIN((uint32_t)BLANK_PAGES, d->sectors / ATA_PAGE_SECTORS); page++) {
        if (poll_page(d, ATA_READ, page) != 0)
            return "its first sectors cannot be read";
        if (page == 0 && memcmp(buffer, mark, sizeof mark) == 0)
            return NULL;
        if (!buffer_blank())
            return "it holds data that are not Faultline's; swapforce=1 overwrites them, all of them";
    }
    return NULL;
}

static const char *write_mark(const struct disk *d)
{
    memset(buffer, 0, sizeof buffer);
    memcpy(buffer, mark, sizeof mark);
    return poll_page(d, ATA_WRITE, 0) == 0 ? NULL : "its first page cannot be written";
}

static const char *open(struct disk *d, unsigned n, const struct ata_swap *wanted)
{
    const char *why;
    d->drive.channel = ata_channel_find(n / ATA_DRIVES, &why);
    if (d->drive.channel == NULL)
        return why;
    d->drive.number = (uint8_t)(n % ATA_DRIVES);
    why = identify(d);
    if (why != NULL)
        return why;
    d->drive.dma = d->drive.dma && wanted->dma;
    uint32_t pages = d->sectors / ATA_PAGE_SECTORS;
    if (pages < wanted->least_pages + MARK_PAGES)
        return "it is too small";
    d->dev.pages = MIN(pages - MARK_PAGES, wanted->most_pages);
    if (!wanted->force && (why = read_mark(d)) != NULL)
        return why;
    return write_mark(d);
}

struct blkdev *ata_swap_open(unsigned n, const struct ata_swap *wanted, struct printer *out)
{
    static const char *const names[ARRAY_SIZE(disks)] = {"hda", "hdb", "hdc", "hdd"};
    struct disk *d = &disks[n];
    d->drive.name = d->dev.name = names[n];
    const char *why = open(d, n, wanted);
    if (why != NULL) {
        print(out, "disk %s: %s", names[n], why);
        if (d->sectors != 0)
            print(out, " (%s, %u KiB; swap needs %u KiB)", d->model, d->sectors / (1024 / ATA_SECTOR),
                  (wanted->least_pages + MARK_PAGES) * (BLKDEV_PAGE / 1024));
        print(out, "\n");
        return NULL;
    }
    d->dev.transfer = disk_transfer;
    d->dev.sleeps = true;
    ata_channel_start(d->drive.channel);
    log_event(LOG_BOOT, "disk name=%s model=\"%s\" size=%uK mode=%s", names[n], d->model,
              d->sectors / (1024 / ATA_SECTOR), d->drive.dma ? "dma" : "pio");
    return &d->dev;
}

static int command_run(int argc UNUSED, char **argv UNUSED, struct printer *out)
{
    uint32_t used = 0;
    for (size_t i = 0; i < ARRAY_SIZE(disks); i++) {
        const struct disk *d = &disks[i];
        const struct ata_counts *c = &d->drive.counts;
        if (d->dev.transfer == NULL)
            continue;
        used++;
        print(
            out,
            "ata: disk=%s model=\"%s\" size=%uK mode=%s reads=%u writes=%u sectors=%u errors=%u timeouts=%u "
            "retries=%u failed=%u most-waiting=%u\n",
            d->dev.name, d->model, d->sectors / (1024 / ATA_SECTOR), d->drive.dma ? "dma" : "pio", c->reads,
            c->writes, c->sectors, c->errors, c->timeouts, c->retries, c->failed, c->most_waiting);
    }
    if (used == 0)
        print(out, "ata: no disk in use (swap=hda uses one)\n");
    return 0;
}

COMMAND_AT_STOP(ata, "", "the ATA disks in use: what they are, what they did, what failed", command_run);
