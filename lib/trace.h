/* SPDX-License-Identifier: MIT
 * Tracepoints: binary events with time, pid and arguments, into a ring of chunks. A tracepoint that is off is
 * one test and one branch, shared with the log's where both watch the same class; compiled with NO_TRACE it
 * is nothing. Full chunks go to a port, if there is one, and so to a file on the host; without one the ring
 * keeps the last events, for `trace show`. What is lost is counted.
 *
 * Events are put from anywhere in the kernel, in interrupts too. They never sleep, allocate or log. */
#ifndef LIB_TRACE_H
#define LIB_TRACE_H

#include "lib/trace_events.h"

extern uint32_t trace_classes; /* the classes that are on */
extern uint32_t trace_only;    /* the pid whose events are kept, 0: everybody's */
extern uint32_t trace_pid;     /* who runs; the scheduler sets it */

static inline bool trace_on(uint32_t classes)
{
#ifdef NO_TRACE
    (void)classes;
    return false;
#else
    return unlikely(trace_classes & classes);
#endif
}

/* Records one event. `head` is made by TRACE_HEAD; arguments by value, so that a tracepoint that is off needs
 * no room on the stack. */
void trace_put(uint32_t head, uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e);
#define TRACE_HEAD(kind, flags, pid) ((uint32_t)(kind) | (uint32_t)(flags) << 8 | (uint32_t)(pid) << 16)

/* As many events as the text takes. */
void trace_put_text(enum trace_kind kind, uint32_t pid, const char *text);

/* TRACE(FAULT, flags, pid, va, ip, ...): words that are not given are 0. */
#define TRACE(KIND, flags, pid, ...)                                                     \
    do {                                                                                 \
        if (trace_on(TRACE_CLASS_##KIND))                                                \
            TRACE_PADDED(TRACE_HEAD(EVENT_##KIND, flags, pid), __VA_ARGS__, 0, 0, 0, 0); \
    } while (0)
#define TRACE_PADDED(head, a, b, c, d, e, ...) trace_put(head, a, b, c, d, e)

enum {
#define X(KIND, name, class, flags, fields) TRACE_CLASS_##KIND = (class),
    TRACE_EVENTS(X)
#undef X
};

/* Where chunks go. */
struct trace_port {
    const char *name;
    /* Takes `bytes` at `chunk`, in full, to be sent in order. They stay as they are until `sent`.
     * => false: not now. */
    bool (*send)(const struct trace_chunk *chunk, uint32_t bytes);
    /* => whether the port is done with a chunk that it has taken. */
    bool (*sent)(const struct trace_chunk *chunk);
};

/* The time: `ticks` is the TSC, `boot` what it was at time 0 of the log. */
void trace_set_clock(uint64_t (*ticks)(void), uint64_t boot, uint32_t khz);
void trace_set_port(const struct trace_port *port);
const struct trace_port *trace_port(void);

/* Gives the ring its memory, chunk by chunk: at most TRACE_CHUNKS_MAX, each of one piece of physical memory.
 * Nothing is recorded before the first. => false: it has as many as it can have. */
enum { TRACE_CHUNKS_MAX = 128 };
bool trace_add_chunk(struct trace_chunk *chunk);
uint32_t trace_chunk_count(void);

void trace_set_classes(uint32_t classes);
void trace_describe(struct printer *out); /* as classes_print, with those that are on */
void trace_names(struct printer *out);    /* the names alone */

/* Hands what is in the ring to the port. Called at every clock tick, and before the machine stops. */
void trace_flush(void);

/* Forgets all events, and what was counted. */
void trace_reset(void);

struct trace_counts {
    uint32_t seen[EVENT_KINDS]; /* events of each kind that passed the filter, lost ones included */
    uint32_t lost;              /* dropped, or overwritten before they reached a port */
    uint32_t chunks_sent;
};
const struct trace_counts *trace_counts(void);

/* => the n-th last event that the ring still has, n from 0; NULL: no more. */
const struct trace_event *trace_last(uint32_t n);

/* The name of a kind, as in the table. */
const char *trace_kind_name(enum trace_kind kind);

/* One event as a line, without its end: `[seconds.micros] name pid=N field=value ...`, after the log's. */
void trace_print(struct printer *out, const struct trace_event *e, uint64_t boot_ticks, uint32_t khz);
void trace_print_here(struct printer *out, const struct trace_event *e); /* by this machine's clock */

#endif
