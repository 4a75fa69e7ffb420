/* SPDX-License-Identifier: MIT
 * The ring of chunks, and who is allowed into it.
 *
 * Chunks are filled in turn. Going back from the one being filled there are
 *
 *   waiting   full ones that no port has taken,
 *   flying    those that the port has taken and is not done with,
 *   the rest  sent, or empty: the next to be filled.
 *
 * If nothing is left to be filled, new events are lost: what was begun arrives as a whole, and the header of
 * the next chunk says how many are missing before it. Without a port nothing is ever taken, so the oldest
 * chunk gives way instead: the ring is a flight recorder. */
#include "lib/trace.h"
#include "lib/spin.h"
#include "lib/string.h"
#include "lib/watch.h"

enum { FINISH_MS = 1000 }; /* how long the end waits for a port that does not move */

uint32_t trace_classes, trace_only, trace_pid;

/* A clock of its own for those who have none: it ticks whenever it is read. */
static uint64_t count_looks(void)
{
    static uint64_t looks;
    return looks++;
}

static const struct trace_port *port;
static uint64_t (*now)(void) = count_looks;
static uint64_t boot_ticks;
static uint32_t khz = 1;

static struct trace_chunk *ring[TRACE_CHUNKS_MAX];
static uint32_t chunks;          /* in the ring */
static uint32_t filling;         /* index of the chunk that is being filled, */
static bool open;                /* ... if there is one; else of the next that will be */
static uint32_t waiting, flying; /* as above */
static uint32_t full;            /* chunks before the one being filled that still have their events */
static uint32_t begun;           /* chunks, since tracing began */
static uint32_t told;            /* events lost, as the header of the last chunk that was closed says */

static struct trace_counts counts;

/* Threads that the timer preempts trace, too: whoever puts an event keeps the CPU (lib/spin.h). Interrupts
 * still come, and among them the tick, which flushes: `busy` keeps them out. */
static struct spin lock = SPIN_INIT("trace", RANK_TRACE);
static volatile bool busy;

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

/* ---- the ring ---- */

/* => the chunk n before the one being filled, or that will be; n up to `chunks` */
static struct trace_chunk *before(uint32_t n)
{
    return ring[(filling + chunks - n) % chunks];
}

static uint32_t bytes_of(const struct trace_chunk *c)
{
    return (uint32_t)(sizeof c->header + c->header.count * sizeof c->events[0]);
}

/* The port gets what waits, oldest first, and gives back what it is done with. */
static void hand_over(void)
{
    while (waiting > 0 && port->send(before(waiting), bytes_of(before(waiting)))) {
        waiting--;
        flying++;
        counts.chunks_sent++;
    }
    while (flying > 0 && port->sent(before(waiting + flying)))
        flying--;
}

static void begin(struct trace_chunk *c)
{
    c->header = (struct trace_header){
        .magic = TRACE_MAGIC,
        .version = TRACE_VERSION,
        .sequence = begun++,
        .lost = counts.lost,
        .khz = khz,
        .boot_ticks = boot_ticks,
    };
}

/* The chunk being filled is complete: it waits for the port from here on. */
static void close(void)
{
    told = ring[filling]->header.lost;
    filling = (filling + 1) % chunks;
    waiting++;
    full++;
    open = false;
}

/* Begins the next chunk. => false: there is none */
static bool open_next(void)
{
    if (port != NULL) {
        hand_over();
    } else if (waiting == chunks) {
        counts.lost += ring[filling]->header.count;
        waiting--;
    }
    if (waiting + flying == chunks)
        return false;
    full = MIN(full, chunks - 1);
    begin(ring[filling]);
    return open = true;
}

static bool room(void)
{
    if (likely(open && ring[filling]->header.count < TRACE_CHUNK_EVENTS))
        return true;
    if (chunks == 0)
        return false;
    if (open)
        close();
    return open_next();
}

/* Between the chunk being filled and those that were filled longest ago. */
bool trace_add_chunk(struct trace_chunk *chunk)
{
    if (chunks == TRACE_CHUNKS_MAX)
        return false;
    uint32_t at = open ? filling + 1 : filling;
    memmove(&ring[at + 1], &ring[at], (chunks - at) * sizeof ring[0]);
    ring[at] = chunk;
    chunks++;
    return open || open_next();
}

void trace_reset(void)
{
    memset(&counts, 0, sizeof counts);
    if (chunks == 0)
        return;
    filling = (filling + chunks - waiting) % chunks; /* what waits is forgotten; what flies must stay */
    waiting = full = begun = told = 0;
    open = false;
    open_next();
}

/* ---- events ---- */

void NOINLINE trace_put(uint32_t head, uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e)
{
    const uint32_t kind = head & 0xff, pid = head >> 16;
    if (trace_only != 0 && pid != trace_only)
        return;
    counts.seen[kind]++;
    if (unlikely(busy)) {
        counts.lost++;
        return;
    }
    uint64_t since = log_ticks();
    spin_take(&lock);
    busy = true;
    if (likely(room())) {
        struct trace_chunk *chunk = ring[filling];
        chunk->events[chunk->header.count++] = (struct trace_event){
            .ticks = now(),
            .kind = (uint8_t)kind,
            .flags = (uint8_t)(head >> 8),
            .pid = (uint16_t)pid,
            .arg = {a, b, c, d, e},
        };
    } else {
        counts.lost++;
    }
    busy = false;
    log_skip_ticks(since);
    spin_release(&lock);
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

/* Is there anything that the port has not been given: events, or that some were lost? */
static bool news(void)
{
    return waiting > 0 || told != counts.lost || (open && ring[filling]->header.count > 0);
}

/* A chunk with few events takes as much of the ring as a full one: it is sent only if nothing else is on its
 * way, so that a slow port gets full ones. */
void trace_flush(void)
{
    if (chunks == 0 || port == NULL || busy)
        return;
    hand_over();
    if (waiting + flying > 0 || !news() || (!open && !open_next()))
        return;
    close();
    open_next();
}

void trace_finish(void)
{
    static bool finishing; /* a panic in the middle of this ends here, too */
    if (chunks == 0 || port == NULL || finishing)
        return;
    finishing = true;
    busy = false; /* whoever was interrupted will not go on */
    uint32_t left = 0;
    for (uint64_t since = now(); (flying > 0 || news()) && now() - since < (uint64_t)FINISH_MS * khz;) {
        trace_flush();
        if (waiting + flying != left)
            since = now();
        left = waiting + flying;
    }
    finishing = false;
}

const struct trace_event *trace_last(uint32_t n)
{
    for (uint32_t i = open ? 0 : 1; i <= full; i++) {
        const struct trace_chunk *c = before(i);
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
