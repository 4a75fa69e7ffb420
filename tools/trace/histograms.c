/* SPDX-License-Identifier: MIT
 * Distributions, in buckets that double: what a fault costs by its case, how long a page stays, how many
 * faults of all go by until an evicted page is wanted again. */
#include "tools/trace/output.h"
#include "tools/trace/pages.h"
#include <stdlib.h>

enum { BUCKETS = 65, BAR = 40 };
enum { UNMAPPED = 1 }; /* a page's number */

/* Bucket 0 has the zeros, bucket n > 0 what has n bits: 2^(n-1) to 2^n - 1. */
struct histogram {
    uint64_t count, sum, max;
    uint32_t buckets[BUCKETS];
};

static struct histogram cost[FAULT_CASES], residence, distance;
static struct pages pages;
static uint64_t faults, unknown; /* evictions of pages that were there before the trace began */
static bool maps;                /* the trace has map events */

static void add(struct histogram *h, uint64_t value)
{
    h->count++;
    h->sum += value;
    h->max = MAX(h->max, value);
    h->buckets[value != 0 ? 64 - __builtin_clzll(value) : 0]++;
}

static void see_fault(const struct trace_event *e, uint64_t ns)
{
    faults++;
    add(&cost[e->flags & FAULT_CASE], e->arg[FAULT_TICKS]);
    if (e->flags & FAULT_REFUSED)
        return;
    struct page *p = page_of_key(&pages, page_key(e->pid, e->arg[FAULT_VA]));
    if (p->evictions > 0)
        add(&distance, faults - p->left_fault);
    p->evictions = 0;
    if (!maps && p->came == 0)
        p->came = MAX(ns, (uint64_t)1);
}

static void see_evict(const struct trace_event *e, uint64_t ns)
{
    const uint64_t ns_per_us = 1000;
    struct page *p = page_of_key(&pages, page_key(e->pid, e->arg[0]));
    if (p->came != 0)
        add(&residence, (ns - MIN(ns, p->came)) / ns_per_us);
    else
        unknown++;
    p->came = 0;
    p->evictions = 1;
    p->left_fault = faults;
}

/* A page that was unmapped but not evicted, and comes again, is another one. */
static void see_map(struct page *p, uint64_t ns)
{
    maps = true;
    if (p->came == 0 || p->number == UNMAPPED)
        p->came = MAX(ns, (uint64_t)1);
    p->number = 0;
}

static void histograms_event(struct out *o UNUSED, struct reader *r, const struct trace_event *e)
{
    uint64_t ns = reader_ns(r, e);
    if (e->kind == EVENT_FAULT) {
        see_fault(e, ns);
    } else if (e->kind == EVENT_EVICT && e->pid != 0) {
        see_evict(e, ns);
    } else if (e->kind == EVENT_MAP) {
        see_map(page_of_key(&pages, page_key(e->pid, e->arg[0])), ns);
    } else if (e->kind == EVENT_UNMAP) { /* perhaps on the way to being evicted: that event comes next */
        page_of_key(&pages, page_key(e->pid, e->arg[0]))->number = UNMAPPED;
    }
}

/* ---- drawing ---- */

/* A power of two, with a binary unit. */
static void format_bound(char *text, size_t size, uint32_t bits)
{
    static const char units[] = " KMGTPE";
    enum { BITS_PER_UNIT = 10 };
    uint32_t unit = bits / BITS_PER_UNIT;
    format(text, size, unit > 0 ? "%u%c" : "%u", 1u << bits % BITS_PER_UNIT, units[unit]);
}

static void print_range(struct out *o, uint32_t bucket)
{
    char from[16], to[16], range[40];
    if (bucket <= 1) {
        format(range, sizeof range, "[%u]", bucket);
    } else {
        format_bound(from, sizeof from, bucket - 1);
        format_bound(to, sizeof to, bucket);
        format(range, sizeof range, "[%s, %s)", from, to);
    }
    print(&o->to, "%-14s", range);
}

static void print_histogram(struct out *o, const char *what, const char *detail, const struct histogram *h)
{
    static const char full[] = "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@";
    uint32_t first = BUCKETS, last = 0, most = 1;
    _Static_assert(sizeof full == BAR + 1, "a bar has its width");
    for (uint32_t b = 0; b < BUCKETS; b++) {
        if (h->buckets[b] > 0) {
            first = MIN(first, b);
            last = b;
        }
        most = MAX(most, h->buckets[b]);
    }
    print(&o->to, "\n%s%s: count %llu, mean %llu, max %llu\n", what, detail, (unsigned long long)h->count,
          (unsigned long long)(h->count > 0 ? h->sum / h->count : 0), (unsigned long long)h->max);
    for (uint32_t b = first; b <= last && h->count > 0; b++) {
        print_range(o, b);
        int length = (int)((uint64_t)h->buckets[b] * BAR / most);
        print(&o->to, "%10u |%-*.*s|\n", h->buckets[b], BAR, length, full);
    }
}

static void histograms_end(struct out *o, struct reader *r)
{
    char detail[64];
    print(&o->to, "%s: distributions of %llu faults\n", r->path, (unsigned long long)faults);
    for (uint32_t i = 0; i < FAULT_CASES; i++) {
        format(detail, sizeof detail, " %u (%s), ticks", i, fault_case_names[i]);
        if (cost[i].count > 0)
            print_histogram(o, "cost of a fault, case", detail, &cost[i]);
    }
    print_histogram(o, "residence, us from ", maps ? "being mapped to eviction" : "the fault to eviction",
                    &residence);
    if (unknown > 0)
        print(&o->to, "(and %llu evictions of pages that came before the trace began)\n",
              (unsigned long long)unknown);
    print_histogram(o, "refault distance, ", "faults of all from eviction to the page's next", &distance);
}

const struct output output_histograms = {
    .name = "hist",
    .summary = "cost of faults by case, residence, refault distance",
    .event = histograms_event,
    .end = histograms_end,
};
