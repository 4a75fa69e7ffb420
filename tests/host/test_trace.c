/* SPDX-License-Identifier: MIT
 * The ring of trace events against a model: a port that refuses and is slow at random gets every event once
 * and in order, and what is missing is counted where it is missing. Then classes, and events as text. */
#include "lib/log.h"
#include "lib/panic.h"
#include "lib/random.h"
#include "lib/string.h"
#include "lib/trace.h"
#include "lib/watch.h"
#include "tests/host/test.h"

/* ---- a port that does what the test wants ---- */

enum { SLOTS = 8, CHUNKS = 24 };

static struct {
    const struct trace_chunk *chunk;
    struct trace_chunk copy; /* as it was when it was taken */
} slots[SLOTS];

static struct {
    uint32_t seed;
    uint32_t refuses, delays; /* of 100 times */
    bool stuck;
    uint32_t oldest, taken; /* slots in use, from slots[oldest % SLOTS] to before slots[taken % SLOTS] */
    bool broken;            /* somebody did what the contract forbids */
} port;

/* What arrived. Events are numbered as they are put, lost ones too. */
static uint32_t arrivals, missing, chunk_sequence, partial;

static void receive(const struct trace_chunk *c)
{
    port.broken |= c->header.magic != TRACE_MAGIC || c->header.version != TRACE_VERSION ||
                   c->header.count > TRACE_CHUNK_EVENTS || c->header.sequence != chunk_sequence++ ||
                   c->header.lost < missing;
    missing = c->header.lost;
    partial += c->header.count < TRACE_CHUNK_EVENTS;
    for (uint32_t i = 0; i < c->header.count; i++)
        port.broken |= c->events[i].arg[0] != arrivals++ + missing;
}

static bool fake_send(const struct trace_chunk *c, uint32_t bytes)
{
    if (port.stuck || port.taken - port.oldest == SLOTS || random_below(&port.seed, 100) < port.refuses)
        return false;
    port.broken |= bytes != sizeof c->header + c->header.count * sizeof c->events[0];
    slots[port.taken % SLOTS].chunk = c;
    memcpy(&slots[port.taken % SLOTS].copy, c, bytes);
    port.taken++;
    return true;
}

static bool fake_sent(const struct trace_chunk *c)
{
    uint32_t i = port.oldest;
    while (i != port.taken && slots[i % SLOTS].chunk != c)
        i++;
    if (i == port.taken)
        return true;
    if (port.stuck || i != port.oldest || random_below(&port.seed, 100) < port.delays)
        return false;
    const struct trace_chunk *copy = &slots[port.oldest++ % SLOTS].copy;
    port.broken |= memcmp(c, copy, sizeof c->header + copy->header.count * sizeof c->events[0]) != 0;
    receive(copy);
    return true;
}

static const struct trace_port fake = {"fake", fake_send, fake_sent};

/* ---- the tracer as it is at boot; each test has a process of its own ---- */

static uint32_t put;

static void expect_text(struct ktest_run *t, const char *text, const char *wanted)
{
    EXPECT(t, strcmp(text, wanted) == 0);
    if (strcmp(text, wanted) != 0)
        print(t->out, "# \"%s\", expected \"%s\"\n", text, wanted);
}

static void add_chunk(void)
{
    static struct trace_chunk pool[CHUNKS];
    if (!trace_add_chunk(&pool[trace_chunk_count()]))
        panic("test: a chunk is refused");
}

static void start(const struct trace_port *p, uint32_t chunks)
{
    port.seed = 1;
    trace_set_port(p);
    trace_set_classes(TRACE_ALL);
    while (chunks-- > 0)
        add_chunk();
}

static void put_events(uint32_t n)
{
    while (n-- > 0) {
        TRACE(REF, 0, 1, put);
        put++;
    }
}

