/* SPDX-License-Identifier: MIT
 * Copy on write, slowly: a process fills PAGES pages and forks. For MS milliseconds both only look. Then the
 * child writes to every second page, and both look again; then to the rest. Each checks that it sees its own.
 */
#include "user/rt/program.h"
#include "user/rt/sys.h"

const struct program program = {"cow", {{"PAGES", 48, 2, 100000}, {"MS", 30, 0, 3600000}}};

enum { PARENTS = 1000, CHILDS = 2000000 };

static uint32_t (*at)[WORDS_PER_PAGE];
static unsigned pages, ms;

static void look(unsigned step, unsigned base_even, unsigned base_odd)
{
    struct timespec pause = {(int)(ms / 1000), (int)(ms % 1000) * 1000000};
    for (unsigned p = 0; p < pages; p++) {
        uint32_t expected = p + (p % 2 == 0 ? base_even : base_odd);
        if (at[p][p % WORDS_PER_PAGE] != expected)
            fail("step=%u page=%u expected=%u found=%u", step, p, expected, at[p][p % WORDS_PER_PAGE]);
    }
    sys_nanosleep(&pause, NULL);
}

static void write_pages(unsigned first, unsigned step, unsigned base)
{
    for (unsigned p = first; p < pages; p += step)
        at[p][p % WORDS_PER_PAGE] = p + base;
}

int main(int argc, char **argv, char **envp UNUSED)
{
    unsigned args[MAX_PARAMS];
    int status;
    read_args(argc, argv, args);
    pages = args[0];
    ms = args[1];
    at = map_pages(pages);
    write_pages(0, 1, PARENTS);
    long pid = sys_fork();
    if (pid < 0)
        fail("fork errno=%ld", -pid);
    bool child = pid == 0;
    look(0, PARENTS, PARENTS);
    if (child)
        write_pages(0, 2, CHILDS);
    look(1, child ? CHILDS : PARENTS, PARENTS);
    if (child)
        write_pages(1, 2, CHILDS);
    look(2, child ? CHILDS : PARENTS, child ? CHILDS : PARENTS);
    if (child)
        exit(STATUS_OK);
    if (sys_wait4((int)pid, &status, 0, NULL) != pid || status != 0)
        fail("the child ended with status %#x", (unsigned)status);
    return ok("pages=%u", pages);
}
