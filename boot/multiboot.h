/* SPDX-License-Identifier: MIT
 * What the loader told us, copied out of its memory before that memory is reused. Multiboot 0.6.96. */
#ifndef BOOT_MULTIBOOT_H
#define BOOT_MULTIBOOT_H

#include "kernel/options.h"
#include "mm/frame.h"

enum { BOOT_RANGES = 64, BOOT_MODULES = 8 };

struct boot_info {
    char command_line[OPTIONS_TEXT];
    struct phys_range usable[BOOT_RANGES];
    uint32_t usable_count;
    struct phys_range modules[BOOT_MODULES];
    uint32_t module_count;
    uint64_t ram; /* bytes of usable memory, wherever it lies */
};

/* => NULL, or what is wrong. */
const char *boot_info_read(struct boot_info *b, uint32_t magic, paddr_t info);

#endif
