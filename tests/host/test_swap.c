/* SPDX-License-Identifier: MIT
 * Tests of the swap layer alone: slots, references, the reserve, checksums, failing disks. */
#include "lib/command.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "lib/panic.h"
#include "lib/random.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/stats.h"
#include "mm/swap.h"
#include "tests/host/test.h"

enum { SLOTS = 16 };

/* A frame whose first word is v. */
static struct frame *frame_with(uint32_t v)
{
    struct frame *f = buddy_alloc(0, ALLOC_KERNEL);
    ASSERT(f != NULL, "swap test: no frame");
    memset(frame_ptr(f), 0x11, PAGE_SIZE);
    *(uint32_t *)frame_ptr(f) = v;
    return f;
}

static uint32_t first_word(const struct frame *f)
{
    return *(const uint32_t *)frame_ptr(f);
}

TEST(swap_slots_are_distinct_and_the_last_is_in_reserve)
{
    machine_build(TEST_FRAMES, TEST_RESERVE, SLOTS);
    bool seen[SLOTS] = {0};
    slot_t got[SLOTS];
    EXPECT_EQ(t, swap_total(), SLOTS);
    for (uint32_t i = 0; i < SLOTS - 1; i++) {
        got[i] = swap_alloc(SWAP_NORMAL);
        REQUIRE(t, slot_valid(got[i]) && got[i].n < SLOTS && !seen[got[i].n]);
        EXPECT_EQ(t, swap_refs(got[i]), 1);
        seen[got[i].n] = true;
    }
    EXPECT_EQ(t, swap_free(), 1);
    EXPECT(t, !slot_valid(swap_alloc(SWAP_NORMAL)));
    got[SLOTS - 1] = swap_alloc(SWAP_EXCHANGE);
    EXPECT(t, slot_valid(got[SLOTS - 1]) && !seen[got[SLOTS - 1].n]);
    EXPECT(t, !slot_valid(swap_alloc(SWAP_EXCHANGE)));
    EXPECT(t, swap_check(t->out));
    for (uint32_t i = 0; i < SLOTS; i++)
        swap_unref(got[i]);
    EXPECT(t, swap_check(t->out));
}

TEST(swap_scarce_below_an_eighth)
{
    machine_build(TEST_FRAMES, TEST_RESERVE, SLOTS);
    slot_t got[SLOTS];
    for (uint32_t i = 0; i < SLOTS; i++) {
        EXPECT_EQ(t, swap_scarce(), SLOTS - i <= SLOTS / 8);
        got[i] = swap_alloc(SWAP_EXCHANGE);
    }
    EXPECT(t, swap_scarce());
    for (uint32_t i = 0; i < SLOTS; i++)
        swap_unref(got[i]);
}

TEST(swap_references_keep_a_slot)
{
    slot_t s = swap_alloc(SWAP_NORMAL);
    uint32_t free = swap_free();
    swap_ref(s, 2);
    EXPECT_EQ(t, swap_refs(s), 3);
    swap_unref(s);
    swap_unref(s);
    EXPECT_EQ(t, swap_free(), free);
    EXPECT_EQ(t, swap_refs(s), 1);
    swap_unref(s);
    EXPECT_EQ(t, swap_free(), free + 1);
    EXPECT_EQ(t, swap_refs(s), 0);
    EXPECT_PANIC(t, "is not in use", swap_unref(s));
    EXPECT_PANIC(t, "is not in use", swap_ref(s, 1));
}

TEST(swap_out_and_in)
{
    struct frame *f = frame_with(1), *g = frame_with(2), *back = frame_with(3);
    slot_t a = swap_alloc(SWAP_NORMAL), b = swap_alloc(SWAP_NORMAL);
    EXPECT_EQ(t, swap_out(a, f), VM_OK);
    EXPECT_EQ(t, swap_out(b, g), VM_OK);
    EXPECT_EQ(t, swap_in(a, back), VM_OK);
    EXPECT(t, memcmp(frame_ptr(back), frame_ptr(f), PAGE_SIZE) == 0);
    EXPECT_EQ(t, swap_in(b, back), VM_OK);
    EXPECT_EQ(t, first_word(back), 2);
    EXPECT_EQ(t, vmstat.pswpout, 2);
    EXPECT_EQ(t, vmstat.pswpin, 2);
    vmstat.pswpin = vmstat.pswpout = 0; /* there were no faults that they could belong to */
    swap_unref(a);
    swap_unref(b);
    buddy_free(f);
    buddy_free(g);
    buddy_free(back);
}

