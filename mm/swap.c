/* SPDX-License-Identifier: MIT
 * mm-level: 3
 * The slot table. Free slots form a chain through `link`, so allocation is O(1). */
#include "mm/swap.h"
#include "lib/command.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "mm/port.h"
#include "mm/slab.h"
#include "mm/stats.h"

struct slot {
    uint32_t refs;
    uint32_t sum; /* of the content, while refs > 0 and something was written */
    union {
        uint32_t shadow; /* refs > 0 */
        uint32_t link;   /* refs == 0: next free slot */
    };
};

static struct {
    struct blkdev *disk;
    struct slot *slots;
    uint32_t total, free, first_free;
    uint32_t reads, writes;
    slot_t refused; /* the disk had no room for this one's content, and no other was stored or freed since */
} swap;

bool swap_verify = true;

enum vm_result swap_init(struct blkdev *disk)
{
    kfree(swap.slots);
    memset(&swap, 0, sizeof swap);
    swap.refused = SLOT_NONE;
    if (disk == NULL)
        return VM_OK;
    if (disk->pages < SWAP_MIN_SLOTS)
        return VM_INVALID;
    swap.slots = kmalloc(disk->pages * sizeof(struct slot));
    if (swap.slots == NULL)
        return VM_NO_MEMORY;
    swap.disk = disk;
    swap.total = swap.free = disk->pages;
    for (uint32_t i = 0; i < swap.total; i++)
        swap.slots[i] = (struct slot){.link = i + 1};
    return VM_OK;
}

static struct slot *slot_of(slot_t s)
{
    ASSERT(s.n < swap.total && swap.slots[s.n].refs > 0, "swap: slot %u of %u is not in use", s.n,
           swap.total);
    return &swap.slots[s.n];
}

slot_t swap_alloc(enum swap_use use)
{
    if (swap.free == 0 || (swap.free == 1 && use != SWAP_EXCHANGE))
        return SLOT_NONE;
    slot_t s = {swap.first_free};
    struct slot *e = &swap.slots[s.n];
    swap.first_free = e->link;
    swap.free--;
    e->refs = 1;
    e->shadow = 0;
    return s;
}

void swap_ref(slot_t s, uint32_t more)
{
    slot_of(s)->refs += more;
}

void swap_unref(slot_t s)
{
    struct slot *e = slot_of(s);
    if (--e->refs == 0) {
        e->link = swap.first_free;
        swap.first_free = s.n;
        swap.free++;
        if (s.n != swap.refused.n)
            swap.refused = SLOT_NONE;
        if (unlikely(swap.disk->discard != NULL))
            swap.disk->discard(swap.disk, s.n);
    }
}

bool swap_scarce(void)
{
    return swap.free <= swap.total / 8 || slot_valid(swap.refused);
}

bool swap_no_room(void)
{
    return swap.free <= 1 || slot_valid(swap.refused);
}

/* One page. *sum is that of the data, if checksums are on. => as blkdev's transfer */
static int transfer(bool write, slot_t s, const struct frame *f, struct page_sum *sum)
{
    struct blkdev *disk = swap.disk;
    pfn_t pfn = frame_pfn(f);
    bool by_us = swap_verify && !disk->sums;
    if (by_us && write)
        sum->value = page_sum(page_window(pfn, WINDOW_FROM));
    struct blk_transfer t = {write, s.n, 1, &pfn.n, swap_verify && disk->sums ? sum : NULL};
    int err = disk->transfer(disk, &t);
    if (by_us && !write && err == 0)
        sum->value = page_sum(page_window(pfn, WINDOW_FROM));
    return err;
}

enum vm_result swap_out(slot_t s, const struct frame *f)
{
    struct slot *e = slot_of(s);
    struct page_sum sum;
    int err = transfer(true, s, f, &sum);
    if (log_on(LOG_SWAP))
        log_event(LOG_SWAP, "swap-out slot=%u frame=%#x disk=%s%s", s.n, frame_pfn(f).n, swap.disk->name,
                  err ? " FAILED" : "");
    if (unlikely(err != 0)) {
        vmstat.swap_error++;
        if (err != -ENOSPC)
            return VM_IO_ERROR;
        swap.refused = s;
        return VM_NO_SWAP;
    }
    swap.refused = SLOT_NONE;
    if (swap_verify)
        e->sum = sum.value;
    swap.writes++;
    vmstat.pswpout++;
    return VM_OK;
}

enum vm_result swap_in(slot_t s, struct frame *f)
{
    struct slot *e = slot_of(s);
    struct page_sum sum;
    int err = transfer(false, s, f, &sum);
    if (log_on(LOG_SWAP))
        log_event(LOG_SWAP, "swap-in slot=%u frame=%#x disk=%s%s", s.n, frame_pfn(f).n, swap.disk->name,
                  err ? " FAILED" : "");
    if (unlikely(err != 0)) {
        vmstat.swap_error++;
        return VM_IO_ERROR;
    }
    if (unlikely(swap_verify && sum.value != e->sum)) {
        vmstat.swap_corrupt++;
        log_event(LOG_ERROR, "swap slot=%u checksum=0x%08x expected=0x%08x", s.n, sum.value, e->sum);
        return VM_CORRUPT;
    }
    swap.reads++;
    vmstat.pswpin++;
    return VM_OK;
}

void swap_set_shadow(slot_t s, uint32_t shadow)
{
    slot_of(s)->shadow = shadow;
}

uint32_t swap_shadow(slot_t s)
{
    return slot_of(s)->shadow;
}

uint32_t swap_total(void)
{
    return swap.total;
}

uint32_t swap_free(void)
{
    return swap.free;
}

uint32_t swap_refs(slot_t s)
{
    return s.n < swap.total ? swap.slots[s.n].refs : 0;
}

bool swap_check(struct printer *out)
{
    uint32_t chained = 0, unused = 0;
    for (uint32_t i = swap.first_free; chained < swap.free; i = swap.slots[i].link, chained++) {
        if (i >= swap.total || swap.slots[i].refs != 0) {
            print(out, "swap: free chain reaches slot %u, refs %u, after %u of %u\n", i,
                  i < swap.total ? swap.slots[i].refs : 0, chained, swap.free);
            return false;
        }
    }
    for (uint32_t i = 0; i < swap.total; i++)
        unused += swap.slots[i].refs == 0;
    if (unused != swap.free) {
        print(out, "swap: %u slots counted free, %u have no reference\n", swap.free, unused);
        return false;
    }
    return true;
}

static int command_run(int argc, char **argv, struct printer *out)
{
    if (argc == 3 && strcmp(argv[1], "verify") == 0 && strcmp(argv[2], "on") == 0) {
        /* pages written without a checksum would fail the comparison */
        if (!swap_verify && swap.free != swap.total) {
            print(out, "swap: %u slots were written without checksums; end their processes first\n",
                  swap.total - swap.free);
            return 1;
        }
        swap_verify = true;
    } else if (argc == 3 && strcmp(argv[1], "verify") == 0 && strcmp(argv[2], "off") == 0) {
        swap_verify = false;
    } else if (argc != 1) {
        print(out, "swap: expected no argument, or: verify on|off\n");
        return 1;
    }
    if (swap.disk == NULL)
        print(out, "swap: none (swapmb=0)\n");
    else
        print(out, "swap: disk=%s slots=%u used=%u free=%u reads=%u writes=%u verify=%s\n", swap.disk->name,
              swap.total, swap.total - swap.free, swap.free, swap.reads, swap.writes,
              swap_verify ? "on" : "off");
    return 0;
}

COMMAND(swap, "[verify on|off]", "the swap disk; checksums on or off", command_run);
