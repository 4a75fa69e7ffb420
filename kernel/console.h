/* SPDX-License-Identifier: MIT
 * Reading lines from the keyboard and the serial line, with echo and simple editing. */
#ifndef KERNEL_CONSOLE_H
#define KERNEL_CONSOLE_H

#include "lib/types.h"

struct open_file;

enum { CONSOLE_LINE = 256 };

void console_init(void);

/* Sleeps until a line has been typed, and returns it without its newline, cut to size, which is at most
 * CONSOLE_LINE. Ctrl-C gives an empty line. => false at end of input (Ctrl-D on an empty line). */
bool console_line(char *line, size_t size);

/* The same at a prompt, which it prints, with history and completion. What is typed does not become history:
 * a script could not answer a stop. */
bool console_prompt(const char *prompt, char *line, size_t size);

/* The same, and the line becomes history. */
bool console_command(const char *prompt, char *line, size_t size);

/* read(2) on standard input: a line with its newline, in as many pieces as the caller's size wants; 0 at
 * end of input, and always 0 while a script runs: then nobody is there to type. */
int console_read(char *buf, size_t size);
extern bool console_attended;

/* While it is set, console_line waits without leaving the CPU to anybody: the machine stands still. */
extern bool console_frozen;

/* The last line was empty because of Ctrl-C. */
extern bool console_cancelled;

/* The console as an open file, to be read or written. => NULL when memory is short. */
struct open_file *console_file(uint32_t flags) MUST_CHECK;

#endif
