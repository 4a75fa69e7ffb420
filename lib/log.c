/* SPDX-License-Identifier: MIT
 * Event classes, sinks and line stamping. */
#include "lib/log.h"
#include "lib/string.h"

enum { MAX_SINKS = 4 };

uint32_t log_classes = LOG_DEFAULT;

static struct printer *sinks[MAX_SINKS];
static size_t sink_count;
static uint64_t (*clock_micros)(void);
static uint64_t (*tick_source)(void);
static uint64_t ticks_logging; /* spent inside log_event */

static const struct {
    const char *name;
    uint32_t classes;
} class_names[] = {
    {"boot", LOG_BOOT}, {"proc", LOG_PROC},       {"fault", LOG_FAULT},     {"evict", LOG_EVICT},
    {"swap", LOG_SWAP}, {"sys", LOG_SYS},         {"explain", LOG_EXPLAIN}, {"move", LOG_MOVE},
    {"all", LOG_ALL},   {"default", LOG_DEFAULT},
};

void log_add_sink(struct printer *sink)
{
    if (sink_count < MAX_SINKS)
        sinks[sink_count++] = sink;
}

void log_set_clock(uint64_t (*micros)(void))
{
    clock_micros = micros;
}

void log_set_ticks(uint64_t (*ticks)(void))
{
    tick_source = ticks;
}

uint64_t log_ticks(void)
{
    return tick_source != NULL ? tick_source() - ticks_logging : 0;
}

static void console_write(struct printer *to UNUSED, const char *text, size_t len)
{
    for (size_t i = 0; i < sink_count; i++)
        sinks[i]->write(sinks[i], text, len);
}

struct printer log_console = {console_write};

void log_event(enum log_class c, const char *fmt, ...)
{
    if (!(log_classes & c))
        return;
    char line[256];
    uint64_t entered = tick_source ? tick_source() : 0;
    uint64_t us = clock_micros ? clock_micros() : 0;
    int at = format(line, sizeof line, "[%5u.%06u] ", (unsigned)(us / 1000000), (unsigned)(us % 1000000));
    va_list ap;
    va_start(ap, fmt);
    at += vformat(line + at, sizeof line - (size_t)at - 1, fmt, ap);
    va_end(ap);
    size_t len = MIN((size_t)at, sizeof line - 2);
    line[len++] = '\n';
    console_write(NULL, line, len);
    if (tick_source != NULL)
        ticks_logging += tick_source() - entered;
}

static bool find_class(const char *name, size_t len, uint32_t *classes)
{
    for (size_t i = 0; i < ARRAY_SIZE(class_names); i++) {
        if (strlen(class_names[i].name) == len && strncmp(class_names[i].name, name, len) == 0) {
            *classes = class_names[i].classes;
            return true;
        }
    }
    return false;
}

bool log_configure(const char *list)
{
    uint32_t now = log_classes;
    bool first = true;
    while (*list != '\0') {
        const char *end = strchr(list, ',');
        size_t len = end ? (size_t)(end - list) : strlen(list);
        char sign = *list;
        uint32_t classes;
        if (sign == '+' || sign == '-') {
            list++;
            len--;
        }
        if (len == 5 && strncmp(list, "quiet", 5) == 0) {
            now = 0;
        } else if (!find_class(list, len, &classes)) {
            return false;
        } else if (sign == '-') {
            now &= ~classes;
        } else {
            /* a list that starts with a bare name says what is on; signs change what is already on */
            if (first && sign != '+')
                now = 0;
            now |= classes;
        }
        first = false;
        list += len;
        if (*list == ',')
            list++;
    }
    log_classes = now | LOG_ERROR | (log_classes & LOG_KEEP);
    return true;
}

const char *log_class_name(uint32_t i)
{
    return i < ARRAY_SIZE(class_names) ? class_names[i].name : NULL;
}

void log_list(struct printer *out)
{
    uint32_t now = log_classes & ~(uint32_t)LOG_KEEP, listed = 0;
    if (now == LOG_QUIET || now == LOG_DEFAULT || now == LOG_ALL) {
        print(out, "%s", now == LOG_QUIET ? "quiet" : now == LOG_ALL ? "all" : "default");
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(class_names) - 2; i++)
        if (now & class_names[i].classes)
            print(out, "%s%s", listed++ > 0 ? "," : "", class_names[i].name);
}

void log_describe(struct printer *out)
{
    print(out, "log:");
    for (size_t i = 0; i < ARRAY_SIZE(class_names) - 2; i++)
        print(out, " %s%s", log_classes & class_names[i].classes ? "+" : "-", class_names[i].name);
    print(out, "\n");
}
