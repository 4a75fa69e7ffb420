/* SPDX-License-Identifier: MIT
 * Tests of the fake machine itself: does it behave as x86 does, and does it notice what it is there to
 * notice? */
#include "lib/panic.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/port.h"
#include "mm/rmap.h"
#include "tests/host/pages.h"

TEST(machine_tlb_fill_sets_accessed_and_first_write_sets_dirty)
{
    struct world w;
    world_init(&w, "fifo", 8, 2);
    struct pmap *p = &w.space.pmap;
    page_touch(&w.space, 0);
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
    world_init(&w, "fifo", 8, 1);
    word_store(&w.space, 0, 5);
    EXPECT_EQ(t, space_protect(&w.space, page_va(0), PAGE_SIZE, VM_READ), VM_OK);
    EXPECT_EQ(t, machine.invalidations, 1);
    EXPECT_EQ(t, word_load(&w.space, 0), 5);
    EXPECT_EQ(t, space_protect(&w.space, page_va(0), PAGE_SIZE, VM_READ | VM_WRITE), VM_OK);
    EXPECT_EQ(t, machine.invalidations, 1); /* rights were granted */
    word_store(&w.space, 0, 7);             /* the entry still says read-only: a spurious fault */
    EXPECT_EQ(t, machine.last.kase, CASE_SPURIOUS);
    EXPECT_EQ(t, machine.faults, 2);
    world_destroy(&w);
}

/* 4 MiB by one entry of the directory; the rights and bits of each page are the entry's. */
TEST(machine_large_mapping)
{
    enum { ORDER = PMAP_LARGE_ORDER, SPAN = PAGE_SIZE << ORDER };
    struct world w;
    machine_build(6 << ORDER, TEST_RESERVE, TEST_SLOTS);
    world_init(&w, "fifo", 4 << ORDER, 0);
    struct pmap *p = &w.space.pmap;
    vaddr_t va = ALIGN_UP(TEST_VA, (vaddr_t)SPAN);
    struct region r = {va, va + SPAN, VM_READ | VM_WRITE, 0, "anon", 0, NULL};
    EXPECT_EQ(t, space_map(&w.space, &r), VM_OK);
    struct frame *f = page_alloc_block(&w.pool, ORDER);
    REQUIRE(t, f != NULL);
    EXPECT_EQ(t, pmap_enter_large(p, va, frame_pfn(f), VM_READ | VM_WRITE, false), VM_OK);
    EXPECT_EQ(t, rmap_add(f, p, va), VM_OK);
    pool_insert(f);
    EXPECT_EQ(t, p->resident, 1u << ORDER);
    EXPECT_EQ(t, p->tables, 2);
    EXPECT(t, p->spare_tables != 0);
    test_check(t);
    for (uint32_t i = 0; i < 1u << ORDER; i += 100) {
        uint32_t v = i;
        EXPECT_EQ(t, machine_access(&w.space, va + i * PAGE_SIZE, VM_WRITE, &v), VM_OK);
        EXPECT_EQ(t, *(uint32_t *)phys_to_ptr(pfn_base(frame_pfn(f + i))), i);
        EXPECT_EQ(t, pmap_lookup(p, va + i * PAGE_SIZE).pfn.n, frame_pfn(f + i).n);
    }
    EXPECT_EQ(t, machine.faults, 0);
    struct pte pte = pmap_lookup(p, va + 5 * PAGE_SIZE);
    EXPECT(t, pte.accessed && pte.dirty && pte.writable);
    EXPECT(t, rmap_test_clear_accessed(f) && !pmap_lookup(p, va + 100 * PAGE_SIZE).accessed);
    EXPECT(t, machine_tlb_check(t->out));
    pmap_split_large(p, va + 77 * PAGE_SIZE);
    EXPECT(t, p->spare_tables == 0 && p->tables == 2);
    for (uint32_t i = 0; i < 1u << ORDER; i += 100) {
        pte = pmap_lookup(p, va + i * PAGE_SIZE);
        EXPECT(t, pte.state == PTE_PRESENT && pte.dirty && pte.writable && !pte.accessed);
        EXPECT_EQ(t, pte.pfn.n, frame_pfn(f + i).n);
    }
    pmap_split_large(p, va); /* nothing to do */
    test_check(t);
    EXPECT_PANIC(t, "is part of a large mapping", {
        while (pmap_enter_large(p, va + SPAN, frame_pfn(f), VM_READ, false) != VM_OK)
            ;
        pmap_unmap(p, va + SPAN + PAGE_SIZE, SLOT_NONE);
    });
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
