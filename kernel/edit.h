/* SPDX-License-Identifier: MIT
 * The line editor: keys in, a line out. It draws with characters and backspaces only, which the serial
 * terminal and the screen both know. */
#ifndef KERNEL_EDIT_H
#define KERNEL_EDIT_H

#include "kernel/console.h"

/* A line that is being edited. Set the first four. */
struct editor {
    const char *prompt; /* what stands before the line, to draw it again; NULL: not known */
    char *line;
    size_t size;   /* of `line`, its NUL included */
    bool commands; /* the line is for the monitor: history and completion */

    size_t length, at; /* characters; where the cursor is */
    bool windowed;     /* too long for one row: a part of it is shown, from `first` on */
    size_t first;
    bool cancelled;    /* it ended with Ctrl-C */
    uint32_t recalled; /* how many lines back in the history it is; 0: a new line */
};

/* A key: a character, or one of these; next_key => -1 when the process is wanted elsewhere. */
enum key { KEY_NONE = 256, KEY_UP, KEY_DOWN, KEY_LEFT, KEY_RIGHT, KEY_HOME, KEY_END, KEY_DELETE };

/* How an editing step ended. */
enum edit_result { EDIT_GOES_ON, EDIT_DONE, EDIT_END_OF_INPUT };

void edit_begin(struct editor *e);
enum edit_result edit_key(struct editor *e, int key);

/* Inserts text at the cursor. What does not fit is left out. */
void edit_insert(struct editor *e, const char *text, size_t n);

/* Prompt and line once more, on the row where the cursor is, which is empty. */
void edit_redraw(struct editor *e);

/* The Tab key: completes the word before the cursor, or lists what it could be. In complete.c. */
void edit_complete(struct editor *e);

/* The last lines that were entered at the prompt, or run from a script. history_add takes no empty line, and
 * none twice in a row. history_back(1) is the newest one. => NULL if there are not so many */
void history_add(const char *line);
const char *history_back(uint32_t n);
bool history_lost(void); /* there were more */

#endif
