/* SPDX-License-Identifier: MIT
 * Tests of the replacement policies in the real pool on the real fault path: the textbooks' fault counts,
 * and what the contract in mm/policy.h demands of every policy. */
#include "lib/random.h"
#include "lib/string.h"
#include "mm/stats.h"
#include "tests/host/pages.h"

/* Fault counts with frames empty at the start, first touches included; CLOCK finds the accessed bit set
 * by the access that loaded the page. */
static const char silberschatz[] = "70120304230321201701", silberschatz_98[] = "12342156212376321236";
static const char belady[] = "123412512345", silberschatz_last[] = "72312534677105462301";
static const char tanenbaum[] = "0172327103", stallings[] = "232152453252", ostep[] = "01201303121";
static const char ucore[] = "abcdcadbebabcdea";

static const struct {
    const char *refs;
    uint32_t frames, fifo, clock, lru;
} textbook[] = {
    {silberschatz, 3, 15, 14, 12},
    {silberschatz, 4, 10, 9, 8},
    {belady, 3, 9, 9, 10},
    {belady, 4, 10, 10, 8}, /* more frames, more faults */
    {silberschatz_98, 1, 20, 20, 20},
    {silberschatz_98, 2, 18, 18, 18},
    {silberschatz_98, 3, 16, 16, 15},
    {silberschatz_98, 4, 14, 14, 10},
    {silberschatz_98, 5, 10, 9, 8},
    {silberschatz_98, 6, 10, 8, 7},
    {silberschatz_98, 7, 7, 7, 7},
    {silberschatz_last, 3, 17, 18, 18},
    {tanenbaum, 4, 6, 6, 7},
    {stallings, 3, 9, 8, 7},
    {ostep, 3, 7, 7, 5},
    {ucore, 4, 11, 9, 9},
};

enum { ALPHABET = 128 }; /* page c is the one named by character c */

/* Reads are of a file, as anonymous pages that are only read take no frame. */
static _Alignas(PAGE_SIZE) uint8_t file[ALPHABET * PAGE_SIZE];

static uint32_t faults_of(const char *policy, const char *refs, uint32_t frames, bool write)
{
    struct world w;
    world_init(&w, policy, frames, write ? ALPHABET : 0);
    if (!write)
        file_map(&w.space, 0, file, sizeof file, VM_READ);
    uint32_t before = machine.faults;
    for (const char *c = refs; *c != '\0'; c++) {
        if (w.pool.exact && page_present(&w.space, (uint32_t)*c))
            pool_touch(page_frame(&w.space, (uint32_t)*c));
        if (write)
            word_store(&w.space, (uint32_t)*c, (uint32_t)*c);
        else
            word_load(&w.space, (uint32_t)*c);
    }
    uint32_t faults = machine.faults - before;
    world_destroy(&w);
    return faults;
}

enum column { FIFO, CLOCK, LRU };

static void textbook_counts(struct ktest_run *t, const char *policy, enum column column)
{
    for (size_t i = 0; i < ARRAY_SIZE(textbook); i++) {
        const uint32_t counts[] = {textbook[i].fifo, textbook[i].clock, textbook[i].lru};
        uint32_t want = counts[column];
        for (int write = 0; write <= 1; write++) {
            uint32_t got = faults_of(policy, textbook[i].refs, textbook[i].frames, write);
            if (got != want) {
                t->failures++;
                print(t->out, "# %s, %s, %u frames: %u faults, textbooks say %u\n", policy, textbook[i].refs,
                      textbook[i].frames, got, want);
            }
        }
    }
}

TEST(policy_fifo_textbook_counts)
{
    textbook_counts(t, "fifo", FIFO);
}

TEST(policy_clock_textbook_counts)
{
    textbook_counts(t, "clock", CLOCK);
}

TEST(policy_second_chance_textbook_counts)
{
    textbook_counts(t, "second-chance", CLOCK);
}

TEST(policy_lru_textbook_counts)
{
    textbook_counts(t, "lru", LRU);
}

