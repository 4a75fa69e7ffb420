/* SPDX-License-Identifier: MIT
 * What the files of build/trace share: how it fails, and where its output goes. */
#ifndef TOOLS_TRACE_TRACE_H
#define TOOLS_TRACE_TRACE_H

#include "lib/print.h"
#include <stdio.h>

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
void out_bytes(struct out *o, const void *bytes, size_t size);
void out_close(struct out *o); /* the program ends if anything could not be written */

static inline void out_text(struct out *o, const char *text)
{
    out_bytes(o, text, __builtin_strlen(text));
}

#endif