TEST(swap_checksum_notices_corruption)
{
    struct frame *f = frame_with(1), *g = frame_with(2);
    slot_t a = swap_alloc(SWAP_NORMAL), b = swap_alloc(SWAP_NORMAL);
    EXPECT_EQ(t, swap_out(a, f), VM_OK);
    EXPECT_EQ(t, swap_out(b, g), VM_OK);
    for (uint32_t bit = 0; bit < PAGE_SIZE * 8; bit += 997) {
        disk_flip_bit(&machine.disk, a.n, bit);
        EXPECT_EQ(t, swap_in(a, f), VM_CORRUPT);
        disk_flip_bit(&machine.disk, a.n, bit);
        EXPECT_EQ(t, swap_in(a, f), VM_OK);
    }
    EXPECT_HAS(t, &test_log, "swap slot=");
    EXPECT_HAS(t, &test_log, "expected=0x");
    uint32_t so_far = vmstat.swap_corrupt;
    EXPECT(t, so_far > 30);
    disk_exchange(&machine.disk, a.n, b.n); /* the right pages in the wrong places */
    EXPECT_EQ(t, swap_in(a, f), VM_CORRUPT);
    EXPECT_EQ(t, swap_in(b, g), VM_CORRUPT);
    EXPECT_EQ(t, vmstat.swap_corrupt, so_far + 2);
    swap_verify = false; /* nothing to compare with: the caller gets what is there */
    EXPECT_EQ(t, swap_in(a, f), VM_OK);
    EXPECT_EQ(t, first_word(f), 2);
    swap_unref(a);
    swap_unref(b);
    buddy_free(f);
    buddy_free(g);
}

TEST(swap_io_errors)
{
    struct frame *f = frame_with(1);
    slot_t s = swap_alloc(SWAP_NORMAL);
    machine.disk.fail_writes = 1;
    EXPECT_EQ(t, swap_out(s, f), VM_IO_ERROR);
    EXPECT_EQ(t, vmstat.pswpout, 0);
    EXPECT_EQ(t, swap_out(s, f), VM_OK);
    machine.disk.fail_reads = 1;
    EXPECT_EQ(t, swap_in(s, f), VM_IO_ERROR);
    EXPECT_EQ(t, vmstat.pswpin, 0);
    EXPECT_EQ(t, swap_in(s, f), VM_OK);
    EXPECT_EQ(t, first_word(f), 1);
    EXPECT_EQ(t, vmstat.swap_error, 2);
    swap_unref(s);
    buddy_free(f);
}

TEST(swap_logs_transfers)
{
    struct frame *f = frame_with(1);
    slot_t s = swap_alloc(SWAP_NORMAL);
    (void)log_configure("+swap");
    EXPECT_EQ(t, swap_out(s, f), VM_OK);
    EXPECT_HAS(t, &test_log, "swap-out slot=");
    machine.disk.fail_reads = 1;
    EXPECT_EQ(t, swap_in(s, f), VM_IO_ERROR);
    EXPECT_HAS(t, &test_log, "disk=fake FAILED");
    swap_unref(s);
    buddy_free(f);
}

TEST(swap_disks_that_are_none)
{
    machine_build(TEST_FRAMES, TEST_RESERVE, 0);
    EXPECT_EQ(t, swap_total(), 0);
    EXPECT(t, !slot_valid(swap_alloc(SWAP_EXCHANGE)));
    EXPECT(t, swap_scarce());
    EXPECT(t, swap_check(t->out));
    struct disk tiny;
    disk_init(&tiny, SWAP_MIN_SLOTS - 1);
    EXPECT_EQ(t, swap_init(&tiny.dev), VM_INVALID);
    EXPECT_EQ(t, swap_total(), 0);
    disk_destroy(&tiny);
}

