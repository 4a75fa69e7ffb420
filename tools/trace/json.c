/* SPDX-License-Identifier: MIT
 * Chrome's Trace Event Format, which Perfetto's and Chrome's viewers open ("Trace Event Format", Google;
 * https://perfetto.dev/docs/getting-started/other-formats). Times are in microseconds, to the nanosecond.
 *
 * Each process has a track of what it does: system calls and faults are slices (phase X), the rest are
 * instants (i); and a track of what becomes of its pages. Slices of one track must nest: those of threads
 * that share a space and so a pid may overlap, and then go to more tracks. A slice is known when it ends, so
 * the file is not in the order of time; the format allows that. A pseudo process, the machine, has the CPU,
 * with a slice for each turn of a process, and what is nobody's. An arrow (s, f) leads from an eviction to
 * the fault that brings the page back. Counters (C) have what changed since tracing began: frames given out,
 * PTEs.
 *
 * tid: of a process's own track its pid, of others with the number of the track above it, so that no two
 * processes share one. */
#include "tools/trace/json_put.h"
#include "tools/trace/lanes.h"
#include "tools/trace/output.h"
#include "tools/trace/pages.h"
#include "tools/trace/procs.h"
#include <inttypes.h>
#include <string.h>

enum {
    TRACK_OWN,
    TRACK_PAGES,
    TRACK_MORE, /* and on: slices that overlap */
    LANES = 8,
    TRACKS = TRACK_MORE + LANES - 1,
    TRACK_SHIFT = 20,
    MACHINE = PIDS, /* pid of the machine, and tid of its CPU */
    KERNEL_TID,     /* of what is nobody's */
    REASONS = 256,
};

struct proc {
    bool seen[TRACKS];        /* those that have events */
    struct lane lanes[LANES]; /* of its own track, and of those for more */
    bool calling;             /* in a system call */
    struct trace_event call;
    uint64_t call_ns;
    int32_t mapped; /* PTEs, since tracing began */
};

static struct proc *procs[PIDS];
static struct pages pages;
static uint32_t arrows;
static int64_t frames; /* given out since tracing began, less those that came back */

static struct {
    bool known;
    uint32_t pid;
    uint64_t since; /* nanoseconds */
} cpu;

static struct {
    bool waits; /* for its reasons, the why events that follow it */
    struct trace_event event;
    uint64_t ns;
    char reasons[REASONS];
} pick;

static struct proc *proc_of(uint32_t pid)
{
    if (procs[pid] == NULL)
        procs[pid] = host_array(NULL, 0, 1, sizeof *procs[pid]);
    return procs[pid];
}

static uint32_t json_pid(uint32_t pid)
{
    return pid != 0 ? pid : MACHINE;
}

static uint32_t tid_of(uint32_t pid, uint32_t track)
{
    return track << TRACK_SHIFT | (pid != 0 ? pid : KERNEL_TID);
}

/* The same, and there is an event on it. */
static uint32_t use_track(uint32_t pid, uint32_t track)
{
    proc_of(pid)->seen[track] = true;
    return tid_of(pid, track);
}

static void put_instant(struct out *o, const struct trace_event *e, uint64_t ns, uint32_t track)
{
    const struct event_shape *s = &event_shapes[e->kind];
    put_head(o, 'i', s->name, s->class_name, ns, json_pid(e->pid), use_track(e->pid, track));
    out_text(o, ",\"s\":\"t\"");
    put_arguments(o, e);
}

static void put_counter(struct out *o, const char *name, const char *series, uint64_t ns, uint32_t pid,
                        int64_t value)
{
    put_head(o, 'C', name, "memory", ns, json_pid(pid), use_track(pid, TRACK_OWN));
    print(&o->to, ",\"args\":{\"%s\":%lld}", series, (long long)value);
    put_end(o);
}

/* ---- slices ---- */

static void put_call(struct out *o, uint32_t pid, uint64_t end, bool returned, int32_t result)
{
    struct proc *p = proc_of(pid);
    const char *name = syscall_name(p->call.arg[0]);
    char number[32];
    format(number, sizeof number, "system call %u", p->call.arg[0]);
    p->calling = false;
    lane_close(&p->lanes[0], end); /* faults have kept within it */
    put_head(o, 'X', name != NULL ? name : number, "sys", p->call_ns, json_pid(pid),
             use_track(pid, TRACK_OWN));
    put_us(o, ",\"dur\":", end - p->call_ns);
    put_arguments(o, &p->call);
    if (returned)
        print(&o->to, ",\"result\":%d}", (int)result);
    else
        out_text(o, ",\"returned\":false}");
    put_end(o);
}

