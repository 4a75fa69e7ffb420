/* SPDX-License-Identifier: MIT
 * What the memory viewer knows from one refresh to the next: rates, the last faults and evictions, who is
 * where in memory. It only reads; nothing on the way of a fault works for it. */
#ifndef KERNEL_VIEW_SAMPLE_H
#define KERNEL_VIEW_SAMPLE_H

#include "kernel/proc.h"
#include "mm/evict.h"
#include "mm/fault_log.h"

enum { VIEW_HISTORY = 80, VIEW_TOUCHED = FAULT_HISTORY + EVICTION_HISTORY };

/* What one fault or eviction touched. */
struct view_touch {
    uint32_t pid;
    vaddr_t va;
    uint32_t frame; /* UINT32_MAX: none */
    slot_t slot;
};

struct view_process {
    const struct proc *p; /* with an address space; good until somebody sleeps */
    uint32_t faults;      /* ever */
    uint32_t rate;        /* faults a second since the refresh before */
};

struct view_sample {
    uint32_t ms;                             /* since the refresh before */
    uint32_t faults[VIEW_HISTORY];           /* of the last refreshes, the latest last */
    struct view_touch touched[VIEW_TOUCHED]; /* by the last faults and evictions, as far as they came since
                                                the refresh before */
    uint32_t touched_count;
    struct view_process top[PROC_MAX]; /* those with the highest rate first, then by pid */
    uint32_t top_count;
    uint32_t kinds[FRAME_KINDS]; /* frames of each kind, */
    uint32_t user_from, user_to; /* ... and where those of programs and contiguous arenas are; from = to:
                                    nowhere. Large machines are counted bit by bit, over several refreshes */
};

extern struct view_sample view_sample;

/* A refresh: brings view_sample up to date. `whole`: all frames are counted, however many there are. */
void view_sample_take(bool whole);

#endif
