/* SPDX-License-Identifier: MIT
 * mm-level: 3
 * The slot table. Slots are handed out cluster by cluster, in ascending order inside each, so that pages
 * which go out together lie together.
 *
 * A cluster of which no slot is in use is free in an arena of slot numbers, whose quantum is a cluster; next
 * fit, so that clusters that are filled one after the other are neighbours if they can be. The others are
 * allocated from it: the current one, which is being filled; those with some slots free, in a list; and those
 * that are full. Per slot this is O(1); once in a cluster it is O(log holes). The arena's tags are there from
 * the start, as slots are wanted when memory is short. The last cluster may be smaller than the arena
 * thinks: its slots beyond the disk's end are never free. */
#include "mm/swap.h"
#include "lib/command.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "lib/panic.h"
#include "lib/spin.h"
#include "lib/string.h"
#include "lib/trace.h"
#include "lib/watch.h"
#include "mm/port.h"
#include "mm/slab.h"
#include "mm/stats.h"
#include "mm/vmem.h"

/* So many failed writes in a row, and the disk counts as one without room: or what is clean would be evicted
 * and read back for ever, by instructions that need two pages while only one can go. */
enum { DEAD_AFTER = 1000 };

enum { CLUSTER = BLKDEV_MAX_RUN }; /* slots: one bit each in a word */
_Static_assert(CLUSTER == 32, "a cluster's free slots are the bits of a 32-bit word");

struct cluster {
    struct list_node link;
    uint32_t unused; /* bit i: slot i of it is free */
    uint32_t all;    /* the same when none is in use: fewer bits in the last one */
};

/* Of what swap_alloc and swap_release change. */
static struct spin lock = SPIN_INIT("swap", RANK_SWAP);

static struct {
    struct blkdev *disk;
    struct cluster *clusters, *current;
    struct vmem *whole; /* clusters that are free altogether */
    struct list_node partial;
    uint32_t total, free;
    uint32_t reads, writes;
    uint32_t failures; /* of writes, in a row */
    slot_t refused;    /* the disk did not take this one's content, and no other was stored or freed since */
} swap;

bool swap_verify = true;
struct slot *swap_slots;

static void forget_all(void)
{
    if (swap.whole != NULL) {
        vmem_free_all(swap.whole);
        vmem_destroy(swap.whole);
    }
    kfree(swap_slots);
    kfree(swap.clusters);
    swap_slots = NULL;
    memset(&swap, 0, sizeof swap);
    swap.refused = SLOT_NONE;
}

static bool init_clusters(uint32_t slots)
{
    uint32_t count = (slots + CLUSTER - 1) / CLUSTER;
    /* at worst each cluster is a segment */
    struct vmem_config c = {.name = "swap", .quantum = CLUSTER, .fit = &fit_next, .tags = count + 1};
    swap.whole = vmem_create(&c);
    swap.clusters = kmalloc(count * sizeof(struct cluster));
    if (swap.whole == NULL || swap.clusters == NULL ||
        vmem_add(swap.whole, 0, (uintptr_t)count * CLUSTER) != VM_OK)
        return false;
    list_init(&swap.partial);
    for (uint32_t i = 0; i < count; i++) {
        struct cluster *cluster = &swap.clusters[i];
        uint32_t n = MIN(slots - i * CLUSTER, (uint32_t)CLUSTER);
        cluster->unused = cluster->all = n == CLUSTER ? UINT32_MAX : (1u << n) - 1;
        list_init(&cluster->link);
    }
    return true;
}

enum vm_result swap_init(struct blkdev *disk)
{
    forget_all();
    if (disk == NULL)
        return VM_OK;
    if (disk->pages < SWAP_MIN_SLOTS)
        return VM_INVALID;
    swap_slots = kzalloc(disk->pages * sizeof(struct slot));
    if (swap_slots == NULL || !init_clusters(disk->pages)) {
        forget_all();
        return VM_NO_MEMORY;
    }
    swap.disk = disk;
    swap.total = swap.free = disk->pages;
    return VM_OK;
}

/* The next cluster to fill: a whole one, so that neighbours stay neighbours, else any. => a slot is free */
static struct cluster *next_cluster(void)
{
    uintptr_t at;
    if (vmem_alloc(swap.whole, CLUSTER, &at) == VM_OK)
        return &swap.clusters[at / CLUSTER];
    return container_of(list_pop_front(&swap.partial), struct cluster, link);
}

