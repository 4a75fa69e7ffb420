/* SPDX-License-Identifier: MIT
 * Tests of memory objects: file pages that processes share, private copies, shared memory that is swapped,
 * cutting and growing, and what is freed when. */
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/rmap.h"
#include "mm/slab.h"
#include "mm/stats.h"
#include "tests/host/pages.h"

enum { LIMIT = 12, RW = VM_READ | VM_WRITE, FILE_PAGES = 6, FILE_LENGTH = 5 * PAGE_SIZE + 100 };

static _Alignas(PAGE_SIZE) uint32_t file[FILE_PAGES * PAGE_SIZE / sizeof(uint32_t)];

/* Two spaces in one pool. */
struct pair {
    struct world w;
    struct space other;
};

static void pair_init(struct ktest_run *t, struct pair *p)
{
    for (uint32_t i = 0; i < ARRAY_SIZE(file); i++)
        file[i] = i + 1;
    world_init(&p->w, "fifo", LIMIT, 0);
    pages_map(&p->w.space, 50, LIMIT, RW);
    EXPECT_EQ(t, space_init(&p->other, &p->w.pool, 2), VM_OK);
}

static void pair_destroy(struct pair *p)
{
    space_destroy(&p->other);
    world_destroy(&p->w);
}

static void push_out(struct space *s)
{
    for (uint32_t i = 0; i < LIMIT; i++)
        page_touch(s, 50 + i);
}

static uint32_t file_word(uint32_t page)
{
    return page * (PAGE_SIZE / (uint32_t)sizeof(uint32_t)) + 1;
}

/* A shared object of `pages` pages, mapped by both at page 0. => one reference besides the mappings */
static struct object *share(struct ktest_run *t, struct pair *p, uint32_t pages)
{
    struct object *o = object_create("shared", pages * PAGE_SIZE);
    if (o != NULL) {
        EXPECT_EQ(t, pages_region(&p->w.space, 0, pages, RW, REGION_SHARED, o), VM_OK);
        EXPECT_EQ(t, pages_region(&p->other, 0, pages, RW, REGION_SHARED, o), VM_OK);
    }
    return o;
}

TEST(object_table_says_where_pages_are)
{
    enum { FAR = 3 * OBJECT_LEAF + 5 };
    struct object *o = object_new("shared", NULL, (FAR + 1) * PAGE_SIZE);
    struct frame *f = buddy_alloc(0, ALLOC_KERNEL);
    REQUIRE(t, o != NULL && f != NULL);
    EXPECT_EQ(t, object_pages(o), FAR + 1);
    EXPECT(t, object_lookup(o, FAR).frame == NULL && !slot_valid(object_lookup(o, FAR).slot));
    EXPECT_EQ(t, object_reserve(o, FAR), VM_OK);
    object_set_frame(o, FAR, f);
    EXPECT(t, object_lookup(o, FAR).frame == f && f->object == o && f->index == FAR);
    EXPECT_EQ(t, o->resident, 1);
    object_set_slot(o, FAR, (slot_t){7});
    EXPECT(t, f->object == NULL);
    EXPECT(t, object_lookup(o, FAR).frame == NULL && object_lookup(o, FAR).slot.n == 7);
    EXPECT(t, o->resident == 0 && o->swapped == 1);
    object_set_slot(o, FAR, (slot_t){9});
    EXPECT_EQ(t, o->swapped, 1);
    object_set_frame(o, FAR, f);
    EXPECT(t, o->resident == 1 && o->swapped == 0);
    object_clear(o, FAR);
    object_clear(o, 2 * OBJECT_LEAF); /* where no leaf is */
    EXPECT(t, o->resident == 0 && o->swapped == 0 && f->object == NULL);
    EXPECT(t, object_lookup(o, 100 * OBJECT_LEAF).frame == NULL);
    object_delete(o);
    buddy_free(f);
}

