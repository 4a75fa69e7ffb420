/* SPDX-License-Identifier: MIT
 * mm-level: 0
 * Machine-wide counters under the names of Linux's /proc/vmstat, where Linux has one. They only grow.
 * Conserved, and check.c looks: pgfault = sum of fault_case[] = fault_zero + fault_file + fault_swap +
 * fault_cow
 * + fault_spurious + fault_refused; pgmajfault <= fault_swap. */
#ifndef MM_STATS_H
#define MM_STATS_H

#include "lib/print.h"

enum { FAULT_CASES = 6 }; /* cases 0..5 of fault.c */

#define VMSTAT_FIELDS(X)                                                                \
    X(pgfault)                /* faults resolved or refused */                          \
    X(fault_zero)             /* of case 3: pages of zeros */                           \
    X(fault_file)             /* of case 3: pages of files and shared memory */         \
    X(fault_swap)             /* of case 4: pages from swap, read or found in memory */ \
    X(fault_cow)              /* of case 5 */                                           \
    X(fault_spurious)         /* of case 2 */                                           \
    X(fault_refused)          /* of all cases: the access could not be allowed */       \
    X(pgmajfault)             /* of these, faults that read the swap disk */            \
    X(pswpin)                 /* pages read from swap */                                \
    X(pswpout)                /* pages written to swap */                               \
    X(pgsteal)                /* pages evicted */                                       \
    X(pgsteal_clean)          /* of these, dropped without I/O */                       \
    X(pgscan)                 /* accessed bits that policies looked at */               \
    X(pgsteal_kswapd)         /* of these, by the background pager */                   \
    X(allocstall)             /* page allocations that had to evict */                  \
    X(pageoutrun)             /* times the background pager was woken */                \
    X(workingset_refault)     /* swap-ins of pages with a known eviction time */        \
    X(swap_error)             /* transfers that the disk failed */                      \
    X(swap_corrupt)           /* swap-ins whose checksum did not match */               \
    X(pgreuse)                /* copy-on-write faults that needed no copy */            \
    X(swap_ra)                /* pages read ahead */                                    \
    X(swap_ra_hit)            /* of these, used before they were evicted */             \
    X(thp_fault_alloc)        /* blocks of more than one page brought in */             \
    X(thp_fault_fallback)     /* blocks that could not be had */                        \
    X(thp_split_page)         /* blocks split into pages */                             \
    X(ksm_pages_merged)       /* pages found equal to another and given up */           \
    X(cow_ksm)                /* of case 5: copies of merged pages */                   \
    X(pgmigrate_success)      /* pages moved to another frame */                        \
    X(pgmigrate_fail)         /* pages that could not be moved */                       \
    X(compact_stall)          /* times that an allocation waited for compaction */      \
    X(compact_success)        /* of these, those that got their block */                \
    X(compact_fail)           /* of these, those that did not */                        \
    X(pgalloc)                /* frames that the buddy system gave out */               \
    X(pgfree)                 /* frames that it took back */                            \
    X(nr_tlb_local_flush_one) /* invalidations of a page */                             \
    X(nr_tlb_local_flush_all) /* of all pages, by loading page tables */                \
    X(ctxt)                   /* context switches */                                    \
    X(oom_kill)               /* processes killed for want of memory or swap */

struct vmstat {
#define X(name) uint32_t name;
    VMSTAT_FIELDS(X)
#undef X
    uint32_t fault_case[FAULT_CASES];
};

extern struct vmstat vmstat;

void vmstat_print(struct printer *out);

#endif
