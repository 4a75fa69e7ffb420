/* SPDX-License-Identifier: MIT
 * run, demo, ps, kill, wait: the commands about processes. */
#include "kernel/run.h"
#include "arch/x86/io.h"
#include "drivers/clock.h"
#include "kernel/allot.h"
#include "kernel/monitor.h"
#include "kernel/proc.h"
#include "kernel/signal.h"
#include "lib/command.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/dump.h"
#include "mm/stats.h"
#include "mm/swap.h"

/* One run command: who was started, and the machine's counters at the start. */
struct run {
    uint32_t count, ended;
    struct run_options options;
    struct proc_result results[RUN_MAX];
    struct pool *pools[RUN_MAX]; /* with `local`: of each program, kept for the summary */
    struct vmstat before;
    struct cpu_use cpu_before;
    uint32_t forks_before;
    uint64_t start_us;
};

static uint32_t micros_of(uint64_t ticks)
{
    return clock_ticks_to_micros(ticks);
}

static void print_status(const struct proc_result *r, char *text, size_t size)
{
    if (r->signal != 0)
        format(text, size, "killed");
    else if (r->status != 0)
        format(text, size, "exit %d", r->status);
    else
        format(text, size, "ok");
}

static void print_row(const struct proc_result *r, struct printer *out)
{
    char status[16];
    uint32_t us = micros_of(r->cpu_ticks);
    print_status(r, status, sizeof status);
    print(out, "%5u %-12s %-8s %8u %8u %10u %11u %7u.%03u%s%s\n", r->pid, r->name, status, r->minor, r->major,
          r->evictions, r->writebacks, us / 1000, us % 1000, r->reason[0] != '\0' ? "  " : "", r->reason);
}

static void print_summary(const struct run *run, struct printer *out)
{
    struct proc_result all = {0};
    uint32_t ok = 0;
    print(out, "%5s %-12s %-8s %8s %8s %10s %11s %11s\n", "pid", "name", "status", "minor", "major",
          "evictions", "write-backs", "cpu-ms");
    for (uint32_t i = 0; i < run->count; i++) {
        const struct proc_result *r = &run->results[i];
        print_row(r, out);
        ok += r->signal == 0 && r->status == 0;
        all.minor += r->minor;
        all.major += r->major;
        all.evictions += r->evictions;
        all.writebacks += r->writebacks;
        all.cpu_ticks += r->cpu_ticks;
    }
    const struct vmstat *a = &run->before, *b = &vmstat;
    struct cpu_use c = run->cpu_before, d = proc_cpu_use();
    uint32_t us = (uint32_t)(clock_micros() - run->start_us), cpu = micros_of(all.cpu_ticks);
    print(out, "%5s %-12s %u of %-3u %8u %8u %10u %11u %7u.%03u\n", "", "machine", ok, run->count, all.minor,
          all.major, all.evictions, all.writebacks, cpu / 1000, cpu % 1000);
    print(out,
          "summary programs=%u ok=%u policy=%s frames=%u pgfault=%u pgmajfault=%u minor=%u evictions=%u "
          "writebacks=%u pswpin=%u pswpout=%u refused=%u forks=%u cpu_us=%u elapsed_us=%u "
          "busy_us=%u iowait_us=%u idle_us=%u\n",
          run->count, ok,
          run->options.local != NULL ? run->options.local->policy->name : main_pool.policy->name,
          run->options.local != NULL ? run->options.local->limit : allot_frames(), b->pgfault - a->pgfault,
          b->pgmajfault - a->pgmajfault, all.minor, b->pgsteal - a->pgsteal,
          b->pgsteal - b->pgsteal_clean - (a->pgsteal - a->pgsteal_clean), b->pswpin - a->pswpin,
          b->pswpout - a->pswpout, b->fault_case[0] + b->fault_case[1] - a->fault_case[0] - a->fault_case[1],
          forks - run->forks_before, cpu, us, micros_of(d.busy - c.busy), micros_of(d.iowait - c.iowait),
          micros_of(d.idle - c.idle));
    for (uint32_t i = 0; run->options.local != NULL && i < run->count; i++)
        pool_print(run->pools[i], out);
}

/* Started from here, and not some program's child? */
static bool waits_for_monitor(const struct proc *p)
{
    return p->parent == first_proc && !p->unwanted;
}

/* Takes in every foreground process that has ended; results stay in order of start. */
static void reap(struct run *run)
{
    list_for_each_safe (n, &all_procs) {
        struct proc *p = container_of(n, struct proc, all);
        if (p->state != PROC_ZOMBIE || p->background || !waits_for_monitor(p))
            continue;
        for (uint32_t i = 0; i < run->count; i++) {
            if (run->results[i].pid == p->result.pid) {
                proc_reap(p, &run->results[i]);
                run->ended++;
                break;
            }
        }
    }
}