TEST(object_length_in_pages)
{
    static const uint32_t lengths[] = {0, 1, PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE + 1, 0xffffffff};
    static const uint32_t pages[] = {0, 1, 1, 1, 2, 1 << 20};
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        struct object *o = object_create("shared", lengths[i]);
        REQUIRE(t, o != NULL);
        EXPECT_EQ(t, object_pages(o), pages[i]);
        object_unref(o);
    }
}

TEST(object_file_pages_are_shared)
{
    struct pair p;
    pair_init(t, &p);
    struct object *o = file_map(&p.w.space, 0, file, FILE_LENGTH, RW);
    EXPECT_EQ(t, pages_region(&p.other, 4, FILE_PAGES, VM_READ | VM_EXEC, 0, o), VM_OK);
    for (uint32_t i = 0; i < FILE_PAGES; i++) {
        EXPECT_EQ(t, word_load(&p.w.space, i), file_word(i));
        EXPECT_EQ(t, word_load(&p.other, 4 + i), file_word(i));
        EXPECT(t, page_frame(&p.w.space, i) == page_frame(&p.other, 4 + i));
        EXPECT(t, !pmap_lookup(&p.w.space.pmap, page_va(i)).writable);
    }
    EXPECT_EQ(t, p.w.pool.resident, FILE_PAGES);
    EXPECT_EQ(t, o->resident, FILE_PAGES);
    EXPECT_EQ(t, vmstat.fault_file, 2 * FILE_PAGES);
    uint32_t v;
    EXPECT_EQ(t, machine_access(&p.w.space, page_va(5) + 96, VM_READ, &v), VM_OK);
    EXPECT_EQ(t, v, file_word(5) + 24);
    EXPECT_EQ(t, machine_access(&p.w.space, page_va(5) + 100, VM_READ, &v), VM_OK);
    EXPECT_EQ(t, v, 0); /* what lies behind the file in memory is not of it */
    test_check(t);
    push_out(&p.w.space); /* clean: dropped */
    EXPECT_EQ(t, o->resident, 0);
    EXPECT_EQ(t, swap_free(), TEST_SLOTS);
    EXPECT_EQ(t, machine.disk.writes, 0);
    EXPECT_EQ(t, pmap_lookup(&p.other.pmap, page_va(4)).state, PTE_NONE);
    EXPECT_EQ(t, word_load(&p.other, 4), file_word(0));
    pair_destroy(&p);
}

TEST(object_private_copy)
{
    for (int resident = 0; resident <= 1; resident++) {
        struct pair p;
        enum vm_result r;
        pair_init(t, &p);
        struct object *o = file_map(&p.w.space, 0, file, FILE_LENGTH, RW);
        EXPECT_EQ(t, pages_region(&p.other, 0, FILE_PAGES, RW, 0, o), VM_OK);
        uint32_t faults = vmstat.fault_cow;
        if (resident)
            EXPECT_EQ(t, word_load(&p.w.space, 1), file_word(1));
        uint32_t v = 77;
        EXPECT_EQ(t, machine_access(&p.w.space, page_va(1) + 8, VM_WRITE, &v), VM_OK);
        EXPECT_EQ(t, vmstat.fault_cow - faults, (uint32_t)resident);
        EXPECT_EQ(t, o->resident, (uint32_t)resident); /* the first write alone does not bring it in */
        EXPECT_EQ(t, word_load(&p.w.space, 1), file_word(1));
        EXPECT(t, page_frame(&p.w.space, 1)->object == NULL);
        EXPECT_EQ(t, word_load(&p.other, 1), file_word(1));
        EXPECT_EQ(t, machine_access(&p.other, page_va(1) + 8, VM_READ, &v), VM_OK);
        EXPECT_EQ(t, v, file_word(1) + 2);
        test_check(t);
        push_out(&p.w.space); /* the copy is dirty, the file's page is not */
        EXPECT(t, page_swapped(&p.w.space, 1));
        EXPECT_EQ(t, machine_access(&p.w.space, page_va(1) + 8, VM_READ, &v), VM_OK);
        EXPECT_EQ(t, v, 77);
        EXPECT_EQ(t, page_stamp(&p.w.space, page_va(5), 1), VM_OK); /* the last page, all of it */
        EXPECT(t, page_stamped(&p.w.space, page_va(5), 1, &r));
        pair_destroy(&p);
    }
}

