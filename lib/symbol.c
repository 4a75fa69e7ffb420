/* SPDX-License-Identifier: MIT
 * Names of addresses. */
#include "lib/symbol.h"
#include "lib/print.h"

const char *(*symbol_lookup)(uintptr_t address, uint32_t *offset);

const char *symbol_name(const void *address, char text[SYMBOL_TEXT])
{
    uint32_t offset;
    const char *name = symbol_lookup != NULL ? symbol_lookup((uintptr_t)address, &offset) : NULL;
    if (name != NULL)
        format(text, SYMBOL_TEXT, "%s+%#x", name, offset);
    else
        format(text, SYMBOL_TEXT, "%p", address);
    return text;
}
