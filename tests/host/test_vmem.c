/* SPDX-License-Identifier: MIT
 * Tests of vmem arenas: random operations against an array of segments, imports, tags, errors. */
#include "lib/command.h"
#include "lib/panic.h"
#include "lib/random.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/slab.h"
#include "mm/vmem.h"
#include "mm/vmem_arena.h"
#include "tests/host/fit_model.h"
#include "tests/host/test.h"

static struct vmem *arena(const char *name, const struct fit *fit, uintptr_t quantum)
{
    struct vmem_config c = {.name = name, .fit = fit, .quantum = quantum};
    struct vmem *a = vmem_create(&c);
    if (a == NULL)
        panic("vmem test: no memory for arena %s", name);
    return a;
}

/* ---- random operations against a model ---- */

enum {
    LINE = 400, /* numbers in use: small, so that it is often full and the model is quick */
    OPERATIONS = 1000000,
    CHECK_EVERY = 1000,
    SWITCH_EVERY = 7000, /* of strategies */
    /* The second and the third span touch here, but do not merge: this one stays allocated, and apart, so
     * that the model needs not know */
    PINNED = 280,
};

struct model {
    struct vmem_segment s[LINE]; /* in order, spans left out: kind VMEM_SPAN is a gap between spans */
    int count;
    uint32_t rng;
    uintptr_t free;
    uint32_t takes, frees; /* so far */
};

static void model_put(struct model *m, int i, struct vmem_segment s)
{
    memmove(&m->s[i + 1], &m->s[i], (size_t)(m->count - i) * sizeof m->s[0]);
    m->s[i] = s;
    m->count++;
}

static void model_drop(struct model *m, int i)
{
    m->count--;
    memmove(&m->s[i], &m->s[i + 1], (size_t)(m->count - i) * sizeof m->s[0]);
}

/* Cuts segment i in two. => the upper one's index */
static int model_cut(struct model *m, int i, uintptr_t at)
{
    struct vmem_segment high = m->s[i];
    if (at == high.start)
        return i;
    if (at == high.start + high.size)
        return i + 1;
    m->s[i].size = at - high.start;
    high.size -= m->s[i].size;
    high.start = at;
    model_put(m, i + 1, high);
    return i + 1;
}

static int model_find(const struct model *m, uintptr_t at)
{
    for (int i = 0; i < m->count; i++)
        if (at - m->s[i].start < m->s[i].size)
            return i;
    return FIT_NOWHERE;
}

static void model_take(struct model *m, int i, uintptr_t at, uintptr_t size)
{
    i = model_cut(m, i, at);
    model_cut(m, i, at + size);
    m->s[i].kind = VMEM_USED;
    m->free -= size;
    m->takes++;
}

static void model_free(struct model *m, int i)
{
    m->free += m->s[i].size;
    m->frees++;
    m->s[i].kind = VMEM_FREE;
    if (i + 1 < m->count && m->s[i + 1].kind == VMEM_FREE) {
        m->s[i].size += m->s[i + 1].size;
        model_drop(m, i + 1);
    }
    if (i > 0 && m->s[i - 1].kind == VMEM_FREE) {
        m->s[i - 1].size += m->s[i].size;
        model_drop(m, i);
    }
}

/* A random allocated segment's index, FIT_NOWHERE if a few tries find none. */
static int model_used(struct model *m)
{
    for (int tries = 0; tries < 4; tries++) {
        int i = (int)random_below(&m->rng, (uint32_t)m->count);
        if (m->s[i].kind == VMEM_USED && m->s[i].start != PINNED)
            return i;
    }
    return FIT_NOWHERE;
}

