/* SPDX-License-Identifier: MIT
 * Tests of what each policy decides: short reference strings whose victims were found by hand from the
 * papers' rules, random ones against plain models, and what all policies must stand. */
#include "lib/random.h"
#include "lib/string.h"
#include "mm/stats.h"
#include "tests/host/pages.h"

enum { ALPHABET = 128 }; /* page c is the one named by character c, a small letter or a digit */

/* A world whose policy is told that it has exactly `frames`. */
static void small_world(struct world *w, const char *policy, uint32_t frames, uint32_t pages)
{
    world_init(w, policy, frames, pages);
    if (pool_set_policy(&w->pool, policy_find(policy), 1) != VM_OK)
        panic("test: no %s", policy);
}

/* One reference. In exact mode the policy is told. */
static void refer(struct world *w, uint32_t page, bool write, bool exact)
{
    if (exact && page_present(&w->space, page))
        pool_touch(page_frame(&w->space, page));
    if (write)
        word_store(&w->space, page, 1);
    else
        page_touch(&w->space, page);
}

/* Small letters and digits read, capital letters write the page of the small one. => the pages that went, in
 * order, in `victims`. */
static void run(const char *policy, bool exact, uint32_t frames, const char *refs, char *victims)
{
    struct world w;
    bool here[ALPHABET] = {false};
    small_world(&w, policy, frames, ALPHABET);
    for (const char *c = refs; *c != '\0'; c++) {
        bool write = *c >= 'A' && *c <= 'Z';
        refer(&w, (uint32_t)*c + (write ? 'a' - 'A' : 0), write, exact);
        for (uint32_t i = 0; i < ALPHABET; i++) {
            if (here[i] && !page_present(&w.space, i))
                *victims++ = (char)i;
            here[i] = page_present(&w.space, i);
        }
    }
    *victims = '\0';
    world_destroy(&w);
}

static const struct {
    const char *policy;
    bool exact;
    uint32_t frames;
    const char *refs, *victims;
} by_hand[] = {
    {"fifo", false, 3, "abcdbef", "abc"},
    {"second-chance", false, 3, "abcdbef", "acb"}, /* b is spared once */
    /* b is used before two choices, and that lasts for one more */
    {"clock", false, 3, "abcdbebfg", "acdb"},
    {"gclock", false, 3, "abcdbebfg", "acde"},
    /* all bits are cleared at the 2nd, 4th, 6th ... page. c is not accessed, clean; then B not accessed,
     * dirty, before a and e, accessed, clean */
    {"nru", false, 4, "aBcDaefghi", "cbaef"},
    /* what is used last goes */
    {"mru", true, 3, "abcdaef", "cae"},
    {"mru", true, 3, "abcdabcdabcd", "cba"},
    {"mru", false, 3, "abcdaef", "cde"}, /* a was used in the same interval as d came in */
    /* d was used last but two, e not since it came in; clock looks at c last, and c's bit is set again */
    {"lru", true, 4, "abcdedfcg", "abe"},
    {"lru-sampled", false, 4, "abcdedfcg", "abd"},
    {"clock", false, 4, "abcdedfcg", "abc"},
    /* b and d are used in one interval; b's longer history counts, not the order */
    {"lru", true, 3, "abcdbebdfg", "aceb"},
    {"aging", false, 3, "abcdbebdfg", "aced"},
    /* both idle for more than eight intervals: c came before k, and that it was used later is forgotten */
    {"lru", true, 15, "abcdefghijklmnopcqrstuvwxy", "abdefghijk"},
    {"aging", false, 15, "abcdefghijklmnopcqrstuvwxy", "abdefghijc"},
    /* b was used twice, long ago: aging forgets it, NFU never */
    {"aging", false, 3, "abcdbebfghijkl", "acdebfghi"},
    {"nfu", false, 3, "abcdbebfghijkl", "acdefghij"},
    {"lfu", true, 3, "aabbcdeefg", "cdaf"},
    {"lru", true, 3, "aabbcdeefg", "abcd"},
    {"lfu", false, 3, "abcdbebfgh", "acdef"},
    /* Kin 1, Kout 2: d is pushed out of A1out by f, although e leaves it then */
    {"twoq", true, 4, "abcdeafbagehdi", "abcdefbgh"},
    {"twoq", false, 4, "abcdeafbageh", "abcdefa"}, /* a was used, but so was all of Am */
    {"twoq", true, 2, "abcacde", "abac"},
    {"twoq", true, 1, "abab", "aba"},
};

