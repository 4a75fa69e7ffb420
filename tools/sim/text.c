/* SPDX-License-Identifier: MIT
 * The plain format: a line for each reference, the page's number or 0x and an address, and r or w. */
#include "tools/sim/formats.h"
#include <inttypes.h>

#define EXPECTED "a page number or 0x and an address, then r or w or nothing"

static bool text_detect(struct input *in UNUSED)
{
    return true; /* if it is something else, reading says where and why */
}

static void text_read(struct input *in, struct trace *t)
{
    while (input_line(in)) {
        uint64_t page;
        if (input_ends(in))
            continue;
        if (!input_page(in, &page))
            input_bad_line(in, EXPECTED);
        input_blanks(in);
        bool write = input_word(in, "w") || input_word(in, "W");
        if (!write && !input_word(in, "r"))
            input_word(in, "R");
        if (!input_ends(in))
            input_bad_line(in, EXPECTED);
        trace_add(t, page, write);
    }
}

static void text_write(const struct trace *t, FILE *out)
{
    for (uint32_t i = 0; i < t->count; i++)
        fprintf(out, "%" PRIu64 "%s\n", t->original[trace_page(t, i)], trace_written(t, i) ? " w" : "");
}

const struct format format_text = {
    .name = "text",
    .summary = "a line for each reference: page number or 0xADDRESS, then r, w or nothing; # comments",
    .detect = text_detect,
    .read = text_read,
    .write = text_write,
};