static void try_alloc(struct ktest_run *t, struct model *m, struct vmem *a)
{
    struct fit_model holes[LINE];
    int index[LINE], count = 0, chosen = FIT_NOWHERE;
    struct fit_want w = {1 + random_below(&m->rng, 12), 1, 0, UINTPTR_MAX};
    bool plain = random_below(&m->rng, 2);
    if (!plain) {
        w.align = 1u << random_below(&m->rng, 5);
        w.min = random_below(&m->rng, 2) ? 0 : random_below(&m->rng, LINE);
        w.max = random_below(&m->rng, 2) ? UINTPTR_MAX : random_below(&m->rng, 2 * LINE);
    }
    uintptr_t got = 0, want = 0, rover = a->holes.rover, found = 0;
    bool look = random_below(&m->rng, 4) == 0; /* in two steps */
    enum vm_result looked = look ? vmem_find(a, &w, &found) : VM_OK;
    enum vm_result r;
    if (look)
        r = looked == VM_OK ? vmem_alloc_at(a, got = found, w.size) : looked;
    else
        r = plain ? vmem_alloc(a, w.size, &got) : vmem_alloc_want(a, &w, &got);
    for (int i = 0; i < m->count; i++) {
        if (m->s[i].kind != VMEM_FREE)
            continue;
        if (r == VM_OK && got - m->s[i].start < m->s[i].size)
            chosen = count;
        index[count] = i;
        holes[count++] = (struct fit_model){m->s[i].start, m->s[i].size, 0};
    }
    int at = fit_model_pick(vmem_fit(a), holes, count, &w, rover, chosen, &want);
    EXPECT_EQ(t, r, at == FIT_NOWHERE ? VM_NO_MEMORY : VM_OK);
    if (r != VM_OK || at == FIT_NOWHERE)
        return;
    EXPECT_EQ(t, got, want);
    model_take(m, index[at], want, w.size);
}

static void try_at(struct ktest_run *t, struct model *m, struct vmem *a)
{
    uintptr_t start = random_below(&m->rng, LINE), size = 1 + random_below(&m->rng, 9);
    int i = model_find(m, start);
    bool ok = i != FIT_NOWHERE && m->s[i].kind == VMEM_FREE && m->s[i].start + m->s[i].size >= start + size;
    EXPECT_EQ(t, vmem_alloc_at(a, start, size), ok ? VM_OK : VM_EXISTS);
    if (ok)
        model_take(m, i, start, size);
}

static void try_split_or_join(struct ktest_run *t, struct model *m, struct vmem *a)
{
    int i = model_used(m);
    if (i == FIT_NOWHERE)
        return;
    uintptr_t start = m->s[i].start;
    if (m->s[i].size > 1) {
        uintptr_t at = start + 1 + random_below(&m->rng, (uint32_t)m->s[i].size - 1);
        EXPECT_EQ(t, vmem_split(a, start, at), VM_OK);
        model_cut(m, i, at);
        EXPECT_EQ(t, vmem_size(a, at), m->s[i + 1].size);
    } else if (i + 1 < m->count && m->s[i + 1].kind == VMEM_USED && m->s[i + 1].start != PINNED) {
        vmem_join(a, start);
        EXPECT_EQ(t, vmem_size(a, m->s[i + 1].start), 0);
        m->s[i].size += m->s[i + 1].size;
        model_drop(m, i + 1);
    }
    EXPECT_EQ(t, vmem_size(a, start), m->s[i].size);
}

static void operate(struct ktest_run *t, struct model *m, struct vmem *a)
{
    int i;
    switch (random_below(&m->rng, 8)) {
    case 0 ... 3:
        try_alloc(t, m, a);
        break;
    case 4 ... 5:
        if ((i = model_used(m)) != FIT_NOWHERE) {
            vmem_free(a, m->s[i].start, m->s[i].size);
            model_free(m, i);
        }
        break;
    case 6:
        try_at(t, m, a);
        break;
    default:
        try_split_or_join(t, m, a);
    }
}

/* The arena's segments one by one. */
struct comparison {
    const struct model *m;
    int at;
};

static bool same_segment(const struct vmem_segment *s, void *arg)
{
    struct comparison *c = arg;
    if (s->kind == VMEM_SPAN)
        return true;
    while (c->at < c->m->count && c->m->s[c->at].kind == VMEM_SPAN)
        c->at++;
    const struct vmem_segment *want = &c->m->s[c->at++];
    return c->at <= c->m->count && s->start == want->start && s->size == want->size && s->kind == want->kind;
}

static void expect_same(struct ktest_run *t, const struct model *m, const struct vmem *a)
{
    struct comparison c = {m, 0};
    uintptr_t largest = 0;
    uint32_t holes = 0;
    EXPECT(t, vmem_check(a, t->out));
    EXPECT(t, vmem_walk(a, same_segment, &c));
    for (int i = 0; i < m->count; i++) {
        if (m->s[i].kind != VMEM_FREE)
            continue;
        holes++;
        largest = MAX(largest, m->s[i].size);
    }
    struct vmem_figures n = vmem_figures(a);
    EXPECT_EQ(t, n.free, m->free);
    EXPECT_EQ(t, n.largest, largest);
    EXPECT_EQ(t, n.holes, holes);
}

