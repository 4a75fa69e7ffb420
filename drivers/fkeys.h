/* SPDX-License-Identifier: MIT
 * Function keys: told to whoever asked for them at once, whoever reads the console meanwhile. */
#ifndef DRIVERS_FKEYS_H
#define DRIVERS_FKEYS_H

#include "lib/types.h"

/* `pressed` is called from interrupt handlers with 1 for F1 and so on. NULL: nobody wants to know. */
void fkeys_set_handler(void (*pressed)(uint32_t number));
void fkeys_press(uint32_t number);

/* A character of the serial line. Those of a function key's escape sequence are held back until it is
 * complete, and vanish then; all others go to `pass`, in order. */
void fkeys_filter(char c, void (*pass)(char c));

#endif
