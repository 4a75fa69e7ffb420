/* SPDX-License-Identifier: MIT
 * A file that is being read: its bytes, and where we are, line by line. */
#ifndef TOOLS_SIM_INPUT_H
#define TOOLS_SIM_INPUT_H

#include "lib/types.h"

struct input {
    const char *path;
    const char *data, *end; /* the whole file */
    const char *next;       /* the next line */
    uint32_t line;          /* number of the line at `at`, from 1 */
    const char *at, *stop;  /* what is left of it, without its end */
    bool mapped;
};

/* "-" is the standard input. The program ends with a message if the file cannot be read. */
void input_open(struct input *in, const char *path);
void input_close(struct input *in);
void input_rewind(struct input *in);

/* The next line into [at, stop). => false at the end of the file. */
bool input_line(struct input *in);

/* Ends the program: path:line: ... */
void input_bad(const struct input *in, const char *fmt, ...) __attribute__((format(printf, 2, 3))) NORETURN;

/* The same, with the line in the message. */
void input_bad_line(const struct input *in, const char *expected) NORETURN;

void input_blanks(struct input *in); /* passes over spaces and tabs */

/* Is there nothing left, or only a comment? */
bool input_ends(struct input *in);

/* Passes over a number of this base, 10 or 16. => false if there is none or it does not fit. */
bool input_number(struct input *in, uint32_t base, uint64_t *out);

/* A page: a decimal number, or an address after 0x. => false if there is none. */
bool input_page(struct input *in, uint64_t *out);

/* Passes over `word` if it comes next. */
bool input_word(struct input *in, const char *word);

#endif
