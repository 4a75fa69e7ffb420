/* SPDX-License-Identifier: MIT
 * Workloads from files: malloc traces of real programs (tools/malloc), and lists that somebody wrote. */
#include "tools/alloc/alloc.h"
#include "tools/malloc/trace.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char workload_formats[] =
    "  malloc trace  of a real program, as make malloc-trace records it. A unit is 16 bytes, or as many more "
    "as\n"
    "                it takes; the arena has so many that the trace's peak is the load. A realloc is an\n"
    "                allocation, then a free\n"
    "  list          of a person: lines \"+NAME BYTES\" allocate, \"-NAME\" free, # begins a comment. The "
    "arena is\n"
    "                that of --units and --unit-bytes\n";

enum {
    GRAIN = 16,           /* bytes: what malloc rounds to */
    MOST_UNITS = 1 << 18, /* of an arena: its book is an array of pointers */
    PERCENT = 100,
    LINE = 256,
    NAMES = 4096, /* in a list */
};

static FILE *open_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        die(ALLOC_USAGE, "no workload \"%s\", and no such file (%s); --help lists the workloads", path,
            strerror(errno));
    return f;
}

/* ---- malloc traces ---- */

struct blocks { /* by the trace's numbers */
    uint32_t *ids;
    uint32_t room;
};

#define NO_BLOCK UINT32_MAX

static uint32_t *block_of(struct blocks *b, uint32_t number)
{
    if (number >= b->room) {
        uint32_t room = MAX(2 * b->room, number + 1);
        b->ids = host_array(b->ids, room, sizeof *b->ids);
        memset(b->ids + b->room, 0xff, (room - b->room) * sizeof *b->ids);
        b->room = room;
    }
    return &b->ids[number];
}

static void add_record(struct workload *w, struct blocks *b, trace_record r)
{
    uint32_t *id = block_of(b, trace_id(r)), old = *id;
    enum trace_op op = trace_op(r);
    *id = NO_BLOCK;
    if (op != TRACE_FREE) {
        *id = w->ids;
        workload_add(w, w->ids, MAX(trace_size(r), 1u));
    }
    if (old != NO_BLOCK && (op == TRACE_FREE || op == TRACE_REALLOC))
        workload_add(w, old, 0);
}

/* Units at the peak. */
static uint64_t peak(const struct workload *w, uint32_t unit_bytes)
{
    uint32_t *sizes = host_array(NULL, w->ids, sizeof *sizes);
    uint64_t now = 0, most = 0;
    for (uint32_t i = 0; i < w->count; i++) {
        const struct alloc_op *op = &w->ops[i];
        if (op->bytes > 0)
            now += sizes[op->id] = units_of(op->bytes, unit_bytes);
        else
            now -= sizes[op->id];
        most = MAX(most, now);
    }
    free(sizes);
    return most;
}

static void read_trace(struct workload *w, FILE *f, const struct shape *s)
{
    struct blocks b = {NULL, 0};
    trace_record r;
    uint32_t allocs = 0;
    while (fread(&r, sizeof r, 1, f) == 1 && r != TRACE_END && (s->allocs == 0 || allocs < s->allocs)) {
        add_record(w, &b, r);
        allocs += trace_op(r) != TRACE_FREE;
    }
    free(b.ids);
    for (w->unit_bytes = GRAIN;; w->unit_bytes *= 2) {
        uint64_t units = peak(w, w->unit_bytes) * PERCENT / s->load + 1;
        w->units = (uint32_t)units;
        if (units <= MOST_UNITS)
            break;
    }
}

/* ---- lists ---- */

struct names {
    char *name[NAMES];
    uint32_t id[NAMES];
    uint32_t count;
};

static uint32_t find_name(const struct names *n, const char *name)
{
    uint32_t i = 0;
    while (i < n->count && strcmp(n->name[i], name) != 0)
        i++;
    return i;
}

/* "+NAME BYTES" or "-NAME". => what is wrong with it, or NULL */
static const char *add_line(struct workload *w, struct names *n, char *line)
{
    char sign = *line++, name[LINE], rest[2];
    uint32_t bytes = 0;
    int words = sscanf(line, "%255s %u %1s", name, &bytes, rest);
    if ((sign != '+' && sign != '-') || words != (sign == '+' ? 2 : 1))
        return "expected \"+NAME BYTES\" or \"-NAME\"";
    uint32_t i = find_name(n, name);
    if (sign == '-') {
        if (i == n->count)
            return "nothing of that name is allocated";
        workload_add(w, n->id[i], 0);
        free(n->name[i]);
        n->count--;
        n->name[i] = n->name[n->count];
        n->id[i] = n->id[n->count];
        return NULL;
    }
    if (i < n->count)
        return "this name is allocated already";
    if (bytes == 0)
        return "expected at least 1 byte";
    if (n->count == NAMES)
        return "too many names are allocated at once";
    n->id[n->count] = w->ids;
    n->name[n->count++] = strcpy(host_array(NULL, strlen(name) + 1, 1), name);
    workload_add(w, w->ids, bytes);
    return NULL;
}

static void read_list(struct workload *w, FILE *f, const struct shape *s)
{
    static struct names names;
    char line[LINE];
    w->units = s->units;
    w->unit_bytes = s->unit_bytes;
    for (uint32_t number = 1; fgets(line, sizeof line, f) != NULL; number++) {
        line[strcspn(line, "#\n")] = '\0';
        char *at = line;
        while (isspace((unsigned char)*at))
            at++;
        const char *wrong = *at != '\0' ? add_line(w, &names, at) : NULL;
        if (wrong != NULL)
            die(ALLOC_USAGE, "%s:%u: %s", w->name, number, wrong);
    }
    while (names.count > 0)
        free(names.name[--names.count]);
}

void workload_read(struct workload *w, const char *path, const struct shape *s)
{
    const char *slash = strrchr(path, '/');
    FILE *f = open_file(path);
    struct trace_header head;
    *w = (struct workload){.name = slash != NULL ? slash + 1 : path};
    bool trace =
        fread(&head, sizeof head, 1, f) == 1 && memcmp(head.magic, TRACE_MAGIC, sizeof head.magic) == 0;
    if (trace && (head.version != TRACE_VERSION || head.record_size != sizeof(trace_record)))
        die(ALLOC_USAGE, "%s: version %u of malloc traces; expected %d", path, head.version, TRACE_VERSION);
    if (trace) {
        read_trace(w, f, s);
    } else {
        rewind(f);
        read_list(w, f, s);
    }
    if (ferror(f) || w->count == 0)
        die(ALLOC_USAGE, "%s: %s", path, ferror(f) ? strerror(errno) : "no operations in it");
    fclose(f);
}
