/* SPDX-License-Identifier: MIT
 * Exact mode: every reference is seen, once, whatever else happens to the page tables. */
#include "lib/random.h"
#include "lib/string.h"
#include "mm/advise.h"
#include "mm/exact.h"
#include "mm/stats.h"
#include "tests/host/pages.h"

enum { PAGES = 12 };

/* A world under exact LRU; pages 0 to PAGES - 1 are exact. */
static void exact_world(struct world *w, uint32_t limit)
{
    recorder_reset(true);
    world_init(w, "lru", limit, PAGES + 4);
    if (exact_enable(&w->space, page_va(0), page_va(PAGES)) != VM_OK)
        panic("exact_world");
}

static void exact_world_end(struct world *w)
{
    recorder_reset(false);
    world_destroy(w);
}

/* Loads (digits) and stores (letters: a is page 0) of one page each. */
static void refer(struct world *w, const char *string)
{
    for (; *string != '\0'; string++) {
        if (*string >= 'a')
            word_store(&w->space, (uint32_t)(*string - 'a'), 1);
        else
            word_load(&w->space, (uint32_t)(*string - '0'));
    }
}

static void expect_recorded(struct ktest_run *t, const char *string)
{
    EXPECT_EQ(t, recorder_count(), strlen(string));
    for (uint32_t i = 0; i < recorder_count() && string[i] != '\0'; i++) {
        uint32_t r = recorder_at(i);
        uint32_t page = (r >> RECORD_PAGE_SHIFT) - TEST_VA / PAGE_SIZE;
        EXPECT_EQ(t, (r & RECORD_WRITE ? 'a' : '0') + page, (uint32_t)string[i]);
    }
}

TEST(exact_lru_on_the_mmu)
{
    static const struct {
        const char *refs;
        uint32_t frames, faults;
    } textbook[] = {{"70120304230321201701", 3, 12},
                    {"70120304230321201701", 4, 8},
                    {"123412512345", 3, 10},
                    {"12342156212376321236", 1, 20},
                    {"12342156212376321236", 5, 8}};
    for (size_t i = 0; i < ARRAY_SIZE(textbook); i++) {
        struct world w;
        exact_world(&w, textbook[i].frames);
        uint32_t faults = machine.faults;
        refer(&w, textbook[i].refs);
        EXPECT_EQ(t, pool_faults(&w.pool), textbook[i].faults);
        EXPECT_EQ(t, machine.faults - faults, strlen(textbook[i].refs)); /* each was seen */
        expect_recorded(t, textbook[i].refs);
        test_check(t);
        exact_world_end(&w);
    }
}

TEST(exact_one_page_is_shown)
{
    struct world w;
    exact_world(&w, 8);
    refer(&w, "0a1b");
    /* a store to the page that a load has just shown cannot be seen */
    expect_recorded(t, "01");
    EXPECT_EQ(t, machine.faults, 2);
    refer(&w, "0000");
    EXPECT_EQ(t, machine.faults, 3);
    for (uint32_t i = 0; i < 2; i++) /* present, both; hidden, one */
        EXPECT(t, pmap_lookup(&w.space.pmap, page_va(i)).state == PTE_PRESENT);
    EXPECT(t, !pmap_lookup(&w.space.pmap, page_va(1)).writable);
    /* what lies outside the region is no business of exact mode */
    uint32_t before = recorder_count();
    word_store(&w.space, PAGES, 1);
    word_store(&w.space, PAGES + 1, 1);
    word_store(&w.space, PAGES, 1);
    EXPECT_EQ(t, recorder_count(), before);
    test_check(t);
    exact_world_end(&w);
}

/* Pages that are only read have frames of their own, so that they compete. */
TEST(exact_reads_get_frames)
{
    struct world w;
    exact_world(&w, 6);
    refer(&w, "01234567");
    EXPECT_EQ(t, w.pool.resident, 6);
    EXPECT_EQ(t, w.pool.evictions, 2);
    EXPECT_EQ(t, vmstat.pswpout, 0); /* but they are clean */
    exact_world_end(&w);
}

TEST(exact_contents_survive)
{
    struct world w;
    uint32_t rng = 5, expected[PAGES] = {0};
    exact_world(&w, 6);
    for (uint32_t i = 1; i < 2000; i++) {
        uint32_t page = random_below(&rng, PAGES);
        if (random_below(&rng, 3) == 0)
            word_store(&w.space, page, expected[page] = i);
        else
            EXPECT_EQ(t, word_load(&w.space, page), expected[page]);
    }
    EXPECT_EQ(t, pool_faults(&w.pool) + w.pool.touches, machine.faults);
    test_check(t);
    exact_world_end(&w);
}

/* Other paths change rights and mappings: what they leave is hidden, or the next reference would be missed.
 */
TEST(exact_stays_exact)
{
    struct world w;
    struct space child;
    exact_world(&w, 16);
    refer(&w, "abcd");
    EXPECT_EQ(t, space_protect(&w.space, page_va(0), 4 * PAGE_SIZE, VM_READ), VM_OK);
    refer(&w, "0123");
    EXPECT_EQ(t, space_protect(&w.space, page_va(0), 4 * PAGE_SIZE, VM_READ | VM_WRITE), VM_OK);
    refer(&w, "ab");
    EXPECT_EQ(t, space_init(&child, &w.pool, 2), VM_OK);
    EXPECT_EQ(t, space_fork(&child, &w.space), VM_OK);
    refer(&w, "0b");
    expect_recorded(t, "abcd0123ab0b");
    word_load(&child, 2);
    word_store(&child, 3, 7);
    EXPECT_EQ(t, recorder_count(), 14);
    EXPECT_EQ(t, recorder_at(13) >> RECORD_MEMBER_SHIFT, 1 + (recorder_at(0) >> RECORD_MEMBER_SHIFT));
    test_check(t);
    space_destroy(&child);
    EXPECT_EQ(t, space_unmap(&w.space, page_va(0), 2 * PAGE_SIZE), VM_OK);
    refer(&w, "23");
    EXPECT_EQ(t, recorder_count(), 16);
    test_check(t);
    exact_world_end(&w);
}

TEST(exact_ends)
{
    struct world w;
    exact_world(&w, 16);
    refer(&w, "abc");
    EXPECT_EQ(t, exact_disable(&w.space, page_va(0), page_va(PAGES)), VM_OK);
    uint32_t faults = machine.faults;
    refer(&w, "abcabc012");
    EXPECT_EQ(t, machine.faults, faults);
    EXPECT_EQ(t, exact_enable(&w.space, page_va(0), page_va(PAGES + 5)), VM_NO_REGION); /* the hole behind */
    refer(&w, "a");
    EXPECT_EQ(t, machine.faults, faults + 1);
    w.pool.order = 1;
    EXPECT_EQ(t, exact_enable(&w.space, page_va(0), page_va(1)), VM_INVALID);
    w.pool.order = 0;
    exact_world_end(&w);
}

/* The kernel's own accesses on behalf of the program are references like others. */
TEST(exact_copies_are_references)
{
    struct world w;
    char text[2 * PAGE_SIZE] = "x";
    exact_world(&w, 8);
    EXPECT_EQ(t, space_copy_out(&w.space, page_va(3), text, sizeof text), VM_OK);
    EXPECT_EQ(t, space_copy_in(&w.space, text, page_va(3), 1), VM_OK);
    expect_recorded(t, "de3");
    exact_world_end(&w);
}
