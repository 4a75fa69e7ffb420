/* SPDX-License-Identifier: MIT
 * The hammer command: kernel threads that are preempted at random take from the allocators, write on what
 * they get, look whether it is still so, and give it back. Whoever forgets a lock gives the same thing to
 * two of them, sooner or later. */
#include "kernel/hammer.h"
#include "arch/x86/io.h"
#include "drivers/clock.h"
#include "kernel/preempt.h"
#include "kernel/proc.h"
#include "lib/command.h"
#include "lib/random.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/check.h"
#include "mm/slab.h"
#include "mm/swap.h"

enum {
    HOLDS = 24, /* that a thread has at most */
    KINDS_MAX = 16,
    GIVE_OF = 4,  /* of so many looks at a hold, one only looks, the others also give it back */
    NAP_OF = 512, /* one of so many operations is followed by a short sleep */
    NAP_US = 100,
    LOOK_US = 5000 /* how often the structures are checked while the threads are at it */
};

struct kind_figures {
    uint32_t takes, refused, verifies, gives;
};

struct worker {
    struct proc *thread;
    uint32_t number, rng, ops;
    struct kind_figures figures[KINDS_MAX]; /* in the order of `chosen` */
    struct hammer_hold holds[HOLDS];
};

static const struct hammer_kind *const all_kinds[] = {&hammer_buddy, &hammer_kmalloc, &hammer_slab,
                                                      &hammer_swap,  &hammer_vmem,    &hammer_partition,
                                                      &hammer_list,  &hammer_unlocked};

static struct {
    uint32_t threads, ops, seed, kinds;
    const struct hammer_kind *chosen[KINDS_MAX];
    struct worker *workers;
    uint32_t working;
    bool stop; /* somebody has found something */
} run;

/* ---- the threads ---- */

static bool take(struct worker *w, struct hammer_hold *h, const struct hammer_kind *kind)
{
    *h = (struct hammer_hold){.owner = (uint8_t)w->number, .stamp = w->number << 24 ^ w->ops};
    if (!kind->take(h, &w->rng))
        return false;
    h->kind = kind;
    return true;
}

static uint32_t index_of(const struct hammer_kind *kind)
{
    uint32_t i = 0;
    while (i < run.kinds && run.chosen[i] != kind)
        i++;
    return i;
}

static void give(struct worker *w, struct hammer_hold *h)
{
    const struct hammer_kind *kind = h->kind;
    kind->verify(h);
    if (h->wrong == NULL)
        kind->give(h);
    w->figures[index_of(kind)].gives++;
    if (h->wrong == NULL)
        h->kind = NULL;
}

/* As such a thread must: with interrupts off. If all sleep, the CPU idles on this stack. */
static void nap(void)
{
    uint32_t flags = irq_save();
    proc_sleep_on(&run, clock_micros() + NAP_US);
    irq_restore(flags);
}

/* One operation, on one hold. */
static void step(struct worker *w, struct hammer_hold *h)
{
    if (h->kind == NULL) {
        uint32_t i = random_below(&w->rng, run.kinds);
        bool taken = take(w, h, run.chosen[i]);
        w->figures[i].takes += taken;
        w->figures[i].refused += !taken;
    } else if (random_below(&w->rng, GIVE_OF) == 0) {
        h->kind->verify(h);
        w->figures[index_of(h->kind)].verifies++;
    } else {
        give(w, h);
    }
}

static void work(void *arg)
{
    struct worker *w = arg;
    struct hammer_hold *h = w->holds;
    preempt_enable();
    while (w->ops < run.ops && !*(volatile bool *)&run.stop) {
        h = &w->holds[random_below(&w->rng, HOLDS)];
        w->ops++;
        step(w, h);
        if (random_below(&w->rng, NAP_OF) == 0)
            nap();
        run.stop |= h->wrong != NULL;
    }
    for (uint32_t i = 0; i < HOLDS && !*(volatile bool *)&run.stop; i++) {
        h = &w->holds[i];
        if (h->kind != NULL)
            give(w, h);
        run.stop |= h->wrong != NULL;
    }
    preempt_disable();
    run.working--;
    proc_wake(&run.working);
    proc_thread_end();
}

