/* SPDX-License-Identifier: MIT
 * Measures what the kernel costs, from ring 3, in ticks of the time-stamp counter. Every sample has the
 * cost of reading the counter twice, measured first, taken off. Median and 99th percentile are over the
 * last 1000 samples at most: those fit one page, which each step touches, so that it stays resident under
 * every policy that looks at use. Says nothing about throughput. */
#include "lib/print.h"
#include "lib/string.h"
#include "user/rt/program.h"
#include "user/rt/sys.h"

enum { SAMPLES = 1000, MIN_FRAMES = 32, MAX_FRAMES = 131072, MAX_ROUNDS = 10000000 };
enum { WARM_PASSES = 3, WARM_YIELDS = 100, SWITCHES_PER_ROUND = 2 };

const struct program program = {.name = "bench"};

static uint32_t samples[WORDS_PER_PAGE] __attribute__((aligned(PAGE_SIZE)));
static unsigned taken; /* in all; the oldest are overwritten */
static uint32_t overhead;

static inline void record(uint64_t start, uint64_t stop)
{
    uint64_t ticks = stop - start;
    ticks = ticks > overhead ? ticks - overhead : 0;
    samples[taken++ % SAMPLES] = ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks;
}

/* Shell's method: short, in place, and fast enough for one page. => how many there are */
static unsigned sort_samples(void)
{
    unsigned n = MIN(taken, (unsigned)SAMPLES);
    for (unsigned gap = n / 2; gap > 0; gap /= 2)
        for (unsigned i = gap; i < n; i++) {
            uint32_t x = samples[i];
            unsigned j = i;
            for (; j >= gap && samples[j - gap] > x; j -= gap)
                samples[j] = samples[j - gap];
            samples[j] = x;
        }
    return n;
}

static void report(const char *name, unsigned divide_by, const char *more)
{
    unsigned n = sort_samples();
    printf("bench name=%s median=%u p99=%u n=%u unit=ticks%s\n", name, (unsigned)samples[n / 2] / divide_by,
           (unsigned)samples[n * 99 / 100] / divide_by, n, more);
    taken = 0;
}

static void measure_overhead(void)
{
    for (unsigned i = 0; i < SAMPLES; i++) {
        uint64_t start = rdtsc();
        record(start, rdtsc());
    }
    overhead = samples[sort_samples() / 2];
    taken = 0;
}

static void bench_syscall(void)
{
    for (unsigned i = 0; i < SAMPLES; i++) {
        uint64_t start = rdtsc();
        int pid = SYS_GETPID; /* inline: a call through the wrapper would be measured too */
        __asm__ volatile("int $0x80" : "+a"(pid) : : "memory");
        record(start, rdtsc());
    }
    report("syscall-null", 1, "");
}

/* The kernel's own count of this process's faults beside the ticks: whether each sample was one. */
static void faults_since(struct rusage *since, char *text, size_t size)
{
    struct rusage now;
    if (sys_getrusage(RUSAGE_SELF, &now) != 0)
        fail("getrusage");
    format(text, size, " minflt=%d majflt=%d", now.minflt - since->minflt, now.majflt - since->majflt);
    *since = now;
}

/* One timed access to each of n pages, in order, starting at page `first` of `pages`. */
static void touch(volatile char *at, unsigned pages, unsigned first, unsigned n, bool write)
{
    for (unsigned i = 0; i < n; i++) {
        volatile char *p = at + (first + i) % pages * PAGE_SIZE;
        uint64_t start = rdtsc();
        if (write)
            *p = 1;
        else
            (void)*p;
        record(start, rdtsc());
    }
}

/* Half the frames at a time and given back in between, so that nothing has to be evicted. */
static void bench_fault_zero(unsigned frames)
{
    struct rusage usage_now;
    char faults[64];
    unsigned batch = MIN(frames / 2, (unsigned)SAMPLES);
    faults_since(&usage_now, faults, sizeof faults);
    for (unsigned done = 0; done < SAMPLES; done += batch) {
        void *at = map_pages(batch);
        touch(at, batch, 0, batch, true);
        unmap_pages(at, batch);
    }
    faults_since(&usage_now, faults, sizeof faults);
    report("fault-zero", 1, faults);
}

/* The first read of a page finds the shared page of zeros; the first write after that needs a frame. */
static void bench_fault_zero_page(unsigned frames)
{
    unsigned batch = MIN(frames / 2, (unsigned)SAMPLES);
    void *at = NULL;
    for (unsigned done = 0; done < SAMPLES; done += batch) {
        at = map_pages(batch);
        touch(at, batch, 0, batch, false);
        unmap_pages(at, batch);
    }
    report("fault-zero-page", 1, "");
    for (unsigned done = 0; done < SAMPLES; done += batch) {
        unsigned before = taken;
        at = map_pages(batch);
        touch(at, batch, 0, batch, false);
        taken = before; /* only the writes count */
        touch(at, batch, 0, batch, true);
        unmap_pages(at, batch);
    }
    report("fault-cow-zero", 1, "");
}

static volatile uint64_t forbidden_start;
static char *forbidden_page;

/* From the access to the program's handler. The return tries the access again, which is allowed then. */
static void on_forbidden(int signal UNUSED)
{
    record(forbidden_start, rdtsc());
    sys_mprotect((uintptr_t)forbidden_page, PAGE_SIZE, PROT_READ | PROT_WRITE);
}

