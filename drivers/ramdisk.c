/* SPDX-License-Identifier: MIT
 * The ramdisk, and faults that can be injected into it: `disk fail-read 3` fails the third read from now,
 * `disk corrupt 1` flips a bit of the block that is read next. */
#include "drivers/ramdisk.h"
#include "lib/command.h"
#include "lib/errno.h"
#include "lib/page.h"
#include "lib/string.h"
#include "mm/port.h"

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

static int ramdisk_transfer(struct blkdev *dev, const struct blk_transfer *t)
{
    if (t->count > dev->pages || t->block > dev->pages - t->count)
        return -ENXIO;
    uint32_t *counter = t->write ? &disk.writes : &disk.reads;
    for (uint32_t i = 0; i < t->count; i++) {
        char *at = disk.memory + (size_t)(t->block + i) * BLKDEV_PAGE;
        void *page = page_window((pfn_t){t->pfns[i]}, WINDOW_DRIVER);
        ++*counter;
        if (unlikely(disk.injected != NOTHING)) {
            if (strikes(t->write ? FAIL_WRITE : FAIL_READ))
                return -EIO;
            if (!t->write && strikes(CORRUPT))
                at[BLKDEV_PAGE / 2] ^= 1;
        }
        void *to = t->write ? at : page;
        const void *from = t->write ? page : at;
        if (t->sums != NULL)
            t->sums[i].value = page_copy_sum(to, from);
        else
            page_copy(to, from);
    }
    return 0;
}

struct blkdev *ramdisk_create(void *memory, uint32_t pages)
{
    disk.dev = (struct blkdev){.name = "ramdisk", .pages = pages, .sums = true, .transfer = ramdisk_transfer};
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
