/* SPDX-License-Identifier: MIT
 * High memory of the fake machine, for the machine itself; tests use machine.h and mm/port.h. */
#ifndef TESTS_HOST_HIGH_H
#define TESTS_HOST_HIGH_H

#include "mm/types.h"

enum { RAM_JUNK = 0x5c }; /* what RAM holds at power-on */

/* High memory from `start` on, full of junk, in place of what there was; bytes may be 0: none. */
void high_init(paddr_t start, uint32_t bytes);

/* Where the CPU finds a byte of it. */
uint8_t *high_at(paddr_t pa);

#endif