/* A copy made while the file's page is resident, in no process, and by fork. */
TEST(object_private_copy_after_fork)
{
    struct pair p;
    struct space child;
    pair_init(t, &p);
    file_map(&p.w.space, 0, file, FILE_LENGTH, RW);
    word_store(&p.w.space, 0, 5);
    EXPECT_EQ(t, word_load(&p.w.space, 1), file_word(1));
    EXPECT_EQ(t, space_init(&child, &p.w.pool, 3), VM_OK);
    EXPECT_EQ(t, space_fork(&child, &p.w.space), VM_OK);
    word_store(&child, 0, 6);
    word_store(&child, 1, 7);
    EXPECT_EQ(t, word_load(&p.w.space, 0), 5);
    EXPECT_EQ(t, word_load(&p.w.space, 1), file_word(1));
    EXPECT_EQ(t, word_load(&child, 0), 6);
    EXPECT_EQ(t, word_load(&child, 2), file_word(2));
    test_check(t);
    space_destroy(&child);
    pair_destroy(&p);
}

TEST(object_shared_memory_is_seen_by_all)
{
    struct pair p;
    enum vm_result r;
    pair_init(t, &p);
    struct object *o = share(t, &p, 4);
    REQUIRE(t, o != NULL);
    EXPECT_EQ(t, word_load(&p.other, 0), 0);
    word_store(&p.w.space, 0, 11);
    EXPECT_EQ(t, word_load(&p.other, 0), 11);
    word_store(&p.other, 0, 12); /* writable since it was read: nothing to copy */
    EXPECT_EQ(t, word_load(&p.w.space, 0), 12);
    EXPECT_EQ(t, vmstat.fault_cow, 0);
    EXPECT_EQ(t, o->resident, 1);
    p.other.pmap.tag = 1;
    EXPECT_EQ(t, page_stamp(&p.w.space, page_va(1), 1), VM_OK);
    push_out(&p.w.space);
    EXPECT(t, o->resident == 0 && o->swapped == 2);
    EXPECT_EQ(t, pmap_lookup(&p.other.pmap, page_va(0)).state, PTE_NONE);
    EXPECT_EQ(t, machine.disk.writes, 2);
    test_check(t);
    EXPECT(t, page_stamped(&p.other, page_va(1), 1, &r));
    EXPECT(t, machine.last.major && machine.last.kase == CASE_SWAPPED);
    EXPECT(t, page_stamped(&p.w.space, page_va(1), 1, &r));
    EXPECT(t, !machine.last.major && machine.last.kase == CASE_FIRST_TOUCH);
    EXPECT_EQ(t, machine.disk.reads, 1);
    EXPECT(t, o->resident == 1 && o->swapped == 1);
    test_check(t);
    push_out(&p.w.space); /* clean, and stored */
    EXPECT_EQ(t, machine.disk.writes, 2);
    EXPECT_EQ(t, o->swapped, 2);
    EXPECT_EQ(t, word_load(&p.w.space, 0), 12);
    object_unref(o);
    pair_destroy(&p);
}

/* Never written, a shared page is zeros again. */
TEST(object_clean_shared_page_costs_no_slot)
{
    struct pair p;
    pair_init(t, &p);
    struct object *o = share(t, &p, 1);
    REQUIRE(t, o != NULL);
    EXPECT_EQ(t, word_load(&p.w.space, 0), 0);
    EXPECT(t, page_frame(&p.w.space, 0) != zero_frame);
    push_out(&p.w.space);
    EXPECT(t, o->resident == 0 && o->swapped == 0);
    EXPECT_EQ(t, swap_free(), TEST_SLOTS);
    EXPECT_EQ(t, word_load(&p.w.space, 0), 0);
    object_unref(o);
    pair_destroy(&p);
}

