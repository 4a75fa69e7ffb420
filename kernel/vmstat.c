/* SPDX-License-Identifier: MIT
 * vmstat, top: what the machine and its processes did, in total or since the last look. */
#include "arch/x86/io.h"
#include "drivers/clock.h"
#include "kernel/allot.h"
#include "kernel/monitor.h"
#include "kernel/proc.h"
#include "lib/command.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/stats.h"

/* ---- vmstat ---- */

enum { SAMPLES_MOST = 100000, PERIOD_MS = 1000, PERIOD_MOST_MS = 3600000 };

struct sample {
    struct vmstat vm;
    struct cpu_use cpu;
};

static struct sample take_sample(void)
{
    return (struct sample){vmstat, proc_cpu_use()};
}

static uint32_t percent(uint64_t part, uint64_t all)
{
    return all > 0 ? (uint32_t)((part * 100 + all / 2) / all) : 0;
}

/* What happened between two samples; who runs and what is free now. */
static void print_sample(const struct sample *a, const struct sample *b, struct printer *out)
{
    uint32_t running = 0, sleeping = 0;
    list_for_each (n, &all_procs) {
        const struct proc *p = container_of(n, struct proc, all);
        running += p->space != NULL && (p->state == PROC_READY || p->state == PROC_RUNNING);
        sleeping += p->space != NULL && p->state == PROC_SLEEPING;
    }
    uint64_t busy = b->cpu.busy - a->cpu.busy, wait = b->cpu.iowait - a->cpu.iowait,
             idle = b->cpu.idle - a->cpu.idle, all = busy + wait + idle;
    print(out, "%3u %3u %7u %8u %7u %7u %7u %7u %7u %7u %3u %3u %3u\n", running, sleeping,
          buddy_free_frames(), b->vm.pgfault - a->vm.pgfault, b->vm.pgmajfault - a->vm.pgmajfault,
          b->vm.pswpin - a->vm.pswpin, b->vm.pswpout - a->vm.pswpout, b->vm.pgsteal - a->vm.pgsteal,
          b->vm.pgscan - a->vm.pgscan, b->vm.ctxt - a->vm.ctxt, percent(busy, all), percent(wait, all),
          percent(idle, all));
}

static int watch(uint32_t samples, uint32_t period_ms, struct printer *out)
{
    static const char channel; /* woken by time only */
    struct sample now, last = take_sample();
    uint64_t at = clock_micros();
    print(out, "%3s %3s %7s %8s %7s %7s %7s %7s %7s %7s %3s %3s %3s\n", "r", "b", "free", "faults", "majors",
          "swpin", "swpout", "steal", "scan", "ctx", "us", "wa", "id");
    for (uint32_t i = 0; i < samples; i++) {
        at += (uint64_t)period_ms * 1000;
        while (clock_micros() < at)
            proc_sleep_on(&channel, at);
        now = take_sample();
        print_sample(&last, &now, out);
        last = now;
    }
    return 0;
}

static int vmstat_run(int argc, char **argv, struct printer *out)
{
    uint32_t samples, period = PERIOD_MS;
    if (argc == 1) {
        vmstat_print(out);
        return 0;
    }
    if (argc > 3 || !parse_u32(argv[1], false, &samples) || samples == 0 || samples > SAMPLES_MOST) {
        print(out, "vmstat: %s: expected a number of samples, 1 to %d, and perhaps milliseconds\n",
              argv[argc > 3 ? 3 : 1], SAMPLES_MOST);
        return 1;
    }
    if (argc == 3 && (!parse_u32(argv[2], false, &period) || period == 0 || period > PERIOD_MOST_MS)) {
        print(out, "vmstat: %s: expected milliseconds, 1 to %d\n", argv[2], PERIOD_MOST_MS);
        return 1;
    }
    return command_may_sleep("vmstat N", out) ? watch(samples, period, out) : 1;
}

