/* SPDX-License-Identifier: MIT
 * Breaking the kernel on purpose, so that its last words can be tested and studied. */
#include "arch/x86/io.h"
#include "kernel/panic.h"
#include "lib/command.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/types.h"

extern char __text_start[];

/* Takes stack until the guard page stops it. */
static NOINLINE void overflow_stack(void)
{
    for (;;)
        __asm__ volatile("push $0");
}

static NOINLINE void write_to(void *address)
{
    *(volatile char *)address = 0;
}

static int run(int argc, char **argv, struct printer *out)
{
    const char *what = argc == 2 ? argv[1] : "";
    if (strcmp(what, "panic") == 0) {
        panic("provoked: 2 + 2 is %d, expected 5", 4);
    } else if (strcmp(what, "null") == 0) {
        volatile uintptr_t zero = 0;
        write_to((void *)zero);
    } else if (strcmp(what, "write-text") == 0) {
        write_to(__text_start);
    } else if (strcmp(what, "undefined") == 0) {
        __asm__ volatile("ud2");
    } else if (strcmp(what, "stack") == 0) {
        overflow_stack();
    } else if (strcmp(what, "double-fault") == 0) {
        /* a page fault that cannot be pushed: the stack pointer leads nowhere */
        __asm__ volatile("mov $0x1000, %esp; push %eax");
    } else if (strcmp(what, "double-free") == 0) {
        struct frame *f = buddy_alloc(0, ALLOC_KERNEL);
        if (f != NULL) {
            buddy_free(f);
            buddy_free(f);
        }
    } else if (strcmp(what, "hang") == 0) {
        for (;;)
            cpu_relax();
    }
    print(out,
          "provoke: expected panic, null, write-text, undefined, stack, double-fault, double-free or hang\n");
    return 1;
}

COMMAND(provoke, "WHAT", "break the kernel on purpose, to see its last words", run);
