/* SPDX-License-Identifier: MIT
 * Comma-separated values, with a line of column names or without; without, the columns are time, object,
 * size, as in most cache traces, or page, op if there are two. A semicolon or a tab may stand for the comma.
 */
#include "tools/sim/formats.h"
#include "tools/sim/sim.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_COLUMNS = 64, NO_COLUMN = 0 };

struct field {
    const char *at, *stop;
};

struct table {
    struct field fields[MAX_COLUMNS]; /* of the present line */
    uint32_t count;
    uint32_t page, op; /* columns, from 1 */
    char separator;
};

static const char *const page_names[] = {"page", "obj_id", "obj-id", "object_id",
                                         "obj",  "object", "id",     "key"};
static const char *const op_names[] = {"op", "rw", "operation", "type"};
static const char *const read_words[] = {"r", "read", "get", "gets", "load", "l", "0"};
static const char *const write_words[] = {"w", "write", "set", "put", "add", "store", "s", "1"};

static bool field_is(const struct field *f, const char *word)
{
    size_t len = (size_t)(f->stop - f->at);
    return len == strlen(word) && strncasecmp(f->at, word, len) == 0;
}

static bool field_in(const struct field *f, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (field_is(f, words[i]))
            return true;
    return false;
}

static bool is_op(const struct field *f)
{
    return field_in(f, read_words, ARRAY_SIZE(read_words)) ||
           field_in(f, write_words, ARRAY_SIZE(write_words));
}

static void split(struct input *in, struct table *c)
{
    c->count = 0;
    for (const char *at = in->at; c->count < MAX_COLUMNS; at++) {
        struct field *f = &c->fields[c->count++];
        const char *end = memchr(at, c->separator, (size_t)(in->stop - at));
        f->at = at;
        f->stop = at = end != NULL ? end : in->stop;
        while (f->at < f->stop && *f->at == ' ')
            f->at++;
        while (f->at < f->stop && f->stop[-1] == ' ')
            f->stop--;
        if (end == NULL)
            break;
    }
}

static char separator_of(const struct input *in)
{
    static const char candidates[] = ",;\t";
    for (const char *c = candidates; *c != '\0'; c++)
        if (memchr(in->at, *c, (size_t)(in->stop - in->at)) != NULL)
            return *c;
    return ',';
}

/* The first line that is not empty or a comment. */
static bool first_line(struct input *in)
{
    while (input_line(in))
        if (!input_ends(in))
            return true;
    return false;
}

static bool csv_detect(struct input *in)
{
    if (!first_line(in))
        return false;
    const char *comment = memchr(in->at, '#', (size_t)(in->stop - in->at));
    if (comment != NULL)
        in->stop = comment;
    char c = separator_of(in);
    return c != '\t' && memchr(in->at, c, (size_t)(in->stop - in->at)) != NULL;
}

static uint32_t named_column(const struct table *c, const char *const *names, size_t count)
{
    for (size_t n = 0; n < count; n++)
        for (uint32_t i = 0; i < c->count; i++)
            if (field_is(&c->fields[i], names[n]))
                return i + 1;
    return NO_COLUMN;
}

/* A column that the user chose by number or by name. */
static uint32_t chosen_column(const struct input *in, const struct table *c, const char *choice)
{
    char *end;
    unsigned long n = strtoul(choice, &end, 10);
    uint32_t column = *end == '\0' && n <= MAX_COLUMNS ? (uint32_t)n : named_column(c, &choice, 1);
    if (column < 1 || column > c->count)
        input_bad(in, "no column \"%s\" among the %u of this line", choice, c->count);
    return column;
}

/* Names, not values: no field is a number. */
static bool is_header(const struct table *c)
{
    for (uint32_t i = 0; i < c->count; i++) {
        const struct field *f = &c->fields[i];
        if (f->at < f->stop && *f->at >= '0' && *f->at <= '9')
            return false;
    }
    return true;
}

/* Which columns count. => is the first line one of names? */
static bool choose_columns(const struct input *in, struct table *c)
{
    bool names = is_header(c);
    if (format_options.csv_page != NULL)
        c->page = chosen_column(in, c, format_options.csv_page);
    else if (names)
        c->page = named_column(c, page_names, ARRAY_SIZE(page_names));
    else
        c->page = c->count == 1 || (c->count == 2 && is_op(&c->fields[1])) ? 1 : 2;
    if (format_options.csv_op != NULL)
        c->op = chosen_column(in, c, format_options.csv_op);
    else if (names)
        c->op = named_column(c, op_names, ARRAY_SIZE(op_names));
    else
        c->op = c->count == 2 && c->page == 1 ? 2 : NO_COLUMN;
    if (c->page == NO_COLUMN)
        input_bad_line(in, "a column named page or obj_id; --csv obj=N tells which one it is");
    return names;
}

static void read_row(struct input *in, const struct table *c, struct trace *t)
{
    uint64_t page;
    bool write = false;
    if (MAX(c->page, c->op) > c->count)
        input_bad(in, "%u columns, but column %u is wanted", c->count, MAX(c->page, c->op));
    struct input field = *in;
    field.at = c->fields[c->page - 1].at;
    field.stop = c->fields[c->page - 1].stop;
    if (!input_page(&field, &page) || field.at != field.stop)
        input_bad(in, "\"%.*s\" is no page number; --csv obj=N tells which column it is in",
                  (int)(field.stop - c->fields[c->page - 1].at), c->fields[c->page - 1].at);
    if (c->op != NO_COLUMN) {
        const struct field *op = &c->fields[c->op - 1];
        write = field_in(op, write_words, ARRAY_SIZE(write_words));
        if (!write && !is_op(op))
            input_bad(in, "\"%.*s\" is neither a read (r, get, 0) nor a write (w, set, 1)",
                      (int)(op->stop - op->at), op->at);
    }
    trace_add(t, page, write);
}

static void csv_read(struct input *in, struct trace *t)
{
    struct table c = {.count = 0};
    if (!first_line(in))
        return;
    c.separator = separator_of(in);
    split(in, &c);
    if (!choose_columns(in, &c))
        read_row(in, &c, t);
    while (first_line(in)) {
        split(in, &c);
        read_row(in, &c, t);
    }
}

static void csv_write(const struct trace *t, FILE *out)
{
    fprintf(out, "time,obj_id,size,op\n");
    for (uint32_t i = 0; i < t->count; i++)
        fprintf(out, "%u,%" PRIu64 ",1,%c\n", i, t->original[trace_page(t, i)],
                trace_written(t, i) ? 'w' : 'r');
}

const struct format format_csv = {
    .name = "csv",
    .summary = "lines of values, e.g. time,obj_id,size; names in the first line or --csv obj=N,op=N",
    .detect = csv_detect,
    .read = csv_read,
    .write = csv_write,
};