TEST(policies_by_hand)
{
    for (size_t i = 0; i < ARRAY_SIZE(by_hand); i++) {
        char got[ALPHABET];
        run(by_hand[i].policy, by_hand[i].exact, by_hand[i].frames, by_hand[i].refs, got);
        if (strcmp(got, by_hand[i].victims) != 0) {
            t->failures++;
            print(t->out, "# %s%s, %u frames, %s: victims are %s, should be %s\n", by_hand[i].policy,
                  by_hand[i].exact ? ", exact" : "", by_hand[i].frames, by_hand[i].refs, got,
                  by_hand[i].victims);
        }
    }
}

/* ---- against models that look at every page ---- */

enum { PAGES = 60, REFERENCES = 4000 };

struct model_page {
    bool here, used;         /* used: the accessed bit */
    bool sampled;            /* at least once */
    uint32_t came, last;     /* numbers of references */
    uint32_t count, counted; /* references since it came; when that number was reached */
    uint32_t counter;        /* of aging */
};

struct model {
    struct model_page page[PAGES];
    uint32_t frames, here, now, insertions; /* insertions since the last sampling */
};

typedef bool (*before_fn)(const struct model_page *, const struct model_page *);

static bool lru_before(const struct model_page *a, const struct model_page *b)
{
    return a->last < b->last;
}

static bool mru_before(const struct model_page *a, const struct model_page *b)
{
    return a->last > b->last;
}

static bool lfu_before(const struct model_page *a, const struct model_page *b)
{
    return a->count != b->count ? a->count < b->count : a->counted < b->counted;
}

static bool aging_before(const struct model_page *a, const struct model_page *b)
{
    uint32_t x = a->sampled ? a->counter : 0x80, y = b->sampled ? b->counter : 0x80;
    return x != y ? x < y : a->came < b->came;
}

static void model_sample(struct model *m)
{
    if (m->insertions < MAX(m->frames / 8, 1u))
        return;
    m->insertions = 0;
    for (uint32_t i = 0; i < PAGES; i++) {
        struct model_page *p = &m->page[i];
        p->counter = (p->sampled ? p->counter >> 1 : 0) | (p->used ? 0x80 : 0);
        p->sampled = true;
        p->used = false;
    }
}

static void model_refer(struct model *m, uint32_t i, before_fn before)
{
    struct model_page *p = &m->page[i], *victim = NULL;
    m->now++;
    if (!p->here && m->here == m->frames) {
        model_sample(m);
        for (uint32_t k = 0; k < PAGES; k++)
            if (m->page[k].here && (victim == NULL || before(&m->page[k], victim)))
                victim = &m->page[k];
        victim->here = false;
        m->here--;
    }
    if (!p->here) {
        *p = (struct model_page){.here = true, .came = m->now};
        m->here++;
        m->insertions++;
    }
    p->used = true;
    p->count++;
    p->last = p->counted = m->now;
}

/* Hot pages, loops and anything, in turns. */
static uint32_t next_page(uint32_t *rng, uint32_t n)
{
    switch (n / 200 % 3) {
    case 0:
        return random_below(rng, 1 + random_below(rng, PAGES));
    case 1:
        return n % (PAGES / 2);
    }
    return random_below(rng, PAGES);
}

static void against_model(struct ktest_run *t, const char *policy, bool exact, before_fn before)
{
    static const uint32_t sizes[] = {1, 2, 3, 9, 20, 45};
    for (size_t k = 0; k < ARRAY_SIZE(sizes); k++) {
        struct world w;
        struct model m = {.frames = sizes[k]};
        uint32_t rng = 7;
        small_world(&w, policy, sizes[k], PAGES);
        for (uint32_t n = 0; n < REFERENCES; n++) {
            uint32_t i = next_page(&rng, n);
            refer(&w, i, n % 5 == 0, exact);
            model_refer(&m, i, before);
            for (uint32_t j = 0; j < PAGES; j++)
                REQUIRE(t, page_present(&w.space, j) == m.page[j].here);
        }
        world_destroy(&w);
    }
}

TEST(policies_lru_is_its_model)
{
    against_model(t, "lru", true, lru_before);
}

TEST(policies_mru_is_its_model)
{
    against_model(t, "mru", true, mru_before);
}