TEST(swap_command_guards_pages_without_checksums)
{
    struct text_printer said;
    char name[] = "swap", verify[] = "verify", on[] = "on", off[] = "off",
         *argv[] = {name, verify, off, NULL};
    const struct command *swap = NULL;
    for (const struct command *const *i = __start_commands; i < __stop_commands; i++)
        if (strcmp((*i)->name, "swap") == 0)
            swap = *i;
    REQUIRE(t, swap != NULL);
    text_start(&said);
    EXPECT_EQ(t, swap->run(3, argv, &said.to), 0);
    EXPECT_HAS(t, &said, "verify=off");
    slot_t s = swap_alloc(SWAP_NORMAL);
    argv[2] = on;
    EXPECT(t, swap->run(3, argv, &said.to) != 0);
    EXPECT_HAS(t, &said, "1 slots were written without checksums");
    EXPECT(t, !swap_verify);
    swap_unref(s);
    EXPECT_EQ(t, swap->run(3, argv, &said.to), 0);
    EXPECT(t, swap_verify);
}

/* ---- clusters ---- */

enum { CLUSTER = BLKDEV_MAX_RUN };

TEST(swap_slots_in_a_row_adjoin)
{
    slot_t got[TEST_SLOTS];
    for (uint32_t i = 0; i < TEST_SLOTS; i++) {
        got[i] = swap_alloc(SWAP_EXCHANGE);
        EXPECT_EQ(t, got[i].n, i);
    }
    EXPECT(t, swap_check(t->out));
    /* holes everywhere, and one whole cluster: first the current one is filled up, then comes the whole one,
     * then the holes in their order */
    for (uint32_t i = 0; i < TEST_SLOTS; i++)
        if (i % 5 == 0 || i / CLUSTER == 3)
            swap_unref(got[i]);
    EXPECT(t, swap_check(t->out));
    for (uint32_t i = TEST_SLOTS - CLUSTER; i < TEST_SLOTS; i++)
        if (i % 5 == 0)
            EXPECT_EQ(t, swap_alloc(SWAP_NORMAL).n, i);
    for (uint32_t i = 0; i < CLUSTER; i++)
        EXPECT_EQ(t, swap_alloc(SWAP_NORMAL).n, 3 * CLUSTER + i);
    for (uint32_t i = 0; i < CLUSTER; i++)
        if (i % 5 == 0)
            EXPECT_EQ(t, swap_alloc(SWAP_NORMAL).n, i);
    EXPECT(t, swap_check(t->out));
    for (uint32_t i = 0; i < TEST_SLOTS; i++)
        if (swap_refs(got[i]) > 0)
            swap_unref(got[i]);
}

/* Slots that are freed in the cluster that is being filled are found again before the next one is begun. */
TEST(swap_current_cluster_is_filled_first)
{
    slot_t a = swap_alloc(SWAP_NORMAL), b = swap_alloc(SWAP_NORMAL);
    swap_unref(a);
    EXPECT(t, swap_check(t->out));
    EXPECT_EQ(t, swap_alloc(SWAP_NORMAL).n, a.n);
    swap_unref(a);
    swap_unref(b); /* all of it is free, and it is current still */
    EXPECT(t, swap_check(t->out));
    EXPECT_EQ(t, swap_alloc(SWAP_NORMAL).n, a.n);
    swap_unref(a);
}

/* Against a model, on a disk whose last cluster is not whole. */
TEST(swap_random_allocs_against_a_model)
{
    enum { ODD = 2 * CLUSTER + 7, OPS = 20000 };
    static const uint32_t pressure[] = {30, 50, 70}; /* how often a slot is wanted rather than freed */
    for (size_t k = 0; k < ARRAY_SIZE(pressure); k++) {
        machine_build(TEST_FRAMES, TEST_RESERVE, ODD);
        slot_t held[ODD];
        bool taken[ODD] = {0};
        uint32_t n = 0, rng = (uint32_t)k + 5;
        for (uint32_t op = 0; op < OPS; op++) {
            if (random_below(&rng, 100) < pressure[k]) {
                slot_t s = swap_alloc(random_below(&rng, 2) ? SWAP_NORMAL : SWAP_EXCHANGE);
                if (!slot_valid(s)) {
                    REQUIRE(t, n >= ODD - 1);
                    continue;
                }
                REQUIRE(t, s.n < ODD && !taken[s.n] && swap_refs(s) == 1);
                taken[s.n] = true;
                held[n++] = s;
            } else if (n > 0) {
                uint32_t i = random_below(&rng, n);
                swap_unref(held[i]);
                taken[held[i].n] = false;
                held[i] = held[--n];
            }
            REQUIRE(t, swap_free() == ODD - n);
            if (op % 100 == 0)
                REQUIRE(t, swap_check(t->out));
        }
        while (n > 0)
            swap_unref(held[--n]);
        EXPECT(t, swap_check(t->out));
    }
}

