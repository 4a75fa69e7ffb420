/* SPDX-License-Identifier: MIT
 * Where a page is kept depends on what is in it:
 *
 *   SAME    all words are equal: in the table, no memory at all
 *   PACKED  compressed, in a chain of chunks: any free chunk will do, so that memory never fragments, and
 *           what is lost is the rest of the last chunk and a link per chunk
 *   HUGE    would fill most of a frame even so: uncompressed, in a frame of its own
 *
 * Nothing here sleeps, so one buffer serves all. Checksums are left to the swap layer: they hold for what
 * comes back only after it was decompressed. */
#include "drivers/zram.h"
#include "drivers/inject.h"
#include "lib/command.h"
#include "lib/errno.h"
#include "lib/lz4.h"
#include "lib/page.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/port.h"
#include "mm/slab.h"

enum {
    CHUNK_DATA = 196, /* with its link a twentieth of a slab (mm/slab.h): few links, little lost at the end */
    MAX_CHUNKS = 18,  /* more would hardly be less than a frame */
    MAX_PACKED = MAX_CHUNKS * CHUNK_DATA,
};

struct chunk {
    struct chunk *next;
    uint8_t data[CHUNK_DATA];
};

/* Its empty slabs go back at once and by no one else's hand, because frames are counted here. */
static struct slab_cache chunks = SLAB_CACHE_KEPT_INIT(chunks, "zram", sizeof(struct chunk));

enum kind { EMPTY, SAME, PACKED, HUGE };

struct block {
    union {
        uint32_t word;       /* SAME */
        struct chunk *first; /* PACKED */
        void *page;          /* HUGE */
    };
    uint16_t kind;
    uint16_t bytes; /* PACKED: compressed size */
};

/* Blocks of each kind, and bytes that they compress to. */
struct zram_counts {
    uint32_t blocks[HUGE + 1];
    unsigned long long bytes;
};

static struct {
    struct blkdev dev;
    struct block *blocks;
    uint32_t limit, held, held_max; /* frames */
    struct zram_counts now, ever;
    uint32_t failed; /* writes, for want of memory */
} zram;

static struct lz4_table table;
static uint8_t packed[MAX_PACKED];

/* ---- memory ---- */

static uint32_t frames_held(void)
{
    return chunks.frames + zram.now.blocks[HUGE];
}

/* After frames were taken or given back: what is left of the limit stays in the buddy's reserve. */
static void settle(void)
{
    uint32_t held = frames_held();
    buddy_move_reserve((int32_t)(zram.held - held));
    zram.held = held;
    zram.held_max = MAX(zram.held_max, held);
}

static struct chunk *take_chunk(void)
{
    struct chunk *c = slab_alloc(&chunks);
    if (c != NULL && frames_held() > zram.limit) {
        slab_free(&chunks, c);
        slab_cache_reap(&chunks);
        c = NULL;
    }
    return c;
}

static void free_chain(struct chunk *c)
{
    while (c != NULL) {
        struct chunk *next = c->next;
        slab_free(&chunks, c);
        c = next;
    }
}

/* ---- what a block holds ---- */

static void count(struct zram_counts *c, const struct block *b, int by)
{
    c->blocks[b->kind] += (uint32_t)by;
    c->bytes += (unsigned long long)((long long)by * b->bytes);
}

static void empty(struct block *b)
{
    count(&zram.now, b, -1);
    if (b->kind == PACKED)
        free_chain(b->first);
    else if (b->kind == HUGE)
        buddy_free(frame_of_ptr(b->page));
    *b = (struct block){.kind = EMPTY};
    count(&zram.now, b, 1);
    if (chunks.empties > 0 || zram.now.blocks[PACKED] == 0)
        slab_cache_reap(&chunks);
}

static void hold(struct block *b, struct block content)
{
    count(&zram.now, b, -1);
    *b = content;
    count(&zram.now, b, 1);
    count(&zram.ever, b, 1);
}

static bool all_words_equal(const uint32_t *page)
{
    uint32_t word = page[0];
#pragma GCC unroll 8
    for (uint32_t i = 0; i < BLKDEV_PAGE / sizeof word; i++)
        if (page[i] != word)
            return false;
    return true;
}

/* => -ENOSPC: the block stays empty */
static int store_huge(struct block *b, const void *page)
{
    struct frame *f = frames_held() < zram.limit ? buddy_alloc(0, ALLOC_KERNEL) : NULL;
    if (f == NULL)
        return -ENOSPC;
    page_copy(frame_ptr(f), page);
    hold(b, (struct block){.kind = HUGE, .bytes = BLKDEV_PAGE, .page = frame_ptr(f)});
    return 0;
}

/* The first `bytes` of the buffer. => -ENOSPC: the block stays empty */
static int store_packed(struct block *b, uint32_t bytes)
{
    struct chunk *first = NULL, **link = &first;
    for (uint32_t done = 0; done < bytes; done += CHUNK_DATA) {
        struct chunk *c = take_chunk();
        *link = c;
        if (c == NULL) {
            free_chain(first);
            return -ENOSPC;
        }
        memcpy(c->data, packed + done, MIN(bytes - done, (uint32_t)CHUNK_DATA));
        link = &c->next;
    }
    *link = NULL;
    hold(b, (struct block){.kind = PACKED, .bytes = (uint16_t)bytes, .first = first});
    return 0;
}

