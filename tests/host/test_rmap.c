/* SPDX-License-Identifier: MIT
 * Tests of the reverse map, with one frame that several spaces map at different addresses. */
#include "mm/buddy.h"
#include "mm/rmap.h"
#include "tests/host/pages.h"

enum { SHARERS = 3 };

struct sharing {
    struct world w; /* its space is sharer 0 */
    struct space more[SHARERS - 1];
    struct frame *f;
};

static struct space *sharer(struct sharing *s, int i)
{
    return i == 0 ? &s->w.space : &s->more[i - 1];
}

/* Page i of sharer i is the same frame. */
static void share(struct ktest_run *t, struct sharing *s)
{
    world_init(&s->w, "fifo", 8, SHARERS);
    word_store(&s->w.space, 0, 4711);
    s->f = frame_of(pmap_lookup(&s->w.space.pmap, page_va(0)).pfn);
    for (int i = 1; i < SHARERS; i++) {
        struct space *to = sharer(s, i);
        EXPECT_EQ(t, space_init(to, &s->w.pool, (uint32_t)i + 1), VM_OK);
        pages_map(to, 0, SHARERS, VM_READ | VM_WRITE);
        EXPECT_EQ(t, pmap_reserve(&to->pmap, page_va((uint32_t)i)), VM_OK);
        pmap_enter(&to->pmap, page_va((uint32_t)i), frame_pfn(s->f), VM_READ, false);
        EXPECT_EQ(t, rmap_add(s->f, &to->pmap, page_va((uint32_t)i)), VM_OK);
    }
    pmap_protect(&s->w.space.pmap, page_va(0), VM_READ); /* as fork does */
}

static void unshare(struct sharing *s)
{
    for (int i = 1; i < SHARERS; i++)
        space_destroy(sharer(s, i));
    world_destroy(&s->w);
}

TEST(rmap_lists_every_mapping)
{
    struct sharing s;
    share(t, &s);
    EXPECT_EQ(t, rmap_count(s.f), SHARERS);
    for (int i = 0; i < SHARERS; i++) {
        EXPECT(t, rmap_has(s.f, &sharer(&s, i)->pmap, page_va((uint32_t)i)));
        EXPECT(t, !rmap_has(s.f, &sharer(&s, i)->pmap, page_va((uint32_t)i + 1)));
        EXPECT_EQ(t, word_load(sharer(&s, i), (uint32_t)i), 4711);
    }
    test_check(t);
    unshare(&s);
}

TEST(rmap_accessed_and_dirty_of_any_mapping)
{
    struct sharing s;
    share(t, &s);
    EXPECT(t, rmap_dirty(s.f)); /* sharer 0 wrote */
    for (int i = 0; i < SHARERS; i++) {
        rmap_test_clear_accessed(s.f);
        EXPECT(t, !rmap_test_clear_accessed(s.f));
        word_load(sharer(&s, i), (uint32_t)i);
        EXPECT(t, rmap_test_clear_accessed(s.f));
    }
    /* all bits go at once: the first one that is set must not hide the others */
    for (int i = 0; i < SHARERS; i++)
        word_load(sharer(&s, i), (uint32_t)i);
    EXPECT(t, rmap_test_clear_accessed(s.f));
    EXPECT(t, !rmap_test_clear_accessed(s.f));
    unshare(&s);
}

TEST(rmap_remove_in_any_order)
{
    for (int first = 0; first < SHARERS; first++) {
        struct sharing s;
        share(t, &s);
        for (int n = 0; n < SHARERS; n++) {
            int i = (first + n) % SHARERS;
            EXPECT_EQ(t, space_unmap(sharer(&s, i), page_va((uint32_t)i), PAGE_SIZE), VM_OK);
            EXPECT_EQ(t, rmap_count(s.f), SHARERS - 1 - n);
            test_check(t);
        }
        EXPECT_EQ(t, s.f->kind, FRAME_FREE); /* with its last mapping */
        unshare(&s);
    }
}