COMMAND_AT_STOP(
    vmstat, "[N [MS]]", "machine-wide counters, under Linux's /proc/vmstat names; N times what they grew by",
    vmstat_run,
    .more = "  With N: as many lines, one a second of the guest's time, or one each MS milliseconds:\n"
            "    r b       programs that run or could, that sleep\n"
            "    free      frames\n"
            "    faults majors swpin swpout steal scan   pgfault pgmajfault pswpin pswpout pgsteal\n"
            "              pgscan, by how much they grew\n"
            "    ctx       switches from one process to another\n"
            "    us wa id  percent of time: at work, kernel included; waiting for a disk; idle\n"
            "  run qsort &    and then    vmstat 10 50\n");

/* ---- top ---- */

/* How a process stood at the last top. */
struct standing {
    uint32_t pid, minor, major, evictions;
    uint64_t cpu;
};
static struct standing before[PROC_MAX];
static uint64_t looked_at; /* TSC ticks */
static uint64_t looked_at_us;

struct row {
    const struct proc *proc;
    struct standing now;
    uint32_t faults, majors, evictions;
    uint64_t cpu;
};
static struct row rows[PROC_MAX];

static struct row row_of(const struct proc *p)
{
    static const struct standing born;
    const struct standing *last = &born;
    for (uint32_t i = 0; i < PROC_MAX && before[i].pid != 0; i++)
        if (before[i].pid == p->result.pid)
            last = &before[i];
    const struct space *s = p->space;
    struct row r = {.proc = p,
                    .now = {p->result.pid, s->minor, s->major, s->pmap.evictions,
                            p->result.cpu_ticks + (p == current ? rdtsc() - p->since : 0)}};
    r.faults = r.now.minor + r.now.major - last->minor - last->major;
    r.majors = r.now.major - last->major;
    r.evictions = r.now.evictions - last->evictions;
    r.cpu = r.now.cpu - last->cpu;
    return r;
}

static const char *state_of(const struct proc *p)
{
    return p->state == PROC_SLEEPING ? "asleep" : "runs";
}

/* By faults, most first; then by pid. */
static void sort(uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        struct row r = rows[i];
        uint32_t j = i;
        for (; j > 0 && (rows[j - 1].faults < r.faults ||
                         (rows[j - 1].faults == r.faults && rows[j - 1].now.pid > r.now.pid));
             j--)
            rows[j] = rows[j - 1];
        rows[j] = r;
    }
}

static int top_run(int argc UNUSED, char **argv UNUSED, struct printer *out)
{
    static struct sample last;
    struct sample now = take_sample();
    uint32_t count = 0;
    uint64_t tsc = rdtsc(), passed = tsc - looked_at;
    list_for_each (n, &all_procs) {
        const struct proc *p = container_of(n, struct proc, all);
        if (p->space != NULL && count < PROC_MAX)
            rows[count++] = row_of(p);
    }
    sort(count);
    uint64_t us = clock_micros();
    uint32_t ms = (uint32_t)((us - looked_at_us) / 1000);
    print(out, "top: %u.%03u s since %s, %u programs, faults=%u majors=%u evictions=%u, %u frames free\n",
          ms / 1000, ms % 1000, looked_at > 0 ? "the last" : "boot", count, now.vm.pgfault - last.vm.pgfault,
          now.vm.pgmajfault - last.vm.pgmajfault, now.vm.pgsteal - last.vm.pgsteal, buddy_free_frames());
    print(out, "%5s %-12s %-8s %8s %8s %8s %10s %5s\n", "pid", "name", "state", "resident", "faults",
          "majors", "evictions", "cpu%");
    memset(before, 0, sizeof before);
    for (uint32_t i = 0; i < count; i++) {
        const struct row *r = &rows[i];
        print(out, "%5u %-12s %-8s %8u %8u %8u %10u %5u\n", r->now.pid, r->proc->result.name,
              state_of(r->proc), r->proc->space->pmap.resident, r->faults, r->majors, r->evictions,
              percent(r->cpu, passed));
        before[i] = r->now;
    }
    last = now;
    looked_at = tsc;
    looked_at_us = us;
    return 0;
}

COMMAND_AT_STOP(top, "", "programs by faults since the last top, with their part of the CPU", top_run);
