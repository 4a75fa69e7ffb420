/* SPDX-License-Identifier: MIT
 * What is in a trace, on a page. */
#include "tools/trace/output.h"
#include "tools/trace/pages.h"
#include "tools/trace/procs.h"
#include <inttypes.h>
#include <stdlib.h>

enum { TOP_PAGES = 10 };

struct tally {
    uint32_t events, faults, major, evicted, swapped_out, swapped_in, calls;
};

static struct tally *tallies[PIDS];
static uint32_t kinds[EVENT_KINDS];
static struct {
    uint32_t faults, refused;
    uint64_t ticks;
} cases[FAULT_CASES];
static struct pages pages;
static uint64_t first_ns;

static struct tally *tally_of(uint32_t pid)
{
    if (tallies[pid] == NULL)
        tallies[pid] = host_array(NULL, 0, 1, sizeof *tallies[pid]);
    return tallies[pid];
}

static void see_fault(struct tally *t, const struct trace_event *e)
{
    uint32_t kase = e->flags & FAULT_CASE;
    t->faults++;
    t->major += (e->flags & FAULT_MAJOR) != 0;
    cases[kase].faults++;
    cases[kase].refused += (e->flags & FAULT_REFUSED) != 0;
    cases[kase].ticks += e->arg[FAULT_TICKS];
    page_of_key(&pages, page_key(e->pid, e->arg[FAULT_VA]))->faults++;
}

static void summary_event(struct out *o UNUSED, struct reader *r, const struct trace_event *e)
{
    struct tally *t = tally_of(e->pid);
    proc_seen(e);
    if (r->wanted == 1)
        first_ns = reader_ns(r, e);
    kinds[e->kind]++;
    t->events++;
    t->swapped_out += e->kind == EVENT_SWAP_OUT;
    t->swapped_in += e->kind == EVENT_SWAP_IN;
    t->calls += e->kind == EVENT_SYSCALL;
    if (e->kind == EVENT_FAULT)
        see_fault(t, e);
    if (e->kind == EVENT_EVICT) {
        t->evicted++;
        page_of_key(&pages, page_key(e->pid, e->arg[0]))->evictions++;
    }
}

/* ---- tables ---- */

static void print_seconds(struct out *o, uint64_t ns)
{
    const uint64_t ns_per_s = 1000000000, ns_per_us = 1000;
    print(&o->to, "%llu.%06llu", (unsigned long long)(ns / ns_per_s),
          (unsigned long long)(ns % ns_per_s / ns_per_us));
}

static void print_file(struct out *o, const struct reader *r)
{
    print(&o->to, "%s: %llu events in %u chunks", r->path, (unsigned long long)r->events, r->chunks);
    if (r->wanted != r->events)
        print(&o->to, ", of which %llu are shown", (unsigned long long)r->wanted);
    print(&o->to, "; %llu lost, %u chunks missing", (unsigned long long)r->lost, r->missing);
    if (r->restarts > 0)
        print(&o->to, "; begun anew %u times", r->restarts);
    if (r->wanted > 0) {
        out_text(o, "\nfrom ");
        print_seconds(o, first_ns);
        out_text(o, " to ");
        print_seconds(o, r->shown_ns);
        out_text(o, " s of the log, ");
        print_seconds(o, r->shown_ns - first_ns);
        print(&o->to, " s; %u ticks in a millisecond", r->khz);
    }
    out_text(o, "\n");
}

static void print_kinds(struct out *o)
{
    out_text(o, "\nevent           count\n");
    for (uint32_t kind = 0; kind < EVENT_KINDS; kind++)
        if (kinds[kind] > 0)
            print(&o->to, "%-10s %10u\n", event_shapes[kind].name, kinds[kind]);
}

static void print_procs(struct out *o)
{
    out_text(
        o,
        "\n  pid name                 events    faults     major   evicted  swap-out   swap-in     calls\n");
    for (uint32_t pid = 0; pid < PIDS; pid++) {
        const struct tally *t = tallies[pid];
        if (t != NULL)
            print(&o->to, "%5u %-16s %10u %9u %9u %9u %9u %9u %9u\n", pid, proc_name(pid), t->events,
                  t->faults, t->major, t->evicted, t->swapped_out, t->swapped_in, t->calls);
    }
}

static void print_cases(struct out *o, const struct reader *r)
{
    out_text(o, "\ncase                  faults   refused  mean ticks     mean us\n");
    for (uint32_t i = 0; i < FAULT_CASES; i++) {
        uint32_t n = cases[i].faults;
        if (n == 0)
            continue;
        uint64_t ns = reader_span_ns(r, cases[i].ticks) / n, ns_per_us = 1000;
        print(&o->to, "%u %-16s %9u %9u %11llu %7llu.%03llu\n", i, fault_case_names[i], n, cases[i].refused,
              (unsigned long long)(cases[i].ticks / n), (unsigned long long)(ns / ns_per_us),
              (unsigned long long)(ns % ns_per_us));
    }
}

static int by_faults(const void *a, const void *b)
{
    const struct page *p = a, *q = b;
    if (p->faults != q->faults)
        return p->faults < q->faults ? 1 : -1;
    return p->key > q->key ? 1 : p->key < q->key ? -1 : 0;
}

static void print_pages(struct out *o)
{
    size_t places = pages.bits != 0 ? (size_t)1 << pages.bits : 0, n = 0;
    for (size_t i = 0; i < places; i++)
        if (pages.table[i].faults > 0)
            pages.table[n++] = pages.table[i];
    qsort(pages.table, n, sizeof pages.table[0], by_faults);
    print(&o->to, "\n   faults   evicted   pid page          the %zu of %zu pages that faulted most\n",
          MIN(n, (size_t)TOP_PAGES), n);
    for (size_t i = 0; i < MIN(n, (size_t)TOP_PAGES); i++)
        print(&o->to, "%9u %9u %5u 0x%08x\n", pages.table[i].faults, pages.table[i].evictions,
              key_pid(pages.table[i].key - 1), key_va(pages.table[i].key - 1));
}

static void summary_end(struct out *o, struct reader *r)
{
    print_file(o, r);
    if (r->wanted == 0)
        return;
    print_kinds(o);
    print_procs(o);
    if (kinds[EVENT_FAULT] > 0) {
        print_cases(o, r);
        print_pages(o);
    }
}

const struct output output_summary = {
    .name = "summary",
    .summary = "counts by kind, process and case of fault; what is missing; the pages that faulted most",
    .event = summary_event,
    .end = summary_end,
};
