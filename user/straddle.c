/* SPDX-License-Identifier: MIT
 * The instruction that needs most pages at once: movsl with both operands across a page boundary, four pages
 * of data, beside its own page of code. Each round copies a word that no other round copies, and checks it.
 */
#include "user/rt/program.h"
#include "user/rt/random.h"
#include "user/rt/sys.h"

enum {
    SOURCE_PAGES = 2,
    PAIR = 2 * PAGE_SIZE,
    SKEW = 2
}; /* bytes of the word that lie before the boundary */

const struct program program = {"straddle", {{"ROUNDS", 1000, 1, 100000}}};

static void copy_word(const char *from, char *to)
{
    __asm__ volatile("movsl" : "+S"(from), "+D"(to) : : "memory");
}

static void put(char *at, uint32_t word)
{
    for (unsigned i = 0; i < sizeof word; i++)
        at[i] = (char)(word >> 8 * i);
}

static uint32_t get(const char *at)
{
    uint32_t word = 0;
    for (unsigned i = 0; i < sizeof word; i++)
        word |= (uint32_t)(unsigned char)at[i] << 8 * i;
    return word;
}

int main(int argc, char **argv, char **envp UNUSED)
{
    unsigned rounds[1];
    read_args(argc, argv, rounds);
    char *pages = map_pages(2 * SOURCE_PAGES);
    char *from = pages + PAGE_SIZE - SKEW, *to = from + PAIR;
    for (unsigned i = 0; i < rounds[0]; i++) {
        put(from, mix32(i));
        copy_word(from, to);
        if (get(to) != mix32(i))
            fail("round=%u expected=%#x found=%#x", i, (unsigned)mix32(i), (unsigned)get(to));
    }
    return ok("rounds=%u", rounds[0]);
}