/* All that was put has arrived or is counted, and the events that came are those that were not counted. */
static void check_all(struct ktest_run *t)
{
    EXPECT(t, !port.broken);
    EXPECT_EQ(t, trace_counts()->seen[EVENT_REF], put);
    EXPECT_EQ(t, arrivals + trace_counts()->lost, put);
    EXPECT_EQ(t, missing, trace_counts()->lost);
}

TEST(trace_port_that_keeps_up)
{
    start(&fake, 4);
    put_events(100000);
    trace_finish();
    check_all(t);
    EXPECT_EQ(t, trace_counts()->lost, 0);
    EXPECT_EQ(t, trace_counts()->chunks_sent, (100000 + TRACE_CHUNK_EVENTS - 1) / TRACE_CHUNK_EVENTS);
    EXPECT_EQ(t, trace_counts()->chunks_sent, chunk_sequence);
}

/* Every number of chunks, ports from quick to hopeless, ticks now and then, chunks that are added late. */
TEST(trace_port_at_random)
{
    uint32_t seed = 5, lossy = 0, whole = 0;
    start(&fake, 1);
    for (uint32_t round = 0; round < 60; round++) {
        if (round % 3 == 0)
            add_chunk();
        uint32_t lost = trace_counts()->lost;
        port.refuses = random_below(&seed, 4) * 33;
        port.delays = random_below(&seed, 4) * 33;
        for (uint32_t i = 0; i < 300; i++) {
            port.stuck = random_below(&seed, 4) == 0;
            put_events(random_below(&seed, 40));
            if (random_below(&seed, 3) == 0)
                trace_flush();
        }
        port.stuck = false;
        if (trace_counts()->lost > lost)
            lossy++;
        else
            whole++;
    }
    trace_finish();
    check_all(t);
    EXPECT(t, lossy > 5 && whole > 5 && partial > 50);
}

/* While the port is busy, a tick does not use a chunk up for a few events. */
TEST(trace_flush_waits_for_an_idle_port)
{
    enum { RING = 4 };
    start(&fake, RING);
    put_events(1);
    trace_flush();
    EXPECT_EQ(t, trace_counts()->chunks_sent, 1); /* it was idle: it gets what there is */
    port.stuck = true;
    put_events(1);
    trace_flush();
    for (uint32_t i = 0; i < 2 * TRACE_CHUNK_EVENTS; i++) {
        put_events(1);
        trace_flush();
    }
    EXPECT_EQ(t, trace_counts()->lost, 0); /* three full chunks have room for them */
    put_events(2 * TRACE_CHUNK_EVENTS);
    port.stuck = false;
    trace_finish();
    check_all(t);
    EXPECT_EQ(t, trace_counts()->lost, TRACE_CHUNK_EVENTS); /* the chunk of one event took that room */
}

/* The last events are lost, and no event comes after them: they are reported all the same. */
TEST(trace_losses_at_the_end_are_told)
{
    start(&fake, 2);
    port.stuck = true;
    put_events(3 * TRACE_CHUNK_EVENTS);
    EXPECT_EQ(t, trace_counts()->lost, TRACE_CHUNK_EVENTS);
    port.stuck = false;
    trace_finish();
    check_all(t);
    EXPECT_EQ(t, chunk_sequence, 3);
}

TEST(trace_finish_gives_up)
{
    start(&fake, 2);
    port.stuck = true;
    put_events(100);
    trace_finish();
    EXPECT_EQ(t, arrivals, 0);
}

/* What flies at a reset must not change, and arrives; what waits is forgotten. */
TEST(trace_reset_while_chunks_fly)
{
    start(&fake, 6);
    port.delays = 100;
    put_events(2 * TRACE_CHUNK_EVENTS + 1); /* two fly */
    port.refuses = 100;
    put_events(2 * TRACE_CHUNK_EVENTS); /* two wait */
    EXPECT_EQ(t, trace_counts()->chunks_sent, 2);
    trace_reset();
    put = 0;
    EXPECT_EQ(t, trace_counts()->seen[EVENT_REF], 0);
    EXPECT_EQ(t, trace_counts()->chunks_sent, 0);
    EXPECT(t, trace_last(0) == NULL);
    put_events(3 * TRACE_CHUNK_EVENTS); /* into the rest of the ring: not into what flies */
    EXPECT_EQ(t, trace_counts()->lost, 0);
    port.delays = 0;
    trace_flush(); /* the two come back */
    EXPECT(t, !port.broken);
    EXPECT_EQ(t, arrivals, 2 * TRACE_CHUNK_EVENTS);
    arrivals = chunk_sequence = 0;
    port.refuses = 0;
    trace_finish();
    check_all(t);
    EXPECT_EQ(t, arrivals, 3 * TRACE_CHUNK_EVENTS);
}

