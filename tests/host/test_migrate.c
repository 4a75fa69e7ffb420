/* SPDX-License-Identifier: MIT
 * Tests of page migration and compaction: nobody can tell that a page moved, neither who maps it nor its
 * pool's policy; large blocks come back, and what cannot move stays. */
#include "lib/random.h"
#include "lib/string.h"
#include "mm/advise.h"
#include "mm/buddy.h"
#include "mm/compact.h"
#include "mm/migrate.h"
#include "mm/rmap.h"
#include "mm/stats.h"
#include "tests/host/pages.h"

enum { LIMIT = 16, PAGES = 40, RW = VM_READ | VM_WRITE };

/* Moves the page in f to a frame that was free. => that frame */
static struct frame *move(struct frame *f)
{
    struct frame *to = buddy_alloc(0, ALLOC_KERNEL);
    ASSERT(to != NULL && page_movable(f), "test: frame %#x cannot move", frame_pfn(f).n);
    page_migrate(f, to);
    buddy_free(f);
    return to;
}

TEST(migrate_keeps_content_rights_and_bits)
{
    struct world w;
    world_init(&w, "clock", LIMIT, PAGES);
    EXPECT_EQ(t, page_stamp(&w.space, page_va(0), 7), VM_OK);
    EXPECT_EQ(t, space_protect(&w.space, page_va(0), PAGE_SIZE, VM_READ), VM_OK);
    struct frame *from = page_frame(&w.space, 0);
    struct pte before = pmap_lookup(&w.space.pmap, page_va(0));
    uint32_t faults = vmstat.pgfault;
    struct frame *to = move(from);
    struct pte after = pmap_lookup(&w.space.pmap, page_va(0));
    EXPECT(t, to != from && page_frame(&w.space, 0) == to);
    EXPECT(t, after.dirty == before.dirty && after.accessed == before.accessed &&
                  after.writable == before.writable);
    EXPECT(t, before.dirty && !before.writable);
    enum vm_result r;
    EXPECT(t, page_stamped(&w.space, page_va(0), 7, &r));
    EXPECT_EQ(t, vmstat.pgfault, faults); /* nobody faulted */
    EXPECT_EQ(t, vmstat.pgmigrate_success, 1);
    test_check(t);
    world_destroy(&w);
}

TEST(migrate_a_shared_page_for_all_who_map_it)
{
    struct world w;
    struct space child, grandchild;
    world_init(&w, "lru", LIMIT, PAGES);
    word_store(&w.space, 0, 5);
    EXPECT_EQ(t, space_init(&child, &w.pool, 2), VM_OK);
    EXPECT_EQ(t, space_fork(&child, &w.space), VM_OK);
    EXPECT_EQ(t, space_init(&grandchild, &w.pool, 3), VM_OK);
    EXPECT_EQ(t, space_fork(&grandchild, &child), VM_OK);
    EXPECT_EQ(t, word_load(&child, 0), 5); /* translations that must not survive */
    EXPECT_EQ(t, word_load(&grandchild, 0), 5);
    struct frame *to = move(page_frame(&w.space, 0));
    EXPECT_EQ(t, rmap_count(to), 3);
    EXPECT(t, page_frame(&child, 0) == to && page_frame(&grandchild, 0) == to);
    test_check(t);
    word_store(&child, 0, 6); /* the others keep theirs */
    EXPECT_EQ(t, word_load(&w.space, 0), 5);
    EXPECT_EQ(t, word_load(&grandchild, 0), 5);
    space_destroy(&grandchild);
    space_destroy(&child);
    world_destroy(&w);
}

TEST(migrate_keeps_the_slot)
{
    struct world w;
    world_init(&w, "fifo", LIMIT, PAGES);
    for (uint32_t i = 0; i < PAGES; i++)
        word_store(&w.space, i, 100 + i);
    EXPECT_EQ(t, word_load(&w.space, 0), 100); /* back from its slot, and clean */
    slot_t slot = page_frame(&w.space, 0)->slot;
    REQUIRE(t, slot_valid(slot));
    struct frame *to = move(page_frame(&w.space, 0));
    EXPECT(t, to->slot.n == slot.n && swap_cached(slot) == to);
    test_check(t);
    uint32_t writes = vmstat.pswpout;
    for (uint32_t i = 1; page_present(&w.space, 0); i++)
        page_touch(&w.space, i % PAGES);
    EXPECT(t, page_slot(&w.space, 0).n == slot.n); /* dropped as clean: it was stored already */
    EXPECT_EQ(t, word_load(&w.space, 0), 100);
    EXPECT(t, vmstat.pswpout >= writes);
    world_destroy(&w);
}