TEST(rmap_remove_of_what_is_not_there)
{
    struct sharing s;
    share(t, &s);
    EXPECT_PANIC(t, "is not mapped at", rmap_remove(s.f, &s.more[0].pmap, page_va(0)));
    unshare(&s);
}

/* References of the slot that the shared page keeps. */
static uint32_t kept_refs(const struct sharing *s)
{
    const struct frame *f = page_frame(&s->w.space, 0);
    return f != NULL && slot_valid(f->slot) ? swap_refs(f->slot) : 0;
}

TEST(rmap_shared_page_goes_and_comes_back_for_all)
{
    struct sharing s;
    share(t, &s);
    EXPECT_EQ(t, pool_evict(&s.w.pool, SWAP_NORMAL), VM_OK);
    EXPECT_EQ(t, machine.disk.writes, 1);
    struct pte first = pmap_lookup(&s.w.space.pmap, page_va(0));
    EXPECT_EQ(t, first.state, PTE_SWAPPED);
    EXPECT_EQ(t, swap_refs(first.slot), SHARERS);
    EXPECT(t, swap_cached(first.slot) == NULL);
    for (int i = 0; i < SHARERS; i++) {
        struct pte pte = pmap_lookup(&sharer(&s, i)->pmap, page_va((uint32_t)i));
        EXPECT(t, pte.state == PTE_SWAPPED && pte.slot.n == first.slot.n);
    }
    test_check(t);
    for (int i = 0; i < SHARERS; i++)
        EXPECT_EQ(t, word_load(sharer(&s, i), (uint32_t)i), 4711);
    EXPECT_EQ(t, machine.disk.reads, 1); /* the others find it through the slot */
    EXPECT_EQ(t, kept_refs(&s), 1);
    test_check(t);
    unshare(&s);
}

/* The page stays in its frame, mapped nowhere, and everybody finds it there. */
TEST(rmap_failed_write_keeps_the_page_for_all)
{
    struct sharing s;
    share(t, &s);
    machine.disk.fail_writes = UINT32_MAX;
    EXPECT_EQ(t, pool_evict(&s.w.pool, SWAP_NORMAL), VM_IO_ERROR);
    EXPECT_EQ(t, rmap_count(s.f), 0);
    EXPECT(t, slot_valid(s.f->slot) && (s.f->flags & FRAME_DIRTY));
    EXPECT_EQ(t, swap_refs(s.f->slot), 1 + SHARERS);
    test_check(t);
    for (int i = 0; i < SHARERS; i++) {
        EXPECT_EQ(t, word_load(sharer(&s, i), (uint32_t)i), 4711);
        EXPECT(t, machine.last.kase == CASE_SWAPPED && !machine.last.major && machine.last.frame == s.f);
        EXPECT_EQ(t, rmap_count(s.f), (uint32_t)i + 1);
        EXPECT_EQ(t, swap_refs(s.f->slot), SHARERS - (uint32_t)i);
        test_check(t);
    }
    EXPECT_EQ(t, machine.disk.reads, 0);
    unshare(&s);
}

TEST(rmap_second_mapping_may_find_no_memory)
{
    static struct frame *frames[2 * TEST_FRAMES];
    struct sharing s;
    uint32_t n = 0;
    world_init(&s.w, "fifo", 8, 1);
    word_store(&s.w.space, 0, 1);
    s.f = frame_of(pmap_lookup(&s.w.space.pmap, page_va(0)).pfn);
    while ((frames[n] = buddy_alloc(0, ALLOC_KERNEL)) != NULL)
        n++;
    EXPECT_EQ(t, rmap_add(s.f, &s.w.space.pmap, page_va(1)), VM_NO_MEMORY);
    EXPECT_EQ(t, rmap_count(s.f), 1);
    while (n > 0)
        buddy_free(frames[--n]);
    world_destroy(&s.w);
}