static void run_model(struct ktest_run *t, uint32_t operations, uint32_t seed)
{
    static const struct vmem_segment spans[] = {{0, 150, VMEM_FREE},
                                                {150, 1, VMEM_SPAN},
                                                {151, PINNED - 151, VMEM_FREE},
                                                {PINNED, LINE - PINNED, VMEM_FREE}};
    struct vmem *a = arena("test", &fit_first, 1);
    static struct model m;
    m = (struct model){.rng = seed};
    for (size_t i = 0; i < ARRAY_SIZE(spans); i++) {
        model_put(&m, m.count, spans[i]);
        if (spans[i].kind != VMEM_FREE)
            continue;
        EXPECT_EQ(t, vmem_add(a, spans[i].start, spans[i].size), VM_OK);
        m.free += spans[i].size;
    }
    EXPECT_EQ(t, vmem_alloc_at(a, PINNED, 1), VM_OK);
    model_take(&m, model_find(&m, PINNED), PINNED, 1);
    for (uint32_t i = 0; i < operations && t->failures == 0; i++) {
        if (i % SWITCH_EVERY == 0)
            vmem_set_fit(a, fit_table[i / SWITCH_EVERY % fit_count]);
        operate(t, &m, a);
        if (i % CHECK_EVERY == 0)
            expect_same(t, &m, a);
        if (t->failures > 0)
            print(t->out, "# operation %u under %s fit\n", i, vmem_fit(a)->name);
    }
    struct vmem_figures n = vmem_figures(a);
    EXPECT_EQ(t, n.total, LINE - 1);
    EXPECT_EQ(t, n.spans, 3);
    EXPECT_EQ(t, n.allocs - n.failures, m.takes);
    EXPECT_EQ(t, n.frees, m.frees);
    EXPECT(t, m.takes > operations / 6 && n.failures > operations / 20); /* much of both */
    vmem_free_all(a);
    n = vmem_figures(a);
    EXPECT_EQ(t, n.free, LINE - 1);
    EXPECT_EQ(t, n.holes, 3);
    EXPECT_EQ(t, n.allocated, 0);
    EXPECT(t, vmem_check(a, t->out));
    vmem_destroy(a);
}

TEST(vmem_a_million_random_operations)
{
    run_model(t, OPERATIONS, 1);
}

/* ---- one thing each ---- */

TEST(vmem_quantum_rounds_and_aligns)
{
    struct vmem *a = arena("pages", &fit_first, 4096);
    uintptr_t at;
    EXPECT_EQ(t, vmem_add(a, 0x10000, 0x10000), VM_OK);
    EXPECT_EQ(t, vmem_alloc(a, 1, &at), VM_OK);
    EXPECT_EQ(t, at, 0x10000);
    EXPECT_EQ(t, vmem_size(a, at), 4096);
    struct fit_want want = {4097, 64, 0x11001, 0x18fff};
    EXPECT_EQ(t, vmem_alloc_want(a, &want, &at), VM_OK);
    EXPECT_EQ(t, at, 0x12000);
    vmem_free(a, at, 4097); /* as it was asked for */
    want.size = 0x6001;
    EXPECT_EQ(t, vmem_alloc_want(a, &want, &at), VM_NO_MEMORY);
    want.size = 0x6000;
    EXPECT_EQ(t, vmem_alloc_want(a, &want, &at), VM_OK);
    EXPECT_EQ(t, at, 0x12000);
    vmem_free(a, at, 0x6000);
    vmem_free(a, 0x10000, 4096); /* ... or as it is */
    EXPECT_EQ(t, vmem_figures(a).holes, 1);
    vmem_destroy(a);
}

