/* SPDX-License-Identifier: MIT
 * One fault at a time, for one disk. */
#include "drivers/inject.h"
#include "lib/command.h"
#include "lib/string.h"

struct injector injector;

void inject_into(const struct blkdev *disk)
{
    injector = (struct injector){.disk = disk};
}

enum injection inject_strike(bool write)
{
    enum injection armed = injector.armed;
    if (write != (armed == INJECT_FAIL_WRITE) || --injector.after > 0)
        return INJECT_NOTHING;
    injector.armed = INJECT_NOTHING;
    return armed;
}

static int command_run(int argc, char **argv, struct printer *out)
{
    static const char *const names[] = {
        [INJECT_FAIL_READ] = "fail-read", [INJECT_FAIL_WRITE] = "fail-write", [INJECT_CORRUPT] = "corrupt"};
    if (argc == 1) {
        const struct blkdev *d = injector.disk;
        print(out, "disk: %s pages=%u reads=%u writes=%u", d ? d->name : "none", d ? d->pages : 0,
              injector.reads, injector.writes);
        if (injector.armed != INJECT_NOTHING)
            print(out, " next=%s after=%u", names[injector.armed], injector.after);
        print(out, "\n");
        return 0;
    }
    uint32_t nth;
    for (enum injection i = INJECT_FAIL_READ; i <= INJECT_CORRUPT && argc == 3; i++) {
        if (strcmp(argv[1], names[i]) == 0 && parse_u32(argv[2], false, &nth) && nth > 0) {
            injector.armed = i;
            injector.after = nth;
            return 0;
        }
    }
    print(out, "disk: expected no argument, or fail-read, fail-write or corrupt and a number from 1 on\n");
    return 1;
}

COMMAND_AT_STOP(disk, "[fail-read|fail-write|corrupt N]",
                "the ramdisk or zram; make the N-th transfer from now go wrong", command_run,
                .words = "fail-read fail-write corrupt");
