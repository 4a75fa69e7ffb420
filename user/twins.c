/* SPDX-License-Identifier: MIT
 * Pages worth merging: a quarter hold zeros, a quarter hold what other pages hold too, in every process that
 * runs this, and half are like no other; but some of these have the same checksum as a page that they do not
 * equal. They are left alone for a while; then one word of each third page
 * changes, and all are checked. That as often as it takes to change each page. The first half of the pages is
 * advised to be merged, for kernels that want to be told. */
#include "user/rt/program.h"
#include "user/rt/random.h"
#include "user/rt/sys.h"

enum { MADV_MERGEABLE = 12 };
enum { ROUNDS = 3, CLASSES = 8, NEAR_MISSES = 16, FLIP = 0x5a000001 };

const struct program program = {"twins", {{"PAGES", 200, 4, 65536}, {"MS", 500, 1, 60000}}};

static uint32_t pid;

static uint32_t class_word(unsigned i, unsigned word)
{
    return mix32(i / 4 % CLASSES * WORDS_PER_PAGE + word);
}

/* The kernel sums words, and sums of these sums, of each fourth word by itself (lib/page.h): of three words
 * in a row, +d, -2d and +d change neither. */
static uint32_t near_miss(unsigned i, unsigned word)
{
    uint32_t d = pid << 16 | i;
    return class_word(i, word) + (word == 0 || word == 8 ? d : word == 4 ? -2 * d : 0);
}

/* What page i began with. */
static uint32_t first_word(unsigned i, unsigned word)
{
    switch (i % 4) {
    case 0:
        return 0;
    case 1:
        return class_word(i, word);
    default:
        return i < NEAR_MISSES ? near_miss(i, word) : mix32(mix32(pid << 16 | i) + word);
    }
}

static bool changed(unsigned i, unsigned word, unsigned rounds)
{
    return i % ROUNDS < rounds && word == i % WORDS_PER_PAGE;
}

/* Checks every word of every page, after so many rounds. */
static void check(uint32_t (*at)[WORDS_PER_PAGE], unsigned pages, unsigned rounds)
{
    for (unsigned i = 0; i < pages; i++) {
        for (unsigned w = 0; w < WORDS_PER_PAGE; w++) {
            uint32_t wanted = first_word(i, w) ^ (changed(i, w, rounds) ? FLIP : 0);
            if (at[i][w] != wanted)
                fail("page=%u word=%u round=%u found=%#x wanted=%#x", i, w, rounds, (unsigned)at[i][w],
                     (unsigned)wanted);
        }
    }
}

static void pause(unsigned ms)
{
    struct timespec want = {(int)(ms / 1000), (int)(ms % 1000 * 1000000)};
    long err = sys_nanosleep(&want, NULL);
    if (err != 0)
        fail("nanosleep errno=%ld", -err);
}

static void advise(void *at, unsigned pages)
{
    long err = sys_call(SYS_MADVISE, at, pages * PAGE_SIZE, MADV_MERGEABLE);
    if (err != 0 && err != -EINVAL) /* EINVAL: a Linux that was built without merging */
        fail("madvise errno=%ld", -err);
}

int main(int argc, char **argv, char **envp UNUSED)
{
    unsigned args[MAX_PARAMS];
    read_args(argc, argv, args);
    unsigned pages = args[0];
    pid = (uint32_t)sys_getpid();
    uint32_t(*at)[WORDS_PER_PAGE] = map_pages(pages);
    advise(at, pages / 2);
    for (unsigned i = 0; i < pages; i++)
        for (unsigned w = 0; w < WORDS_PER_PAGE; w++)
            at[i][w] = first_word(i, w);
    for (unsigned r = 0; r < ROUNDS; r++) {
        pause(args[1]);
        check(at, pages, r);
        for (unsigned i = r; i < pages; i += ROUNDS)
            at[i][i % WORDS_PER_PAGE] ^= FLIP;
        check(at, pages, r + 1);
    }
    return ok("pages=%u rounds=%u", pages, (unsigned)ROUNDS);
}
