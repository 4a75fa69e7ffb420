/* SPDX-License-Identifier: MIT
 * The names of processes, from their start events. */
#ifndef TOOLS_TRACE_PROCS_H
#define TOOLS_TRACE_PROCS_H

#include "tools/trace/events.h"

enum { PROC_NAME = 64, PROC_TITLE = PROC_NAME + 16 };

/* Takes part of a name, if the event is a start. A name longer than an event's text comes in several. */
void proc_seen(const struct trace_event *e);

/* => "?" if it never started in the trace, "kernel" for pid 0 */
const char *proc_name(uint32_t pid);

/* "name pid", or "pid N" if it never started */
void proc_title(uint32_t pid, char title[PROC_TITLE]);

#endif
