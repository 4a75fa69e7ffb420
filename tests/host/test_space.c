/* SPDX-License-Identifier: MIT
 * Tests of address spaces: mapping, gaps, unmapping and rights with splits, the heap, kernel copies. */
#include "lib/panic.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/dump.h"
#include "tests/host/pages.h"

enum { RW = VM_READ | VM_WRITE };

static enum vm_result map(struct space *s, vaddr_t start, uint32_t length, const char *name)
{
    struct region r = {.start = start, .end = start + length, .prot = RW, .name = name};
    return space_map(s, &r);
}

TEST(space_map_arguments)
{
    struct world w;
    world_init(&w, "fifo", 8, 10);
    struct space *s = &w.space;
    EXPECT_EQ(t, map(s, page_va(9), PAGE_SIZE, "x"), VM_EXISTS);
    EXPECT_EQ(t, map(s, page_va(10) + 1, PAGE_SIZE, "x"), VM_INVALID);
    EXPECT_EQ(t, map(s, page_va(10), PAGE_SIZE + 1, "x"), VM_INVALID);
    EXPECT_EQ(t, map(s, page_va(10), 0, "x"), VM_INVALID);
    EXPECT_EQ(t, map(s, 0, PAGE_SIZE, "x"), VM_INVALID);
    EXPECT_EQ(t, map(s, USER_START - PAGE_SIZE, 2 * PAGE_SIZE, "x"), VM_INVALID);
    EXPECT_EQ(t, map(s, USER_END, PAGE_SIZE, "x"), VM_INVALID);
    EXPECT_EQ(t, map(s, USER_END - PAGE_SIZE, 2 * PAGE_SIZE, "x"), VM_INVALID);
    EXPECT_EQ(t, map(s, page_va(10), 0xfffff000, "x"), VM_INVALID); /* wraps round */
    EXPECT_EQ(t, map(s, USER_START, PAGE_SIZE, "low"), VM_OK);
    EXPECT_EQ(t, map(s, USER_END - PAGE_SIZE, PAGE_SIZE, "high"), VM_OK);
    EXPECT_EQ(t, page_stamp(s, USER_START, 1), VM_OK);
    EXPECT_EQ(t, page_stamp(s, USER_END - PAGE_SIZE, 1), VM_OK);
    EXPECT_EQ(t, w.pool.resident, 2);
    EXPECT_EQ(t, s->pmap.tables, 3);
    test_check(t);
    world_destroy(&w);
}

TEST(space_find_gap_from_the_top)
{
    struct world w;
    world_init(&w, "fifo", 8, 0);
    struct space *s = &w.space;
    vaddr_t top = s->map_top, page = PAGE_SIZE;
    EXPECT_EQ(t, space_find_gap(s, page), top - page);
    EXPECT_EQ(t, space_find_gap(s, 0), 0);
    EXPECT_EQ(t, map(s, top - 4 * page, 2 * page, "a"), VM_OK);
    EXPECT_EQ(t, space_find_gap(s, page), top - page);
    EXPECT_EQ(t, space_find_gap(s, 2 * page), top - 2 * page); /* fits exactly */
    EXPECT_EQ(t, space_find_gap(s, 3 * page), top - 7 * page);
    EXPECT_EQ(t, map(s, top - 10 * page, 3 * page, "b"), VM_OK);
    EXPECT_EQ(t, space_find_gap(s, 3 * page), top - 7 * page);
    EXPECT_EQ(t, space_find_gap(s, 4 * page), top - 14 * page);
    EXPECT_EQ(t, map(s, top - 2 * page, 4 * page, "across"), VM_OK); /* over map_top */
    EXPECT_EQ(t, space_find_gap(s, page), top - 5 * page);
    EXPECT_EQ(t, space_find_gap(s, top - USER_START), 0);
    vaddr_t rest = top - 10 * page - USER_START;
    EXPECT_EQ(t, space_find_gap(s, rest), USER_START);
    EXPECT_EQ(t, space_find_gap(s, rest + page), 0);
    EXPECT_EQ(t, map(s, USER_START, rest, "rest"), VM_OK);
    EXPECT_EQ(t, space_find_gap(s, page), top - 5 * page);
    EXPECT_EQ(t, space_find_gap(s, 4 * page), 0);
    world_destroy(&w);
}

