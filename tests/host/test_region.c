/* SPDX-License-Identifier: MIT
 * Tests of region sets. */
#include "lib/random.h"
#include "mm/buddy.h"
#include "mm/region.h"
#include "tests/host/pages.h"

static enum vm_result add(struct region_set *set, uint32_t first, uint32_t count, uint32_t offset)
{
    struct region r = {page_va(first), page_va(first + count), VM_READ, 0, "anon", offset, NULL};
    return region_add(set, &r);
}

TEST(region_add_keeps_order_and_refuses_overlap)
{
    struct region_set set = {0};
    EXPECT_EQ(t, add(&set, 10, 5, 0), VM_OK);
    EXPECT_EQ(t, add(&set, 30, 5, 0), VM_OK);
    EXPECT_EQ(t, add(&set, 20, 5, 0), VM_OK);
    EXPECT_EQ(t, add(&set, 0, 10, 0), VM_OK); /* touches the one at 10 */
    static const struct {
        uint32_t first, count;
    } taken[] = {{10, 5}, {9, 2}, {14, 1}, {14, 2}, {11, 2}, {5, 40}, {0, 1}, {34, 10}};
    for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
        EXPECT_EQ(t, add(&set, taken[i].first, taken[i].count, 0), VM_EXISTS);
    REQUIRE(t, set.count == 4);
    for (uint32_t i = 1; i < set.count; i++)
        EXPECT(t, set.at[i - 1]->end <= set.at[i]->start);
    EXPECT_EQ(t, add(&set, 15, 0, 0), VM_INVALID);
    struct region odd = {page_va(40) + 1, page_va(41), VM_READ, 0, "odd", 0, NULL};
    EXPECT_EQ(t, region_add(&set, &odd), VM_INVALID);
    odd = (struct region){page_va(40), page_va(41) - 4, VM_READ, 0, "odd", 0, NULL};
    EXPECT_EQ(t, region_add(&set, &odd), VM_INVALID);
    odd = (struct region){page_va(41), page_va(40), VM_READ, 0, "odd", 0, NULL};
    EXPECT_EQ(t, region_add(&set, &odd), VM_INVALID);
    region_set_destroy(&set);
    EXPECT_EQ(t, set.count, 0);
}

TEST(region_find_at_every_edge)
{
    struct region_set set = {0};
    EXPECT(t, region_find(&set, page_va(0)) == NULL);
    EXPECT_EQ(t, region_index(&set, page_va(0)), 0);
    for (uint32_t i = 0; i < 20; i++)
        EXPECT_EQ(t, add(&set, i * 4, 2, 0), VM_OK);
    for (int round = 0; round < 2; round++) { /* with and without the last one remembered */
        for (uint32_t i = 0; i < 20; i++) {
            struct region *r = set.at[i];
            EXPECT(t, region_find(&set, r->start) == r);
            EXPECT(t, region_find(&set, r->end - 1) == r);
            EXPECT(t, region_find(&set, r->end) == NULL);
            EXPECT(t, region_find(&set, r->start - 1) == NULL);
            EXPECT_EQ(t, region_index(&set, r->start - 1), i);
            EXPECT_EQ(t, region_index(&set, r->end - 1), i);
            EXPECT_EQ(t, region_index(&set, r->end), i + 1);
        }
    }
    region_find(&set, page_va(4));
    region_remove(&set, 1); /* the one that was found last */
    EXPECT(t, region_find(&set, page_va(4)) == NULL);
    EXPECT_EQ(t, set.count, 19);
    region_set_destroy(&set);
}

TEST(region_split_moves_the_offset)
{
    struct region_set set = {0};
    EXPECT_EQ(t, add(&set, 10, 10, 3 * PAGE_SIZE), VM_OK);
    region_find(&set, page_va(15));
    EXPECT_EQ(t, region_split(&set, page_va(14)), VM_OK);
    REQUIRE(t, set.count == 2);
    EXPECT_EQ(t, set.at[0]->start, page_va(10));
    EXPECT_EQ(t, set.at[0]->end, page_va(14));
    EXPECT_EQ(t, set.at[0]->offset, 3 * PAGE_SIZE);
    EXPECT_EQ(t, set.at[1]->start, page_va(14));
    EXPECT_EQ(t, set.at[1]->end, page_va(20));
    EXPECT_EQ(t, set.at[1]->offset, 7 * PAGE_SIZE);
    EXPECT(t, region_find(&set, page_va(15)) == set.at[1]);
    static const uint32_t nothing_to_split[] = {9, 10, 14, 20, 30};
    for (size_t i = 0; i < ARRAY_SIZE(nothing_to_split); i++)
        EXPECT_EQ(t, region_split(&set, page_va(nothing_to_split[i])), VM_OK);
    EXPECT_EQ(t, set.count, 2);
    region_set_destroy(&set);
}

