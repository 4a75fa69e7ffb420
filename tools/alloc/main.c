/* SPDX-License-Identifier: MIT
 * The command line of build/alloc: workloads of allocations against the kernel's contiguous arenas. */
#include "lib/print.h"
#include "tools/alloc/alloc.h"
#include "tools/alloc/bare.h"
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: alloc [OPTION...] [WORKLOAD...]\n"
    "       alloc --flat WHAT,LIVE,PAIRS   so many pairs of alloc and free while LIVE blocks live, for "
    "callgrind;\n"
    "                                      WHAT: buddy (frames), buddy-block (two frames each), or vmem- and "
    "a strategy\n"
    "\n"
    "  -f, --fit F,...       strategies, or all (all)\n"
    "  -b, --buddy off,on    sizes rounded to powers of two: off, on, or both (off,on)\n"
    "  -c, --compact C,...   when an allocation fails for fragmentation only, enough: partition by partition "
    "until\n"
    "                        it succeeds, or whole: all there is; N: so many units after each operation; "
    "off\n"
    "                        (off,enough,8)\n"
    "  -s                    the table as tab-separated values, a line for each variant\n"
    "      --series K        no table: a sample every K operations, tab-separated; the last one at the end\n"
    "      --log             no table: each operation and the unit at which its block lies, tab-separated\n"
    "      --units N         of the arena (4096)\n"
    "      --unit-bytes N    (4096)\n"
    "      --allocs N        allocations of a workload (10000; all that a file has)\n"
    "      --load P          percent of the arena that the workload wants: at the peak, or of uniform and\n"
    "                        exponential on average (90)\n"
    "      --seed N          (1)\n"
    "      --move-cost N     instructions for the move of a unit (852)\n"
    "      --check           verify the book at each sample, every 64 operations without --series\n"
    "\n"
    "Exit status: 0; 1 if something is broken; 2 for bad options.\n"
    "\n"
    "Workloads (all of these):\n";

enum option_key { SERIES = 256, LOG, UNITS, UNIT_BYTES, ALLOCS, LOAD, SEED, MOVE_COST, CHECK, FLAT, HELP };