/* => a reference to the pool that the program is to run in; NULL when memory is short */
static struct pool *choose_pool(const struct run *run, const char *program)
{
    static uint32_t made;
    char name[PROC_NAME + 16];
    if (run->options.local == NULL)
        return allot_new_pool();
    struct pool_config c = *run->options.local;
    c.name = name;
    format(name, sizeof name, "%.*s.%u", PROC_NAME, program, ++made);
    struct pool *p = pool_create(&c);
    if (p != NULL && main_pool.low > 0)
        pool_set_watermarks(p);
    return p;
}

static bool start_one(struct run *run, int argc, char **argv, bool background, struct printer *out)
{
    const struct file *f = initrd_program(argv[0]);
    if (f == NULL) {
        print(out, "%s: no such program; there are:", argv[0]);
        initrd_list(out);
        print(out, "\n");
        return false;
    }
    if (run->count == RUN_MAX) {
        print(out, "run: more than %d programs at once\n", RUN_MAX);
        return false;
    }
    struct pool *pool = choose_pool(run, argv[0]);
    if (pool == NULL) {
        print(out, "%s: no memory for a pool\n", argv[0]);
        return false;
    }
    struct proc *p = proc_spawn(f, argc, argv, pool, run->options.always, out);
    if (p != NULL) {
        p->background = background;
        if (!background) {
            run->pools[run->count] = run->options.local != NULL ? pool_get(pool) : NULL;
            run->results[run->count++] = p->result;
        }
    }
    pool_put(pool);
    return p != NULL;
}

static bool start_all(struct run *run, int argc, char **argv, struct printer *out)
{
    bool background = argc > 0 && strcmp(argv[argc - 1], "&") == 0, ok = true;
    for (int from = 0; from < argc;) {
        int to = from;
        while (to < argc && strcmp(argv[to], "&") != 0)
            to++;
        if (to == from) {
            print(out, "run: expected a program before &\n");
            return false;
        }
        ok &= start_one(run, to - from, argv + from, background, out);
        from = to + 1;
    }
    return ok;
}

int run_programs(int argc, char **argv, const struct run_options *o, struct printer *out)
{
    static struct run run; /* too large for a kernel stack; only the monitor runs programs */
    run = (struct run){.options = *o,
                       .before = vmstat,
                       .cpu_before = proc_cpu_use(),
                       .forks_before = forks,
                       .start_us = clock_micros()};
    bool ok = start_all(&run, argc, argv, out);
    while (reap(&run), run.ended < run.count)
        proc_sleep_on(&proc_ended, 0);
    for (uint32_t i = 0; i < run.count; i++)
        ok &= run.results[i].signal == 0 && run.results[i].status == 0;
    if (o->summary && run.count > 0)
        print_summary(&run, out);
    for (uint32_t i = 0; i < run.count; i++)
        if (run.pools[i] != NULL)
            pool_put(run.pools[i]);
    return ok ? 0 : 1;
}

static int run_run(int argc, char **argv, struct printer *out)
{
    if (argc < 2) {
        print(out, "run: expected a program:");
        initrd_list(out);
        print(out, "\n");
        return 1;
    }
    return run_programs(argc - 1, argv + 1, &(struct run_options){.summary = true}, out);
}

void complete_programs(int argc, char **argv, struct completion *c)
{
    if (argc > 1 && strcmp(argv[argc - 1], "&") != 0 && strcmp(argv[argc - 1], "run") != 0)
        return;
    const struct file *f;
    for (uint32_t i = 0; (f = initrd_file(i)) != NULL; i++)
        if (strncmp(f->name, "bin/", 4) == 0)
            complete_offer(c, f->name + 4);
}

COMMAND(
    run, "PROG [ARG..] [& PROG ..] [&]", "run programs at once, wait, print a summary; last &: do not wait",
    run_run,
    .more =
        "  Without a last & it waits until all have ended. What programs there are: run and the Tab key.\n"
        "  run matmul 200 & qsort   two at once, in the pool that all share\n"
        "  run stamp &              in the background: ps, maps 1, top, wait\n",
    .complete = complete_programs);

static int demo_run(int argc UNUSED, char **argv UNUSED, struct printer *out)
{
    static char matmul[] = "matmul", qsort[] = "qsort", btree[] = "btree", hashjoin[] = "hashjoin",
                also[] = "&";
    char *programs[] = {matmul, also, qsort, also, btree, also, hashjoin};
    print(out, "four programs, each needing hundreds of pages, share %u frames under %s\n", allot_frames(),
          main_pool.policy->name);
    return run_programs(ARRAY_SIZE(programs), programs, &(struct run_options){.summary = true}, out);
}

COMMAND(demo, "", "run matmul, qsort, btree and hashjoin at once", demo_run);

