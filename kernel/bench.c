/* SPDX-License-Identifier: MIT
 * The bench command: what the basic operations cost, in ticks of the TSC. Under -icount shift=0 a tick is
 * an instruction. First the floors, measured here: what no kernel on this machine can go below. Then what
 * a program sees, measured by user/bench.c from ring 3. */
#include "kernel/bench.h"
#include "arch/x86/io.h"
#include "kernel/monitor.h"
#include "kernel/proc.h"
#include "kernel/run.h"
#include "lib/command.h"
#include "lib/lz4.h"
#include "lib/page.h"
#include "lib/panic.h"
#include "lib/random.h"
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
void bench_sort(uint32_t *v, uint32_t n)
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
    bench_sort(samples, ROUNDS);
}

static void print_line(struct printer *out, const char *name, const uint32_t samples[ROUNDS],
                       uint32_t overhead, const char *what)
{
    print(out, "bench name=%s median=%u p99=%u n=%u unit=ticks what=\"%s\"\n", name,
          samples[ROUNDS / 2] - overhead, samples[ROUNDS * 99 / 100] - overhead, ROUNDS, what);
}

/* ---- LZ4, on pages that compress very well, well, by half and not at all ---- */

static void fill_text(void *page)
{
    static const char *const words[] = {"page",   "frame", "slot",  "fault",
                                        "victim", "clean", "dirty", "swapped"};
    uint32_t rng = 1;
    char *at = page, *end = at + PAGE_SIZE;
    while (end - at > 1)
        at += MIN(format(at, (size_t)(end - at), "%s %u ", words[random_below(&rng, ARRAY_SIZE(words))],
                         random_below(&rng, 100)),
                  end - at - 1);
}

static void fill_records(void *page)
{
    struct record {
        uint32_t key, index, kind, zero;
    } *record = page;
    uint32_t rng = 1;
    for (uint32_t i = 0; i < PAGE_SIZE / sizeof *record; i++)
        record[i] = (struct record){random_next(&rng), i, random_below(&rng, 16), 0};
}

static void fill_random(void *page)
{
    uint32_t rng = 1, *word = page;
    for (uint32_t i = 0; i < PAGE_SIZE / sizeof *word; i++)
        word[i] = random_next(&rng);
}

static const struct {
    const char *name;
    void (*fill)(void *page);
} lz4_pages[] = {
    {"zeros", page_zero}, {"text", fill_text}, {"records", fill_records}, {"random", fill_random}};

static struct lz4_table lz4_table;
static uint32_t lz4_bytes;

static void compress(void *to, void *from)
{
    lz4_bytes = lz4_compress(&lz4_table, from, PAGE_SIZE, to, PAGE_SIZE);
}

static void decompress(void *to, void *from)
{
    if (lz4_decompress(from, lz4_bytes, to, PAGE_SIZE) != PAGE_SIZE)
        panic("bench: lz4 cannot read what it wrote");
}

static void bench_lz4(struct printer *out, void *a, void *b, uint32_t overhead)
{
    uint32_t samples[ROUNDS];
    char what[48];
    for (size_t i = 0; i < ARRAY_SIZE(lz4_pages); i++) {
        lz4_pages[i].fill(a);
        measure(compress, b, a, samples);
        if (lz4_bytes > 0)
            format(what, sizeof what, "a page of %s to %u bytes", lz4_pages[i].name, lz4_bytes);
        else
            format(what, sizeof what, "a page of %s, in vain", lz4_pages[i].name);
        print_line(out, "lz4-compress", samples, overhead, what);
        if (lz4_bytes > 0) {
            measure(decompress, a, b, samples);
            print_line(out, "lz4-decompress", samples, overhead, what);
        }
    }
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
        print_line(out, floors[i].name, samples, overhead, floors[i].what);
    }
    bench_lz4(out, frame_ptr(a), frame_ptr(b), overhead);
    buddy_free(a);
    buddy_free(b);
    return 0;
}

/* A command line, run without a summary. */
static int run_line(const char *text, struct printer *out)
{
    char line[64], *argv[12];
    str_copy(line, sizeof line, text);
    return run_programs(command_split(line, argv, ARRAY_SIZE(argv)), argv,
                        &(struct run_options){.summary = false}, out);
}

static int bench_command(int argc, char **argv, struct printer *out)
{
    char faults[64];
    bool verify = swap_verify;
    if (argc > 1 && strcmp(argv[1], "alloc") == 0)
        return bench_alloc(argc - 1, argv + 1, out);
    if (argc > 1) {
        print(out, "bench: \"%s\": expected nothing, or alloc\n", argv[1]);
        return 1;
    }
    if (proc_count() > 0) { /* pages that others write while checksums are off would seem corrupt later */
        print(out, "bench: %u programs are running; wait for them, or kill them\n", proc_count());
        return 1;
    }
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

COMMAND(bench, "[alloc [LIVE...]]",
        "cost of the basic operations, or of the allocators with so many live blocks; meant for -icount and "
        "log=quiet",
        bench_command, .words = "alloc");
