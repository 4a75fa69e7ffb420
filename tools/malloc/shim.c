/* SPDX-License-Identifier: MIT
 * A library for LD_PRELOAD that records what a program asks of malloc, into the file that MALLOC_TRACE_FILE
 * names (trace.h has the format). It passes every call on to glibc's malloc and uses none of its memory.
 * Only the program itself is recorded: neither what it forks nor what that executes. Threads are recorded in
 * the order in which their calls end. */
#define _GNU_SOURCE /* environ */
#include "tools/malloc/trace.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What glibc calls its own. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);
void __libc_free(void *p);

void *memalign(size_t align, size_t n);

enum {
    WINDOW = 1 << 20, /* bytes of the file that are mapped at a time */
    HIGH_FD = 400,    /* where programs that close what they do not know do not come */
    FIRST_SLOTS = 1 << 12,
    NO_ID = TRACE_MAX_IDS,
};

static enum { UNKNOWN, OFF, ON } state;

static void lock(bool take)
{
    static char taken;
    if (take)
        while (__atomic_test_and_set(&taken, __ATOMIC_ACQUIRE))
            ;
    else
        __atomic_clear(&taken, __ATOMIC_RELEASE);
}

/* The program goes on unrecorded; the trace ends here. */
static void give_up(const char *why)
{
    static const char name[] = "malloc trace: ";
    state = OFF;
    if (write(STDERR_FILENO, name, sizeof name - 1) < 0 || write(STDERR_FILENO, why, strlen(why)) < 0 ||
        write(STDERR_FILENO, "\n", 1) < 0)
        return;
}

static void *map(size_t bytes, int flags, int fd, off_t at)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, fd, at);
    return p == MAP_FAILED ? NULL : p;
}

/* ---- the file ---- */

static int fd;
static char *window;
static off_t window_at; /* in the file */
static size_t used;     /* bytes of the window */

/* A shared mapping, so that what was written is there whatever way the program ends. */
static bool next_window(void)
{
    if (window != NULL) {
        munmap(window, WINDOW);
        window_at += WINDOW;
    }
    used = 0;
    window = ftruncate(fd, window_at + WINDOW) == 0 ? map(WINDOW, MAP_SHARED, fd, window_at) : NULL;
    if (window == NULL)
        give_up("the file cannot grow");
    return window != NULL;
}

static void append(const void *data, size_t bytes)
{
    if (used == WINDOW && !next_window())
        return;
    memcpy(window + used, data, bytes);
    used += bytes;
}

static void record(enum trace_op op, uint32_t id, size_t size, size_t align)
{
    uint32_t log2 = 0;
    while (align > (size_t)1 << log2)
        log2++;
    trace_record r = trace_record_of(op, id, (uint32_t)MIN(size, UINT32_MAX), log2);
    append(&r, sizeof r);
}

static void in_child(void)
{
    state = OFF;
}

static bool start(void)
{
    if (environ == NULL) /* the C library is not up yet */
        return false;
    const char *path = getenv("MALLOC_TRACE_FILE");
    state = OFF;
    if (path == NULL)
        return false;
    unsetenv("MALLOC_TRACE_FILE"); /* the text stays where it is */
    int low = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    fd = low < 0 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, HIGH_FD);
    if (fd < 0 || !next_window()) {
        give_up("MALLOC_TRACE_FILE cannot be written");
        return false;
    }
    close(low);
    struct trace_header h = {.version = TRACE_VERSION, .record_size = sizeof(trace_record)};
    memcpy(h.magic, TRACE_MAGIC, sizeof h.magic);
    append(&h, sizeof h);
    state = ON;
    pthread_atfork(NULL, NULL, in_child);
    return state == ON;
}

static inline bool recording(void)
{
    return state == ON || (state == UNKNOWN && start());
}

static __attribute__((destructor)) void finish(void)
{
    if (recording() && ftruncate(fd, window_at + (off_t)used) == 0)
        state = OFF;
}

/* ---- blocks that there are: a hash table with linear probing ---- */

static struct slot {
    void *p; /* NULL: empty */
    uint32_t id;
} * slots;
static size_t slot_count, filled;
static uint32_t *free_ids, free_count, next_id;

static size_t home(const void *p)
{
    return (size_t)((uintptr_t)p * 0x9e3779b97f4a7c15u >> 20) & (slot_count - 1);
}