enum { FILE_PAGES = 10 };
static _Alignas(16) uint32_t file[FILE_PAGES * PAGE_SIZE / sizeof(uint32_t)];

/* Ten pages of a file, page i of which starts with i + 1; the odd ones resident and dirty with word 1 = i,
 * page 2 swapped out. */
static void file_world(struct ktest_run *t, struct world *w)
{
    for (uint32_t i = 0; i < FILE_PAGES; i++)
        file[i * PAGE_SIZE / sizeof file[0]] = i + 1;
    world_init(w, "fifo", 12, 0);
    file_map(&w->space, 0, file, sizeof file, RW);
    word_store(&w->space, 2, 3);
    EXPECT_EQ(t, pool_evict(&w->pool, SWAP_NORMAL), VM_OK);
    for (uint32_t i = 1; i < FILE_PAGES; i += 2) {
        EXPECT_EQ(t, word_load(&w->space, i), i + 1);
        EXPECT_EQ(t, machine_access(&w->space, page_va(i) + sizeof i, VM_WRITE, &i), VM_OK);
    }
    EXPECT(t, page_swapped(&w->space, 2));
}

/* Is [from, to) as it was and mapped with these rights? */
static void expect_pages(struct ktest_run *t, struct world *w, uint32_t from, uint32_t to, uint32_t prot)
{
    for (uint32_t i = from; i < to; i++) {
        uint32_t v = 0;
        enum vm_result want = prot & VM_READ ? VM_OK : VM_FORBIDDEN;
        EXPECT_EQ(t, machine_access(&w->space, page_va(i), VM_READ, &v), want);
        if (want != VM_OK)
            continue;
        EXPECT_EQ(t, v, i + 1);
        EXPECT_EQ(t, machine_access(&w->space, page_va(i) + sizeof v, VM_READ, &v), VM_OK);
        EXPECT_EQ(t, v, i % 2 ? i : 0);
        want = prot & VM_WRITE ? VM_OK : VM_FORBIDDEN;
        EXPECT_EQ(t, machine_access(&w->space, page_va(i) + sizeof v, VM_WRITE, &v), want);
    }
}

/* Every range [from, to) of the ten pages: start, end, middle, whole, one page. */
TEST(space_unmap_in_every_position)
{
    for (uint32_t from = 0; from < FILE_PAGES; from++) {
        for (uint32_t to = from + 1; to <= FILE_PAGES; to++) {
            struct world w;
            uint32_t v;
            file_world(t, &w);
            EXPECT_EQ(t, space_unmap(&w.space, page_va(from), (to - from) * PAGE_SIZE), VM_OK);
            EXPECT_EQ(t, w.space.regions.count, (from > 0) + (to < FILE_PAGES));
            test_check(t);
            for (uint32_t i = from; i < to; i++) {
                EXPECT_EQ(t, machine_access(&w.space, page_va(i), VM_READ, &v), VM_NO_REGION);
                EXPECT_EQ(t, pmap_lookup(&w.space.pmap, page_va(i)).state, PTE_NONE);
            }
            expect_pages(t, &w, 0, from, RW);
            expect_pages(t, &w, to, FILE_PAGES, RW);
            test_check(t);
            world_destroy(&w);
            if (t->failures > 0)
                return;
        }
    }
}

TEST(space_unmap_several_regions_and_holes)
{
    struct world w;
    world_init(&w, "fifo", 20, 0);
    for (uint32_t i = 0; i < 5; i++) {
        pages_map(&w.space, i * 4, 3, RW);
        word_store(&w.space, i * 4, i);
        word_store(&w.space, i * 4 + 2, i);
    }
    EXPECT_EQ(t, space_unmap(&w.space, page_va(2), 11 * PAGE_SIZE), VM_OK);
    EXPECT_EQ(t, w.space.regions.count, 3);
    EXPECT_EQ(t, w.pool.resident, 4);
    EXPECT_EQ(t, word_load(&w.space, 0), 0);
    EXPECT_EQ(t, word_load(&w.space, 14), 3);
    EXPECT_EQ(t, space_unmap(&w.space, page_va(3), PAGE_SIZE), VM_OK); /* nothing there: no error */
    EXPECT_EQ(t, space_unmap(&w.space, page_va(3) + 1, PAGE_SIZE), VM_INVALID);
    EXPECT_EQ(t, space_unmap(&w.space, page_va(3), 0), VM_INVALID);
    EXPECT_EQ(t, space_unmap(&w.space, USER_END, PAGE_SIZE), VM_INVALID);
    test_check(t);
    world_destroy(&w);
}