static void see_syscall(struct out *o, const struct trace_event *e, uint64_t ns)
{
    struct proc *p = proc_of(e->pid);
    if (p->calling)
        put_call(o, e->pid, ns, false, 0);
    p->calling = true;
    p->call = *e;
    p->call_ns = ns;
}

static void see_sysret(struct out *o, const struct trace_event *e, uint64_t ns)
{
    struct proc *p = proc_of(e->pid);
    if (p->calling && p->call.arg[0] == e->arg[0]) {
        put_call(o, e->pid, ns, true, (int32_t)e->arg[1]);
        return;
    }
    put_instant(o, e, ns, TRACK_OWN); /* its beginning is not in the trace */
    out_text(o, "}");
    put_end(o);
}

/* => the track on which the slice nests, TRACKS if there is none */
static uint32_t track_for(uint32_t pid, uint64_t start, uint64_t end)
{
    struct proc *p = proc_of(pid);
    if ((!p->calling || start > p->call_ns) && lane_take(&p->lanes[0], start, end))
        return TRACK_OWN;
    for (uint32_t i = 1; i < LANES; i++)
        if (lane_take(&p->lanes[i], start, end))
            return TRACK_MORE + i - 1;
    return TRACKS;
}

static void put_arrow(struct out *o, const struct page *p, uint64_t ns, uint32_t pid, uint32_t tid)
{
    put_head(o, 's', "refault", "refault", p->left, pid, use_track(pid, TRACK_PAGES));
    print(&o->to, ",\"id\":%u", ++arrows);
    put_end(o);
    put_head(o, 'f', "refault", "refault", ns, pid, tid);
    print(&o->to, ",\"id\":%u,\"bp\":\"e\"", arrows);
    put_end(o);
}

static void see_fault(struct out *o, struct reader *r, const struct trace_event *e, uint64_t ns)
{
    uint32_t kase = e->flags & FAULT_CASE;
    uint64_t end = e->ticks > r->boot_ticks ? e->ticks - r->boot_ticks : 0;
    uint64_t start = reader_span_ns(r, end - MIN(end, e->arg[FAULT_TICKS]));
    uint32_t to = track_for(e->pid, start, ns);
    char name[32];
    format(name, sizeof name, "fault: %s", fault_case_names[kase]);
    if (to == TRACKS) { /* more at a time than there are tracks */
        put_instant(o, e, ns, TRACK_OWN);
        out_text(o, "}");
        put_end(o);
        return;
    }
    uint32_t tid = use_track(e->pid, to);
    put_head(o, 'X', name, "fault", start, json_pid(e->pid), tid);
    put_us(o, ",\"dur\":", ns - start);
    put_arguments(o, e);
    out_text(o, "}");
    put_end(o);
    if (e->pid == 0 || (e->flags & FAULT_REFUSED))
        return;
    struct page *p = page_of_key(&pages, page_key(e->pid, e->arg[FAULT_VA]));
    if (p->evictions > 0 && p->left <= start && start < ns)
        put_arrow(o, p, start, e->pid, tid);
    p->evictions = 0; /* one arrow for each */
}

/* As a beginning (B) and an end (E): one turn ends when the next begins, and viewers that add up duration and
 * start in floating point would see them overlap. */
static void put_turn(struct out *o, uint64_t end)
{
    char title[PROC_TITLE];
    proc_title(cpu.pid, title);
    put_head(o, 'B', title, "sched", cpu.since, MACHINE, MACHINE);
    put_end(o);
    put_head(o, 'E', title, "sched", end, MACHINE, MACHINE);
    put_end(o);
}

static void see_switch(struct out *o, const struct trace_event *e, uint64_t ns)
{
    if (!cpu.known)
        cpu.pid = e->pid;
    if (cpu.pid == e->pid) /* else who ran until now is not in the trace */
        put_turn(o, ns);
    cpu.known = true;
    cpu.pid = e->arg[0] & (PIDS - 1);
    cpu.since = ns;
}

/* ---- instants ---- */

static void put_pick(struct out *o)
{
    pick.waits = false;
    put_instant(o, &pick.event, pick.ns, TRACK_OWN);
    out_text(o, ",\"why\":");
    put_string(o, pick.reasons);
    out_text(o, "}");
    put_end(o);
}

static void see_pick(const struct trace_event *e, uint64_t ns)
{
    pick.waits = true;
    pick.event = *e;
    pick.ns = ns;
    pick.reasons[0] = '\0';
}

static void put_text_event(struct out *o, const struct trace_event *e, uint64_t ns, const char *key,
                           const char *text)
{
    put_instant(o, e, ns, TRACK_OWN);
    print(&o->to, "\"%s\":", key);
    put_string(o, text);
    out_text(o, "}");
    put_end(o);
}

