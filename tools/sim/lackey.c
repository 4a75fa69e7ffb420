/* SPDX-License-Identifier: MIT
 * What `valgrind --tool=lackey --trace-mem=yes` prints: a line for each instruction (I) and each load (L),
 * store (S) and load with store (M) that it makes, with a hexadecimal address and a number of bytes. */
#include "tools/sim/formats.h"
#include "tools/sim/sim.h"
#include <inttypes.h>

enum { DETECT_LINES = 1000, WORD_BYTES = 4 };

/* Valgrind's own lines, and lackey's marks of superblocks. */
static bool is_remark(const struct input *in)
{
    struct input line = *in;
    return input_word(&line, "==") || input_word(&line, "--") || input_word(&line, "SB ") ||
           input_ends(&line);
}

/* Reads one line. => its letter, 0 if it is none of lackey's */
static char lackey_line(struct input *in, uint64_t *address, uint64_t *bytes)
{
    char letter = 0;
    if (input_word(in, "I  "))
        letter = 'I';
    else if (input_word(in, " L "))
        letter = 'L';
    else if (input_word(in, " S "))
        letter = 'S';
    else if (input_word(in, " M "))
        letter = 'M';
    if (letter == 0 || !input_number(in, 16, address) || !input_word(in, ",") || !input_number(in, 10, bytes))
        return 0;
    return input_ends(in) ? letter : 0;
}

static bool lackey_detect(struct input *in)
{
    uint64_t address, bytes;
    for (int i = 0; i < DETECT_LINES && input_line(in); i++)
        if (!is_remark(in))
            return lackey_line(in, &address, &bytes) != 0;
    return false;
}

static void lackey_read(struct input *in, struct trace *t)
{
    while (input_line(in)) {
        uint64_t address, bytes;
        if (is_remark(in))
            continue;
        char letter = lackey_line(in, &address, &bytes);
        if (letter == 0)
            input_bad_line(in, "\"I  ADDRESS,BYTES\", or L, S or M instead of I with a space before it");
        uint64_t last = address + (bytes > 0 ? bytes - 1 : 0);
        if (last < address)
            input_bad_line(in, "an access that ends below 2^64");
        for (uint64_t p = address >> format_options.page_shift; p <= last >> format_options.page_shift; p++) {
            if (letter == 'M')
                trace_add(t, p, false);
            trace_add(t, p, letter == 'S' || letter == 'M');
        }
    }
}

static void lackey_write(const struct trace *t, FILE *out)
{
    for (uint32_t i = 0; i < t->count; i++) {
        uint64_t page = t->original[trace_page(t, i)];
        if (page > UINT64_MAX >> format_options.page_shift)
            die(SIM_FAILED, "page %" PRIu64 " has no address of 64 bits", page);
        fprintf(out, " %c %08" PRIx64 ",%d\n", trace_written(t, i) ? 'S' : 'L',
                page << format_options.page_shift, WORD_BYTES);
    }
}

const struct format format_lackey = {
    .name = "lackey",
    .summary = "Valgrind's lackey with --trace-mem=yes: I, L, S and M lines",
    .detect = lackey_detect,
    .read = lackey_read,
    .write = lackey_write,
};
