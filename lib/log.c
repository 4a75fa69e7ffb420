/* SPDX-License-Identifier: MIT
 * Event classes, sinks and line stamping. */
#include "lib/log.h"
#include "lib/watch.h"

enum { MAX_SINKS = 4 };

uint32_t log_classes = LOG_DEFAULT;

static struct printer *sinks[MAX_SINKS];
static size_t sink_count;
static uint64_t (*clock_micros)(void);
static uint64_t (*tick_source)(void);
static uint64_t ticks_logging; /* spent inside log_event */

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

void log_skip_ticks(uint64_t since)
{
    ticks_logging += log_ticks() - since;
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

bool log_configure(const char *list)
{
    if (!classes_parse(list, LOG_ALL & ~LOG_QUIET, LOG_DEFAULT, &log_classes))
        return false;
    log_classes |= LOG_QUIET;
    watch(WATCH_LOG, log_classes);
    return true;
}

void log_names(struct printer *out)
{
    classes_print(out, LOG_ALL & ~LOG_QUIET, false, 0);
}

const char *log_class_name(uint32_t i)
{
    return class_name(i, LOG_ALL & ~LOG_QUIET);
}

void log_list(struct printer *out)
{
    classes_list(out, LOG_ALL & ~LOG_QUIET, LOG_DEFAULT & ~LOG_QUIET, log_classes & ~LOG_QUIET);
}

void log_describe(struct printer *out)
{
    print(out, "log:");
    classes_print(out, LOG_ALL & ~LOG_QUIET, true, log_classes);
    print(out, "\n");
}
