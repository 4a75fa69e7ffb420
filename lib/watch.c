/* SPDX-License-Identifier: MIT
 * The union of what is watched, and the names of classes. */
#include "lib/watch.h"
#include "lib/string.h"
#include "lib/trace_events.h"

static uint32_t by[WATCHERS] = {[WATCH_LOG] = LOG_DEFAULT};
uint32_t watched_classes = LOG_DEFAULT;

void watch(enum watcher w, uint32_t classes)
{
    by[w] = classes;
    watched_classes = 0;
    for (int i = 0; i < WATCHERS; i++)
        watched_classes |= by[i];
}

static const struct {
    const char *name;
    uint32_t class;
} names[] = {
    {"boot", LOG_BOOT},     {"proc", LOG_PROC}, {"fault", LOG_FAULT},     {"evict", LOG_EVICT},
    {"swap", LOG_SWAP},     {"sys", LOG_SYS},   {"explain", LOG_EXPLAIN}, {"move", LOG_MOVE},
    {"alloc", TRACE_ALLOC}, {"map", TRACE_MAP}, {"tlb", TRACE_TLB},       {"sched", TRACE_SCHED},
    {"ref", TRACE_REF},
};

static bool is(const char *name, const char *text, size_t len)
{
    return strlen(name) == len && strncmp(name, text, len) == 0;
}

static bool find_class(const char *text, size_t len, uint32_t all, uint32_t standard, uint32_t *classes)
{
    *classes = is("all", text, len) ? all : is("default", text, len) ? standard : 0;
    for (size_t i = 0; i < ARRAY_SIZE(names) && *classes == 0; i++)
        if (is(names[i].name, text, len))
            *classes = names[i].class & all;
    return *classes != 0;
}

bool classes_parse(const char *list, uint32_t all, uint32_t standard, uint32_t *classes)
{
    uint32_t set = *classes;
    bool first = true;
    while (*list != '\0') {
        const char *end = strchr(list, ',');
        size_t len = end ? (size_t)(end - list) : strlen(list);
        char sign = *list;
        uint32_t named;
        if (sign == '+' || sign == '-') {
            list++;
            len--;
        }
        if (is("quiet", list, len)) {
            set = 0;
        } else if (!find_class(list, len, all, standard, &named)) {
            return false;
        } else if (sign == '-') {
            set &= ~named;
        } else {
            /* a list that starts with a bare name says what is on; signs change what is already on */
            if (first && sign != '+')
                set = 0;
            set |= named;
        }
        first = false;
        list += len;
        if (*list == ',')
            list++;
    }
    *classes = set;
    return true;
}

void classes_print(struct printer *out, uint32_t all, bool marks, uint32_t on)
{
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (names[i].class & all)
            print(out, " %s%s", !marks ? "" : names[i].class & on ? "+" : "-", names[i].name);
}

const char *class_name(uint32_t i, uint32_t all)
{
    static const char *const sets[] = {"quiet", "all", "default"};
    if (i < ARRAY_SIZE(sets))
        return sets[i];
    i -= ARRAY_SIZE(sets);
    for (size_t n = 0; n < ARRAY_SIZE(names); n++)
        if ((names[n].class & all) && i-- == 0)
            return names[n].name;
    return NULL;
}

void classes_list(struct printer *out, uint32_t all, uint32_t standard, uint32_t classes)
{
    uint32_t listed = 0;
    if (classes == 0 || classes == all || classes == standard) {
        print(out, "%s", classes == 0 ? "quiet" : classes == all ? "all" : "default");
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (names[i].class & classes)
            print(out, "%s%s", listed++ > 0 ? "," : "", names[i].name);
}