TEST(migrate_a_page_of_a_file_and_a_wired_one)
{
    struct world w;
    static char bytes[3 * PAGE_SIZE];
    memset(bytes, 'f', sizeof bytes);
    world_init(&w, "clock", LIMIT, PAGES);
    struct object *o = file_map(&w.space, PAGES, bytes, sizeof bytes, VM_READ);
    EXPECT_EQ(t, word_load(&w.space, PAGES), 0x66666666);
    struct frame *to = move(page_frame(&w.space, PAGES));
    EXPECT(t, object_lookup(o, 0).frame == to && to->object == o && to->index == 0);
    EXPECT_EQ(t, o->resident, 1);
    EXPECT_EQ(t, word_load(&w.space, PAGES), 0x66666666);
    word_store(&w.space, 1, 11);
    EXPECT_EQ(t, space_lock(&w.space, page_va(1), page_va(2), LOCK_NOW), VM_OK);
    to = move(page_frame(&w.space, 1));
    EXPECT_EQ(t, to->wired, 1);
    EXPECT_EQ(t, w.pool.wired, 1);
    EXPECT_EQ(t, word_load(&w.space, 1), 11);
    test_check(t);
    EXPECT_EQ(t, space_lock(&w.space, page_va(1), page_va(2), LOCK_NONE), VM_OK);
    test_check(t);
    world_destroy(&w);
}

TEST(migrate_not_what_is_busy_or_nobodys)
{
    struct world w;
    struct frame *f;
    world_init(&w, "clock", LIMIT, PAGES);
    word_store(&w.space, 0, 1);
    f = page_frame(&w.space, 0);
    EXPECT(t, page_movable(f));
    f->flags |= FRAME_BUSY;
    EXPECT(t, !page_movable(f));
    f->flags &= (uint8_t)~FRAME_BUSY;
    EXPECT_EQ(t, page_alloc(&w.pool, SWAP_NORMAL, &f), VM_OK); /* charged, but no page yet */
    EXPECT(t, !page_movable(f));
    page_free(f);
    EXPECT(t, !page_movable(zero_frame));
    world_destroy(&w);
}

/* The victims of a policy, with pages moved at random or not: the same ones, as it sees pages and no frames.
 */
static uint32_t victims(struct ktest_run *t, const struct policy *policy, bool moving)
{
    enum { REFS = 3000 };
    struct world w;
    bool here[PAGES] = {false};
    uint32_t hash = 1, rng = 9, moves = 77;
    world_init(&w, policy->name, LIMIT, PAGES);
    for (uint32_t i = 0; i < REFS; i++) {
        uint32_t page = random_below(&rng, 2) ? random_below(&rng, PAGES) : random_below(&rng, LIMIT);
        if (policy->needs && page_present(&w.space, page))
            pool_touch(page_frame(&w.space, page));
        word_store(&w.space, page, i);
        for (uint32_t p = 0; p < PAGES; p++) {
            if (here[p] && !page_present(&w.space, p))
                hash = hash * 31 + p;
            here[p] = page_present(&w.space, p);
        }
        uint32_t which = random_below(&moves, PAGES);
        if (moving && page_present(&w.space, which))
            move(page_frame(&w.space, which));
    }
    test_check(t);
    EXPECT(t, !moving || vmstat.pgmigrate_success > REFS / 10);
    world_destroy(&w);
    return hash;
}

TEST(migrate_changes_no_decision_of_any_policy)
{
    for (uint32_t i = 0; i < policy_count; i++) {
        uint32_t still = victims(t, policy_table[i], false), moved = victims(t, policy_table[i], true);
        if (still != moved)
            print(t->out, "# policy %s chose other victims\n", policy_table[i]->name);
        EXPECT_EQ(t, still, moved);
    }
}

/* ---- compaction ---- */

enum { MEMORY = 4096, MANY = 3000 };

/* Memory full of the pages of one process, of which every third is then unmapped. */
static void fragment(struct ktest_run *t, struct world *w)
{
    machine_build(MEMORY, 16, 64);
    world_init(w, "clock", MANY + LIMIT, MANY);
    for (uint32_t i = 0; i < MANY; i++)
        word_store(&w->space, i, i);
    for (uint32_t i = 0; i < MANY; i += 3)
        EXPECT_EQ(t, space_unmap(&w->space, page_va(i), PAGE_SIZE), VM_OK);
}