static void put(void *p, uint32_t id)
{
    size_t i = home(p);
    while (slots[i].p != NULL)
        i = (i + 1) & (slot_count - 1);
    slots[i] = (struct slot){p, id};
    filled++;
}

/* At most half full. The free numbers are never more than the slots. */
static bool make_room(void)
{
    if (2 * filled < slot_count)
        return true;
    struct slot *old = slots;
    uint32_t *old_ids = free_ids;
    size_t count = slot_count, now = count > 0 ? 2 * count : FIRST_SLOTS;
    struct slot *more = map(now * sizeof *more, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint32_t *ids = map(now * sizeof *ids, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (more == NULL || ids == NULL || now > TRACE_MAX_IDS) {
        give_up("too many blocks");
        return false;
    }
    slots = more;
    free_ids = ids;
    slot_count = now;
    filled = 0;
    for (size_t i = 0; i < count; i++)
        if (old[i].p != NULL)
            put(old[i].p, old[i].id);
    if (count > 0) {
        memcpy(free_ids, old_ids, free_count * sizeof *ids);
        munmap(old, count * sizeof *old);
        munmap(old_ids, count * sizeof *old_ids);
    }
    return true;
}

/* => the block's number, which stays taken; NO_ID if nobody saw it allocated */
static uint32_t take(const void *p)
{
    if (slot_count == 0)
        return NO_ID;
    size_t i = home(p), mask = slot_count - 1;
    while (slots[i].p != p)
        if (slots[i].p == NULL)
            return NO_ID;
        else
            i = (i + 1) & mask;
    uint32_t id = slots[i].id;
    filled--;
    /* close the gap: whoever may move nearer to its home does (Knuth, TAOCP 3, 6.4, algorithm R) */
    for (size_t j = (i + 1) & mask; slots[j].p != NULL; j = (j + 1) & mask) {
        if (((j - home(slots[j].p)) & mask) >= ((j - i) & mask)) {
            slots[i] = slots[j];
            i = j;
        }
    }
    slots[i].p = NULL;
    return id;
}

static void allocated(void *p, enum trace_op op, size_t size, size_t align)
{
    if (p == NULL || !recording())
        return;
    lock(true);
    if (make_room()) {
        uint32_t id = free_count > 0 ? free_ids[--free_count] : next_id++;
        put(p, id);
        record(op, id, size, align);
    }
    lock(false);
}

/* ---- the calls ---- */

void *malloc(size_t n)
{
    void *p = __libc_malloc(n);
    allocated(p, TRACE_MALLOC, n, 1);
    return p;
}

void *calloc(size_t n, size_t size)
{
    void *p = __libc_calloc(n, size);
    allocated(p, TRACE_CALLOC, n * size, 1);
    return p;
}

/* Forgotten before it is free: another thread may get the address at once. */
void free(void *p)
{
    if (p != NULL && recording()) {
        lock(true);
        uint32_t id = take(p);
        if (id != NO_ID) {
            free_ids[free_count++] = id;
            record(TRACE_FREE, id, 0, 1);
        }
        lock(false);
    }
    __libc_free(p);
}

void *realloc(void *p, size_t n)
{
    if (p == NULL)
        return malloc(n);
    if (n == 0) {
        free(p);
        return NULL;
    }
    if (!recording())
        return __libc_realloc(p, n);
    lock(true);
    uint32_t id = take(p);
    lock(false);
    void *q = __libc_realloc(p, n);
    lock(true);
    if (id != NO_ID && make_room()) {
        put(q != NULL ? q : p, id);
        if (q != NULL)
            record(TRACE_REALLOC, id, n, 1);
    }
    lock(false);
    return q;
}

void *reallocarray(void *p, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(p, bytes);
}

void *memalign(size_t align, size_t n)
{
    void *p = __libc_memalign(align, n);
    allocated(p, TRACE_MALLOC, n, align);
    return p;
}

void *aligned_alloc(size_t align, size_t n)
{
    return memalign(align, n);
}

int posix_memalign(void **out, size_t align, size_t n)
{
    if (align % sizeof(void *) != 0 || (align & (align - 1)) != 0 || align == 0)
        return EINVAL;
    void *p = memalign(align, n);
    if (p == NULL)
        return ENOMEM;
    *out = p;
    return 0;
}
