/* SPDX-License-Identifier: MIT
 * Events as lines: as the kernel itself prints them, and as comma-separated values. */
#include "lib/trace.h"
#include "tools/trace/output.h"
#include <string.h>

static void text_event(struct out *o, struct reader *r, const struct trace_event *e)
{
    trace_print(&o->to, e, r->boot_ticks, r->khz);
    out_text(o, "\n");
}

const struct output output_text = {
    .name = "text",
    .summary = "a line for each event, as the kernel's trace show prints it",
    .event = text_event,
};

/* ---- comma-separated values ---- */

/* A column for each name of a flag or a field, in the order of the table, whichever kinds have it. */
enum { COLUMNS = 64 };
static const char *columns[COLUMNS];
static uint32_t column_count;
static uint8_t flag_column[EVENT_KINDS][FLAGS_MAX], field_column[EVENT_KINDS][TRACE_ARGS];

static uint8_t column_of(const char *name)
{
    uint32_t c = 0;
    while (c < column_count && strcmp(columns[c], name) != 0)
        c++;
    if (c == COLUMNS)
        die(TRACE_FAILED, "the table of events has more than %d names", COLUMNS);
    if (c == column_count)
        columns[column_count++] = name;
    return (uint8_t)c;
}

static void csv_begin(struct out *o)
{
    for (uint32_t kind = 0; kind < EVENT_KINDS; kind++) {
        const struct event_shape *s = &event_shapes[kind];
        for (uint32_t i = 0; i < s->flag_count; i++)
            flag_column[kind][i] = column_of(s->flags[i].name);
        for (uint32_t i = 0; i < s->field_count; i++)
            field_column[kind][i] = column_of(s->fields[i].name);
    }
    out_text(o, "time,tsc,event,pid");
    for (uint32_t c = 0; c < column_count; c++)
        print(&o->to, ",%s", columns[c]);
    out_text(o, "\n");
}

/* In quotes; a row stays a line. */
static void csv_text(struct out *o, const struct trace_event *e)
{
    char text[TRACE_TEXT + 1];
    event_text(e, text);
    out_text(o, "\"");
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"')
            out_text(o, "\"");
        out_bytes(o, *c >= ' ' && *c < 0x7f ? c : "?", 1);
    }
    out_text(o, "\"");
}

static void csv_word(struct out *o, char type, uint32_t word)
{
    if (event_none(type, word))
        out_text(o, "none");
    else if (type == 'x')
        out_hex(o, word, 8);
    else if (type == 'f')
        out_hex(o, word, 1);
    else if (type == 'i')
        print(&o->to, "%d", (int)word);
    else
        out_decimal(o, word, 1);
}

static void csv_event(struct out *o, struct reader *r, const struct trace_event *e)
{
    const struct event_shape *s = &event_shapes[e->kind];
    const uint64_t ns = reader_ns(r, e), ns_per_s = 1000000000;
    uint8_t holds[COLUMNS] = {0}; /* 1 + which flag, FLAGS_MAX + 1 + which field; 0: nothing */
    for (uint32_t i = 0; i < s->flag_count; i++)
        holds[flag_column[e->kind][i]] = (uint8_t)(1 + i);
    for (uint32_t i = 0; i < s->field_count; i++)
        holds[field_column[e->kind][i]] = (uint8_t)(FLAGS_MAX + 1 + i);
    out_decimal(o, ns / ns_per_s, 1);
    out_text(o, ".");
    out_decimal(o, ns % ns_per_s, 9);
    out_text(o, ",");
    out_decimal(o, e->ticks, 1);
    out_text(o, ",");
    out_text(o, s->name);
    out_text(o, ",");
    out_decimal(o, e->pid, 1);
    for (uint32_t c = 0; c < column_count; c++) {
        out_text(o, ",");
        if (holds[c] > FLAGS_MAX && event_has_text(s))
            csv_text(o, e);
        else if (holds[c] > FLAGS_MAX)
            csv_word(o, s->fields[holds[c] - FLAGS_MAX - 1].type, e->arg[holds[c] - FLAGS_MAX - 1]);
        else if (holds[c] > 0)
            out_decimal(o, event_flag(e, &s->flags[holds[c] - 1]), 1);
    }
    out_text(o, "\n");
}

const struct output output_csv = {
    .name = "csv",
    .summary = "a row for each event, a column for each name in the table of events; time in seconds",
    .begin = csv_begin,
    .event = csv_event,
};
