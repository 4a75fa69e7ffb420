/* SPDX-License-Identifier: MIT
 * mm-level: 4.1
 * Generations, as in Linux's multi-gen LRU (Yu Zhao, since 6.1): pages are in order of age only by
 * generation, of which there are at most four. New pages join the youngest. From time to time a sweep looks
 * at every page, moves those that were accessed to the youngest generation, clears their bits and begins a
 * new one. Victims come from the oldest; a page there that turns out to be accessed joins the youngest
 * instead. Linux's Documentation/mm/multigen_lru.rst explains it; written from that.
 *
 * When a sweep is due: when two generations are left; also, of three, when the youngest has more than half of
 * all pages, or the oldest less than a quarter.
 *
 * Simplified: no tiers (which tell pages by how often they refault), no page-table walk that skips what is
 * sparse, no difference between file and anonymous pages. The bits are taken as the hardware sets them, by
 * the load as well (convention a1), in exact mode, too. A sweep is O(n), and comes once per generation used
 * up. */
#include "mm/policy.h"
#include "mm/slab.h"

enum { GENERATIONS = 4, FEWEST_GENERATIONS = 2 };
enum { YOUNGEST_SHARE = 2, OLDEST_SHARE = 4 }; /* a half, a quarter of all pages */

struct mglru {
    struct list_node gen[GENERATIONS]; /* generation g is at g % GENERATIONS, policy_flag too; oldest first */
    uint32_t count[GENERATIONS];
    uint32_t total;
    uint32_t oldest, youngest; /* numbers of generations */
    uint32_t sweeps;
};

static void *mglru_create(const struct policy_setup *setup UNUSED)
{
    struct mglru *m = kzalloc(sizeof *m);
    if (m != NULL) {
        for (int i = 0; i < GENERATIONS; i++)
            list_init(&m->gen[i]);
        m->youngest = FEWEST_GENERATIONS - 1;
    }
    return m;
}

static void put(struct mglru *m, struct frame *f, uint32_t generation)
{
    f->policy_flag = generation % GENERATIONS;
    list_push_back(&m->gen[f->policy_flag], &f->link);
    m->count[f->policy_flag]++;
}

static void take(struct mglru *m, struct frame *f)
{
    list_remove(&f->link);
    m->count[f->policy_flag]--;
}

static void mglru_inserted(void *state, struct frame *f)
{
    struct mglru *m = state;
    put(m, f, m->youngest);
    m->total++;
}

static void mglru_removed(void *state, struct frame *f, bool evicted UNUSED)
{
    struct mglru *m = state;
    take(m, f);
    m->total--;
}

static inline uint32_t generations(const struct mglru *m)
{
    return m->youngest - m->oldest + 1;
}

static bool sweep_due(const struct mglru *m)
{
    if (generations(m) != GENERATIONS - 1)
        return generations(m) < GENERATIONS;
    return m->count[m->youngest % GENERATIONS] * YOUNGEST_SHARE > m->total ||
           m->count[m->oldest % GENERATIONS] * OLDEST_SHARE < m->total;
}

static void sweep(struct mglru *m)
{
    list_for_each (n, &m->gen[m->youngest % GENERATIONS])
        policy_test_clear_accessed(policy_frame(n));
    for (uint32_t g = m->oldest; g < m->youngest; g++) {
        list_for_each_safe (n, &m->gen[g % GENERATIONS]) {
            struct frame *f = policy_frame(n);
            if (policy_test_clear_accessed(f)) {
                take(m, f);
                put(m, f, m->youngest);
            }
        }
    }
    m->sweeps++;
}

static struct frame *mglru_pick_victim(void *state)
{
    struct mglru *m = state;
    bool swept = false;
    if (m->total == 0)
        return NULL;
    /* ends: after a sweep no bit is set, and generations begin and end until the oldest has a page */
    for (;;) {
        while (generations(m) > FEWEST_GENERATIONS && m->count[m->oldest % GENERATIONS] == 0)
            m->oldest++;
        if (sweep_due(m)) {
            if (!swept)
                sweep(m);
            swept = true;
            m->youngest++;
            continue;
        }
        struct frame *f = policy_frame(m->gen[m->oldest % GENERATIONS].next);
        if (!policy_test_clear_accessed(f))
            return f;
        take(m, f);
        put(m, f, m->youngest);
    }
}

static inline uint32_t generation_of(const struct mglru *m, const struct frame *f)
{
    return m->oldest + (f->policy_flag - m->oldest) % GENERATIONS;
}

/* The runner-up cannot be told if the victim is the last of its generation, or the next one was accessed. */
static struct frame *mglru_explain(void *state, struct frame *victim, struct printer *why)
{
    struct mglru *m = state;
    print(why, "generation %u of %u to %u, after %u sweeps", generation_of(m, victim), m->oldest, m->youngest,
          m->sweeps);
    struct frame *f = policy_next(&m->gen[victim->policy_flag], victim);
    return f == NULL || policy_accessed(f) ? NULL : f;
}

static uint32_t mglru_check(void *state, struct printer *out)
{
    struct mglru *m = state;
    uint32_t total = 0;
    bool marked = generations(m) >= FEWEST_GENERATIONS && generations(m) <= GENERATIONS;
    for (uint32_t i = 0; i < GENERATIONS; i++) {
        uint32_t frames = policy_check_queue(&m->gen[i], "mglru", out);
        if (frames == UINT32_MAX)
            return UINT32_MAX;
        list_for_each (n, &m->gen[i])
            marked &= policy_frame(n)->policy_flag == i;
        marked &= frames == m->count[i] && (frames == 0 || (i - m->oldest) % GENERATIONS < generations(m));
        total += frames;
    }
    if (!marked || total != m->total) {
        print(out, "policy mglru: generations %u to %u hold %u of %u pages, or one is in the wrong one\n",
              m->oldest, m->youngest, total, m->total);
        return UINT32_MAX;
    }
    return total;
}

static void mglru_dump(void *state, struct printer *out)
{
    struct mglru *m = state;
    for (uint32_t g = m->oldest; g <= m->youngest; g++)
        policy_dump_queue(&m->gen[g % GENERATIONS], out);
}

const struct policy policy_mglru = {
    .name = "mglru",
    .summary = "four generations, aged by sweeps (after Linux's multi-gen LRU)",
    .create = mglru_create,
    .destroy = kfree,
    .inserted = mglru_inserted,
    .pick_victim = mglru_pick_victim,
    .removed = mglru_removed,
    .moved = policy_moved,
    .explain = mglru_explain,
    .check = mglru_check,
    .dump = mglru_dump,
};
