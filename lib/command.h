/* SPDX-License-Identifier: MIT
 * Console commands. Each lives at the end of the module that it shows and enters itself into a linker
 * set; the monitor (kernel/monitor.c) finds them there. */
#ifndef LIB_COMMAND_H
#define LIB_COMMAND_H

#include "lib/print.h"

/* The word that is being typed, and what could stand there. */
struct completion {
    const char *word; /* typed so far; what precedes it in the same word may have been taken off */
    void (*offer)(struct completion *c, const char *name); /* the editor's */
};

struct command {
    const char *name;
    const char *args; /* "" or e.g. "PROGRAM [ARG...]" */
    const char *help; /* one line */
    /* argv[0] is the command's name. => 0, or nonzero after printing what was wrong and what is legal */
    int (*run)(int argc, char **argv, struct printer *out);
    bool at_stop; /* it neither sleeps nor frees what a fault in progress may hold: legal where one is stopped
                   */
    const char *more;  /* NULL, or lines for `help NAME`: what args mean, an example */
    const char *words; /* NULL, or literal first arguments, with spaces between them: "on off" */
    /* NULL, or offers what the word after argv[0..argc) could be: complete_offer for each. Neither sleeps nor
     * changes anything. */
    void (*complete)(int argc, char **argv, struct completion *c);
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

/* => NULL if there is none of this name. */
const struct command *command_find(const char *name);

/* While it is set, a fault is stopped and the command runs in the middle of it: forms of a command that sleep
 * or evict refuse, although the command is at_stop. Whoever stops a fault sets it. */
extern bool command_in_fault;

/* => false after saying that `what` is impossible now, because a fault is stopped. */
bool command_may_sleep(const char *what, struct printer *out) MUST_CHECK;

/* `name` could stand there; if it does not begin with what is typed it does not count. One that ends with =
 * or / is not followed by a space. */
static inline void complete_offer(struct completion *c, const char *name)
{
    c->offer(c, name);
}

/* Each word of `words`, which spaces separate. */
void complete_words(struct completion *c, const char *words);

/* If the word begins with `prefix`, takes that off it: names offered from here on follow the prefix. */
bool complete_after(struct completion *c, const char *prefix);

/* What precedes the last of any of these characters, and it, is taken off: the items of a list. */
void complete_last_item(struct completion *c, const char *separators);

#endif
