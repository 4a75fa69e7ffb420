/* SPDX-License-Identifier: MIT
 * Shows what the kernel put on the stack, arguments, environment and auxiliary vector, and checks what a C
 * library relies on. */
#include "lib/string.h"
#include "user/rt/program.h"
#include "user/rt/sys.h"

const struct program program = {.name = "args"};

void _start(void); /* in rt/start.S */

struct aux {
    unsigned type, value;
};

enum { AT_NULL = 0, AT_PHDR = 3, AT_PHENT = 4, AT_PHNUM = 5, AT_PAGESZ = 6, AT_ENTRY = 9, AT_RANDOM = 25 };
enum { AT_SHOWN = 32, PHDR_SIZE = 32, STACK_ALIGN = 16 };

/* Those that a static program may look at; others are the kernel's business. */
static const char *const names[AT_SHOWN] = {
    [AT_PHDR] = "AT_PHDR", [AT_PHENT] = "AT_PHENT", [AT_PHNUM] = "AT_PHNUM",   [AT_PAGESZ] = "AT_PAGESZ",
    [7] = "AT_BASE",       [8] = "AT_FLAGS",        [AT_ENTRY] = "AT_ENTRY",   [11] = "AT_UID",
    [12] = "AT_EUID",      [13] = "AT_GID",         [14] = "AT_EGID",          [16] = "AT_HWCAP",
    [17] = "AT_CLKTCK",    [23] = "AT_SECURE",      [AT_RANDOM] = "AT_RANDOM",
};

static unsigned values[AT_SHOWN];
static bool present[AT_SHOWN];

static void show(const struct aux *a)
{
    for (; a->type != AT_NULL; a++) {
        if (a->type >= AT_SHOWN || names[a->type] == NULL)
            continue;
        present[a->type] = true;
        values[a->type] = a->value;
        printf("%s=%#x\n", names[a->type], a->value);
    }
}

static void check(bool good, const char *what)
{
    if (!good)
        fail("%s", what);
}

int main(int argc, char **argv, char **envp)
{
    int env_count = 0;
    printf("argc=%d\n", argc);
    for (int i = 0; i < argc; i++)
        printf("argv[%d]=%s\n", i, argv[i]);
    while (envp[env_count] != NULL)
        env_count++;
    printf("envc=%d\n", env_count);
    show((const struct aux *)(envp + env_count + 1));

    check(argv[argc] == NULL, "argv is not ended by NULL");
    check((uintptr_t)(argv - 1) % STACK_ALIGN == 0, "the stack was not aligned to 16 at entry");
    check(present[AT_PHDR] && present[AT_PHENT] && present[AT_PHNUM], "no program headers in auxv");
    check(values[AT_PHENT] == PHDR_SIZE && values[AT_PHNUM] > 0, "AT_PHENT or AT_PHNUM is wrong");
    const unsigned *phdr = (const unsigned *)values[AT_PHDR];
    check(phdr[0] == 1 && phdr[2] == ((uintptr_t)phdr & -PAGE_SIZE), "AT_PHDR is not this program's");
    check(values[AT_PAGESZ] == PAGE_SIZE, "AT_PAGESZ is wrong");
    check(values[AT_ENTRY] == (uintptr_t)_start, "AT_ENTRY is not _start");
    check(present[AT_RANDOM], "no AT_RANDOM");
    char seed[16];
    memcpy(seed, (const void *)values[AT_RANDOM], sizeof seed); /* all 16 must be readable */
    __asm__ volatile("" : : "m"(seed));
    return ok("argc=%d", argc);
}
