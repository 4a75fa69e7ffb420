/* SPDX-License-Identifier: MIT
 * Switching tracing on, and where to. */
#ifndef KERNEL_TRACE_H
#define KERNEL_TRACE_H

#include "lib/print.h"

/* At boot: traceport= and tracekb=. Opens the port that traces go to, if there is one. => false after saying
 * why not */
bool trace_init(const char *port, uint32_t kib, struct printer *out);

/* Sets the classes that are traced, by a list as for log, and gives the ring its memory when it needs some.
 * => false after saying why not. */
bool trace_start(const char *list, struct printer *out);

#endif
