/* SPDX-License-Identifier: MIT
 * Leaving the machine, with a status where the machine has a way to take one. */
#ifndef DRIVERS_EXIT_H
#define DRIVERS_EXIT_H

#include "lib/types.h"

/* Powers off: QEMU exits with status 33 for ok and 35 for failure (isa-debug-exit), Bochs stops; on other
 * machines it says that they may be turned off. */
void machine_exit(bool ok) NORETURN;

#endif