static const struct option options[] = {
    {"fit", required_argument, NULL, 'f'},
    {"buddy", required_argument, NULL, 'b'},
    {"compact", required_argument, NULL, 'c'},
    {"series", required_argument, NULL, SERIES},
    {"log", no_argument, NULL, LOG},
    {"units", required_argument, NULL, UNITS},
    {"unit-bytes", required_argument, NULL, UNIT_BYTES},
    {"allocs", required_argument, NULL, ALLOCS},
    {"load", required_argument, NULL, LOAD},
    {"seed", required_argument, NULL, SEED},
    {"move-cost", required_argument, NULL, MOVE_COST},
    {"check", no_argument, NULL, CHECK},
    {"flat", required_argument, NULL, FLAT},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

enum {
    LIST = 16,            /* words of an option's value */
    FRAMES = 1 << 14,     /* for books, tags and partitions */
    MOST_UNITS = 1 << 18, /* of an arena: its book is an array of pointers */
    MOST_ALLOCS = 1 << 24,
    SAMPLE_EVERY = 64,
};

struct arguments {
    struct shape shape;
    struct table table;
    const struct fit *fits[LIST];
    uint32_t fit_count;
    bool buddies[2]; /* off, on: wanted? */
    uint32_t compacts[LIST];
    uint32_t compact_count;
    uint32_t every; /* 0: the table */
    char *flat;
    bool log, check, help;
};

void die(enum alloc_status status, const char *fmt, ...)
{
    va_list ap;
    fflush(stdout);
    fprintf(stderr, "alloc: ");
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\n");
    exit((int)status);
}

void *host_array(void *p, size_t count, size_t size)
{
    void *q = reallocarray(p, MAX(count, (size_t)1), size);
    if (q == NULL)
        die(ALLOC_FAILED, "no memory for %zu times %zu bytes", count, size);
    return q;
}

/* ---- values of options ---- */

static uint32_t number(const char *option, const char *text, uint32_t min, uint32_t max)
{
    uint32_t n;
    if (!parse_u32(text, false, &n) || n < min || n > max)
        die(ALLOC_USAGE, "%s \"%s\": expected %u to %u", option, text, min, max);
    return n;
}

static void fit_list(struct arguments *a, char *text)
{
    a->fit_count = 0;
    for (char *word = strtok(text, ","); word != NULL; word = strtok(NULL, ",")) {
        const struct fit *f = fit_find(word);
        if (f == NULL || a->fit_count == LIST) {
            fprintf(stderr, "alloc: --fit \"%s\": expected all or some of", word);
            for (uint32_t i = 0; i < fit_count; i++)
                fprintf(stderr, " %s", fit_table[i]->name);
            fprintf(stderr, "\n");
            exit(ALLOC_USAGE);
        }
        a->fits[a->fit_count++] = f;
    }
}

static void all_fits(struct arguments *a)
{
    for (a->fit_count = 0; a->fit_count < fit_count; a->fit_count++)
        a->fits[a->fit_count] = fit_table[a->fit_count];
}

static void buddy_list(struct arguments *a, char *text)
{
    a->buddies[0] = a->buddies[1] = false;
    for (char *word = strtok(text, ","); word != NULL; word = strtok(NULL, ",")) {
        if (strcmp(word, "off") != 0 && strcmp(word, "on") != 0)
            die(ALLOC_USAGE, "--buddy \"%s\": expected off or on", word);
        a->buddies[strcmp(word, "on") == 0] = true;
    }
}

static void compact_list(struct arguments *a, char *text)
{
    a->compact_count = 0;
    for (char *word = strtok(text, ","); word != NULL; word = strtok(NULL, ",")) {
        uint32_t n = COMPACT_OFF;
        if (a->compact_count == LIST)
            die(ALLOC_USAGE, "--compact: more than %d", LIST);
        if (strcmp(word, "whole") == 0)
            n = COMPACT_WHOLE;
        else if (strcmp(word, "enough") == 0)
            n = COMPACT_ENOUGH;
        else if (strcmp(word, "off") != 0 && (!parse_u32(word, false, &n) || n == 0 || n > MOST_UNITS))
            die(ALLOC_USAGE, "--compact \"%s\": expected off, whole, enough, or 1 to %d", word, MOST_UNITS);
        a->compacts[a->compact_count++] = n;
    }
}

static void take_option(struct arguments *a, int key)
{
    switch (key) {
    case 'f':
        if (strcmp(optarg, "all") != 0)
            fit_list(a, optarg);
        break;
    case 'b':
        buddy_list(a, optarg);
        break;
    case 'c':
        compact_list(a, optarg);
        break;
    case 's':
        a->table.tsv = true;
        break;
    case SERIES:
        a->every = number("--series", optarg, 1, UINT32_MAX);
        break;
    case LOG:
        a->log = true;
        break;
    case UNITS:
        a->shape.units = number("--units", optarg, 1, MOST_UNITS);
        break;
    case UNIT_BYTES:
        a->shape.unit_bytes = number("--unit-bytes", optarg, 1, UINT16_MAX + 1);
        break;
    case ALLOCS:
        a->shape.allocs = number("--allocs", optarg, 1, MOST_ALLOCS);
        break;
    case LOAD:
        a->shape.load = number("--load", optarg, 1, 100);
        break;
    case SEED:
        a->shape.seed = number("--seed", optarg, 1, UINT32_MAX);
        break;
    case MOVE_COST:
        a->table.move_cost = number("--move-cost", optarg, 0, UINT32_MAX);
        break;
    case CHECK:
        a->check = true;
        break;
    case FLAT:
        a->flat = optarg;
        break;
    case HELP:
        a->help = true;
        break;
    default: /* getopt has said what is wrong */
        fprintf(stderr, "alloc: --help lists the options\n");
        exit(ALLOC_USAGE);
    }
}

/* ---- what is asked for ---- */

static void print_help(void)
{
    fputs(usage, stdout);
    for (uint32_t i = 0; i < workload_kind_count; i++)
        printf("  %-12s  %s\n", workload_kinds[i].name, workload_kinds[i].summary);
    printf("\nor files:\n%s\nStrategies:\n", workload_formats);
    for (uint32_t i = 0; i < fit_count; i++)
        printf("  %-12s  %s\n", fit_table[i]->name, fit_table[i]->summary);
}

static void flat(char *text, uint32_t seed)
{
    const char *what = strtok(text, ","), *live = strtok(NULL, ","), *pairs = strtok(NULL, ",");
    if (pairs == NULL)
        die(ALLOC_USAGE, "--flat: expected WHAT,LIVE,PAIRS");
    flat_run(what, number("--flat LIVE", live, 1, MOST_ALLOCS), number("--flat PAIRS", pairs, 1, MOST_ALLOCS),
             seed);
}

/* The samples or operations of each kind of compaction. */
static void print_plays(const struct arguments *a, struct play *p)
{
    for (uint32_t i = 0; i < a->compact_count; i++) {
        p->variant.compact = a->compacts[i];
        if (a->log)
            report_log(p);
        else
            report_series(p);
    }
}

static void play_workload(const struct arguments *a, const char *name)
{
    struct workload w;
    workload_make(&w, name, &a->shape);
    for (int buddy = 0; buddy < 2; buddy++) {
        for (uint32_t i = 0; a->buddies[buddy] && i < a->fit_count; i++) {
            struct play p = {.workload = &w,
                             .variant = {.fit = a->fits[i], .buddy = buddy},
                             .every = a->every > 0 ? a->every : SAMPLE_EVERY,
                             .check = a->check};
            if (a->every > 0 || a->log)
                print_plays(a, &p);
            else
                report_table(&a->table, &p);
        }
    }
    workload_free(&w);
}

int main(int argc, char **argv)
{
    struct arguments a = {.shape = {.units = 4096, .unit_bytes = 4096, .load = 90, .seed = 1},
                          .table = {.move_cost = 852},
                          .buddies = {true, true},
                          .compacts = {COMPACT_OFF, COMPACT_ENOUGH, 8},
                          .compact_count = 3};
    int key;
    all_fits(&a);
    while ((key = getopt_long(argc, argv, "f:b:c:s", options, NULL)) != -1)
        take_option(&a, key);
    a.table.compacts = a.compacts;
    a.table.compact_count = a.compact_count;
    bool table = a.every == 0 && !a.log;
    if (a.help) {
        print_help();
    } else if (a.flat != NULL) {
        flat(a.flat, a.shape.seed);
    } else {
        bare_build_frames(FRAMES);
        if (table)
            report_table_head(&a.table);
        for (int i = optind; i < argc; i++)
            play_workload(&a, argv[i]);
        for (uint32_t i = 0; optind == argc && i < workload_kind_count; i++)
            play_workload(&a, workload_kinds[i].name);
        if (table)
            report_table_foot(&a.table);
    }
    if (fflush(stdout) != 0 || ferror(stdout))
        die(ALLOC_FAILED, "the output cannot be written: %s", strerror(errno));
    return ALLOC_OK;
}
