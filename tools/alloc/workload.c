/* SPDX-License-Identifier: MIT
 * The made workloads. Time is counted in allocations. Sizes are drawn in units, then up to a unit less in
 * bytes, so that there is internal fragmentation. The shapes over time (ramps, plateaus, peaks) are those
 * that Wilson, Johnstone, Neely and Boles saw in real programs ("Dynamic storage allocation", IWMM 1995). */
#include "lib/random.h"
#include "tools/alloc/alloc.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ALLOCS = 10000,
    SIZE_MAX_UNITS = 32,     /* uniform, ramp: 1 to this many units */
    EXPONENTIAL_MEAN = 16,   /* exponential: units */
    EXPONENTIAL_CUT = 8,     /* ... at most this many means */
    RAMP_LIFE = 32,          /* ramp: the short lives are 1 to this many allocations */
    PLATEAU_SMALL = 8,       /* plateau: nine of ten blocks are of 1 to this many units, */
    PLATEAU_LARGE_MIN = 33,  /* ... one of ten of this many */
    PLATEAU_LARGE_MAX = 128, /* ... to this many */
    PLATEAU_LARGE_ONE_OF = 10,
    SAWTOOTH_FIRST = 8, /* sawtooth: the first tooth's blocks are of 1 to this many units, */
    SAWTOOTH_SIZES = 4, /* ... each tooth doubles it, and after so many it starts over */
    SAWTOOTH_DROP = 4,  /* ... one of so many units survives the drop */
    PERCENT = 100,
};

/* ---- the list of operations ---- */

void workload_add(struct workload *w, uint32_t id, uint32_t bytes)
{
    if (w->count == w->room) {
        w->room = MAX(2 * w->room, 1024u);
        w->ops = host_array(w->ops, w->room, sizeof *w->ops);
    }
    w->ops[w->count++] = (struct alloc_op){id, bytes};
    w->ids = MAX(w->ids, id + 1);
}

void workload_free(struct workload *w)
{
    free(w->ops);
}

uint32_t units_of(uint32_t bytes, uint32_t unit_bytes)
{
    return bytes / unit_bytes + (bytes % unit_bytes != 0);
}

/* ---- what is common to the makers ---- */

struct maker {
    struct workload *w;
    const struct shape *shape;
    uint32_t rng;
    uint32_t target; /* units */
};

static struct maker maker(struct workload *w, const struct shape *s)
{
    return (struct maker){w, s, s->seed, (uint32_t)((uint64_t)s->units * s->load / PERCENT)};
}

static uint32_t between(struct maker *m, uint32_t low, uint32_t high)
{
    return low + random_below(&m->rng, high - low + 1);
}

/* Mean 1. */
static double exponential(struct maker *m)
{
    return -log((random_next(&m->rng) + 0.5) / 4294967296.0);
}

static uint32_t bytes_of(struct maker *m, uint32_t units)
{
    return units * m->shape->unit_bytes - random_below(&m->rng, m->shape->unit_bytes);
}

/* ---- by lifetimes: uniform, exponential, ramp ---- */

#define FOR_EVER UINT32_MAX

/* Allocates one block at each time 0 to allocs - 1, and frees what is at the end of its life before that. */
static void by_lifetime(struct maker *m, uint32_t (*units)(struct maker *m),
                        uint32_t (*life)(struct maker *m))
{
    uint32_t n = m->shape->allocs;
    uint32_t *due = host_array(NULL, n, sizeof *due), *next = host_array(NULL, n, sizeof *next);
    memset(due, 0xff, n * sizeof *due); /* by time: the first block to be freed, FOR_EVER: none */
    for (uint32_t now = 0; now < n; now++) {
        for (uint32_t id = due[now]; id != FOR_EVER; id = next[id])
            workload_add(m->w, id, 0);
        workload_add(m->w, now, bytes_of(m, units(m)));
        uint32_t l = life(m);
        if (l < n - now) {
            next[now] = due[now + l];
            due[now + l] = now;
        }
    }
    free(due);
    free(next);
}

static uint32_t uniform_units(struct maker *m)
{
    return between(m, 1, SIZE_MAX_UNITS);
}

/* Blocks times units must make the target: the mean life is target / mean size. */
static uint32_t uniform_life(struct maker *m)
{
    return between(m, 1, 4 * m->target / (SIZE_MAX_UNITS + 1));
}

static uint32_t exponential_units(struct maker *m)
{
    uint32_t units = (uint32_t)(EXPONENTIAL_MEAN * exponential(m)) + 1;
    return MIN(units, (uint32_t)EXPONENTIAL_MEAN * EXPONENTIAL_CUT);
}

