/* SPDX-License-Identifier: MIT
 * Pipes. */
#ifndef KERNEL_PIPE_H
#define KERNEL_PIPE_H

#include "kernel/file.h"

enum { PIPE_SIZE = PAGE_SIZE }; /* bytes it holds; Linux's PIPE_BUF: so much is written in one piece */

/* A new pipe; flags are those of both ends (O_NONBLOCK). => 0, or -ENOMEM */
int32_t pipe_open(uint32_t flags, struct open_file **read_end, struct open_file **write_end) MUST_CHECK;

/* Is f an end of a pipe? */
bool pipe_is(const struct open_file *f);

#endif