TEST(space_unmap_short_of_memory_unmaps_nothing)
{
    static struct frame *frames[2 * TEST_FRAMES];
    struct world w;
    uint32_t n = 0;
    world_init(&w, "fifo", 8, 10);
    word_store(&w.space, 4, 9);
    /* use up what the region cache has left */
    uint32_t count = w.space.regions.count;
    while ((frames[n] = buddy_alloc(0, ALLOC_KERNEL)) != NULL)
        n++;
    uint32_t far = 1000;
    while (map(&w.space, page_va(far), PAGE_SIZE, "more") == VM_OK)
        far += 2;
    EXPECT_EQ(t, space_unmap(&w.space, page_va(4), PAGE_SIZE), VM_NO_MEMORY);
    EXPECT_EQ(t, space_protect(&w.space, page_va(4), PAGE_SIZE, VM_READ), VM_NO_MEMORY);
    EXPECT_EQ(t, w.space.regions.count, count + (far - 1000) / 2);
    word_store(&w.space, 4, 10);
    while (n > 0)
        buddy_free(frames[--n]);
    test_check(t);
    world_destroy(&w);
}

TEST(space_protect_in_every_position)
{
    static const uint32_t prots[] = {0, VM_READ, RW, VM_READ | VM_EXEC};
    for (size_t k = 0; k < ARRAY_SIZE(prots); k++) {
        for (uint32_t from = 0; from < FILE_PAGES; from++) {
            for (uint32_t to = from + 1; to <= FILE_PAGES; to++) {
                struct world w;
                file_world(t, &w);
                vaddr_t length = (to - from) * PAGE_SIZE;
                EXPECT_EQ(t, space_protect(&w.space, page_va(from), length, prots[k]), VM_OK);
                uint32_t pieces = prots[k] == RW ? 1 : (from > 0) + 1 + (to < FILE_PAGES);
                EXPECT_EQ(t, w.space.regions.count, pieces);
                expect_pages(t, &w, 0, from, RW);
                expect_pages(t, &w, from, to, prots[k]);
                expect_pages(t, &w, to, FILE_PAGES, RW);
                EXPECT_EQ(t, space_protect(&w.space, page_va(from), length, RW), VM_OK);
                EXPECT_EQ(t, w.space.regions.count, 1);
                expect_pages(t, &w, from, to, RW); /* nothing was lost meanwhile */
                test_check(t);
                world_destroy(&w);
                if (t->failures > 0)
                    return;
            }
        }
    }
}

/* As Linux does: what lies before the hole has its new rights. */
TEST(space_protect_of_a_range_with_a_hole)
{
    struct world w;
    uint32_t v = 1;
    world_init(&w, "fifo", 8, 4);
    pages_map(&w.space, 5, 4, RW);
    word_store(&w.space, 3, 1);
    EXPECT_EQ(t, space_protect(&w.space, page_va(2), 5 * PAGE_SIZE, VM_READ), VM_NO_REGION);
    EXPECT_EQ(t, w.space.regions.count, 3);
    EXPECT_EQ(t, machine_access(&w.space, page_va(1), VM_WRITE, &v), VM_OK);
    EXPECT_EQ(t, machine_access(&w.space, page_va(2), VM_WRITE, &v), VM_FORBIDDEN);
    EXPECT_EQ(t, machine_access(&w.space, page_va(3), VM_WRITE, &v), VM_FORBIDDEN);
    EXPECT_EQ(t, machine_access(&w.space, page_va(5), VM_WRITE, &v), VM_OK);
    EXPECT_EQ(t, space_protect(&w.space, page_va(4), 2 * PAGE_SIZE, VM_READ), VM_NO_REGION);
    EXPECT_EQ(t, machine_access(&w.space, page_va(5), VM_WRITE, &v), VM_OK);
    EXPECT_EQ(t, space_protect(&w.space, page_va(8), 2 * PAGE_SIZE, VM_READ), VM_NO_REGION);
    EXPECT_EQ(t, machine_access(&w.space, page_va(8), VM_WRITE, &v), VM_FORBIDDEN);
    EXPECT_EQ(t, space_protect(&w.space, page_va(2) + 4, PAGE_SIZE, VM_READ), VM_INVALID);
    test_check(t);
    world_destroy(&w);
}