static int store(struct block *b, const void *page)
{
    empty(b); /* first, because its memory may be what the new content needs */
    if (all_words_equal(page)) {
        hold(b, (struct block){.kind = SAME, .word = *(const uint32_t *)page});
        return 0;
    }
    uint32_t bytes = lz4_compress(&table, page, BLKDEV_PAGE, packed, sizeof packed);
    int err = bytes > 0 ? store_packed(b, bytes) : store_huge(b, page);
    zram.failed += err != 0;
    return err;
}

static int load_packed(const struct block *b, void *page)
{
    uint32_t done = 0;
    for (const struct chunk *c = b->first; c != NULL; c = c->next, done += CHUNK_DATA)
        memcpy(packed + done, c->data, MIN(b->bytes - done, (uint32_t)CHUNK_DATA));
    return lz4_decompress(packed, b->bytes, page, BLKDEV_PAGE) == BLKDEV_PAGE ? 0 : -EIO;
}

static int load(const struct block *b, void *page)
{
    if (b->kind == PACKED)
        return load_packed(b, page);
    if (b->kind == HUGE) {
        page_copy(page, b->page);
    } else if (b->word == 0) {
        page_zero(page); /* a block that was never written, too */
    } else {
        uint32_t *words = page;
        for (uint32_t i = 0; i < BLKDEV_PAGE / sizeof *words; i++)
            words[i] = b->word;
    }
    return 0;
}

/* ---- the disk ---- */

static int zram_transfer(struct blkdev *dev, const struct blk_transfer *t)
{
    int err = 0;
    if (t->count > dev->pages || t->block > dev->pages - t->count)
        return -ENXIO;
    for (uint32_t i = 0; i < t->count && err == 0; i++) {
        struct block *b = &zram.blocks[t->block + i];
        uint8_t *page = page_window((pfn_t){t->pfns[i]}, WINDOW_DRIVER);
        enum injection injected = inject_block(t->write);
        if (unlikely(injected == INJECT_FAIL_READ || injected == INJECT_FAIL_WRITE))
            err = -EIO;
        else
            err = t->write ? store(b, page) : load(b, page);
        if (unlikely(injected == INJECT_CORRUPT))
            page[BLKDEV_PAGE / 2] ^= 1;
    }
    if (t->write)
        settle();
    return err;
}

static void zram_discard(struct blkdev *dev UNUSED, uint32_t block)
{
    empty(&zram.blocks[block]);
    settle();
}

size_t zram_table_bytes(uint32_t pages)
{
    return pages * sizeof(struct block);
}

struct blkdev *zram_create(void *memory, uint32_t pages, uint32_t limit)
{
    memset(&zram, 0, sizeof zram);
    memset(memory, 0, zram_table_bytes(pages));
    zram.dev =
        (struct blkdev){.name = "zram", .pages = pages, .transfer = zram_transfer, .discard = zram_discard};
    zram.blocks = memory;
    zram.limit = limit;
    zram.now.blocks[EMPTY] = pages;
    inject_into(&zram.dev);
    return &zram.dev;
}

/* ---- the console ---- */

static uint32_t stored(const struct zram_counts *c)
{
    return c->blocks[SAME] + c->blocks[PACKED] + c->blocks[HUGE];
}

/* Bytes of pages by bytes that they take, with two decimals; `-` if that is a division by zero. */
static void print_ratio(struct printer *out, uint64_t pages, uint64_t taken)
{
    if (taken == 0) {
        print(out, "-\n");
        return;
    }
    uint32_t hundredths = (uint32_t)(pages * BLKDEV_PAGE * 100 / taken);
    print(out, "%u.%02u\n", hundredths / 100, hundredths % 100);
}

/* Names are those of Linux's /sys/block/zram0/mm_stat, where it has one. */
static int command_run(int argc UNUSED, char **argv UNUSED, struct printer *out)
{
    const struct zram_counts *now = &zram.now, *ever = &zram.ever;
    if (zram.blocks == NULL) {
        print(out, "zram: not in use (swap=zram)\n");
        return 0;
    }
    print(out, "zram: blocks=%u table=%uK\n", zram.dev.pages,
          (uint32_t)(zram_table_bytes(zram.dev.pages) / 1024));
    print(out, "pages_stored %u\norig_data_size %llu\ncompr_data_size %llu\n", stored(now),
          (unsigned long long)stored(now) * BLKDEV_PAGE, now->bytes);
    print(out, "mem_used_total %u\nmem_limit %u\nmem_used_max %u\nsame_pages %u\nhuge_pages %u\nratio ",
          zram.held * PAGE_SIZE, zram.limit * PAGE_SIZE, zram.held_max * PAGE_SIZE, now->blocks[SAME],
          now->blocks[HUGE]);
    print_ratio(out, stored(now), (uint64_t)zram.held * PAGE_SIZE);
    print(out,
          "total_written %u\ntotal_same_pages %u\ntotal_huge_pages %u\ntotal_compr_size %llu\ntotal_ratio ",
          stored(ever), ever->blocks[SAME], ever->blocks[HUGE], ever->bytes);
    print_ratio(out, stored(ever), ever->bytes);
    print(out, "failed_writes %u\n", zram.failed);
    return 0;
}

COMMAND_AT_STOP(zram, "", "compressed swap: what it holds, and how well it compresses", command_run);
