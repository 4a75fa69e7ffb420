/* SPDX-License-Identifier: MIT
 * Tests of the zram disk: what was written comes back whatever it is made of, memory is given back, and a
 * disk without memory says so and goes on. */
#include "drivers/inject.h"
#include "drivers/zram.h"
#include "lib/command.h"
#include "lib/errno.h"
#include "lib/panic.h"
#include "lib/random.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/slab.h"
#include "tests/host/test.h"

enum { BLOCKS = 64, WORDS = PAGE_SIZE / sizeof(uint32_t), LIMIT = 40 };

static _Alignas(PAGE_SIZE) uint8_t table[BLOCKS * 16];
static struct blkdev *dev;
static struct frame *page;
static uint32_t rng, free_before, reserve_before;

static void open_disk(uint32_t limit)
{
    rng = 5;
    page = buddy_alloc(0, ALLOC_KERNEL);
    ASSERT(page != NULL && zram_table_bytes(BLOCKS) <= sizeof table, "zram: the test is short of memory");
    free_before = buddy_free_frames();
    buddy_move_reserve((int32_t)limit);
    reserve_before = buddy_reserve();
    dev = zram_create(table, BLOCKS, limit);
}

/* => nothing is stored any more */
static void close_disk(struct ktest_run *t, uint32_t limit)
{
    EXPECT_EQ(t, buddy_free_frames(), free_before);
    EXPECT_EQ(t, buddy_reserve(), reserve_before);
    buddy_move_reserve(-(int32_t)limit);
    buddy_free(page);
}

static uint32_t *words(void)
{
    return frame_ptr(page);
}

/* Content number `seed`: equal words, nearly nothing, records, text-like bytes, or noise. */
static void fill(uint32_t *p, uint32_t seed)
{
    uint32_t r = seed * 2654435761u | 1, kind = seed % 6;
    for (uint32_t i = 0; i < WORDS; i++)
        p[i] = kind == 0   ? 0
               : kind == 1 ? seed
               : kind == 2 ? (i == seed % WORDS ? seed : 0)
               : kind == 3 ? (i % 4 == 0   ? random_next(&r)
                              : i % 4 == 1 ? i
                                           : 0)
               : kind == 4 ? (random_next(&r) & 0x03030303) + 0x61616161
                           : random_next(&r);
}

static int transfer(bool write, uint32_t block)
{
    uint32_t pfn = frame_pfn(page).n;
    return dev->transfer(dev, &(struct blk_transfer){write, block, 1, &pfn, NULL});
}

static int put(uint32_t block, uint32_t seed)
{
    fill(words(), seed);
    return transfer(true, block);
}

static bool holds(uint32_t block, uint32_t seed)
{
    static uint32_t expected[WORDS];
    fill(expected, seed);
    memset(words(), 0xee, PAGE_SIZE);
    return transfer(false, block) == 0 && memcmp(words(), expected, PAGE_SIZE) == 0;
}

/* => a number that the command `zram` prints */
static uint32_t figure(const char *name)
{
    struct text_printer out;
    char *argv[] = {NULL};
    text_start(&out);
    for (const struct command *const *c = __start_commands; c < __stop_commands; c++)
        if (strcmp((*c)->name, "zram") == 0)
            (*c)->run(1, argv, &out.to);
    size_t length = strlen(name);
    for (const char *line = out.text; line != NULL; line = strchr(line, '\n'), line += line != NULL)
        if (strncmp(line, name, length) == 0 && line[length] == ' ') {
            char number[16] = "";
            for (size_t i = 0; i < sizeof number - 1 && line[length + 1 + i] >= '0'; i++)
                number[i] = line[length + 1 + i];
            uint32_t value;
            return parse_u32(number, false, &value) ? value : UINT32_MAX;
        }
    return UINT32_MAX;
}

TEST(zram_stores_each_kind_where_it_belongs)
{
    open_disk(LIMIT);
    EXPECT(t, holds(7, 0)); /* never written */
    for (uint32_t seed = 0; seed < 6; seed++)
        EXPECT_EQ(t, put(seed, seed + 60), 0);
    EXPECT_EQ(t, figure("pages_stored"), 6);
    EXPECT_EQ(t, figure("orig_data_size"), 6 * PAGE_SIZE);
    EXPECT_EQ(t, figure("same_pages"), 2);
    EXPECT_EQ(t, figure("huge_pages"), 1);
    EXPECT_EQ(t, figure("mem_used_total"), (free_before - buddy_free_frames()) * PAGE_SIZE);
    EXPECT(t, figure("compr_data_size") < 3 * PAGE_SIZE);
    EXPECT_EQ(t, buddy_reserve(), reserve_before - (free_before - buddy_free_frames()));
    for (uint32_t seed = 0; seed < 6; seed++) {
        EXPECT(t, holds(seed, seed + 60));
        dev->discard(dev, seed);
        EXPECT(t, holds(seed, 0));
    }
    EXPECT_EQ(t, figure("pages_stored"), 0);
    EXPECT_EQ(t, figure("mem_used_total"), 0);
    EXPECT_EQ(t, figure("total_written"), 6);
    close_disk(t, LIMIT);
}

