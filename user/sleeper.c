/* SPDX-License-Identifier: MIT
 * Sleeps and checks that it was not woken early. How late is too late it leaves to others. */
#include "user/rt/program.h"
#include "user/rt/sys.h"

const struct program program = {"sleeper", {{"MS", 100, 0, 3600000}}};

static int64_t clock_ns(void)
{
    struct timespec now;
    if (sys_clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        fail("clock_gettime");
    return (int64_t)now.sec * 1000000000 + now.nsec;
}

int main(int argc, char **argv, char **envp UNUSED)
{
    unsigned ms[1];
    read_args(argc, argv, ms);
    struct timespec want = {(int)(ms[0] / 1000), (int)(ms[0] % 1000) * 1000000};
    int64_t start = clock_ns();
    long err = sys_nanosleep(&want, NULL);
    int64_t slept = clock_ns() - start;
    if (err != 0)
        fail("nanosleep errno=%ld", -err);
    if (slept < (int64_t)ms[0] * 1000000)
        fail("woken early ms=%u slept_ns=%lld", ms[0], (long long)slept);
    return ok("ms=%u", ms[0]);
}