TEST(policy_fifo_order)
{
    struct world w;
    world_init(&w, "fifo", 6, 20);
    for (uint32_t i = 0; i < 6; i++)
        page_touch(&w.space, i);
    for (uint32_t i = 6; i < 20; i++) {
        page_touch(&w.space, i - 1); /* use does not help */
        page_touch(&w.space, i - 6);
        page_touch(&w.space, i);
        EXPECT(t, !page_present(&w.space, i - 6) && page_present(&w.space, i - 5));
    }
    world_destroy(&w);
}

/* A page that is used between any two faults stays for ever; each of the others goes in turn. */
TEST(policy_clock_keeps_what_is_used)
{
    struct world w;
    world_init(&w, "clock", 6, 100);
    for (uint32_t i = 1; i < 100; i++) {
        page_touch(&w.space, 0);
        page_touch(&w.space, i);
    }
    EXPECT(t, page_present(&w.space, 0));
    EXPECT(t, machine.faults <= 101);
    EXPECT(t, vmstat.pgscan > 0);
    world_destroy(&w);
}

TEST(policy_clock_clears_bits_and_passes_over)
{
    struct world w;
    world_init(&w, "clock", 6, 20);
    for (uint32_t i = 0; i < 6; i++)
        page_touch(&w.space, i);
    /* all accessed: one round clears them all, and the oldest goes */
    page_touch(&w.space, 6);
    EXPECT_EQ(t, vmstat.pgscan, 7);
    EXPECT(t, !page_present(&w.space, 0));
    for (uint32_t i = 1; i < 6; i++)
        EXPECT(t, !pmap_lookup(&w.space.pmap, page_va(i)).accessed);
    EXPECT(t, pmap_lookup(&w.space.pmap, page_va(6)).accessed);
    page_touch(&w.space, 1); /* a second chance for 1, not for 2 */
    page_touch(&w.space, 7);
    EXPECT(t, page_present(&w.space, 1) && !page_present(&w.space, 2));
    EXPECT_EQ(t, vmstat.pgscan, 9);
    test_check(t);
    world_destroy(&w);
}

/* What is resident after each of many accesses, in one number. */
static uint32_t history_of(const char *policy, uint32_t seed)
{
    enum { PAGES = 40 };
    struct pool pool;
    struct space s;
    uint32_t h = 0, rng = 3;
    if (pool_init_any(&pool, "test", policy, 8, seed) != VM_OK || space_init(&s, &pool, 1) != VM_OK)
        return 0;
    file_map(&s, 0, file, PAGES * PAGE_SIZE, VM_READ);
    for (int i = 0; i < 300; i++) {
        word_load(&s, random_below(&rng, PAGES));
        for (uint32_t j = 0; j < PAGES; j++)
            h = h * 31 + page_present(&s, j);
    }
    space_destroy(&s);
    pool_destroy(&pool);
    return h;
}

TEST(policy_same_seed_same_victims)
{
    for (uint32_t i = 0; i < policy_count; i++) {
        const char *name = policy_table[i]->name;
        EXPECT_EQ(t, history_of(name, 1), history_of(name, 1));
        EXPECT(t, history_of(name, 0) != 0); /* a seed that xorshift could not use */
    }
    EXPECT(t, history_of("random", 1) != history_of("random", 2));
    EXPECT(t, history_of("random", 2) != history_of("random", 3));
    EXPECT_EQ(t, history_of("fifo", 1), history_of("fifo", 2));
}

TEST(policy_random_is_uniform)
{
    enum { FRAMES = 8, DRAWS = 8000 };
    struct world w;
    uint32_t drawn[FRAMES] = {0};
    world_init(&w, "random", FRAMES, FRAMES);
    for (uint32_t i = 0; i < FRAMES; i++)
        page_touch(&w.space, i);
    for (int i = 0; i < DRAWS; i++) {
        struct frame *f = w.pool.policy->pick_victim(w.pool.state);
        drawn[(f->va - TEST_VA) / PAGE_SIZE]++;
    }
    for (uint32_t i = 0; i < FRAMES; i++)
        EXPECT(t, drawn[i] > 850 && drawn[i] < 1150);
    world_destroy(&w);
}

/* The contract, for every policy: it holds exactly what was inserted and not removed, picks only that, and
 * picks again after removed + inserted. */