/* ---- the command ---- */

static bool check_structures(struct printer *out)
{
    for (uint32_t i = 0; i < run.kinds; i++)
        if (run.chosen[i]->check != NULL && !run.chosen[i]->check(out))
            return false;
    return true;
}

/* Nothing of the threads' is given back after a failure: who knows what it would break. */
static bool report(const struct worker *w, struct printer *out)
{
    bool good = true;
    for (uint32_t i = 0; i < HOLDS; i++) {
        const struct hammer_hold *h = &w->holds[i];
        if (h->wrong == NULL)
            continue;
        print(out, "hammer: thread %u, operation %u, %s: %s (first=%#lx count=%lu)\n", w->number, w->ops,
              h->kind->name, h->wrong, (unsigned long)h->first, (unsigned long)h->count);
        good = false;
    }
    return good;
}

static bool start_threads(struct printer *out)
{
    run.stop = false;
    for (run.working = 0; run.working < run.threads; run.working++) {
        struct worker *w = &run.workers[run.working];
        *w = (struct worker){.number = run.working + 1, .rng = (run.seed + run.working) * 2654435761u | 1};
        w->thread = proc_thread("hammer", work, w);
        if (w->thread == NULL) {
            print(out, "hammer: no memory for thread %u\n", w->number);
            run.stop = true; /* for those that have been made: they end as soon as they begin */
            break;
        }
    }
    return !run.stop;
}

/* Waits for the threads, and looks at the structures while they work: wherever they were preempted, no lock
 * was held. => false after saying what was wrong; *looks: how often it looked */
static bool watch_threads(uint32_t *looks, struct printer *out)
{
    bool good = true;
    for (*looks = 0; run.working > 0; ++*looks) {
        proc_sleep_on(&run.working, clock_micros() + LOOK_US);
        if (good && !check_structures(out))
            good = !(run.stop = true);
    }
    for (uint32_t i = 0; i < run.threads && run.workers[i].thread != NULL; i++) {
        proc_thread_join(run.workers[i].thread);
        good &= report(&run.workers[i], out);
    }
    return good;
}

static void print_figures(struct preempt_figures before, uint32_t looks, struct printer *out)
{
    struct kind_figures all[KINDS_MAX] = {0};
    for (uint32_t i = 0; i < run.threads; i++) {
        const struct worker *w = &run.workers[i];
        print(out, "hammer thread=%u ops=%u\n", w->number, w->ops);
        for (uint32_t k = 0; k < run.kinds; k++) {
            all[k].takes += w->figures[k].takes;
            all[k].refused += w->figures[k].refused;
            all[k].verifies += w->figures[k].verifies;
            all[k].gives += w->figures[k].gives;
        }
    }
    for (uint32_t k = 0; k < run.kinds; k++)
        print(out, "hammer kind=%s taken=%u refused=%u verified=%u given=%u\n", run.chosen[k]->name,
              all[k].takes, all[k].refused, all[k].verifies, all[k].gives);
    print(out, "hammer preemptions=%u deferred=%u looks=%u\n", preempt_figures.done - before.done,
          preempt_figures.deferred - before.deferred, looks);
}

/* => false after saying what was wrong */
static bool hammer(struct printer *out)
{
    struct preempt_figures before = preempt_figures;
    uint32_t looks;
    bool good = start_threads(out);
    preempt_random_start(run.seed);
    good &= watch_threads(&looks, out);
    preempt_random_stop();
    if (run.ops > 0)
        print_figures(before, looks, out);
    return good && check_structures(out);
}

/* With all kinds open. What they hold is theirs until they are closed. */
static bool open_and_hammer(struct printer *out)
{
    bool good = true;
    uint32_t opened = 0;
    while (good && opened < run.kinds) {
        const struct hammer_kind *k = run.chosen[opened];
        good = k->open == NULL || k->open(run.seed, out);
        opened += good;
    }
    if (good && !hammer(out))
        return false; /* nothing is as it was: leave it for who looks into it */
    while (opened > 0) {
        const struct hammer_kind *k = run.chosen[--opened];
        good &= k->close == NULL || k->close(out);
    }
    return good;
}

