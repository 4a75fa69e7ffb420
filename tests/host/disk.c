/* SPDX-License-Identifier: MIT
 * The fake disk. A failed transfer leaves junk behind, as lib/blkdev.h allows, so that nobody can lean on
 * what it did not promise. */
#include "tests/host/disk.h"
#include "lib/errno.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "mm/port.h"
#include "tests/host/machine.h"
#include <stdlib.h>

enum { DISK_JUNK = 0xd5 };

static uint8_t *block_at(struct disk *d, uint32_t block, const void *buf)
{
    ASSERT(block < d->dev.pages, "disk: block %u of %u", block, d->dev.pages);
    ASSERT((uintptr_t)buf % BLKDEV_PAGE == 0, "disk: buffer %p is not page aligned", buf);
    return d->data + (size_t)block * BLKDEV_PAGE;
}

static bool fails(uint32_t *count)
{
    if (*count == 0)
        return false;
    --*count;
    return true;
}

/* Both directions: the destination holds junk, then others run, then it holds the data or stays junk. Even
 * if nobody runs, somebody might have: no window is what it was. */
static int transfer(struct disk *d, uint32_t block, bool write, pfn_t pfn, bool fail, struct page_sum *sum)
{
    machine_windows_close();
    void *page = page_window(pfn, WINDOW_DRIVER), *at = block_at(d, block, page);
    memset(write ? at : page, DISK_JUNK, BLKDEV_PAGE);
    if (d->sleep != NULL)
        d->sleep(d, block);
    machine_windows_close();
    if (fail)
        return d->error != 0 ? d->error : -EIO;
    page = page_window(pfn, WINDOW_DRIVER);
    void *to = write ? at : page;
    const void *from = write ? page : at;
    if (sum != NULL)
        sum->value = page_copy_sum(to, from);
    else
        page_copy(to, from);
    return 0;
}

static int disk_transfer(struct blkdev *dev, const struct blk_transfer *t)
{
    struct disk *d = container_of(dev, struct disk, dev);
    ASSERT(t->count >= 1 && t->count <= BLKDEV_MAX_RUN, "disk: %u blocks at once", t->count);
    d->transfers++;
    for (uint32_t i = 0; i < t->count; i++) {
        struct page_sum *sum = t->sums != NULL ? &t->sums[i] : NULL;
        bool fail = t->write ? !fails(&d->pass_writes) && fails(&d->fail_writes) : fails(&d->fail_reads);
        int err = transfer(d, t->block + i, t->write, (pfn_t){t->pfns[i]}, fail, sum);
        if (err != 0)
            return err;
        ++*(t->write ? &d->writes : &d->reads);
    }
    return 0;
}

void disk_init(struct disk *d, uint32_t pages)
{
    size_t bytes = (size_t)pages * BLKDEV_PAGE;
    *d = (struct disk){.dev = {.name = "fake", .pages = pages, .sums = true, .transfer = disk_transfer}};
    d->data = bytes > 0 ? aligned_alloc(BLKDEV_PAGE, bytes) : NULL;
    ASSERT(bytes == 0 || d->data != NULL, "disk: the host has no memory for %u blocks", pages);
    if (bytes > 0)
        memset(d->data, DISK_JUNK, bytes);
}

void disk_destroy(struct disk *d)
{
    free(d->data);
    memset(d, 0, sizeof *d);
}

void disk_flip_bit(struct disk *d, uint32_t block, uint32_t bit)
{
    d->data[(size_t)block * BLKDEV_PAGE + bit / 8] ^= (uint8_t)(1u << bit % 8);
}

void disk_exchange(struct disk *d, uint32_t block, uint32_t other)
{
    uint8_t *a = d->data + (size_t)block * BLKDEV_PAGE, *b = d->data + (size_t)other * BLKDEV_PAGE;
    uint8_t tmp[BLKDEV_PAGE];
    memcpy(tmp, a, sizeof tmp);
    memcpy(a, b, sizeof tmp);
    memcpy(b, tmp, sizeof tmp);
}
