/* SPDX-License-Identifier: MIT
 * Wants more memory than there is: writes to page after page and never says how far it got, so that what
 * ends it is the kernel's decision alone. If it lives it checks that every page did too. */
#include "user/rt/program.h"
#include "user/rt/random.h"
#include "user/rt/sys.h"

const struct program program = {"eat", {{"PAGES", 100000, 1, 700000}}};

int main(int argc, char **argv, char **envp UNUSED)
{
    unsigned pages[1];
    read_args(argc, argv, pages);
    uint32_t *at = map_pages(pages[0]);
    for (unsigned i = 0; i < pages[0]; i++)
        at[i * WORDS_PER_PAGE] = mix32(i + 1);
    for (unsigned i = 0; i < pages[0]; i++)
        if (at[i * WORDS_PER_PAGE] != mix32(i + 1))
            fail("page=%u expected=%#x found=%#x", i, (unsigned)mix32(i + 1),
                 (unsigned)at[i * WORDS_PER_PAGE]);
    return ok("pages=%u", pages[0]);
}
