/* SPDX-License-Identifier: MIT
 * The console's input queue: serial line and keyboard put characters in, the console takes them out. */
#ifndef DRIVERS_INPUT_H
#define DRIVERS_INPUT_H

#include "lib/types.h"

/* From interrupt handlers. Characters that do not fit are dropped and counted. */
void input_push(char c);

/* => the oldest character, or -1. */
int input_pop(void);

/* `wake` is called after every push. */
void input_set_waker(void (*wake)(void));

uint32_t input_lost(void);

#endif
