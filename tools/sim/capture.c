/* SPDX-License-Identifier: MIT
 * What the kernel prints of the references it has seen, often in the middle of a serial log:
 *
 *   reftrace begin name=NAME
 *   3f 40w 3f ...                hexadecimal page numbers, w behind those that were written, 16 a line
 *   reftrace end refs=N entries=N
 *
 * The keys may be missing or others. refs is the number of references before those in a row were joined,
 * entries that of the numbers printed, to show whether any were lost. */
#define _GNU_SOURCE /* memmem */
#include "tools/sim/formats.h"
#include "tools/sim/sim.h"
#include <inttypes.h>
#include <string.h>

enum { A_LINE = 16 };
static const char begin_mark[] = "reftrace begin", end_mark[] = "reftrace end";

/* Passes over `word` wherever it is in the line. */
static bool find_word(struct input *in, const char *word)
{
    size_t left = (size_t)(in->stop - in->at);
    const char *found = left > 0 ? memmem(in->at, left, word, strlen(word)) : NULL;
    if (found != NULL)
        in->at = found + strlen(word);
    return found != NULL;
}

/* The number behind " key=". => false if the rest of the line has none */
static bool find_key(const struct input *in, const char *key, uint64_t *value)
{
    struct input line = *in;
    return find_word(&line, key) && input_number(&line, 10, value);
}

static bool capture_detect(struct input *in)
{
    size_t size = (size_t)(in->end - in->data);
    return size > 0 && memmem(in->data, size, begin_mark, strlen(begin_mark)) != NULL;
}

static uint32_t count_captures(struct input *in)
{
    uint32_t n = 0;
    while (input_line(in))
        n += find_word(in, begin_mark);
    input_rewind(in);
    return n;
}

/* To the first line of the capture that was asked for. */
static void seek_capture(struct input *in, struct trace *t)
{
    uint32_t there = count_captures(in), wanted = format_options.capture;
    if (there == 0)
        die(SIM_FAILED, "%s: no line \"%s\"", in->path, begin_mark);
    if (wanted > there || (wanted == 0 && there > 1))
        die(SIM_FAILED, "%s: there are %u captures in it; choose one with --capture 1 to %u", in->path, there,
            there);
    for (uint32_t n = MAX(wanted, 1u); n > 0;)
        if (input_line(in) && find_word(in, begin_mark))
            n--;
    if (find_word(in, " name=")) {
        const char *start = in->at;
        while (in->at < in->stop && *in->at != ' ')
            in->at++;
        trace_rename(t, start, (size_t)(in->at - start));
    }
}

static void read_numbers(struct input *in, struct trace *t, uint64_t *entries)
{
    for (; !input_ends(in); (*entries)++) {
        uint64_t page;
        if (!input_number(in, 16, &page))
            input_bad_line(in, "hexadecimal page numbers, with w behind those that were written");
        bool write = input_word(in, "w");
        if (in->at < in->stop && *in->at != ' ')
            input_bad_line(in, "spaces between page numbers");
        trace_add(t, page, write);
    }
}

static void capture_read(struct input *in, struct trace *t)
{
    uint64_t entries = 0, said;
    seek_capture(in, t);
    for (;;) {
        if (!input_line(in))
            input_bad(in, "the capture is cut off: no line \"%s\"", end_mark);
        if (find_word(in, end_mark))
            break;
        if (!input_word(in, "[")) /* the log's own lines begin so */
            read_numbers(in, t, &entries);
    }
    if (find_key(in, " entries=", &said) && said != entries)
        input_bad(in, "the kernel printed %" PRIu64 " page numbers, but %" PRIu64 " are there", said,
                  entries);
    if (find_key(in, " refs=", &said) && said >= t->refs)
        t->refs = said;
}

static void capture_write(const struct trace *t, FILE *out)
{
    fprintf(out, "%s name=%s\n", begin_mark, t->name);
    for (uint32_t i = 0; i < t->count; i++)
        fprintf(out, "%" PRIx64 "%s%s", t->original[trace_page(t, i)], trace_written(t, i) ? "w" : "",
                i % A_LINE == A_LINE - 1 || i == t->count - 1 ? "\n" : " ");
    fprintf(out, "%s refs=%" PRIu64 " entries=%u\n", end_mark, t->refs, t->count);
}

const struct format format_capture = {
    .name = "capture",
    .summary =
        "what the kernel prints in exact mode, also inside a serial log: reftrace begin ... reftrace end",
    .detect = capture_detect,
    .read = capture_read,
    .write = capture_write,
};
