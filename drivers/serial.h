/* SPDX-License-Identifier: MIT
 * COM1: the log and the console. COM2: a way out for traces. */
#ifndef DRIVERS_SERIAL_H
#define DRIVERS_SERIAL_H

#include "lib/print.h"
#include "lib/trace.h"

extern struct printer serial_printer; /* drops its text when there is no port */

/* => false if there is no 16550 at COM1. */
bool serial_init(void);

/* Received characters go to drivers/input.h from here on. */
void serial_enable_input(void);

/* Waits, not for ever, until the last character has left the shift register. */
void serial_drain(void);

/* COM2 as a port for traces. It is slow, and the machine waits for it: but nothing is lost. => NULL: there is
 * no 16550 */
const struct trace_port *serial_trace_open(void);

#endif
