/* SPDX-License-Identifier: MIT
 * The command line of the simulator: page traces through the kernel's replacement policies, on the host. */
#include "tools/sim/formats.h"
#include "tools/sim/report.h"
#include "tools/sim/sim.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FRAMES = 1 << 24, MAX_CURVE = 100000, MAX_SIZES = MAX_CURVE };

struct arguments {
    struct model_options model;
    const char *players, *frames;
    uint32_t curve; /* sizes, 0: no curve */
    bool lines;
    bool no_opt;
    const struct format *format;
};

static void write_out(struct printer *to, const char *text, size_t len)
{
    fwrite(text, 1, len, to == &to_stdout ? stdout : stderr);
}
struct printer to_stdout = {write_out}, to_stderr = {write_out};

void die(int status, const char *fmt, ...)
{
    va_list ap;
    fflush(stdout);
    fprintf(stderr, "sim: ");
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\n");
    exit(status);
}

LINKER_SET_DECLARE(const struct policy *const, sim_policies);

const struct policy *player(uint32_t number)
{
    size_t extra = (size_t)(__stop_sim_policies - __start_sim_policies);
    if (number < policy_count)
        return policy_table[number];
    return number - policy_count < extra ? __start_sim_policies[number - policy_count] : NULL;
}

const struct policy *player_find(const char *name)
{
    uint32_t n = 0;
    while (player(n) != NULL && strcmp(player(n)->name, name) != 0)
        n++;
    return player(n);
}

static void player_names(char *text, size_t size)
{
    size_t len = 0;
    for (uint32_t n = 0; player(n) != NULL && len < size; n++)
        len += (size_t)snprintf(text + len, size - len, "%s%s", n > 0 ? " " : "", player(n)->name);
}

/* The next word of a list with commas, cut out of it. => NULL at the end */
static char *next_word(char **list)
{
    char *word;
    do {
        word = strsep(list, ",");
    } while (word != NULL && *word == '\0');
    return word;
}

static void choose_players(struct report *r, const char *list)
{
    char *words = strdup(list), *rest = words, *word;
    while ((word = next_word(&rest)) != NULL) {
        bool all = strcmp(word, "all") == 0;
        for (uint32_t n = 0; all && player(n) != NULL; n++) {
            r->players = host_realloc(r->players, r->player_count + 1, sizeof r->players[0]);
            r->players[r->player_count++] = player(n);
        }
        if (all)
            continue;
        r->players = host_realloc(r->players, r->player_count + 1, sizeof r->players[0]);
        r->players[r->player_count] = player_find(word);
        if (r->players[r->player_count++] == NULL) {
            char names[1000];
            player_names(names, sizeof names);
            die(SIM_USAGE, "no policy \"%s\"; there are: all %s", word, names);
        }
    }
    free(words);
    if (r->player_count == 0)
        die(SIM_USAGE, "no policy given");
}

static void add_size(struct report *r, uint32_t frames)
{
    for (uint32_t s = 0; s < r->frames_count; s++)
        if (r->frames[s] == frames)
            return;
    r->frames = host_realloc(r->frames, r->frames_count + 1, sizeof r->frames[0]);
    r->frames[r->frames_count++] = frames;
}

static void choose_sizes(struct report *r, const char *list)
{
    char *words = strdup(list), *rest = words, *word;
    while ((word = next_word(&rest)) != NULL) {
        char *end;
        uint64_t n = strtoul(word, &end, 10);
        bool percent = strcmp(end, "%") == 0,
             number = *word >= '0' && *word <= '9' && (percent || *end == '\0');
        if (!number || n < 1 || n > (percent ? 100 : MAX_FRAMES))
            die(SIM_USAGE, "\"%s\" frames: expected 1 to %u, or 1%% to 100%% of the trace's pages", word,
                MAX_FRAMES);
        add_size(r, percent ? (uint32_t)MAX(n * r->trace->unique / 100, (uint64_t)1) : (uint32_t)n);
    }
    free(words);
    if (r->frames_count == 0)
        die(SIM_USAGE, "no number of frames given");
}

static void choose_curve(struct report *r, uint32_t sizes)
{
    for (uint32_t i = 1; i <= sizes; i++)
        add_size(r, (uint32_t)MAX((uint64_t)r->trace->unique * i / sizes, (uint64_t)1));
}

static void simulate(const char *path, const struct arguments *args)
{
    struct trace t;
    format_read(&t, path, args->format);
    struct report r = {.trace = &t, .options = &args->model};
    choose_players(&r, args->players);
    if (args->curve > 0)
        choose_curve(&r, args->curve);
    else
        choose_sizes(&r, args->frames);

    const struct policy *opt = args->no_opt ? NULL : player_find("opt");
    bool future = opt != NULL;
    for (uint32_t p = 0; p < r.player_count; p++)
        future |= (r.players[p]->needs & POLICY_NEEDS_ORACLE) != 0;
    uint32_t *next_use = future ? trace_next_use(&t) : NULL;

    r.results = host_alloc((size_t)r.player_count * r.frames_count, sizeof r.results[0]);
    r.opt = opt != NULL ? host_alloc(r.frames_count, sizeof r.opt[0]) : NULL;
    for (uint32_t s = 0; s < r.frames_count; s++) {
        struct model_result best = {0};
        if (opt != NULL) {
            best = model_run(&t, opt, r.frames[s], next_use, &args->model);
            r.opt[s] = best.faults;
        }
        for (uint32_t p = 0; p < r.player_count; p++)
            r.results[p * r.frames_count + s] =
                r.players[p] == opt ? best : model_run(&t, r.players[p], r.frames[s], next_use, &args->model);
    }
    if (args->curve > 0)
        report_curve(&r);
    else if (args->lines)
        report_lines(&r);
    else
        report_table(&r);
    free(r.players);
    free(r.frames);
    free(r.results);
    free(r.opt);
    free(next_use);
    trace_free(&t);
}

int main(int argc, char **argv)
{
    struct arguments args = {.players = "all", .frames = "10%,25%,50%"};
    args.model.seed = 1;
    int c;
    while ((c = getopt(argc, argv, "sp:f:m:a:")) != -1) {
        if (c == 's')
            args.lines = true;
        else if (c == 'p')
            args.players = optarg;
        else if (c == 'f')
            args.frames = optarg;
        else if (c == 'm')
            args.model.sampled = strcmp(optarg, "sampled") == 0;
        else if (c == 'a')
            args.model.deferred = strcmp(optarg, "ad") == 0;
        else
            return SIM_USAGE;
    }
    for (int i = optind; i < argc; i++)
        simulate(argv[i], &args);
    return SIM_OK;
}
