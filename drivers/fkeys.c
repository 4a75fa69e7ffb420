/* SPDX-License-Identifier: MIT
 * Recognizing function keys in what terminals send: xterm's sequences, those of the VT220 and the Linux
 * console's. */
#include "drivers/fkeys.h"
#include "lib/string.h"

/* Sequence i of a row is key i + 1's. */
static const char *const sequences[][8] = {
    {"\033OP", "\033OQ", "\033OR", "\033OS", "\033[15~", "\033[17~", "\033[18~", "\033[19~"},
    {"\033[11~", "\033[12~", "\033[13~", "\033[14~"},
    {"\033[[A", "\033[[B", "\033[[C", "\033[[D", "\033[[E"},
};

static char held[8];
static size_t held_count;
static void (*handler)(uint32_t number);

void fkeys_set_handler(void (*pressed)(uint32_t number))
{
    handler = pressed;
}

void fkeys_press(uint32_t number)
{
    if (handler != NULL)
        handler(number);
}

/* => the key whose sequence is held; 0: none yet. *begins: it may become one. */
static uint32_t recognize(bool *begins)
{
    *begins = false;
    for (size_t row = 0; row < ARRAY_SIZE(sequences); row++) {
        for (size_t i = 0; i < ARRAY_SIZE(sequences[row]) && sequences[row][i] != NULL; i++) {
            if (strncmp(sequences[row][i], held, held_count) != 0)
                continue;
            *begins = true;
            if (sequences[row][i][held_count] == '\0')
                return (uint32_t)i + 1;
        }
    }
    return 0;
}

static void release(void (*pass)(char c))
{
    for (size_t i = 0; i < held_count; i++)
        pass(held[i]);
    held_count = 0;
}

void fkeys_filter(char c, void (*pass)(char c))
{
    enum { ESCAPE = '\033' };
    bool begins;
    if (c == ESCAPE)
        release(pass);
    else if (held_count == 0) {
        pass(c);
        return;
    }
    held[held_count++] = c;
    uint32_t key = recognize(&begins);
    if (key != 0) {
        held_count = 0;
        fkeys_press(key);
    } else if (!begins) {
        release(pass);
    }
}
