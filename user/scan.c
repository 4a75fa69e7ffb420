/* SPDX-License-Identifier: MIT
 * Reads written pages in order, round after round: with one frame too few, the worst case of FIFO and
 * LRU, which then miss on every page. One read per page, so the reference string is plain to see; with
 * EXACT=1 it asks the kernel to see every reference to these pages, and to no others. */
#include "user/rt/program.h"
#include "user/rt/random.h"
#include "user/rt/sys.h"

const struct program program = {"scan",
                                {{"PAGES", 200, 1, 262144}, {"ROUNDS", 10, 1, 1000000}, {"EXACT", 0, 0, 1}}};

enum { MADV_EXACT = 0x464c0001 }; /* kernel/sys_mem.c */

static uint32_t word_of(unsigned page, unsigned word)
{
    return mix32(page * WORDS_PER_PAGE + word + 1);
}

int main(int argc, char **argv, char **envp UNUSED)
{
    unsigned args[MAX_PARAMS];
    read_args(argc, argv, args);
    unsigned pages = args[0], rounds = args[1];
    volatile uint32_t *at = map_pages(pages);
    if (args[2] != 0 && sys_call(SYS_MADVISE, at, pages * PAGE_SIZE, MADV_EXACT) != 0)
        fail("madvise pages=%u", pages);
    for (unsigned p = 0; p < pages; p++)
        for (unsigned w = 0; w < WORDS_PER_PAGE; w++)
            at[p * WORDS_PER_PAGE + w] = word_of(p, w);
    for (unsigned r = 0; r < rounds; r++) {
        unsigned w = r * 67 % WORDS_PER_PAGE; /* another word each round, so that in time all are read */
        for (unsigned p = 0; p < pages; p++) {
            uint32_t found = at[p * WORDS_PER_PAGE + w];
            if (found != word_of(p, w))
                fail("round=%u page=%u word=%u expected=%#x found=%#x", r, p, w, (unsigned)word_of(p, w),
                     (unsigned)found);
        }
    }
    return ok("pages=%u rounds=%u", pages, rounds);
}