static uint32_t exponential_life(struct maker *m)
{
    return (uint32_t)(exponential(m) * m->target / EXPONENTIAL_MEAN) + 1;
}

/* As many live for ever as make the target, with the short-lived ones, when the last one has been allocated.
 */
static uint32_t ramp_life(struct maker *m)
{
    uint32_t mean = (SIZE_MAX_UNITS + 1) / 2, passing = RAMP_LIFE / 2 * mean;
    uint32_t kept = m->target > passing ? (m->target - passing) / mean : 0;
    return random_below(&m->rng, m->shape->allocs) < kept ? FOR_EVER : between(m, 1, RAMP_LIFE);
}

static void make_uniform(struct workload *w, const struct shape *s)
{
    struct maker m = maker(w, s);
    by_lifetime(&m, uniform_units, uniform_life);
}

static void make_exponential(struct workload *w, const struct shape *s)
{
    struct maker m = maker(w, s);
    by_lifetime(&m, exponential_units, exponential_life);
}

static void make_ramp(struct workload *w, const struct shape *s)
{
    struct maker m = maker(w, s);
    by_lifetime(&m, uniform_units, ramp_life);
}

/* ---- by demand: plateau, sawtooth. The victims of frees are random. ---- */

struct live {
    struct block {
        uint32_t id, units;
    } * blocks;
    uint32_t count, units, next_id;
};

static struct live live_start(const struct shape *s)
{
    return (struct live){.blocks = host_array(NULL, s->allocs, sizeof(struct block))};
}

static void free_any(struct maker *m, struct live *l)
{
    uint32_t i = random_below(&m->rng, l->count);
    workload_add(m->w, l->blocks[i].id, 0);
    l->units -= l->blocks[i].units;
    l->blocks[i] = l->blocks[--l->count];
}

static void alloc(struct maker *m, struct live *l, uint32_t units)
{
    l->blocks[l->count++] = (struct block){l->next_id, units};
    l->units += units;
    workload_add(m->w, l->next_id++, bytes_of(m, units));
}

static void make_plateau(struct workload *w, const struct shape *s)
{
    struct maker m = maker(w, s);
    struct live l = live_start(s);
    while (l.next_id < s->allocs) {
        bool large = random_below(&m.rng, PLATEAU_LARGE_ONE_OF) == 0;
        uint32_t units =
            large ? between(&m, PLATEAU_LARGE_MIN, PLATEAU_LARGE_MAX) : between(&m, 1, PLATEAU_SMALL);
        while (l.count > 0 && l.units + units > m.target)
            free_any(&m, &l);
        alloc(&m, &l, units);
    }
    while (l.count > 0)
        free_any(&m, &l);
    free(l.blocks);
}

static void make_sawtooth(struct workload *w, const struct shape *s)
{
    struct maker m = maker(w, s);
    struct live l = live_start(s);
    for (uint32_t tooth = 0; l.next_id < s->allocs; tooth++) {
        uint32_t most = (uint32_t)SAWTOOTH_FIRST << tooth % SAWTOOTH_SIZES;
        while (l.next_id < s->allocs && l.units + most <= m.target)
            alloc(&m, &l, between(&m, 1, most));
        if (l.units + most <= m.target)
            break;
        while (l.count > 0 && l.units > m.target / SAWTOOTH_DROP)
            free_any(&m, &l);
        if (most > m.target)
            break;
    }
    free(l.blocks);
}

const struct workload_kind workload_kinds[] = {
    {"uniform", "sizes 1 to 32 units, lifetimes from 1 on, both uniform", make_uniform},
    {"exponential", "sizes (mean 16 units) and lifetimes exponential", make_exponential},
    {"ramp",
     "sizes 1 to 32; a few live for ever, so that use rises to the load, the others 1 to 32 allocations",
     make_ramp},
    {"plateau", "nine of ten of 1 to 8 units, one of ten of 33 to 128; grows to the load, stays there, goes",
     make_plateau},
    {"sawtooth",
     "grows to the load, drops to a quarter, again and again; sizes 1 to 8, then 16, 32, 64 units",
     make_sawtooth},
};
const uint32_t workload_kind_count = ARRAY_SIZE(workload_kinds);

void workload_make(struct workload *w, const char *name, const struct shape *s)
{
    for (uint32_t i = 0; i < workload_kind_count; i++) {
        if (strcmp(workload_kinds[i].name, name) == 0) {
            struct shape shape = *s;
            if (shape.allocs == 0)
                shape.allocs = ALLOCS;
            *w = (struct workload){.name = name, .units = s->units, .unit_bytes = s->unit_bytes};
            workload_kinds[i].make(w, &shape);
            return;
        }
    }
    workload_read(w, name, s);
}