slot_t swap_alloc(enum swap_use use)
{
    slot_t s = SLOT_NONE;
    spin_take(&lock);
    if (likely(swap.free > 1 || (swap.free == 1 && use == SWAP_EXCHANGE))) {
        if (swap.current == NULL || swap.current->unused == 0)
            swap.current = next_cluster();
        struct cluster *c = swap.current;
        s.n = (uint32_t)(c - swap.clusters) * CLUSTER + (uint32_t)__builtin_ctz(c->unused);
        c->unused &= c->unused - 1;
        swap.free--;
        swap_slots[s.n] = (struct slot){.refs = 1};
    }
    spin_release(&lock);
    return s;
}

/* Slot s is free again: where its cluster belongs now. */
static inline void put_slot(slot_t s)
{
    struct cluster *c = &swap.clusters[s.n / CLUSTER];
    bool was_full = c->unused == 0;
    c->unused |= 1u << s.n % CLUSTER;
    swap.free++;
    if (c == swap.current)
        return;
    if (!was_full && c->unused == c->all)
        list_remove(&c->link);
    if (c->unused == c->all)
        vmem_free(swap.whole, s.n / CLUSTER * CLUSTER, CLUSTER);
    else if (was_full)
        list_push_back(&swap.partial, &c->link);
}

/* The disk's discard is under the lock, too: nothing of the disk's is to be cut in two. */
void swap_release(slot_t s)
{
    ASSERT(swap_slots[s.n].frame == NULL, "swap: slot %u is freed while frame %#x keeps it", s.n,
           frame_pfn(swap_slots[s.n].frame).n);
    spin_take(&lock);
    swap_slots[s.n].refs = 0;
    put_slot(s);
    if (s.n != swap.refused.n)
        swap.refused = SLOT_NONE;
    if (unlikely(swap.disk->discard != NULL))
        swap.disk->discard(swap.disk, s.n);
    spin_release(&lock);
}

bool swap_scarce(void)
{
    return swap.free <= swap.total / 8 || slot_valid(swap.refused);
}

bool swap_no_room(void)
{
    return swap.free <= 1 || slot_valid(swap.refused);
}

/* ---- transfers ---- */

/* The sums of a device that does not make them on its way. */
static void sum_up(const uint32_t *pfns, uint32_t count, struct page_sum *sums)
{
    for (uint32_t i = 0; i < count; i++)
        sums[i].value = page_sum(page_window((pfn_t){pfns[i]}, WINDOW_FROM));
}

static void transfer_seen(const struct blk_transfer *t, int err)
{
    for (uint32_t i = 0; i < t->count && err == 0; i++)
        if (t->write)
            TRACE(SWAP_OUT, 0, trace_pid, t->block + i, t->pfns[i]);
        else
            TRACE(SWAP_IN, 0, trace_pid, t->block + i, t->pfns[i]);
    for (uint32_t i = 0; i < t->count && log_on(LOG_SWAP); i++)
        log_event(LOG_SWAP, "swap-%s slot=%u frame=%#x disk=%s%s", t->write ? "out" : "in", t->block + i,
                  t->pfns[i], swap.disk->name, err ? " FAILED" : "");
}

static NOINLINE enum vm_result failed(int err)
{
    vmstat.swap_error++;
    return err == -ENOSPC ? VM_NO_SWAP : VM_IO_ERROR;
}

/* sums[] is the data's afterwards, if checksums are on. */
static inline enum vm_result transfer(bool write, slot_t first, const uint32_t *pfns, uint32_t count,
                                      struct page_sum *sums)
{
    struct blkdev *disk = swap.disk;
    struct blk_transfer t = {write, first.n, count, pfns, swap_verify && disk->sums ? sums : NULL};
    bool by_us = swap_verify && unlikely(!disk->sums);
    if (by_us && write)
        sum_up(pfns, count, sums);
    int err = disk->transfer(disk, &t);
    if (by_us && !write && err == 0)
        sum_up(pfns, count, sums);
    if (watched(LOG_SWAP))
        transfer_seen(&t, err);
    if (likely(err == 0))
        return VM_OK;
    if (write && (err == -ENOSPC || ++swap.failures >= DEAD_AFTER))
        swap.refused = first;
    return failed(err);
}

static inline void wrote(slot_t s, struct page_sum sum)
{
    if (swap_verify)
        swap_slot(s)->sum = sum.value;
    swap.writes++;
    swap.refused = SLOT_NONE;
    swap.failures = 0;
    vmstat.pswpout++;
}

