/* SPDX-License-Identifier: MIT
 * peek, poke: memory of the kernel, of the machine, of a process. They look at page tables first, and never
 * fault: what is not there is said to be not there. */
#include "arch/x86/paging.h"
#include "kernel/monitor.h"
#include "kernel/proc.h"
#include "lib/command.h"
#include "lib/string.h"
#include "mm/port.h"

enum { PEEK_DEFAULT = 64, PEEK_MOST = 4096, PEEK_LINE = 16 }; /* bytes */

enum whose { KERNEL, PHYSICAL, PROCESS };

/* What is looked at: memory by `whose` addresses, from `at` on. */
struct target {
    const char *command;
    enum whose whose;
    struct space *space; /* PROCESS */
    uint32_t at;
};

/* ---- one page of it ---- */

/* The page of address va, in a window. => NULL after writing why there is nothing to see into `why` */
static char *kernel_page(vaddr_t va, bool write, char *why, size_t size)
{
    uint32_t pde, pte;
    paging_walk(va, &pde, &pte);
    bool large = (pde & X86_PS) != 0;
    if (!(pde & X86_P) || (!large && !(pte & X86_P)))
        format(why, size, "not mapped");
    else if (write && !(pde & (large ? pde : pte) & X86_W))
        format(why, size, "read-only: the kernel's code or constants");
    else
        return (char *)ALIGN_DOWN(va, (vaddr_t)PAGE_SIZE);
    return NULL;
}

static char *physical_page(paddr_t pa, char *why, size_t size)
{
    if (pfn_of(pa).n < frame_table_count)
        return page_window(pfn_of(pa), WINDOW_FROM);
    format(why, size, "beyond the memory of this machine, which ends at %#x", frame_table_count * PAGE_SIZE);
    return NULL;
}

static char *process_page(struct space *s, vaddr_t va, bool write, char *why, size_t size)
{
    struct pte pte = va < USER_END ? pmap_lookup(&s->pmap, va) : (struct pte){.state = PTE_NONE};
    if (pte.state == PTE_SWAPPED)
        format(why, size, "in slot %u", pte.slot.n);
    else if (region_find(&s->regions, va) == NULL)
        format(why, size, "not mapped: in no region");
    else if (pte.state == PTE_NONE)
        format(why, size, "not present: never touched, or dropped clean");
    else if (write && !pte.writable)
        format(why, size, "read-only: shared, or its region forbids writing");
    else
        return page_window(pte.pfn, WINDOW_FROM);
    return NULL;
}

static char *page_at(const struct target *t, uint32_t at, bool write, char *why, size_t size)
{
    switch (t->whose) {
    case KERNEL:
        return kernel_page(at, write, why, size);
    case PHYSICAL:
        return physical_page(at, why, size);
    case PROCESS:
        break;
    }
    return process_page(t->space, at, write, why, size);
}

/* ---- which memory ---- */

/* The target that argv[1] and what follows name. => how many words that took, or 0 after saying what was
 * expected. A pid is decimal, and smaller than any address of the kernel. */
static int parse_target(int argc, char **argv, struct target *t, struct printer *out)
{
    uint32_t pid;
    *t = (struct target){.command = argv[0]};
    bool physical = argc > 2 && strcmp(argv[1], "phys") == 0;
    bool process = argc > 2 && !physical && parse_u32(argv[1], false, &pid) && pid <= PID_MAX;
    const char *address = argc > 1 ? argv[physical || process ? 2 : 1] : "nothing";
    if (process) {
        t->whose = PROCESS;
        t->space = space_find(pid);
        if (t->space == NULL) {
            print(out, "%s: %s: expected the pid of a running program; ps lists them\n", argv[0], argv[1]);
            return 0;
        }
    } else if (physical) {
        t->whose = PHYSICAL;
    }
    bool good = argc > 1 && parse_address(address, &t->at);
    if (good && (t->whose != KERNEL || t->at >= KERNEL_BASE))
        return physical || process ? 2 : 1;
    print(out,
          "%s: %s: expected an address of the kernel, hexadecimal from %x on; phys and an address; or a pid "
          "and "
          "an address\n",
          argv[0], address, KERNEL_BASE);
    return 0;
}

static void complain(const struct target *t, uint32_t at, const char *why, struct printer *out)
{
    print(out, "%s: 0x%08x: %s\n", t->command, at, why);
}

/* ---- peek ---- */

