/* SPDX-License-Identifier: MIT
 * The pt command: page tables as the MMU sees them. Says the same as the gdb command pte, in the same words.
 */
#include "arch/x86/paging.h"
#include "lib/command.h"
#include "mm/dump.h"
#include "mm/port.h"

enum { ENTRIES = 1024, PDE_SPAN = PAGE_SIZE * ENTRIES };

/* ---- one walk ---- */

/* Bits by name, in their order in the entry (Intel SDM 3A, 4.3). */
struct bit {
    uint32_t mask;
    const char *name;
};
#define COMMON_BITS                                                               \
    {X86_P, "P"}, {X86_W, "W"}, {X86_U, "U"}, {X86_PWT, "PWT"}, {X86_PCD, "PCD"}, \
    {                                                                             \
        X86_A, "A"                                                                \
    }
static const struct bit table_bits[] = {COMMON_BITS, {X86_PS, "PS"}, {0, NULL}};
static const struct bit large_bits[] = {COMMON_BITS, {X86_D, "D"}, {X86_PS, "PS"}, {X86_G, "G"}, {0, NULL}};
static const struct bit page_bits[] = {COMMON_BITS, {X86_D, "D"}, {X86_PAT, "PAT"}, {X86_G, "G"}, {0, NULL}};

static bool is_large(uint32_t pde)
{
    return (pde & (X86_P | X86_PS)) == (X86_P | X86_PS);
}

static void print_bits(uint32_t raw, const struct bit *bits, struct printer *out)
{
    if (!(raw & X86_P)) {
        print(out, "P=0");
        if (raw & X86_SWAPPED)
            print(out, " swapped=1 slot=%u", raw >> X86_SLOT_SHIFT);
        return;
    }
    for (const struct bit *b = bits; b->name != NULL; b++)
        print(out, "%s%s=%d", b == bits ? "" : " ", b->name, (raw & b->mask) != 0);
    print(out, " software=%u", raw / X86_SOFTWARE % 8);
}

/* What the bits say together. */
static void print_words(uint32_t raw, bool directory, struct printer *out)
{
    bool table = directory && !is_large(raw);
    if (!(raw & X86_P)) {
        if (raw & X86_SWAPPED)
            print(out, "not present: in slot %u\n", raw >> X86_SLOT_SHIFT);
        else
            print(out, "not present: %s\n", directory ? "no page table" : "never touched, or dropped clean");
        return;
    }
    print(out, "present, %s, %s", raw & X86_W ? "writable" : "read-only",
          raw & X86_U ? "user" : "kernel only");
    if (table)
        print(out, ", page table in frame %#x\n", raw / PAGE_SIZE);
    else
        print(out, ", %s, %s, %s %#x\n", raw & X86_A ? "accessed" : "not accessed",
              raw & X86_D ? "dirty" : "clean", directory ? "4 MiB page from frame" : "frame",
              raw / PAGE_SIZE);
}

static void print_entry(const char *kind, uint32_t raw, paddr_t at, struct printer *out)
{
    bool directory = kind[1] == 'D';
    print(out, "%s  0x%08x at 0x%08x  ", kind, raw, at);
    print_bits(raw, !directory ? page_bits : is_large(raw) ? large_bits : table_bits, out);
    print(out, "\n     ");
    print_words(raw, directory, out);
}

static void print_region(struct space *s, vaddr_t va, struct printer *out)
{
    const struct region *r = region_find(&s->regions, va);
    if (r == NULL) {
        print(out, "     in no region: an access is refused, unless a stack grows to it\n");
        return;
    }
    char rights[REGION_RIGHTS];
    print(out, "     in region 0x%08x-0x%08x %s %s\n", r->start, r->end, region_rights(r, rights), r->name);
}

static void print_walk(struct space *s, vaddr_t va, struct printer *out)
{
    const uint32_t *root = s->pmap.root;
    uint32_t pde = root[va / PDE_SPAN], index = va / PAGE_SIZE % ENTRIES;
    struct pte pte = pmap_lookup(&s->pmap, va);
    print(out, "va   0x%08x = directory entry %u, table entry %u, offset %#x; cr3 0x%08x\n", va,
          va / PDE_SPAN, index, va % PAGE_SIZE, s->pmap.root_pa);
    print_entry("PDE", pde, s->pmap.root_pa + va / PDE_SPAN * (uint32_t)sizeof pde, out);
    if ((pde & X86_P) && !is_large(pde)) {
        paddr_t table = pde & X86_FRAME_MASK;
        print_entry("PTE", ((const uint32_t *)phys_to_ptr(table))[index],
                    table + index * (uint32_t)sizeof pde, out);
    }
    if (va < USER_END)
        print_region(s, va, out);
    if (pte.state == PTE_PRESENT && pte.pfn.n < frame_table_count && va < USER_END) {
        print(out, "frame %#x: ", pte.pfn.n);
        dump_frame_words(frame_of(pte.pfn), out);
    }
}

/* ---- the whole table, folded ---- */

/* Neighbouring entries that differ in nothing but where the page is, and whether it was used. */
struct run {
    vaddr_t start;
    uint32_t count, accessed, dirty;
    uint32_t key;         /* what is the same in all of them */
    uint32_t first, last; /* frame or slot of the first and of the last one */
    bool consecutive;     /* so far each frame or slot is the one after the last */
};

enum { KEY_ZEROS = X86_D }; /* in a key: the page of zeros. Nothing else there uses the bit */

