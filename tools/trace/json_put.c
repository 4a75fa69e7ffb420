/* SPDX-License-Identifier: MIT
 * JSON, by hand. */
#include "tools/trace/json_put.h"

static bool begun; /* there is an event before this one */

void put_string(struct out *o, const char *text)
{
    out_text(o, "\"");
    while (*text != '\0') {
        size_t plain = 0;
        while (text[plain] >= ' ' && text[plain] < 0x7f && text[plain] != '"' && text[plain] != '\\')
            plain++;
        out_bytes(o, text, plain);
        text += plain;
        if (*text == '"' || *text == '\\')
            print(&o->to, "\\%c", *text++);
        else if (*text != '\0')
            print(&o->to, "\\u%04x", (uint8_t)*text++);
    }
    out_text(o, "\"");
}

void put_us(struct out *o, const char *key, uint64_t ns)
{
    const uint64_t ns_per_us = 1000;
    out_text(o, key);
    out_decimal(o, ns / ns_per_us, 1);
    out_text(o, ".");
    out_decimal(o, ns % ns_per_us, 3);
}

static void put_begin(struct out *o, char phase, const char *name, uint32_t pid, uint32_t tid)
{
    out_text(o, begun ? ",\n{\"name\":" : "\n{\"name\":");
    begun = true;
    put_string(o, name);
    out_text(o, ",\"ph\":\"");
    out_bytes(o, &phase, 1);
    out_text(o, "\",\"pid\":");
    out_decimal(o, pid, 1);
    out_text(o, ",\"tid\":");
    out_decimal(o, tid, 1);
}

void put_head(struct out *o, char phase, const char *name, const char *category, uint64_t ns, uint32_t pid,
              uint32_t tid)
{
    put_begin(o, phase, name, pid, tid);
    out_text(o, ",\"cat\":\"");
    out_text(o, category);
    put_us(o, "\",\"ts\":", ns);
}

void put_name(struct out *o, const char *what, uint32_t pid, uint32_t tid, const char *name)
{
    put_begin(o, 'M', what, pid, tid);
    out_text(o, ",\"args\":{\"name\":");
    put_string(o, name);
    out_text(o, "}");
    put_end(o);
}

static void put_key(struct out *o, const char *key)
{
    out_text(o, "\"");
    out_text(o, key);
    out_text(o, "\":");
}

static void put_word(struct out *o, const struct event_field *f, uint32_t word)
{
    put_key(o, f->name);
    if (event_none(f->type, word)) {
        out_text(o, "null");
    } else if (f->type == 'x' || f->type == 'f') {
        out_text(o, "\"");
        out_hex(o, word, f->type == 'x' ? 8 : 1);
        out_text(o, "\"");
    } else if (f->type == 'i') {
        print(&o->to, "%d", (int)word);
    } else {
        out_decimal(o, word, 1);
    }
}

static void put_flag(struct out *o, const struct event_field *f, uint32_t value)
{
    put_key(o, f->name);
    if (f->width > 1)
        out_decimal(o, value, 1);
    else
        out_text(o, value ? "true" : "false");
}

void put_arguments(struct out *o, const struct trace_event *e)
{
    const struct event_shape *s = &event_shapes[e->kind];
    const char *comma = "";
    out_text(o, ",\"args\":{");
    for (uint32_t i = 0; i < s->flag_count; i++, comma = ",") {
        out_text(o, comma);
        put_flag(o, &s->flags[i], event_flag(e, &s->flags[i]));
    }
    for (uint32_t i = 0; i < s->field_count && !event_has_text(s); i++, comma = ",") {
        out_text(o, comma);
        put_word(o, &s->fields[i], e->arg[i]);
    }
}
