/* SPDX-License-Identifier: MIT
 * Finds exchanged, stale and lost pages. Each generation writes every page wholly, in random order, with
 * words made from process, page number and generation, after checking all 1024 words of the generation
 * before; a read-only pass in yet another order follows. On failure it says whose content it found. */
#include "user/rt/program.h"
#include "user/rt/random.h"
#include "user/rt/sys.h"

enum { WORD_STEP = 0x1e3779b1 }; /* odd: no two words of a page are equal */

const struct program program = {"stamp", {{"PAGES", 200, 1, 262144}, {"GENERATIONS", 8, 1, 100000}}};

static uint32_t pid;

/* What word 0 of a page holds. Generation 0 is the page as the kernel gave it. */
static uint32_t seed_of(unsigned page, unsigned generation)
{
    return mix32(mix32(mix32(pid) + page) + generation);
}

static uint32_t word_of(unsigned page, unsigned generation, unsigned word)
{
    return generation == 0 ? 0 : seed_of(page, generation) ^ word * WORD_STEP;
}

static void write_page(uint32_t *at, unsigned page, unsigned generation)
{
    uint32_t seed = seed_of(page, generation), step = 0;
    for (unsigned w = 0; w < WORDS_PER_PAGE; w++, step += WORD_STEP)
        at[w] = seed ^ step;
}

static NORETURN void report(unsigned pages, unsigned page, unsigned generation, unsigned word, uint32_t found)
{
    uint32_t expected = word_of(page, generation, word);
    for (unsigned g = 1; g <= generation + 1; g++)
        for (unsigned p = 0; p < pages; p++)
            if (word_of(p, g, word) == found)
                fail("page=%u word=%u generation=%u expected=%#x found=%#x is_page=%u is_generation=%u", page,
                     word, generation, (unsigned)expected, (unsigned)found, p, g);
    fail("page=%u word=%u generation=%u expected=%#x found=%#x is=%s", page, word, generation,
         (unsigned)expected, (unsigned)found, found == 0 ? "zero" : "unknown");
}

static void check_page(const uint32_t *at, unsigned page, unsigned generation, unsigned pages)
{
    uint32_t seed = seed_of(page, generation), step = 0, step_by = WORD_STEP;
    if (generation == 0)
        seed = step_by = 0;
    for (unsigned w = 0; w < WORDS_PER_PAGE; w++, step += step_by)
        if (at[w] != (seed ^ step))
            report(pages, page, generation, w, at[w]);
}

int main(int argc, char **argv, char **envp UNUSED)
{
    unsigned args[MAX_PARAMS];
    read_args(argc, argv, args);
    unsigned pages = args[0], generations = args[1], checked = 0;
    pid = (uint32_t)sys_getpid();
    uint32_t(*at)[WORDS_PER_PAGE] = map_pages(pages);
    uint32_t *order = map_pages((pages * sizeof *order + PAGE_SIZE - 1) / PAGE_SIZE);
    struct random r = {1};
    for (unsigned g = 1; g <= generations; g++) {
        random_order(&r, order, pages);
        for (unsigned i = 0; i < pages; i++, checked++) {
            check_page(at[order[i]], order[i], g - 1, pages);
            write_page(at[order[i]], order[i], g);
        }
        random_order(&r, order, pages);
        for (unsigned i = 0; i < pages; i++, checked++)
            check_page(at[order[i]], order[i], g, pages);
    }
    return ok("pages=%u generations=%u checked=%u", pages, generations, checked);
}