static void print_line(uint32_t at, const char *bytes, uint32_t n, struct printer *out)
{
    print(out, "%08x ", at);
    for (uint32_t i = 0; i < PEEK_LINE; i++) {
        if (i < n)
            print(out, "%s%02x", i % 4 == 0 ? " " : "", (unsigned char)bytes[i]);
        else
            print(out, "%s  ", i % 4 == 0 ? " " : "");
    }
    print(out, "  |");
    for (uint32_t i = 0; i < n; i++)
        print(out, "%c", bytes[i] >= ' ' && bytes[i] < 127 ? bytes[i] : '.');
    print(out, "|\n");
}

static int peek_run(int argc, char **argv, struct printer *out)
{
    struct target t;
    uint32_t n = PEEK_DEFAULT;
    int used = parse_target(argc, argv, &t, out);
    if (used == 0)
        return 1;
    if (argc > used + 2 ||
        (argc == used + 2 && (!parse_u32(argv[used + 1], false, &n) || n == 0 || n > PEEK_MOST))) {
        print(out, "peek: %s: expected how many bytes, 1 to %d\n", argv[argc - 1], PEEK_MOST);
        return 1;
    }
    for (uint32_t at = t.at, left = n; left > 0;) {
        char why[80], line[PEEK_LINE];
        /* lines end at multiples of their length, and so within a page */
        uint32_t part = MIN(left, PEEK_LINE - at % PEEK_LINE);
        const char *page = page_at(&t, at, false, why, sizeof why);
        if (page == NULL) {
            complain(&t, at, why, out);
            return 1;
        }
        memcpy(line, page + at % PAGE_SIZE, part); /* printing may use the window */
        print_line(at, line, part, out);
        left -= part;
        at += part;
        if (at == 0) /* the last byte of all addresses */
            break;
    }
    return 0;
}

COMMAND_AT_STOP(
    peek, "[phys|PID] ADDR [BYTES]", "memory of the kernel, of the machine, of a program, in hexadecimal",
    peek_run, .words = "phys",
    .more = "  Addresses are hexadecimal, with or without 0x. Nothing is brought in: a page that is\n"
            "  not present is said to be in its slot, or never touched.\n"
            "  peek c0100000 32         the kernel, by its own addresses\n"
            "  peek phys b8000          physical memory: the screen\n"
            "  peek 1 0804a000 256      program 1, through its page table\n");

/* ---- poke ---- */

static int poke_run(int argc, char **argv, struct printer *out)
{
    struct target t;
    uint32_t value;
    char why[80];
    int used = parse_target(argc, argv, &t, out);
    if (used == 0)
        return 1;
    const char *size = argc > used + 2 ? argv[used + 2] : "word";
    bool byte = strcmp(size, "byte") == 0;
    if (argc < used + 2 || argc > used + 3 || (!byte && strcmp(size, "word") != 0) ||
        !parse_u32(argv[used + 1], false, &value) || (byte && value > UINT8_MAX)) {
        bool bad_size = !byte && argc == used + 3 && strcmp(size, "word") != 0;
        print(out, "poke: %s: expected a value, 0x12 or 18, and perhaps: byte (then it is at most 255)\n",
              argc < used + 2               ? "nothing"
              : argc > used + 3 || bad_size ? argv[argc - 1]
                                            : argv[used + 1]);
        return 1;
    }
    if (!byte && t.at % sizeof(uint32_t) != 0) {
        print(out, "poke: %s: expected a multiple of 4, or at the end: byte\n", argv[used]);
        return 1;
    }
    char *page = page_at(&t, t.at, true, why, sizeof why);
    if (page == NULL) {
        complain(&t, t.at, why, out);
        return 1;
    }
    volatile uint8_t *p = (volatile uint8_t *)(page + t.at % PAGE_SIZE);
    uint32_t before = byte ? *p : *(volatile uint32_t *)p;
    if (byte)
        *p = (uint8_t)value;
    else
        *(volatile uint32_t *)p = value;
    if (t.whose == PROCESS) /* as if it had written it itself: else an eviction could drop it */
        pmap_mark(&t.space->pmap, t.at, true);
    int digits = byte ? 2 : 8;
    print(out, "poke: 0x%08x: was 0x%0*x, is 0x%0*x\n", t.at, digits, before, digits, value);
    return 0;
}

COMMAND_AT_STOP(poke, "[phys|PID] ADDR VALUE [byte]", "change a 32-bit word, or a byte, of memory", poke_run,
                .words = "phys",
                .more =
                    "  As peek. A program's page must be present and writable, and counts as dirty then.\n"
                    "  poke 1 0804a000 0x12345678\n"
                    "  poke phys b8000 0x41 byte\n");
