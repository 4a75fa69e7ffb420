/* SPDX-License-Identifier: MIT
 * What every program shares: its name and numeric arguments, output, how it reports and ends, pages.
 * A program says `NAME: ok ...` and exits 0, or `NAME: FAILED ...` and exits 1; nonsense on its command
 * line gets a usage line with the legal ranges and status 2. */
#ifndef USER_RT_PROGRAM_H
#define USER_RT_PROGRAM_H

#include "lib/types.h"

enum { MAX_PARAMS = 3 };
enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

/* One numeric argument, in order on the command line, all optional. */
struct param {
    const char *name;
    unsigned initial, low, high;
};

struct program {
    const char *name;
    struct param params[MAX_PARAMS]; /* those in use come first and have a name */
};

extern const struct program program; /* each program defines its own */

int main(int argc, char **argv, char **envp);

/* Fills values[i] for each of program.params from argv or its initial value. Does not return on a bad
 * command line. */
void read_args(int argc, char **argv, unsigned *values);

/* Buffers standard output until a newline or exit. */
int printf(const char *fmt, ...) PRINTF_LIKE(1);
void flush(void);

NORETURN void exit(int status);
NORETURN void usage(const char *args);
NORETURN void fail(const char *fmt, ...) PRINTF_LIKE(1);
int ok(const char *fmt, ...) PRINTF_LIKE(1); /* => STATUS_OK, for main to return */

/* n pages that read as zero, from mmap2 or by moving the break. Does not return when there are none. */
void *map_pages(size_t n);
void *grow_pages(size_t n);
void unmap_pages(void *at, size_t n);

/* Milliseconds on the monotonic clock, from a start that means nothing. */
uint64_t clock_ms(void);

static inline uint64_t rdtsc(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

#endif
