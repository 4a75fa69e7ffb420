/* SPDX-License-Identifier: MIT
 * Ends at once and leaves children behind, half of them with children of their own that have ended and that
 * nobody waited for. They end after MS milliseconds. */
#include "user/rt/program.h"
#include "user/rt/sys.h"

const struct program program = {"orphan", {{"MS", 20, 0, 600000}, {"CHILDREN", 4, 1, 100}}};

static NORETURN void live(unsigned ms, bool parent)
{
    const struct timespec t = {(int)(ms / 1000), (int)(ms % 1000 * 1000000)};
    if (parent && sys_fork() == 0)
        exit(3);
    sys_nanosleep(&t, NULL);
    exit(sys_getppid() <= 1 ? STATUS_OK : STATUS_FAILED);
}

int main(int argc, char **argv, char **envp UNUSED)
{
    unsigned args[MAX_PARAMS];
    read_args(argc, argv, args);
    for (unsigned i = 0; i < args[1]; i++) {
        long pid = sys_fork();
        if (pid < 0)
            fail("fork errno=%ld", -pid);
        if (pid == 0)
            live(args[0], i % 2);
    }
    return ok("children=%u left behind", args[1]);
}