static void bench_fault_forbidden(void)
{
    enum { SIGSEGV = 11 };
    struct sigaction action = {.handler = on_forbidden}, old;
    forbidden_page = map_pages(1);
    if (sys_rt_sigaction(SIGSEGV, &action, &old) != 0)
        fail("rt_sigaction");
    for (unsigned i = 0; i < SAMPLES; i++) {
        sys_mprotect((uintptr_t)forbidden_page, PAGE_SIZE, PROT_READ);
        forbidden_start = rdtsc();
        *(volatile char *)forbidden_page = 1;
    }
    sys_rt_sigaction(SIGSEGV, &old, NULL);
    unmap_pages(forbidden_page, 1);
    report("fault-forbidden", 1, "");
}

/* The parent writes to pages that it shares with a child: each is copied. When the child has ended, what is
 * left is the parent's alone and is reused. A quarter of the frames: both need theirs. */
static void bench_fault_cow(unsigned frames)
{
    unsigned batch = MIN(frames / 4, (unsigned)SAMPLES);
    for (int reuse = 0; reuse <= 1; reuse++) {
        for (unsigned done = 0; done < SAMPLES; done += batch) {
            char *at = map_pages(batch);
            unsigned before = taken;
            touch(at, batch, 0, batch, true);
            taken = before;
            long child = sys_fork();
            if (child < 0)
                fail("fork errno=%ld", -child);
            if (child == 0) {
                while (!reuse)
                    sys_sched_yield(); /* lives until it is killed */
                sys_exit_group(0);
            }
            int status;
            if (reuse)
                sys_wait4((int)child, &status, 0, NULL);
            touch(at, batch, 0, batch, true);
            if (!reuse) {
                sys_kill((int)child, SIGKILL);
                sys_wait4((int)child, &status, 0, NULL);
            }
            unmap_pages(at, batch);
        }
        report(reuse ? "fault-cow-reuse" : "fault-cow-copy", 1, "");
    }
}

static void bench_calls(void)
{
    enum { ROUNDS = 100 };
    for (unsigned i = 0; i < SAMPLES; i++) {
        uint64_t start = rdtsc();
        unmap_pages(map_pages(1), 1);
        record(start, rdtsc());
    }
    report("mmap-munmap", 1, "");
    for (unsigned i = 0; i < ROUNDS; i++) {
        int status;
        uint64_t start = rdtsc();
        long child = sys_fork();
        if (child == 0)
            sys_exit_group(0);
        if (child < 0 || sys_wait4((int)child, &status, 0, NULL) != child)
            fail("fork or wait4 result=%ld", child);
        record(start, rdtsc());
    }
    report("fork-exit-wait", 1, "");
}

/* Twice as many pages as frames, in a circle: each was evicted before its turn comes again (by a policy that
 * resists loops and with read-ahead only some were, and majflt tells). Reading passes until no dirty page
 * is left make every victim clean; a writing pass makes every victim dirty. */
static void bench_fault_swap(unsigned frames)
{
    struct rusage usage_now;
    char faults[64];
    unsigned pages = 2 * frames;
    volatile char *at = map_pages(pages);
    touch(at, pages, 0, pages, true);
    for (int pass = 0; pass < WARM_PASSES; pass++)
        touch(at, pages, 0, pages, false);
    taken = 0;
    faults_since(&usage_now, faults, sizeof faults);
    touch(at, pages, 0, SAMPLES, false);
    faults_since(&usage_now, faults, sizeof faults);
    report("fault-swap-clean", 1, faults);

    unsigned next = SAMPLES % pages;
    touch(at, pages, next, pages, true);
    taken = 0;
    faults_since(&usage_now, faults, sizeof faults);
    touch(at, pages, next, SAMPLES, true);
    faults_since(&usage_now, faults, sizeof faults);
    report("fault-swap-dirty", 1, faults);
}

/* Two instances, one of them told to report. Each yield runs the other until it yields: two switches. The
 * silent one runs longer, so that the reporter is never alone once both have started. */
static void bench_yield(unsigned rounds, bool reporter)
{
    if (!reporter)
        rounds *= 2;
    for (unsigned i = 0; i < WARM_YIELDS; i++)
        sys_sched_yield();
    taken = 0;
    for (unsigned i = 0; i < rounds; i++) {
        int result = SYS_SCHED_YIELD;
        uint64_t start = rdtsc();
        __asm__ volatile("int $0x80" : "+a"(result) : : "memory");
        record(start, rdtsc());
    }
    if (reporter)
        report("ctx-switch", SWITCHES_PER_ROUND, "");
}

int main(int argc, char **argv, char **envp UNUSED)
{
    uint32_t n = 0;
    const char *mode = argc > 1 ? argv[1] : "";
    bool has_number = argc > 2 && parse_u32(argv[2], false, &n);
    measure_overhead();
    if (strcmp(mode, "syscall") == 0 && argc == 2) {
        bench_syscall();
        bench_calls();
    } else if (strcmp(mode, "faults") == 0 && argc == 3 && has_number && n >= MIN_FRAMES && n <= MAX_FRAMES) {
        bench_fault_zero(n);
        bench_fault_zero_page(n);
        bench_fault_forbidden();
        bench_fault_cow(n);
        bench_fault_swap(n);
    } else if (strcmp(mode, "yield") == 0 && has_number && n > 0 && n <= MAX_ROUNDS &&
               (argc == 3 || (argc == 4 && strcmp(argv[3], "report") == 0))) {
        bench_yield(n, argc == 4);
    } else {
        usage("syscall | faults FRAMES: 32..131072 | yield ROUNDS: 1..10000000 [report]");
    }
    return ok("mode=%s overhead=%u", mode, (unsigned)overhead);
}
