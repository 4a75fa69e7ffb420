/* SPDX-License-Identifier: MIT
 * Tests of the strategies: each against a model that looks at every segment. */
#include "lib/fit.h"
#include "lib/random.h"
#include "lib/string.h"
#include "tests/host/fit_model.h"
#include "tests/host/test.h"

enum {
    CELLS = 48, /* at most one segment in each: neighbours may touch, but do not overlap */
    CELL = 64,
    ROUNDS = 20000,
    CHECK_EVERY = 100,
};

struct line {
    uintptr_t base;
    struct fit_set set;
    struct fit_segment segment[CELLS];
    bool used[CELLS];
    uint32_t stamp[CELLS], stamps;
    uint32_t rng;
};

/* A range in cell i. */
static void random_range(struct line *l, uint32_t i, uintptr_t *start, uintptr_t *size)
{
    uint32_t from = random_below(&l->rng, 2) ? 0 : random_below(&l->rng, CELL);
    *start = l->base + i * CELL + from;
    *size = random_below(&l->rng, 3) ? 1 + random_below(&l->rng, CELL - from) : CELL - from;
}

static uint32_t log2_of(uintptr_t size)
{
    uint32_t n = 0;
    while (size >>= 1)
        n++;
    return n;
}

/* A segment comes, goes, or becomes another in place. */
static void change(struct line *l, uint32_t i)
{
    struct fit_segment *s = &l->segment[i];
    uintptr_t start, size;
    random_range(l, i, &start, &size);
    if (!l->used[i]) {
        l->used[i] = true;
        s->start = start;
        s->size = size;
        fit_insert(&l->set, s);
        l->stamp[i] = ++l->stamps;
    } else if (random_below(&l->rng, 2)) {
        if (log2_of(s->size) != log2_of(size)) /* in its list it keeps its place */
            l->stamp[i] = ++l->stamps;
        fit_resize(&l->set, s, start, size);
    } else {
        l->used[i] = false;
        fit_remove(&l->set, s);
    }
}

static struct fit_want random_want(struct line *l)
{
    struct fit_want w = {1 + random_below(&l->rng, CELL), 1, 0, UINTPTR_MAX};
    if (random_below(&l->rng, 3) == 0)
        w.align = 1u << random_below(&l->rng, 8);
    if (random_below(&l->rng, 3) == 0)
        w.min = l->base + random_below(&l->rng, CELLS * CELL);
    if (random_below(&l->rng, 3) == 0)
        w.max = l->base + random_below(&l->rng, CELLS * CELL);
    return w;
}

static void expect_pick(struct ktest_run *t, struct line *l)
{
    struct fit_model model[CELLS];
    int cell[CELLS], count = 0;
    struct fit_want w = random_want(l);
    for (int i = 0; i < CELLS; i++) {
        if (!l->used[i])
            continue;
        cell[count] = i;
        model[count++] = (struct fit_model){l->segment[i].start, l->segment[i].size, l->stamp[i]};
    }
    uintptr_t at = 0, want_at = 0, rover = l->set.rover;
    const struct fit_segment *got = fit_pick(&l->set, &w, &at);
    int want = fit_model_pick(l->set.fit, model, count, &w, rover, FIT_NOWHERE, &want_at);
    EXPECT(t, got == (want == FIT_NOWHERE ? NULL : &l->segment[cell[want]]));
    if (got != NULL)
        EXPECT_EQ(t, at, want_at);
    if (got != NULL && l->set.fit == &fit_next)
        EXPECT_EQ(t, l->set.rover, at + w.size);
    if (t->failures > 0)
        print(t->out, "# %s: %zu of %zu, align %zu, from %#zx to %#zx\n", l->set.fit->name, (size_t)w.size,
              (size_t)fit_largest(&l->set), (size_t)w.align, (size_t)w.min, (size_t)w.max);
}

static void run_line(struct ktest_run *t, const struct fit *fit, uintptr_t base)
{
    static struct line l;
    memset(&l, 0, sizeof l);
    l.base = base;
    l.rng = 5;
    fit_init(&l.set, fit);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        change(&l, random_below(&l.rng, CELLS));
        expect_pick(t, &l);
        uintptr_t most = 0;
        for (uint32_t c = 0; c < CELLS; c++) {
            if (l.used[c])
                most = MAX(most, l.segment[c].size);
            if (i % CHECK_EVERY == 0 && l.used[c])
                EXPECT(t, fit_has(&l.set, &l.segment[c]));
        }
        EXPECT_EQ(t, fit_largest(&l.set), most);
        if (i % CHECK_EVERY == 0)
            EXPECT(t, fit_check(&l.set, t->out));
        if (t->failures > 0)
            return;
    }
}

TEST(fit_chooses_what_its_name_says)
{
    for (uint32_t i = 0; i < fit_count; i++) {
        run_line(t, fit_table[i], 0);
        run_line(t, fit_table[i], UINTPTR_MAX - CELLS * CELL); /* nothing wraps */
    }
}

/* The segments of a picture: "..##.###" has two, of 2 and 3. */
static uint32_t draw(struct fit_set *set, const struct fit *fit, struct fit_segment *s, const char *picture)
{
    uint32_t n = 0;
    fit_init(set, fit);
    for (const char *c = picture; *c != '\0';) {
        const char *end = c;
        while (*end == *c)
            end++;
        if (*c == '#') {
            s[n].start = (uintptr_t)(c - picture);
            s[n].size = (uintptr_t)(end - c);
            fit_insert(set, &s[n++]);
        }
        c = end;
    }
    return n;
}