TEST(vmem_refuses_what_makes_no_sense)
{
    struct vmem *a = arena("nonsense", NULL, 16);
    uintptr_t at = 1, top = ALIGN_DOWN(UINTPTR_MAX, (uintptr_t)16);
    EXPECT(t, vmem_fit(a) == &fit_instant);
    EXPECT_EQ(t, vmem_add(a, 0, 0), VM_INVALID);
    EXPECT_EQ(t, vmem_add(a, 8, 16), VM_INVALID);
    EXPECT_EQ(t, vmem_add(a, 16, 8), VM_INVALID);
    EXPECT_EQ(t, vmem_add(a, top, 16), VM_INVALID); /* ends beyond what a word can say */
    EXPECT_EQ(t, vmem_add(a, top - 16, 32), VM_INVALID);
    EXPECT_EQ(t, vmem_add(a, top - 16, 16), VM_OK);
    EXPECT_EQ(t, vmem_add(a, 64, 64), VM_OK);
    EXPECT_EQ(t, vmem_add(a, 112, 32), VM_EXISTS);
    EXPECT_EQ(t, vmem_add(a, 48, 32), VM_EXISTS);
    EXPECT_EQ(t, vmem_add(a, 32, 128), VM_EXISTS);
    EXPECT_EQ(t, vmem_add(a, 64, 64), VM_EXISTS);
    EXPECT_EQ(t, vmem_add(a, 128, 16), VM_OK);
    EXPECT_EQ(t, vmem_add(a, 48, 16), VM_OK);
    EXPECT_EQ(t, vmem_alloc(a, 0, &at), VM_INVALID);
    EXPECT_EQ(t, vmem_alloc(a, UINTPTR_MAX, &at), VM_INVALID);
    EXPECT_EQ(t, vmem_alloc(a, UINTPTR_MAX / 2, &at), VM_NO_MEMORY);
    EXPECT_EQ(t, vmem_alloc(a, 80, &at), VM_NO_MEMORY); /* spans that touch are not one */
    static const struct fit_want wrong[] = {
        {0, 1, 0, UINTPTR_MAX}, {16, 0, 0, UINTPTR_MAX}, {16, 3, 0, UINTPTR_MAX}};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        EXPECT_EQ(t, vmem_alloc_want(a, &wrong[i], &at), VM_INVALID);
        EXPECT_EQ(t, vmem_find(a, &wrong[i], &at), VM_INVALID);
    }
    static const struct fit_want none[] = {{16, 1, UINTPTR_MAX - 3, UINTPTR_MAX},
                                           {16, 1, 100, 60},
                                           {16, 1, 0, 0},
                                           {16, 1 << 20, 1, UINTPTR_MAX / 2}};
    for (size_t i = 0; i < ARRAY_SIZE(none); i++)
        EXPECT_EQ(t, vmem_alloc_want(a, &none[i], &at), VM_NO_MEMORY);
    EXPECT_EQ(t, vmem_alloc_at(a, 64, 0), VM_INVALID);
    EXPECT_EQ(t, vmem_alloc_at(a, 65, 16), VM_INVALID);
    EXPECT_EQ(t, vmem_alloc_at(a, 64, 17), VM_INVALID);
    EXPECT_EQ(t, vmem_alloc_at(a, top, 16), VM_INVALID);
    EXPECT_EQ(t, vmem_alloc_at(a, 32, 16), VM_EXISTS);
    EXPECT_EQ(t, vmem_alloc_at(a, 48, 32), VM_EXISTS); /* two spans */
    EXPECT_EQ(t, vmem_alloc_at(a, 80, 32), VM_OK);
    EXPECT_EQ(t, vmem_alloc_at(a, 80, 32), VM_EXISTS);
    EXPECT_EQ(t, vmem_alloc_at(a, 64, 32), VM_EXISTS);
    EXPECT(t, vmem_check(a, t->out));
    EXPECT_PANIC(t, "vmem nonsense: 0x40 + 0x10 is not allocated", vmem_free(a, 64, 16));
    EXPECT_PANIC(t, "vmem nonsense: 0x60 + 0x10 is not allocated", vmem_free(a, 96, 16));
    EXPECT_PANIC(t, "vmem nonsense: 0x50 + 0x10 is not allocated", vmem_free(a, 80, 16));
    EXPECT_PANIC(t, "no allocated segment from 0x50 can be split at 0x70", (void)!vmem_split(a, 80, 112));
    EXPECT_PANIC(t, "no allocated segment from 0x50 can be split at 0x58", (void)!vmem_split(a, 80, 88));
    EXPECT_PANIC(t, "no allocated segment from 0x40 can be split", (void)!vmem_split(a, 64, 80));
    EXPECT_PANIC(t, "no allocated segment from 0x50 has another behind it", vmem_join(a, 80));
    EXPECT_PANIC(t, "no allocated segment from 0x40 has another behind it", vmem_join(a, 64));
    EXPECT_PANIC(t, "vmem nonsense: is destroyed while 1 segments", vmem_destroy(a));
    EXPECT_PANIC(t, "quantum 0x6 is not a power of two", arena("odd", NULL, 6));
    vmem_free(a, 80, 32);
    EXPECT_PANIC(t, "vmem nonsense: 0x50 + 0x20 is not allocated", vmem_free(a, 80, 32));
    vmem_destroy(a);
}