TEST(space_protect_of_what_may_never_be_written)
{
    struct world w;
    uint32_t v = 1;
    world_init(&w, "fifo", 8, 2);
    struct region r = {page_va(2), page_va(4), VM_READ, REGION_READONLY, "anon", 0, NULL};
    EXPECT_EQ(t, space_map(&w.space, &r), VM_OK);
    EXPECT_EQ(t, space_protect(&w.space, page_va(0), 2 * PAGE_SIZE, VM_READ), VM_OK);
    EXPECT_EQ(t, space_protect(&w.space, page_va(1), 2 * PAGE_SIZE, RW), VM_FORBIDDEN);
    EXPECT_EQ(t, machine_access(&w.space, page_va(0), VM_WRITE, &v), VM_FORBIDDEN);
    EXPECT_EQ(t, machine_access(&w.space, page_va(1), VM_WRITE, &v), VM_OK);
    EXPECT_EQ(t, machine_access(&w.space, page_va(2), VM_WRITE, &v), VM_FORBIDDEN);
    EXPECT_EQ(t, space_protect(&w.space, page_va(2), 2 * PAGE_SIZE, VM_READ | VM_EXEC), VM_OK);
    world_destroy(&w);
}

/* ---- the heap ---- */

static void heap_world(struct world *w)
{
    world_init(w, "fifo", 8, 0);
    w->space.brk_start = w->space.brk = page_va(0);
}

TEST(space_brk_grows_and_shrinks)
{
    struct world w;
    uint32_t v;
    heap_world(&w);
    struct space *s = &w.space;
    EXPECT_EQ(t, space_brk(s, 0), page_va(0)); /* the way to ask */
    EXPECT_EQ(t, space_brk(s, page_va(0) + 1), page_va(0) + 1);
    EXPECT_EQ(t, page_stamp(s, page_va(0), 1), VM_OK);
    EXPECT_EQ(t, machine_access(s, page_va(1), VM_READ, &v), VM_NO_REGION);
    EXPECT_EQ(t, space_brk(s, page_va(1)), page_va(1)); /* within the page: nothing to do */
    EXPECT_EQ(t, space_brk(s, page_va(5)), page_va(5));
    EXPECT_EQ(t, s->regions.count, 1);
    EXPECT_EQ(t, page_stamp(s, page_va(4), 1), VM_OK);
    EXPECT_EQ(t, space_brk(s, page_va(2) + 8), page_va(2) + 8);
    EXPECT_EQ(t, w.pool.resident, 1);
    EXPECT_EQ(t, machine_access(s, page_va(3), VM_READ, &v), VM_NO_REGION);
    EXPECT_EQ(t, space_brk(s, page_va(5)), page_va(5));
    enum vm_result r;
    EXPECT(t, page_stamped(s, page_va(4), 0, &r)); /* new pages are zero again */
    EXPECT(t, page_stamped(s, page_va(0), 1, &r));
    EXPECT_EQ(t, space_brk(s, page_va(0)), page_va(0));
    EXPECT_EQ(t, s->regions.count, 0);
    EXPECT_EQ(t, w.pool.resident, 0);
    test_check(t);
    world_destroy(&w);
}

