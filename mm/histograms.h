/* SPDX-License-Identifier: MIT
 * mm-level: 5.05
 * What is collected while somebody wants it: what faults cost, how far back refaults reach, how long pages
 * stay. Of all processes and pools together. Off, it costs nothing: the fault path asks once for all who
 * watch. */
#ifndef MM_HISTOGRAMS_H
#define MM_HISTOGRAMS_H

#include "lib/histogram.h"
#include "mm/pool.h"
#include "mm/stats.h"
#include "mm/swap.h"

/* Of faults there is one for each case of fault.c, and one more: case 4 is split. */
enum { HISTOGRAM_SWAP_IN = FAULT_CASES, FAULT_HISTOGRAMS };

struct histograms {
    bool on;
    uint32_t from, to; /* vmstat.pgfault when collecting began, and when it ended; to: while it is off */

    /* Ticks from the fault's first phase to its last, less those of the log: those of `ticks=` there. Others'
     * time is in it, if the process slept. Case 4 without HISTOGRAM_SWAP_IN: found in memory. */
    struct histogram fault[FAULT_HISTOGRAMS];

    /* How many pages the pool evicted after this one until it was back, for each major fault. 1: the last one
     * that went, if the one that made room for it is counted. */
    struct histogram refault;
    uint32_t refault_unknown; /* it went before collecting began, was another pool's, or has no slot */

    /* How many faults there were between a page's arrival and its eviction, for each page evicted. */
    struct histogram residence;
};

extern struct histograms histograms;

/* Empties all, and collects from here on. => VM_OK, VM_NO_MEMORY: there must be room for two words a swap
 * slot. */
enum vm_result histograms_start(void) MUST_CHECK;

/* What was collected can still be printed. */
void histograms_stop(void);

/* Empties all. When a page was evicted is still known. */
void histograms_reset(void);

/* While it is on: a fault ended; the page in this frame was read from this slot, if there is one; the page in
 * f goes, and was counted in the pool's and the machine's evictions. */
void histograms_fault(uint32_t kase, bool major, uint32_t ticks);
void histograms_refault(uint32_t frame, slot_t slot);
void histograms_evicted(const struct frame *f);

/* One line with the figures, `hist name=...`, and the buckets. */
void histograms_print_faults(struct printer *out);
void histograms_print_refaults(struct printer *out);
void histograms_print_residence(struct printer *out);

#endif
