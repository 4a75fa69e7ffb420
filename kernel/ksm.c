/* SPDX-License-Identifier: MIT
 * Merging in the background: a few pages, and a sleep. */
#include "kernel/ksm.h"
#include "kernel/proc.h"

/* Linux's defaults: 5,000 pages a second, of which each costs about as much as a page fault. */
enum { PAGES_TO_SCAN = 100, SLEEP_US = 20000 };

void ksm_run(void *unused UNUSED)
{
    static const char channel; /* woken by time only */
    for (;;) {
        if (merge_mode() != MERGE_OFF)
            merge_scan(PAGES_TO_SCAN);
        proc_sleep_on(&channel, clock_micros() + SLEEP_US);
    }
}

enum vm_result ksm_set(enum merge_mode mode)
{
    static bool started;
    enum vm_result r = merge_init(mode);
    if (r != VM_OK || mode == MERGE_OFF || started)
        return r;
    started = proc_thread("ksmd", ksm_run, NULL) != NULL;
    return started ? VM_OK : VM_NO_MEMORY;
}
