/* SPDX-License-Identifier: MIT
 * Every process forks as fast as it can, and when that fails, tries again. Ends after MS milliseconds, or
 * never. The first says how forking first failed. */
#include "user/rt/program.h"
#include "user/rt/sys.h"

const struct program program = {"forkbomb", {{"MS", 300, 0, 600000}, {"PAGES", 4, 1, 10000}}};

static void touch(char *pages, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        pages[i * PAGE_SIZE]++;
}

int main(int argc, char **argv, char **envp UNUSED)
{
    enum { WNOHANG = 1 };
    const struct timespec pause = {0, 1000000};
    unsigned args[MAX_PARAMS];
    bool first = true, failed = false;
    read_args(argc, argv, args);
    char *pages = map_pages(args[1]);
    uint64_t end = clock_ms() + args[0];
    while (args[0] == 0 || clock_ms() < end) {
        long pid = sys_fork();
        touch(pages, args[1]);
        if (pid == 0)
            first = false;
        if (pid >= 0)
            continue;
        if (first && !failed)
            printf("forkbomb: fork failed errno=%ld\n", -pid);
        failed = true;
        sys_nanosleep(&pause, NULL);
        while (sys_wait4(-1, NULL, WNOHANG, NULL) > 0)
            ;
    }
    if (!first)
        exit(STATUS_OK);
    while (sys_wait4(-1, NULL, 0, NULL) > 0)
        ;
    return failed ? ok("forking failed in the end") : ok("forking never failed");
}