/* ---- no port ---- */

static void expect_last(struct ktest_run *t, uint32_t n, uint32_t number)
{
    const struct trace_event *e = trace_last(n);
    EXPECT(t, e != NULL && e->arg[0] == number);
}

TEST(trace_flight_recorder)
{
    enum { RING = 3, ALL = RING * TRACE_CHUNK_EVENTS };
    start(NULL, 0);
    put_events(1);
    EXPECT_EQ(t, trace_counts()->lost, 1); /* there was no ring */
    trace_reset();
    put = 0;
    for (uint32_t i = 0; i < RING; i++)
        add_chunk();
    EXPECT(t, trace_last(0) == NULL);
    put_events(ALL);
    EXPECT_EQ(t, trace_counts()->lost, 0);
    expect_last(t, 0, ALL - 1);
    expect_last(t, ALL - 1, 0);
    EXPECT(t, trace_last(ALL) == NULL);
    put_events(1); /* the oldest chunk gives way */
    EXPECT_EQ(t, trace_counts()->lost, TRACE_CHUNK_EVENTS);
    expect_last(t, 0, ALL);
    expect_last(t, ALL - TRACE_CHUNK_EVENTS, TRACE_CHUNK_EVENTS);
    EXPECT(t, trace_last(ALL - TRACE_CHUNK_EVENTS + 1) == NULL);
    put_events(10 * ALL);
    uint32_t kept = 0;
    while (trace_last(kept) != NULL) {
        expect_last(t, kept, put - 1 - kept);
        kept++;
    }
    EXPECT_EQ(t, trace_counts()->lost + kept, put);
    trace_reset();
    EXPECT(t, trace_last(0) == NULL);
    EXPECT_EQ(t, trace_counts()->lost, 0);
    put = 0;
    put_events(1);
    expect_last(t, 0, 0);
}

TEST(trace_flight_recorder_of_one_chunk)
{
    start(NULL, 1);
    put_events(TRACE_CHUNK_EVENTS + 1);
    EXPECT_EQ(t, trace_counts()->lost, TRACE_CHUNK_EVENTS);
    expect_last(t, 0, TRACE_CHUNK_EVENTS);
    EXPECT(t, trace_last(1) == NULL);
}

/* ---- what is recorded ---- */

TEST(trace_filters)
{
    start(NULL, 1);
    trace_set_classes(TRACE_FAULT);
    TRACE(FAULT, 0, 1, 1);
    TRACE(EVICT, 0, 1, 2);
    trace_only = 2;
    TRACE(FAULT, 0, 1, 3);
    TRACE(FAULT, 0, 2, 4);
    trace_only = 0;
    expect_last(t, 0, 4);
    expect_last(t, 1, 1);
    EXPECT(t, trace_last(2) == NULL);
    EXPECT_EQ(t, trace_counts()->seen[EVENT_FAULT], 2);
    EXPECT_EQ(t, trace_counts()->seen[EVENT_EVICT], 0);
    EXPECT(t, watched(LOG_FAULT) && !trace_on(TRACE_EVICT));
    trace_set_classes(0);
    EXPECT_EQ(t, watched_classes & ~LOG_DEFAULT, 0);
}

static uint64_t fixed_time(void)
{
    return 1000 + 12345678;
}