/* The page stays when nobody maps it any more, with what was written to it. */
TEST(object_pages_outlive_their_mappings)
{
    struct pair p;
    pair_init(t, &p);
    struct object *o = share(t, &p, 2);
    REQUIRE(t, o != NULL);
    word_store(&p.w.space, 0, 33);
    EXPECT_EQ(t, space_unmap(&p.w.space, page_va(0), 2 * PAGE_SIZE), VM_OK);
    EXPECT_EQ(t, space_unmap(&p.other, page_va(0), 2 * PAGE_SIZE), VM_OK);
    EXPECT(t, o->refs == 1 && o->resident == 1);
    test_check(t);
    push_out(&p.w.space);
    EXPECT_EQ(t, o->swapped, 1);
    EXPECT_EQ(t, pages_region(&p.other, 0, 2, VM_READ, REGION_SHARED, o), VM_OK);
    EXPECT_EQ(t, word_load(&p.other, 0), 33);
    EXPECT(t, !pmap_lookup(&p.other.pmap, page_va(0)).writable);
    object_unref(o);
    pair_destroy(&p);
}

TEST(object_write_and_read_by_the_kernel)
{
    static uint8_t out[3 * PAGE_SIZE], in[3 * PAGE_SIZE];
    struct pair p;
    pair_init(t, &p);
    struct object *o = share(t, &p, 4);
    REQUIRE(t, o != NULL);
    for (uint32_t i = 0; i < sizeof out; i++)
        out[i] = (uint8_t)(i * 5 + i / 250);
    static const uint32_t offsets[] = {0, 1, 4095, 4096}, sizes[] = {0, 1, 4096, 8193};
    for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(sizes); j++) {
            EXPECT_EQ(t, object_write(o, &p.w.pool, offsets[i], out + i, sizes[j]), VM_OK);
            push_out(&p.w.space); /* it must count as dirty */
            memset(in, 0xee, sizeof in);
            EXPECT_EQ(t, object_read(o, &p.w.pool, offsets[i], in, sizes[j]), VM_OK);
            EXPECT(t, memcmp(in, out + i, sizes[j]) == 0 && in[sizes[j]] == 0xee);
        }
    }
    word_store(&p.other, 3, 0x01020304);
    EXPECT_EQ(t, object_read(o, &p.w.pool, 3 * PAGE_SIZE, in, 4), VM_OK);
    EXPECT_EQ(t, in[0], 4);
    EXPECT_EQ(t, object_read(o, &p.w.pool, 4 * PAGE_SIZE, in, 1), VM_BEYOND);
    test_check(t);
    object_unref(o);
    pair_destroy(&p);
}

/* The first write to a private mapping of shared memory that is in swap: the object's page comes back, and
 * is copied. */
TEST(object_private_copy_of_a_swapped_page)
{
    struct pair p;
    pair_init(t, &p);
    struct object *o = share(t, &p, 2);
    REQUIRE(t, o != NULL);
    EXPECT_EQ(t, pages_region(&p.other, 10, 2, RW, 0, o), VM_OK);
    word_store(&p.w.space, 0, 5);
    uint32_t v = 6;
    EXPECT_EQ(t, machine_access(&p.w.space, page_va(0) + 4, VM_WRITE, &v), VM_OK);
    push_out(&p.w.space);
    EXPECT_EQ(t, o->swapped, 1);
    word_store(&p.other, 10, 7);
    EXPECT(t, machine.last.major && machine.last.kase == CASE_SWAPPED);
    EXPECT_EQ(t, vmstat.fault_swap, vmstat.pgmajfault);
    test_check(t);
    EXPECT_EQ(t, machine_access(&p.other, page_va(10) + 4, VM_READ, &v), VM_OK);
    EXPECT_EQ(t, v, 6);
    EXPECT_EQ(t, word_load(&p.w.space, 0), 5);
    EXPECT_EQ(t, word_load(&p.other, 0), 5);
    object_unref(o);
    pair_destroy(&p);
}

