/* SPDX-License-Identifier: MIT
 * A trace that is being read: chunk by chunk, in constant memory. What is missing is said and counted. */
#ifndef TOOLS_TRACE_READER_H
#define TOOLS_TRACE_READER_H

#include "tools/trace/events.h"
#include <stdio.h>

enum { PIDS = 1 << 16 };

/* Which events are wanted. */
struct filter {
    uint32_t kinds; /* a bit for each */
    bool some_pids; /* only those of `pids` */
    uint8_t pids[PIDS / 8];
    uint64_t from_ns, to_ns; /* time of the log, both included */
};
_Static_assert(EVENT_KINDS <= 32, "a bit for each kind");

struct reader {
    const char *path;
    FILE *file;
    const struct filter *filter;
    struct trace_chunk chunk;
    uint32_t next;  /* event of the chunk */
    uint32_t whole; /* events of the chunk that the file has */
    uint64_t at;    /* offset of the next byte to be read */
    uint64_t base;  /* offset of the chunk */
    uint64_t boot_ticks;
    uint32_t khz;
    uint64_t last_ticks, last_ns; /* of the last event of all */
    uint64_t shown_ns;            /* of the last that passed the filter */
    char error[200];              /* why reading ended before the end; "": it did not */

    uint64_t events;   /* in the file */
    uint64_t wanted;   /* that passed the filter */
    uint32_t chunks;   /* in the file */
    uint32_t missing;  /* chunks that are not */
    uint32_t restarts; /* tracing began anew */
    uint64_t lost;     /* events that the kernel says it lost */
    uint64_t back;     /* events with an earlier time than the one before */
    uint32_t said;     /* warnings */
};

/* The program ends if the file cannot be opened. "-" is the standard input. */
void reader_open(struct reader *r, const char *path, const struct filter *filter);

/* The next event that the filter lets through. => NULL: that was all, or r->error says why not */
const struct trace_event *reader_next(struct reader *r);

/* Says on stderr what is missing, and what was wrong. => TRACE_OK, or TRACE_FAILED if reading ended early */
int reader_close(struct reader *r);

/* The time of an event, in nanoseconds of the log. Never goes back. */
uint64_t reader_ns(struct reader *r, const struct trace_event *e);

/* That many ticks, in nanoseconds. */
uint64_t reader_span_ns(const struct reader *r, uint64_t ticks);

#endif
