/* SPDX-License-Identifier: MIT
 * The heap under random work: blocks of different life and size, each full of a pattern that is checked
 * before it goes. Shows how the strategies differ in the memory they need, and in the holes they leave. */
#include "user/rt/heap.h"
#include "lib/print.h"
#include "lib/string.h"
#include "user/rt/malloc.h"
#include "user/rt/program.h"
#include "user/rt/random.h"
#include "user/rt/sys.h"

const struct program program = {.name = "heap"};

enum {
    MAX_LIVE = 1000, /* blocks at once */
    DEFAULT_OPS = 20000,
    MAX_OPS = 100 * 1000 * 1000,
    CHECKS = 16, /* of the whole heap, in a run */
    TEETH = 8,
    UNIFORM_MAX = 1000, /* bytes */
};

/* How many blocks should live at step `i` of `ops`; a run is a walk around that number. */
static unsigned always_half(unsigned i UNUSED, unsigned ops UNUSED)
{
    return MAX_LIVE / 2;
}

/* i * MAX_LIVE / ops without 64-bit division. */
static unsigned share_of(unsigned i, unsigned ops)
{
    while (i > UINT32_MAX / MAX_LIVE) {
        i /= 2;
        ops /= 2;
    }
    return i * MAX_LIVE / MAX(ops, 1u);
}

static unsigned rising(unsigned i, unsigned ops)
{
    return share_of(i, ops);
}

static unsigned plateau(unsigned i, unsigned ops)
{
    unsigned up = share_of(i, ops / 4), down = share_of(ops - i, ops / 4);
    return MIN(MIN(up, down), (unsigned)MAX_LIVE);
}

/* Slowly up to all, at once down to a quarter. */
static unsigned teeth(unsigned i, unsigned ops)
{
    unsigned length = MAX(ops / TEETH, 1u), at = i % length;
    return at < length * 3 / 4 ? MAX_LIVE / 4 + share_of(at, length) : MAX_LIVE / 4;
}

static size_t uniform_size(struct random *r)
{
    return random_below(r, UNIFORM_MAX) + 1;
}

/* Small ones are common: each power of two half as common as the one before, from 16 bytes to 128 KiB; the
 * largest are mapped. */
static size_t exponential_size(struct random *r)
{
    unsigned power = 4 + (unsigned)__builtin_ctz(random_next(r) | 1u << 13);
    return (1u << power) + random_below(r, 1u << power);
}

static const struct workload {
    const char *name;
    unsigned (*target)(unsigned i, unsigned ops);
    size_t (*size)(struct random *r);
} workloads[] = {
    {"uniform", always_half, uniform_size}, {"exponential", always_half, exponential_size},
    {"ramp", rising, exponential_size},     {"plateau", plateau, exponential_size},
    {"sawtooth", teeth, exponential_size},
};

/* ---- the command line ---- */

static struct {
    const char *strategy; /* NULL: all */
    bool buddy;
    uint32_t ops, seed;
    const struct workload *work;
} wanted = {NULL, false, DEFAULT_OPS, 1, &workloads[1]};

static void print_out(struct printer *to UNUSED, const char *text, size_t len)
{
    printf("%.*s", (int)len, text);
}

static struct printer out = {print_out};

static NORETURN void bad_word(const char *word, const char *why)
{
    struct buffer_printer names;
    char text[80], all[240];
    buffer_printer_init(&names, text, sizeof text);
    fit_names(&names.to);
    int at = format(all, sizeof all, "[%s] [buddy] [ops=1..%u] [seed=1..%u]", text, MAX_OPS, UINT32_MAX);
    for (size_t i = 0; i < ARRAY_SIZE(workloads); i++)
        at += format(all + at, sizeof all - (size_t)at, "%s%s", i == 0 ? " [" : " ", workloads[i].name);
    format(all + at, sizeof all - (size_t)at, "]");
    printf("heap: %s: %s\n", word, why);
    usage(all);
}

static bool read_number(const char *word, const char *key, uint32_t high, uint32_t *value)
{
    size_t length = strlen(key);
    char why[40];
    if (strncmp(word, key, length) != 0)
        return false;
    if (!parse_u32(word + length, false, value) || *value < 1 || *value > high) {
        format(why, sizeof why, "expected a number from 1 to %u", high);
        bad_word(word, why);
    }
    return true;
}

static const struct workload *find_workload(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(workloads); i++)
        if (strcmp(workloads[i].name, name) == 0)
            return &workloads[i];
    return NULL;
}

static void read_word(const char *word)
{
    const struct workload *work = find_workload(word);
    if (read_number(word, "ops=", MAX_OPS, &wanted.ops) ||
        read_number(word, "seed=", UINT32_MAX, &wanted.seed))
        return;
    if (work != NULL)
        wanted.work = work;
    else if (strcmp(word, "buddy") == 0)
        wanted.buddy = true;
    else if (wanted.strategy != NULL || fit_find(word) == NULL)
        bad_word(word, fit_find(word) ? "one strategy is enough" : "no strategy, workload or option");
    else
        wanted.strategy = word;
}

/* What the environment says counts unless the command line names a strategy. */
static void read_environment(char **envp)
{
    if (heap_use_environment(envp) != 0) {
        while (strncmp(*envp, "HEAP=", 5) != 0)
            envp++;
        bad_word(*envp, "expected HEAP=STRATEGY or HEAP=STRATEGY,buddy");
    }
    struct heap_figures f = heap_figures();
    wanted.strategy = f.strategy;
    wanted.buddy = f.buddy;
}

