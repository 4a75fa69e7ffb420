/* SPDX-License-Identifier: MIT
 * The monitor: a line-based shell. Commands come from everywhere (lib/command.h); this file finds and
 * runs them, first those of run=, then what is typed. */
#ifndef KERNEL_MONITOR_H
#define KERNEL_MONITOR_H

#include "mm/pool.h"

struct completion;

enum { MONITOR_ARGS = 48 }; /* words in a command */

/* The pool that programs run in. */
extern struct pool main_pool;

/* Runs `script` (commands separated by semicolons; may be NULL), then prompts for ever. */
void monitor_run(const char *script) NORETURN;

/* Runs one command line. => 0 or the command's failure. Failures are counted: they decide the machine's
 * exit status. */
int monitor_command(char *line);

/* The same where a fault is stopped: only what may run there (lib/command.h, at_stop). */
void monitor_command_at_stop(char *line);
/* The same for a line of a script: it is shown, and not counted: its script's failure is. */
int monitor_script_line(char *line);

/* Offer names of commands; log classes, in a list; files of a directory; pids of programs as the first
 * argument; programs, after run and after each &. */
void complete_commands(struct completion *c);
void complete_log_classes(struct completion *c);
void complete_files(struct completion *c, const char *directory, bool directories_too);
void complete_pids(int argc, char **argv, struct completion *c);
void complete_programs(int argc, char **argv, struct completion *c);

#endif
