/* SPDX-License-Identifier: MIT
 * mm-level: 0
 * The counters. The command that shows them is kernel/vmstat.c. */
#include "mm/stats.h"

struct vmstat vmstat;

void vmstat_print(struct printer *out)
{
#define X(name) print(out, "%s %u\n", #name, vmstat.name);
    VMSTAT_FIELDS(X)
#undef X
    for (int i = 0; i < FAULT_CASES; i++)
        print(out, "fault_case%d %u\n", i, vmstat.fault_case[i]);
}
