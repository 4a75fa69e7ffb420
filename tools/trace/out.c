/* SPDX-License-Identifier: MIT
 * Messages, memory, and the file that is written. */
#include "tools/trace/trace.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void say(const char *fmt, va_list ap)
{
    fprintf(stderr, "trace: ");
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, "\n");
}

void warn(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(fmt, ap);
    va_end(ap);
}

void die(enum trace_status status, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(fmt, ap);
    va_end(ap);
    exit((int)status);
}

void *host_array(void *p, size_t had, size_t count, size_t size)
{
    char *q = reallocarray(p, count, size);
    if (q == NULL)
        die(TRACE_FAILED, "no memory for %zu times %zu bytes", count, size);
    memset(q + had * size, 0, (count - had) * size);
    return q;
}

void out_flush(struct out *o)
{
    fwrite(o->room, 1, o->used, o->file);
    o->used = 0;
}

void out_decimal(struct out *o, uint64_t value, uint32_t digits)
{
    char text[24];
    uint32_t at = sizeof text;
    do
        text[--at] = (char)('0' + value % 10);
    while ((value /= 10) != 0 || sizeof text - at < digits);
    out_bytes(o, text + at, sizeof text - at);
}

void out_hex(struct out *o, uint32_t value, uint32_t digits)
{
    char text[10];
    uint32_t at = sizeof text;
    do
        text[--at] = "0123456789abcdef"[value % 16];
    while ((value /= 16) != 0 || sizeof text - at < digits);
    text[--at] = 'x';
    text[--at] = '0';
    out_bytes(o, text + at, sizeof text - at);
}

static void write_text(struct printer *to, const char *text, size_t len)
{
    out_bytes((struct out *)to, text, len);
}

void out_open(struct out *o, const char *path)
{
    bool standard = path == NULL || strcmp(path, "-") == 0;
    o->to.write = write_text;
    o->path = standard ? "the standard output" : path;
    o->file = standard ? stdout : fopen(path, "wb");
    o->used = 0;
    if (o->file == NULL)
        die(TRACE_FAILED, "%s: %s", path, strerror(errno));
}

void out_close(struct out *o)
{
    out_flush(o);
    bool bad = fflush(o->file) != 0 || ferror(o->file);
    if ((o->file != stdout && fclose(o->file) != 0) || bad)
        die(TRACE_FAILED, "%s cannot be written: %s", o->path, strerror(errno));
}
