/* SPDX-License-Identifier: MIT
 * Modes, the life of allotments, and what happens at a fault. */
#include "kernel/allot.h"
#include "arch/x86/io.h"
#include "kernel/load.h"
#include "kernel/monitor.h"
#include "kernel/proc.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "mm/used.h"
#include "mm/workset.h"

enum {
    DEFAULT_TAU = 10000, /* microseconds of CPU time, and for T: */
    DEFAULT_T = 1000,
    MAX_MICROS = 10000000,
    SAMPLES = 4,         /* in TAU */
    FIRST_CAPACITY = 64, /* of a policy's instance; it doubles */
    GAP_WEIGHT = 8,      /* a gap between faults counts for a so-manieth of the mean */
};

bool allot_on;
struct list_node allotments = {&allotments, &allotments};
const char allot_legal[] =
    "global, equal, ws or pff, the last two also with CPU time in microseconds from 1 to "
    "10000000 (ws:10000, pff:1000)";

static struct allot_config config;
static uint32_t frames;           /* of main_pool while the mode was global */
static uint32_t tau, gap_allowed; /* in units of pool time; the second is T */

static struct slab_cache cache = SLAB_CACHE_INIT(cache, "allotment", sizeof(struct allotment));

/* ---- modes ---- */

static const struct {
    const char *name;
    enum allot_mode mode;
    uint32_t micros; /* 0: it has no such parameter */
} modes[] = {
    {"global", ALLOT_GLOBAL, 0},
    {"equal", ALLOT_EQUAL, 0},
    {"ws", ALLOT_WS, DEFAULT_TAU},
    {"pff", ALLOT_PFF, DEFAULT_T},
};

bool allot_parse(const char *text, struct allot_config *c)
{
    const char *colon = strchr(text, ':');
    size_t length = colon != NULL ? (size_t)(colon - text) : strlen(text);
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        if (strlen(modes[i].name) != length || strncmp(modes[i].name, text, length) != 0)
            continue;
        *c = (struct allot_config){modes[i].mode, modes[i].micros};
        return colon == NULL || (c->micros != 0 && parse_u32(colon + 1, false, &c->micros) &&
                                 c->micros >= 1 && c->micros <= MAX_MICROS);
    }
    return false;
}

static uint32_t units_of(uint32_t micros)
{
    return MAX((uint32_t)((uint64_t)micros * clock_khz() / 1000 >> ALLOT_UNIT_SHIFT), 1u);
}

bool allot_set(const struct allot_config *c, struct printer *out)
{
    uint32_t all = allot_frames(), least = load_least();
    if (proc_count() > 0 || !list_empty(&allotments)) {
        print(out, "allot: programs are running: wait lets them end\n");
        return false;
    }
    if (c->mode != ALLOT_GLOBAL && all < 2 * least) {
        print(out, "allot: frames=%u: expected at least %u (%u for a program, and as many that are shared)\n",
              all, 2 * least, least);
        return false;
    }
    if (c->mode != ALLOT_GLOBAL && (page_uses_init() != VM_OK || !load_init())) {
        print(out, "allot: no memory\n");
        return false;
    }
    config = *c;
    frames = all;
    allot_on = c->mode != ALLOT_GLOBAL;
    tau = units_of(c->mode == ALLOT_WS ? c->micros : DEFAULT_TAU);
    gap_allowed = units_of(c->micros);
    load_reset();
    if (allot_on) {
        load_set_main();
    } else {
        main_pool.limit = all;
        page_uses_end();
    }
    return true;
}

struct allot_config allot_config(void)
{
    return config;
}

uint32_t allot_frames(void)
{
    return allot_on ? frames : main_pool.limit;
}

/* ---- allotments ---- */

static void ended(struct pool *p)
{
    struct allotment *a = p->owner;
    load_leave(a);
    list_remove(&a->link);
    slab_free(&cache, a);
    load_set_main();
}

struct allotment *allot_of(const struct pool *p)
{
    return p->released == ended ? p->owner : NULL;
}

struct pool *allot_new_pool(void)
{
    static uint32_t made;
    char name[16];
    if (!allot_on)
        return pool_get(&main_pool);
    format(name, sizeof name, "own.%u", ++made);
    struct pool *p = pool_create(&(struct pool_config){.name = name,
                                                       .policy = main_pool.policy,
                                                       .limit = load_least(),
                                                       .seed = main_pool.seed,
                                                       .accessed = main_pool.accessed,
                                                       .wired_apart = true,
                                                       .order = main_pool.order});
    if (p == NULL)
        return NULL;
    p->most_wired = frames - 2 * load_least() + 1; /* 1: none, if that is all there is */
    struct allotment *a = slab_alloc(&cache);
    if (a == NULL || workset_track(p) != VM_OK ||
        pool_reserve(p, MIN(frames, (uint32_t)FIRST_CAPACITY)) != VM_OK) {
        if (a != NULL)
            slab_free(&cache, a);
        pool_put(p);
        return NULL;
    }
    *a = (struct allotment){.pool = p, .gap = UINT32_MAX};
    p->owner = a;
    p->released = ended;
    list_push_back(&allotments, &a->link);
    load_enter(a);
    return p;
}