TEST(policies_lfu_is_its_model)
{
    against_model(t, "lfu", true, lfu_before);
}

TEST(policies_aging_is_its_model)
{
    against_model(t, "aging", false, aging_before);
}

/* One moves the pages past a fixed point, the other moves the point past the pages. */
TEST(policies_second_chance_is_clock)
{
    struct world clock, second;
    uint32_t rng = 11;
    world_init(&clock, "clock", 12, PAGES);
    world_init(&second, "second-chance", 12, PAGES);
    for (uint32_t n = 0; n < REFERENCES; n++) {
        uint32_t i = next_page(&rng, n);
        if (n % 50 == 0) {
            EXPECT_EQ(t, space_unmap(&clock.space, page_va(i), PAGE_SIZE), VM_OK);
            EXPECT_EQ(t, space_unmap(&second.space, page_va(i), PAGE_SIZE), VM_OK);
            pages_map(&clock.space, i, 1, VM_READ | VM_WRITE);
            pages_map(&second.space, i, 1, VM_READ | VM_WRITE);
        }
        refer(&clock, i, false, false);
        refer(&second, i, false, false);
        for (uint32_t j = 0; j < PAGES; j++)
            REQUIRE(t, page_present(&clock.space, j) == page_present(&second.space, j));
    }
    world_destroy(&clock);
    world_destroy(&second);
}

/* The counter rises to 7 and no further: a page that was hot for long stays a while, and then goes. */
TEST(policies_gclock_counts_to_seven)
{
    enum { FRAMES = 8, HOT = 400, COLD = 40 };
    struct world w;
    uint32_t most = 0;
    world_init(&w, "gclock", FRAMES, 1 + HOT + COLD);
    for (uint32_t i = 1; i <= HOT; i++) {
        page_touch(&w.space, 0);
        page_touch(&w.space, i);
        if (page_present(&w.space, 0)) /* the first choice takes it: it is the oldest of equals */
            most = MAX(most, page_frame(&w.space, 0)->policy_word);
    }
    EXPECT_EQ(t, most, 7);
    for (uint32_t i = 1; i <= 2 * FRAMES / 3;
         i++) /* two rounds of the hand, at three looks for each victim */
        page_touch(&w.space, HOT + i);
    EXPECT(t, page_present(&w.space, 0));
    for (uint32_t i = 2 * FRAMES / 3 + 1; i <= COLD; i++)
        page_touch(&w.space, HOT + i);
    EXPECT(t, !page_present(&w.space, 0));
    world_destroy(&w);
}

/* Only who was evicted from A1in is a ghost, so that it gets into Am when it comes back. */
TEST(policies_twoq_ghosts_were_evicted)
{
    struct world w;
    world_init(&w, "twoq", 8, 9);
    for (uint32_t i = 0; i < 9; i++)
        page_touch(&w.space, i);
    uint8_t first_queue = page_frame(&w.space, 3)->policy_flag;
    pool_requeue(page_frame(&w.space, 3));
    EXPECT_EQ(t, page_frame(&w.space, 3)->policy_flag, first_queue);
    page_touch(&w.space, 0);
    EXPECT(t, page_frame(&w.space, 0)->policy_flag != first_queue);
    world_destroy(&w);
}

/* Who was sampled and never used is older than who came since, and both have zero. */
TEST(policies_nfu_sampled_zero_before_fresh)
{
    enum { FRAMES = 32 };
    struct world w;
    world_init(&w, "nfu", FRAMES, FRAMES + 3);
    for (uint32_t i = 0; i <= FRAMES; i++)
        page_touch(&w.space, i);           /* the last one makes room: all are sampled, their bits cleared */
    pool_requeue(page_frame(&w.space, 9)); /* these have zero again */
    pool_requeue(page_frame(&w.space, 7));
    pool_requeue(page_frame(&w.space, 8));
    page_touch(&w.space, FRAMES + 1); /* four have come: a sampling */
    page_touch(&w.space, FRAMES + 2);
    EXPECT(t, !page_present(&w.space, 9) && !page_present(&w.space, 7) && page_present(&w.space, 8));
    EXPECT(t, w.pool.policy->pick_victim(w.pool.state) == page_frame(&w.space, 8));
    world_destroy(&w);
}