TEST(vmem_many_segments_and_a_growing_table)
{
    enum { COUNT = 20000 };
    static uintptr_t at[COUNT];
    machine_build(2048, TEST_RESERVE, TEST_SLOTS);
    for (uint32_t f = 0; f < fit_count; f++) {
        struct vmem *a = arena("many", fit_table[f], 4);
        EXPECT_EQ(t, vmem_add(a, 0, COUNT * 4), VM_OK);
        for (uint32_t i = 0; i < COUNT; i++)
            REQUIRE(t, vmem_alloc(a, 4, &at[i]) == VM_OK);
        EXPECT_EQ(t, vmem_alloc(a, 4, &at[0]), VM_NO_MEMORY);
        EXPECT(t, a->bucket_bits >= 14);
        for (uint32_t i = 0; i < COUNT; i += 2)
            vmem_free(a, i * 4, 4);
        EXPECT(t, vmem_check(a, t->out));
        EXPECT_EQ(t, vmem_figures(a).holes, COUNT / 2);
        for (uint32_t i = 1; i < COUNT; i += 2) {
            REQUIRE(t, vmem_size(a, i * 4) == 4);
            vmem_free(a, i * 4, 4);
        }
        EXPECT_EQ(t, vmem_figures(a).holes, 1);
        vmem_destroy(a);
    }
}

/* ---- importing ---- */

TEST(vmem_imports_and_gives_back)
{
    struct vmem *top = arena("top", &fit_first, 64);
    struct vmem_config c = {.name = "mid", .fit = &fit_first, .quantum = 16, .source = top, .import = 256};
    struct vmem *mid = vmem_create(&c);
    c = (struct vmem_config){.name = "low", .fit = &fit_best, .quantum = 1, .source = mid};
    struct vmem *low = vmem_create(&c);
    uintptr_t a, b, x;
    REQUIRE(t, mid != NULL && low != NULL);
    EXPECT_EQ(t, vmem_alloc(low, 10, &a), VM_NO_MEMORY);
    EXPECT_EQ(t, vmem_add(top, 64, 512), VM_OK);
    EXPECT_EQ(t, vmem_alloc(low, 10, &a), VM_OK); /* 16 of mid, 256 of top */
    EXPECT_EQ(t, a, 64);
    EXPECT_EQ(t, vmem_size(top, 64), 256);
    EXPECT_EQ(t, vmem_size(mid, 64), 16);
    EXPECT_EQ(t, vmem_figures(low).total, 16);
    EXPECT_EQ(t, vmem_alloc(low, 6, &b), VM_OK); /* nothing more is needed for it */
    EXPECT_EQ(t, b, 74);
    EXPECT_EQ(t, vmem_alloc(mid, 256, &x), VM_OK);
    EXPECT_EQ(t, x, 320);
    EXPECT_EQ(t, vmem_figures(top).free, 0);
    EXPECT_EQ(t, vmem_figures(mid).spans, 2);
    EXPECT_EQ(t, vmem_alloc(mid, 256, &x), VM_NO_MEMORY);
    EXPECT(t, vmem_check_all(t->out));
    vmem_free(mid, 320, 256); /* a whole span: it goes */
    EXPECT_EQ(t, vmem_figures(top).free, 256);
    EXPECT_EQ(t, vmem_figures(mid).spans, 1);
    vmem_free(low, b, 6);
    EXPECT_EQ(t, vmem_figures(low).spans, 1);
    vmem_free(low, a, 10);
    EXPECT_EQ(t, vmem_figures(low).spans, 0);
    EXPECT_EQ(t, vmem_figures(mid).total, 0);
    EXPECT_EQ(t, vmem_figures(top).allocated, 0);

    /* less than the least, when the source has no more */
    EXPECT_EQ(t, vmem_alloc_at(top, 128, 448), VM_OK);
    EXPECT_EQ(t, vmem_alloc(mid, 16, &x), VM_OK);
    EXPECT_EQ(t, x, 64);
    EXPECT_EQ(t, vmem_figures(mid).total, 64);
    vmem_free_all(mid);
    EXPECT_EQ(t, vmem_figures(mid).spans, 0);
    vmem_free(top, 128, 448);

    /* bounds and alignment go along */
    struct fit_want want = {16, 128, 200, 500};
    EXPECT_EQ(t, vmem_alloc_want(mid, &want, &x), VM_OK);
    EXPECT_EQ(t, x, 256);
    EXPECT_EQ(t, vmem_size(top, 256), 64); /* 256 more do not fit between the bounds */
    EXPECT_EQ(t, vmem_alloc(mid, 16, &a), VM_OK);
    EXPECT_EQ(t, a, 272);
    EXPECT_EQ(t, vmem_figures(mid).spans, 1);
    EXPECT(t, vmem_check_all(t->out));
    EXPECT_PANIC(t, "is destroyed while", vmem_destroy(top));
    vmem_free_all(mid);
    vmem_destroy(low);
    vmem_destroy(mid);
    vmem_destroy(top);
}

