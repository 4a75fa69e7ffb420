/* SPDX-License-Identifier: MIT
 * Fibers are threads of the host of which one runs at a time: sanitizers understand threads, but not stacks
 * that are exchanged by hand. The scheduler is the thread that called fibers_run. */
#include "tests/host/fiber.h"
#include "lib/panic.h"
#include "lib/random.h"
#include "tests/host/machine.h"
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

struct fiber {
    pthread_t thread;
    sem_t go; /* posted when it may run */
    void (*run)(void *arg);
    void *arg;
    const void *channel; /* NULL: ready */
    bool daemon, done;
};

static struct fiber *fibers[FIBERS_MAX]; /* NULL: a free place */
static sem_t scheduler;                  /* posted when the current fiber stops */
static struct fiber *current;

static void sleep_until(sem_t *s)
{
    while (sem_wait(s) != 0) /* a signal came */
        ;
}

static void *thread(void *arg)
{
    struct fiber *f = arg;
    sleep_until(&f->go);
    f->run(f->arg);
    f->done = true;
    sem_post(&scheduler);
    return NULL;
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
    int err = sem_init(&f->go, 0, 0);
    if (err == 0)
        err = pthread_create(&f->thread, NULL, thread, f);
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

static void stop(struct fiber *f)
{
    sem_post(&scheduler);
    sleep_until(&f->go);
}

void fiber_yield(void)
{
    if (current != NULL)
        stop(current);
}

static void wait(const void *channel)
{
    ASSERT(current != NULL, "fiber: a wait for %p by nobody", channel);
    current->channel = channel;
    stop(current);
}

static void wake(const void *channel)
{
    for (int i = 0; i < FIBERS_MAX; i++)
        if (fibers[i] != NULL && fibers[i]->channel == channel)
            fibers[i]->channel = NULL;
}

/* => the place of the next one that can run, from `from` on. */
static uint32_t next_ready(uint32_t from)
{
    for (uint32_t i = 0; i < FIBERS_MAX; i++) {
        const struct fiber *f = fibers[(from + i) % FIBERS_MAX];
        if (f != NULL && f->channel == NULL)
            return (from + i) % FIBERS_MAX;
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

static void run_until_it_stops(uint32_t place)
{
    struct fiber *f = current = fibers[place];
    sem_post(&f->go);
    sleep_until(&scheduler);
    current = NULL;
    if (f->done) {
        pthread_join(f->thread, NULL);
        free(f);
        fibers[place] = NULL;
    }
}

void fibers_run(uint32_t seed)
{
    uint32_t rng = seed, place = 0;
    int err = sem_init(&scheduler, 0, 0);
    ASSERT(err == 0, "fiber: the host gives no semaphore");
    machine.wait = wait;
    machine.wake = wake;
    while (somebody_left()) {
        place = next_ready(seed != 0 ? random_below(&rng, FIBERS_MAX) : place);
        run_until_it_stops(place++);
    }
    /* the daemons' threads sleep for ever, each on a record of its own: they end with the test's process */
    for (int i = 0; i < FIBERS_MAX; i++)
        fibers[i] = NULL;
    machine.wait = NULL;
    machine.wake = NULL;
}