/* Between two samplings as many pages come in as an eighth of the capacity, and only then bits are read. */
TEST(policies_sample_every_eighth)
{
    static const char *const sampled[] = {"aging", "nfu", "lfu", "lru-sampled", "mru"};
    enum { FRAMES = 64, PERIOD = FRAMES / 8, ROUNDS = 10 };
    for (size_t k = 0; k < ARRAY_SIZE(sampled); k++) {
        struct world w;
        world_init(&w, sampled[k], FRAMES, FRAMES + ROUNDS * PERIOD);
        for (uint32_t i = 0; i < FRAMES; i++)
            page_touch(&w.space, i);
        uint64_t before = vmstat.pgscan;
        for (uint32_t i = 0; i < ROUNDS * PERIOD; i++)
            page_touch(&w.space, FRAMES + i);
        EXPECT_EQ(t, vmstat.pgscan - before, ROUNDS * FRAMES);
        world_destroy(&w);
    }
}

/* A policy that is told of references does not read bits. */
TEST(policies_exact_reads_no_bits)
{
    static const char *const exact[] = {"lru", "mru", "lfu", "twoq"};
    for (size_t k = 0; k < ARRAY_SIZE(exact); k++) {
        struct world w;
        uint32_t rng = 5;
        world_init(&w, exact[k], 16, PAGES);
        refer(&w, 0, false, true);
        refer(&w, 0, false, true);
        for (uint32_t n = 0; n < REFERENCES; n++)
            refer(&w, next_page(&rng, n), false, true);
        EXPECT_EQ(t, vmstat.pgscan, 0);
        world_destroy(&w);
    }
}

/* A page that was chosen and could not go is not chosen again at once, although it was used last. */
TEST(policies_mru_chooses_another)
{
    struct world w;
    world_init(&w, "mru", 8, 8);
    for (uint32_t i = 0; i < 8; i++)
        page_touch(&w.space, i);
    for (uint32_t i = 8; i-- > 0;) {
        struct frame *f = w.pool.policy->pick_victim(w.pool.state);
        EXPECT(t, f == page_frame(&w.space, i));
        pool_requeue(f);
    }
    world_destroy(&w);
}

/* ---- what all must stand ---- */

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* Nobody can tell: a legal answer. Not of these, though: they know as long as there is another page. */
static bool knows(const char *policy)
{
    static const char *const those[] = {
        "fifo", "clock", "second-chance", "gclock", "lru", "lru-sampled",
        "mru",  "nru",   "aging",         "nfu",    "lfu", "twoq",
    };
    return is_one_of(policy, those, ARRAY_SIZE(those));
}

/* Whose runner-up may turn out to have been used since anybody looked. */
static bool guesses(const char *policy)
{
    static const char *const those[] = {"gip"};
    return is_one_of(policy, those, ARRAY_SIZE(those));
}

/* The runner-up is who goes if the victim does not exist; and asking changes nothing. */
static void explain_once(struct ktest_run *t, struct world *w)
{
    const struct policy *p = w->pool.policy;
    struct text_printer before, after, why;
    struct frame *victim = p->pick_victim(w->pool.state);
    text_start(&before);
    text_start(&after);
    text_start(&why);
    p->dump(w->pool.state, &before.to);
    struct frame *second = p->explain(w->pool.state, victim, &why.to);
    p->dump(w->pool.state, &after.to);
    EXPECT(t, strcmp(before.text, after.text) == 0);
    EXPECT(t, strlen(why.text) > 5 && !text_has(&why, "\n"));
    if (guesses(p->name) || (second == NULL && !knows(p->name)))
        return;
    pool_remove(victim, false);
    struct frame *next = p->pick_victim(w->pool.state);
    if (next != second) {
        t->failures++;
        print(t->out, "# %s says \"%s\", runner-up %#x, but %#x went:\n%s", p->name, why.text,
              second != NULL ? frame_pfn(second).n : 0, next != NULL ? frame_pfn(next).n : 0, before.text);
    }
    pool_reinsert(victim);
}

static void explain_all(struct ktest_run *t, const struct policy *p, uint32_t frames, bool exact)
{
    struct world w;
    uint32_t rng = frames + exact;
    int failures = t->failures;
    small_world(&w, p->name, frames, PAGES);
    for (uint32_t n = 0; n < REFERENCES / 2 && t->failures == failures; n++) {
        refer(&w, next_page(&rng, n), random_below(&rng, 3) == 0, exact);
        if (w.pool.queued > 0 && random_below(&rng, 3) == 0)
            explain_once(t, &w);
        EXPECT_EQ(t, p->check(w.pool.state, t->out), w.pool.queued);
    }
    world_destroy(&w);
}

