/* SPDX-License-Identifier: MIT
 * Tests of the page checksum: what it must notice, and that its value never changes by accident. */
#include "lib/page.h"
#include "lib/random.h"
#include "lib/string.h"
#include "tests/host/test.h"

enum { WORDS = PAGE_SIZE / sizeof(uint32_t), LANES = 4 };

static _Alignas(PAGE_SIZE) uint32_t page[WORDS], copy[WORDS];

static void fill(void)
{
    uint32_t rng = 7;
    for (int i = 0; i < WORDS; i++)
        page[i] = random_next(&rng);
}

static void exchange(uint32_t *a, uint32_t *b)
{
    uint32_t tmp = *a;
    *a = *b;
    *b = tmp;
}

TEST(page_sum_known_values)
{
    memset(page, 0, sizeof page);
    EXPECT_EQ(t, page_sum(page), 0);
    memset(page, 0xff, sizeof page);
    EXPECT_EQ(t, page_sum(page), 0x5f228159);
    for (uint32_t i = 0; i < WORDS; i++)
        page[i] = i;
    EXPECT_EQ(t, page_sum(page), 0x7455a837);
}

TEST(page_copy_sum_copies_and_agrees)
{
    fill();
    EXPECT_EQ(t, page_copy_sum(copy, page), page_sum(page));
    EXPECT(t, memcmp(copy, page, sizeof page) == 0);
    EXPECT_EQ(t, page_sum(copy), page_sum(page));
    page_zero(copy);
    for (int i = 0; i < WORDS; i++)
        REQUIRE(t, copy[i] == 0);
    page_copy(copy, page);
    EXPECT(t, memcmp(copy, page, sizeof page) == 0);
}

TEST(page_sum_notices_every_single_bit)
{
    fill();
    uint32_t sum = page_sum(page);
    for (int bit = 0; bit < PAGE_SIZE * 8; bit++) {
        page[bit / 32] ^= 1u << bit % 32;
        REQUIRE(t, page_sum(page) != sum);
        page[bit / 32] ^= 1u << bit % 32;
    }
    EXPECT_EQ(t, page_sum(page), sum);
}

TEST(page_sum_notices_exchanged_words)
{
    fill();
    uint32_t sum = page_sum(page), rng = 3;
    for (int i = 0; i < 20000; i++) {
        uint32_t a = random_below(&rng, WORDS), b = random_below(&rng, WORDS);
        if (page[a] == page[b])
            continue;
        exchange(&page[a], &page[b]);
        REQUIRE(t, page_sum(page) != sum);
        exchange(&page[a], &page[b]);
    }
}

TEST(page_sum_notices_exchanged_lanes)
{
    fill();
    uint32_t sum = page_sum(page);
    for (int a = 0; a < LANES; a++) {
        for (int b = a + 1; b < LANES; b++) {
            for (int i = 0; i < WORDS; i += LANES)
                exchange(&page[i + a], &page[i + b]);
            EXPECT(t, page_sum(page) != sum);
            for (int i = 0; i < WORDS; i += LANES)
                exchange(&page[i + a], &page[i + b]);
        }
    }
}

TEST(page_sum_notices_exchanged_halves_and_shifts)
{
    fill();
    uint32_t sum = page_sum(page);
    for (int i = 0; i < WORDS / 2; i++)
        exchange(&page[i], &page[i + WORDS / 2]);
    EXPECT(t, page_sum(page) != sum);
    fill();
    uint32_t last = page[WORDS - 1];
    memmove(page + 1, page, sizeof page - sizeof page[0]);
    page[0] = last;
    EXPECT(t, page_sum(page) != sum);
}
