/* SPDX-License-Identifier: MIT
 * One of many in the thrashing experiment (docs/thrashing.md). It computes on a small hot set of pages that
 * it uses all the time, and now and then, at random, needs a page of a cold region so large that it has to
 * come from disk: I/O that no amount of memory avoids. It works for a given time and says how far it came.
 * Each use of a page reads all of it and checks it. */
#include "user/rt/program.h"
#include "user/rt/random.h"
#include "user/rt/sys.h"

enum { MAX_PAGES = 4096, COLD_PAGES = 256 };
enum { ROUND = 24 }; /* uses of hot pages; one of so many, in the mean, is followed by a use of a cold page */

const struct program program = {"thrash", {{"PAGES", 20, 1, MAX_PAGES}, {"MS", 2000, 1, 3600000}}};

static uint32_t uses[MAX_PAGES + COLD_PAGES]; /* of each page */

/* Word 0 counts the uses of a hot page; the others are the page's pattern. */
static void use(uint32_t *at, unsigned page, bool hot)
{
    uint32_t *words = at + page * WORDS_PER_PAGE;
    bool fresh = uses[page] == 0;
    uint32_t wrong = words[0] ^ (hot ? uses[page] : 0);
    for (unsigned w = 1; w < WORDS_PER_PAGE; w++) {
        uint32_t pattern = mix32(page * WORDS_PER_PAGE + w);
        wrong |= words[w] ^ (fresh ? 0 : pattern);
        if (fresh)
            words[w] = pattern;
    }
    uses[page]++;
    if (hot)
        words[0] = uses[page];
    if (wrong != 0)
        fail("page=%u uses=%u", page, (unsigned)uses[page]);
}

int main(int argc, char **argv, char **envp UNUSED)
{
    unsigned args[MAX_PARAMS], rounds = 0, cold = 0;
    read_args(argc, argv, args);
    unsigned pages = args[0];
    uint32_t *at = map_pages(pages + COLD_PAGES);
    struct random r = {mix32((uint32_t)sys_getpid())};
    uint64_t end = clock_ms() + args[1];
    for (; clock_ms() < end; rounds++) {
        for (unsigned i = 0; i < ROUND; i++) {
            use(at, random_below(&r, pages), true);
            if (random_below(&r, ROUND) == 0)
                use(at, pages + cold++ % COLD_PAGES, false);
        }
    }
    return ok("pages=%u rounds=%u cold=%u", pages, rounds, cold);
}
