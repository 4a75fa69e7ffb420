/* SPDX-License-Identifier: MIT
 * Tests of the book of a contiguous arena, and of the arena itself: what is placed where, what compaction
 * moves, and that programs see none of it. */
#include "lib/random.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/compact.h"
#include "mm/contig.h"
#include "mm/stats.h"
#include "tests/host/pages.h"

enum { UNITS = 64, UNIT = 1024 };

static struct partition *place(struct ktest_run *t, struct partition_book *b, const char *name,
                               uint32_t units)
{
    struct partition *p = NULL;
    bool compactable;
    EXPECT_EQ(t, partition_alloc(b, name, units * UNIT, false, &p, &compactable), VM_OK);
    EXPECT(t, partition_check(b, t->out));
    return p;
}

/* Does all the moves there are. => how many */
static uint32_t compact(struct ktest_run *t, struct partition_book *b)
{
    struct partition_move m;
    uint32_t moves = 0;
    while (partition_next_move(b, &m)) {
        EXPECT(t, m.to < m.from);
        EXPECT_EQ(t, partition_unit(b, m.p, m.index), m.from);
        partition_moved(b);
        EXPECT_EQ(t, partition_unit(b, m.p, m.index), m.to);
        moves++;
    }
    EXPECT(t, partition_check(b, t->out));
    return moves;
}

TEST(partition_errors)
{
    struct partition_book b;
    struct partition *p;
    bool compactable;
    EXPECT_EQ(t, partition_open(&b, 0, UNIT, &fit_best), VM_INVALID);
    EXPECT_EQ(t, partition_open(&b, UNITS, UNIT, &fit_best), VM_OK);
    EXPECT_EQ(t, partition_alloc(&b, "a", 0, false, &p, &compactable), VM_INVALID);
    EXPECT_EQ(t, partition_alloc(&b, "a", UNITS * UNIT + 1, false, &p, &compactable), VM_INVALID);
    EXPECT_EQ(t, partition_alloc(&b, "a", UINT32_MAX, true, &p, &compactable), VM_INVALID);
    place(t, &b, "a", 60);
    EXPECT_EQ(t, partition_alloc(&b, "a", UNIT, false, &p, &compactable), VM_EXISTS);
    EXPECT_EQ(t, partition_alloc(&b, "b", 5 * UNIT, false, &p, &compactable), VM_NO_MEMORY);
    EXPECT(t, !compactable); /* too little is free */
    EXPECT(t, partition_find(&b, "b") == NULL && partition_find(&b, "a") != NULL);
    EXPECT_EQ(t, b.failures, 1);
    EXPECT_EQ(t, b.fragmented, 0);
    partition_close(&b);
}

TEST(partition_rounding_is_internal_fragmentation)
{
    struct partition_book b;
    struct partition *p;
    bool compactable;
    EXPECT_EQ(t, partition_open(&b, UNITS, UNIT, &fit_first), VM_OK);
    EXPECT_EQ(t, partition_alloc(&b, "a", 5 * UNIT - 1, true, &p, &compactable), VM_OK);
    EXPECT_EQ(t, p->units, 8);
    struct partition_figures f = partition_figures(&b);
    EXPECT_EQ(t, f.used, 8);
    EXPECT_EQ(t, f.free, UNITS - 8);
    EXPECT_EQ(t, f.internal, (8 * UNIT - (5 * UNIT - 1)) * 1000 / (8 * UNIT));
    EXPECT_EQ(t, f.external, 0);
    partition_close(&b);
}

/* a b c d, of which a and c go: best fit fails for what the two holes have together. */
TEST(partition_compaction_makes_room)
{
    struct partition_book b;
    struct partition *p;
    bool compactable;
    EXPECT_EQ(t, partition_open(&b, UNITS, UNIT, &fit_best), VM_OK);
    place(t, &b, "a", 20);
    struct partition *second = place(t, &b, "b", 10);
    place(t, &b, "c", 20);
    struct partition *fourth = place(t, &b, "d", 10);
    partition_free(&b, partition_find(&b, "a"));
    partition_free(&b, partition_find(&b, "c"));
    EXPECT_EQ(t, partition_figures(&b).external, 1000 * 24 / 44);
    EXPECT_EQ(t, partition_alloc(&b, "e", 30 * UNIT, false, &p, &compactable), VM_NO_MEMORY);
    EXPECT(t, compactable);
    EXPECT_EQ(t, b.fragmented, 1);
    EXPECT_EQ(t, compact(t, &b), 20); /* b by 20, d by 40: each unit once */
    EXPECT_EQ(t, second->at, 0);
    EXPECT_EQ(t, fourth->at, 10);
    EXPECT_EQ(t, partition_figures(&b).holes, 1);
    place(t, &b, "e", 30);
    partition_close(&b);
}

