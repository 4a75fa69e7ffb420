/* SPDX-License-Identifier: MIT
 * Tables, lines and curves of results. */
#include "tools/sim/report.h"
#include "tools/sim/sim.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *mode_name(const struct report *r)
{
    return r->options->sampled ? "sampled" : "exact";
}

static const char *accessed_name(const struct report *r)
{
    return r->options->deferred ? "ad" : "a1";
}

/* The policies' numbers, the lowest score first; equals stay in order. => free it */
static uint32_t *ranking(const double *scores, uint32_t count)
{
    uint32_t *rank = host_alloc(count, sizeof *rank);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = i;
        for (; at > 0 && scores[rank[at - 1]] > scores[i]; at--)
            rank[at] = rank[at - 1];
        rank[at] = i;
    }
    return rank;
}

static int name_width(const struct policy *const *players, uint32_t count)
{
    size_t width = strlen("policy");
    for (uint32_t p = 0; p < count; p++)
        width = MAX(width, strlen(players[p]->name));
    return (int)width;
}

/* The columns of one size. */
static const char column_head[] = "    faults   % of OPT   writes";

static void table_head(const struct report *r, int width)
{
    const struct trace *t = r->trace;
    printf("%s: %" PRIu64 " references", t->name, t->refs);
    if (t->refs != t->count)
        printf(" (%u once those to one page in a row are joined)", t->count);
    printf(", %u pages, %u of them written; %s mode, accessed=%s\n", t->unique, trace_written_pages(t),
           mode_name(r), accessed_name(r));
    printf("%*s", width, "");
    for (uint32_t s = 0; s < r->frames_count; s++) {
        char text[sizeof column_head];
        snprintf(text, sizeof text, "%u frame%s", r->frames[s], r->frames[s] == 1 ? "" : "s");
        printf("%*s", (int)sizeof column_head - 1, text);
    }
    printf("\n%-*s", width, "policy");
    for (uint32_t s = 0; s < r->frames_count; s++)
        printf("%s", column_head);
    printf("\n");
}

static void table_cell(const struct report *r, uint32_t p, uint32_t s)
{
    const struct model_result *result = &report_at(r, p, s)->result;
    printf("%10u", result->faults);
    if (r->opt != NULL)
        printf("%11.1f", 100.0 * result->faults / r->opt[s]);
    else
        printf("%11s", "-");
    printf("%9u", result->writebacks);
}

static void table_foot(const struct report *r)
{
    const char *before = "";
    for (uint32_t p = 0; r->options->sampled && p < r->player_count; p++) {
        if (r->players[p]->needs != 0) {
            printf("%s%s", before, r->players[p]->name);
            before = ", ";
        }
    }
    if (*before != '\0')
        printf(": baselines, which see every reference in sampled mode too\n");
}

void report_table(const struct report *r)
{
    double *scores = host_alloc(r->player_count, sizeof *scores); /* faults with all numbers of frames */
    for (uint32_t p = 0; p < r->player_count; p++)
        for (uint32_t s = 0; s < r->frames_count; s++)
            scores[p] += report_at(r, p, s)->result.faults;
    uint32_t *rank = ranking(scores, r->player_count);
    int width = name_width(r->players, r->player_count);
    table_head(r, width);
    for (uint32_t i = 0; i < r->player_count; i++) {
        printf("%-*s", width, r->players[rank[i]]->name);
        for (uint32_t s = 0; s < r->frames_count; s++)
            table_cell(r, rank[i], s);
        printf("\n");
    }
    table_foot(r);
    printf("\n");
    free(rank);
    free(scores);
}

void report_lines(const struct report *r)
{
    for (uint32_t s = 0; s < r->frames_count; s++) {
        for (uint32_t p = 0; p < r->player_count; p++) {
            const struct model_result *result = &report_at(r, p, s)->result;
            printf(
                "sim trace=%s policy=%s frames=%u faults=%u writebacks=%u mode=%s accessed=%s refs=%" PRIu64
                " unique=%u",
                r->trace->name, r->players[p]->name, r->frames[s], result->faults, result->writebacks,
                mode_name(r), accessed_name(r), r->trace->refs, r->trace->unique);
            if (r->opt != NULL)
                printf(" opt=%u", r->opt[s]);
            if (r->timed)
                printf(" ns_per_ref=%.1f", (double)report_at(r, p, s)->ns / r->trace->count);
            printf("\n");
        }
    }
}

void report_curve(const struct report *r)
{
    printf("policy\tframes\tfaults\tratio\n");
    for (uint32_t p = 0; p < r->player_count; p++) {
        for (uint32_t s = 0; s < r->frames_count; s++) {
            uint32_t faults = report_at(r, p, s)->result.faults;
            printf("%s\t%u\t%u\t%.6f\n", r->players[p]->name, r->frames[s], faults,
                   (double)faults / (double)r->trace->refs);
        }
    }
}

void summary_add(struct summary *s, const struct report *r)
{
    s->traces++;
    if (r->opt == NULL)
        return;
    if (s->logs == NULL)
        s->logs = host_alloc(s->player_count, sizeof s->logs[0]);
    for (uint32_t size = 0; size < r->frames_count; size++, s->runs++)
        for (uint32_t p = 0; p < s->player_count; p++)
            s->logs[p] += log((double)report_at(r, p, size)->result.faults / r->opt[size]);
}

void summary_print(const struct summary *s)
{
    if (s->traces < 2 || s->runs == 0)
        return;
    uint32_t *rank = ranking(s->logs, s->player_count);
    int width = name_width(s->players, s->player_count);
    printf("%u traces: geometric mean of faults / OPT\n", s->traces);
    for (uint32_t i = 0; i < s->player_count; i++)
        printf("%-*s%10.3f\n", width, s->players[rank[i]]->name, exp(s->logs[rank[i]] / s->runs));
    free(rank);
}
