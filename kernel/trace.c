/* SPDX-License-Identifier: MIT
 * Tracing as a person uses it: the ring's memory, and the command. */
#include "kernel/trace.h"
#include "drivers/serial.h"
#include "drivers/virtio_serial.h"
#include "lib/command.h"
#include "lib/log.h"
#include "lib/string.h"
#include "lib/trace.h"
#include "lib/watch.h"
#include "mm/buddy.h"

enum { CHUNK_ORDER = 2, SHOW_DEFAULT = 20, CHANGE_TEXT = 128, KIB_PER_CHUNK = TRACE_CHUNK_BYTES / 1024 };
_Static_assert(PAGE_SIZE << CHUNK_ORDER == TRACE_CHUNK_BYTES, "a chunk is a block of frames");

static uint32_t ring_kib;

/* What traceport= may name, what opens it, and what the machine must have for it. */
static const struct {
    const char *name;
    const struct trace_port *(*open)(void);
    const char *needs; /* NULL: it may be missing */
} ports[] = {
    {"auto", virtio_serial_open, NULL},
    {"virtio", virtio_serial_open, "a virtio-serial device with a port nr=1 in the machine"},
    {"com2", serial_trace_open, "a second serial port in the machine"},
    {"none", NULL, NULL},
};

static bool open_port(size_t n, struct printer *out)
{
    const struct trace_port *port = ports[n].open != NULL ? ports[n].open() : NULL;
    trace_set_port(port);
    if (port == NULL && ports[n].needs != NULL)
        print(out, "command line: traceport=%s: expected %s\n", ports[n].name, ports[n].needs);
    return port != NULL || ports[n].needs == NULL;
}

bool trace_init(const char *port, uint32_t kib, struct printer *out)
{
    ring_kib = kib;
    for (size_t i = 0; i < ARRAY_SIZE(ports); i++)
        if (strcmp(port, ports[i].name) == 0)
            return open_port(i, out);
    print(out, "command line: traceport=%s: expected one of:", port);
    for (size_t i = 0; i < ARRAY_SIZE(ports); i++)
        print(out, " %s", ports[i].name);
    print(out, "\n");
    return false;
}

/* A chunk, as long as the kernel's reserve, which is not for this, stays whole. */
static bool add_chunk(void)
{
    bool spare = buddy_low_free() >= buddy_reserve() + (1u << CHUNK_ORDER);
    struct frame *f = spare ? buddy_alloc(CHUNK_ORDER, ALLOC_KERNEL) : NULL;
    return f != NULL && trace_add_chunk(frame_ptr(f));
}

/* `said` is what the user said. */
static bool set_classes(const char *list, const char *said, struct printer *out)
{
#ifdef NO_TRACE
    print(out, "trace: this kernel was built without tracepoints (TRACEPOINTS=0)\n");
    return false;
#endif
    uint32_t classes = trace_classes;
    if (!classes_parse(list, TRACE_ALL, TRACE_STANDARD, &classes)) {
        print(out, "trace: %s: expected " LOG_LIST, said);
        trace_names(out);
        print(out, ", each with + or - if wanted\n");
        return false;
    }
    while (classes != 0 && trace_chunk_count() < ring_kib / KIB_PER_CHUNK && add_chunk())
        ;
    if (classes != 0 && trace_chunk_count() == 0) {
        print(out, "trace: no %d KiB of adjoining memory are free\n", KIB_PER_CHUNK);
        return false;
    }
    trace_set_classes(classes);
    return true;
}

bool trace_start(const char *list, struct printer *out)
{
    return set_classes(list, list, out);
}

static void describe(struct printer *out)
{
    const struct trace_counts *c = trace_counts();
    print(out, "trace:");
    trace_describe(out);
    print(out, "\ntrace: pid=");
    print(out, trace_only != 0 ? "%u" : "all", trace_only);
    print(out, " ring=%uK port=%s chunks-sent=%u lost=%u\n", trace_chunk_count() * KIB_PER_CHUNK,
          trace_port() != NULL ? trace_port()->name : "none", c->chunks_sent, c->lost);
    for (int kind = 0; kind < EVENT_KINDS; kind++)
        if (c->seen[kind] > 0)
            print(out, "  %-10s %u\n", trace_kind_name((enum trace_kind)kind), c->seen[kind]);
}

