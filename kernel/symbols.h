/* SPDX-License-Identifier: MIT
 * The kernel's own symbol table, embedded by the second link (tools/ksyms.py), so that a backtrace can
 * name functions without a debugger. */
#ifndef KERNEL_SYMBOLS_H
#define KERNEL_SYMBOLS_H

#include "lib/types.h"

/* => the function that contains the address and the offset in it; NULL outside the kernel's text. What
 * symbol_lookup (lib/symbol.h) is set to. */
const char *symbol_of(uintptr_t address, uint32_t *offset);

#endif
