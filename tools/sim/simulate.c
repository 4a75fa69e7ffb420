/* SPDX-License-Identifier: MIT
 * Simulations. */
#include "tools/sim/simulate.h"
#include "tools/sim/report.h"
#include "tools/sim/sim.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_FRAMES = 1 << 24, MAX_PERCENT = 100, NAMES_ROOM = 1000 };

char *next_word(char **list)
{
    char *word;
    do {
        word = strsep(list, ",");
    } while (word != NULL && *word == '\0');
    return word;
}

static void add_player(struct report *r, const struct policy *p)
{
    r->players = host_realloc(r->players, r->player_count + 1, sizeof r->players[0]);
    r->players[r->player_count++] = p;
}

static void choose_players(struct report *r, const char *list)
{
    char *words = host_copy(list), *rest = words, *word;
    while ((word = next_word(&rest)) != NULL) {
        if (strcmp(word, "all") == 0) {
            for (uint32_t n = 0; player(n) != NULL; n++)
                add_player(r, player(n));
        } else if (player_find(word) != NULL) {
            add_player(r, player_find(word));
        } else {
            char names[NAMES_ROOM];
            player_names(names, sizeof names);
            die(SIM_USAGE, "no policy \"%s\"; there are %s, and all", word, names);
        }
    }
    free(words);
    if (r->player_count == 0)
        die(SIM_USAGE, "no policy in \"%s\"", list);
}

static void add_size(struct report *r, uint32_t frames)
{
    r->frames = host_realloc(r->frames, r->frames_count + 1, sizeof r->frames[0]);
    r->frames[r->frames_count++] = frames;
}

/* t NULL: only verifies the list. */
static void choose_sizes(struct report *r, const char *list, const struct trace *t)
{
    char *words = host_copy(list), *rest = words, *word;
    uint32_t count = 0;
    for (; (word = next_word(&rest)) != NULL; count++) {
        char *end;
        bool digit = *word >= '0' && *word <= '9';
        uint64_t n = strtoull(word, &end, 10);
        bool percent = strcmp(end, "%") == 0;
        if (!digit || !(percent || *end == '\0') || n < 1 || n > (percent ? MAX_PERCENT : MAX_FRAMES))
            die(SIM_USAGE, "\"%s\" frames: expected 1 to %u, or 1%% to %u%% of the trace's pages", word,
                MAX_FRAMES, MAX_PERCENT);
        if (t != NULL)
            add_size(r, percent ? (uint32_t)MAX(n * t->unique / MAX_PERCENT, (uint64_t)1) : (uint32_t)n);
    }
    free(words);
    if (count == 0)
        die(SIM_USAGE, "no number of frames in \"%s\"", list);
}

/* Evenly spaced up to all pages; fewer sizes if there are fewer pages. */
static void choose_curve(struct report *r, uint32_t sizes)
{
    uint32_t before = 0;
    for (uint32_t i = 1; i <= sizes; i++) {
        uint32_t frames = (uint32_t)((uint64_t)r->trace->unique * i / sizes);
        if (frames > before)
            add_size(r, frames);
        before = frames;
    }
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static struct outcome run(const struct simulation *sim, const struct report *r, const struct policy *p,
                          uint32_t frames, const uint32_t *next_use)
{
    uint64_t start = now_ns();
    struct model_result result = model_run(r->trace, p, frames, next_use, &sim->model);
    return (struct outcome){result, now_ns() - start};
}

static void run_all(const struct simulation *sim, struct report *r)
{
    const struct policy *opt = sim->no_opt ? NULL : player_find("opt");
    bool future = opt != NULL;
    for (uint32_t p = 0; p < r->player_count; p++)
        future |= (r->players[p]->needs & POLICY_NEEDS_ORACLE) != 0;
    uint32_t *next_use = future ? trace_next_use(r->trace) : NULL;
    r->outcomes = host_alloc((size_t)r->player_count * r->frames_count, sizeof r->outcomes[0]);
    r->opt = opt != NULL ? host_alloc(r->frames_count, sizeof r->opt[0]) : NULL;
    for (uint32_t s = 0; s < r->frames_count; s++) {
        struct outcome best = {.ns = 0};
        if (opt != NULL) {
            best = run(sim, r, opt, r->frames[s], next_use);
            r->opt[s] = best.result.faults;
        }
        for (uint32_t p = 0; p < r->player_count; p++)
            *report_at(r, p, s) =
                r->players[p] == opt ? best : run(sim, r, r->players[p], r->frames[s], next_use);
    }
    free(next_use);
}

static void simulate_one(const struct simulation *sim, const char *path, struct summary *summary)
{
    struct trace t;
    format_read(&t, path, sim->format);
    struct report r = {.trace = &t, .options = &sim->model, .timed = sim->timed};
    choose_players(&r, sim->players);
    if (sim->curve > 0)
        choose_curve(&r, sim->curve);
    else
        choose_sizes(&r, sim->frames, &t);
    run_all(sim, &r);
    if (sim->curve > 0) {
        report_curve(&r);
    } else if (sim->lines) {
        report_lines(&r);
    } else {
        report_table(&r);
        summary_add(summary, &r);
    }
    free(r.players);
    free(r.frames);
    free(r.outcomes);
    free(r.opt);
    trace_free(&t);
}

void simulate(const struct simulation *sim, char *const *paths, uint32_t count)
{
    /* Bad options are named before a long trace is read. */
    struct report probe = {.trace = NULL};
    choose_players(&probe, sim->players);
    choose_sizes(&probe, sim->frames, NULL);
    struct summary summary = {.players = probe.players, .player_count = probe.player_count};
    for (uint32_t i = 0; i < count; i++)
        simulate_one(sim, paths[i], &summary);
    summary_print(&summary);
    free(summary.logs);
    free(probe.players);
}
