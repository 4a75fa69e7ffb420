/* SPDX-License-Identifier: MIT
 * Looking up addresses in the embedded symbol table. */
#include "kernel/symbols.h"

struct ksym {
    uint32_t address;
    const char *name;
};
extern const struct ksym ksyms[];
extern const uint32_t ksyms_count;
extern char __text_start[], __text_end[];

const char *symbol_of(uintptr_t address, uint32_t *offset)
{
    if (address < (uint32_t)__text_start || address >= (uint32_t)__text_end || ksyms_count == 0)
        return NULL;
    uint32_t low = 0, high = ksyms_count;
    while (high - low > 1) {
        uint32_t mid = (low + high) / 2;
        if (ksyms[mid].address <= address)
            low = mid;
        else
            high = mid;
    }
    *offset = address - ksyms[low].address;
    return ksyms[low].name;
}
