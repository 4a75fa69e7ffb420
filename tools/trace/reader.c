/* SPDX-License-Identifier: MIT
 * Reading chunks, and not trusting them. */
#include "tools/trace/reader.h"
#include "tools/trace/trace.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { WARNINGS_MAX = 8, NS_PER_MS = 1000000 };

/* Ends reading; what came before is whole. => false */
static bool bad(struct reader *r, uint64_t offset, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static bool bad(struct reader *r, uint64_t offset, const char *fmt, ...)
{
    va_list ap;
    int n = snprintf(r->error, sizeof r->error, "offset %" PRIu64 ": ", offset);
    va_start(ap, fmt);
    vsnprintf(r->error + n, sizeof r->error - (size_t)n, fmt, ap);
    va_end(ap);
    return false;
}

/* A warning, unless there were too many. */
static bool quiet(struct reader *r)
{
    return r->said++ >= WARNINGS_MAX;
}

void reader_open(struct reader *r, const char *path, const struct filter *filter)
{
    bool standard = strcmp(path, "-") == 0;
    *r = (struct reader){.path = standard ? "(standard input)" : path, .filter = filter};
    r->file = standard ? stdin : fopen(path, "rb");
    if (r->file == NULL)
        die(TRACE_FAILED, "%s: %s", path, strerror(errno));
}

static size_t read_bytes(struct reader *r, void *to, size_t size)
{
    size_t got = fread(to, 1, size, r->file);
    r->at += got;
    return got;
}

static bool check_header(struct reader *r)
{
    const struct trace_header *h = &r->chunk.header;
    const uint64_t at = r->base;
    if (h->magic != TRACE_MAGIC)
        return bad(r, at, "%08" PRIx32 " where a chunk begins: expected %08x (FLTR); %s", h->magic,
                   TRACE_MAGIC, r->chunks == 0 ? "this is no trace" : "the file is damaged");
    if (h->version != TRACE_VERSION)
        return bad(r, at + offsetof(struct trace_header, version), "version %u: expected %d", h->version,
                   TRACE_VERSION);
    if (h->count > TRACE_CHUNK_EVENTS)
        return bad(r, at + offsetof(struct trace_header, count), "%u events in a chunk: expected at most %d",
                   h->count, TRACE_CHUNK_EVENTS);
    if (h->khz == 0)
        return bad(r, at + offsetof(struct trace_header, khz),
                   "0 ticks in a millisecond: expected 1 or more");
    if (r->chunks > 0 && (h->khz != r->khz || h->boot_ticks != r->boot_ticks))
        return bad(r, at,
                   "a clock of %u kHz and %" PRIu64 ": expected %u kHz and %" PRIu64
                   " as before; these are two traces",
                   h->khz, h->boot_ticks, r->khz, r->boot_ticks);
    return true;
}

/* Chunks that are missing, and events that never came into one. */
static void count_gaps(struct reader *r, uint32_t expected, uint64_t lost_before)
{
    const struct trace_header *h = &r->chunk.header;
    if (h->sequence != expected && h->sequence == 0) {
        r->restarts++;
        lost_before = 0;
        if (!quiet(r))
            warn("%s: offset %" PRIu64 ": tracing began anew here", r->path, r->base);
    } else if (h->sequence > expected) {
        r->missing += h->sequence - expected;
        if (!quiet(r))
            warn("%s: offset %" PRIu64 ": %u chunks are missing before this one, number %u", r->path, r->base,
                 h->sequence - expected, h->sequence);
    } else if (h->sequence < expected && !quiet(r)) {
        warn("%s: offset %" PRIu64 ": chunk %u comes after chunk %u", r->path, r->base, h->sequence,
             expected - 1);
    }
    if (h->lost > lost_before) {
        r->lost += h->lost - lost_before;
        if (!quiet(r))
            warn("%s: offset %" PRIu64 ": %" PRIu64 " events were lost before this chunk", r->path, r->base,
                 h->lost - lost_before);
    }
}

static bool next_chunk(struct reader *r)
{
    struct trace_header *h = &r->chunk.header;
    uint32_t expected = r->chunks > 0 ? h->sequence + 1 : 0;
    uint64_t lost = r->chunks > 0 ? h->lost : 0;
    size_t size, got;
    r->base = r->at;
    got = read_bytes(r, h, sizeof *h);
    if (ferror(r->file))
        return bad(r, r->at, "%s", strerror(errno));
    if (got == 0 && r->chunks > 0)
        return false;
    if (got == 0)
        return bad(r, 0, "the file is empty: expected a trace");
    if (got < sizeof h->magic || (got < sizeof *h && h->magic != TRACE_MAGIC))
        return bad(r, r->base, "%zu bytes that begin no chunk: expected %zu, beginning with FLTR", got,
                   sizeof *h);
    if (got < sizeof *h)
        return bad(r, r->at, "the file ends after %zu bytes of a chunk's header: expected %zu", got,
                   sizeof *h);
    if (!check_header(r))
        return false;
    count_gaps(r, expected, lost);
    r->khz = h->khz;
    r->boot_ticks = h->boot_ticks;
    r->chunks++;
    size = h->count * sizeof r->chunk.events[0];
    got = read_bytes(r, r->chunk.events, size);
    r->next = 0;
    r->whole = (uint32_t)(got / sizeof r->chunk.events[0]);
    if (ferror(r->file))
        bad(r, r->at, "%s", strerror(errno));
    else if (got < size)
        bad(r, r->at, "the file ends within a chunk: expected %u events, there are %u", h->count, r->whole);
    return true;
}

static bool passes(struct reader *r, const struct trace_event *e)
{
    const struct filter *f = r->filter;
    uint64_t ns = reader_ns(r, e);
    return (f->kinds >> e->kind & 1) && ns >= f->from_ns && ns <= f->to_ns &&
           (!f->some_pids || (f->pids[e->pid / 8] >> e->pid % 8 & 1));
}

const struct trace_event *reader_next(struct reader *r)
{
    for (;;) {
        while (r->next == r->whole)
            if (r->error[0] != '\0' || !next_chunk(r))
                return NULL;
        const struct trace_event *e = &r->chunk.events[r->next++];
        if (e->kind >= EVENT_KINDS) {
            bad(r,
                r->base + sizeof r->chunk.header + (uint64_t)(r->next - 1) * sizeof *e +
                    offsetof(struct trace_event, kind),
                "an event of kind %u: expected 0 to %d", e->kind, EVENT_KINDS - 1);
            r->next = r->whole;
            return NULL;
        }
        r->events++;
        r->back += e->ticks < r->last_ticks;
        r->last_ticks = e->ticks;
        if (passes(r, e)) {
            r->wanted++;
            r->shown_ns = r->last_ns;
            return e;
        }
    }
}

int reader_close(struct reader *r)
{
    if (r->said > WARNINGS_MAX)
        warn("%s: and %u more like these", r->path, r->said - WARNINGS_MAX);
    if (r->missing > 0 || r->lost > 0)
        warn("%s: incomplete: %" PRIu64 " events lost, %u chunks missing", r->path, r->lost, r->missing);
    if (r->back > 0)
        warn("%s: %" PRIu64 " times an event is earlier than the one before it", r->path, r->back);
    if (r->error[0] != '\0')
        warn("%s: %s", r->path, r->error);
    if (r->file != stdin)
        fclose(r->file);
    return r->error[0] != '\0' ? TRACE_FAILED : TRACE_OK;
}

uint64_t reader_span_ns(const struct reader *r, uint64_t ticks)
{
    return (uint64_t)((unsigned __int128)ticks * NS_PER_MS / r->khz);
}

uint64_t reader_ns(struct reader *r, const struct trace_event *e)
{
    uint64_t ns = e->ticks > r->boot_ticks ? reader_span_ns(r, e->ticks - r->boot_ticks) : 0;
    r->last_ns = MAX(r->last_ns, ns);
    return r->last_ns;
}