/* All frames but one are wired: the object's page and its copy cannot be in memory at once. */
TEST(object_private_copy_with_one_frame)
{
    struct pair p;
    uint32_t v = 8;
    pair_init(t, &p);
    p.w.pool.limit = 6;
    struct object *o = share(t, &p, 3);
    REQUIRE(t, o != NULL);
    EXPECT_EQ(t, pages_region(&p.other, 10, 3, RW, 0, o), VM_OK);
    word_store(&p.w.space, 1, 4);
    word_store(&p.w.space, 2, 5);
    EXPECT_EQ(t, pool_evict(&p.w.pool, SWAP_NORMAL), VM_OK); /* page 1 is in swap */
    EXPECT_EQ(t, pages_region(&p.w.space, 80, 5, RW, REGION_LOCKED, NULL), VM_OK);
    for (uint32_t i = 0; i < 5; i++)
        word_store(&p.w.space, 80 + i, i);
    EXPECT_EQ(t, p.w.pool.resident, 6);
    EXPECT_EQ(t, machine_access(&p.other, page_va(12) + 4, VM_WRITE, &v), VM_OK); /* of a resident one */
    EXPECT_EQ(t, word_load(&p.other, 12), 5);
    EXPECT_EQ(t, machine_access(&p.other, page_va(10) + 4, VM_WRITE, &v), VM_OK); /* of one never touched */
    EXPECT_EQ(t, word_load(&p.other, 10), 0);
    EXPECT_EQ(t, machine_access(&p.other, page_va(11) + 4, VM_WRITE, &v), VM_OK); /* of one in swap */
    EXPECT(t, machine.last.major && machine.last.kase == CASE_SWAPPED);
    EXPECT_EQ(t, word_load(&p.other, 11), 4);
    test_check(t);
    EXPECT_EQ(t, word_load(&p.w.space, 1), 4);
    EXPECT_EQ(t, word_load(&p.w.space, 2), 5);
    for (uint32_t i = 10; i < 13; i++) {
        EXPECT_EQ(t, machine_access(&p.other, page_va(i) + 4, VM_READ, &v), VM_OK);
        EXPECT_EQ(t, v, 8);
    }
    object_unref(o);
    pair_destroy(&p);
}

/* ---- cutting and growing ---- */

TEST(object_resize_cuts_mapped_pages_and_copies)
{
    struct pair p;
    uint32_t v;
    pair_init(t, &p);
    struct object *o = share(t, &p, 8);
    REQUIRE(t, o != NULL);
    EXPECT_EQ(t, pages_region(&p.other, 20, 8, RW, 0, o), VM_OK);
    for (uint32_t i = 0; i < 8; i++)
        word_store(&p.w.space, i, 100 + i);
    for (uint32_t i = 2; i < 6; i++)
        word_store(&p.other, 20 + i, 200 + i); /* private copies */
    for (uint32_t i = 0; i < 2; i++)           /* some of each are in swap */
        page_touch(&p.w.space, 50 + i);
    for (uint32_t i = 0; i < 8; i++)
        EXPECT_EQ(t, pool_evict(&p.w.pool, SWAP_NORMAL), VM_OK);
    EXPECT(t, o->swapped > 0);
    EXPECT_EQ(t, object_resize(o, &p.w.pool, 3 * PAGE_SIZE), VM_OK);
    test_check(t);
    EXPECT_EQ(t, object_pages(o), 3);
    for (uint32_t i = 0; i < 8; i++) {
        enum vm_result want = i < 3 ? VM_OK : VM_BEYOND;
        EXPECT_EQ(t, machine_access(&p.w.space, page_va(i), VM_READ, &v), want);
        EXPECT(t, want != VM_OK || v == 100 + i);
        EXPECT_EQ(t, machine_access(&p.other, page_va(20 + i), VM_READ, &v), want);
        EXPECT(t, want != VM_OK || v == (i < 2 ? 100 : 200) + i);
        EXPECT_EQ(t, machine_access(&p.other, page_va(20 + i), VM_WRITE, &v), want);
    }
    EXPECT_EQ(t, o->resident + o->swapped, 3);
    EXPECT_EQ(t, object_resize(o, &p.w.pool, 8 * PAGE_SIZE), VM_OK);
    for (uint32_t i = 3; i < 8; i++) { /* what comes back is zeros */
        EXPECT_EQ(t, word_load(&p.w.space, i), 0);
        EXPECT_EQ(t, word_load(&p.other, 20 + i), 0);
    }
    test_check(t);
    object_unref(o);
    pair_destroy(&p);
}

