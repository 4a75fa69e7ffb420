/* SPDX-License-Identifier: MIT
 * The console's input queue: serial line and keyboard put characters in, the console takes them out. */
#ifndef DRIVERS_INPUT_H
#define DRIVERS_INPUT_H

#include "lib/types.h"

/* From interrupt handlers. Characters that do not fit are dropped and counted. */
void input_push(char c);

/* For a source that can hold its characters back, as the serial line can: it asks before each push, and
 * is called when the queue has run empty, because no interrupt tells it to go on. */
bool input_has_room(void);
void input_set_refill(void (*refill)(void));

/* => the oldest character, or -1. */
int input_pop(void);

/* `wake` is called after every push. */
void input_set_waker(void (*wake)(void));

uint32_t input_lost(void);

#endif