TEST(space_brk_shrink_frees_swapped_pages)
{
    struct world w;
    heap_world(&w);
    EXPECT_EQ(t, space_brk(&w.space, page_va(30)), page_va(30));
    for (uint32_t i = 0; i < 30; i++)
        word_store(&w.space, i, i);
    EXPECT_EQ(t, swap_free(), TEST_SLOTS - 22);
    EXPECT_EQ(t, space_brk(&w.space, page_va(0)), page_va(0));
    EXPECT_EQ(t, swap_free(), TEST_SLOTS);
    EXPECT_EQ(t, w.pool.resident, 0);
    world_destroy(&w);
}

TEST(space_brk_refuses)
{
    struct world w;
    heap_world(&w);
    struct space *s = &w.space;
    EXPECT_EQ(t, space_brk(s, page_va(2)), page_va(2));
    pages_map(s, 10, 1, VM_READ);
    EXPECT_EQ(t, space_brk(s, page_va(10)), page_va(10)); /* right up to it */
    EXPECT_EQ(t, space_brk(s, page_va(10) + 1), page_va(10));
    EXPECT_EQ(t, space_brk(s, page_va(20)), page_va(10));
    EXPECT_EQ(t, space_brk(s, page_va(0) - 1), page_va(10));
    EXPECT_EQ(t, space_brk(s, USER_END), page_va(10));
    EXPECT_EQ(t, space_brk(s, 0xffffffff), page_va(10));
    EXPECT_EQ(t, s->regions.count, 2);
    world_destroy(&w);
}

TEST(space_brk_beside_other_rights)
{
    struct world w;
    heap_world(&w);
    struct space *s = &w.space;
    uint32_t v = 1;
    EXPECT_EQ(t, space_brk(s, page_va(4)), page_va(4));
    EXPECT_EQ(t, space_protect(s, page_va(3), PAGE_SIZE, VM_READ), VM_OK);
    EXPECT_EQ(t, space_brk(s, page_va(6)), page_va(6)); /* new pages are writable all the same */
    EXPECT_EQ(t, machine_access(s, page_va(5), VM_WRITE, &v), VM_OK);
    EXPECT_EQ(t, machine_access(s, page_va(3), VM_WRITE, &v), VM_FORBIDDEN);
    EXPECT_EQ(t, space_unmap(s, page_va(5), PAGE_SIZE), VM_OK); /* a hole at the end of the heap */
    EXPECT_EQ(t, space_brk(s, page_va(8)), page_va(8));
    EXPECT_EQ(t, machine_access(s, page_va(7), VM_WRITE, &v), VM_OK);
    EXPECT_EQ(t, machine_access(s, page_va(5), VM_WRITE, &v), VM_NO_REGION);
    EXPECT_EQ(t, space_brk(s, page_va(0)), page_va(0));
    EXPECT_EQ(t, s->regions.count, 0);
    world_destroy(&w);
}

/* ---- the stack ---- */

enum { STACK_AT = 4000, STACK_PAGES = 600 }; /* far from the rest; its lowest page, its limit */

static void stack_world(struct world *w, uint32_t flags)
{
    world_init(w, "fifo", 8, 0);
    struct region r = {
        page_va(STACK_AT), page_va(STACK_AT + 2), RW, REGION_GROWSDOWN | flags, "stack", 0, NULL};
    w->space.stack_limit = STACK_PAGES * PAGE_SIZE;
    if (space_map(&w->space, &r) != VM_OK)
        panic("no stack");
}

TEST(space_stack_grows)
{
    struct world w;
    uint32_t v = 1;
    stack_world(&w, 0);
    struct region *r = w.space.regions.at[0];
    word_store(&w.space, STACK_AT - 1, 5);
    EXPECT_EQ(t, r->start, page_va(STACK_AT - 1));
    EXPECT_EQ(t, machine_access(&w.space, page_va(STACK_AT - 300) + 8, VM_READ, &v), VM_OK); /* far below */
    EXPECT_EQ(t, r->start, page_va(STACK_AT - 300));
    EXPECT_EQ(t, space_copy_out(&w.space, page_va(STACK_AT - 301), &v, 4), VM_OK); /* by the kernel */
    EXPECT_EQ(t, r->start, page_va(STACK_AT - 301));
    uint32_t lowest = STACK_AT + 2 - STACK_PAGES;
    EXPECT_EQ(t, machine_access(&w.space, page_va(lowest) - 4, VM_WRITE, &v), VM_NO_REGION);
    EXPECT_EQ(t, machine_access(&w.space, page_va(lowest), VM_WRITE, &v), VM_OK);
    EXPECT_EQ(t, machine_access(&w.space, page_va(STACK_AT + 2), VM_WRITE, &v), VM_NO_REGION); /* upwards */
    EXPECT_EQ(t, word_load(&w.space, STACK_AT - 1), 5);
    EXPECT_EQ(t, w.space.regions.count, 1);
    test_check(t);
    world_destroy(&w);
}

