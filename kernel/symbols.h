/* SPDX-License-Identifier: MIT
 * The kernel's own symbol table, embedded by the second link (tools/ksyms.py), so that a backtrace can
 * name functions without a debugger. */
#ifndef KERNEL_SYMBOLS_H
#define KERNEL_SYMBOLS_H

#include "lib/types.h"

/* => the function that contains the address and the offset in it; NULL outside the kernel's text. */
const char *symbol_of(uint32_t address, uint32_t *offset);

#endif
