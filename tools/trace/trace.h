/* SPDX-License-Identifier: MIT
 * What the files of build/trace share: how it fails, and where its output goes. */
#ifndef TOOLS_TRACE_TRACE_H
#define TOOLS_TRACE_TRACE_H

#include "lib/print.h"
#include <stdio.h>
#include <string.h>

/* Exit statuses. */
enum trace_status {
    TRACE_OK = 0,
    TRACE_FAILED = 1, /* a file that cannot be read or written, or that is no trace */
    TRACE_USAGE = 2,  /* options that make no sense */
};

/* Prints "trace: ..." to stderr; die ends the program with `status`. */
void warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void die(enum trace_status status, const char *fmt, ...) __attribute__((format(printf, 2, 3))) NORETURN;

/* Host memory, zeroed beyond the first `had` of `count` items; the program ends when there is none. */
void *host_array(void *p, size_t had, size_t count, size_t size);

/* A printer that fills a file. */
struct out {
    struct printer to;
    FILE *file;
    const char *path;
    size_t used;
    char room[1 << 16];
};

void out_open(struct out *o, const char *path); /* NULL or "-": the standard output */
void out_close(struct out *o);                  /* the program ends if anything could not be written */
void out_flush(struct out *o);

/* At most as many as there is room for. */
static inline void out_bytes(struct out *o, const void *bytes, size_t size)
{
    if (size > sizeof o->room - o->used)
        out_flush(o);
    memcpy(o->room + o->used, bytes, size);
    o->used += size;
}

static inline void out_text(struct out *o, const char *text)
{
    out_bytes(o, text, strlen(text));
}

/* Numbers, quicker than print: these are most of what is written. */
void out_decimal(struct out *o, uint64_t value, uint32_t digits); /* at least so many */
void out_hex(struct out *o, uint32_t value, uint32_t digits);     /* after 0x */

#endif
