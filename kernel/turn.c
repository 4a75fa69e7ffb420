/* SPDX-License-Identifier: MIT
 * Handing the turn on. It goes directly from one to the next, so nobody can come between. */
#include "kernel/turn.h"
#include "kernel/monitor.h"

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
static uint32_t programs;
static struct list_node waiting = {&waiting, &waiting};
static uint32_t at, faults, ticks; /* of the holder: the instruction; since it came to it */

void turn_init(bool disk_sleeps)
{
    wanted = disk_sleeps;
}

void turn_count(int32_t more)
{
    programs += (uint32_t)more;
    uint32_t enough = programs * ((uint32_t)POOL_MIN_LIMIT << main_pool.order);
    turn_needed = wanted && programs > 1 && main_pool.limit < enough;
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