static void show(uint32_t count, struct printer *out)
{
    uint32_t n = 0;
    while (n < count && trace_last(n) != NULL)
        n++;
    if (n == 0)
        print(out, "trace: nothing is recorded%s\n", trace_classes == 0 ? "; first: trace on" : "");
    while (n-- > 0) {
        trace_print_here(out, trace_last(n));
        print(out, "\n");
    }
}

static int bad(struct printer *out, const char *what, const char *legal)
{
    print(out, "trace: %s: expected %s\n", what, legal);
    return 1;
}

static int set_pid(const char *text, struct printer *out)
{
    uint32_t pid = 0;
    if (strcmp(text, "all") != 0 && (!parse_u32(text, false, &pid) || pid == 0))
        return bad(out, text, "a pid, or all");
    trace_only = pid;
    return 0;
}

/* on|off CLASSES: each name gets a sign, as in a list for log. */
static int change(const char *sign, const char *names, struct printer *out)
{
    char list[CHANGE_TEXT];
    size_t at = 0;
    for (const char *from = names; *from != '\0'; from++) {
        if ((from == names || from[-1] == ',') && at + 1 < sizeof list)
            list[at++] = *sign;
        if (at + 1 >= sizeof list)
            return bad(out, names, "a shorter list");
        list[at++] = *from;
    }
    list[at] = '\0';
    return set_classes(list, names, out) ? 0 : 1;
}

static int command_run(int argc, char **argv, struct printer *out)
{
    static const char usage[] = "on|off [CLASSES], pid N|all, show [N], flush, reset, or no argument";
    const char *what = argc > 1 ? argv[1] : "", *value = argc > 2 ? argv[2] : NULL;
    uint32_t count = SHOW_DEFAULT;
    int result = 0;
    if (argc > 3)
        return bad(out, argv[3], "at most two arguments");
    if (argc == 1)
        describe(out);
    else if (strcmp(what, "on") == 0)
        result = value != NULL ? change("+", value, out) : trace_start("default", out) ? 0 : 1;
    else if (strcmp(what, "off") == 0)
        result = value != NULL ? change("-", value, out) : trace_start("quiet", out) ? 0 : 1;
    else if (strcmp(what, "pid") == 0 && value != NULL)
        result = set_pid(value, out);
    else if (strcmp(what, "show") == 0 && value != NULL && (!parse_u32(value, false, &count) || count == 0))
        result = bad(out, value, "a number of events from 1 on");
    else if (strcmp(what, "show") == 0)
        show(count, out);
    else if (strcmp(what, "flush") == 0 && value == NULL)
        trace_flush();
    else if (strcmp(what, "reset") == 0 && value == NULL)
        trace_reset();
    else
        result = bad(out, what, usage);
    return result;
}

static void trace_complete(int argc, char **argv, struct completion *c)
{
    if (argc == 2 && strcmp(argv[1], "pid") == 0)
        complete_words(c, "all");
    if (argc != 2 || (strcmp(argv[1], "on") != 0 && strcmp(argv[1], "off") != 0))
        return;
    complete_last_item(c, ",");
    for (uint32_t i = 0; class_name(i, TRACE_ALL) != NULL; i++)
        complete_offer(c, class_name(i, TRACE_ALL));
}

COMMAND_AT_STOP(
    trace, "[on|off [CLASSES] | ...]", "binary events: pid N|all, show [N], flush, reset", command_run,
    .words = "on off pid show flush reset", .complete = trace_complete,
    .more = "  Without an argument: what is on, the port, and how many events there were.\n"
            "  on, off: classes with commas between them, all or default; alone: the default ones, all\n"
            "  pid: events of this program only. show: the last N events (20). flush: what there is goes\n"
            "  to the port now. reset: what there is is forgotten. A file on the host gets the events with\n"
            "  make trace, or make run TRACEFILE=file.\n"
            "  Example: trace on fault,evict; run matmul; trace show 5\n");
