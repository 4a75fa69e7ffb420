/* SPDX-License-Identifier: MIT
 * Tests of LZ4: what is compressed comes back, what is malformed is refused, and nothing beyond a buffer is
 * touched: input and output end at an unmapped page. */
#include "lib/errno.h"
#include "lib/lz4.h"
#include "lib/page.h"
#include "lib/random.h"
#include "lib/string.h"
#include "tests/host/test.h"
#include <sys/mman.h>

enum { ROOM = 20 * PAGE_SIZE };

static struct lz4_table table;
static uint32_t rng = 1;

/* => `bytes` bytes that end where memory does */
static uint8_t *guarded(uint32_t bytes)
{
    static uint8_t *area[4];
    static unsigned next;
    unsigned i = next++ % ARRAY_SIZE(area);
    if (area[i] == NULL) {
        area[i] = mmap(NULL, ROOM + PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        int err = area[i] != MAP_FAILED ? mprotect(area[i] + ROOM, PAGE_SIZE, PROT_NONE) : -1;
        if (err != 0 || bytes > ROOM)
            return NULL;
    }
    return area[i] + ROOM - bytes;
}

/* ---- kinds of data ---- */

static void fill_zeros(uint8_t *p, uint32_t n)
{
    memset(p, 0, n);
}

static void fill_random(uint8_t *p, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        p[i] = (uint8_t)random_next(&rng);
}

/* Runs of one byte, some longer than any length byte. */
static void fill_runs(uint8_t *p, uint32_t n)
{
    for (uint32_t i = 0; i < n;) {
        uint32_t run = 1 + random_below(&rng, random_below(&rng, 4) == 0 ? 700 : 20);
        for (uint8_t c = (uint8_t)random_below(&rng, 4); i < n && run > 0; run--)
            p[i++] = c;
    }
}

/* One period of 1 to 9 bytes: matches that overlap themselves. */
static void fill_periodic(uint8_t *p, uint32_t n)
{
    uint32_t period = 1 + random_below(&rng, 9);
    for (uint32_t i = 0; i < n; i++)
        p[i] = i < period ? (uint8_t)random_next(&rng) : p[i - period];
}

static void fill_text(uint8_t *p, uint32_t n)
{
    static const char *const words[] = {"the ", "page ", "that ",   "goes ",
                                        "out ", "is ",   "clean, ", "dirty.\n"};
    for (uint32_t i = 0; i < n;)
        for (const char *c = words[random_below(&rng, ARRAY_SIZE(words))]; *c != '\0' && i < n; c++)
            p[i++] = (uint8_t)*c;
}

static void fill_records(uint8_t *p, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        p[i] = i % 16 < 4 ? (uint8_t)random_next(&rng) : i % 16 == 4 ? (uint8_t)(i / 16) : 0;
}

/* Old pieces again and again, among new ones. */
static void fill_mixed(uint8_t *p, uint32_t n)
{
    for (uint32_t i = 0; i < n;) {
        uint32_t run = 1 + random_below(&rng, 40), from = random_below(&rng, i + 1);
        bool again = random_below(&rng, 2) == 0 && from < i;
        for (; i < n && run > 0; run--, i++, from++)
            p[i] = again ? p[from] : (uint8_t)random_next(&rng);
    }
}

static void (*const kinds[])(uint8_t *p, uint32_t n) = {fill_zeros, fill_random,  fill_runs, fill_periodic,
                                                        fill_text,  fill_records, fill_mixed};

/* The same bytes, from a table that nobody used before, must give the same result. */
static struct lz4_table fresh;

static uint32_t round_trip(struct ktest_run *t, uint32_t n, unsigned kind)
{
    static uint8_t out[ROOM], again[ROOM];
    uint8_t *src = guarded(n);
    kinds[kind](src, n);
    uint32_t bytes = lz4_compress(&table, src, n, out, sizeof out);
    EXPECT(t, bytes > 0 && bytes <= n + n / 255 + 16);
    fresh.next = 0;
    EXPECT_EQ(t, lz4_compress(&fresh, src, n, again, sizeof again), bytes);
    EXPECT_EQ(t, memcmp(out, again, bytes), 0);

    uint8_t *packed = guarded(bytes), *back = guarded(n);
    EXPECT_EQ(t, lz4_compress(&table, src, n, packed, bytes), bytes); /* room for exactly that */
    EXPECT_EQ(t, memcmp(out, packed, bytes), 0);
    EXPECT_EQ(t, lz4_compress(&table, src, n, packed + 1, bytes - 1), 0);
    memcpy(packed, out, bytes);
    memset(back, 0xee, n);
    EXPECT_EQ(t, lz4_decompress(packed, bytes, back, n), (int)n);
    EXPECT_EQ(t, memcmp(src, back, n), 0);
    if (n > 0)
        EXPECT_EQ(t, lz4_decompress(packed, bytes, back + 1, n - 1), -EINVAL);
    EXPECT_EQ(t, lz4_decompress(packed, bytes, again, sizeof again), (int)n); /* more room than it needs */
    return bytes;
}

TEST(lz4_round_trips_of_every_size)
{
    for (uint32_t n = 0; n <= 600; n++)
        for (unsigned kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
            round_trip(t, n, kind);
            REQUIRE(t, t->failures == 0);
        }
}

TEST(lz4_round_trips_of_pages)
{
    for (int i = 0; i < 60; i++)
        for (unsigned kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
            round_trip(t, PAGE_SIZE, kind);
            REQUIRE(t, t->failures == 0);
        }
}

TEST(lz4_round_trips_of_the_largest_input)
{
    for (unsigned kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
        round_trip(t, LZ4_MAX_INPUT, kind);
        round_trip(t, LZ4_MAX_INPUT - 1, kind);
    }
    static uint8_t out[ROOM];
    EXPECT_EQ(t, lz4_compress(&table, guarded(LZ4_MAX_INPUT + 1), LZ4_MAX_INPUT + 1, out, sizeof out), 0);
}

/* Both builds of the tests, one of which has the x86 instructions, compress to the same bytes; and how many
 * they are does not change by accident. */
TEST(lz4_known_sizes)
{
    static uint8_t out[ROOM];
    uint32_t sum = 0, bytes[ARRAY_SIZE(kinds)] = {0};
    for (unsigned kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
        uint8_t *src = guarded(PAGE_SIZE);
        for (int i = 0; i < 10; i++) {
            kinds[kind](src, PAGE_SIZE);
            uint32_t n = lz4_compress(&table, src, PAGE_SIZE, out, sizeof out);
            bytes[kind] += n;
            for (uint32_t j = 0; j < n; j++)
                sum = sum * 31 + out[j];
        }
    }
    EXPECT_EQ(t, bytes[0], 10 * 26);
    EXPECT_EQ(t, bytes[1], 10 * (PAGE_SIZE + 18));
    EXPECT_EQ(t, bytes[4], 19541);
    EXPECT_EQ(t, bytes[5], 20570);
    EXPECT_EQ(t, sum, 1741495945);
}

/* ---- what is written, byte for byte ---- */

/* Walks a block as its description says, and holds the rules for its end against it. */
static void check_end_rules(struct ktest_run *t, const uint8_t *at, const uint8_t *end, uint32_t n)
{
    uint32_t done = 0;
    for (;;) {
        REQUIRE(t, at < end);
        uint32_t token = *at++, literals = token >> 4, length = (token & 15) + 4;
        if (literals == 15)
            do
                literals += *at;
            while (*at++ == 255);
        at += literals;
        done += literals;
        if (at >= end) {
            REQUIRE(t, at == end && done == n && (literals >= MIN(n, 5u)));
            return;
        }
        at += 2;
        if (length == 19)
            do
                length += *at;
            while (*at++ == 255);
        REQUIRE(t, done + 12 <= n);
        done += length;
    }
}

TEST(lz4_blocks_end_as_they_must)
{
    static uint8_t out[ROOM];
    for (uint32_t n = 1; n < 300; n++)
        for (unsigned kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
            uint8_t *src = guarded(n);
            kinds[kind](src, n);
            uint32_t bytes = lz4_compress(&table, src, n, out, sizeof out);
            check_end_rules(t, out, out + bytes, n);
            REQUIRE(t, t->failures == 0);
        }
}

/* ---- what is read ---- */

static int read_block(const char *block, uint32_t n, uint32_t room, char *text)
{
    uint8_t *src = guarded(n), *dst = guarded(room);
    memcpy(src, block, n);
    int bytes = lz4_decompress(src, n, dst, room);
    if (bytes >= 0)
        memcpy(text, dst, (size_t)bytes);
    return bytes;
}

#define READ(block, room, text) read_block(block, sizeof(block) - 1, room, text)

TEST(lz4_reads_blocks_written_by_hand)
{
    char text[400];
    EXPECT_EQ(t, READ("\0", 0, text), 0);
    EXPECT_EQ(t, READ("\x50hello", 5, text), 5);
    EXPECT_EQ(t, memcmp(text, "hello", 5), 0);
    EXPECT_EQ(t,
              READ("\x11"
                   "a\1\0"
                   "\x50vwxyz",
                   11, text),
              11);
    EXPECT_EQ(t, memcmp(text, "aaaaaavwxyz", 11), 0);
    EXPECT_EQ(t,
              READ("\x36"
                   "abc\3\0"
                   "\x50vwxyz",
                   18, text),
              18);
    EXPECT_EQ(t, memcmp(text, "abcabcabcabcavwxyz", 18), 0);
    EXPECT_EQ(t,
              READ("\x1f"
                   "a\1\0\xff\0"
                   "\x50vwxyz",
                   280, text),
              280); /* 1 + 15 + 255 + 0 + 4 + 5 */
    EXPECT_EQ(t, memcmp(text + 274, "avwxyz", 6), 0);
}

TEST(lz4_refuses_malformed_blocks)
{
    char text[400];
    EXPECT_EQ(t, READ("", 100, text), -EINVAL);
    EXPECT_EQ(t, READ("\x50hell", 100, text), -EINVAL);     /* literals beyond the end */
    EXPECT_EQ(t, READ("\xf0", 100, text), -EINVAL);         /* no length byte */
    EXPECT_EQ(t, READ("\xf0\xff\xff", 400, text), -EINVAL); /* they do not end */
    EXPECT_EQ(t,
              READ("\x10"
                   "a\0\0\x50vwxyz",
                   100, text),
              -EINVAL); /* offset 0 */
    EXPECT_EQ(t,
              READ("\x10"
                   "a\2\0\x50vwxyz",
                   100, text),
              -EINVAL); /* before the beginning */
    EXPECT_EQ(t,
              READ("\x10"
                   "a\1",
                   100, text),
              -EINVAL); /* half an offset */
    EXPECT_EQ(t,
              READ("\x10"
                   "a\1\0",
                   100, text),
              -EINVAL); /* no last sequence */
    EXPECT_EQ(t,
              READ("\x1f"
                   "a\1\0\xff",
                   400, text),
              -EINVAL); /* no more length bytes */
    EXPECT_EQ(t,
              READ("\x1f"
                   "a\1\0\x50\x50vwxyz",
                   100, text),
              -EINVAL); /* 105 bytes */
    /* where short sequences are taken with few checks, too */
    EXPECT_EQ(t,
              READ("\x10\x61\0\0\xc0"
                   "abcdefghijkl"
                   "\1\0\x50vwxyz",
                   300, text),
              -EINVAL);
    EXPECT_EQ(t,
              READ("\x10\x61\2\0\xc0"
                   "abcdefghijkl"
                   "\1\0\x50vwxyz",
                   300, text),
              -EINVAL);
    EXPECT_EQ(t,
              READ("\x10\x61\x09\0\xc0"
                   "abcdefghijkl"
                   "\1\0\x50vwxyz",
                   300, text),
              -EINVAL);
    EXPECT_EQ(t,
              READ("\x10\x61\1\0\xc0"
                   "abcdefghijkl"
                   "\1\0\x50vwxyz",
                   300, text),
              26);
}

/* Nothing to expect but that it stays within its buffers, and within what it promises. */
static void read_anything(struct ktest_run *t, const uint8_t *block, uint32_t n, uint32_t room)
{
    uint8_t *src = guarded(n), *dst = guarded(room);
    memcpy(src, block, n);
    int bytes = lz4_decompress(src, n, dst, room);
    EXPECT(t, bytes == -EINVAL || (bytes >= 0 && bytes <= (int)room));
}

TEST(lz4_survives_any_input)
{
    static uint8_t src[PAGE_SIZE], block[2 * PAGE_SIZE];
    for (int i = 0; i < 20000; i++) {
        uint32_t n = random_below(&rng, 300);
        fill_random(block, n);
        read_anything(t, block, n, random_below(&rng, 2) == 0 ? PAGE_SIZE : random_below(&rng, 400));
        REQUIRE(t, t->failures == 0);
    }
    for (int i = 0; i < 3000; i++) {
        kinds[random_below(&rng, ARRAY_SIZE(kinds))](src, sizeof src);
        uint32_t n = lz4_compress(&table, src, sizeof src, block, sizeof block);
        for (uint32_t damage = 1 + random_below(&rng, 4); damage > 0; damage--)
            block[random_below(&rng, n)] = (uint8_t)random_next(&rng);
        read_anything(t, block, n, PAGE_SIZE);
        read_anything(t, block, random_below(&rng, n), PAGE_SIZE); /* cut off */
        REQUIRE(t, t->failures == 0);
    }
}
