/* SPDX-License-Identifier: MIT
 * A process and its fork, both over more pages than there are frames for all. Every word of every page says
 * whose it is, which page and which generation, so that a page of another process, an older one, or half of
 * one is noticed. The child first finds what its parent had left, then both go their own way. */
#include "user/rt/program.h"
#include "user/rt/random.h"
#include "user/rt/sys.h"

const struct program program = {"swarm", {{"PAGES", 64, 1, 100000}, {"ROUNDS", 1500, 1, 1000000}}};

enum { MAX_PAGES = 4096 };

static uint32_t (*pages)[WORDS_PER_PAGE];
static uint32_t generation[MAX_PAGES];
static unsigned count;

static uint32_t word(uint32_t owner, unsigned page, unsigned i)
{
    return mix32(owner * 0x9e3779b1u + page * 0x85ebca77u + generation[page]) ^ i;
}

static void stamp(uint32_t owner, unsigned page)
{
    generation[page]++;
    for (unsigned i = 0; i < WORDS_PER_PAGE; i++)
        pages[page][i] = word(owner, page, i);
}

static void check(uint32_t owner, unsigned page, const char *when)
{
    for (unsigned i = 0; i < WORDS_PER_PAGE; i++)
        if (pages[page][i] != word(owner, page, i))
            fail("pid=%ld page=%u word=%u generation=%u wrong %s", sys_getpid(), page, i,
                 (unsigned)generation[page], when);
}

static void live(uint32_t me, unsigned rounds)
{
    struct random rng = {me};
    for (unsigned r = 0; r < rounds; r++) {
        unsigned page = random_below(&rng, count);
        check(me, page, "while alive");
        if (r % 2 == 0)
            stamp(me, page);
    }
    for (unsigned i = 0; i < count; i++)
        check(me, i, "at the end");
}

int main(int argc, char **argv, char **envp UNUSED)
{
    unsigned values[2];
    read_args(argc, argv, values);
    count = values[0] < MAX_PAGES ? values[0] : MAX_PAGES;
    pages = map_pages(count);
    uint32_t parent = (uint32_t)sys_getpid();
    for (unsigned i = 0; i < count; i++)
        stamp(parent, i);
    long child = sys_fork();
    if (child < 0)
        fail("fork errno=%ld", -child);
    if (child == 0) {
        uint32_t me = (uint32_t)sys_getpid();
        for (unsigned i = 0; i < count; i++) {
            check(parent, i, "when born");
            stamp(me, i);
        }
        live(me, values[1]);
        exit(STATUS_OK);
    }
    live(parent, values[1]);
    int status;
    if (sys_wait4((int)child, &status, 0, NULL) != child || status != 0)
        fail("child pid=%ld status=%#x", child, (unsigned)status);
    return ok("pages=%u rounds=%u child=ok", count, values[1]);
}