TEST(space_stack_keeps_its_distance)
{
    enum { GUARD = STACK_GUARD / PAGE_SIZE };
    struct world w;
    uint32_t v = 1;
    stack_world(&w, 0);
    pages_map(&w.space, STACK_AT - 500, 1, VM_READ); /* ends at STACK_AT - 499 */
    uint32_t lowest = STACK_AT - 499 + GUARD;
    EXPECT_EQ(t, machine_access(&w.space, page_va(lowest) - 4, VM_WRITE, &v), VM_NO_REGION);
    EXPECT_EQ(t, machine_access(&w.space, page_va(lowest), VM_WRITE, &v), VM_OK);
    /* a page that nobody can access is guard enough */
    EXPECT_EQ(t, space_protect(&w.space, page_va(STACK_AT - 500), PAGE_SIZE, 0), VM_OK);
    EXPECT_EQ(t, machine_access(&w.space, page_va(STACK_AT - 499), VM_WRITE, &v), VM_OK);
    EXPECT_EQ(t, machine_access(&w.space, page_va(STACK_AT - 500), VM_WRITE, &v), VM_FORBIDDEN);
    test_check(t);
    world_destroy(&w);
}

TEST(space_only_stacks_grow)
{
    struct world w;
    uint32_t v = 1;
    stack_world(&w, 0);
    pages_map(&w.space, 10, 1, RW);
    EXPECT_EQ(t, machine_access(&w.space, page_va(9), VM_WRITE, &v), VM_NO_REGION);
    EXPECT_EQ(t, machine_access(&w.space, 4, VM_WRITE, &v), VM_NO_REGION);
    EXPECT_EQ(t, space_protect(&w.space, page_va(STACK_AT), 2 * PAGE_SIZE, VM_READ), VM_OK);
    EXPECT_EQ(t, machine_access(&w.space, page_va(STACK_AT - 1), VM_WRITE, &v), VM_FORBIDDEN);
    world_destroy(&w);
}

TEST(space_locked_pages_are_counted)
{
    struct world w;
    stack_world(&w, REGION_LOCKED);
    EXPECT_EQ(t, w.space.locked, 2);
    word_store(&w.space, STACK_AT - 10, 5);
    EXPECT_EQ(t, w.space.locked, 12);
    EXPECT_EQ(t, space_unmap(&w.space, page_va(STACK_AT - 10), 5 * PAGE_SIZE), VM_OK);
    EXPECT_EQ(t, w.space.locked, 7);
    EXPECT_EQ(t, space_unmap(&w.space, page_va(STACK_AT - 20), 22 * PAGE_SIZE), VM_OK);
    EXPECT_EQ(t, w.space.locked, 0);
    w.space.brk_start = w.space.brk = page_va(0);
    w.space.lock_future = true;
    EXPECT_EQ(t, space_brk(&w.space, page_va(3)), page_va(3));
    EXPECT_EQ(t, w.space.locked, 3);
    world_destroy(&w);
}

/* ---- copies by the kernel ---- */

static uint8_t kernel_buffer[3 * PAGE_SIZE], kernel_back[3 * PAGE_SIZE];

static void fill_buffer(void)
{
    for (uint32_t i = 0; i < sizeof kernel_buffer; i++)
        kernel_buffer[i] = (uint8_t)(i * 7 + i / 251);
}

