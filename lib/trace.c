/* SPDX-License-Identifier: MIT
 * The ring of chunks, and who is allowed into it. */
#include "lib/trace.h"
#include "lib/string.h"
#include "lib/watch.h"

uint32_t trace_classes, trace_only, trace_pid;

static const struct trace_port *port;
static uint64_t (*now)(void);
static uint64_t boot_ticks;
static uint32_t khz = 1;

/* Chunks are filled in turn. Those from `oldest` up to the one being filled are full and wait for the port.
 */
static struct trace_chunk *ring[TRACE_CHUNKS_MAX];
static uint32_t chunks;  /* in the ring */
static uint32_t filling; /* index of the chunk that events go into */
static uint32_t waiting; /* full chunks before it that no port has taken */
static uint32_t filled;  /* chunks that were begun, since tracing began; of the one being filled + 1 */

static struct trace_counts counts;

void trace_set_clock(uint64_t (*ticks)(void), uint64_t boot, uint32_t ticks_per_ms)
{
    now = ticks;
    boot_ticks = boot;
    khz = ticks_per_ms;
}

void trace_set_port(const struct trace_port *p)
{
    port = p;
}

const struct trace_port *trace_port(void)
{
    return port;
}

uint32_t trace_chunk_count(void)
{
    return chunks;
}

const struct trace_counts *trace_counts(void)
{
    return &counts;
}

static void begin(struct trace_chunk *c)
{
    c->header = (struct trace_header){
        .magic = TRACE_MAGIC,
        .version = TRACE_VERSION,
        .sequence = filled++,
        .lost = counts.lost,
        .khz = khz,
        .boot_ticks = boot_ticks,
    };
}

bool trace_add_chunk(struct trace_chunk *chunk)
{
    if (chunks == TRACE_CHUNKS_MAX)
        return false;
    ring[chunks++] = chunk;
    chunk->header.count = 0;
    if (chunks == 1)
        begin(chunk);
    return true;
}

void trace_reset(void)
{
    memset(&counts, 0, sizeof counts);
    waiting = filled = 0;
    for (uint32_t i = 0; i < chunks; i++)
        if (port == NULL || port->sent(ring[i]))
            ring[i]->header.count = 0;
    if (chunks > 0)
        begin(ring[filling]);
}

/* ---- filling ---- */

static uint32_t bytes_of(const struct trace_chunk *c)
{
    return (uint32_t)(sizeof c->header + c->header.count * sizeof c->events[0]);
}

/* The port gets what waits, oldest first. */
static void hand_over(void)
{
    while (waiting > 0 && port != NULL) {
        struct trace_chunk *c = ring[(filling + chunks - waiting) % chunks];
        if (!port->send(c, bytes_of(c)))
            return;
        waiting--;
        counts.chunks_sent++;
    }
}

/* Goes on to the next chunk. => false: the port is not done with it */
static bool advance(void)
{
    struct trace_chunk *next = ring[(filling + 1) % chunks];
    hand_over();
    if (waiting + 1 == chunks && chunks > 1) { /* no port takes it: its events give way to new ones */
        counts.lost += next->header.count;
        waiting--;
    } else if (chunks == 1) {
        counts.lost += next->header.count;
    } else if (port != NULL && !port->sent(next)) {
        return false;
    }
    if (chunks > 1) {
        filling = (filling + 1) % chunks;
        waiting++;
    }
    begin(next);
    hand_over();
    return true;
}

static bool room(void)
{
    if (unlikely(chunks == 0))
        return false;
    return likely(ring[filling]->header.count < TRACE_CHUNK_EVENTS) || advance();
}

void NOINLINE trace_put(uint32_t head, uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e)
{
    const uint32_t kind = head & 0xff, pid = head >> 16;
    if (trace_only != 0 && pid != trace_only)
        return;
    counts.seen[kind]++;
    if (unlikely(!room())) {
        counts.lost++;
        return;
    }
    struct trace_chunk *chunk = ring[filling];
    chunk->events[chunk->header.count++] = (struct trace_event){
        .ticks = now != NULL ? now() : 0,
        .kind = (uint8_t)kind,
        .flags = (uint8_t)(head >> 8),
        .pid = (uint16_t)pid,
        .arg = {a, b, c, d, e},
    };
}

void trace_put_text(enum trace_kind kind, uint32_t pid, const char *text)
{
    size_t left = strlen(text);
    do {
        uint32_t w[TRACE_ARGS] = {0};
        size_t n = MIN(left, (size_t)TRACE_TEXT);
        memcpy(w, text, n);
        trace_put(TRACE_HEAD(kind, 0, pid), w[0], w[1], w[2], w[3], w[4]);
        text += n;
        left -= n;
    } while (left > 0);
}

void trace_flush(void)
{
    if (chunks == 0 || port == NULL)
        return;
    hand_over();
    if (ring[filling]->header.count > 0 && waiting == 0 && chunks > 1)
        advance();
}

const struct trace_event *trace_last(uint32_t n)
{
    for (uint32_t i = 0; i < chunks; i++) {
        const struct trace_chunk *c = ring[(filling + chunks - i) % chunks];
        if (i > 0 && c->header.count == 0)
            return NULL;
        if (n < c->header.count)
            return &c->events[c->header.count - 1 - n];
        n -= c->header.count;
    }
    return NULL;
}

void trace_print_here(struct printer *out, const struct trace_event *e)
{
    trace_print(out, e, boot_ticks, khz);
}

/* ---- classes ---- */

void trace_set_classes(uint32_t classes)
{
    trace_classes = classes;
    watch(WATCH_TRACE, classes);
}

void trace_names(struct printer *out)
{
    classes_print(out, TRACE_ALL, false, 0);
}

void trace_describe(struct printer *out)
{
    classes_print(out, TRACE_ALL, true, trace_classes);
}