/* Programs take frames and slots meanwhile. */
static bool compare(const char *what, uint32_t before, uint32_t after, struct printer *out)
{
    print(out, "hammer %s before=%u after=%u%s\n", what, before, after,
          proc_count() > 0 ? " (programs are running)" : "");
    return before == after || proc_count() > 0;
}

/* With no empty slab left. */
static uint32_t free_frames(void)
{
    slab_reap_all();
    return buddy_free_frames();
}

/* What the first time takes for good (a cache's first slab, tags that arenas keep for stacks) is not to be
 * taken for a leak. */
static bool rehearse(struct printer *out)
{
    uint32_t ops = run.ops;
    run.ops = 0;
    bool good = open_and_hammer(out);
    run.ops = ops;
    return good;
}

static bool account(struct printer *out)
{
    run.workers = kmalloc(run.threads * sizeof *run.workers);
    if (run.workers == NULL) {
        print(out, "hammer: no memory for %u threads' books\n", run.threads);
        return false;
    }
    memset(run.workers, 0, run.threads * sizeof *run.workers);
    bool good = rehearse(out);
    uint32_t frames = free_frames(), heap = slab_frames(), slots = swap_free();
    good = good && open_and_hammer(out);
    good = good && compare("free-frames", frames, free_frames(), out);
    good = good && compare("heap-frames", heap, slab_frames(), out);
    good = good && compare("free-slots", slots, swap_free(), out) && vm_check(out);
    if (!run.stop) /* else kmalloc itself may be what is broken */
        kfree(run.workers);
    return good;
}

/* ---- arguments ---- */

static bool choose_kind(const char *name)
{
    for (uint32_t i = 0; i < ARRAY_SIZE(all_kinds); i++) {
        if (strcmp(name, all_kinds[i]->name) != 0)
            continue;
        if (index_of(all_kinds[i]) < run.kinds)
            return true;
        run.chosen[run.kinds++] = all_kinds[i];
        return true;
    }
    return false;
}

static void choose_usual_kinds(void)
{
    for (uint32_t i = 0; i < ARRAY_SIZE(all_kinds); i++)
        if (!all_kinds[i]->only_if_named)
            run.chosen[run.kinds++] = all_kinds[i];
}

static bool usage(struct printer *out, const char *wrong)
{
    print(out, "hammer: %s: expected [THREADS, 1 to %u, [OPS, at least 1, [SEED, at least 1]]] and names of:",
          wrong, HAMMER_THREADS);
    for (uint32_t i = 0; i < ARRAY_SIZE(all_kinds); i++)
        print(out, " %s", all_kinds[i]->name);
    print(out, "\n");
    return false;
}

static bool parse(int argc, char **argv, struct printer *out)
{
    enum { NUMBERS = 3 };
    uint32_t value[NUMBERS] = {4, 20000, 1};
    int i = 1;
    for (; i < argc && i <= NUMBERS && parse_u32(argv[i], false, &value[i - 1]); i++)
        if (value[i - 1] == 0 || (i == 1 && value[0] > HAMMER_THREADS))
            return usage(out, argv[i]);
    run.threads = value[0], run.ops = value[1], run.seed = value[2], run.kinds = 0;
    for (; i < argc; i++)
        if (!choose_kind(argv[i]))
            return usage(out, argv[i]);
    if (run.kinds == 0)
        choose_usual_kinds();
    return true;
}

static int command_run(int argc, char **argv, struct printer *out)
{
    if (!parse(argc, argv, out))
        return 1;
    print(out, "hammer threads=%u ops=%u seed=%u\n", run.threads, run.ops, run.seed);
    bool good = account(out);
    print(out, "hammer: %s\n", good ? "ok" : "FAILED");
    return good ? 0 : 1;
}

COMMAND(hammer, "[THREADS [OPS [SEED]]] [KIND...]", "threads preempted at random use the allocators",
        command_run);
