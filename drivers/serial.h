/* SPDX-License-Identifier: MIT
 * COM1: the log and the console. */
#ifndef DRIVERS_SERIAL_H
#define DRIVERS_SERIAL_H

#include "lib/print.h"

extern struct printer serial_printer; /* drops its text when there is no port */

/* => false if there is no 16550 at COM1. */
bool serial_init(void);

/* Received characters go to drivers/input.h from here on. */
void serial_enable_input(void);

/* Waits, not for ever, until the last character has left the shift register. */
void serial_drain(void);

#endif
