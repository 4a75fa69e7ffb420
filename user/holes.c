/* SPDX-License-Identifier: MIT
 * Fragments physical memory: takes many pages, gives all but every EVERYth back, and keeps checking those for
 * so many milliseconds. Whoever wants large blocks meanwhile gets them only if these pages are moved
 * together. */
#include "user/rt/program.h"
#include "user/rt/random.h"

const struct program program = {"holes",
                                {{"PAGES", 1000, 2, 262144}, {"EVERY", 2, 2, 1024}, {"MS", 200, 1, 3600000}}};

enum { WORDS = 1024 }; /* of a page */

static void check(const uint32_t *page, unsigned number, uint32_t round)
{
    for (unsigned w = 0; w < WORDS; w++)
        if (page[w] != mix32(number * WORDS + w) + round)
            fail("page=%u word=%u round=%u", number, w, (unsigned)round);
}

static void write(uint32_t *page, unsigned number, uint32_t round)
{
    for (unsigned w = 0; w < WORDS; w++)
        page[w] = mix32(number * WORDS + w) + round;
}

int main(int argc, char **argv, char **envp UNUSED)
{
    unsigned args[MAX_PARAMS];
    read_args(argc, argv, args);
    unsigned pages = args[0], every = args[1], kept = 0;
    uint32_t(*at)[WORDS] = map_pages(pages);
    for (unsigned i = 0; i < pages; i++)
        write(at[i], i, 0);
    for (unsigned i = 0; i < pages; i++) {
        if (i % every != 0)
            unmap_pages(at[i], 1);
        else
            kept++;
    }
    uint64_t end = clock_ms() + args[2];
    uint32_t round = 0;
    do {
        for (unsigned i = 0; i < pages; i += every) {
            check(at[i], i, round);
            write(at[i], i, round + 1);
        }
        round++;
    } while (clock_ms() < end);
    return ok("pages=%u kept=%u rounds=%u", pages, kept, (unsigned)round);
}