TEST(vmem_imports_only_so_deep)
{
    struct vmem *a[VMEM_DEPTH] = {NULL};
    uintptr_t at;
    for (int i = 0; i < VMEM_DEPTH; i++) {
        struct vmem_config c = {.name = "chain", .source = i > 0 ? a[i - 1] : NULL};
        a[i] = vmem_create(&c);
        REQUIRE(t, a[i] != NULL);
    }
    EXPECT_EQ(t, vmem_add(a[0], 7, 1), VM_OK);
    EXPECT_EQ(t, vmem_alloc(a[VMEM_DEPTH - 1], 1, &at), VM_OK); /* all the locks, in order */
    EXPECT_EQ(t, at, 7);
    EXPECT(t, vmem_check_all(t->out));
    vmem_free(a[VMEM_DEPTH - 1], 7, 1);
    EXPECT_EQ(t, vmem_figures(a[0]).free, 1);
    struct vmem_config deeper = {.name = "deeper", .source = a[VMEM_DEPTH - 1]};
    EXPECT_PANIC(t, "imports through 9 arenas", (void)!vmem_create(&deeper));
    for (int i = VMEM_DEPTH - 1; i >= 0; i--)
        vmem_destroy(a[i]);
}

/* ---- tags ---- */

/* Every frame, and every tag that slabs have left. => the number of frames, in frames[] */
static uint32_t exhaust(struct frame *frames[], struct vmem *glutton)
{
    uint32_t n = 0;
    while ((frames[n] = buddy_alloc(0, ALLOC_KERNEL)) != NULL)
        n++;
    uintptr_t at = 0;
    while (vmem_alloc(glutton, 1, &at) == VM_OK)
        ;
    return n;
}

TEST(vmem_with_enough_tags_needs_no_memory)
{
    enum { ROOM = 200, OPS = 20000 };
    static struct frame *frames[2 * TEST_FRAMES];
    struct vmem *glutton = arena("glutton", &fit_first, 1);
    /* as many segments as there can be, and one span */
    struct vmem_config c = {.name = "careful", .fit = &fit_next, .quantum = 32, .tags = ROOM + 1};
    struct vmem *a = vmem_create(&c);
    uint32_t rng = 3, held = 0;
    bool used[ROOM] = {false};
    REQUIRE(t, a != NULL && vmem_add(glutton, 0, 1u << 20) == VM_OK);
    EXPECT_EQ(t, vmem_add(a, 0, ROOM * 32), VM_OK);
    uint32_t n = exhaust(frames, glutton);
    EXPECT(t, vmem_check_all(t->out));
    for (uint32_t i = 0; i < OPS; i++) {
        uint32_t at = random_below(&rng, ROOM);
        uintptr_t start;
        if (used[at]) {
            vmem_free(a, at * 32, 32);
            held--;
        } else if (i % 2) {
            REQUIRE(t, vmem_alloc_at(a, at * 32, 32) == VM_OK);
            held++;
        } else {
            REQUIRE(t, vmem_alloc(a, 32, &start) == VM_OK);
            at = (uint32_t)start / 32;
            REQUIRE(t, !used[at]);
            held++;
        }
        used[at] = !used[at];
    }
    EXPECT_EQ(t, vmem_figures(a).allocated, held);
    EXPECT_EQ(t, vmem_figures(a).failures, 0);

    /* the other one has no tag left: what needs one fails, what needs none does not, all stays whole */
    struct vmem_figures before = vmem_figures(glutton);
    uintptr_t at;
    EXPECT_EQ(t, vmem_alloc(glutton, 1, &at), VM_NO_MEMORY);
    EXPECT_EQ(t, vmem_alloc_at(glutton, 1u << 19, 1), VM_NO_MEMORY);
    EXPECT_EQ(t, vmem_add(glutton, 1u << 21, 1), VM_NO_MEMORY);
    EXPECT_EQ(t, vmem_alloc(glutton, before.largest, &at), VM_OK);
    EXPECT_EQ(t, vmem_split(glutton, at, at + 1), VM_NO_MEMORY);
    EXPECT_EQ(t, vmem_size(glutton, at), before.largest);
    EXPECT(t, vmem_create(&c) == NULL);
    EXPECT(t, vmem_check_all(t->out));
    while (n > 0)
        buddy_free(frames[--n]);
    EXPECT_EQ(t, vmem_split(glutton, at, at + 1), VM_OK);
    vmem_free_all(glutton);
    vmem_free_all(a);
    vmem_destroy(glutton);
    vmem_destroy(a);
}

