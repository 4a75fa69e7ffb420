/* SPDX-License-Identifier: MIT
 * The command line of build/trace: traces of the kernel become text, tables, pictures and references. */
#include "lib/watch.h"
#include "tools/trace/output.h"
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char usage[] =
    "usage: trace [OPTION...] FILE    what the kernel's tracepoints sent; - is the standard input\n"
    "\n"
    "      --to FORMAT       of the list below (text)\n"
    "  -s, --summary         instead: counts by kind, process and case of fault; what is missing; top pages\n"
    "  -H, --hist            instead: cost of faults by case, residence, refault distance; goes with "
    "--summary\n"
    "  -o, --output FILE     not to the standard output\n"
    "\n"
    "Only events that pass all of these count:\n"
    "  -p, --pid N,...       of these processes; 0 is nobody, or the kernel\n"
    "  -c, --class C,...     classes, as for the kernel's command trace\n"
    "  -k, --kind K,...      kinds of events\n"
    "      --from-time S     seconds of the log, as text has them; from there on\n"
    "      --to-time S       up to there\n"
    "\n"
    "Chunks that are missing and events that were lost are told on the standard error. Exit status: 0; 1 if "
    "the\n"
    "file cannot be read to its end (what came before is converted); 2 for bad options.\n"
    "\n"
    "Formats:\n";

enum option_key { TO = 256, FROM_TIME, TO_TIME, HELP };

static const struct option options[] = {
    {"to", required_argument, NULL, TO},
    {"summary", no_argument, NULL, 's'},
    {"hist", no_argument, NULL, 'H'},
    {"output", required_argument, NULL, 'o'},
    {"pid", required_argument, NULL, 'p'},
    {"class", required_argument, NULL, 'c'},
    {"kind", required_argument, NULL, 'k'},
    {"from-time", required_argument, NULL, FROM_TIME},
    {"to-time", required_argument, NULL, TO_TIME},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

static const struct output *const formats[] = {&output_text,   &output_csv, &output_json,
                                               &output_oracle, &output_txt, &output_refcsv};

struct arguments {
    const struct output *to;
    const char *output;
    struct filter filter;
    bool summary, histograms, help;
};

/* ---- values of options ---- */

static const struct output *format_named(const char *text)
{
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
        if (strcmp(formats[i]->name, text) == 0)
            return formats[i];
    fprintf(stderr, "trace: --to \"%s\": expected", text);
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
        fprintf(stderr, " %s", formats[i]->name);
    fprintf(stderr, "\n");
    exit(TRACE_USAGE);
}

static void take_pids(struct filter *f, char *text)
{
    f->some_pids = true;
    for (char *word = strtok(text, ","); word != NULL; word = strtok(NULL, ",")) {
        uint32_t pid;
        if (!parse_u32(word, false, &pid) || pid >= PIDS)
            die(TRACE_USAGE, "--pid \"%s\": expected 0 to %d", word, PIDS - 1);
        f->pids[pid / 8] |= (uint8_t)(1u << pid % 8);
    }
}

static uint32_t kinds_of_classes(const char *text)
{
    struct buffer_printer names;
    char list[160];
    uint32_t classes = 0, kinds = 0;
    if (*text == '\0' || !classes_parse(text, TRACE_ALL, TRACE_STANDARD, &classes)) {
        buffer_printer_init(&names, list, sizeof list);
        classes_print(&names.to, TRACE_ALL, false, 0);
        die(TRACE_USAGE, "--class \"%s\": expected all, default, or a comma list of%s", text, list);
    }
    for (uint32_t kind = 0; kind < EVENT_KINDS; kind++)
        if (event_shapes[kind].class & classes)
            kinds |= 1u << kind;
    return kinds;
}

static uint32_t kinds_named(char *text)
{
    uint32_t kinds = 0;
    for (char *word = strtok(text, ","); word != NULL; word = strtok(NULL, ",")) {
        uint32_t kind = event_kind_named(word, strlen(word));
        if (kind == EVENT_KINDS) {
            fprintf(stderr, "trace: --kind \"%s\": expected some of", word);
            for (uint32_t k = 0; k < EVENT_KINDS; k++)
                fprintf(stderr, " %s", event_shapes[k].name);
            fprintf(stderr, "\n");
            exit(TRACE_USAGE);
        }
        kinds |= 1u << kind;
    }
    return kinds;
}

/* Seconds, up to nine decimals. => nanoseconds */
static uint64_t seconds(const char *option, const char *text)
{
    const uint64_t ns_per_s = 1000000000;
    uint64_t ns = 0, unit = ns_per_s;
    bool point = false, digits = false, ok = true;
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '.' && !point) {
            point = true;
        } else if (*c >= '0' && *c <= '9' && unit > 0) {
            digits = true;
            unit /= point ? 10 : 1;
            ok = ok && (point || ns < UINT64_MAX / 100);
            ns = point ? ns + (uint64_t)(*c - '0') * unit : ns * 10 + (uint64_t)(*c - '0') * ns_per_s;
        } else {
            ok = false;
        }
    }
    if (!ok || !digits)
        die(TRACE_USAGE, "%s \"%s\": expected seconds, e.g. 1.25", option, text);
    return ns;
}

