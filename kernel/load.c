/* SPDX-License-Identifier: MIT
 * Suspending and resuming, and the balancer's steps. Each step looks at everything anew, because the one
 * before it may have slept. */
#include "kernel/load.h"
#include "drivers/clock.h"
#include "kernel/monitor.h"
#include "kernel/proc.h"
#include "lib/log.h"
#include "lib/wait.h"
#include "mm/reclaim.h"
#include "mm/workset.h"

enum {
    QUANTUM_US =
        250000,      /* who runs runs so long, if somebody waits; to fill 30 frames at 500 us takes 15,000 */
    POLL_US = 20000, /* how often the balancer looks whether a quantum is over */
    SLACK_PART = 8,  /* of all frames: left over when somebody resumes, so that the others can grow a bit */
};

static struct list_node running = {&running, &running}, waiting = {&waiting, &waiting};
static struct load_figures figures;
static const char balancer; /* its channel */
static bool balancer_lives, kicked, balancing;
static bool main_is_large; /* main_pool is to give what it has above the least */

static struct allotment *at(struct list_node *n)
{
    return container_of(n, struct allotment, queue);
}

uint32_t load_least(void)
{
    return pool_min_limit(false, main_pool.order);
}

void load_kick(void)
{
    kicked = true;
    wake_all(&balancer);
}

struct load_figures load_figures(void)
{
    return figures;
}

void load_reset(void)
{
    figures = (struct load_figures){0};
    main_is_large = false;
}

/* ---- room ---- */

static uint32_t claims(void)
{
    uint32_t sum = 0;
    list_for_each (n, &running)
        sum += MAX(at(n)->pool->limit, at(n)->pool->resident);
    list_for_each (n, &waiting)
        sum += at(n)->pool->resident;
    return sum;
}

int32_t load_room(void)
{
    return (int32_t)allot_frames() - (int32_t)MAX(load_least(), main_pool.resident) - (int32_t)claims();
}

void load_set_main(void)
{
    uint32_t all = allot_frames(), others = claims();
    main_pool.limit = MAX(load_least(), all - MIN(all, others));
    pool_note_excess(&main_pool);
}

/* The one whose turn it is to resume: the first that would go on if it could. */
static struct allotment *first_in_line(void)
{
    list_for_each (n, &waiting)
        if (at(n)->parked > 0)
            return at(n);
    return NULL;
}

static bool has_waited(const struct allotment *a)
{
    return clock_micros() - a->since >= QUANTUM_US;
}

static uint32_t need_of(const struct allotment *a)
{
    return MIN(a->demand, allot_frames() - load_least());
}

static uint32_t slack(void)
{
    return allot_frames() / SLACK_PART;
}

/* Has it been asleep for a while? */
static bool is_asleep(const struct allotment *a)
{
    return a->asleep >= a->pool->programs && clock_micros() - a->asleep_since >= POLL_US;
}

/* Who goes next, to make room: the first that is asleep, else who has run longest. => NULL: nobody can */
static struct allotment *choose(void)
{
    struct allotment *longest = NULL;
    list_for_each (n, &running) {
        if (at(n)->pool->programs == 0) /* a child that is being made, or just ended */
            continue;
        if (is_asleep(at(n)))
            return at(n);
        if (longest == NULL)
            longest = at(n);
    }
    return longest;
}

/* Frames that are kept for the first in line, once those who run have taken what another was suspended for:
 * they may, as long as there is enough for all. */
static uint32_t kept(void)
{
    const struct allotment *a = first_in_line();
    return a != NULL && a->places > 1 ? need_of(a) : 0;
}

bool load_may_grow(uint32_t more)
{
    return load_room() >= (int32_t)(kept() + more);
}

/* Frames of suspended processes, which will be free soon. */
static uint32_t leaving(void)
{
    uint32_t sum = 0;
    list_for_each (n, &waiting)
        if (!at(n)->stuck)
            sum += at(n)->pool->queued;
    return sum;
}

static bool somebody_releases(void)
{
    list_for_each (n, &running)
        if (at(n)->releasing)
            return true;
    return false;
}

/* ---- suspending and resuming ---- */

static uint32_t pid_of(const struct allotment *a)
{
    list_for_each (n, &all_procs) {
        const struct proc *p = container_of(n, struct proc, all);
        if (p->space != NULL && p->space->pool == a->pool)
            return p->result.pid;
    }
    return 0;
}

static void set_limit(struct allotment *a, uint32_t limit)
{
    a->pool->limit = MAX(limit, load_least() + a->pool->wired);
    pool_note_excess(a->pool);
}

static void wait_in_line(struct allotment *a)
{
    a->suspended = true;
    a->since = clock_micros();
    list_push_back(&waiting, &a->queue);
    figures.suspended++;
}

static void run_on(struct allotment *a)
{
    a->suspended = a->stuck = false;
    a->places = 0;
    a->since = clock_micros();
    list_push_back(&running, &a->queue);
    figures.running++;
}

static void leave_queue(struct allotment *a)
{
    list_remove(&a->queue);
    if (a->suspended)
        figures.suspended--;
    else
        figures.running--;
}

static void suspend(struct allotment *a, const char *why)
{
    a->demand = MAX(a->pool->limit, load_least());
    a->working_set = allot_working_set(a);
    a->releasing = false;
    a->suspensions++;
    figures.suspensions++;
    log_event(LOG_PROC, "suspend pid=%u demand=%u running=%u reason=\"%s\"", pid_of(a), a->demand,
              figures.running - 1, why);
    leave_queue(a);
    wait_in_line(a);
    set_limit(a, 0);
    load_set_main();
    load_kick();
}