TEST(policies_explain_names_the_runner_up)
{
    for (uint32_t i = 0; i < policy_count; i++) {
        const struct policy *p = policy_table[i];
        for (uint32_t frames = 1; frames <= 27 && p->explain != NULL; frames = frames * 2 + 1) {
            if (!(p->needs & POLICY_NEEDS_TOUCHES))
                explain_all(t, p, frames, false);
            if (p->touched != NULL)
                explain_all(t, p, frames, true);
        }
    }
}

/* Pages are taken aside at any time, several at once, chosen ones and others, and come back in any order;
 * some are unmapped meanwhile, and new ones come. */
static void any_order(struct ktest_run *t, const struct policy *p, uint32_t frames, bool exact)
{
    struct world w;
    uint32_t rng = frames;
    small_world(&w, p->name, frames, PAGES);
    for (uint32_t n = 0; n < REFERENCES / 2; n++) {
        uint32_t i = random_below(&rng, PAGES);
        struct frame *f = page_frame(&w.space, i);
        switch (random_below(&rng, 6)) {
        case 0:
            if (f != NULL && !(f->flags & FRAME_QUEUED))
                pool_reinsert(f);
            break;
        case 1:
            if (f != NULL && (f->flags & FRAME_QUEUED) && w.pool.queued > 1)
                pool_remove(f, false);
            break;
        case 2:
            if (w.pool.queued > 1)
                pool_remove(p->pick_victim(w.pool.state), false);
            break;
        case 3:
            if (f != NULL && (f->flags & FRAME_QUEUED) && random_below(&rng, 2) == 0)
                pool_requeue(f);
            else if (random_below(&rng, 2) == 0 && w.pool.queued > 1)
                EXPECT_EQ(t, space_unmap(&w.space, page_va(i), PAGE_SIZE), VM_OK);
            if (region_find(&w.space.regions, page_va(i)) == NULL)
                pages_map(&w.space, i, 1, VM_READ | VM_WRITE);
            break;
        default:
            refer(&w, i, random_below(&rng, 2) == 0, exact);
        }
        f = p->pick_victim(w.pool.state);
        REQUIRE(t, (f == NULL) == (w.pool.queued == 0));
        REQUIRE(t, f == NULL || (f->pool == &w.pool && (f->flags & FRAME_QUEUED)));
        REQUIRE(t, p->check(w.pool.state, t->out) == w.pool.queued);
    }
    for (uint32_t i = 0; i < PAGES; i++) { /* so that what is left counts as whole */
        struct frame *f = page_frame(&w.space, i);
        if (f != NULL && !(f->flags & FRAME_QUEUED))
            pool_reinsert(f);
    }
    test_check(t);
    world_destroy(&w);
}

TEST(policies_stand_any_order)
{
    for (uint32_t i = 0; i < policy_count; i++) {
        const struct policy *p = policy_table[i];
        for (uint32_t frames = 1; frames <= 10; frames = frames * 2 + frames % 2) {
            if (!(p->needs & POLICY_NEEDS_TOUCHES))
                any_order(t, p, frames, false);
            if (p->touched != NULL)
                any_order(t, p, frames, true);
        }
    }
}

/* For a while a pool may hold more pages than it said: after its limit was lowered, or because it was told a
 * limit and got another. */
TEST(policies_stand_more_than_they_were_told)
{
    for (uint32_t k = 0; k < policy_count; k++) {
        const struct policy *p = policy_table[k];
        struct world w;
        uint32_t rng = k + 1;
        small_world(&w, p->name, 4, PAGES);
        w.pool.limit = 30;
        for (uint32_t n = 0; n < REFERENCES / 4; n++) {
            refer(&w, next_page(&rng, n), n % 2 == 0, p->touched != NULL && n > REFERENCES / 8);
            REQUIRE(t, p->check(w.pool.state, t->out) == w.pool.queued);
        }
        w.pool.limit = 6;
        for (uint32_t n = 0; n < REFERENCES / 4; n++)
            refer(&w, next_page(&rng, n), n % 2 == 0, p->touched != NULL);
        EXPECT_EQ(t, w.pool.resident, 6);
        test_check(t);
        world_destroy(&w);
    }
}
