/* SPDX-License-Identifier: MIT
 * The command line of the simulator: page traces through the kernel's replacement policies, on the host. */
#include "tools/sim/sim.h"
#include "tools/sim/simulate.h"
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: sim [OPTION...] TRACE...                    faults of each policy on each trace\n"
    "       sim convert [--format F] [--to F] IN OUT    writes a trace in another format\n"
    "       sim info [--format F] TRACE...              what is in a trace\n"
    "       sim --list                                  the policies\n"
    "\n"
    "  -p, --policy P,...    policies, or all (all)\n"
    "  -f, --frames N,...    numbers of frames; N% of the trace's pages, rounded down, at least 1 "
    "(10%,25%,50%)\n"
    "  -m, --mode MODE       exact: policies are told of every reference; sampled: they see accessed bits "
    "only (exact)\n"
    "  -a, --accessed WHEN   the bit that the fault's own access sets: a1 stays, ad is cleared at the next "
    "fault (a1)\n"
    "  -s                    a line \"sim trace=... policy=...\" for each run instead of a table\n"
    "      --curve N         faults with N numbers of frames up to all pages, tab-separated; ratio is faults "
    "/ references\n"
    "      --seed N          for policies that draw random numbers (1)\n"
    "      --no-opt          do not compare with OPT\n"
    "      --check N         let each policy verify itself every N references\n"
    "      --time            lines of -s end with the host's nanoseconds for each reference, after joining\n"
    "      --format F        of the trace; found out if not given\n"
    "      --to F            convert: the new format; if not given, it goes by OUT's ending, else module\n"
    "      --name NAME       convert: the trace's name in a module or a capture\n"
    "      --page-size N     bytes, for formats with addresses (4096)\n"
    "      --csv obj=C,op=C  columns of the page and of r or w, numbers from 1 or names\n"
    "      --capture N       which one of a log with several\n"
    "\n"
    "TRACE or IN may be -, the standard input, and OUT the standard output. References to one page in a row\n"
    "count as one: no MMU can tell them apart. Exit status: 0; 1 if a trace or a policy is broken; 2 for bad "
    "options.\n"
    "\n"
    "Formats:\n";

enum option_key {
    FORMAT = 256,
    TO,
    NAME,
    PAGE_SIZE_KEY,
    CSV,
    CAPTURE,
    CURVE,
    SEED,
    NO_OPT,
    CHECK,
    TIME,
    LIST,
    HELP
};

