/* SPDX-License-Identifier: MIT
 * Wants more memory than there is: writes to page after page and never says how far it got, so that what
 * ends it is the kernel's decision alone. If it lives it checks that every page did too. */
#include "user/rt/program.h"
#include "user/rt/random.h"
#include "user/rt/sys.h"

const struct program program = {"eat", {{"PAGES", 100000, 1, 700000}}};

/* Of each page: enough to tell a page that another one took the place of, wholly or in part. */
static const unsigned stamped[] = {0, WORDS_PER_PAGE / 2, WORDS_PER_PAGE - 1};

int main(int argc, char **argv, char **envp UNUSED)
{
    unsigned pages[1];
    read_args(argc, argv, pages);
    uint32_t(*at)[WORDS_PER_PAGE] = map_pages(pages[0]);
    uint32_t own = mix32((uint32_t)sys_getpid());
    for (unsigned i = 0; i < pages[0]; i++)
        for (unsigned k = 0; k < ARRAY_SIZE(stamped); k++)
            at[i][stamped[k]] = mix32(own + i) + k;
    for (unsigned i = 0; i < pages[0]; i++)
        for (unsigned k = 0; k < ARRAY_SIZE(stamped); k++)
            if (at[i][stamped[k]] != mix32(own + i) + k)
                fail("page=%u word=%u expected=%#x found=%#x", i, stamped[k], (unsigned)(mix32(own + i) + k),
                     (unsigned)at[i][stamped[k]]);
    return ok("pages=%u", pages[0]);
}
