/* SPDX-License-Identifier: MIT
 * Plays a malloc trace (trace.h) against the allocator that it is linked with. Every block is written to: its
 * first and last byte, which are checked when it goes, and one byte in each page. Prints one line of figures.
 *
 * The calls that a profiler is to count come from play_malloc, play_realloc and play_free, and these call
 * nothing else. What is not the same for everybody is left out: zeroing by calloc, alignment, and blocks that
 * are larger than kmalloc's largest. */
#include "tools/malloc/contestant.h"
#include "tools/malloc/trace.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LARGEST_PLAYED = 4 << 20,
    PAGE = 4096,
    SAMPLES = 500, /* looks at the kernel's figures, which cost a walk of the page tables each */
};

struct block {
    uint8_t *p; /* NULL: there is none, or it is left out */
    uint32_t size;
};

struct trace {
    const trace_record *records;
    size_t count;
    uint32_t ids;
};

struct figures {
    uint64_t mallocs, reallocs, frees, left_out;
    uint64_t live, peak_live; /* bytes */
    uint64_t held_at_start, peak_held;
};

static struct block *blocks;
static struct figures figures;

static NORETURN void fail(const char *what, const char *path)
{
    fprintf(stderr, "replay: %s: %s\n", path, what);
    exit(EXIT_FAILURE);
}

/* Memory that no contestant and no count of anonymous pages sees. */
static void *shared(size_t bytes)
{
    void *p = mmap(NULL, MAX(bytes, 1u), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        fail("no memory", "tables");
    return p;
}

static struct trace load(const char *path)
{
    struct stat st;
    const struct trace_header *h = NULL;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &st) != 0)
        fail("cannot be read", path);
    size_t bytes = (size_t)st.st_size;
    if (bytes >= sizeof *h)
        h = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
    if (h == NULL || h == MAP_FAILED || memcmp(h->magic, TRACE_MAGIC, sizeof h->magic) != 0)
        fail("not a malloc trace", path);
    if (h->version != TRACE_VERSION || h->record_size != sizeof(trace_record))
        fail("a malloc trace of another version", path);
    struct trace t = {.records = (const trace_record *)(h + 1)};
    size_t most = (bytes - sizeof *h) / sizeof(trace_record);
    for (; t.count < most && t.records[t.count] != 0; t.count++) {
        trace_record r = t.records[t.count];
        if (trace_op(r) < TRACE_MALLOC || trace_op(r) > TRACE_FREE)
            fail("a record asks for nothing that is known", path);
        t.ids = MAX(t.ids, trace_id(r) + 1);
    }
    return t;
}

/* What the program asked for, as text. Threads and calloc as they were. */
static void dump(const struct trace *t)
{
    static const char *const names[] = {[TRACE_MALLOC] = "malloc",
                                        [TRACE_CALLOC] = "calloc",
                                        [TRACE_REALLOC] = "realloc",
                                        [TRACE_FREE] = "free"};
    for (size_t i = 0; i < t->count; i++) {
        trace_record r = t->records[i];
        printf("%s %u", names[trace_op(r)], trace_id(r));
        if (trace_op(r) != TRACE_FREE)
            printf(" %u", trace_size(r));
        if (trace_log2_align(r) > 0)
            printf(" align %u", 1u << trace_log2_align(r));
        printf("\n");
    }
}

/* ---- what is counted ---- */

static NOINLINE void play_malloc(struct block *b, size_t bytes)
{
    b->p = contestant.malloc(bytes);
}

static NOINLINE void play_realloc(struct block *b, size_t bytes)
{
    b->p = contestant.realloc(b->p, bytes);
}

static NOINLINE void play_free(struct block *b)
{
    contestant.free(b->p);
    b->p = NULL;
}

/* ---- what is not ---- */

static uint8_t stamp(const struct block *b)
{
    return (uint8_t)(b - blocks) | 1;
}

static void touch(const struct block *b, size_t from)
{
    for (size_t at = from; at < b->size; at += PAGE)
        b->p[at] = stamp(b);
    b->p[0] = b->p[b->size - 1] = stamp(b);
}

static void verify(const struct block *b, size_t last)
{
    if (b->p[0] == stamp(b) && b->p[last] == stamp(b))
        return;
    fprintf(stderr, "replay: the content of block %zu, %u bytes at %p, changed\n", (size_t)(b - blocks),
            b->size, (void *)b->p);
    exit(EXIT_FAILURE);
}

static void expect_memory(const struct block *b)
{
    if (b->p != NULL)
        return;
    fprintf(stderr, "replay: no memory for block %zu, %u bytes\n", (size_t)(b - blocks), b->size);
    exit(EXIT_FAILURE);
}

static void release(struct block *b)
{
    if (b->p == NULL)
        return;
    verify(b, b->size - 1);
    figures.live -= b->size;
    figures.frees++;
    play_free(b);
}

