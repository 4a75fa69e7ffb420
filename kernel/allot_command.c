/* SPDX-License-Identifier: MIT
 * The allot command: who has how many frames and why, and another way to allot them. */
#include "kernel/load.h"
#include "kernel/monitor.h"
#include "kernel/proc.h"
#include "lib/command.h"

const char *allot_mode_name(enum allot_mode mode)
{
    static const char *const names[] = {"global", "equal", "ws", "pff"};
    return names[mode];
}

/* Of CPU time. */
static uint32_t faults_per_second(const struct allotment *a)
{
    uint64_t ticks = (uint64_t)a->gap << ALLOT_UNIT_SHIFT;
    if (a->gap == UINT32_MAX)
        return 0;
    return (uint32_t)((uint64_t)clock_khz() * 1000 / MAX(ticks, 1ull));
}

static const char *state_of(const struct allotment *a)
{
    if (!a->suspended)
        return "runs";
    return a->parked > 0 ? "suspended" : "asleep";
}

static void show_summary(struct printer *out)
{
    struct allot_config c = allot_config();
    struct load_figures f = load_figures();
    print(out, "allot: mode=%s", allot_mode_name(c.mode));
    if (c.micros != 0)
        print(out, " %s_us=%u", c.mode == ALLOT_WS ? "tau" : "t", c.micros);
    print(out, " frames=%u", allot_frames());
    if (allot_on)
        print(out, " shared=%u free=%d running=%u suspended=%u suspensions=%u resumptions=%u",
              main_pool.resident, load_room(), f.running, f.suspended, f.suspensions, f.resumptions);
    print(out, "\n");
}

static void show_processes(struct printer *out)
{
    print(out, "%5s %-12s %-10s %9s %8s %11s %6s %8s %11s\n", "pid", "name", "state", "allotment", "resident",
          "working-set", "demand", "faults/s", "suspensions");
    list_for_each (n, &all_procs) {
        const struct proc *p = container_of(n, struct proc, all);
        const struct allotment *a = p->space != NULL ? allot_of(p->space->pool) : NULL;
        if (a == NULL)
            continue;
        print(out, "%5u %-12s %-10s %9u %8u %11u %6u %8u %11u\n", p->result.pid, p->result.name, state_of(a),
              a->suspended ? 0 : a->pool->limit, a->pool->resident, allot_working_set(a),
              a->suspended ? a->demand : a->pool->limit, faults_per_second(a), a->suspensions);
    }
}

static int allot_run(int argc, char **argv, struct printer *out)
{
    struct allot_config c;
    if (argc > 2 || (argc == 2 && !allot_parse(argv[1], &c))) {
        print(out, "allot: %s: expected no argument, or: %s\n", argv[argc - 1], allot_legal);
        return 1;
    }
    if (proc_count() == 0)
        load_settle();
    if (argc == 2 && !allot_set(&c, out))
        return 1;
    show_summary(out);
    if (argc == 1 && allot_on)
        show_processes(out);
    return 0;
}

COMMAND(allot, "[global|equal|ws[:US]|pff[:US]]",
        "how frames are split among programs, and who is suspended; another way, while none runs", allot_run,
        .words = "global equal ws pff");