TEST(zram_remembers_everything)
{
    static uint32_t content[BLOCKS]; /* 0: nothing */
    open_disk(BLOCKS + 2);
    for (int i = 0; i < 6000; i++) {
        uint32_t b = random_below(&rng, BLOCKS);
        switch (random_below(&rng, 3)) {
        case 0:
            content[b] = 6 + random_below(&rng, 1000);
            REQUIRE(t, put(b, content[b]) == 0);
            break;
        case 1:
            content[b] = 0;
            dev->discard(dev, b);
            break;
        default:
            REQUIRE(t, holds(b, content[b]));
        }
        if (i % 100 == 0)
            REQUIRE(t, slab_check(t->out));
    }
    for (uint32_t b = 0; b < BLOCKS; b++) {
        REQUIRE(t, holds(b, content[b]));
        dev->discard(dev, b);
    }
    close_disk(t, BLOCKS + 2);
}

TEST(zram_moves_runs)
{
    enum { RUN = 5 };
    uint32_t pfns[RUN];
    struct frame *frames[RUN];
    for (uint32_t i = 0; i < RUN; i++) {
        frames[i] = buddy_alloc(0, ALLOC_KERNEL);
        pfns[i] = frame_pfn(frames[i]).n;
        fill(frame_ptr(frames[i]), 20 + i);
    }
    open_disk(LIMIT);
    EXPECT_EQ(t, dev->transfer(dev, &(struct blk_transfer){true, BLOCKS - RUN, RUN, pfns, NULL}), 0);
    for (uint32_t i = 0; i < RUN; i++)
        EXPECT(t, holds(BLOCKS - RUN + i, 20 + i));
    EXPECT_EQ(t, dev->transfer(dev, &(struct blk_transfer){true, BLOCKS - RUN + 1, RUN, pfns, NULL}), -ENXIO);
    EXPECT_EQ(t, dev->transfer(dev, &(struct blk_transfer){false, BLOCKS, 1, pfns, NULL}), -ENXIO);
    for (uint32_t i = 0; i < RUN; i++)
        dev->discard(dev, BLOCKS - RUN + i);
    close_disk(t, LIMIT);
    for (uint32_t i = 0; i < RUN; i++)
        buddy_free(frames[i]);
}

/* At its own limit, for pages that compress and for pages that do not; and at the machine's. */
TEST(zram_without_memory_fails_and_goes_on)
{
    enum { SMALL = 4, NOISE = 5 + 6 * 3, RECORDS = 3 + 6 * 3 };
    open_disk(SMALL);
    for (uint32_t kind = RECORDS; kind <= NOISE; kind += NOISE - RECORDS) {
        uint32_t n = 0, failed = figure("failed_writes");
        while (n < BLOCKS && put(n, kind) == 0)
            n++;
        EXPECT(t, kind == NOISE ? n == SMALL : n > SMALL && n < BLOCKS);
        EXPECT_EQ(t, put(n, kind), -ENOSPC);
        EXPECT_EQ(t, figure("failed_writes"), failed + 2);
        EXPECT_EQ(t, figure("pages_stored"), n);
        EXPECT(t, free_before - buddy_free_frames() <= SMALL);
        EXPECT_EQ(t, put(n, 0), 0); /* takes none */
        for (uint32_t b = 0; b < n; b++)
            EXPECT(t, holds(b, kind));
        EXPECT_EQ(t, put(0, kind), 0); /* its own memory is enough */
        EXPECT(t, holds(0, kind));
        for (uint32_t b = 0; b <= n; b++)
            dev->discard(dev, b);
    }
    close_disk(t, SMALL);

    struct frame *taken = NULL, *f;
    open_disk(LIMIT);
    while ((f = buddy_alloc(0, ALLOC_KERNEL)) != NULL) {
        *(struct frame **)frame_ptr(f) = taken;
        taken = f;
    }
    EXPECT_EQ(t, put(1, NOISE), -ENOSPC);
    EXPECT_EQ(t, put(1, RECORDS), -ENOSPC);
    EXPECT_EQ(t, put(1, 0), 0);
    while (taken != NULL) {
        f = taken;
        taken = *(struct frame **)frame_ptr(f);
        buddy_free(f);
    }
    EXPECT_EQ(t, put(1, RECORDS), 0);
    EXPECT(t, holds(1, RECORDS));
    dev->discard(dev, 1);
    close_disk(t, LIMIT);
}

TEST(zram_faults_can_be_injected)
{
    enum { RECORDS = 3 };
    open_disk(LIMIT);
    EXPECT_EQ(t, put(0, RECORDS), 0);
    injector.armed = INJECT_FAIL_READ;
    injector.after = 2;
    EXPECT(t, holds(0, RECORDS));
    EXPECT_EQ(t, transfer(false, 0), -EIO);
    EXPECT(t, holds(0, RECORDS));
    injector.armed = INJECT_CORRUPT;
    injector.after = 1;
    EXPECT(t, !holds(0, RECORDS));
    EXPECT_EQ(t, put(1, RECORDS), 0);
    injector.armed = INJECT_FAIL_WRITE;
    injector.after = 1;
    EXPECT_EQ(t, put(1, RECORDS), -EIO);
    dev->discard(dev, 0);
    dev->discard(dev, 1);
    close_disk(t, LIMIT);
}
