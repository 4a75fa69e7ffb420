/* SPDX-License-Identifier: MIT
 * Merging in the background: a few pages, and a sleep. */
#include "kernel/ksm.h"
#include "kernel/proc.h"
#include "mm/merge.h"

/* Linux's defaults: 5,000 pages a second, of which each costs about as much as a page fault. */
enum { PAGES_TO_SCAN = 100, SLEEP_US = 20000 };

void ksm_run(void *unused UNUSED)
{
    static const char channel; /* woken by time only */
    for (;;) {
        merge_scan(PAGES_TO_SCAN);
        proc_sleep_on(&channel, clock_micros() + SLEEP_US);
    }
}
