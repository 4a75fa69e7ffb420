/* SPDX-License-Identifier: MIT
 * Gathering for the memory viewer. All counts that it compares only grow. */
#include "kernel/view_sample.h"
#include "lib/string.h"
#include "mm/stats.h"

enum { CENSUS_STEP = 16384 }; /* frames counted in a refresh, so that its cost has a bound */

struct view_sample view_sample;

/* What a refresh saw. */
static struct snapshot {
    uint64_t us;
    uint32_t pgfault, fault, eviction;
    struct {
        uint32_t pid, faults;
    } processes[PROC_MAX];
    uint32_t process_count;
} before, latest; /* `before` is what the sample is compared with, `latest` what it saw itself */

/* ---- frames ---- */

/* A pass over the frame table, which may take several refreshes. */
static struct {
    uint32_t at, kinds[FRAME_KINDS], from, to;
} census = {.from = UINT32_MAX};

static void end_pass(void)
{
    memcpy(view_sample.kinds, census.kinds, sizeof census.kinds);
    view_sample.user_to = census.to;
    view_sample.user_from = MIN(census.from, census.to);
    memset(&census, 0, sizeof census);
    census.from = UINT32_MAX;
}

static void count_frames(uint32_t most)
{
    uint32_t end = census.at + MIN(most, frame_table_count - census.at), from = census.from, to = census.to;
    for (uint32_t n = census.at; n < end; n++) {
        uint32_t kind = frame_table[n].kind;
        census.kinds[kind]++;
        if (kind == FRAME_USER || kind == FRAME_CONTIG) {
            from = MIN(from, n);
            to = n + 1;
        }
    }
    census.at = end;
    census.from = from;
    census.to = to;
    if (end == frame_table_count)
        end_pass();
}

/* ---- faults and evictions ---- */

static void touch(uint32_t pid, vaddr_t va, uint32_t frame, slot_t slot)
{
    view_sample.touched[view_sample.touched_count++] = (struct view_touch){pid, va, frame, slot};
}

static void gather_touched(void)
{
    view_sample.touched_count = 0;
    for (uint32_t i = MIN(fault_history_next - before.fault, (uint32_t)FAULT_HISTORY); i > 0; i--) {
        const struct fault_record *r = &fault_history[(fault_history_next - i) % FAULT_HISTORY];
        touch(r->pid, r->va, r->frame, r->slot);
    }
    for (uint32_t i = MIN(vmstat.pgsteal - before.eviction, (uint32_t)EVICTION_HISTORY); i > 0; i--) {
        const struct eviction_record *r = &eviction_history[(vmstat.pgsteal - i) % EVICTION_HISTORY];
        if (r->frame != NULL)
            touch(r->pid, r->va, frame_pfn(r->frame).n, r->slot);
    }
    latest.fault = fault_history_next;
    latest.eviction = vmstat.pgsteal;
}

/* ---- processes ---- */

/* A program that has become another one (exec) has begun to count anew. */
static uint32_t faults_since(uint32_t pid, uint32_t faults)
{
    for (uint32_t i = 0; i < before.process_count; i++)
        if (before.processes[i].pid == pid && before.processes[i].faults <= faults)
            return faults - before.processes[i].faults;
    return faults;
}

static uint32_t per_second(uint32_t count)
{
    return (uint32_t)((uint64_t)count * 1000 / view_sample.ms);
}

static bool goes_before(const struct view_process *a, const struct view_process *b)
{
    return a->rate != b->rate ? a->rate > b->rate : a->p->result.pid < b->p->result.pid;
}

static void insert(struct view_process new)
{
    uint32_t at = view_sample.top_count++;
    for (; at > 0 && goes_before(&new, &view_sample.top[at - 1]); at--)
        view_sample.top[at] = view_sample.top[at - 1];
    view_sample.top[at] = new;
}

static void gather_processes(void)
{
    view_sample.top_count = 0;
    list_for_each (n, &all_procs) {
        const struct proc *p = container_of(n, struct proc, all);
        if (p->space == NULL || view_sample.top_count == PROC_MAX)
            continue;
        uint32_t faults = p->space->minor + p->space->major;
        insert((struct view_process){p, faults, per_second(faults_since(p->result.pid, faults))});
    }
    latest.process_count = view_sample.top_count;
    for (uint32_t i = 0; i < view_sample.top_count; i++) {
        latest.processes[i].pid = view_sample.top[i].p->result.pid;
        latest.processes[i].faults = view_sample.top[i].faults;
    }
}

/* A moment after a refresh another one would find nothing: it is compared with the one before that. */
static void advance(uint64_t now)
{
    enum { APART_US = 10000 };
    if (now - latest.us < APART_US)
        return;
    before = latest;
    memmove(view_sample.faults, view_sample.faults + 1,
            sizeof view_sample.faults - sizeof view_sample.faults[0]);
}

void view_sample_take(bool whole)
{
    uint64_t now = clock_micros();
    evictions_watched = true;
    advance(now);
    latest.us = now;
    latest.pgfault = vmstat.pgfault;
    view_sample.ms = MAX((uint32_t)((now - before.us) / 1000), 1u);
    view_sample.faults[VIEW_HISTORY - 1] = latest.pgfault - before.pgfault;
    gather_touched();
    gather_processes();
    if (whole && census.at > 0)
        count_frames(UINT32_MAX);
    count_frames(whole ? UINT32_MAX : CENSUS_STEP);
}
