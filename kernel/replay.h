/* SPDX-License-Identifier: MIT
 * Traces of page references (lib/reftrace.h) that the loader left in memory, and the command that executes
 * them under any policy, on the real MMU. */
#ifndef KERNEL_REPLAY_H
#define KERNEL_REPLAY_H

#include "lib/print.h"

/* A module: programs see it as trace/NAME. The bytes stay. => false after saying what is wrong with it. */
bool trace_add(const void *data, uint32_t size, struct printer *out);

#endif