static const struct option options[] = {
    {"policy", required_argument, NULL, 'p'},
    {"frames", required_argument, NULL, 'f'},
    {"mode", required_argument, NULL, 'm'},
    {"accessed", required_argument, NULL, 'a'},
    {"curve", required_argument, NULL, CURVE},
    {"seed", required_argument, NULL, SEED},
    {"no-opt", no_argument, NULL, NO_OPT},
    {"check", required_argument, NULL, CHECK},
    {"time", no_argument, NULL, TIME},
    {"format", required_argument, NULL, FORMAT},
    {"to", required_argument, NULL, TO},
    {"name", required_argument, NULL, NAME},
    {"page-size", required_argument, NULL, PAGE_SIZE_KEY},
    {"csv", required_argument, NULL, CSV},
    {"capture", required_argument, NULL, CAPTURE},
    {"list", no_argument, NULL, LIST},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

struct arguments {
    struct simulation sim;
    const struct format *to;
    const char *name;
    bool list, help;
};

enum { MAX_CURVE = 100000 };

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

/* ---- values of options ---- */

static uint32_t number(const char *option, const char *text, uint32_t min, uint32_t max)
{
    uint32_t n;
    if (!parse_u32(text, false, &n) || n < min || n > max)
        die(SIM_USAGE, "%s \"%s\": expected %u to %u", option, text, min, max);
    return n;
}

/* => is it the second of two words? */
static bool second_of(const char *option, const char *text, const char *first, const char *second)
{
    if (strcmp(text, first) != 0 && strcmp(text, second) != 0)
        die(SIM_USAGE, "%s \"%s\": expected %s or %s", option, text, first, second);
    return strcmp(text, second) == 0;
}

static const struct format *format_named(const char *text)
{
    const struct format *f = format_find(text);
    if (f == NULL) {
        fprintf(stderr, "sim: no format \"%s\"; there are", text);
        for (uint32_t i = 0; i < format_count; i++)
            fprintf(stderr, " %s", formats[i]->name);
        fprintf(stderr, "\n");
        exit(SIM_USAGE);
    }
    return f;
}

static uint32_t page_shift(const char *text)
{
    uint32_t bytes;
    if (!parse_u32(text, true, &bytes) || bytes == 0 || (bytes & (bytes - 1)) != 0)
        die(SIM_USAGE, "--page-size \"%s\": expected a power of two", text);
    return (uint32_t)__builtin_ctz(bytes);
}

/* Both strings live as long as argv. */
static void csv_columns(char *text)
{
    char *word;
    while ((word = next_word(&text)) != NULL) {
        if (strncmp(word, "obj=", 4) == 0)
            format_options.csv_page = word + 4;
        else if (strncmp(word, "op=", 3) == 0)
            format_options.csv_op = word + 3;
        else
            die(SIM_USAGE, "--csv \"%s\": expected obj=COLUMN or op=COLUMN", word);
    }
}

static void take_option(struct arguments *args, int key)
{
    struct simulation *sim = &args->sim;
    switch (key) {
    case 's':
        sim->lines = true;
        break;
    case 'p':
        sim->players = optarg;
        break;
    case 'f':
        sim->frames = optarg;
        break;
    case 'm':
        sim->model.sampled = second_of("--mode", optarg, "exact", "sampled");
        break;
    case 'a':
        sim->model.deferred = second_of("--accessed", optarg, "a1", "ad");
        break;
    case CURVE:
        sim->curve = number("--curve", optarg, 1, MAX_CURVE);
        break;
    case SEED:
        sim->model.seed = number("--seed", optarg, 0, UINT32_MAX);
        break;
    case NO_OPT:
        sim->no_opt = true;
        break;
    case CHECK:
        sim->model.check = number("--check", optarg, 1, UINT32_MAX);
        break;
    case TIME:
        sim->timed = true;
        break;
    case FORMAT:
        sim->format = format_named(optarg);
        break;
    case TO:
        args->to = format_named(optarg);
        break;
    case NAME:
        args->name = optarg;
        break;
    case PAGE_SIZE_KEY:
        format_options.page_shift = page_shift(optarg);
        break;
    case CSV:
        csv_columns(optarg);
        break;
    case CAPTURE:
        format_options.capture = number("--capture", optarg, 1, UINT32_MAX);
        break;
    case LIST:
        args->list = true;
        break;
    case HELP:
        args->help = true;
        break;
    default: /* getopt has said what is wrong */
        fprintf(stderr, "sim: --help lists the options\n");
        exit(SIM_USAGE);
    }
}

/* ---- commands ---- */

static void print_help(void)
{
    fputs(usage, stdout);
    for (uint32_t i = 0; i < format_count; i++)
        printf("  %-14s%s\n", formats[i]->name, formats[i]->summary);
}

static void print_list(void)
{
    for (uint32_t n = 0; player(n) != NULL; n++)
        printf("%-13s %s\n", player(n)->name, player(n)->summary);
}

static void info(const struct arguments *args, char *const *paths, int count)
{
    for (int i = 0; i < count; i++) {
        struct trace t;
        format_read(&t, paths[i], args->sim.format);
        printf("info trace=%s format=%s refs=%" PRIu64 " entries=%u unique=%u written=%u\n", t.name, t.format,
               t.refs, t.count, t.unique, trace_written_pages(&t));
        trace_free(&t);
    }
}

static const struct format *format_of_ending(const char *path)
{
    const char *dot = strrchr(path, '.');
    const struct format *f = dot != NULL ? format_find(dot + 1) : NULL;
    if (f == NULL && (strcmp(path, "-") == 0 || (dot != NULL && strcmp(dot, ".txt") == 0)))
        f = &format_text;
    return f != NULL ? f : &format_module;
}

static void convert(const struct arguments *args, const char *in, const char *out)
{
    struct trace t;
    format_read(&t, in, args->sim.format);
    if (args->name != NULL)
        trace_rename(&t, args->name, strlen(args->name));
    const struct format *to = args->to != NULL ? args->to : format_of_ending(out);
    FILE *file = strcmp(out, "-") == 0 ? stdout : fopen(out, "wb");
    if (file == NULL)
        die(SIM_FAILED, "%s: %s", out, strerror(errno));
    to->write(&t, file);
    if (fflush(file) != 0 || ferror(file) || (file != stdout && fclose(file) != 0))
        die(SIM_FAILED, "%s: %s", out, strerror(errno));
    trace_free(&t);
}

static void dispatch(const struct arguments *args, char *const *words, int count)
{
    bool is_convert = count > 0 && strcmp(words[0], "convert") == 0;
    bool is_info = count > 0 && strcmp(words[0], "info") == 0;
    if (args->help)
        print_help();
    else if (args->list)
        print_list();
    else if (is_convert && count == 3)
        convert(args, words[1], words[2]);
    else if (is_convert)
        die(SIM_USAGE, "convert takes two files, IN and OUT; there are %d", count - 1);
    else if (is_info && count > 1)
        info(args, words + 1, count - 1);
    else if (count == 0 || is_info)
        die(SIM_USAGE, "no trace given; --help tells how");
    else if (args->sim.curve > 0 && count > 1)
        die(SIM_USAGE, "--curve is for one trace; there are %d", count);
    else
        simulate(&args->sim, words, (uint32_t)count);
}

int main(int argc, char **argv)
{
    struct arguments args = {.sim = {.players = "all", .frames = "10%,25%,50%", .model = {.seed = 1}}};
    int key;
    while ((key = getopt_long(argc, argv, "sp:f:m:a:", options, NULL)) != -1)
        take_option(&args, key);
    dispatch(&args, argv + optind, argc - optind);
    if (fflush(stdout) != 0 || ferror(stdout))
        die(SIM_FAILED, "the output cannot be written: %s", strerror(errno));
    return SIM_OK;
}