TEST(vmem_import_without_tags_changes_nothing)
{
    static struct frame *frames[2 * TEST_FRAMES];
    struct vmem *top = arena("top", &fit_first, 64), *glutton = arena("glutton", &fit_first, 1);
    struct vmem_config c = {.name = "low", .fit = &fit_first, .source = top, .tags = 2};
    struct vmem *low = vmem_create(&c);
    uintptr_t at;
    REQUIRE(t, low != NULL && vmem_add(glutton, 0, 1u << 20) == VM_OK && vmem_add(top, 0, 1024) == VM_OK);
    uint32_t n = exhaust(frames, glutton);
    EXPECT_EQ(t, vmem_alloc(low, 10, &at), VM_NO_MEMORY); /* a span's tags, but not the rest's */
    EXPECT_EQ(t, vmem_figures(low).total, 0);
    EXPECT_EQ(t, vmem_figures(top).free, 1024);
    EXPECT_EQ(t, vmem_alloc(low, 1024, &at), VM_OK); /* all of top, all of the span */
    EXPECT(t, vmem_check_all(t->out));
    vmem_free(low, at, 1024);
    EXPECT_EQ(t, vmem_figures(top).free, 1024);
    while (n > 0)
        buddy_free(frames[--n]);
    vmem_free_all(glutton);
    vmem_destroy(glutton);
    vmem_destroy(low);
    vmem_destroy(top);
}

/* ---- checks and the command ---- */

#define EXPECT_BROKEN(t, a, text, breakage, repair) \
    do {                                            \
        struct text_printer said;                   \
        text_start(&said);                          \
        breakage;                                   \
        EXPECT(t, !vmem_check(a, &said.to));        \
        EXPECT_HAS(t, &said, text);                 \
        repair;                                     \
        EXPECT(t, vmem_check(a, (t)->out));         \
    } while (0)

