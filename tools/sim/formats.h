/* SPDX-License-Identifier: MIT
 * The formats of trace files, detected by content. */
#ifndef TOOLS_SIM_FORMATS_H
#define TOOLS_SIM_FORMATS_H

#include "tools/sim/input.h"
#include "tools/sim/trace.h"
#include <stdio.h>

struct format {
    const char *name;
    const char *summary;
    /* Does it look like one? May move the input. */
    bool (*detect)(struct input *in);
    /* Reads all references. Bad input ends the program with its place. */
    void (*read)(struct input *in, struct trace *t);
    void (*write)(const struct trace *t, FILE *out);
};

extern const struct format format_text, format_lackey, format_csv, format_oracle_general, format_module,
    format_capture;

struct format_options {
    uint32_t page_shift;  /* addresses are divided by 2^this */
    const char *csv_page; /* column of the page: its number, from 1, or its name; NULL: find out */
    const char *csv_op;   /* of r or w; NULL: find out */
    uint32_t capture;     /* which capture of a log, from 1; 0: the only one */
};
extern struct format_options format_options;

extern const struct format *const formats[];
extern const uint32_t format_count;

/* => NULL if there is none of that name. */
const struct format *format_find(const char *name);

/* Reads a file; format NULL: whatever it looks like. The trace is named after the file. It has at least one
 * reference, or the program ends. */
void format_read(struct trace *t, const char *path, const struct format *format);

#endif
