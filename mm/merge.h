/* SPDX-License-Identifier: MIT
 * mm-level: 8.2
 * Same-page merging: private pages with equal content share one frame, until one of them is written. */
#ifndef MM_MERGE_H
#define MM_MERGE_H

#include "mm/space.h"

enum merge_mode {
    MERGE_OFF,
    MERGE_ADVISED, /* pages of regions with REGION_MERGEABLE */
    MERGE_ALL,     /* all private anonymous pages */
};

/* => VM_OK, or VM_NO_MEMORY for its tables, of about 9 bytes a frame; then it is off. MERGE_OFF gives them
 * back. Pages that are merged stay so. */
enum vm_result merge_init(enum merge_mode mode) MUST_CHECK;
enum merge_mode merge_mode(void);

/* Goes on where the last call ended, and looks at no more than `pages` pages, or to the end of a round: the
 * next round begins with the next call. Never sleeps, never evicts. => mode is not MERGE_OFF. */
void merge_scan(uint32_t pages);

/* Under the names of Linux's /sys/kernel/mm/ksm, where it has one. */
struct merge_figures {
    uint32_t pages_shared;   /* frames that hold merged pages, now */
    uint32_t pages_sharing;  /* pages in them beside the first of each: frames saved, now */
    uint32_t pages_unshared; /* pages like no other, in the last round */
    uint32_t pages_volatile; /* pages that changed, or were new, in the last round */
    uint32_t ksm_zero_pages; /* frames given up for the page of zeros, so far */
    uint32_t full_scans;     /* rounds, so far */
};

/* Walks the frame table. A page that was in swap, and is shared since it came back, counts as any page that
 * fork shares: not at all. */
struct merge_figures merge_figures(void);

#endif
