/* SPDX-License-Identifier: MIT
 * ELF (System V ABI, Intel386 supplement): checking a program, mapping its segments, and laying out the
 * first stack as Linux does: argc, argv, envp, auxiliary vector, then the strings. */
#include "kernel/elf.h"
#include "lib/errno.h"
#include "lib/random.h"
#include "lib/string.h"

struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version, entry, phoff, shoff, flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct program_header {
    uint32_t type, offset, vaddr, paddr, filesz, memsz, flags, align;
};

enum {
    ELF_CLASS_32 = 1,
    ELF_LITTLE_ENDIAN = 1,
    ELF_EXECUTABLE = 2,
    ELF_386 = 3,
    PT_LOAD = 1,
    PT_INTERP = 3,
    PF_X = 1,
    PF_W = 2,
    PF_R = 4,
    PHNUM_MAX = 32,
    STACK_PAGES = 33, /* at first; it grows, see space_grow_stack. Linux starts with 132 KiB too */
};

enum auxiliary {
    AT_NULL,
    AT_PHDR = 3,
    AT_PHENT,
    AT_PHNUM,
    AT_PAGESZ,
    AT_BASE,
    AT_FLAGS,
    AT_ENTRY,
    AT_UID = 11,
    AT_EUID,
    AT_GID,
    AT_EGID,
    AT_CLKTCK = 17,
    AT_SECURE = 23,
    AT_RANDOM = 25,
    AT_EXECFN = 31
};

static int32_t reject(const struct file *f, struct printer *out, const char *why)
{
    print(out, "%s: cannot run: %s\n", f->name, why);
    return -ENOEXEC;
}

static int32_t check_header(const struct file *f, struct printer *out)
{
    const struct elf_header *h = f->data;
    if (f->size < sizeof *h || memcmp(h->ident, "\177ELF", 4) != 0)
        return reject(f, out, "not an ELF file");
    if (h->ident[4] != ELF_CLASS_32 || h->ident[5] != ELF_LITTLE_ENDIAN || h->machine != ELF_386)
        return reject(f, out, "not for i386 (expected 32-bit little-endian, machine 3)");
    if (h->type != ELF_EXECUTABLE)
        return reject(f, out, "not a fixed-address executable (expected static, no PIE)");
    if (h->phnum == 0 || h->phnum > PHNUM_MAX || h->phentsize != sizeof(struct program_header) ||
        h->phoff % 4 != 0 || h->phoff > f->size ||
        h->phnum * sizeof(struct program_header) > f->size - h->phoff)
        return reject(f, out, "its program headers are malformed or outside the file");
    return 0;
}

static const struct program_header *headers(const struct file *f)
{
    const struct elf_header *h = f->data;
    return (const struct program_header *)((const char *)f->data + h->phoff);
}

static enum vm_result map_file(const struct file *f, struct space *s, struct region *r)
{
    r->object = initrd_object(f);
    if (r->object == NULL)
        return VM_NO_MEMORY;
    enum vm_result result = space_map(s, r);
    if (result != VM_OK)
        object_unref(r->object);
    return result;
}

/* From `at` to the end of its page. */
static enum vm_result zero_tail(struct space *s, vaddr_t at)
{
    static const char zeros[256];
    enum vm_result r = VM_OK;
    for (uint32_t n; at % PAGE_SIZE != 0 && r == VM_OK; at += n) {
        n = MIN(PAGE_SIZE - at % PAGE_SIZE, (uint32_t)sizeof zeros);
        r = space_copy_out(s, at, zeros, n);
    }
    return r;
}

static int32_t map_segment(const struct file *f, const struct program_header *ph, struct space *s,
                           vaddr_t *top, struct printer *out)
{
    uint32_t skew = ph->vaddr % PAGE_SIZE;
    if (ph->filesz > ph->memsz || ph->offset > f->size || ph->filesz > f->size - ph->offset)
        return reject(f, out, "a segment lies outside the file");
    if (ph->offset % PAGE_SIZE != skew)
        return reject(f, out, "a segment's address and offset differ within the page");
    if (ph->vaddr < USER_START || ph->vaddr >= USER_END || ph->memsz > USER_END - ph->vaddr)
        return reject(f, out, "a segment lies outside the user addresses");
    vaddr_t start = ph->vaddr - skew;
    vaddr_t file_end = ALIGN_UP(ph->vaddr + ph->filesz, (vaddr_t)PAGE_SIZE);
    vaddr_t end = ALIGN_UP(ph->vaddr + ph->memsz, (vaddr_t)PAGE_SIZE);
    if (ph->filesz == 0)
        file_end = start;
    *top = MAX(*top, end);
    uint32_t prot = (ph->flags & PF_R ? VM_READ : 0) | (ph->flags & PF_W ? VM_READ | VM_WRITE : 0) |
                    (ph->flags & PF_X ? VM_READ | VM_EXEC : 0);
    const char *name = ph->flags & PF_W ? "data" : ph->flags & PF_X ? "text" : "rodata";
    struct region bytes = {
        .start = start, .end = file_end, .prot = prot, .name = name, .offset = ph->offset - skew};
    struct region rest = {.start = file_end, .end = end, .prot = prot, .name = "bss"};
    enum vm_result r = VM_OK;
    if (file_end > start)
        r = map_file(f, s, &bytes);
    if (r == VM_OK && end > file_end)
        r = space_map(s, &rest);
    /* the file goes on behind the segment's bytes: what the program sees there must be zeros */
    if (r == VM_OK && (prot & VM_WRITE) && file_end > start)
        r = zero_tail(s, ph->vaddr + ph->filesz);
    if (r == VM_OK)
        return 0;
    if (r == VM_EXISTS)
        return reject(f, out, "two segments share a page");
    reject(f, out, "no memory for its segments");
    return -ENOMEM;
}