TEST(space_copy_across_pages)
{
    struct world w;
    world_init(&w, "fifo", 6, 20);
    fill_buffer();
    static const uint32_t offsets[] = {0, 1, 4095, 4096, 4097}, sizes[] = {0, 1, 2, 4095, 4096, 4097, 8193};
    for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(sizes); j++) {
            vaddr_t at = page_va(1) + offsets[i];
            EXPECT_EQ(t, space_copy_out(&w.space, at, kernel_buffer + i, sizes[j]), VM_OK);
            for (uint32_t k = 10; k < 16; k++)
                page_touch(&w.space, k); /* all of it is pushed out, */
            memset(kernel_back, 0xee, sizeof kernel_back);
            EXPECT_EQ(t, space_copy_in(&w.space, kernel_back, at, sizes[j]), VM_OK);
            EXPECT(t, memcmp(kernel_back, kernel_buffer + i, sizes[j]) == 0); /* ... and was dirty */
            EXPECT_EQ(t, kernel_back[sizes[j]], 0xee);
        }
    }
    test_check(t);
    world_destroy(&w);
}

/* The kernel writes through the direct map: the MMU does not set the bits, so mm/ must. */
TEST(space_copy_marks_pages)
{
    struct world w;
    world_init(&w, "clock", 6, 20);
    struct pmap *p = &w.space.pmap;
    fill_buffer();
    EXPECT_EQ(t, space_copy_in(&w.space, kernel_back, page_va(0), 4), VM_OK);
    EXPECT(t, pmap_lookup(p, page_va(0)).accessed && !pmap_lookup(p, page_va(0)).dirty);
    EXPECT_EQ(t, space_copy_out(&w.space, page_va(0), kernel_buffer, 4), VM_OK);
    EXPECT(t, pmap_lookup(p, page_va(0)).dirty);
    EXPECT(t, pmap_test_clear_accessed(p, page_va(0)));
    EXPECT_EQ(t, space_copy_in(&w.space, kernel_back, page_va(0), 4), VM_OK);
    EXPECT(t, pmap_lookup(p, page_va(0)).accessed);
    world_destroy(&w);
}

TEST(space_copy_with_bad_pages)
{
    struct world w;
    world_init(&w, "fifo", 8, 2);
    struct space *s = &w.space;
    fill_buffer();
    EXPECT_EQ(t, space_copy_out(s, page_va(1), kernel_buffer, 2 * PAGE_SIZE), VM_NO_REGION);
    EXPECT_EQ(t, space_copy_in(s, kernel_back, page_va(1), PAGE_SIZE), VM_OK); /* up to the bad page */
    EXPECT(t, memcmp(kernel_back, kernel_buffer, PAGE_SIZE) == 0);
    EXPECT_EQ(t, space_protect(s, page_va(1), PAGE_SIZE, VM_READ), VM_OK);
    EXPECT_EQ(t, space_copy_out(s, page_va(0), kernel_buffer, PAGE_SIZE + 1), VM_FORBIDDEN);
    EXPECT_EQ(t, space_copy_in(s, kernel_back, page_va(0), 2 * PAGE_SIZE), VM_OK);
    EXPECT_EQ(t, space_protect(s, page_va(1), PAGE_SIZE, 0), VM_OK);
    EXPECT_EQ(t, space_copy_in(s, kernel_back, page_va(0), PAGE_SIZE + 1), VM_FORBIDDEN);
    EXPECT_EQ(t, space_copy_in(s, kernel_back, 0, 1), VM_NO_REGION);
    EXPECT_EQ(t, space_copy_in(s, kernel_back, USER_END, 1), VM_NO_REGION);
    EXPECT_EQ(t, space_copy_out(s, 0xc0000000, kernel_buffer, 4), VM_NO_REGION); /* the kernel's own */
    EXPECT_EQ(t, space_copy_out(s, 0xffffffff, kernel_buffer, 4), VM_NO_REGION);
    EXPECT_EQ(t, space_copy_in(s, kernel_back, 0xffffffff, 0), VM_OK);
    test_check(t);
    world_destroy(&w);
}

