/* SPDX-License-Identifier: MIT
 * Tests of where mmap puts things: the arena of a space's gaps against its regions, one by one, with memory
 * and without. */
#include "lib/random.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/slab.h"
#include "mm/vmem_arena.h"
#include "tests/host/fit_model.h"
#include "tests/host/pages.h"

enum {
    RW = VM_READ | VM_WRITE,
    MOST_GAPS = 1024,
    SPARE_TAGS = 8, /* so many every arena keeps for itself */
};

/* The gaps below map_top, found in the regions. => how many */
static int gaps_of(const struct space *s, struct fit_model *gaps)
{
    int count = 0;
    vaddr_t at = USER_START;
    for (uint32_t i = 0; i <= s->regions.count; i++) {
        vaddr_t end = i < s->regions.count ? MIN(s->regions.at[i]->start, s->map_top) : s->map_top;
        if (at < end)
            gaps[count++] = (struct fit_model){at, end - at, 0};
        if (i < s->regions.count)
            at = MAX(at, s->regions.at[i]->end);
    }
    return count;
}

/* What space_find_gap must say under strategy `fit`; `got` settles what instant fit leaves open. */
static vaddr_t wanted_gap(const struct space *s, const struct fit *fit, uint32_t length, uintptr_t rover,
                          vaddr_t got)
{
    static struct fit_model gaps[MOST_GAPS];
    struct fit_want want = {length, 1, 0, UINTPTR_MAX}; /* every gap starts and ends with a page */
    int count = gaps_of(s, gaps), chosen = FIT_NOWHERE;
    for (int i = 0; i < count; i++)
        if (got - gaps[i].start < gaps[i].size)
            chosen = i;
    uintptr_t at;
    int i = fit_model_pick(fit, gaps, count, &want, rover, chosen, &at);
    if (i == FIT_NOWHERE)
        return 0;
    vaddr_t block = (vaddr_t)PAGE_SIZE << s->pool->order, low = ALIGN_DOWN((vaddr_t)at, block);
    if (length < block || low >= gaps[i].start)
        return length < block ? (vaddr_t)at : low;
    low += block;
    return low + length <= gaps[i].start + gaps[i].size ? low : (vaddr_t)at;
}

static void expect_gap(struct ktest_run *t, struct space *s, const struct fit *fit, uint32_t length)
{
    uintptr_t rover = s->regions.gaps != NULL ? s->regions.gaps->holes.rover : 0;
    vaddr_t got = space_find_gap(s, length);
    EXPECT_EQ(t, got, wanted_gap(s, s->regions.gaps != NULL ? fit : &fit_last, length, rover, got));
    if (t->failures > 0)
        print(t->out, "# %s fit, %u bytes\n", fit->name, length);
}

/* A range of up to 24 pages, close to others. */
static vaddr_t random_range(const struct space *s, uint32_t *rng, uint32_t *length)
{
    *length = (1 + random_below(rng, 24)) * PAGE_SIZE;
    switch (random_below(rng, 4)) {
    case 0:
        return USER_START + random_below(rng, 200) * PAGE_SIZE;
    case 1:
        return page_va(random_below(rng, 200));
    case 2:
        return s->map_top + (random_below(rng, 40) - 20) * PAGE_SIZE; /* across the end of the arena */
    default:
        return s->map_top - random_below(rng, 300) * PAGE_SIZE;
    }
}

/* One random change. Memory may be short: then it fails as a whole. */
static void change(struct ktest_run *t, struct space *s, uint32_t *rng)
{
    uint32_t length;
    vaddr_t start = random_range(s, rng, &length);
    struct region r = {.start = start, .end = start + length, .prot = RW, .name = "anon"};
    enum vm_result result = VM_OK;
    switch (random_below(rng, 6)) {
    case 0:
        if (random_below(rng, 8) == 0)
            r.flags = REGION_GROWSDOWN;
        result = space_map(s, &r);
        EXPECT(t, result != VM_INVALID);
        break;
    case 1 ... 2:
        result = space_map_anywhere(s, &r);
        EXPECT(t, result == VM_NO_MEMORY || (result == VM_OK && r.end - r.start == length));
        break;
    case 3:
        result = space_protect(s, start, length, random_below(rng, 2) ? VM_READ : RW);
        EXPECT(t, result == VM_OK || result == VM_NO_REGION || result == VM_NO_MEMORY);
        break;
    case 4:
        space_grow_stack(s, start);
        break;
    default:
        result = space_unmap(s, start, length);
        EXPECT(t, result == VM_OK || result == VM_NO_MEMORY);
    }
}

