/* SPDX-License-Identifier: MIT
 * JSON, by hand. */
#include "tools/trace/json_put.h"

static bool begun; /* there is an event before this one */

void put_string(struct out *o, const char *text)
{
    out_text(o, "\"");
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            out_text(o, "\\");
        if (*text >= ' ' && *text < 0x7f)
            out_bytes(o, text, 1);
        else
            print(&o->to, "\\u%04x", (uint8_t)*text);
    }
    out_text(o, "\"");
}

void put_us(struct out *o, const char *key, uint64_t ns)
{
    const uint64_t ns_per_us = 1000;
    print(&o->to, ",\"%s\":%llu.%03u", key, (unsigned long long)(ns / ns_per_us), (unsigned)(ns % ns_per_us));
}

static void put_begin(struct out *o, char phase, const char *name, uint32_t pid, uint32_t tid)
{
    out_text(o, begun ? ",\n{\"name\":" : "\n{\"name\":");
    begun = true;
    put_string(o, name);
    print(&o->to, ",\"ph\":\"%c\",\"pid\":%u,\"tid\":%u", phase, pid, tid);
}

void put_head(struct out *o, char phase, const char *name, const char *category, uint64_t ns, uint32_t pid,
              uint32_t tid)
{
    put_begin(o, phase, name, pid, tid);
    print(&o->to, ",\"cat\":\"%s\"", category);
    put_us(o, "ts", ns);
}

void put_name(struct out *o, const char *what, uint32_t pid, uint32_t tid, const char *name)
{
    put_begin(o, 'M', what, pid, tid);
    out_text(o, ",\"args\":{\"name\":");
    put_string(o, name);
    out_text(o, "}");
    put_end(o);
}

static void put_word(struct out *o, const struct event_field *f, uint32_t word)
{
    print(&o->to, "\"%s\":", f->name);
    if (event_none(f->type, word))
        out_text(o, "null");
    else if (f->type == 'x')
        print(&o->to, "\"0x%08x\"", word);
    else if (f->type == 'f')
        print(&o->to, "\"%#x\"", word);
    else if (f->type == 'i')
        print(&o->to, "%d", (int)word);
    else
        print(&o->to, "%u", word);
}

static void put_flag(struct out *o, const struct event_field *f, uint32_t value)
{
    print(&o->to, "\"%s\":", f->name);
    if (f->width > 1)
        print(&o->to, "%u", value);
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
