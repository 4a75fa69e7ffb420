/* SPDX-License-Identifier: MIT
 * The log: one event a line, `[seconds.micros] event key=value ...`, to every registered sink. Events
 * belong to classes that can be switched at boot (log=) and at run time; testing a class that is off is
 * one load and one branch. Text that is not an event (console output) goes through log_console. */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include "lib/print.h"

enum log_class {
    LOG_BOOT = 1u << 0,    /* start-up facts, configuration */
    LOG_PROC = 1u << 1,    /* process start, exit, kill */
    LOG_FAULT = 1u << 2,   /* one line per page fault */
    LOG_EVICT = 1u << 3,   /* one line per eviction */
    LOG_SWAP = 1u << 4,    /* one line per swap transfer */
    LOG_SYS = 1u << 5,     /* one line per system call */
    LOG_ERROR = 1u << 6,   /* always on */
    LOG_EXPLAIN = 1u << 7, /* one line per victim: why it, and who else */
    LOG_MOVE = 1u << 8,    /* one line per page that compaction moves */
};

#define LOG_DEFAULT (LOG_BOOT | LOG_PROC | LOG_FAULT | LOG_EVICT | LOG_MOVE | LOG_ERROR)
#define LOG_QUIET   ((uint32_t)LOG_ERROR)
#define LOG_ALL     (LOG_DEFAULT | LOG_SWAP | LOG_SYS | LOG_EXPLAIN)

extern uint32_t log_classes; /* the classes that are on */

static inline bool log_on(enum log_class c)
{
    return unlikely(log_classes & c);
}

/* Sinks are called in registration order and must not log. */
void log_add_sink(struct printer *sink);

/* The clock that stamps lines: microseconds since boot. */
void log_set_clock(uint64_t (*micros)(void));

/* A tick counter for measuring code that may log: `ticks` (e.g. the TSC), less the ticks that were spent
 * inside log_event. 0 until a source is set. */
void log_set_ticks(uint64_t (*ticks)(void));
uint64_t log_ticks(void);

/* Since log_ticks() was `since` somebody has waited for a person, or traced: that does not count either. */
void log_skip_ticks(uint64_t since);

/* Writes one line if the class is on. fmt has no newline. */
void log_event(enum log_class c, const char *fmt, ...) PRINTF_LIKE(2);

/* A printer that writes to every sink, unstamped: what the monitor and panic print through. */
extern struct printer log_console;

/* Sets classes from a comma list: see classes_parse. => false, nothing changed, if a name is unknown. */
bool log_configure(const char *list);
#define LOG_LIST "quiet, default, all, or a comma list of" /* ... log_names, for messages */

/* The names that log_configure knows, each after a space; and with + those that are on, - the others. */
void log_names(struct printer *out);
void log_describe(struct printer *out);

/* => the i-th name that may stand in such a list, with no sign; NULL beyond the last */
const char *log_class_name(uint32_t i);

/* What is on, as a list that log_configure takes. */
void log_list(struct printer *out);

#endif
