/* SPDX-License-Identifier: MIT
 * The out-of-memory killer: says who has what, ends the process whose end frees most, and lets those who wait
 * for memory go on. One victim at a time. */
#include "kernel/oom.h"
#include "lib/log.h"
#include "mm/fault.h"
#include "mm/stats.h"

enum { SIGKILL = 9 };

uint32_t oom_badness(const struct proc *p)
{
    const struct pmap *m = &p->space->pmap;
    return m->resident + m->swapped + m->tables;
}

/* => the process to end; one that is ending already if there is one; NULL if there is none at all. */
static struct proc *choose(void)
{
    struct proc *worst = NULL;
    list_for_each (n, &all_procs) {
        struct proc *p = container_of(n, struct proc, all);
        if (p->space == NULL)
            continue;
        if (p->kill_signal != 0)
            return p;
        if (worst == NULL || oom_badness(p) > oom_badness(worst))
            worst = p;
    }
    return worst;
}

static void explain(const struct proc *victim, enum vm_result why)
{
    log_event(LOG_ERROR, "oom reason=\"%s\" for pid=%u name=%s; badness is resident + swapped + page tables:",
              vm_result_name(why), current->result.pid, current->result.name);
    list_for_each (n, &all_procs) {
        const struct proc *p = container_of(n, struct proc, all);
        if (p->space == NULL)
            continue;
        const struct pmap *m = &p->space->pmap;
        log_event(LOG_ERROR, "oom %s pid=%u name=%s badness=%u resident=%u swapped=%u tables=%u",
                  p == victim ? "victim" : "spared", p->result.pid, p->result.name, oom_badness(p),
                  m->resident, m->swapped, m->tables);
    }
}

bool vm_out_of_memory(struct space *s, enum vm_result why)
{
    if (current->space != s || current->kill_signal != 0)
        return false;
    struct proc *victim = choose();
    if (victim == NULL)
        return false;
    if (victim->kill_signal == 0) {
        vmstat.oom_kill++;
        explain(victim, why);
        if (victim == current)
            return false;
        proc_kill(victim, SIGKILL, vm_result_name(why));
    }
    proc_sleep_on(&proc_ended, 0);
    return true;
}
