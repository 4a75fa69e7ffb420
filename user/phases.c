/* SPDX-License-Identifier: MIT
 * Works on a few of its pages for a while, then on others: its working set is WINDOW pages, and shifts by
 * half of that from phase to phase, until it has gone round all PAGES. Every word that it adds to is checked
 * at the end. */
#include "user/rt/program.h"
#include "user/rt/random.h"
#include "user/rt/sys.h"

enum { STEPS = 100000 }; /* visits to pages in a phase */

const struct program program = {
    "phases", {{"PAGES", 120, 2, 100000}, {"WINDOW", 30, 2, 100000}, {"ROUNDS", 1, 1, 1000}}};

int main(int argc, char **argv, char **envp UNUSED)
{
    unsigned args[MAX_PARAMS];
    read_args(argc, argv, args);
    unsigned pages = args[0], window = MIN(args[1], pages), phases = 0;
    uint32_t(*at)[WORDS_PER_PAGE] = map_pages(pages), random = 1;
    uint64_t sum = 0;
    for (unsigned round = 0; round < args[2]; round++) {
        for (unsigned start = 0; start < pages; start += MAX(window / 2, 1u), phases++) {
            for (unsigned i = 0; i < STEPS; i++) {
                random = mix32(random + i);
                at[(start + random % window) % pages][random / window % WORDS_PER_PAGE]++;
            }
        }
    }
    for (unsigned p = 0; p < pages; p++)
        for (unsigned w = 0; w < WORDS_PER_PAGE; w++)
            sum += at[p][w];
    if (sum != (uint64_t)phases * STEPS)
        fail("counted %u visits of %u", (unsigned)sum, phases * STEPS);
    return ok("pages=%u window=%u phases=%u", pages, window, phases);
}