struct pool *allot_child_pool(struct pool *p)
{
    if (allot_of(p) != NULL)
        return allot_new_pool();
    return pool_get(p->wired_apart ? pool_heir : p);
}

struct pool *allot_exec_pool(struct pool *p)
{
    return pool_get(p->wired_apart && allot_of(p) == NULL ? pool_heir : p);
}

/* ---- while it runs ---- */

/* Brings the time of the current process's pool up to date. A child that uses its parent's memory has a time
 * of its own, which counts as well. */
static void advance(struct allotment *a)
{
    uint32_t now = (uint32_t)((current->result.cpu_ticks + (rdtsc() - current->since)) >> ALLOT_UNIT_SHIFT);
    if (a->pid == current->result.pid)
        a->pool->time += now - a->cpu;
    a->pid = current->result.pid;
    a->cpu = now;
}

/* Pages not used since are to go. */
static void release(struct allotment *a, uint32_t from)
{
    if (workset_idle(a->pool, from) == 0)
        return;
    a->from = from;
    a->releasing = true;
    load_kick();
}

uint32_t allot_working_set(const struct allotment *a)
{
    return a->suspended ? a->working_set : a->pool->resident - workset_idle(a->pool, a->pool->time - tau);
}

/* Not for pff: there a sample is made at each fault, and what it finds unused has not been used since the
 * last. */
static void sample_if_due(struct allotment *a)
{
    struct pool *p = a->pool;
    if (config.mode == ALLOT_PFF || p->time - a->sampled < tau / SAMPLES)
        return;
    a->sampled = p->time;
    workset_sample(p);
    if (config.mode == ALLOT_WS)
        release(a, p->time - tau);
}

/* The pool is full: one unit more, if there is one. Else the policy has to find a victim in the pool. */
static void grow(struct allotment *a)
{
    struct pool *p = a->pool;
    uint32_t unit = 1u << p->order;
    if (!load_may_grow(unit)) {
        load_overload();
        return;
    }
    if (pool_competing_limit(p) + unit > p->capacity &&
        pool_reserve(p, MIN(frames, 2 * p->capacity)) != VM_OK)
        return;
    p->limit += unit;
    load_set_main();
}

static struct allotment *own(void)
{
    return current->space != NULL ? allot_of(current->space->pool) : NULL;
}

/* Before a's program goes on: it waits if it is suspended, and what is measured is brought up to date. */
static void enter(struct allotment *a)
{
    allot_park();
    advance(a);
    sample_if_due(a);
}

void allot_before_fault(void)
{
    struct allotment *a = own();
    if (a == NULL)
        return;
    enter(a);
    if (config.mode != ALLOT_EQUAL && a->pool->resident + (1u << a->pool->order) > a->pool->limit)
        grow(a);
    allot_park(); /* it may be the one that made room */
}

void allot_after_fault(void)
{
    struct allotment *a = own();
    if (a == NULL || a->insertions == a->pool->insertions)
        return;
    struct pool *p = a->pool;
    uint32_t gap = p->time - a->fault_at;
    a->insertions = p->insertions;
    a->fault_at = p->time;
    a->gap = a->gap == UINT32_MAX ? gap : a->gap - a->gap / GAP_WEIGHT + gap / GAP_WEIGHT;
    if (config.mode != ALLOT_PFF)
        return;
    workset_sample(p); /* from here on: used since this fault */
    if (gap > gap_allowed)
        release(a, p->time);
}

void allot_tick(void)
{
    struct allotment *a = own();
    if (a != NULL)
        enter(a);
}

void allot_falls_asleep(void)
{
    struct allotment *a = own();
    if (a == NULL)
        return;
    a->asleep++;
    a->asleep_since = clock_micros();
}

void allot_wakes_up(void)
{
    struct allotment *a = own();
    if (a == NULL)
        return;
    a->asleep--;
    if (!current->attention)
        allot_park();
}

void allot_park(void)
{
    struct allotment *a = own();
    while (a != NULL && a->suspended && current->kill_signal == 0) {
        a->parked++;
        load_kick();
        proc_doze_on(&a->parked);
        a->parked--;
    }
}
