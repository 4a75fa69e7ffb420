/* SPDX-License-Identifier: MIT
 * The ramdisk, and faults that can be injected into it: `disk fail-read 3` fails the third read from now,
 * `disk corrupt 1` flips a bit of the block that is read next. */
#include "drivers/ramdisk.h"
#include "lib/command.h"
#include "lib/errno.h"
#include "lib/page.h"
#include "lib/string.h"

enum injection { NOTHING, FAIL_READ, FAIL_WRITE, CORRUPT };

static struct {
    struct blkdev dev;
    char *memory;
    uint32_t reads, writes;
    enum injection injected;
    uint32_t after; /* strikes when this many more transfers of its kind have come */
} disk;

static bool strikes(enum injection what)
{
    if (disk.injected != what || --disk.after > 0)
        return false;
    disk.injected = NOTHING;
    return true;
}

static int ramdisk_read(struct blkdev *dev, uint32_t block, void *buf, struct page_sum *sum)
{
    if (block >= dev->pages)
        return -ENXIO;
    char *at = disk.memory + (size_t)block * BLKDEV_PAGE;
    disk.reads++;
    if (unlikely(disk.injected != NOTHING)) {
        if (strikes(FAIL_READ))
            return -EIO;
        if (strikes(CORRUPT))
            at[BLKDEV_PAGE / 2] ^= 1;
    }
    if (sum != NULL)
        sum->value = page_copy_sum(buf, at);
    else
        page_copy(buf, at);
    return 0;
}

static int ramdisk_write(struct blkdev *dev, uint32_t block, const void *buf, struct page_sum *sum)
{
    if (block >= dev->pages)
        return -ENXIO;
    char *at = disk.memory + (size_t)block * BLKDEV_PAGE;
    disk.writes++;
    if (unlikely(disk.injected != NOTHING) && strikes(FAIL_WRITE))
        return -EIO;
    if (sum != NULL)
        sum->value = page_copy_sum(at, buf);
    else
        page_copy(at, buf);
    return 0;
}

struct blkdev *ramdisk_create(void *memory, uint32_t pages)
{
    disk.dev = (struct blkdev){"ramdisk", pages, ramdisk_read, ramdisk_write};
    disk.memory = memory;
    return &disk.dev;
}

static int command_run(int argc, char **argv, struct printer *out)
{
    static const char *const names[] = {
        [FAIL_READ] = "fail-read", [FAIL_WRITE] = "fail-write", [CORRUPT] = "corrupt"};
    if (argc == 1) {
        print(out, "disk: ramdisk pages=%u reads=%u writes=%u", disk.dev.pages, disk.reads, disk.writes);
        if (disk.injected != NOTHING)
            print(out, " next=%s after=%u", names[disk.injected], disk.after);
        print(out, "\n");
        return 0;
    }
    uint32_t nth;
    for (enum injection i = FAIL_READ; i <= CORRUPT && argc == 3; i++) {
        if (strcmp(argv[1], names[i]) == 0 && parse_u32(argv[2], false, &nth) && nth > 0) {
            disk.injected = i;
            disk.after = nth;
            return 0;
        }
    }
    print(out, "disk: expected no argument, or fail-read, fail-write or corrupt and a number from 1 on\n");
    return 1;
}

COMMAND(disk, "[fail-read|fail-write|corrupt N]", "the ramdisk; make the N-th transfer from now go wrong",
        command_run);
