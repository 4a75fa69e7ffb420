/* SPDX-License-Identifier: MIT
 * Which format a file has. */
#include "tools/sim/formats.h"
#include "tools/sim/sim.h"
#include <string.h>

struct format_options format_options = {.page_shift = 12};

/* In the order of asking: the last one takes what no other does. */
const struct format *const formats[] = {
    &format_module, &format_oracle_general, &format_capture, &format_lackey, &format_csv, &format_text};
const uint32_t format_count = ARRAY_SIZE(formats);

const struct format *format_find(const char *name)
{
    for (uint32_t i = 0; i < format_count; i++)
        if (strcmp(formats[i]->name, name) == 0)
            return formats[i];
    return NULL;
}

static const struct format *detect(struct input *in)
{
    for (uint32_t i = 0; i < format_count; i++) {
        bool found = formats[i]->detect(in);
        input_rewind(in);
        if (found)
            return formats[i];
    }
    return &format_text;
}

/* The file's name without folders and the last ending. */
static void name_of(char *name, size_t size, const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    size_t len = dot != NULL && dot > base ? (size_t)(dot - base) : strlen(base);
    if (strcmp(path, "-") == 0)
        base = "stdin", len = strlen(base);
    snprintf(name, size, "%.*s", (int)len, base);
}

void format_read(struct trace *t, const char *path, const struct format *format)
{
    struct input in;
    char name[sizeof t->name];
    name_of(name, sizeof name, path);
    input_open(&in, path);
    trace_init(t, name);
    if (format == NULL)
        format = detect(&in);
    t->format = format->name;
    format->read(&in, t);
    input_close(&in);
    if (t->count == 0)
        die(SIM_FAILED, "%s: no reference in it (read as %s)", path, format->name);
}
