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
};

#define COMMAND(name, args, help, run)                                                                     \
    static const struct command *const command_##name LINKER_SET_ENTRY(commands) = &(const struct command) \
    {                                                                                                      \
#name, args, help, run                                                                             \
    }

LINKER_SET_DECLARE(const struct command *const, commands);

/* Splits a line at spaces, in place; "double quotes" keep spaces. => the number of words, -1 if there are
 * more than `max`. */
int command_split(char *line, char **argv, int max);

#endif
