/* SPDX-License-Identifier: MIT
 * The bench command: what the basic operations cost, in ticks of the TSC. Under -icount shift=0 a tick is
 * an instruction. First the floors, measured here: what no kernel on this machine can go below. Then what
 * a program sees, measured by user/bench.c from ring 3. */
#include "arch/x86/io.h"
#include "kernel/monitor.h"
#include "kernel/run.h"
#include "lib/command.h"
#include "lib/page.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/swap.h"

enum { ROUNDS = 101 };

static void trap_floor(void *a UNUSED, void *b UNUSED)
{
    __asm__ volatile("int $0x81" : : : "memory");
}

static void copy_floor(void *a, void *b)
{
    memcpy(a, b, PAGE_SIZE);
}

static void zero_floor(void *a, void *b UNUSED)
{
    memset(a, 0, PAGE_SIZE);
}

static void copy_sum(void *a, void *b)
{
    page_copy_sum(a, b);
}

static void copy(void *a, void *b)
{
    page_copy(a, b);
}

static void zero(void *a, void *b UNUSED)
{
    page_zero(a);
}

static void nothing(void *a UNUSED, void *b UNUSED)
{
}

static const struct {
    const char *name, *what;
    void (*run)(void *a, void *b);
} floors[] = {
    {"floor-trap", "enter the kernel, save and restore all registers, return", trap_floor},
    {"floor-copy", "copy a page with rep movsl", copy_floor},
    {"floor-zero", "zero a page with rep stosl", zero_floor},
    {"page-copy", "copy a page as the kernel does", copy},
    {"page-copy-sum", "copy a page and sum it", copy_sum},
    {"page-zero", "zero a page as the kernel does", zero},
};

/* Samples are few and the code is the same each time: an insertion sort will do. */
static void sort(uint32_t *v, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        uint32_t x = v[i], j = i;
        for (; j > 0 && v[j - 1] > x; j--)
            v[j] = v[j - 1];
        v[j] = x;
    }
}

static void measure(void (*run)(void *, void *), void *a, void *b, uint32_t samples[ROUNDS])
{
    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint64_t start = rdtsc();
        run(a, b);
        samples[i] = (uint32_t)(rdtsc() - start);
    }
    sort(samples, ROUNDS);
}

static int bench_floors(struct printer *out)
{
    struct frame *a = buddy_alloc(0, ALLOC_KERNEL), *b = buddy_alloc(0, ALLOC_KERNEL);
    if (a == NULL || b == NULL) {
        print(out, "bench: no memory for two pages\n");
        return 1;
    }
    uint32_t samples[ROUNDS];
    measure(nothing, NULL, NULL, samples);
    uint32_t overhead = samples[ROUNDS / 2];
    for (size_t i = 0; i < ARRAY_SIZE(floors); i++) {
        measure(floors[i].run, frame_ptr(a), frame_ptr(b), samples);
        print(out, "bench name=%s median=%u p99=%u n=%u unit=ticks what=\"%s\"\n", floors[i].name,
              samples[ROUNDS / 2] - overhead, samples[ROUNDS * 99 / 100] - overhead, ROUNDS, floors[i].what);
    }
    buddy_free(a);
    buddy_free(b);
    return 0;
}

/* A command line, run without a summary. */
static int run_line(const char *text, struct printer *out)
{
    char line[64], *argv[12];
    str_copy(line, sizeof line, text);
    return run_programs(command_split(line, argv, ARRAY_SIZE(argv)), argv, false, out);
}

static int bench_command(int argc UNUSED, char **argv UNUSED, struct printer *out)
{
    char faults[64];
    bool verify = swap_verify;
    format(faults, sizeof faults, "bench faults %u", main_pool.limit);
    int failed = bench_floors(out);
    failed |= run_line("bench syscall", out);
    failed |= run_line("bench yield 1000 & bench yield 1000 report", out);
    static const bool settings[] = {false, true};
    for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
        swap_verify = settings[i];
        print(out, "bench checksums=%s frames=%u policy=%s\n", swap_verify ? "on" : "off", main_pool.limit,
              main_pool.policy->name);
        failed |= run_line(faults, out);
    }
    swap_verify = verify;
    return failed;
}

COMMAND(bench, "", "cost of the basic operations; meant for -icount and log=quiet", bench_command);