/* Anything may happen between two steps: what moves may go, and others may come, but never into its way. */
TEST(partition_changes_in_the_middle_of_a_move)
{
    struct partition_book b;
    struct partition_move m;
    EXPECT_EQ(t, partition_open(&b, UNITS, UNIT, &fit_first), VM_OK);
    struct partition *low = place(t, &b, "a", 8), *mover = place(t, &b, "b", 16);
    partition_free(&b, low);
    for (int i = 0; i < 5; i++) {
        REQUIRE(t, partition_next_move(&b, &m));
        partition_moved(&b);
    }
    EXPECT(t, partition_check(&b, t->out));
    EXPECT_EQ(t, partition_unit(&b, mover, 4), 4);
    EXPECT_EQ(t, partition_unit(&b, mover, 5), 13);
    EXPECT(t, place(t, &b, "c", 8)->at >= 24);
    partition_free(&b, mover);
    EXPECT(t, partition_check(&b, t->out));
    EXPECT_EQ(t, partition_figures(&b).used, 8);
    EXPECT_EQ(t, compact(t, &b), 8);
    partition_close(&b);
}

/* A million operations against an array that says who has each unit. */
TEST(partition_million_operations_against_a_model)
{
    enum { SPACE = 512, HELD = 64, OPS = 1000000, CHECK_EVERY = 1000 };
    static uint8_t owner[SPACE]; /* 0: nobody; else 1 + index in held */
    struct partition *held[HELD] = {NULL};
    uint32_t rng = 3, failed = 0;
    struct partition_book b;
    EXPECT_EQ(t, partition_open(&b, SPACE, UNIT, &fit_best), VM_OK);
    for (uint32_t op = 0; op < OPS; op++) {
        uint32_t i = random_below(&rng, HELD), what = random_below(&rng, 4);
        struct partition_move m;
        bool compactable;
        if (op % 65536 == 0)
            vmem_set_fit(b.arena, fit_table[op / 65536 % fit_count]);
        if (what == 0) {
            if (!partition_next_move(&b, &m))
                continue;
            REQUIRE(t, owner[m.to] == 0 && owner[m.from] != 0 && held[owner[m.from] - 1] == m.p);
            owner[m.to] = owner[m.from];
            owner[m.from] = 0;
            partition_moved(&b);
        } else if (held[i] == NULL) {
            uint32_t bytes = 1 + random_below(&rng, 24 * UNIT);
            enum vm_result r =
                partition_alloc(&b, "", bytes, random_below(&rng, 4) == 0, &held[i], &compactable);
            failed += r != VM_OK;
            if (r != VM_OK)
                held[i] = NULL;
            for (uint32_t u = 0; r == VM_OK && u < held[i]->units; u++) {
                REQUIRE(t, owner[held[i]->at + u] == 0);
                owner[held[i]->at + u] = (uint8_t)(i + 1);
            }
        } else if (what == 1) {
            for (uint32_t u = 0; u < held[i]->units; u++) {
                REQUIRE(t, owner[partition_unit(&b, held[i], u)] == i + 1);
                owner[partition_unit(&b, held[i], u)] = 0;
            }
            partition_free(&b, held[i]);
            held[i] = NULL;
        }
        if (op % CHECK_EVERY == 0)
            REQUIRE(t, partition_check(&b, t->out));
    }
    EXPECT(t, failed > OPS / 1000 && b.moves > OPS / 10);
    partition_close(&b);
}

/* ---- the arena ---- */

enum { ARENA = 96, RW = VM_READ | VM_WRITE };

static uint32_t word_of(uint32_t page, uint32_t round)
{
    return page * 1000 + round;
}

