/* SPDX-License-Identifier: MIT
 * The disk with one head. Its queue needs no list: service times are known when a request arrives, and so is
 * the end of the last one; a timer for each request does the rest. The head does not wait for the CPU: when
 * an interrupt is late, the next request has started in time all the same.
 *
 * The data of a write is taken when it is queued, that of a read is delivered when it ends. So a read that is
 * queued behind a write of the same block sees what was written, and whoever looks into a frame before its
 * read has ended sees it without the data, as with a real disk. */
#include "drivers/latency.h"
#include "drivers/clock.h"
#include "lib/command.h"
#include "lib/string.h"
#include "lib/wait.h"

enum { FURTHER_PAGES = 50 }; /* pages that take as long as a request of one page */

struct request {
    struct timer timer;
    uint64_t queued, started; /* microseconds since boot */
    uint32_t pages;
    bool done;
};

static struct {
    struct blkdev dev;
    struct blkdev *inner;
    uint32_t micros;  /* per request of one page */
    uint64_t free_at; /* when the head has served all that is queued, microseconds since boot */
    /* of what has been served since `since`: */
    uint64_t since;
    uint32_t requests, pages;
    uint64_t busy_us;  /* the head was at work */
    uint64_t spent_us; /* queueing and service, summed over requests */
} disk;

/* The part of a time span that is counted. */
static uint64_t counted(uint64_t from, uint64_t to)
{
    return to > disk.since ? to - MAX(from, disk.since) : 0;
}

static void served(struct timer *timer)
{
    struct request *r = container_of(timer, struct request, timer);
    disk.requests++;
    disk.pages += r->pages;
    disk.busy_us += counted(r->started, timer->due_us);
    disk.spent_us += counted(r->queued, timer->due_us);
    r->done = true;
    wake_all(r);
}

/* Queues a request of `count` pages and sleeps until it has been served. */
static void take_time(uint32_t count)
{
    struct request r = {.timer.fire = served, .queued = clock_micros(), .pages = count};
    r.started = MAX(r.queued, disk.free_at);
    disk.free_at = r.started + disk.micros + (count - 1) * disk.micros / FURTHER_PAGES;
    timer_start(&r.timer, disk.free_at);
    while (!r.done)
        wait_on(&r);
}

static int latency_transfer(struct blkdev *dev UNUSED, const struct blk_transfer *t)
{
    int err = 0;
    if (t->write)
        err = disk.inner->transfer(disk.inner, t);
    if (clock_ticking())
        take_time(t->count);
    if (!t->write)
        err = disk.inner->transfer(disk.inner, t);
    return err;
}

static void latency_discard(struct blkdev *dev UNUSED, uint32_t block)
{
    disk.inner->discard(disk.inner, block);
}

struct blkdev *latency_wrap(struct blkdev *inner, uint32_t micros)
{
    disk.dev = *inner;
    disk.dev.transfer = latency_transfer;
    disk.dev.sleeps = true;
    if (inner->discard != NULL)
        disk.dev.discard = latency_discard;
    disk.inner = inner;
    disk.micros = micros;
    return &disk.dev;
}

bool latency_set(uint32_t micros)
{
    if (disk.inner != NULL)
        disk.micros = micros;
    return disk.inner != NULL;
}

uint32_t latency_micros(void)
{
    return disk.micros;
}

static void reset(void)
{
    disk.since = clock_micros();
    disk.requests = disk.pages = 0;
    disk.busy_us = disk.spent_us = 0;
}

/* The mean queue length is the time spent by all requests over the time that passed (Little, Operations
 * Research 9(3), 1961); a request in service counts. */
static void show(struct printer *out)
{
    uint64_t elapsed = MAX(clock_micros() - disk.since, 1ull);
    uint32_t requests = MAX(disk.requests, 1u);
    uint32_t queue = (uint32_t)(disk.spent_us * 100 / elapsed),
             use = (uint32_t)(disk.busy_us * 1000 / elapsed);
    print(out,
          "iostat: disk=%s swaplat=%u requests=%u pages=%u elapsed_us=%llu busy_us=%llu utilisation=%u.%u%% "
          "queue=%u.%02u wait_us=%u service_us=%u\n",
          disk.dev.name, disk.micros, disk.requests, disk.pages, (unsigned long long)elapsed,
          (unsigned long long)disk.busy_us, use / 10, use % 10, queue / 100, queue % 100,
          (uint32_t)(disk.spent_us / requests), (uint32_t)(disk.busy_us / requests));
}

static int command_run(int argc, char **argv, struct printer *out)
{
    if (argc > 2 || (argc == 2 && strcmp(argv[1], "reset") != 0)) {
        print(out, "iostat: expected no argument, or: reset\n");
        return 1;
    }
    if (disk.inner == NULL)
        print(out, "iostat: the swap disk takes no time (swaplat=0)\n");
    else if (argc == 2)
        reset();
    else
        show(out);
    return 0;
}

COMMAND_AT_STOP(iostat, "[reset]", "the disk's requests, utilisation, mean queue and wait; count from now on",
                command_run, .words = "reset");