static void see_why(struct out *o, const struct trace_event *e, uint64_t ns)
{
    char text[TRACE_TEXT + 1];
    event_text(e, text);
    size_t had = strlen(pick.reasons);
    if (pick.waits)
        snprintf(pick.reasons + had, REASONS - had, "%s", text);
    else
        put_text_event(o, e, ns, "why", text);
}

/* What changed besides. */
static void put_effects(struct out *o, const struct trace_event *e, uint64_t ns)
{
    enum { ORDER = 15 };
    int64_t block = (int64_t)1 << (e->flags & ORDER);
    if (e->kind == EVENT_EVICT && e->pid != 0) {
        struct page *p = page_of_key(&pages, page_key(e->pid, e->arg[0]));
        p->left = ns;
        p->evictions = 1;
    } else if (e->kind == EVENT_MAP || e->kind == EVENT_UNMAP) {
        proc_of(e->pid)->mapped += e->kind == EVENT_MAP ? 1 : -1;
        put_counter(o, "mapped", "PTEs", ns, e->pid, proc_of(e->pid)->mapped);
    } else if (e->kind == EVENT_ALLOC || e->kind == EVENT_FREE) {
        frames += e->kind == EVENT_ALLOC ? block : -block;
        put_counter(o, "frames", "given out", ns, 0, frames);
    }
}

static bool of_pages(uint8_t kind)
{
    return kind == EVENT_EVICT || kind == EVENT_MAP || kind == EVENT_UNMAP || kind == EVENT_MOVE ||
           kind == EVENT_REF;
}

static void json_event(struct out *o, struct reader *r, const struct trace_event *e)
{
    uint64_t ns = reader_ns(r, e);
    proc_seen(e);
    if (r->wanted == 1)
        cpu.since = ns;
    if (pick.waits && e->kind != EVENT_WHY)
        put_pick(o);
    switch (e->kind) {
    case EVENT_START:
        put_text_event(o, e, ns, "name", proc_name(e->pid));
        break;
    case EVENT_FAULT:
        see_fault(o, r, e, ns);
        break;
    case EVENT_PICK:
        see_pick(e, ns);
        break;
    case EVENT_WHY:
        see_why(o, e, ns);
        break;
    case EVENT_SYSCALL:
        see_syscall(o, e, ns);
        break;
    case EVENT_SYSRET:
        see_sysret(o, e, ns);
        break;
    case EVENT_SWITCH:
        see_switch(o, e, ns);
        break;
    default:
        if (e->kind == EVENT_EXIT && proc_of(e->pid)->calling)
            put_call(o, e->pid, ns, false, 0);
        put_instant(o, e, ns, of_pages(e->kind) ? TRACK_PAGES : TRACK_OWN);
        out_text(o, "}");
        put_end(o);
        put_effects(o, e, ns);
    }
}

/* ---- the file ---- */

static void json_begin(struct out *o)
{
    out_text(o, "{\"traceEvents\":[");
    put_name(o, "process_name", MACHINE, MACHINE, "machine");
    put_name(o, "thread_name", MACHINE, MACHINE, "CPU");
}

static void put_names(struct out *o, uint32_t pid)
{
    char title[PROC_TITLE], more[PROC_TITLE];
    proc_title(pid, title);
    if (pid != 0)
        put_name(o, "process_name", pid, pid, title);
    for (uint32_t t = 0; t < TRACKS; t++) {
        format(more, sizeof more, "at the same time %u", t - TRACK_MORE + 2);
        if (procs[pid]->seen[t])
            put_name(o, "thread_name", json_pid(pid), tid_of(pid, t),
                     t == TRACK_OWN     ? title
                     : t == TRACK_PAGES ? "pages" /* what becomes of them */
                                        : more);
    }
}

static void json_end(struct out *o, struct reader *r)
{
    if (pick.waits)
        put_pick(o);
    if (cpu.known && r->shown_ns > cpu.since)
        put_turn(o, r->shown_ns);
    for (uint32_t pid = 0; pid < PIDS; pid++) {
        if (procs[pid] != NULL && procs[pid]->calling)
            put_call(o, pid, r->shown_ns, false, 0);
        if (procs[pid] != NULL)
            put_names(o, pid);
    }
    print(&o->to,
          "\n],\"displayTimeUnit\":\"ns\",\"otherData\":{\"source\":\"Faultline\",\"khz\":%u,"
          "\"events\":%llu,\"lost\":%llu,\"missing chunks\":%u}}\n",
          r->khz, (unsigned long long)r->wanted, (unsigned long long)r->lost, r->missing);
}

const struct output output_json = {
    .name = "json",
    .summary = "Chrome's trace format, for ui.perfetto.dev and chrome://tracing",
    .begin = json_begin,
    .event = json_event,
    .end = json_end,
};
