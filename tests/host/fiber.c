/* SPDX-License-Identifier: MIT
 * Fibers are threads of the host of which one runs at a time: sanitizers understand threads, but not stacks
 * that are exchanged by hand. Who stops chooses who goes on; the thread that called fibers_run waits for the
 * end. */
#define _GNU_SOURCE /* for the CPU's number */
#include "tests/host/fiber.h"
#include "lib/panic.h"
#include "lib/random.h"
#include "tests/host/machine.h"
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>

enum { DAEMONS_ALONE = 1000 }; /* turns of daemons one after another: nobody else will go on */

struct fiber {
    sem_t go; /* posted when it may run */
    void (*run)(void *arg);
    void *arg;
    const void *channel; /* NULL: ready */
    bool daemon;
};

static struct fiber *fibers[FIBERS_MAX]; /* NULL: a free place */
static sem_t ended;                      /* posted when only daemons are left */
static struct fiber *current;
static uint32_t run_seed, rng, last_place;

static void sleep_until(sem_t *s)
{
    while (sem_wait(s) != 0) /* a signal came */
        ;
}

/* => the next one that can run: in turn, or without a seed for that a random one. */
static struct fiber *choose(void)
{
    static uint32_t alone;
    uint32_t from = run_seed != 0 ? random_below(&rng, FIBERS_MAX) : last_place + 1;
    for (uint32_t i = 0; i < FIBERS_MAX; i++) {
        uint32_t place = (from + i) % FIBERS_MAX;
        struct fiber *f = fibers[place];
        if (f == NULL || f->channel != NULL)
            continue;
        alone = f->daemon ? alone + 1 : 0;
        if (alone == DAEMONS_ALONE)
            break;
        last_place = place;
        return f;
    }
    panic("fiber: all of them wait");
}

static bool somebody_left(void)
{
    bool left = false;
    for (int i = 0; i < FIBERS_MAX; i++)
        left |= fibers[i] != NULL && !fibers[i]->daemon;
    return left;
}

static void go_on(struct fiber *next)
{
    current = next;
    sem_post(&next->go);
}

static void *thread(void *arg)
{
    struct fiber *f = arg;
    sleep_until(&f->go);
    f->run(f->arg);
    fibers[last_place] = current = NULL;
    free(f);
    if (somebody_left())
        go_on(choose());
    else
        sem_post(&ended);
    return NULL;
}

/* To hand on to a thread of another CPU takes many times as long. All that come inherit it from who starts
 * them. If the host refuses, all goes the slow way. */
static void stay_on_this_cpu(void)
{
    cpu_set_t here;
    int cpu = sched_getcpu();
    CPU_ZERO(&here);
    CPU_SET(cpu >= 0 ? (unsigned)cpu : 0, &here);
    sched_setaffinity(0, sizeof here, &here);
}

static void start(void (*run)(void *arg), void *arg, bool daemon)
{
    int place = 0;
    while (place < FIBERS_MAX && fibers[place] != NULL)
        place++;
    ASSERT(place < FIBERS_MAX, "fiber: more than %d at once", FIBERS_MAX);
    struct fiber *f = fibers[place] = malloc(sizeof *f);
    ASSERT(f != NULL, "fiber: the host has no memory");
    *f = (struct fiber){.run = run, .arg = arg, .daemon = daemon};
    pthread_t host_thread;
    stay_on_this_cpu();
    int err = sem_init(&f->go, 0, 0);
    if (err == 0)
        err = pthread_create(&host_thread, NULL, thread, f);
    if (err == 0)
        err = pthread_detach(host_thread);
    ASSERT(err == 0, "fiber: the host gives no thread");
}

void fiber_start(void (*f)(void *arg), void *arg)
{
    start(f, arg, false);
}

void fiber_start_daemon(void (*f)(void *arg), void *arg)
{
    start(f, arg, true);
}

static void stop(void)
{
    struct fiber *f = current, *next = choose();
    if (next == f)
        return;
    go_on(next);
    sleep_until(&f->go);
}

void fiber_yield(void)
{
    if (current != NULL)
        stop();
}

static void wait(const void *channel)
{
    ASSERT(current != NULL, "fiber: a wait for %p by nobody", channel);
    current->channel = channel;
    stop();
}

static void wake(const void *channel)
{
    for (int i = 0; i < FIBERS_MAX; i++)
        if (fibers[i] != NULL && fibers[i]->channel == channel)
            fibers[i]->channel = NULL;
}

void fibers_run(uint32_t seed)
{
    run_seed = rng = seed;
    last_place = FIBERS_MAX - 1;
    int err = sem_init(&ended, 0, 0);
    ASSERT(err == 0, "fiber: the host gives no semaphore");
    machine.wait = wait;
    machine.wake = wake;
    if (somebody_left()) {
        go_on(choose());
        sleep_until(&ended);
    }
    /* the daemons' threads sleep for ever, each on a record of its own: they end with the test's process */
    for (int i = 0; i < FIBERS_MAX; i++)
        fibers[i] = NULL;
    current = NULL;
    machine.wait = NULL;
    machine.wake = NULL;
}