static void expect_intact(struct ktest_run *t, struct world *w)
{
    for (uint32_t i = 0; i < MANY; i++)
        if (i % 3 != 0)
            REQUIRE(t, word_load(&w->space, i) == i);
    test_check(t);
}

TEST(compact_makes_large_blocks_again)
{
    struct world w;
    struct frame *taken[MEMORY >> BUDDY_MAX_ORDER];
    uint32_t n = 0;
    fragment(t, &w);
    buddy_drain();
    while (buddy_has(BUDDY_MAX_ORDER)) /* what was never used */
        taken[n++] = buddy_alloc(BUDDY_MAX_ORDER, ALLOC_KERNEL);
    struct frame *block = compact_for(BUDDY_MAX_ORDER);
    REQUIRE(t, block != NULL);
    EXPECT_EQ(t, block->kind, FRAME_USER);
    EXPECT_EQ(t, block->order, BUDDY_MAX_ORDER);
    EXPECT_EQ(t, frame_pfn(block).n % (1u << BUDDY_MAX_ORDER), 0);
    buddy_free(block);
    while (n > 0)
        buddy_free(taken[--n]);
    expect_intact(t, &w);
    world_destroy(&w);
}

TEST(compact_for_blocks_of_the_pool)
{
    enum { ORDER = 4, SIZE = 1 << ORDER };
    struct world w;
    fragment(t, &w);
    static struct frame *taken[MEMORY];
    uint32_t n = 0;
    for (unsigned order = BUDDY_MAX_ORDER; order >= ORDER; order--) /* no such block is free any more */
        while (buddy_has(order) && (taken[n] = buddy_alloc(order, ALLOC_KERNEL)) != NULL)
            n++;
    EXPECT(t, !buddy_has(ORDER));
    EXPECT(t, buddy_fragmentation(false, ORDER) > 500); /* fragmentation, not want of memory */
    w.pool.order = ORDER;
    w.pool.limit = MEMORY;
    struct frame *f = page_alloc_block(&w.pool, ORDER);
    REQUIRE(t, f != NULL);
    EXPECT_EQ(t, vmstat.compact_stall, 1);
    EXPECT_EQ(t, vmstat.compact_success, 1);
    EXPECT(t, vmstat.pgmigrate_success > 0 && vmstat.pgmigrate_success <= SIZE);
    page_free(f);
    while (n > 0)
        buddy_free(taken[--n]);
    expect_intact(t, &w);
    world_destroy(&w);
}

TEST(compact_leaves_what_cannot_move)
{
    struct world w;
    fragment(t, &w);
    uint32_t first = frame_pfn(page_frame(&w.space, 1)).n & ~63u;
    struct frame *busy = page_frame(&w.space, 1);
    uint32_t before = buddy_free_frames();
    EXPECT(t, compact_cost(first, 64) < 64);
    busy->flags |= FRAME_BUSY;
    EXPECT_EQ(t, compact_cost(first, 64), COMPACT_NEVER);
    EXPECT(t, !compact_range(first, 64));
    busy->flags &= (uint8_t)~FRAME_BUSY;
    EXPECT_EQ(t, buddy_free_frames(), before);
    EXPECT_EQ(t, compact_cost(frame_table_count - 1, 2), COMPACT_NEVER);
    EXPECT(t, compact_range(first, 64));
    EXPECT_EQ(t, buddy_free_frames(), before - 64);
    for (uint32_t i = 0; i < 64; i++)
        buddy_free(&frame_table[first + i]);
    expect_intact(t, &w);
    world_destroy(&w);
}

/* After a failure it answers without looking, for longer and longer. */
TEST(compact_defers_after_a_failure)
{
    static struct frame *got[2 * MEMORY];
    uint32_t n = 0;
    machine_build(MEMORY, 0, 0);
    while ((got[n] = buddy_alloc(0, ALLOC_KERNEL)) != NULL)
        n++;
    for (uint32_t i = 0; i < n; i += 2)
        buddy_free(got[i]);
    for (uint32_t i = 0; i < 20; i++)
        EXPECT(t, compact_for(3) == NULL);
    EXPECT(t, vmstat.compact_stall >= 3 && vmstat.compact_stall <= 5);
    EXPECT_EQ(t, vmstat.compact_fail, vmstat.compact_stall);
    for (uint32_t i = 1; i < n; i += 2)
        buddy_free(got[i]);
}
