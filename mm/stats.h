/* SPDX-License-Identifier: MIT
 * mm-level: 0
 * Machine-wide counters under the names of Linux's /proc/vmstat, where Linux has one. They only grow.
 * Conserved: pgfault = sum of fault_case[]; pgmajfault <= fault_case[4] (a read may fail); check.c looks. */
#ifndef MM_STATS_H
#define MM_STATS_H

#include "lib/print.h"

enum { FAULT_CASES = 6 }; /* cases 0..5 of fault.c */

#define VMSTAT_FIELDS(X)                                                     \
    X(pgfault)            /* faults resolved or refused */                   \
    X(pgmajfault)         /* of these, faults that read the swap disk */     \
    X(pswpin)             /* pages read from swap */                         \
    X(pswpout)            /* pages written to swap */                        \
    X(pgsteal)            /* pages evicted */                                \
    X(pgsteal_clean)      /* of these, dropped without I/O */                \
    X(pgscan)             /* accessed bits that policies looked at */        \
    X(allocstall)         /* page allocations that had to evict */           \
    X(workingset_refault) /* swap-ins of pages with a known eviction time */ \
    X(swap_error)         /* transfers that the disk failed */               \
    X(swap_corrupt)       /* swap-ins whose checksum did not match */        \
    X(oom_kill)           /* processes killed for want of memory or swap */

struct vmstat {
#define X(name) uint32_t name;
    VMSTAT_FIELDS(X)
#undef X
    uint32_t fault_case[FAULT_CASES];
};

extern struct vmstat vmstat;

void vmstat_print(struct printer *out);

#endif