TEST(region_short_of_memory_changes_nothing)
{
    static struct frame *frames[2 * TEST_FRAMES];
    struct region_set set = {0};
    uint32_t n = 0, regions = 0;
    while ((frames[n] = buddy_alloc(0, ALLOC_KERNEL)) != NULL)
        n++;
    EXPECT_EQ(t, add(&set, 0, 4, 0), VM_NO_MEMORY);
    for (int i = 0; i < 2; i++) /* one frame for the index, one for regions */
        buddy_free(frames[--n]);
    while (add(&set, regions * 8, 4, 0) == VM_OK)
        regions++;
    EXPECT(t, regions > 4);
    EXPECT_EQ(t, set.count, regions);
    EXPECT_EQ(t, region_split(&set, page_va(2)), VM_NO_MEMORY);
    EXPECT_EQ(t, set.count, regions);
    EXPECT_EQ(t, set.at[0]->end, page_va(4));
    region_set_destroy(&set);
    while (n > 0)
        buddy_free(frames[--n]);
}

/* Two regions in two halves of one object: what must agree for them to be joined? */
TEST(region_merge_joins_only_equals)
{
    struct object *o = object_create("shared", 16 * PAGE_SIZE), *other = object_create("shared", PAGE_SIZE);
    REQUIRE(t, o != NULL && other != NULL);
    const struct region low = {page_va(0), page_va(4), VM_READ, 0, "data", PAGE_SIZE, o};
    const struct region high = {page_va(4), page_va(8), VM_READ, 0, "data", 5 * PAGE_SIZE, o};
    struct region odd[7];
    for (size_t i = 0; i < ARRAY_SIZE(odd); i++)
        odd[i] = high;
    odd[1].prot = VM_READ | VM_WRITE;
    odd[2].flags = REGION_SHARED;
    odd[3].name = "text";
    odd[4].offset = 6 * PAGE_SIZE;
    odd[5].object = other;
    odd[6].start = page_va(5);
    for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
        struct region_set set = {0};
        object_ref(low.object);
        object_ref(odd[i].object);
        EXPECT_EQ(t, region_add(&set, &low), VM_OK);
        EXPECT_EQ(t, region_add(&set, &odd[i]), VM_OK);
        region_find(&set, page_va(6)); /* remembered, and must be forgotten */
        region_merge(&set, page_va(4), page_va(8));
        EXPECT_EQ(t, set.count, i == 0 ? 1 : 2);
        EXPECT_EQ(t, o->refs, i == 0 || i == 5 ? 2 : 3);
        if (i == 0) {
            EXPECT_EQ(t, set.at[0]->end, page_va(8));
            EXPECT(t, region_find(&set, page_va(6)) == set.at[0]);
        }
        region_set_destroy(&set);
        EXPECT(t, o->refs == 1 && other->refs == 1);
    }
    object_unref(o);
    object_unref(other);
}

TEST(region_merge_reaches_both_neighbours)
{
    struct region_set set = {0};
    for (uint32_t i = 0; i < 5; i++)
        EXPECT_EQ(t, add(&set, i * 4, 4, 0), VM_OK);
    region_merge(&set, page_va(8), page_va(12)); /* the one in the middle, and what touches it */
    REQUIRE(t, set.count == 3);
    EXPECT_EQ(t, set.at[1]->start, page_va(4));
    EXPECT_EQ(t, set.at[1]->end, page_va(16));
    region_set_destroy(&set);
}

TEST(region_split_shares_the_object)
{
    struct region_set set = {0};
    struct object *o = object_create("shared", 16 * PAGE_SIZE);
    REQUIRE(t, o != NULL);
    const struct region r = {page_va(0), page_va(8), VM_READ, REGION_SHARED, "data", 0, o};
    object_ref(o);
    EXPECT_EQ(t, region_add(&set, &r), VM_OK);
    EXPECT_EQ(t, region_split(&set, page_va(3)), VM_OK);
    EXPECT_EQ(t, o->refs, 3);
    EXPECT(t, set.at[1]->object == o && set.at[1]->flags == REGION_SHARED);
    region_set_destroy(&set);
    EXPECT_EQ(t, o->refs, 1);
    object_unref(o);
}
