/* SPDX-License-Identifier: MIT
 * Events in words, by the table of their fields. */
#include "lib/string.h"
#include "lib/trace.h"

static const struct {
    const char *name, *flags, *fields;
} kinds[] = {
#define X(KIND, name, class, flags, fields) {name, flags, fields},
    TRACE_EVENTS(X)
#undef X
};

const char *trace_kind_name(enum trace_kind kind)
{
    return (unsigned)kind < EVENT_KINDS ? kinds[kind].name : "?";
}

/* Cuts one `name` or `name:detail` off a list. => the rest */
static const char *next_name(const char *list, char *name, size_t size, char *detail)
{
    size_t n = 0;
    *detail = '\0';
    for (; *list != '\0' && *list != ' '; list++) {
        if (*list == ':')
            *detail = list[1];
        else if (*detail == '\0' && n + 1 < size)
            name[n++] = *list;
    }
    name[n] = '\0';
    return *list == ' ' ? list + 1 : list;
}

static void print_flags(struct printer *out, const char *list, uint32_t flags)
{
    char name[16], bits;
    while (*list != '\0') {
        list = next_name(list, name, sizeof name, &bits);
        uint32_t width = bits != '\0' ? (uint32_t)(bits - '0') : 1, value = flags & ((1u << width) - 1);
        if (bits != '\0')
            print(out, " %s=%u", name, value);
        else if (value)
            print(out, " %s", name);
        flags >>= width;
    }
}

static void print_word(struct printer *out, const char *name, char type, uint32_t word)
{
    if ((type == 'f' || type == 's') && word == UINT32_MAX)
        print(out, " %s=none", name);
    else if (type == 'f')
        print(out, " %s=%#x", name, word);
    else if (type == 'x')
        print(out, " %s=0x%08x", name, word);
    else if (type == 'i')
        print(out, " %s=%d", name, (int)word);
    else
        print(out, " %s=%u", name, word);
}

static void print_fields(struct printer *out, const char *list, const uint32_t arg[TRACE_ARGS])
{
    char name[16], type;
    for (int i = 0; *list != '\0'; i++) {
        list = next_name(list, name, sizeof name, &type);
        if (type == '\0')
            print(out, " \"%.*s\"", TRACE_TEXT, (const char *)arg);
        else
            print_word(out, name, type, arg[i]);
    }
}

void trace_print(struct printer *out, const struct trace_event *e, uint64_t boot_ticks, uint32_t khz)
{
    uint64_t us = (e->ticks - boot_ticks) * 1000 / khz;
    print(out, "[%5u.%06u] %s pid=%u", (unsigned)(us / 1000000), (unsigned)(us % 1000000),
          trace_kind_name((enum trace_kind)e->kind), e->pid);
    if (e->kind >= EVENT_KINDS)
        return;
    print_flags(out, kinds[e->kind].flags, e->flags);
    print_fields(out, kinds[e->kind].fields, e->arg);
}