TEST(object_resize_zeroes_the_tail)
{
    for (int swapped = 0; swapped <= 1; swapped++) {
        struct pair p;
        uint32_t v;
        pair_init(t, &p);
        p.other.pmap.tag = 1;
        struct object *o = share(t, &p, 2);
        REQUIRE(t, o != NULL);
        EXPECT_EQ(t, page_stamp(&p.w.space, page_va(1), 1), VM_OK);
        if (swapped)
            push_out(&p.w.space);
        EXPECT_EQ(t, object_resize(o, &p.w.pool, PAGE_SIZE + 100), VM_OK);
        EXPECT_EQ(t, object_resize(o, &p.w.pool, 2 * PAGE_SIZE), VM_OK);
        push_out(&p.w.space); /* the zeros must not be lost either */
        for (uint32_t at = 0; at < PAGE_SIZE; at += 4) {
            EXPECT_EQ(t, machine_access(&p.other, page_va(1) + at, VM_READ, &v), VM_OK);
            REQUIRE(t, v == (at < 100 ? stamp_of(1, page_va(1) + at, 1) : 0));
        }
        test_check(t);
        object_unref(o);
        pair_destroy(&p);
    }
}

TEST(object_resize_that_cannot_read_the_tail)
{
    struct pair p;
    pair_init(t, &p);
    struct object *o = share(t, &p, 2);
    REQUIRE(t, o != NULL);
    word_store(&p.w.space, 1, 3);
    push_out(&p.w.space);
    machine.disk.fail_reads = 1;
    EXPECT_EQ(t, object_resize(o, &p.w.pool, PAGE_SIZE + 100), VM_IO_ERROR);
    EXPECT_EQ(t, o->length, 2 * PAGE_SIZE);
    EXPECT_EQ(t, word_load(&p.other, 1), 3);
    object_unref(o);
    pair_destroy(&p);
}

/* Regions that show only part of the object, from an offset. */
TEST(object_resize_and_offsets)
{
    struct pair p;
    uint32_t v;
    pair_init(t, &p);
    struct object *o = object_create("shared", 8 * PAGE_SIZE);
    REQUIRE(t, o != NULL);
    for (uint32_t i = 0; i < 4; i++) { /* pages 2i, 2i + 1 of the object */
        struct region r = {page_va(i * 4), page_va(i * 4 + 2), RW, REGION_SHARED,
                           "data",         i * 2 * PAGE_SIZE,  o};
        object_ref(o);
        EXPECT_EQ(t, space_map(&p.w.space, &r), VM_OK);
        word_store(&p.w.space, i * 4, i * 2);
        word_store(&p.w.space, i * 4 + 1, i * 2 + 1);
    }
    EXPECT_EQ(t, o->resident, 8);
    EXPECT_EQ(t, object_resize(o, &p.w.pool, 5 * PAGE_SIZE), VM_OK);
    for (uint32_t i = 0; i < 4; i++) {
        EXPECT_EQ(t, machine_access(&p.w.space, page_va(i * 4), VM_READ, &v), i * 2 < 5 ? VM_OK : VM_BEYOND);
        EXPECT_EQ(t, machine_access(&p.w.space, page_va(i * 4 + 1), VM_READ, &v),
                  i * 2 + 1 < 5 ? VM_OK : VM_BEYOND);
    }
    test_check(t);
    object_unref(o);
    pair_destroy(&p);
}

/* ---- the end ---- */

static uint32_t releases;

