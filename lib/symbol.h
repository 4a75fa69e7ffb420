/* SPDX-License-Identifier: MIT
 * Naming an address of code. The table of names is the kernel's, which registers how to look into it. */
#ifndef LIB_SYMBOL_H
#define LIB_SYMBOL_H

#include "lib/types.h"

enum { SYMBOL_TEXT = 64 }; /* bytes that hold a name and an offset; longer ones are cut */

/* => the function that contains the address and the offset in it; NULL if it is none's. NULL: no names. */
extern const char *(*symbol_lookup)(uintptr_t address, uint32_t *offset);

/* Writes function+offset, or the bare address. => text */
const char *symbol_name(const void *address, char text[SYMBOL_TEXT]);

#endif
