/* SPDX-License-Identifier: MIT
 * The end of the road. Declared low, defined high: kernel/panic.c in the kernel, the harness on the host. */
#ifndef LIB_PANIC_H
#define LIB_PANIC_H

#include "lib/types.h"

/* Reports a broken invariant, with its figures, and stops the machine with a failure status. */
void panic(const char *fmt, ...) PRINTF_LIKE(1) NORETURN;

/* Cheap checks that stay in every build. The message names what should have held. */
#define ASSERT(cond, ...)       \
    do {                        \
        if (unlikely(!(cond)))  \
            panic(__VA_ARGS__); \
    } while (0)

#endif
