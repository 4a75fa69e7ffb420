/* SPDX-License-Identifier: MIT
 * Executes a page-reference trace (lib/reftrace.h) as real loads and stores, and checks every value it loads.
 * The monitor's command `replay` starts it in a pool of its own, with all its regions locked: only the pages
 * of the trace, which it unlocks, compete for frames. */
#include "lib/print.h"
#include "lib/reftrace.h"
#include "lib/string.h"
#include "user/rt/program.h"
#include "user/rt/sys.h"

const struct program program = {"replay", {{0}}};

enum { O_RDONLY = 0, MCL_CURRENT = 1 };

/* What madvise knows beyond Linux's values: kernel/sys_mem.c. */
enum { MADV_EXACT = 0x464c0001, MADV_COUNT = 0x464c0003 };

static const struct reftrace *trace;
static uint32_t *expected; /* of each page's first word */
static volatile uint32_t *pages;

static void must(long result, const char *what)
{
    if (result < 0)
        fail("%s errno=%ld", what, -result);
}

static void open_trace(const char *path, uint32_t size)
{
    long fd = sys_call(SYS_OPEN, path, O_RDONLY);
    if (fd < 0)
        fail("cannot open %s errno=%ld", path, -fd);
    uintptr_t at = sys_mmap2(0, size, PROT_READ, MAP_PRIVATE, (int)fd, 0);
    if (sys_failed(at))
        fail("mmap2 trace errno=%d", -(int)at);
    trace = (const struct reftrace *)at;
}

/* The pages of the trace. Mapped without rights first, so that none comes in before they are unlocked. */
static void map_trace_pages(bool exact)
{
    size_t bytes = (size_t)trace->unique * PAGE_SIZE;
    uintptr_t at = sys_mmap2(0, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (sys_failed(at))
        fail("mmap2 pages=%u errno=%d", (unsigned)trace->unique, -(int)at);
    must(sys_call(SYS_MUNLOCK, at, bytes), "munlock");
    must(sys_mprotect(at, bytes, PROT_READ | PROT_WRITE), "mprotect");
    must(sys_call(SYS_MADVISE, at, bytes, exact ? MADV_EXACT : MADV_COUNT), "madvise");
    must(sys_call(SYS_MADVISE, at, bytes, MADV_COUNT), "madvise");
    pages = (volatile uint32_t *)at;
}

/* The loop that is measured: one instruction touches one page of the trace. */
static void replay(void)
{
    const uint32_t *words = (const uint32_t *)(trace + 1);
    for (uint32_t i = 0; i < trace->count; i++) {
        uint32_t page = words[i] >> 1;
        volatile uint32_t *at = pages + (size_t)page * WORDS_PER_PAGE;
        if (words[i] & 1)
            *at = expected[page] = i + 1;
        else if (*at != expected[page])
            fail("reference=%u page=%u expected=%#x", (unsigned)i, (unsigned)page, (unsigned)expected[page]);
    }
}

static NORETURN void usage_replay(void)
{
    usage("TRACE BYTES exact|sampled (the monitor's command replay runs it)");
}

int main(int argc, char **argv, char **envp UNUSED)
{
    uint32_t size;
    if (argc != 4 || !parse_u32(argv[2], false, &size))
        usage_replay();
    bool exact = strcmp(argv[3], "exact") == 0;
    if (!exact && strcmp(argv[3], "sampled") != 0)
        usage_replay();
    open_trace(argv[1], size);
    expected = map_pages(trace->unique * sizeof *expected / PAGE_SIZE + 1);
    must(sys_call(SYS_MLOCKALL, MCL_CURRENT), "mlockall");
    map_trace_pages(exact);
    replay();
    return ok("references=%u pages=%u", (unsigned)trace->count, (unsigned)trace->unique);
}
