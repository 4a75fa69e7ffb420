/* SPDX-License-Identifier: MIT
 * Tests of the fake machine itself: does it behave as x86 does, and does it notice what it is there to
 * notice? */
#include "lib/panic.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "tests/host/pages.h"

TEST(machine_tlb_fill_sets_accessed_and_first_write_sets_dirty)
{
    struct world w;
    world_init(&w, "fifo", 8, 2);
    struct pmap *p = &w.space.pmap;
    EXPECT_EQ(t, word_load(&w.space, 0), 0);
    EXPECT(t, pmap_lookup(p, page_va(0)).accessed && !pmap_lookup(p, page_va(0)).dirty);
    word_store(&w.space, 0, 1); /* hits the entry that the load filled */
    EXPECT(t, pmap_lookup(p, page_va(0)).dirty);
    word_store(&w.space, 1, 1); /* one walk sets both */
    EXPECT(t, pmap_lookup(p, page_va(1)).accessed && pmap_lookup(p, page_va(1)).dirty);
    EXPECT_EQ(t, machine.faults, 2);
    world_destroy(&w);
}

TEST(machine_accessed_bit_returns_only_after_invalidation)
{
    struct world w;
    world_init(&w, "fifo", 8, 1);
    struct pmap *p = &w.space.pmap;
    word_store(&w.space, 0, 1);
    EXPECT(t, pmap_test_clear_accessed(p, page_va(0)));
    EXPECT(t, !pmap_test_clear_accessed(p, page_va(0)));
    EXPECT_EQ(t, machine.invalidations, 1);
    EXPECT_EQ(t, word_load(&w.space, 0), 1);
    EXPECT(t, pmap_test_clear_accessed(p, page_va(0)));
    world_destroy(&w);
}

/* A PTE changed without telling the TLB: the next use, and the check, must notice. */
static void take_rights_silently(struct world *w)
{
    uint32_t *root = w->space.pmap.root;
    uint32_t *table = frame_ptr(frame_of(pfn_of(root[TEST_VA >> 22])));
    table[TEST_VA / PAGE_SIZE % 1024] &= ~2u; /* W */
}

TEST(machine_notices_stale_tlb_entries)
{
    struct world w;
    world_init(&w, "fifo", 8, 1);
    word_store(&w.space, 0, 1);
    EXPECT(t, machine_tlb_check(t->out));
    EXPECT_PANIC(t, "stale TLB entry", {
        take_rights_silently(&w);
        word_load(&w.space, 0);
    });
    EXPECT_PANIC(t, "check said no", {
        struct text_printer said;
        text_start(&said);
        take_rights_silently(&w);
        if (!machine_tlb_check(&said.to) && text_has(&said, "is stale"))
            panic("check said no");
    });
    world_destroy(&w);
}

TEST(machine_fault_drops_the_entry_that_caused_it)
{
    struct world w;
    world_init(&w, "fifo", 8, 0);
    pages_map(&w.space, 0, 1, VM_READ);
    EXPECT_EQ(t, word_load(&w.space, 0), 0);
    EXPECT_EQ(t, space_protect(&w.space, page_va(0), PAGE_SIZE, VM_READ | VM_WRITE), VM_OK);
    EXPECT_EQ(t, machine.invalidations, 0); /* rights were granted */
    word_store(&w.space, 0, 7);             /* the entry still says read-only: a spurious fault */
    EXPECT_EQ(t, machine.last.kase, CASE_SPURIOUS);
    EXPECT_EQ(t, machine.faults, 2);
    world_destroy(&w);
}

TEST(machine_livelock_is_a_failure)
{
    struct world w;
    world_init(&w, "fifo", 8, 1);
    word_store(&w.space, 0, 1);
    EXPECT_PANIC(t, "faults for ever", {
        uint32_t *root = w.space.pmap.root;
        uint32_t *table = frame_ptr(frame_of(pfn_of(root[TEST_VA >> 22])));
        table[TEST_VA / PAGE_SIZE % 1024] &= ~4u; /* U: present, but not for the user */
        machine_tlb_flush();
        word_load(&w.space, 0);
    });
    world_destroy(&w);
}

static int disk_do(bool write, uint32_t block, const struct frame *f, struct page_sum *sum)
{
    pfn_t pfn = frame_pfn(f);
    struct blk_transfer t = {write, block, 1, &pfn.n, sum};
    return machine.disk.dev.transfer(&machine.disk.dev, &t);
}

TEST(machine_disk_fails_as_told)
{
    struct disk *d = &machine.disk;
    struct frame *page = buddy_alloc(0, ALLOC_KERNEL), *back = buddy_alloc(0, ALLOC_KERNEL);
    struct page_sum written, got;
    uint8_t *bytes = frame_ptr(page), *read = frame_ptr(back);
    memset(bytes, 0, PAGE_SIZE);
    bytes[17] = 42;
    d->pass_writes = d->fail_writes = 1;
    EXPECT_EQ(t, disk_do(true, 3, page, &written), 0);
    EXPECT(t, disk_do(true, 4, page, NULL) < 0);
    EXPECT_EQ(t, disk_do(true, 4, page, NULL), 0);
    d->fail_reads = 1;
    EXPECT(t, disk_do(false, 3, back, &got) < 0);
    EXPECT_EQ(t, disk_do(false, 3, back, &got), 0);
    EXPECT_EQ(t, got.value, written.value);
    EXPECT_EQ(t, read[17], 42);
    EXPECT_EQ(t, d->reads, 1);
    EXPECT_EQ(t, d->writes, 2);
    disk_flip_bit(d, 3, 17 * 8);
    EXPECT_EQ(t, disk_do(false, 3, back, &got), 0);
    EXPECT_EQ(t, read[17], 43);
    EXPECT(t, got.value != written.value);
    EXPECT_PANIC(t, "disk: block", (void)disk_do(false, TEST_SLOTS, back, NULL));
    buddy_free(page);
    buddy_free(back);
}

TEST(harness_tells_wrong_panics)
{
    struct text_printer said;
    struct ktest_run inner = {&said.to, 0};
    text_start(&said);
    EXPECT_PANIC(&inner, "this text", panic("another text"));
    EXPECT_PANIC(&inner, "this text", (void)0);
    EXPECT_EQ(t, inner.failures, 2);
    EXPECT_HAS(t, &said, "another text");
    EXPECT_PANIC(t, "a panic with 1 figure", panic("a panic with %d figure", 1));
}