static const char *state_name(const struct proc *p)
{
    switch (p->state) {
    case PROC_NEW:
        return "new";
    case PROC_READY:
        return "ready";
    case PROC_RUNNING:
        return "running";
    case PROC_SLEEPING:
        return "asleep";
    case PROC_ZOMBIE:
        return "ended";
    }
    return "?";
}

static int ps_run(int argc UNUSED, char **argv UNUSED, struct printer *out)
{
    print(out, "%5s %-12s %-8s %5s %8s %8s %8s %10s %11s %11s\n", "pid", "name", "state", "ppid", "resident",
          "minor", "major", "evictions", "write-backs", "cpu-ms");
    list_for_each (n, &all_procs) {
        struct proc *p = container_of(n, struct proc, all);
        static const struct space ended; /* its figures are gone with it */
        const struct space *s = p->space != NULL ? p->space : &ended;
        const struct pmap *m = &s->pmap;
        uint64_t ticks = p->result.cpu_ticks + (p == current ? rdtsc() - p->since : 0);
        uint32_t us = micros_of(ticks);
        print(out, "%5u %-12s %-8s %5u %8u %8u %8u %10u %11u %7u.%03u\n", p->result.pid, p->result.name,
              state_name(p), p->parent != NULL ? p->parent->result.pid : 0, m->resident, s->minor, s->major,
              m->evictions, m->writebacks, us / 1000, us % 1000);
    }
    return 0;
}

COMMAND_AT_STOP(ps, "", "processes", ps_run);

static int cpu_run(int argc UNUSED, char **argv UNUSED, struct printer *out)
{
    struct cpu_use c = proc_cpu_use();
    uint64_t permille = c.busy * 1000 / (c.busy + c.iowait + c.idle);
    print(out, "cpu: busy_us=%u iowait_us=%u idle_us=%u use=%u.%u%%\n", micros_of(c.busy),
          micros_of(c.iowait), micros_of(c.idle), (uint32_t)(permille / 10), (uint32_t)(permille % 10));
    return 0;
}

COMMAND_AT_STOP(cpu, "", "how the CPU spent its time: busy, waiting for a disk, idle", cpu_run);

static struct proc *named_process(int argc, char **argv, struct printer *out)
{
    uint32_t pid;
    struct proc *p = NULL;
    if (argc == 2 && parse_u32(argv[1], false, &pid))
        p = proc_find(pid);
    if (p == NULL || p->space == NULL) {
        print(out, "%s: expected the pid of a running program; ps lists them\n", argv[0]);
        return NULL;
    }
    return p;
}

void complete_pids(int argc, char **argv UNUSED, struct completion *c)
{
    char pid[16];
    list_for_each (n, &all_procs) {
        struct proc *p = container_of(n, struct proc, all);
        format(pid, sizeof pid, "%u", p->result.pid);
        if (argc == 1 && p->space != NULL)
            complete_offer(c, pid);
    }
}

static int kill_run(int argc, char **argv, struct printer *out)
{
    struct proc *p = named_process(argc, argv, out);
    if (p == NULL)
        return 1;
    proc_kill(p, SIGKILL, "killed from the monitor");
    if (p->group != p->result.pid)
        return 0;
    list_for_each (n, &all_procs) {
        struct proc *member = container_of(n, struct proc, all);
        if (member->group == p->group && member != p && member->state != PROC_ZOMBIE)
            proc_kill(member, SIGKILL, "killed from the monitor, with its group");
    }
    return 0;
}

COMMAND(kill, "PID", "end a program, and with a group's leader all that it forked", kill_run,
        .complete = complete_pids);

static int maps_run(int argc, char **argv, struct printer *out)
{
    struct proc *p = named_process(argc, argv, out);
    if (p == NULL)
        return 1;
    dump_space(p->space, out);
    return 0;
}

COMMAND_AT_STOP(maps, "PID", "a program's regions, with resident and swapped pages", maps_run,
                .complete = complete_pids);

static int wait_run(int argc, char **argv, struct printer *out)
{
    uint32_t ms = 0;
    if (argc > 2 || (argc == 2 && (!parse_u32(argv[1], false, &ms) || ms == 0))) {
        print(out, "wait: expected no argument, or milliseconds from 1 on\n");
        return 1;
    }
    uint64_t until = ms ? clock_micros() + (uint64_t)ms * 1000 : 0;
    while (proc_count() > 0 && (until == 0 || clock_micros() < until))
        proc_sleep_on(&proc_ended, until);
    int failed = 0;
    list_for_each_safe (n, &all_procs) {
        struct proc *p = container_of(n, struct proc, all);
        if (p->state != PROC_ZOMBIE || !waits_for_monitor(p))
            continue;
        struct proc_result r;
        proc_reap(p, &r);
        print_row(&r, out);
        failed |= r.signal != 0 || r.status != 0;
    }
    return failed;
}

COMMAND(wait, "[MS]", "wait for background programs, at most MS milliseconds, and report those that ended",
        wait_run);
