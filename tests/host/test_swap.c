/* SPDX-License-Identifier: MIT
 * Tests of the swap layer alone: slots, references, the reserve, checksums, failing disks. */
#include "lib/command.h"
#include "lib/log.h"
#include "lib/panic.h"
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
    EXPECT_PANIC(t, "of 256 is not in use", swap_unref((slot_t){TEST_SLOTS}));
    EXPECT_EQ(t, swap_refs((slot_t){TEST_SLOTS}), 0);
}

TEST(swap_shadow_is_kept_and_starts_at_zero)
{
    slot_t s = swap_alloc(SWAP_NORMAL);
    EXPECT_EQ(t, swap_shadow(s), 0);
    swap_set_shadow(s, 99);
    EXPECT_EQ(t, swap_shadow(s), 99);
    swap_unref(s);
    slot_t again = swap_alloc(SWAP_NORMAL);
    EXPECT_EQ(t, again.n, s.n);
    EXPECT_EQ(t, swap_shadow(again), 0);
    swap_unref(again);
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
    log_classes |= LOG_SWAP;
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