/* A partition that two processes map, whose words change between the steps. */
TEST(contig_moves_frames_under_those_who_map_them)
{
    struct world w;
    struct space other;
    struct object *low, *o;
    bool compactable;
    world_init(&w, "clock", 16, 0);
    EXPECT_EQ(t, space_init(&other, &w.pool, 2), VM_OK);
    EXPECT_EQ(t, contig_open(ARENA, &fit_first), VM_OK);
    EXPECT_EQ(t, contig_open(ARENA, &fit_first), VM_EXISTS);
    EXPECT_EQ(t, contig_alloc("low", 10 * PAGE_SIZE, false, &low, &compactable), VM_OK);
    EXPECT_EQ(t, contig_alloc("high", 30 * PAGE_SIZE, false, &o, &compactable), VM_OK);
    EXPECT_EQ(t, pages_region(&w.space, 0, 30, RW, REGION_SHARED, o), VM_OK);
    EXPECT_EQ(t, pages_region(&other, 100, 30, RW, REGION_SHARED, o), VM_OK);
    for (uint32_t i = 0; i < 30; i++)
        word_store(&w.space, i, word_of(i, 0));
    object_unref(low);
    test_check(t);
    struct frame *before = page_frame(&w.space, 29);
    uint32_t faults = vmstat.pgfault, round = 0, moved;
    do {
        moved = contig_step(7);
        round++;
        test_check(t);
        for (uint32_t i = 0; i < 30; i++) {
            REQUIRE(t, word_load(i % 2 ? &w.space : &other, i % 2 ? i : 100 + i) == word_of(i, round - 1));
            word_store(i % 2 ? &other : &w.space, i % 2 ? 100 + i : i, word_of(i, round));
        }
    } while (moved == 7);
    EXPECT_EQ(t, vmstat.pgmigrate_success, 30);
    EXPECT(t, vmstat.pgfault - faults <= 30); /* the other's first touches */
    EXPECT(t, page_frame(&w.space, 29) == before - 10 && page_frame(&other, 129) == before - 10);
    EXPECT(t, page_frame(&w.space, 0) == contig_frame_at(0));
    object_unref(o);
    space_destroy(&other);
    EXPECT_EQ(t, contig_book.count, 1);
    world_destroy(&w); /* the last that maps it */
    EXPECT_EQ(t, contig_book.count, 0);
    test_check(t);
    contig_close();
}

TEST(contig_partition_is_neither_evicted_nor_moved_by_others)
{
    struct world w;
    struct object *o;
    bool compactable;
    world_init(&w, "clock", 16, 60);
    EXPECT_EQ(t, contig_open(ARENA, &fit_best), VM_OK);
    EXPECT_EQ(t, contig_alloc("a", 8 * PAGE_SIZE, true, &o, &compactable), VM_OK);
    EXPECT_EQ(t, pages_region(&w.space, 100, 8, RW, REGION_SHARED | REGION_LOCKED, o), VM_OK);
    object_unref(o);
    for (uint32_t i = 0; i < 8; i++)
        word_store(&w.space, 100 + i, i);
    for (uint32_t i = 0; i < 60; i++)
        word_store(&w.space, i, i); /* the pool is full many times over */
    uint32_t evictions = w.pool.evictions;
    for (uint32_t i = 0; i < 8; i++)
        EXPECT_EQ(t, word_load(&w.space, 100 + i), i);
    EXPECT_EQ(t, w.pool.evictions, evictions);
    EXPECT_EQ(t, w.pool.wired, 0);
    EXPECT_EQ(t, compact_cost(frame_pfn(contig_frame_at(0)).n, 1), COMPACT_NEVER);
    test_check(t);
    world_destroy(&w);
    EXPECT_EQ(t, contig_book.count, 0);
    contig_close();
}

TEST(contig_open_moves_pages_out_of_the_way)
{
    struct world w;
    enum { PAGES = 400 };
    world_init(&w, "clock", PAGES, PAGES);
    for (uint32_t i = 0; i < PAGES; i++)
        word_store(&w.space, i, i);
    for (uint32_t i = 0; i < PAGES; i += 2)
        EXPECT_EQ(t, space_unmap(&w.space, page_va(i), PAGE_SIZE), VM_OK);
    EXPECT_EQ(t, contig_open(400, &fit_best), VM_NO_MEMORY);
    EXPECT_EQ(t, contig_open(128, &fit_best), VM_OK);
    EXPECT(t, vmstat.pgmigrate_success > 0);
    for (uint32_t i = 1; i < PAGES; i += 2)
        REQUIRE(t, word_load(&w.space, i) == i);
    test_check(t);
    contig_close();
    world_destroy(&w);
}
