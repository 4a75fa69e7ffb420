/* SPDX-License-Identifier: MIT
 * Forks N children, one after the other, and waits for each. */
#include "user/rt/program.h"
#include "user/rt/sys.h"

const struct program program = {"forkwait", {{"N", 100, 1, 1000000}}};

int main(int argc, char **argv, char **envp UNUSED)
{
    unsigned args[MAX_PARAMS], wraps = 0;
    read_args(argc, argv, args);
    long self = sys_getpid(), last = self;
    for (unsigned i = 0; i < args[0]; i++) {
        int status;
        long pid = sys_fork();
        if (pid == 0)
            exit((int)(i & 0xff));
        if (pid < 0)
            fail("fork number %u errno=%ld", i, -pid);
        if (pid == self || pid == last)
            fail("fork number %u gave pid %ld, which is in use or was the last one's", i, pid);
        if (sys_wait4((int)pid, &status, 0, NULL) != pid || status != (int)(i & 0xff) << 8)
            fail("fork number %u status=%#x", i, (unsigned)status);
        wraps += pid < last;
        last = pid;
    }
    return ok("children=%u wraps=%u", args[0], wraps);
}