TEST(policy_contract)
{
    enum { LIMIT = 16, PAGES = 40, OPS = 3000 };
    for (uint32_t k = 0; k < policy_count; k++) {
        const struct policy *p = policy_table[k];
        struct world w;
        uint32_t rng = k + 1;
        world_init(&w, p->name, LIMIT, PAGES);
        EXPECT(t, p->pick_victim(w.pool.state) == NULL);
        for (int op = 0; op < OPS; op++) {
            uint32_t i = random_below(&rng, PAGES);
            switch (random_below(&rng, 8)) {
            case 0:
                EXPECT_EQ(t, space_unmap(&w.space, page_va(i), PAGE_SIZE), VM_OK);
                pages_map(&w.space, i, 1, VM_READ | VM_WRITE);
                break;
            case 1:
                if (w.pool.resident > 0)
                    EXPECT_EQ(t, pool_evict(&w.pool, SWAP_NORMAL), VM_OK);
                break;
            case 2:
                if (w.pool.resident > 0) {
                    struct frame *f = p->pick_victim(w.pool.state);
                    EXPECT(t, f != NULL && f->pool == &w.pool);
                    pool_remove(f, false);
                    pool_insert(f);
                }
                break;
            default:
                if (w.pool.exact && page_present(&w.space, i))
                    pool_touch(page_frame(&w.space, i));
                word_store(&w.space, i, i);
            }
            EXPECT_EQ(t, p->check(w.pool.state, t->out), w.pool.resident);
            REQUIRE(t, pools_check(t->out));
        }
        struct text_printer said;
        text_start(&said);
        if (p->dump != NULL)
            p->dump(w.pool.state, &said.to);
        uint32_t lines = 0;
        for (const char *c = said.text; *c != '\0'; c++)
            lines += *c == '\n';
        EXPECT_EQ(t, lines, w.pool.resident);
        test_check(t);
        world_destroy(&w);
    }
}

TEST(policy_names_and_lookup)
{
    struct text_printer said;
    text_start(&said);
    policy_names(&said.to);
    for (uint32_t i = 0; i < policy_count; i++) {
        EXPECT(t, policy_find(policy_table[i]->name) == policy_table[i]);
        EXPECT_HAS(t, &said, policy_table[i]->name);
        EXPECT(t, strlen(policy_table[i]->summary) > 10);
    }
    EXPECT(t, policy_find("lru-of-atlantis") == NULL);
    EXPECT(t, policy_find("") == NULL);
}

TEST(policy_check_notices_a_broken_queue)
{
    struct world w;
    struct text_printer said;
    for (uint32_t k = 0; k < policy_count; k++) {
        world_init(&w, policy_table[k]->name, 8, 8);
        for (uint32_t i = 0; i < 8; i++)
            page_touch(&w.space, i);
        struct frame *f = frame_of(pmap_lookup(&w.space.pmap, page_va(3)).pfn);
        struct frame saved = *f;
        f->link.prev = &f->link;
        f->policy_word ^= 1;
        text_start(&said);
        EXPECT(t, !pools_check(&said.to));
        EXPECT_HAS(t, &said, policy_table[k]->name);
        *f = saved;
        w.pool.resident++;
        text_start(&said);
        EXPECT(t, !pools_check(&said.to));
        EXPECT_HAS(t, &said, "pool test: limit 8, 9 frames counted resident, 8 charged");
        w.pool.resident--;
        world_destroy(&w);
    }
}

TEST(pool_limits)
{
    struct pool pool;
    EXPECT_EQ(t, pool_init(&pool, "small", &policy_fifo, POOL_MIN_LIMIT - 1, 1), VM_INVALID);
    EXPECT(t, list_empty(&all_pools));
    EXPECT_EQ(t, pool_init(&pool, "huge", &policy_random, 64 << 20, 1), VM_NO_MEMORY);
    EXPECT(t, list_empty(&all_pools));
    struct world w;
    world_init(&w, "clock", 8, 20);
    for (uint32_t i = 0; i < 20; i++) {
        word_store(&w.space, i, i);
        EXPECT(t, w.pool.resident <= 8);
    }
    w.pool.limit = 6; /* a smaller limit takes effect with the next page */
    word_load(&w.space, 0);
    EXPECT_EQ(t, w.pool.resident, 6);
    EXPECT_PANIC(t, "destroyed with 6 frames", pool_destroy(&w.pool));
    world_destroy(&w);
}
