/* SPDX-License-Identifier: MIT
 * mm-level: 0
 * The counters and the command that prints them. */
#include "mm/stats.h"
#include "lib/command.h"

struct vmstat vmstat;

void vmstat_print(struct printer *out)
{
#define X(name) print(out, "%s %u\n", #name, vmstat.name);
    VMSTAT_FIELDS(X)
#undef X
    for (int i = 0; i < FAULT_CASES; i++)
        print(out, "fault_case%d %u\n", i, vmstat.fault_case[i]);
}

static int command_run(int argc UNUSED, char **argv UNUSED, struct printer *out)
{
    vmstat_print(out);
    return 0;
}

COMMAND_AT_STOP(vmstat, "", "machine-wide counters, under Linux's /proc/vmstat names", command_run);