static void take_option(struct arguments *a, int key)
{
    switch (key) {
    case TO:
        a->to = format_named(optarg);
        break;
    case 's':
        a->summary = true;
        break;
    case 'H':
        a->histograms = true;
        break;
    case 'o':
        a->output = optarg;
        break;
    case 'p':
        take_pids(&a->filter, optarg);
        break;
    case 'c':
        a->filter.kinds &= kinds_of_classes(optarg);
        break;
    case 'k':
        a->filter.kinds &= kinds_named(optarg);
        break;
    case FROM_TIME:
        a->filter.from_ns = seconds("--from-time", optarg);
        break;
    case TO_TIME:
        a->filter.to_ns = seconds("--to-time", optarg);
        break;
    case HELP:
        a->help = true;
        break;
    default: /* getopt has said what is wrong */
        fprintf(stderr, "trace: --help lists the options\n");
        exit(TRACE_USAGE);
    }
}

/* ---- the work ---- */

static void print_help(void)
{
    fputs(usage, stdout);
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
        printf("  %-10s%s\n", formats[i]->name, formats[i]->summary);
}

/* Nobody wants to lose a trace by naming it twice. */
static void check_output(const char *in, const char *out)
{
    struct stat a, b;
    if (out != NULL && stat(in, &a) == 0 && stat(out, &b) == 0 && a.st_dev == b.st_dev &&
        a.st_ino == b.st_ino && S_ISREG(a.st_mode))
        die(TRACE_USAGE, "-o %s: expected a file other than the trace", out);
}

static int convert(const struct arguments *a, const char *path)
{
    static struct reader reader;
    static struct out out;
    const struct output *to[2];
    const struct trace_event *e;
    uint32_t n = 0;
    if (a->summary)
        to[n++] = &output_summary;
    if (a->histograms)
        to[n++] = &output_histograms;
    if (n == 0)
        to[n++] = a->to != NULL ? a->to : &output_text;
    check_output(path, a->output);
    reader_open(&reader, path, &a->filter);
    e = reader_next(&reader);
    if (reader.chunks == 0) /* not even one: nothing is written */
        return reader_close(&reader);
    out_open(&out, a->output);
    for (uint32_t i = 0; i < n; i++)
        if (to[i]->begin != NULL)
            to[i]->begin(&out);
    for (; e != NULL; e = reader_next(&reader))
        for (uint32_t i = 0; i < n; i++)
            to[i]->event(&out, &reader, e);
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0)
            out_text(&out, "\n");
        if (to[i]->end != NULL)
            to[i]->end(&out, &reader);
    }
    out_close(&out);
    return reader_close(&reader);
}

int main(int argc, char **argv)
{
    static struct arguments a = {.filter = {.kinds = (1u << EVENT_KINDS) - 1, .to_ns = UINT64_MAX}};
    int key;
    events_init();
    while ((key = getopt_long(argc, argv, "sHo:p:c:k:", options, NULL)) != -1)
        take_option(&a, key);
    if (a.help) {
        print_help();
        return TRACE_OK;
    }
    if (optind == argc)
        die(TRACE_USAGE, "no trace given; --help tells how");
    if (argc - optind > 1)
        die(TRACE_USAGE, "one trace at a time; there are %d", argc - optind);
    if ((a.summary || a.histograms) && a.to != NULL)
        die(TRACE_USAGE, "--to does not go with --summary or --hist");
    return convert(&a, argv[optind]);
}