static void print_last(struct text_printer *p)
{
    text_start(p);
    trace_print_here(&p->to, trace_last(0));
}

static void expect_line(struct ktest_run *t, const char *line)
{
    struct text_printer p;
    print_last(&p);
    expect_text(t, p.text, line);
}

TEST(trace_events_as_text)
{
    start(NULL, 1);
    trace_set_clock(fixed_time, 1000, 1000);
    TRACE(FAULT, 4 | 8 | 32, 7, 0x1234567, 0x08048000, 0x2f, 12, 999);
    expect_line(t, "[   12.345678] fault pid=7 case=4 write major va=0x01234567 ip=0x08048000 frame=0x2f "
                   "slot=12 ticks=999");
    TRACE(FAULT, 1 | 64, 7, 0, 0, UINT32_MAX, UINT32_MAX, 5);
    expect_line(
        t,
        "[   12.345678] fault pid=7 case=1 refused va=0x00000000 ip=0x00000000 frame=none slot=none ticks=5");
    TRACE(EXIT, 1, 3, (uint32_t)-9);
    expect_line(t, "[   12.345678] exit pid=3 killed status=-9");
    TRACE(ALLOC, 10 | 16, 3, 1024);
    expect_line(t, "[   12.345678] alloc pid=3 order=10 user frame=0x400");
    trace_put_text(EVENT_START, 4, "twenty characters...");
    expect_line(t, "[   12.345678] start pid=4 \"twenty characters...\"");
    trace_put_text(EVENT_WHY, 4, "twenty characters and 7 more");
    expect_line(t, "[   12.345678] why pid=4 \"d 7 more\"");
    EXPECT(t, memcmp(trace_last(1)->arg, "twenty characters an", TRACE_TEXT) == 0);
    expect_text(t, trace_kind_name(EVENT_FLUSH), "tlb-flush");
    expect_text(t, trace_kind_name(EVENT_KINDS), "?");
}

/* ---- classes ---- */

static void expect_classes(struct ktest_run *t, const char *list, bool legal, uint32_t wanted)
{
    uint32_t classes = TRACE_SYS;
    EXPECT_EQ(t, classes_parse(list, TRACE_ALL, TRACE_STANDARD, &classes), legal);
    EXPECT_EQ(t, classes, legal ? wanted : TRACE_SYS);
}

TEST(trace_classes_in_words)
{
    expect_classes(t, "", true, TRACE_SYS);
    expect_classes(t, "all", true, TRACE_ALL);
    expect_classes(t, "quiet", true, 0);
    expect_classes(t, "default", true, TRACE_STANDARD);
    expect_classes(t, "fault,evict", true, TRACE_FAULT | TRACE_EVICT);
    expect_classes(t, "+tlb,-sys", true, TRACE_TLB);
    expect_classes(t, "+map", true, TRACE_SYS | TRACE_MAP);
    expect_classes(t, "all,-ref,-sched", true, TRACE_ALL & ~(TRACE_REF | TRACE_SCHED));
    expect_classes(t, "quiet,+alloc", true, TRACE_ALLOC);
    expect_classes(t, "-all,+move", true, TRACE_MOVE);
    expect_classes(t, "default,", true, TRACE_STANDARD);
    expect_classes(t, "faults", false, 0);
    expect_classes(t, "fault,nonsense", false, 0);
    expect_classes(t, "fault,,evict", false, 0);
    expect_classes(t, "+", false, 0);
    expect_classes(t, "fault evict", false, 0);
    expect_classes(t, "boot", false, 0); /* the log's alone */
    struct text_printer p;
    text_start(&p);
    trace_names(&p.to);
    expect_text(t, p.text, " proc fault evict swap sys explain move alloc map tlb sched ref");
    start(NULL, 1);
    trace_set_classes(TRACE_FAULT | TRACE_REF);
    text_start(&p);
    trace_describe(&p.to);
    expect_text(t, p.text, " -proc +fault -evict -swap -sys -explain -move -alloc -map -tlb -sched +ref");
}
