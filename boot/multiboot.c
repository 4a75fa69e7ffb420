/* SPDX-License-Identifier: MIT
 * Reading the multiboot information: command line, memory map, modules. */
#include "boot/multiboot.h"
#include "arch/x86/paging.h"
#include "lib/string.h"
#include "mm/port.h"

enum { LOADER_MAGIC = 0x2badb002 };
enum { HAS_MEMORY = 1 << 0, HAS_COMMAND_LINE = 1 << 2, HAS_MODULES = 1 << 3, HAS_MAP = 1 << 6 };
enum { MAP_AVAILABLE = 1 };

struct information {
    uint32_t flags, mem_lower, mem_upper, boot_device, command_line, module_count, modules, symbols[4];
    uint32_t map_length, map;
};

struct module {
    uint32_t start, end, string, reserved;
};

/* The size field does not count itself. */
struct __attribute__((packed)) map_entry {
    uint32_t size;
    uint64_t base, length;
    uint32_t type;
};

static void add_usable(struct boot_info *b, uint64_t base, uint64_t length)
{
    b->ram += length;
    if (b->usable_count == BOOT_RANGES || base >= UINT32_MAX)
        return;
    uint64_t end = MIN(base + length, (uint64_t)UINT32_MAX);
    b->usable[b->usable_count++] = (struct phys_range){(paddr_t)base, (paddr_t)end};
}

/* Early on only the direct map is there, and nobody to tell of a page fault. */
static bool readable(const struct information *m)
{
    return (!(m->flags & HAS_COMMAND_LINE) || m->command_line < DIRECT_MAP_MAX) &&
           (!(m->flags & HAS_MAP) || (m->map < DIRECT_MAP_MAX && m->map_length < DIRECT_MAP_MAX - m->map)) &&
           (!(m->flags & HAS_MODULES) || m->modules < DIRECT_MAP_MAX);
}

const char *boot_info_read(struct boot_info *b, uint32_t magic, paddr_t info)
{
    memset(b, 0, sizeof *b);
    if (magic != LOADER_MAGIC)
        return "not started by a multiboot loader";
    const struct information *m = phys_to_ptr(info);
    if (info >= DIRECT_MAP_MAX || !readable(m))
        return "the loader put its information beyond the direct map (896 MiB)";
    if ((m->flags & HAS_COMMAND_LINE) &&
        !str_copy(b->command_line, sizeof b->command_line, phys_to_ptr(m->command_line)))
        return "the command line is longer than 1023 characters";
    if (m->flags & HAS_MAP) {
        for (uint32_t at = 0; at < m->map_length;) {
            const struct map_entry *e = phys_to_ptr(m->map + at);
            if (e->type == MAP_AVAILABLE)
                add_usable(b, e->base, e->length);
            at += e->size + (uint32_t)sizeof e->size;
        }
    } else if (m->flags & HAS_MEMORY) {
        const uint32_t kib = 1024, upper_start = 1u << 20;
        add_usable(b, 0, (uint64_t)m->mem_lower * kib);
        add_usable(b, upper_start, (uint64_t)m->mem_upper * kib);
    } else {
        return "the loader gave no memory map";
    }
    if (m->flags & HAS_MODULES) {
        const struct module *mod = phys_to_ptr(m->modules);
        if (m->module_count > BOOT_MODULES)
            return "more than 8 modules";
        for (uint32_t i = 0; i < m->module_count; i++)
            b->modules[b->module_count++] = (struct phys_range){mod[i].start, mod[i].end};
    }
    return NULL;
}