/* ---- work ---- */

static struct item {
    uint32_t *p;
    size_t size;
    uint32_t pattern;
} items[MAX_LIVE];

static unsigned live;
static struct random r;

static void fill(struct item *it)
{
    it->pattern = random_next(&r);
    for (size_t i = 0; i < it->size / sizeof *it->p; i++)
        it->p[i] = it->pattern + i;
    memset((char *)it->p + ALIGN_DOWN(it->size, sizeof *it->p), (int)it->pattern, it->size % sizeof *it->p);
}

/* => the first `size` bytes are as they were filled */
static bool intact(const struct item *it, size_t size)
{
    size_t whole = ALIGN_DOWN(it->size, sizeof *it->p);
    for (size_t i = 0; i < MIN(size, whole) / sizeof *it->p; i++)
        if (it->p[i] != it->pattern + i)
            return false;
    for (size_t i = whole; i < MIN(size, it->size); i++)
        if (((const uint8_t *)it->p)[i] != (uint8_t)it->pattern)
            return false;
    return true;
}

static void expect_intact(const struct item *it, size_t size)
{
    if (!intact(it, size))
        fail("content of %zu bytes at %p changed", it->size, (void *)it->p);
}

static void expect_check(void)
{
    if (!heap_check(&out))
        fail("the heap is broken");
}

static void allocate(size_t size)
{
    struct item *it = &items[live++];
    it->size = size;
    it->p = malloc(size);
    if (it->p == NULL)
        fail("no memory for %zu bytes", size);
    fill(it);
}

static void change(struct item *it, size_t size)
{
    it->p = realloc(it->p, size);
    if (it->p == NULL)
        fail("no memory for %zu bytes", size);
    expect_intact(it, size);
    it->size = size;
    fill(it);
}

static void release(struct item *it)
{
    expect_intact(it, it->size);
    free(it->p);
    *it = items[--live];
}

/* One operation in eight is a realloc. */
static void step(const struct workload *work, unsigned target)
{
    if (live > 0 && random_below(&r, 8) == 0)
        change(&items[random_below(&r, live)], work->size(&r));
    else if (live == 0 || (live < MAX_LIVE && random_below(&r, 2 * target + 1) >= live))
        allocate(work->size(&r));
    else
        release(&items[random_below(&r, live)]);
}

/* ---- what it shows ---- */

enum { KIB = 1024 };

static void print_head(void)
{
    printf("%-12s %8s %9s %9s %6s %7s %7s %9s %9s %9s\n", "strategy", "ops", "live KiB", "heap KiB", "ratio",
           "blocks", "holes", "largest", "external", "internal");
}

/* The peaks of the run, and the state at its end, with all its blocks. */
static void print_row(const struct heap_figures *f)
{
    char name[20];
    uint32_t external = heap_external(f), internal = heap_internal(f);
    uint32_t ratio = f->peak_size / (f->peak_requested / 100 + 1);
    format(name, sizeof name, "%s%s", f->strategy, f->buddy ? ",buddy" : "");
    printf("%-13s %7u %9zu %9zu %3u.%02u %7zu %7zu %9zu %7u.%u%% %7u.%u%%\n", name, (unsigned)wanted.ops,
           f->peak_requested / KIB, f->peak_size / KIB, ratio / 100, ratio % 100,
           f->blocks + f->mapped_blocks, f->holes, f->largest, external / 10, external % 10, internal / 10,
           internal % 10);
}

/* => the heap is empty again */
static void run(const char *strategy, bool buddy, bool show_blocks)
{
    if (heap_use(strategy, buddy) != 0)
        fail("heap_use %s", strategy);
    r.state = wanted.seed;
    unsigned each = MAX(wanted.ops / CHECKS, 1u);
    for (unsigned i = 0; i < wanted.ops; i++) {
        step(wanted.work, wanted.work->target(i, wanted.ops));
        if (i % each == 0)
            expect_check();
    }
    struct heap_figures f = heap_figures();
    if (show_blocks)
        heap_print(&out);
    else
        print_row(&f);
    while (live > 0)
        release(&items[live - 1]);
    expect_check();
    f = heap_figures();
    if (f.used + f.requested + f.mapped > 0 || f.size >= HEAP_TRIM + HEAP_GROW)
        fail("%zu bytes are still in use, %zu in the heap", f.used + f.mapped, f.size);
}

int main(int argc, char **argv, char **envp)
{
    read_environment(envp);
    const char *environment = wanted.strategy;
    wanted.strategy = NULL;
    for (int i = 1; i < argc; i++)
        read_word(argv[i]);
    if (wanted.strategy == NULL)
        wanted.strategy = environment;
    printf("heap: workload=%s ops=%u seed=%u\n", wanted.work->name, (unsigned)wanted.ops,
           (unsigned)wanted.seed);
    if (wanted.strategy != NULL) {
        run(wanted.strategy, wanted.buddy, true);
        return ok("strategy=%s%s", wanted.strategy, wanted.buddy ? ",buddy" : "");
    }
    print_head();
    unsigned runs = 0;
    for (unsigned buddy = wanted.buddy; buddy < 2; buddy++)
        for (uint32_t i = 0; i < fit_count; i++, runs++)
            run(fit_table[i]->name, buddy, false);
    return ok("strategies=%u", runs);
}
