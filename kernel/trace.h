/* SPDX-License-Identifier: MIT
 * Switching tracing on. */
#ifndef KERNEL_TRACE_H
#define KERNEL_TRACE_H

#include "lib/print.h"

/* Sets the classes that are traced, by a list as for log, and gives the ring its memory when it needs some.
 * => false after saying why not. */
bool trace_start(const char *list, struct printer *out);

#endif
