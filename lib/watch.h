/* SPDX-License-Identifier: MIT
 * Who watches which events. Code on a hot path asks once, whether anybody does; if so, each watcher is asked.
 */
#ifndef LIB_WATCH_H
#define LIB_WATCH_H

#include "lib/print.h"

enum watcher {
    WATCH_LOG,       /* lib/log.h: lines of text */
    WATCH_TRACE,     /* lib/trace.h: binary events */
    WATCH_HISTOGRAM, /* mm/histograms.h: distributions */
    WATCH_KEEP,      /* mm/explain.h: the last reasons of policies */
    WATCH_STOP,      /* whoever wants to stop at an event */
    WATCHERS
};

extern uint32_t watched_classes; /* by anybody: the union */

/* Does anybody watch one of these classes, of enum log_class or enum trace_class? */
static inline bool watched(uint32_t classes)
{
    return unlikely(watched_classes & classes);
}

/* What w watches from here on. */
void watch(enum watcher w, uint32_t classes);

/* Changes a set of classes by a comma list: `quiet`, `all`, `default`, or names with an optional leading + or
 * -
 * (`fault,evict`, `+swap`, `-fault`). Only classes of `all` have names here. => false, *classes unchanged, if
 * a name is unknown. */
bool classes_parse(const char *list, uint32_t all, uint32_t standard, uint32_t *classes);

/* => the i-th name that may stand in such a list; NULL beyond the last */
const char *class_name(uint32_t i, uint32_t all);

/* A set as a list that classes_parse takes. */
void classes_list(struct printer *out, uint32_t all, uint32_t standard, uint32_t classes);

/* The names of `all`, each after a space; with marks, `+` before those of `on` and `-` before the others. */
void classes_print(struct printer *out, uint32_t all, bool marks, uint32_t on);

#endif