static uint32_t key_of(uint32_t raw)
{
    if (!(raw & X86_P))
        return raw & X86_SWAPPED;
    bool zeros = raw / PAGE_SIZE == frame_pfn(zero_frame).n;
    return (raw & (X86_P | X86_W | X86_U | X86_PWT | X86_PCD | X86_G)) | (zeros ? KEY_ZEROS : 0);
}

static uint32_t place_of(uint32_t raw)
{
    return raw & X86_P ? raw / PAGE_SIZE : raw >> X86_SLOT_SHIFT;
}

static void print_places(const struct run *r, const char *one, struct printer *out)
{
    bool hex = (r->key & X86_P) != 0; /* frames; slots are decimal */
    if (r->first == r->last && hex)
        print(out, "%s=%#x", one, r->first);
    else if (r->first == r->last)
        print(out, "%s=%u", one, r->first);
    else if (!r->consecutive)
        print(out, "%ss=scattered", one);
    else if (hex)
        print(out, "%ss=%#x..%#x", one, r->first, r->last);
    else
        print(out, "%ss=%u..%u", one, r->first, r->last);
}

static void print_run(const struct run *r, struct printer *out)
{
    if (r->count == 0 || r->key == 0)
        return;
    print(out, "  0x%08x-0x%08x %5u ", r->start, r->start + r->count * PAGE_SIZE, r->count);
    if (r->key & X86_SWAPPED && !(r->key & X86_P)) {
        print(out, "swapped ");
        print_places(r, "slot", out);
    } else {
        print(out, "present %s %s accessed=%u dirty=%u ", r->key & X86_W ? "writable " : "read-only",
              r->key & X86_U ? "user" : "kernel only", r->accessed, r->dirty);
        print_places(r, "frame", out);
        if (r->key & KEY_ZEROS)
            print(out, " (the page of zeros)");
    }
    print(out, "\n");
}

static void add_entry(struct run *r, vaddr_t va, uint32_t raw, struct printer *out)
{
    uint32_t key = key_of(raw), place = place_of(raw);
    if (r->count == 0 || key != r->key) {
        print_run(r, out);
        *r = (struct run){.start = va, .key = key, .first = place, .last = place - 1, .consecutive = true};
    }
    r->consecutive &= place == r->last + 1;
    r->last = place;
    r->count++;
    r->accessed += (raw & (X86_P | X86_A)) == (X86_P | X86_A);
    r->dirty += (raw & (X86_P | X86_D)) == (X86_P | X86_D);
}

static void print_table(const uint32_t *table, vaddr_t start, struct printer *out)
{
    struct run r = {0};
    for (uint32_t i = 0; i < ENTRIES; i++)
        add_entry(&r, start + i * PAGE_SIZE, table[i], out);
    print_run(&r, out);
}

static void print_tables(const struct space *s, struct printer *out)
{
    const uint32_t *root = s->pmap.root;
    print(out, "pid %u: cr3 0x%08x, %u frames of tables, %u pages present, %u swapped\n", s->pmap.tag,
          s->pmap.root_pa, s->pmap.tables, s->pmap.resident, s->pmap.swapped);
    for (uint32_t i = 0; i < KERNEL_BASE / PDE_SPAN; i++) {
        uint32_t pde = root[i];
        if (!(pde & X86_P))
            continue;
        print(out, "PDE %3u 0x%08x  0x%08x  ", i, i * PDE_SPAN, pde);
        print_words(pde, true, out);
        if (!is_large(pde))
            print_table(phys_to_ptr(pde & X86_FRAME_MASK), i * PDE_SPAN, out);
    }
    print(out, "PDE %u to %u: the kernel's, the same in every address space\n", KERNEL_BASE / PDE_SPAN,
          ENTRIES - 1);
}

static int command_run(int argc, char **argv, struct printer *out)
{
    uint32_t pid, va;
    struct space *s = argc > 1 && parse_u32(argv[1], false, &pid) ? space_find(pid) : NULL;
    if (argc > 3 || s == NULL) {
        print(out,
              "pt: %s: expected the pid of a running program, and perhaps an address; ps lists programs\n",
              argc > 3   ? argv[3]
              : argc > 1 ? argv[1]
                         : "nothing");
        return 1;
    }
    if (argc == 3 && !parse_address(argv[2], &va)) {
        print(out, "pt: %s: expected an address, hexadecimal: 0804a000 or 0x804a000\n", argv[2]);
        return 1;
    }
    if (argc == 3)
        print_walk(s, va, out);
    else
        print_tables(s, out);
    return 0;
}

static void command_complete(int argc, char **argv UNUSED, struct completion *c)
{
    char pid[16];
    list_for_each (n, &all_spaces) {
        format(pid, sizeof pid, "%u", container_of(n, struct space, link)->pmap.tag);
        if (argc == 1)
            complete_offer(c, pid);
    }
}

COMMAND_AT_STOP(
    pt, "PID [VA]", "a program's page tables, folded; the walk to one address, with each bit named",
    command_run, .complete = command_complete,
    .more = "  Folded: a line for each directory entry and for each run of entries in one state. VA is\n"
            "  hexadecimal. The bits of an entry:\n"
            "    P present   W writable   U user   PWT write-through   PCD cache off   A accessed\n"
            "    D dirty   PS 4 MiB page   PAT memory type   G global   software: three bits for us\n"
            "  of one that is not present: swapped, and the slot.\n"
            "  pt 1\n"
            "  pt 1 0804a000\n");
