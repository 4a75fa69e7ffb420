/* SPDX-License-Identifier: MIT
 * Tests of the whole-system check: for each invariant a state is broken by hand, the check must name it,
 * and be content again when the state is whole. */
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/check.h"
#include "mm/rmap.h"
#include "mm/slab_core.h"
#include "mm/stats.h"
#include "tests/host/pages.h"

enum { LIMIT = 6, RW = VM_READ | VM_WRITE };

/* Page 0 is in swap, page 1 is resident and keeps its slot, pages 2 to 6 are resident. */
static void some_world(struct world *w)
{
    world_init(w, "fifo", LIMIT, 20);
    for (uint32_t i = 0; i < 7; i++)
        word_store(&w->space, i, i);
    page_touch(&w->space, 7);
    word_load(&w->space, 1);
}

static struct frame *frame_at(struct world *w, uint32_t i)
{
    return page_frame(&w->space, i);
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
    BROKEN(t, f->flags, f->flags | FRAME_BUSY, "busy, but mapped or queued");
    BROKEN(t, f->pool, NULL, "user page in no pool, or half in a block");
    BROKEN(t, f->pmap, NULL, "user page that nobody can find");
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
    BROKEN(t, f->slot, out, "which does not know");
    BROKEN(t, f->slot, (slot_t){TEST_SLOTS}, "which does not know");
    BROKEN(t, f->slot, SLOT_NONE, "0 keep a slot, 1 counted");
    BROKEN(t, g->slot, out, "which does not know");
    swap_set_cached(out, f);
    swap_set_cached(f->slot, NULL);
    expect_complaint(t, "which does not know");
    swap_set_cached(out, NULL);
    swap_set_cached(f->slot, f);
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
    pmap_enter(&w.space.pmap, page_va(15), frame_pfn(f), RW, false);
    expect_complaint(t, "which does not know");
    pmap_unmap(&w.space.pmap, page_va(15), SLOT_NONE);
    struct frame *kernel = frame_of_ptr(w.space.pmap.root);
    pmap_enter(&w.space.pmap, page_va(15), frame_pfn(kernel), VM_READ, false);
    expect_complaint(t, "which does not know");
    pmap_unmap(&w.space.pmap, page_va(15), SLOT_NONE);
    EXPECT(t, vm_check(t->out));
    /* the page of zeros, writable */
    word_load(&w.space, 15);
    EXPECT(t, vm_check(t->out));
    pmap_protect(&w.space.pmap, page_va(15), RW);
    expect_complaint(t, "writable, but it is shared or the region forbids it");
    pmap_protect(&w.space.pmap, page_va(15), VM_READ);
    BROKEN(t, r->prot, VM_READ, "writable, but it is shared or the region forbids it");
    world_destroy(&w);
}

/* A writable page that somebody else has too. */
TEST(check_shared_pages_are_read_only)
{
    struct world w;
    struct space other;
    some_world(&w);
    EXPECT_EQ(t, space_init(&other, &w.pool, 2), VM_OK);
    EXPECT_EQ(t, space_fork(&other, &w.space), VM_OK);
    REQUIRE(t, vm_check(t->out));
    pmap_protect(&other.pmap, page_va(4), RW);
    expect_complaint(t, "pid 2: va");
    expect_complaint(t, "writable, but it is shared or the region forbids it");
    pmap_protect(&other.pmap, page_va(4), VM_READ);
    EXPECT(t, vm_check(t->out));
    space_destroy(&other);
    world_destroy(&w);
}

TEST(check_wired)
{
    struct world w;
    some_world(&w);
    struct frame *f = frame_at(&w, 4);
    REQUIRE(t, f != NULL);
    BROKEN(t, f->wired, 1, "wired: 1 locked mappings counted, 0 found");
    struct region *r = w.space.regions.at[0];
    BROKEN(t, r->flags, REGION_LOCKED, "wired: 0 locked mappings counted, 6 found");
    BROKEN(t, w.pool.wired, 1, "1 wired, 0 marked");
    world_destroy(&w);
}

TEST(check_objects)
{
    struct world w;
    some_world(&w);
    struct object *o = object_create("shared", 8 * PAGE_SIZE);
    REQUIRE(t, o != NULL);
    EXPECT_EQ(t, pages_region(&w.space, 30, 8, RW, REGION_SHARED, o), VM_OK);
    for (uint32_t i = 0; i < 8; i++)
        word_store(&w.space, 30 + i, i);
    REQUIRE(t, o->swapped == 2 && o->resident == 6 && vm_check(t->out));
    struct frame *f = frame_at(&w, 34);
    REQUIRE(t, f != NULL && f->object == o);
    BROKEN(t, f->index, 5, "says it is page 5 of an object that does not know");
    BROKEN(t, f->object, NULL, "object shared: page 4 is in frame");
    BROKEN(t, o->resident, 5, "5 pages counted resident, 6 are");
    BROKEN(t, o->swapped, 3, "3 swapped, 2 are");
    BROKEN(t, o->refs, 0, "object shared: 0 references");
    slot_t s = object_lookup(o, 0).slot;
    swap_ref(s, 1);
    expect_complaint(t, "2 references counted, 1 found");
    swap_unref(s);
    object_unref(o);
    world_destroy(&w);
}

TEST(check_pools)
{
    struct world w;
    some_world(&w);
    struct frame *f = frame_at(&w, 4);
    REQUIRE(t, f != NULL);
    BROKEN(t, w.pool.resident, 5,
           "pool test: limit 6, 5 frames counted resident, 6 charged; 6 pages queued, 6 marked, policy fifo "
           "holds 6");
    BROKEN(t, w.pool.limit, 5, "pool test: limit 5, 6 frames counted resident");
    BROKEN(t, w.pool.queued, 5, "5 pages queued, 6 marked");
    BROKEN(t, f->flags, f->flags & ~FRAME_QUEUED, "6 pages queued, 5 marked");
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
    struct slab *slab = slab_at_page(w.space.regions.at[0]);
    BROKEN(t, slab->until, slab->until + 1, "slab: cache region");
    BROKEN(t, slab->kind, 0, "slab: cache region");
    BROKEN(t, slab->cache->slabs, slab->cache->slabs + 1, "slab: cache region");
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
    EXPECT(t, vm_check(t->out)); /* its heap stays for the next time */
    struct vmstat before = vmstat;
    uint32_t free = buddy_free_frames(), invalidations = machine.invalidations;
    for (int i = 0; i < 3; i++)
        EXPECT(t, vm_check(t->out));
    EXPECT(t, memcmp(&before, &vmstat, sizeof before) == 0);
    EXPECT_EQ(t, buddy_free_frames(), free);
    EXPECT_EQ(t, machine.invalidations, invalidations);
    world_destroy(&w);
}
