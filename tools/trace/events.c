/* SPDX-License-Identifier: MIT
 * The table of events, taken apart once at the start. */
#include "tools/trace/events.h"
#include "lib/watch.h"
#include <string.h>

struct event_shape event_shapes[EVENT_KINDS];

const char *const fault_case_names[FAULT_CASES] = {
    "no region", "forbidden", "spurious", "first touch", "swapped out", "copy on write", "?", "?",
};

static const struct {
    const char *name, *flags, *fields;
    uint32_t class;
} kinds[] = {
#define X(KIND, name, class, flags, fields) {name, flags, fields, class},
    TRACE_EVENTS(X)
#undef X
};

/* Cuts one `name` or `name:detail` off a list. => the rest */
static const char *cut(const char *list, struct event_field *f, char *detail)
{
    size_t len = strcspn(list, " "), name = strcspn(list, ": ");
    *detail = name < len ? list[name + 1] : '\0';
    memcpy(f->name, list, MIN(name, sizeof f->name - 1));
    return list + len + (list[len] == ' ');
}

static void shape_init(uint32_t kind)
{
    struct event_shape *s = &event_shapes[kind];
    struct buffer_printer class_name;
    const char *list = kinds[kind].flags;
    uint8_t shift = 0;
    char detail;
    s->name = kinds[kind].name;
    s->class = kinds[kind].class;
    buffer_printer_init(&class_name, s->class_name, sizeof s->class_name);
    classes_print(&class_name.to, s->class, false, 0);
    memmove(s->class_name, s->class_name + 1, sizeof s->class_name - 1); /* it begins with a space */
    while (*list != '\0') {
        struct event_field *f = &s->flags[s->flag_count++];
        list = cut(list, f, &detail);
        f->width = detail != '\0' ? (uint8_t)(detail - '0') : 1;
        f->shift = shift;
        shift = (uint8_t)(shift + f->width);
    }
    list = kinds[kind].fields;
    while (*list != '\0') {
        struct event_field *f = &s->fields[s->field_count++];
        list = cut(list, f, &f->type);
        if (f->type == '\0') { /* the whole field is its type: text */
            f->type = 't';
            strcpy(f->name, "text");
        }
    }
}

void events_init(void)
{
    for (uint32_t kind = 0; kind < EVENT_KINDS; kind++)
        shape_init(kind);
}

uint32_t event_kind_named(const char *name, size_t len)
{
    uint32_t kind = 0;
    while (kind < EVENT_KINDS &&
           (strlen(event_shapes[kind].name) != len || strncmp(event_shapes[kind].name, name, len) != 0))
        kind++;
    return kind;
}

bool event_text(const struct trace_event *e, char text[TRACE_TEXT + 1])
{
    memcpy(text, e->arg, TRACE_TEXT);
    text[TRACE_TEXT] = '\0';
    return strlen(text) == TRACE_TEXT;
}