static void allocate(struct block *b, uint32_t bytes)
{
    if (b->p != NULL)
        fail("a block is allocated twice", "trace");
    b->size = bytes;
    figures.mallocs++;
    play_malloc(b, bytes);
    expect_memory(b);
    touch(b, 0);
    figures.live += bytes;
}

static void resize(struct block *b, uint32_t bytes)
{
    if (b->p == NULL) {
        allocate(b, bytes);
        return;
    }
    uint32_t old = b->size;
    verify(b, old - 1);
    b->p[MIN(old, bytes) - 1] = stamp(b);
    b->size = bytes;
    figures.reallocs++;
    play_realloc(b, bytes);
    expect_memory(b);
    verify(b, MIN(old, bytes) - 1);
    touch(b, ALIGN_DOWN((size_t)MIN(old, bytes), (size_t)PAGE));
    figures.live += bytes;
    figures.live -= old;
}

static void play(trace_record r)
{
    struct block *b = &blocks[trace_id(r)];
    uint32_t bytes = MAX(trace_size(r), 1u);
    if (trace_op(r) == TRACE_FREE)
        release(b);
    else if (bytes > LARGEST_PLAYED) {
        figures.left_out++;
        release(b);
    } else if (trace_op(r) == TRACE_REALLOC)
        resize(b, bytes);
    else
        allocate(b, bytes);
    figures.peak_live = MAX(figures.peak_live, figures.live);
}

/* The largest number of live bytes, without an allocator. */
static uint64_t peak_of(const struct trace *t)
{
    uint64_t live = 0, peak = 0;
    for (size_t i = 0; i < t->count; i++) {
        trace_record r = t->records[i];
        uint32_t *size = &blocks[trace_id(r)].size, bytes = MAX(trace_size(r), 1u);
        live -= *size;
        *size = trace_op(r) == TRACE_FREE || bytes > LARGEST_PLAYED ? 0 : bytes;
        live += *size;
        peak = MAX(peak, live);
    }
    memset(blocks, 0, t->ids * sizeof *blocks);
    return peak;
}

/* ---- memory ---- */

/* The bytes of pages that this process has written to and nobody shares, exactly: the kernel walks the page
 * tables. (The cheaper figures in /proc/self/status are some dozens of pages behind.) */
static uint64_t anonymous(void)
{
    static const char key[] = "\nAnonymous:";
    char text[2048];
    int fd = open("/proc/self/smaps_rollup", O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (n <= 0)
        fail("cannot be read", "/proc/self/smaps_rollup");
    close(fd);
    text[n] = '\0';
    const char *at = strstr(text, key);
    if (at == NULL)
        fail("does not say Anonymous", "/proc/self/smaps_rollup");
    return strtoull(at + sizeof key - 1, NULL, 10) * 1024;
}

static uint64_t held(void)
{
    return contestant.held != NULL ? contestant.held() : anonymous();
}

static void play_all(const struct trace *t, bool memory)
{
    size_t step = contestant.held != NULL ? 1 : t->count / SAMPLES + 1;
    uint64_t seen_peak = 0;
    for (size_t i = 0; i < t->count; i++) {
        play(t->records[i]);
        /* at even intervals, and when there is more than ever: a 64th more, or it would be at every record */
        bool grew = figures.peak_live > seen_peak + seen_peak / 64;
        if (memory && (i % step == 0 || grew)) {
            figures.peak_held = MAX(figures.peak_held, held());
            seen_peak = figures.peak_live;
        }
    }
}

int main(int argc, char **argv)
{
    const char *option = argc == 3 ? argv[1] : "";
    bool memory = strcmp(option, "--memory") == 0, text = strcmp(option, "--dump") == 0;
    if (argc < 2 || argc > 3 || (argc == 3 && !memory && !text)) {
        fprintf(stderr, "usage: %s [--memory | --dump] TRACE\n", argv[0]);
        return 2;
    }
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); /* a huge page would count as touched as a whole */
    struct trace t = load(argv[argc - 1]);
    if (text) {
        dump(&t);
        return EXIT_SUCCESS;
    }
    blocks = shared(t.ids * sizeof *blocks);
    uint64_t peak = peak_of(&t);
    if (contestant.start != NULL)
        contestant.start(peak);
    figures.held_at_start = memory ? held() : 0;
    play_all(&t, memory);
    if (contestant.check != NULL && !contestant.check())
        return EXIT_FAILURE;
    printf("replay ops=%zu mallocs=%llu reallocs=%llu frees=%llu left_out=%llu live=%llu peak_live=%llu "
           "held_at_start=%llu peak_held=%llu\n",
           t.count, (unsigned long long)figures.mallocs, (unsigned long long)figures.reallocs,
           (unsigned long long)figures.frees, (unsigned long long)figures.left_out,
           (unsigned long long)figures.live, (unsigned long long)figures.peak_live,
           (unsigned long long)figures.held_at_start, (unsigned long long)figures.peak_held);
    return EXIT_SUCCESS;
}
