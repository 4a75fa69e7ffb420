/* SPDX-License-Identifier: MIT
 * Tests of the whole-system check: for each invariant a state is broken by hand, the check must name it,
 * and be content again when the state is whole. */
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/check.h"
#include "mm/rmap.h"
#include "mm/stats.h"
#include "tests/host/pages.h"

enum { LIMIT = 6, RW = VM_READ | VM_WRITE };

/* Page 0 is in swap, page 1 is resident and keeps its slot, pages 2 to 6 are resident. */
static void some_world(struct world *w)
{
    world_init(w, "fifo", LIMIT, 20);
    for (uint32_t i = 0; i < 7; i++)
        word_store(&w->space, i, i);
    word_load(&w->space, 7);
    word_load(&w->space, 1);
}

static struct frame *frame_at(struct world *w, uint32_t i)
{
    struct pte pte = pmap_lookup(&w->space.pmap, page_va(i));
    return pte.state == PTE_PRESENT ? frame_of(pte.pfn) : NULL;
}

static void expect_complaint(struct ktest_run *t, const char *text)
{
    struct text_printer said;
    text_start(&said);
    EXPECT(t, !vm_check(&said.to));
    EXPECT_HAS(t, &said, text);
}

/* Breaks `lvalue` for the time of one check. */
#define BROKEN(t, lvalue, value, text)        \
    do {                                      \
        __typeof__(lvalue) saved_ = (lvalue); \
        (lvalue) = (value);                   \
        expect_complaint(t, text);            \
        (lvalue) = saved_;                    \
        EXPECT(t, vm_check((t)->out));        \
    } while (0)

TEST(check_frames_and_rmap)
{
    struct world w;
    some_world(&w);
    REQUIRE(t, vm_check(t->out));
    struct frame *f = frame_at(&w, 1), *g = frame_at(&w, 4);
    REQUIRE(t, f != NULL && g != NULL && slot_valid(f->slot));
    BROKEN(t, f->flags, f->flags | FRAME_BUSY, "user page in no pool, unmapped or busy");
    BROKEN(t, f->pool, NULL, "user page in no pool, unmapped or busy");
    BROKEN(t, f->pmap, NULL, "user page in no pool, unmapped or busy");
    BROKEN(t, f->va, g->va, "rmap says pid 1");
    BROKEN(t, f->va, page_va(19), "whose PTE is not present");
    BROKEN(t, f->kind, FRAME_KERNEL, "but in a pool, mapped or with a slot");
    struct frame *table = frame_of_ptr(w.space.pmap.root);
    BROKEN(t, table->slot, (slot_t){5}, "but in a pool, mapped or with a slot");
    BROKEN(t, table->kind, FRAME_RESERVED, "not the");
    BROKEN(t, w.space.pmap.resident, 9, "9 pages counted resident, 6 present");
    world_destroy(&w);
}

TEST(check_slots)
{
    struct world w;
    some_world(&w);
    slot_t out = pmap_lookup(&w.space.pmap, page_va(0)).slot;
    struct frame *f = frame_at(&w, 1), *g = frame_at(&w, 4);
    REQUIRE(t, f != NULL && g != NULL && !slot_valid(g->slot));
    swap_ref(out, 1);
    expect_complaint(t, "2 references counted, 1 found");
    swap_unref(out);
    BROKEN(t, f->slot, out, "references counted");
    BROKEN(t, f->slot, SLOT_NONE, "0 keep a slot, 1 counted");
    BROKEN(t, g->slot, out, "2 keep a slot, 1 counted");
    /* a PTE whose slot is free */
    slot_t lost = swap_alloc(SWAP_NORMAL);
    struct pte in = pmap_unmap(&w.space.pmap, page_va(4), lost);
    rmap_remove(g, &w.space.pmap, page_va(4));
    page_free(g);
    swap_unref(lost);
    EXPECT_EQ(t, in.pfn.n, frame_pfn(g).n);
    char text[64];
    format(text, sizeof text, "va 0x%08x is in slot %u, which is free", page_va(4), lost.n);
    expect_complaint(t, text);
    pmap_forget(&w.space.pmap, page_va(4));
    EXPECT(t, vm_check(t->out));
    world_destroy(&w);
}

