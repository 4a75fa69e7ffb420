/* SPDX-License-Identifier: MIT
 * Keeps the processor busy for a given time by asking for it. Touches no memory worth a fault. */
#include "user/rt/program.h"

const struct program program = {"spin", {{"MS", 1000, 0, 3600000}}};

int main(int argc, char **argv, char **envp UNUSED)
{
    unsigned ms[1];
    read_args(argc, argv, ms);
    uint64_t start = clock_ms(), last = start;
    while (last - start < ms[0]) {
        uint64_t now = clock_ms();
        if (now < last)
            fail("the clock went back by_ms=%u", (unsigned)(last - now));
        last = now;
    }
    return ok("ms=%u", ms[0]);
}