static int32_t map_segments(const struct file *f, struct space *s, vaddr_t *phdr, struct printer *out)
{
    const struct elf_header *h = f->data;
    const struct program_header *ph = headers(f);
    vaddr_t top = 0;
    bool entry_ok = false;
    *phdr = 0;
    for (uint32_t i = 0; i < h->phnum; i++) {
        if (ph[i].type == PT_INTERP)
            return reject(f, out, "it needs a dynamic linker (expected a static program)");
        if (ph[i].type != PT_LOAD || ph[i].memsz == 0)
            continue;
        int32_t err = map_segment(f, &ph[i], s, &top, out);
        if (err != 0)
            return err;
        if (h->phoff >= ph[i].offset && h->phoff - ph[i].offset < ph[i].filesz)
            *phdr = ph[i].vaddr + (h->phoff - ph[i].offset);
        entry_ok |= (ph[i].flags & PF_X) && h->entry >= ph[i].vaddr && h->entry - ph[i].vaddr < ph[i].memsz;
    }
    if (!entry_ok)
        return reject(f, out, "its entry point is in no executable segment");
    s->brk_start = s->brk = top;
    return 0;
}

/* Writes to the new stack, downwards. The first failure sticks. */
struct stack {
    struct space *space;
    vaddr_t sp;
    enum vm_result result;
};

static vaddr_t push(struct stack *k, const void *data, uint32_t n)
{
    k->sp -= n;
    if (k->result == VM_OK)
        k->result = space_copy_out(k->space, k->sp, data, n);
    return k->sp;
}

/* From the top: the file's name, random bytes, then what args_push lays out. */
static enum vm_result build_stack(const struct file *f, struct space *s, const struct args *args,
                                  vaddr_t phdr, vaddr_t *sp)
{
    const struct elf_header *h = f->data;
    struct stack k = {s, USER_END, VM_OK};
    vaddr_t execfn = push(&k, f->name, strlen(f->name) + 1);
    uint32_t random[4], rng = 0x2545f491u ^ s->pmap.tag;
    for (size_t i = 0; i < ARRAY_SIZE(random); i++)
        random[i] = random_next(&rng);
    k.sp = ALIGN_DOWN(k.sp, 16u);
    vaddr_t random_at = push(&k, random, sizeof random);
    const uint32_t aux[][2] = {
        {AT_PHDR, phdr},      {AT_PHENT, sizeof(struct program_header)},
        {AT_PHNUM, h->phnum}, {AT_PAGESZ, PAGE_SIZE},
        {AT_BASE, 0},         {AT_FLAGS, 0},
        {AT_ENTRY, h->entry}, {AT_UID, 0},
        {AT_EUID, 0},         {AT_GID, 0},
        {AT_EGID, 0},         {AT_CLKTCK, 100},
        {AT_SECURE, 0},       {AT_RANDOM, random_at},
        {AT_EXECFN, execfn},  {AT_NULL, 0},
    };
    return k.result == VM_OK ? args_push(args, s, k.sp, aux, sizeof aux, sp) : k.result;
}

int32_t elf_load(const struct file *file, struct space *s, const struct args *args,
                 struct program_start *start, struct printer *out)
{
    vaddr_t phdr;
    int32_t err = check_header(file, out);
    if (err == 0)
        err = map_segments(file, s, &phdr, out);
    if (err != 0)
        return err;
    struct region stack = {.start = USER_END - STACK_PAGES * PAGE_SIZE,
                           .end = USER_END,
                           .prot = VM_READ | VM_WRITE,
                           .flags = REGION_GROWSDOWN,
                           .name = "stack"};
    if (space_map(s, &stack) != VM_OK) {
        reject(file, out, "no room for its stack");
        return -ENOMEM;
    }
    enum vm_result r = build_stack(file, s, args, phdr, &start->stack);
    if (r != VM_OK) {
        print(out, "%s: cannot run: its first stack page: out of memory or swap (%d)\n", file->name, r);
        return -ENOMEM;
    }
    start->entry = ((const struct elf_header *)file->data)->entry;
    return 0;
}