TEST(check_ptes)
{
    struct world w;
    some_world(&w);
    struct region *r = w.space.regions.at[0];
    BROKEN(t, r->end, page_va(6), "has a PTE but no region");
    /* a second PTE for a frame that does not know of it */
    struct frame *f = frame_at(&w, 4);
    REQUIRE(t, f != NULL);
    EXPECT_EQ(t, pmap_enter(&w.space.pmap, page_va(15), frame_pfn(f), RW, false), VM_OK);
    expect_complaint(t, "which does not know");
    pmap_unmap(&w.space.pmap, page_va(15), SLOT_NONE);
    struct frame *kernel = frame_of_ptr(w.space.pmap.root);
    EXPECT_EQ(t, pmap_enter(&w.space.pmap, page_va(15), frame_pfn(kernel), RW, false), VM_OK);
    expect_complaint(t, "which does not know");
    pmap_unmap(&w.space.pmap, page_va(15), SLOT_NONE);
    EXPECT(t, vm_check(t->out));
    world_destroy(&w);
}

TEST(check_pools)
{
    struct world w;
    some_world(&w);
    struct frame *f = frame_at(&w, 4);
    REQUIRE(t, f != NULL);
    BROKEN(t, w.pool.resident, 5, "pool test: limit 6, 5 counted resident, 6 marked, policy fifo holds 6");
    BROKEN(t, w.pool.limit, 5, "pool test: limit 5, 6 counted resident");
    BROKEN(t, f->link.prev, f->link.next, "policy fifo: queue broken");
    world_destroy(&w);
}

TEST(check_counters)
{
    struct world w;
    some_world(&w);
    BROKEN(t, vmstat.pgfault, vmstat.pgfault + 1, "counters: pgfault");
    BROKEN(t, vmstat.fault_case[CASE_SPURIOUS], 7, "counters: pgfault");
    BROKEN(t, vmstat.pgmajfault, vmstat.pgmajfault + 1, "counters: pgfault");
    BROKEN(t, vmstat.pswpin, 0, "counters: pgfault");
    world_destroy(&w);
}

TEST(check_buddy_and_slab)
{
    struct world w;
    some_world(&w);
    struct frame *f = frame_of_ptr(w.space.pmap.root);
    BROKEN(t, f->kind, FRAME_FREE, "buddy:");
    struct frame *head = NULL;
    for (uint32_t i = 0; i < frame_table_count && head == NULL; i++)
        if (frame_table[i].kind == FRAME_FREE && frame_table[i].order > 0 &&
            (frame_table[i].flags & FRAME_HEAD))
            head = &frame_table[i];
    REQUIRE(t, head != NULL);
    BROKEN(t, head->order, 0, "misaligned or says order 0");
    BROKEN(t, head[1].kind, FRAME_USER, "in free block");
    BROKEN(t, head[1].pool, &w.pool, "in free block");
    uint32_t *object = (uint32_t *)w.space.regions.at[0];
    uint32_t *slab = (uint32_t *)ALIGN_DOWN((uintptr_t)object, (uintptr_t)PAGE_SIZE);
    uint32_t *in_use = NULL; /* the header's last word with the value 1: one region is in use */
    for (uint32_t *at = slab; at < slab + 10; at++)
        if (*at == 1)
            in_use = at;
    REQUIRE(t, in_use != NULL);
    BROKEN(t, *in_use, 2, "slab: cache region");
    world_destroy(&w);
}

TEST(check_without_memory_says_so)
{
    static struct frame *frames[2 * TEST_FRAMES];
    uint32_t n = 0;
    while ((frames[n] = buddy_alloc(0, ALLOC_KERNEL)) != NULL)
        n++;
    expect_complaint(t, "no heap");
    while (n > 0)
        buddy_free(frames[--n]);
}

/* The check looks at everything and changes nothing. */
TEST(check_changes_nothing)
{
    struct world w;
    some_world(&w);
    struct vmstat before = vmstat;
    uint32_t free = buddy_free_frames(), invalidations = machine.invalidations;
    for (int i = 0; i < 3; i++)
        EXPECT(t, vm_check(t->out));
    EXPECT(t, memcmp(&before, &vmstat, sizeof before) == 0);
    EXPECT_EQ(t, buddy_free_frames(), free);
    EXPECT_EQ(t, machine.invalidations, invalidations);
    world_destroy(&w);
}