/* A function of its own: the place to stop at in a debugger. */
static NOINLINE void bad_checksum(slot_t s, uint32_t found)
{
    vmstat.swap_corrupt++;
    log_event(LOG_ERROR, "swap slot=%u checksum=0x%08x expected=0x%08x", s.n, found, swap_slot(s)->sum);
}

static inline bool intact(slot_t s, struct page_sum sum)
{
    if (likely(sum.value == swap_slot(s)->sum))
        return true;
    bad_checksum(s, sum.value);
    return false;
}

static inline bool read_well(slot_t s, struct page_sum sum)
{
    if (swap_verify && !intact(s, sum))
        return false;
    swap.reads++;
    vmstat.pswpin++;
    return true;
}

enum vm_result swap_out(slot_t s, struct frame *f)
{
    struct page_sum sum;
    pfn_t pfn = frame_pfn(f);
    enum vm_result r = transfer(true, s, &pfn.n, 1, &sum);
    if (likely(r == VM_OK))
        wrote(s, sum);
    return r;
}

enum vm_result swap_in(slot_t s, struct frame *f)
{
    struct page_sum sum;
    pfn_t pfn = frame_pfn(f);
    enum vm_result r = transfer(false, s, &pfn.n, 1, &sum);
    if (unlikely(r != VM_OK))
        return r;
    return likely(read_well(s, sum)) ? VM_OK : VM_CORRUPT;
}

enum vm_result swap_out_run(slot_t first, struct frame *const *frames, uint32_t count)
{
    struct page_sum sums[BLKDEV_MAX_RUN];
    uint32_t pfns[BLKDEV_MAX_RUN] = {0};
    for (uint32_t i = 0; i < count; i++)
        pfns[i] = frame_pfn(frames[i]).n;
    enum vm_result r = transfer(true, first, pfns, count, sums);
    for (uint32_t i = 0; r == VM_OK && i < count; i++)
        wrote((slot_t){first.n + i}, sums[i]);
    return r;
}

enum vm_result swap_in_run(slot_t first, struct frame *const *frames, uint32_t count, bool corrupt[])
{
    struct page_sum sums[BLKDEV_MAX_RUN];
    uint32_t pfns[BLKDEV_MAX_RUN] = {0};
    for (uint32_t i = 0; i < count; i++)
        pfns[i] = frame_pfn(frames[i]).n;
    enum vm_result r = transfer(false, first, pfns, count, sums);
    for (uint32_t i = 0; r == VM_OK && i < count; i++)
        corrupt[i] = !read_well((slot_t){first.n + i}, sums[i]);
    return r;
}

uint32_t swap_total(void)
{
    return swap.total;
}

uint32_t swap_free(void)
{
    return swap.free;
}

struct blkdev *swap_disk(void)
{
    return swap.disk;
}

/* Is the cluster from slot `at` on where its free slots say it should be? */
static bool check_cluster(uint32_t at, struct printer *out)
{
    const struct cluster *c = &swap.clusters[at / CLUSTER];
    bool current = c == swap.current, whole = !current && c->unused == c->all;
    bool partial = !current && !whole && c->unused != 0;
    if ((vmem_size(swap.whole, at) == 0) == whole && list_linked(&c->link) == partial)
        return true;
    print(out, "swap: cluster %u with free slots %#x is %sin the arena of whole ones, and %son the list\n",
          at / CLUSTER, c->unused, vmem_size(swap.whole, at) == 0 ? "" : "not ",
          list_linked(&c->link) ? "" : "not ");
    return false;
}

bool swap_check(struct printer *out)
{
    uint32_t unused = 0;
    if (swap.disk == NULL)
        return true;
    for (uint32_t i = 0; i < swap.total; i++) {
        const struct cluster *c = &swap.clusters[i / CLUSTER];
        const struct slot *s = &swap_slots[i];
        bool is_free = (c->unused & 1u << i % CLUSTER) != 0;
        if (is_free != (s->refs == 0) || (is_free && s->frame != NULL)) {
            print(out, "swap: slot %u has %u references, and is %smarked free\n", i, s->refs,
                  is_free ? "" : "not ");
            return false;
        }
        unused += is_free;
        if (i % CLUSTER == 0 && !check_cluster(i, out))
            return false;
    }
    if (unused != swap.free) {
        print(out, "swap: %u slots counted free, %u are\n", swap.free, unused);
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

COMMAND_AT_STOP(swap, "[verify on|off]", "the swap disk; checksums on or off", command_run,
                .words = "verify");
