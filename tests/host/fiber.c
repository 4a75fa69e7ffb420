/* SPDX-License-Identifier: MIT
 * Fibers are threads of the host of which one runs at a time: sanitizers understand threads, but not stacks
 * that are exchanged by hand. The scheduler is the thread that called fibers_run. */
#include "tests/host/fiber.h"
#include "lib/panic.h"
#include "lib/random.h"
#include "tests/host/machine.h"
#include <pthread.h>
#include <semaphore.h>

static struct fiber {
    pthread_t thread;
    sem_t go; /* posted when it may run */
    void (*run)(void *arg);
    void *arg;
    const void *channel; /* NULL: ready */
    bool used, daemon, done;
} fibers[FIBERS_MAX];

static sem_t scheduler; /* posted when the current fiber stops */
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

static void start(void (*f)(void *arg), void *arg, bool daemon)
{
    struct fiber *free_one = NULL;
    for (int i = 0; i < FIBERS_MAX && free_one == NULL; i++)
        if (!fibers[i].used)
            free_one = &fibers[i];
    ASSERT(free_one != NULL, "fiber: more than %d at once", FIBERS_MAX);
    *free_one = (struct fiber){.run = f, .arg = arg, .used = true, .daemon = daemon};
    int err = sem_init(&free_one->go, 0, 0);
    if (err == 0)
        err = pthread_create(&free_one->thread, NULL, thread, free_one);
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
        if (fibers[i].channel == channel)
            fibers[i].channel = NULL;
}

/* The next one that can run, from `from` on. */
static struct fiber *next_ready(uint32_t from)
{
    for (uint32_t i = 0; i < FIBERS_MAX; i++) {
        struct fiber *f = &fibers[(from + i) % FIBERS_MAX];
        if (f->used && f->channel == NULL)
            return f;
    }
    return NULL;
}

/* A daemon's thread sleeps for ever: it ends with the process, as tests do. */
static void drop(struct fiber *f)
{
    if (f->done)
        pthread_join(f->thread, NULL);
    else
        pthread_detach(f->thread);
    f->used = false;
    f->channel = NULL;
}

static bool somebody_left(void)
{
    bool left = false;
    for (int i = 0; i < FIBERS_MAX; i++)
        left |= fibers[i].used && !fibers[i].daemon;
    return left;
}

void fibers_run(uint32_t seed)
{
    uint32_t rng = seed, turn = 0;
    int err = sem_init(&scheduler, 0, 0);
    ASSERT(err == 0, "fiber: the host gives no semaphore");
    machine.wait = wait;
    machine.wake = wake;
    while (somebody_left()) {
        struct fiber *f = next_ready(seed != 0 ? random_below(&rng, FIBERS_MAX) : turn);
        ASSERT(f != NULL, "fiber: all of them wait");
        turn = (uint32_t)(f - fibers) + 1;
        current = f;
        sem_post(&f->go);
        sleep_until(&scheduler);
        current = NULL;
        if (f->done)
            drop(f);
    }
    for (int i = 0; i < FIBERS_MAX; i++)
        if (fibers[i].used)
            drop(&fibers[i]);
    machine.wait = NULL;
    machine.wake = NULL;
}