TEST(swap_check_notices_a_slot_that_is_cached_and_free)
{
    slot_t s = swap_alloc(SWAP_NORMAL);
    struct frame *f = frame_with(1);
    EXPECT(t, swap_cached(s) == NULL);
    swap_set_cached(s, f);
    EXPECT(t, swap_cached(s) == f);
    EXPECT_PANIC(t, "is freed while frame", swap_unref(s));
    swap_set_cached(s, NULL);
    swap_unref(s);
    EXPECT_PANIC(t, "is not in use", (void)swap_cached(s));
    buddy_free(f);
}

TEST(swap_runs)
{
    enum { N = 5 };
    struct frame *f[N], *back[N];
    slot_t s[N];
    bool corrupt[N];
    for (uint32_t i = 0; i < N; i++) {
        f[i] = frame_with(100 + i);
        back[i] = frame_with(0);
        s[i] = swap_alloc(SWAP_NORMAL);
    }
    EXPECT_EQ(t, swap_out_run(s[0], f, N), VM_OK);
    EXPECT_EQ(t, machine.disk.transfers, 1);
    EXPECT_EQ(t, swap_in_run(s[1], back, 3, corrupt), VM_OK);
    EXPECT_EQ(t, machine.disk.transfers, 2);
    for (uint32_t i = 0; i < 3; i++)
        EXPECT(t, first_word(back[i]) == 101 + i && !corrupt[i]);
    EXPECT_EQ(t, vmstat.pswpout, N);
    EXPECT_EQ(t, vmstat.pswpin, 3);
    disk_flip_bit(&machine.disk, s[2].n, 9);
    EXPECT_EQ(t, swap_in_run(s[0], back, N, corrupt), VM_OK);
    for (uint32_t i = 0; i < N; i++)
        EXPECT_EQ(t, corrupt[i], i == 2);
    EXPECT_EQ(t, vmstat.pswpin, 3 + N - 1);
    EXPECT_EQ(t, vmstat.swap_corrupt, 1);
    machine.disk.pass_writes = 2;
    machine.disk.fail_writes = 1;
    EXPECT_EQ(t, swap_out_run(s[0], f, N), VM_IO_ERROR);
    EXPECT_EQ(t, vmstat.pswpout, N);
    EXPECT_EQ(t, vmstat.swap_error, 1);
    vmstat.pswpin = vmstat.pswpout = 0;
    for (uint32_t i = 0; i < N; i++) {
        swap_unref(s[i]);
        buddy_free(f[i]);
        buddy_free(back[i]);
    }
}

static uint32_t discarded[TEST_SLOTS];

static void on_discard(struct blkdev *dev UNUSED, uint32_t block)
{
    discarded[block]++;
}

static int no_space(struct blkdev *dev UNUSED, const struct blk_transfer *transfer UNUSED)
{
    return -ENOSPC;
}

TEST(swap_device_without_room_and_with_discard)
{
    struct frame *f = frame_with(1);
    slot_t s = swap_alloc(SWAP_NORMAL);
    int (*transfer)(struct blkdev *, const struct blk_transfer *) = machine.disk.dev.transfer;
    machine.disk.dev.discard = on_discard;
    machine.disk.dev.transfer = no_space;
    EXPECT_EQ(t, swap_out(s, f), VM_NO_SWAP);
    EXPECT_EQ(t, vmstat.swap_error, 1);
    EXPECT(t, swap_no_room());
    machine.disk.dev.transfer = transfer;
    swap_ref(s, 1);
    swap_unref(s);
    EXPECT_EQ(t, discarded[s.n], 0);
    swap_unref(s);
    EXPECT_EQ(t, discarded[s.n], 1);
    buddy_free(f);
}
