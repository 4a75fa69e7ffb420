/* SPDX-License-Identifier: MIT
 * What build/alloc prints: the table of variants, as text and as TSV, and the samples over time. */
#include "tools/alloc/alloc.h"
#include <string.h>

enum { TEN = 10 };

const char *compact_name(uint32_t compact)
{
    static char number[16];
    if (compact == COMPACT_OFF)
        return "off";
    if (compact == COMPACT_WHOLE)
        return "whole";
    if (compact == COMPACT_ENOUGH)
        return "enough";
    snprintf(number, sizeof number, "%u", compact);
    return number;
}

/* ---- over time ---- */

static void print_variant(const struct play *p)
{
    printf("%s\t%s\t%s\t%s", p->workload->name, p->variant.fit->name, p->variant.buddy ? "on" : "off",
           compact_name(p->variant.compact));
}

static void print_sample(const struct play *p, const struct sample *s)
{
    print_variant(p);
    printf("\t%u\t%u\t%u\t%u\t%u\t%u\t%u\t%u\t%u\t%u\t%u\t%u\n", s->op, p->workload->units, s->used, s->free,
           s->largest, s->external, s->internal, s->partitions, s->holes, s->success, s->fragmented,
           s->moved);
}

void report_series(const struct play *p)
{
    static bool headed;
    if (!headed)
        printf("workload\tfit\tbuddy\tcompact\top\ttotal\tused\tfree\tlargest\texternal\tinternal\tpartitions"
               "\tholes\t"
               "success\tfragmented\tmoved\n");
    headed = true;
    struct play sampled = *p;
    sampled.sampled = print_sample;
    play(&sampled);
}

static void print_op(const struct play *p, const struct alloc_op *op, uint32_t at)
{
    print_variant(p);
    printf("\t%s\t%u\t%u\t", op->bytes > 0 ? "alloc" : "free", op->id, op->bytes);
    if (at == UINT32_MAX)
        printf("-\n");
    else
        printf("%u\n", at);
}

void report_log(const struct play *p)
{
    static bool headed;
    if (!headed)
        printf("workload\tfit\tbuddy\tcompact\twhat\tid\tbytes\tat\n");
    headed = true;
    struct play logged = *p;
    logged.done = print_op;
    play(&logged);
}

/* ---- the table ---- */

enum { NAME_WIDTH = 13, GROUP_WIDTH = 35 };

static double percent(uint32_t thousandths)
{
    return (double)thousandths / TEN;
}

/* Failures that compaction avoided, perhaps less than none. */
static int avoided(const struct outcome *off, const struct outcome *now)
{
    return (int)off->failures - (int)now->failures;
}

/* Instructions for moves, for each allocation. */
static double cost(const struct table *t, const struct outcome *now)
{
    return (double)now->moved * t->move_cost / MAX(now->allocs, 1u);
}

/* Units moved for each failure avoided, or "-". */
static const char *price(const struct outcome *off, const struct outcome *now)
{
    static char text[16];
    snprintf(text, sizeof text, "%.0f", (double)now->moved / MAX(avoided(off, now), 1));
    return avoided(off, now) > 0 ? text : "-";
}

void report_table_head(const struct table *t)
{
    if (t->tsv) {
        printf("workload\tfit\tbuddy\tcompact\tallocs\tfailed\tfragmented\tfirst\tfirst_"
               "load\texternal\tinternal\tpeak\t"
               "compactions\tmoved\tavoided\tmoved_each\tcost\n");
        return;
    }
    printf("%-*s %-8s %-5s %6s %6s %6s %5s %5s %5s", NAME_WIDTH, "", "", "", "", "", "", "", "", "");
    for (uint32_t i = 0; i < t->compact_count; i++) {
        if (t->compacts[i] == COMPACT_OFF)
            continue;
        bool steps = t->compacts[i] < COMPACT_ENOUGH;
        printf("  | compaction %s%s", compact_name(t->compacts[i]), steps ? " an operation" : "");
        printf("%*s", GROUP_WIDTH - 12 - (int)strlen(compact_name(t->compacts[i])) - (steps ? 13 : 0), "");
    }
    printf("\n%-*s %-8s %-5s %6s %6s %6s %5s %5s %5s", NAME_WIDTH, "workload", "fit", "buddy", "failed",
           "frag.", "first", "load", "ext.", "int.");
    for (uint32_t i = 0; i < t->compact_count; i++)
        if (t->compacts[i] != COMPACT_OFF)
            printf("  | %6s %9s %8s %8s", "failed", "moved", "each", "cost");
    printf("\n");
}

static void print_tsv(const struct table *t, const struct play *p, const struct outcome *off,
                      const struct outcome *now)
{
    print_variant(p);
    printf("\t%u\t%u\t%u\t%u\t%u\t%u\t%u\t%u\t%u\t%u\t%d\t%s\t%.0f\n", now->allocs, now->failures,
           now->fragmented, now->first, now->first_load, now->external, now->internal, now->used_peak,
           now->compactions, now->moved, avoided(off, now), price(off, now), cost(t, now));
}

static void print_off(const struct play *p, const struct outcome *o)
{
    printf("%-*.*s %-8s %-5s %6u %6u ", NAME_WIDTH, NAME_WIDTH, p->workload->name, p->variant.fit->name,
           p->variant.buddy ? "on" : "off", o->failures, o->fragmented);
    if (o->first > 0)
        printf("%6u %5.1f", o->first, percent(o->first_load));
    else
        printf("%6s %5s", "never", "-");
    printf(" %5.1f %5.1f", percent(o->external), percent(o->internal));
}

void report_table(const struct table *t, const struct play *p)
{
    struct play now = *p;
    now.variant.compact = COMPACT_OFF;
    struct outcome off = play(&now);
    if (t->tsv)
        print_tsv(t, &now, &off, &off);
    else
        print_off(&now, &off);
    for (uint32_t i = 0; i < t->compact_count; i++) {
        if (t->compacts[i] == COMPACT_OFF)
            continue;
        now.variant.compact = t->compacts[i];
        struct outcome o = play(&now);
        if (t->tsv)
            print_tsv(t, &now, &off, &o);
        else
            printf("  | %6u %9u %8s %8.0f", o.failures, o.moved, price(&off, &o), cost(t, &o));
    }
    if (!t->tsv)
        printf("\n");
}

void report_table_foot(const struct table *t)
{
    if (!t->tsv)
        printf("\n"
               "failed: allocations; frag.: those that failed although enough was free; first: the operation "
               "at which\n"
               "one did, and the load then, %% of the arena; ext., int.: mean fragmentation, %%. Of "
               "compaction: failed;\n"
               "units moved, in all and for each failure avoided; cost: instructions for each allocation, at "
               "%u a unit\n",
               t->move_cost);
}
