/* SPDX-License-Identifier: MIT
 * Does one forbidden thing and must die of it, alone. Executing data is left out: without the NX bit,
 * which 32-bit paging lacks, that is allowed. */
#include "lib/string.h"
#include "user/rt/program.h"
#include "user/rt/sys.h"

const struct program program = {.name = "crash"};

enum { KERNEL_BASE = 0xc0000000, WILD = 0x5a5a5a58, FRAME = 512 };

/* An address that the compiler cannot see through, or it would know what follows. */
static volatile uint32_t *address(uintptr_t at)
{
    __asm__("" : "+r"(at));
    return (volatile uint32_t *)at;
}

static void read_null(void)
{
    (void)*address(0);
}

static void read_kernel(void)
{
    (void)*address(KERNEL_BASE);
}

static void write_kernel(void)
{
    *address(KERNEL_BASE) = 1;
}

static void write_text(void)
{
    *address((uintptr_t)main) = 1;
}

static void write_wild(void)
{
    *address(WILD) = 1;
}

static void jump_null(void)
{
    __asm__ volatile("call *%0" : : "r"(address(0)) : "memory");
}

static void divide(void)
{
    __asm__ volatile("divl %2" : : "a"(1), "d"(0), "r"(0) : "cc");
}

static void undefined(void)
{
    __asm__ volatile("ud2");
}

static void privileged(void)
{
    __asm__ volatile("cli");
}

static void breakpoint(void)
{
    __asm__ volatile("int3");
}

/* Ends only where the stack does; the return value keeps each frame alive. */
static unsigned descend(unsigned depth)
{
    volatile char frame[FRAME];
    frame[depth % FRAME] = 1;
    return depth == UINT32_MAX ? 0 : descend(depth + 1) + (unsigned)frame[0];
}

static void overflow_stack(void)
{
    descend(0);
}

static const struct {
    const char *kind;
    void (*run)(void);
} kinds[] = {
    {"null", read_null},        {"read-kernel", read_kernel}, {"write-kernel", write_kernel},
    {"write-text", write_text}, {"wild", write_wild},         {"jump-null", jump_null},
    {"div0", divide},           {"ud2", undefined},           {"priv", privileged},
    {"stack", overflow_stack},  {"int3", breakpoint},
};

int main(int argc, char **argv, char **envp UNUSED)
{
    for (size_t i = 0; argc == 2 && i < ARRAY_SIZE(kinds); i++)
        if (strcmp(argv[1], kinds[i].kind) == 0) {
            printf("crash: about to %s\n", kinds[i].kind);
            kinds[i].run();
            fail("survived kind=%s", kinds[i].kind);
        }
    usage("null|read-kernel|write-kernel|write-text|wild|jump-null|div0|ud2|priv|stack|int3");
}