static void resume(struct allotment *a)
{
    uint32_t demand = MIN(a->demand, allot_frames() - load_least());
    leave_queue(a);
    run_on(a);
    set_limit(a, demand);
    load_set_main();
    figures.resumptions++;
    log_event(LOG_PROC, "resume pid=%u demand=%u running=%u", pid_of(a), a->demand, figures.running);
    proc_wake(&a->parked);
}

/* Would everybody have the least that a pool needs, if one more ran? All that matters to equal shares. */
static bool another_has_least(void)
{
    return (figures.running + 1) * load_least() <= allot_frames() - load_least();
}

void load_enter(struct allotment *a)
{
    bool equal = allot_config().mode == ALLOT_EQUAL;
    a->demand = load_least();
    uint32_t room_needed = a->demand + (figures.running > 0 && !equal ? slack() : 0);
    if (list_empty(&waiting) && load_room() >= (int32_t)room_needed && (!equal || another_has_least()))
        run_on(a);
    else
        wait_in_line(a);
    load_set_main();
    load_kick();
}

void load_leave(struct allotment *a)
{
    leave_queue(a);
    load_kick();
}

void load_overload(void)
{
    load_kick();
    main_is_large = main_pool.resident > load_least() && main_pool.queued > 0;
    bool soon = main_is_large || leaving() > 0 || somebody_releases() || kept() > 0;
    struct allotment *a = choose();
    if (!soon && figures.running > 1 && a != NULL)
        suspend(a, "no frames left");
}

/* ---- the balancer ---- */

/* Each step => true: something has changed. */

static bool empty_the_suspended(void)
{
    list_for_each (n, &waiting) {
        struct allotment *a = at(n);
        struct pool *p = a->pool;
        if (p->queued == 0 || a->stuck)
            continue;
        pool_get(p);
        if (workset_empty(p) == 0)
            a->stuck = a->suspended;
        pool_put(p);
        return true;
    }
    return false;
}

/* One transfer's worth of pages, of who has not had that for longest. */
static bool release_idle_pages(void)
{
    static uint32_t served;
    struct allotment *a = NULL;
    list_for_each (n, &running)
        if (at(n)->releasing && (a == NULL || (int32_t)(at(n)->served - a->served) < 0))
            a = at(n);
    if (a == NULL)
        return false;
    a->served = ++served;
    pool_get(a->pool);
    bool done = workset_release(a->pool, a->from) == 0;
    if (a->releasing) { /* it has not been suspended meanwhile */
        a->releasing = !done;
        set_limit(a, a->pool->resident);
        load_set_main();
    }
    pool_put(a->pool);
    return true;
}

/* The pages of main_pool are those of nobody who runs. */
static bool shrink_main(void)
{
    uint32_t most = main_is_large ? load_least() : main_pool.limit;
    if (main_pool.resident > most && main_pool.queued > 0 && pool_evict(&main_pool, SWAP_NORMAL) == VM_OK)
        return true;
    main_is_large = false;
    return false;
}

static bool resume_one(void)
{
    struct allotment *a = first_in_line();
    if (a == NULL)
        return false;
    uint32_t room_needed = need_of(a) + (has_waited(a) ? 0 : slack());
    if (figures.running > 0 && load_room() + (int32_t)a->pool->resident < (int32_t)room_needed)
        return false;
    resume(a);
    return true;
}

/* Who waits gets the place of who is asleep, or after a quantum that of who has run for one. */
static bool rotate(void)
{
    struct allotment *next = first_in_line(), *last = choose();
    if (next == NULL || last == NULL || load_room() + (int32_t)leaving() >= (int32_t)need_of(next))
        return false;
    bool asleep = is_asleep(last);
    if (!asleep && (!has_waited(next) || !has_waited(last)))
        return false;
    next->places++;
    suspend(last, asleep ? "asleep" : "its turn is over");
    return true;
}

/* Equal shares: first those that have more give it up, then one more may run, then the others get theirs. */
static bool split_equally(void)
{
    struct allotment *next = another_has_least() ? first_in_line() : NULL;
    uint32_t n = figures.running + (next != NULL);
    if (n == 0)
        return false;
    uint32_t share = (allot_frames() - load_least()) / n;
    bool changed = false;
    list_for_each (i, &running) {
        struct allotment *a = at(i);
        struct pool *p = a->pool;
        uint32_t own = MAX(share, load_least() + p->wired);
        if (p->limit <= own)
            continue;
        pool_get(p);
        enum vm_result unwritten UNUSED = pool_set_limit(p, own - p->wired);
        pool_put(p);
        return true;
    }
    if (next != NULL) {
        next->demand = load_least();
        resume(next);
        return true;
    }
    list_for_each (i, &running) {
        struct pool *p = at(i)->pool;
        if (p->limit >= share || load_room() < (int32_t)(share - p->limit) || pool_reserve(p, share) != VM_OK)
            continue;
        p->limit = share;
        load_set_main();
        changed = true;
    }
    return changed;
}

static bool step(void)
{
    if (!allot_on)
        return false;
    /* decisions first, and then one piece of I/O: of that there may always be more */
    bool equal = allot_config().mode == ALLOT_EQUAL,
         decided = (equal ? split_equally() : resume_one()) || rotate();
    return empty_the_suspended() || release_idle_pages() || shrink_main() || decided;
}

static void balance(void *unused UNUSED)
{
    for (;;) {
        kicked = false;
        balancing = true;
        while (step())
            ;
        balancing = false;
        wake_all(&balancing);
        if (!kicked)
            proc_sleep_on(&balancer, first_in_line() != NULL ? clock_micros() + POLL_US : 0);
    }
}

void load_settle(void)
{
    while (balancing)
        wait_on(&balancing);
}

bool load_init(void)
{
    if (!balancer_lives)
        balancer_lives = proc_thread("balancer", balance, NULL) != NULL;
    return balancer_lives;
}
