/* SPDX-License-Identifier: MIT
 * Reads pages that nobody wrote, whole, and then writes to a few: memory from the kernel must be zero,
 * and a write to one page must not show in another that shares its frame until then. */
#include "user/rt/program.h"
#include "user/rt/sys.h"

enum { WRITE_EVERY = 8 };

const struct program program = {"zero", {{"PAGES", 200, 1, 262144}}};

static void check(const uint32_t *page, unsigned number, uint32_t first_word, const char *when)
{
    for (unsigned w = 0; w < WORDS_PER_PAGE; w++) {
        uint32_t expected = w == 0 ? first_word : 0;
        if (page[w] != expected)
            fail("when=%s page=%u word=%u expected=%#x found=%#x", when, number, w, (unsigned)expected,
                 (unsigned)page[w]);
    }
}

int main(int argc, char **argv, char **envp UNUSED)
{
    unsigned pages[1];
    read_args(argc, argv, pages);
    uint32_t *at = map_pages(pages[0]);
    for (unsigned p = 0; p < pages[0]; p++)
        check(at + p * WORDS_PER_PAGE, p, 0, "unwritten");
    for (unsigned p = 0; p < pages[0]; p += WRITE_EVERY)
        at[p * WORDS_PER_PAGE] = p + 1;
    for (unsigned p = 0; p < pages[0]; p++)
        check(at + p * WORDS_PER_PAGE, p, p % WRITE_EVERY ? 0 : p + 1, "written");
    return ok("pages=%u written=%u", pages[0], (pages[0] + WRITE_EVERY - 1) / WRITE_EVERY);
}