static void run_changes(struct ktest_run *t, const struct fit *fit, unsigned order, uint32_t rounds)
{
    struct world w;
    world_init(&w, "fifo", 8, 4);
    w.pool.order = order;
    space_gap_fit = fit;
    uint32_t rng = 11, most = 0;
    for (uint32_t i = 0; i < rounds && t->failures == 0; i++) {
        change(t, &w.space, &rng);
        expect_gap(t, &w.space, fit, (1 + random_below(&rng, 24)) * PAGE_SIZE);
        most = MAX(most, w.space.regions.count);
        if (i % 50 == 0)
            test_check(t);
    }
    EXPECT(t, w.space.regions.gaps != NULL && vmem_fit(w.space.regions.gaps) == fit);
    EXPECT(t, most > 20);
    test_check(t);
    world_destroy(&w);
    space_gap_fit = &fit_last;
}

TEST(gaps_follow_every_strategy)
{
    for (uint32_t i = 0; i < fit_count && t->failures == 0; i++) {
        run_changes(t, fit_table[i], 0, 3000);
        run_changes(t, fit_table[i], 2, 1000);
    }
}

TEST(gaps_are_made_when_they_are_wanted)
{
    struct world w;
    struct space child;
    world_init(&w, "fifo", 8, 3);
    struct space *s = &w.space;
    EXPECT(t, s->regions.gaps == NULL);
    struct region r = {.start = 0, .end = 2 * PAGE_SIZE, .prot = RW, .name = "anon"};
    EXPECT_EQ(t, space_map_anywhere(s, &r), VM_OK);
    EXPECT_EQ(t, r.start, s->map_top - 2 * PAGE_SIZE);
    EXPECT(t, s->regions.gaps != NULL);
    EXPECT(t, strcmp(vmem_name(s->regions.gaps), "mmap-1") == 0);
    EXPECT_EQ(t, vmem_figures(s->regions.gaps).allocated, 2);
    EXPECT_EQ(t, vmem_figures(s->regions.gaps).total, s->map_top - USER_START);

    EXPECT_EQ(t, space_init(&child, &w.pool, 2), VM_OK);
    EXPECT_EQ(t, space_fork(&child, s), VM_OK);
    EXPECT(t, child.regions.gaps == NULL);
    EXPECT_EQ(t, space_find_gap(&child, PAGE_SIZE), space_find_gap(s, PAGE_SIZE));
    EXPECT(t, strcmp(vmem_name(child.regions.gaps), "mmap-2") == 0);
    test_check(t);
    space_destroy(&child);

    r.start = r.end = 0;
    EXPECT_EQ(t, space_map_anywhere(s, &r), VM_INVALID);
    r.end = 100;
    EXPECT_EQ(t, space_map_anywhere(s, &r), VM_INVALID);
    r.end = s->map_top - USER_START;
    EXPECT_EQ(t, space_map_anywhere(s, &r), VM_NO_MEMORY);
    test_check(t);
    world_destroy(&w);
}

enum { HOARD = 64 };

/* Every kernel frame; and what slabs have left: for arenas, or for tags, of which `tags` stay. */
struct hoard {
    struct frame *frames[2 * TEST_FRAMES];
    struct vmem *arenas[HOARD];
    uint32_t frame_count, arena_count;
};