TEST(fit_by_hand)
{
    /*                            01234567890123456789012345 */
    static const char picture[] = "####.##...######.##..####.";
    static const struct {
        const struct fit *fit;
        uintptr_t size, at;
    } cases[] = {
        {&fit_first, 1, 0},    {&fit_first, 2, 0},  {&fit_first, 5, 10}, {&fit_last, 1, 24},
        {&fit_last, 2, 23},    {&fit_last, 5, 11},  {&fit_best, 1, 5},   {&fit_best, 3, 0},
        {&fit_best, 5, 10},    {&fit_worst, 1, 10}, {&fit_worst, 6, 10}, {&fit_instant, 2, 17},
        {&fit_instant, 3, 21}, /* a power of two up: the newest of 4 to 7 */
    };
    struct fit_set set;
    struct fit_segment s[sizeof picture];
    uintptr_t at;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct fit_want want = {cases[i].size, 1, 0, UINTPTR_MAX}, too_large = {7, 1, 0, UINTPTR_MAX};
        EXPECT_EQ(t, draw(&set, cases[i].fit, s, picture), 5);
        EXPECT(t, fit_pick(&set, &want, &at) != NULL);
        EXPECT_EQ(t, at, cases[i].at);
        EXPECT(t, fit_pick(&set, &too_large, &at) == NULL);
    }
    static const uintptr_t next[] = {0, 2, 5, 10, 12, 14, 17, 21, 23, 0}; /* by twos, and round again */
    draw(&set, &fit_next, s, picture);
    for (size_t i = 0; i < ARRAY_SIZE(next); i++) {
        struct fit_want want = {2, 1, 0, UINTPTR_MAX};
        EXPECT(t, fit_pick(&set, &want, &at) != NULL);
        EXPECT_EQ(t, at, next[i]);
    }
}

static uint32_t depth_of(const struct fit_segment *s)
{
    uint32_t n = 0;
    for (; s != NULL; s = s->up)
        n++;
    return n;
}

/* Runs, strides and both ends: all that addresses do. A random tree of 2^16 is 40 deep or so. */
TEST(fit_trees_stay_flat)
{
    enum { COUNT = 1 << 16, DEEP = 60 };
    static const uintptr_t strides[] = {1, 2, 3, 8, 4096, 65536, 28657, 46368, 12345};
    static struct fit_segment s[COUNT];
    for (size_t j = 0; j < ARRAY_SIZE(strides); j++) {
        for (uint32_t order = FIT_BY_START; order <= FIT_LARGE_FIRST; order++) {
            struct fit_tree tree = {NULL, order};
            uint32_t deepest = 0;
            for (uint32_t i = 0; i < COUNT; i++) {
                s[i].start = (uint32_t)(i * strides[j]);
                s[i].size = 1;
                fit_tree_insert(&tree, &s[i]);
            }
            for (uint32_t i = 0; i < COUNT; i++)
                deepest = MAX(deepest, depth_of(&s[i]));
            EXPECT(t, deepest < DEEP);
        }
    }
}

TEST(fit_check_names_what_is_broken)
{
    struct fit_set set;
    struct fit_segment s[8];
    struct text_printer said;
    static const struct {
        const struct fit *fit;
        const char *says;
    } cases[] = {{&fit_first, "fit: first: 0x5 + 0x6 comes before 0xa + 0x6"},
                 {&fit_best, "comes before"},
                 {&fit_worst, "comes before"},
                 {&fit_instant, "does not belong where it is in list 1"}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        draw(&set, cases[i].fit, s, "####.##...######.##..####.");
        EXPECT(t, fit_check(&set, t->out));
        s[1].size += 4;
        if (cases[i].fit != &fit_instant)
            for (struct fit_segment *up = &s[1]; up != NULL; up = up->up) /* only the order is wrong */
                up->most = MAX(up->most, s[1].size);
        text_start(&said);
        EXPECT(t, !fit_check(&set, &said.to));
        EXPECT_HAS(t, &said, cases[i].says);
    }
    draw(&set, &fit_last, s, "##.##.##");
    set.tree.root->most++;
    text_start(&said);
    EXPECT(t, !fit_check(&set, &said.to));
    EXPECT_HAS(t, &said, "is the largest size below");
    set.tree.root->most--;
    set.count--;
    text_start(&said);
    EXPECT(t, !fit_check(&set, &said.to));
    EXPECT_HAS(t, &said, "2 segments are counted, the tree has more");
    set.count = 4;
    text_start(&said);
    EXPECT(t, !fit_check(&set, &said.to));
    EXPECT_HAS(t, &said, "4 segments are counted, the tree has fewer");
    draw(&set, &fit_instant, s, "##.##.##");
    set.lists = 0;
    text_start(&said);
    EXPECT(t, !fit_check(&set, &said.to));
    EXPECT_HAS(t, &said, "list 1 and its bit differ");
}

TEST(fit_names_and_rounding)
{
    struct text_printer said;
    text_start(&said);
    fit_names(&said.to);
    EXPECT(t, strcmp(said.text, "first last next best worst instant") == 0);
    for (uint32_t i = 0; i < fit_count; i++)
        EXPECT(t, fit_find(fit_table[i]->name) == fit_table[i]);
    EXPECT(t, fit_find("") == NULL && fit_find("firs") == NULL && fit_find("First") == NULL);
    EXPECT_EQ(t, fit_round(0), 1);
    EXPECT_EQ(t, fit_round(1), 1);
    EXPECT_EQ(t, fit_round(2), 2);
    EXPECT_EQ(t, fit_round(3), 4);
    EXPECT_EQ(t, fit_round(4096), 4096);
    EXPECT_EQ(t, fit_round(4097), 8192);
    uintptr_t top = UINTPTR_MAX / 2 + 1;
    EXPECT(t, fit_round(top - 1) == top);
    EXPECT(t, fit_round(top) == top);
    EXPECT(t, fit_round(top + 1) == 0);
}