static void on_release(struct object *o)
{
    releases += o->owner == &releases && o->refs == 0 && o->resident + o->swapped > 0;
}

TEST(object_last_reference_frees_all)
{
    struct pair p;
    pair_init(t, &p);
    struct object *o = share(t, &p, 16);
    REQUIRE(t, o != NULL);
    o->released = on_release;
    o->owner = &releases;
    for (uint32_t i = 0; i < 16; i++)
        word_store(&p.w.space, i, i);
    EXPECT(t, o->resident > 0 && o->swapped > 0);
    object_unref(o);
    EXPECT_EQ(t, space_unmap(&p.w.space, page_va(0), 16 * PAGE_SIZE), VM_OK);
    EXPECT_EQ(t, releases, 0);
    EXPECT_EQ(t, space_unmap(&p.other, page_va(0), 8 * PAGE_SIZE), VM_OK); /* half of it */
    EXPECT_EQ(t, releases, 0);
    test_check(t);
    EXPECT_EQ(t, space_unmap(&p.other, page_va(8), 8 * PAGE_SIZE), VM_OK);
    EXPECT_EQ(t, releases, 1);
    EXPECT_EQ(t, p.w.pool.resident, 0);
    EXPECT_EQ(t, swap_free(), TEST_SLOTS);
    EXPECT(t, list_empty(&all_objects));
    pair_destroy(&p);
}

/* The write of a shared page fails: it stays to be found through its slot, also by the object. */
TEST(object_page_whose_write_fails)
{
    struct pair p;
    pair_init(t, &p);
    struct object *o = share(t, &p, 2);
    REQUIRE(t, o != NULL);
    word_store(&p.w.space, 0, 44);
    machine.disk.fail_writes = 2;
    EXPECT_EQ(t, pool_evict(&p.w.pool, SWAP_NORMAL), VM_IO_ERROR);
    EXPECT(t, o->resident == 0 && o->swapped == 1);
    EXPECT_EQ(t, p.w.pool.resident, 1);
    test_check(t);
    EXPECT_EQ(t, word_load(&p.other, 0), 44);
    EXPECT_EQ(t, machine.disk.reads, 0);
    EXPECT(t, o->resident == 1 && o->swapped == 0);
    test_check(t);
    push_out(&p.w.space);
    EXPECT_EQ(t, word_load(&p.w.space, 0), 44);
    machine.disk.fail_writes = 0;
    object_unref(o);
    pair_destroy(&p);
}

TEST(object_short_of_memory)
{
    static struct frame *hoard[2 * TEST_FRAMES];
    struct pair p;
    uint32_t n = 0;
    pair_init(t, &p);
    struct object *o = share(t, &p, 2);
    REQUIRE(t, o != NULL);
    word_store(&p.w.space, 0, 1);
    push_out(&p.w.space);
    while ((hoard[n] = buddy_alloc(0, ALLOC_KERNEL)) != NULL)
        n++;
    uint32_t objects = 0;
    struct object *more[200];
    while (objects < ARRAY_SIZE(more) && (more[objects] = object_create("shared", PAGE_SIZE)) != NULL)
        objects++;
    EXPECT(t, objects < ARRAY_SIZE(more));
    EXPECT(t, object_create("shared", 512 << 20) == NULL);
    void **rest = NULL, **block; /* what slabs have room for, in that size */
    while ((block = kmalloc(3000 / 4 * sizeof *block)) != NULL) {
        *block = rest;
        rest = block;
    }
    EXPECT_EQ(t, object_resize(o, &p.w.pool, 3000u << 20), VM_NO_MEMORY);
    EXPECT_EQ(t, o->length, 2 * PAGE_SIZE);
    EXPECT_EQ(t, word_load(&p.other, 0), 1); /* a page makes room */
    while (objects > 0)
        object_unref(more[--objects]);
    while ((block = rest) != NULL) {
        rest = *block;
        kfree(block);
    }
    while (n > 0)
        buddy_free(hoard[--n]);
    test_check(t);
    object_unref(o);
    pair_destroy(&p);
}
