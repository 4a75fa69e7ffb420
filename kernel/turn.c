/* SPDX-License-Identifier: MIT
 * Handing the turn on. It goes directly from one to the next, so nobody can come between. */
#include "kernel/turn.h"
#include "mm/pool.h"

enum {
    /* Of one turn. Pages of one instruction come in by 4 * POOL_MIN_LIMIT faults at most, some of them twice
     * (read, then copied). Several instructions to a turn: handed on after each, most faults only bring back
     * what the last holder's successors took. */
    MOST_FAULTS = 16 * POOL_MIN_LIMIT,
    MOST_TICKS = 10, /* a loop of one instruction */
};

struct proc *turn_holder;
bool turn_needed;

static bool wanted; /* turn_init's answer */
static struct list_node waiting = {&waiting, &waiting};
static uint32_t at, faults, ticks; /* of the holder: the instruction; since it came to it */

void turn_init(bool disk_sleeps)
{
    wanted = disk_sleeps;
}

/* Are the pool's frames too few for the instructions of all its programs? */
static bool crowded(const struct pool *p)
{
    return p->programs > 1 && p->limit < p->programs * pool_min_limit(false, p->order);
}

void turn_review(void)
{
    turn_needed = false;
    list_for_each (n, &all_pools)
        turn_needed |= wanted && crowded(container_of(n, struct pool, link));
}

void turn_count(struct pool *p, int32_t more)
{
    p->programs += (uint32_t)more;
    turn_review();
}

static void give(struct proc *p, uint32_t ip)
{
    turn_holder = p;
    at = ip;
    faults = ticks = 0;
}

void turn_release(void)
{
    struct list_node *n = list_pop_front(&waiting);
    struct proc *next = n != NULL ? container_of(n, struct proc, turn) : NULL;
    give(next, 0);
    if (next != NULL)
        proc_wake(&next->turn);
}

void turn_take(uint32_t ip)
{
    if (!crowded(current->space->pool))
        return;
    if (turn_holder == current) {
        if (++faults < MOST_FAULTS)
            return;
        if (list_empty(&waiting)) {
            give(current, ip);
            return;
        }
        turn_release();
    }
    if (turn_holder == NULL) {
        give(current, ip);
        return;
    }
    list_push_back(&waiting, &current->turn);
    while (turn_holder != current && current->kill_signal == 0)
        proc_sleep_on(&current->turn, 0);
    if (turn_holder == current)
        give(current, ip);
    else
        list_remove(&current->turn);
}

void turn_tick(uint32_t ip)
{
    if (ip != at || ++ticks > MOST_TICKS)
        turn_release();
}