static void hoard(struct ktest_run *t, struct hoard *h, bool arenas, uint32_t tags)
{
    static const struct vmem_config c = {.name = "hoard", .fit = &fit_last, .tags = SPARE_TAGS};
    uint32_t line = 1u << 20;
    uintptr_t at = 0;
    h->frame_count = 0;
    h->arenas[0] = vmem_create(&c);
    h->arena_count = 1;
    REQUIRE(t, h->arenas[0] != NULL && vmem_add(h->arenas[0], 0, line) == VM_OK);
    for (uint32_t before = UINT32_MAX; h->frame_count != before;
         slab_reap()) { /* growing tables leave frames behind */
        before = h->frame_count;
        while ((h->frames[h->frame_count] = buddy_alloc(0, ALLOC_KERNEL)) != NULL)
            h->frame_count++;
        while (arenas && (h->arenas[h->arena_count] = vmem_create(&c)) != NULL)
            h->arena_count++;
        while (vmem_alloc(h->arenas[0], 1, &at) == VM_OK)
            ;
    }
    for (uint32_t i = 0; !arenas && i < tags + SPARE_TAGS; i++)
        vmem_free(h->arenas[0], at++, 1); /* the lowest: they join the hole below */
}

static void give_back(struct hoard *h)
{
    vmem_free_all(h->arenas[0]);
    while (h->frame_count > 0)
        buddy_free(h->frames[--h->frame_count]);
    while (h->arena_count > 0)
        vmem_destroy(h->arenas[--h->arena_count]);
}

/* Without an arena at all; and with one that is short of tags, goes, and is tried again. */
TEST(gaps_without_memory_are_searched_for_by_hand)
{
    static struct hoard h;
    for (int with_arena = 0; with_arena < 2 && t->failures == 0; with_arena++) {
        struct world w;
        world_init(&w, "fifo", 8, 1);
        for (uint32_t i = 1; i < 40; i++) /* so many regions have room from here on */
            pages_map(&w.space, 2 * i, 1, VM_READ);
        EXPECT_EQ(t, space_unmap(&w.space, page_va(1), USER_END - page_va(1)), VM_OK);
        hoard(t, &h, !with_arena, 11);
        uint32_t rng = 17, with = 0, without = 0;
        for (uint32_t i = 0; i < 3000 && t->failures == 0; i++) {
            change(t, &w.space, &rng);
            if (i % 50 == 0) /* room for another try; the regions' slab stays where it is */
                EXPECT_EQ(t, space_unmap(&w.space, page_va(1), USER_END - page_va(1)), VM_OK);
            expect_gap(t, &w.space, &fit_last, (1 + random_below(&rng, 24)) * PAGE_SIZE);
            with += w.space.regions.gaps != NULL;
            without += w.space.regions.gaps == NULL;
        }
        EXPECT_EQ(t, with > 100, with_arena);
        EXPECT(t, without > 100);
        give_back(&h);
        expect_gap(t, &w.space, &fit_last, PAGE_SIZE);
        EXPECT(t, w.space.regions.gaps != NULL);
        test_check(t);
        world_destroy(&w);
    }
}

TEST(gaps_check_names_what_is_out_of_step)
{
    struct text_printer said;
    struct world w;
    world_init(&w, "fifo", 8, 4);
    struct space *s = &w.space;
    uintptr_t at;
    vaddr_t gap = space_find_gap(s, PAGE_SIZE);
    text_start(&said);
    EXPECT_EQ(t, vmem_alloc(s->regions.gaps, PAGE_SIZE, &at), VM_OK);
    EXPECT_EQ(t, at, gap);
    EXPECT(t, !region_check(&s->regions, 1, &said.to));
    EXPECT_HAS(t, &said, "pid 1: arena mmap-1 has 2 segments for 1 regions");
    struct region r = {.start = gap, .end = gap + PAGE_SIZE, .prot = RW, .name = "anon"};
    EXPECT_PANIC(t, "is no gap, arena mmap-1 says", (void)!space_map(s, &r));
    vmem_free(s->regions.gaps, at, PAGE_SIZE);
    s->regions.at[0]->end -= PAGE_SIZE;
    EXPECT(t, !region_check(&s->regions, 1, &said.to));
    EXPECT_HAS(t, &said, "arena mmap-1 has no segment for region 0x08048000 to 0x0804b000");
    s->regions.at[0]->end += PAGE_SIZE;
    world_destroy(&w);
}
