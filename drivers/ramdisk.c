/* SPDX-License-Identifier: MIT
 * The ramdisk: a copy, and the checksum on its way. */
#include "drivers/ramdisk.h"
#include "drivers/inject.h"
#include "lib/errno.h"
#include "lib/page.h"
#include "mm/port.h"

static struct {
    struct blkdev dev;
    char *memory;
} ramdisk;

void *ramdisk_block(uint32_t block)
{
    return ramdisk.memory + (size_t)block * BLKDEV_PAGE;
}

bool ramdisk_is(const struct blkdev *d)
{
    return d == &ramdisk.dev;
}

static int ramdisk_transfer(struct blkdev *dev, const struct blk_transfer *t)
{
    if (t->count > dev->pages || t->block > dev->pages - t->count)
        return -ENXIO;
    for (uint32_t i = 0; i < t->count; i++) {
        char *at = ramdisk_block(t->block + i);
        void *page = page_window((pfn_t){t->pfns[i]}, WINDOW_DRIVER);
        enum injection injected = inject_block(t->write);
        if (unlikely(injected == INJECT_CORRUPT))
            at[BLKDEV_PAGE / 2] ^= 1;
        else if (unlikely(injected != INJECT_NOTHING))
            return -EIO;
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
    ramdisk.dev =
        (struct blkdev){.name = "ramdisk", .pages = pages, .sums = true, .transfer = ramdisk_transfer};
    ramdisk.memory = memory;
    inject_into(&ramdisk.dev);
    return &ramdisk.dev;
}
