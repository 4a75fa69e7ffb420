/* SPDX-License-Identifier: MIT
 * Pieces of an event of Chrome's Trace Event Format. */
#ifndef TOOLS_TRACE_JSON_PUT_H
#define TOOLS_TRACE_JSON_PUT_H

#include "tools/trace/events.h"
#include "tools/trace/trace.h"

/* In quotes. Bytes that are not ASCII are taken for Latin-1, so that the file is always good. */
void put_string(struct out *o, const char *text);

/* Microseconds, after ,"key": which the caller has in full. */
void put_us(struct out *o, const char *key, uint64_t ns);

/* What every event begins with, {"name": to "ts":; the caller adds what the phase wants, and put_end. */
void put_head(struct out *o, char phase, const char *name, const char *category, uint64_t ns, uint32_t pid,
              uint32_t tid);
static inline void put_end(struct out *o)
{
    out_text(o, "}");
}

/* ,"args":{ with all that the event carries by the table, but text. The caller adds more, and closes it. */
void put_arguments(struct out *o, const struct trace_event *e);

/* {"name":what,"ph":"M",...,"args":{"name":name}} */
void put_name(struct out *o, const char *what, uint32_t pid, uint32_t tid, const char *name);

#endif