TEST(vmem_check_names_what_is_broken)
{
    struct vmem *top = arena("top", &fit_first, 1);
    struct vmem_config c = {.name = "bad", .fit = &fit_instant, .source = top, .quantum = 2};
    struct vmem *a = vmem_create(&c);
    uintptr_t at;
    REQUIRE(t, a != NULL && vmem_add(a, 0, 20) == VM_OK && vmem_add(top, 100, 10) == VM_OK);
    REQUIRE(t, vmem_alloc_at(a, 4, 4) == VM_OK && vmem_alloc_at(a, 10, 10) == VM_OK);
    REQUIRE(t, vmem_alloc(a, 10, &at) == VM_OK && at == 100);
    struct tag *used = *find_used(a, 4), *last = *find_used(a, 100);
    REQUIRE(t, used != NULL && last != NULL);
    struct tag *before = tag_of(used->link.prev), *behind = tag_of(used->link.next);
    struct tag *span = tag_of(before->link.prev);
    EXPECT_BROKEN(t, a, "vmem bad: the segment 0x4 + 0x6 is allocated, but not in the hash table",
                  used->seg.size = 6;
                  *find_used(a, 4) = NULL, used->seg.size = 4; *find_used(a, 4) = used);
    EXPECT_BROKEN(t, a, "vmem bad: the segment 0x8 + 0x2 does not tile its span", used->seg.size = 6,
                  used->seg.size = 4);
    EXPECT_BROKEN(t, a, "is not of whole quanta", used->seg.size = 3, used->seg.size = 4);
    EXPECT_BROKEN(t, a, "is free, and so is the one before it", used->kind = VMEM_FREE,
                  used->kind = VMEM_USED);
    EXPECT_BROKEN(t, a, "vmem bad: the segment 0x8 + 0x2 is free, but its strategy does not know",
                  fit_remove(&a->holes, &behind->seg), fit_insert(&a->holes, &behind->seg));
    EXPECT_BROKEN(t, a, "is free, but filed elsewhere", before->place.size = 2, before->place.size = 4);
    EXPECT_BROKEN(t, a, "vmem bad: the span 0 + 0x16 is tiled up to 0x14, then comes 0x64",
                  span->seg.size = span->seg.most = 22;
                  , span->seg.size = span->seg.most = 20);
    EXPECT_BROKEN(t, a, "vmem bad: the span 0x64 + 0xa is imported, but its source does not know",
                  vmem_free(top, 100, 10), (void)!vmem_alloc_at(top, 100, 10));
    EXPECT_BROKEN(t, a, "is tiled up to 0x6c only", last->seg.size = 8, last->seg.size = 10);
    EXPECT_BROKEN(t, a, "3 allocated, 2 holes", a->n.free--, a->n.free++);
    EXPECT_BROKEN(t, a, "9 spans", a->n.spans = 9, a->n.spans = 2);
    EXPECT_BROKEN(t, a, "spare", a->spares--, a->spares++);
    EXPECT_BROKEN(t, a, "the list of tags is broken at 0", span->link.next->prev = &used->link,
                  before->link.prev = &span->link);
    EXPECT_BROKEN(t, a, "fit: instant", a->holes.lists = 0, a->holes.lists = 6);
    EXPECT_BROKEN(t, a, "fit: places", a->places.root->most++, a->places.root->most--);
    struct text_printer said;
    text_start(&said);
    a->n.free++;
    EXPECT(t, !vmem_check_all(&said.to));
    EXPECT_HAS(t, &said, "vmem bad: broken");
    a->n.free--;
    vmem_free_all(a);
    vmem_destroy(a);
    vmem_destroy(top);
}

static int command(const char *line, struct text_printer *said)
{
    char text[64], *argv[8];
    text_start(said);
    str_copy(text, sizeof text, line);
    int argc = command_split(text, argv, ARRAY_SIZE(argv));
    for (const struct command *const *c = __start_commands; c < __stop_commands; c++)
        if (strcmp((*c)->name, argv[0]) == 0)
            return (*c)->run(argc, argv, &said->to);
    return -1;
}

TEST(vmem_command_lists_and_switches)
{
    struct text_printer said;
    struct vmem *a = arena("mine", &fit_first, 1);
    uintptr_t at;
    EXPECT_EQ(t, vmem_add(a, 16, 64), VM_OK);
    EXPECT_EQ(t, vmem_alloc(a, 16, &at), VM_OK);
    EXPECT_EQ(t, vmem_alloc(a, 64, &at), VM_NO_MEMORY);
    EXPECT_EQ(t, command("vmem", &said), 0);
    EXPECT_HAS(t, &said,
               "arena      fit      spans allocated  holes      total       free    largest   allocs");
    EXPECT_HAS(
        t, &said,
        "mine       first        1         1      1       0x40       0x30       0x30        2        1\n");
    EXPECT_EQ(t, command("vmem mine", &said), 0);
    EXPECT(t, strcmp(said.text, "span   0x10..0x4f 0x40\n  used 0x10..0x1f 0x10\n  free 0x20..0x4f 0x30\n") ==
                  0);
    EXPECT_EQ(t, command("vmem mine worst", &said), 0);
    EXPECT(t, vmem_fit(a) == &fit_worst);
    EXPECT_EQ(t, command("vmem mine wurst", &said), 1);
    EXPECT_HAS(t, &said, "vmem: wurst: expected one of: first last next best worst instant\n");
    EXPECT_EQ(t, command("vmem nobody", &said), 1);
    EXPECT_HAS(t, &said, "vmem: nobody: expected an arena, one of:");
    EXPECT_HAS(t, &said, " mine");
    EXPECT_EQ(t, command("vmem mine worst case", &said), 1);
    EXPECT_HAS(t, &said, "vmem: expected at most an arena and a strategy\n");
    vmem_free_all(a);
    vmem_destroy(a);
}
