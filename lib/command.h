/* SPDX-License-Identifier: MIT
 * Console commands. Each lives at the end of the module that it shows and enters itself into a linker
 * set; the monitor (kernel/monitor.c) finds them there. */
#ifndef LIB_COMMAND_H
#define LIB_COMMAND_H

#include "lib/print.h"

struct command {
    const char *name;
    const char *args; /* "" or e.g. "PROGRAM [ARG...]" */
    const char *help; /* one line */
    /* argv[0] is the command's name. => 0, or nonzero after printing what was wrong and what is legal */
    int (*run)(int argc, char **argv, struct printer *out);
    bool at_stop; /* it neither sleeps nor frees what a fault in progress may hold: legal where one is stopped
                   */
};

/* Further fields of the struct may follow: .field = value. */
#define COMMAND(id, args_, help_, run_, ...)                                                             \
    static const struct command *const command_##id LINKER_SET_ENTRY(commands) = &(const struct command) \
    {                                                                                                    \
        .name = #id, .args = args_, .help = help_, .run = run_, __VA_ARGS__                              \
    }
#define COMMAND_AT_STOP(id, args_, help_, run_, ...) \
    COMMAND(id, args_, help_, run_, .at_stop = true, __VA_ARGS__)

LINKER_SET_DECLARE(const struct command *const, commands);

/* Splits a line at spaces, in place; "double quotes" keep spaces. => the number of words, -1 if there are
 * more than `max`. */
int command_split(char *line, char **argv, int max);

#endif