TEST(space_copy_on_a_failing_disk)
{
    struct world w;
    world_init(&w, "fifo", 6, 20);
    fill_buffer();
    EXPECT_EQ(t, space_copy_out(&w.space, page_va(0), kernel_buffer, 2 * PAGE_SIZE), VM_OK);
    for (uint32_t k = 10; k < 16; k++)
        page_touch(&w.space, k);
    machine.disk.fail_reads = 1;
    EXPECT_EQ(t, space_copy_in(&w.space, kernel_back, page_va(0), 4), VM_IO_ERROR);
    EXPECT_EQ(t, space_copy_in(&w.space, kernel_back, page_va(0), 4), VM_OK);
    struct pte pte = pmap_lookup(&w.space.pmap, page_va(1));
    disk_flip_bit(&machine.disk, pte.slot.n, 12345);
    EXPECT_EQ(t, space_copy_in(&w.space, kernel_back, page_va(1), 4), VM_CORRUPT);
    world_destroy(&w);
}

TEST(space_source_file_ends_in_zeros)
{
    enum { LENGTH = PAGE_SIZE + 100 };
    struct world w;
    memset(file, 0x77, sizeof file);
    world_init(&w, "fifo", 8, 0);
    const char *odd = (const char *)file + 1; /* an initrd aligns nothing */
    file_map(&w.space, 0, odd, LENGTH, RW);
    EXPECT_EQ(t, space_copy_in(&w.space, kernel_back, page_va(0), 2 * PAGE_SIZE), VM_OK);
    for (uint32_t i = 0; i < 2 * PAGE_SIZE; i++)
        REQUIRE(t, kernel_back[i] == (i < LENGTH ? 0x77 : 0));
    w.space.regions.at[0]->end += PAGE_SIZE; /* a mapping may be longer than the file */
    EXPECT_EQ(t, space_copy_in(&w.space, kernel_back, page_va(1), PAGE_SIZE + 1), VM_BEYOND);
    uint32_t v = 5; /* a copy made by the first write is cut in the same way */
    EXPECT_EQ(t, pool_evict(&w.pool, SWAP_NORMAL), VM_OK);
    EXPECT_EQ(t, pool_evict(&w.pool, SWAP_NORMAL), VM_OK);
    EXPECT_EQ(t, machine_access(&w.space, page_va(1) + PAGE_SIZE - 4, VM_WRITE, &v), VM_OK);
    EXPECT_EQ(t, space_copy_in(&w.space, kernel_back, page_va(1), PAGE_SIZE), VM_OK);
    for (uint32_t i = 0; i < PAGE_SIZE - 4; i++)
        REQUIRE(t, kernel_back[i] == (i < LENGTH - PAGE_SIZE ? 0x77 : 0));
    world_destroy(&w);
}

TEST(space_init_short_of_memory)
{
    static struct frame *frames[2 * TEST_FRAMES];
    struct world w;
    struct space more;
    uint32_t n = 0;
    world_init(&w, "fifo", 8, 1);
    while ((frames[n] = buddy_alloc(0, ALLOC_KERNEL)) != NULL)
        n++;
    EXPECT_EQ(t, space_init(&more, &w.pool, 2), VM_NO_MEMORY);
    while (n > 0)
        buddy_free(frames[--n]);
    test_check(t);
    world_destroy(&w);
}

TEST(dump_shows_regions_and_frames)
{
    struct world w;
    struct text_printer said;
    file_world(t, &w);
    text_start(&said);
    dump_space(&w.space, &said.to);
    EXPECT_HAS(t, &said,
               "08048000-08052000 rw-p data   file   pages=10 resident=5 shared=0 private-dirty=5 swapped=1 "
               "wired=0\n");
    text_start(&said);
    dump_frames(&said.to);
    EXPECT_HAS(t, &said, " 10 user, ");
    EXPECT_HAS(t, &said, "pool test: policy=fifo limit=12 resident=10 evictions=1\n");
    text_start(&said);
    dump_frame_map(&said.to);
    EXPECT_HAS(t, &said, "one character = 1 frame;");
    EXPECT_HAS(t, &said, "00000 ----"); /* below RAM */
    EXPECT_HAS(t, &said, "?1");         /* the file's page, and pid 1's copy of it */
    world_destroy(&w);
}
