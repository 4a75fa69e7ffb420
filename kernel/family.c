/* SPDX-License-Identifier: MIT
 * Orphans are adopted by the first thread, and freed by themselves when they end. */
#include "kernel/family.h"
#include "kernel/signal.h"
#include "kernel/syscall.h"
#include "lib/errno.h"

void usage_add(struct usage *a, const struct usage *b)
{
    a->cpu_ticks += b->cpu_ticks;
    a->minor += b->minor;
    a->major += b->major;
    a->writebacks += b->writebacks;
    a->resident = MAX(a->resident, b->resident);
}

static struct usage usage_of(const struct proc *p)
{
    const struct proc_result *r = &p->result;
    struct usage u = {r->cpu_ticks, r->minor, r->major, r->writebacks, r->resident};
    usage_add(&u, &p->children);
    return u;
}

void family_release(struct proc *p)
{
    struct proc *parent = p->parent;
    if (parent->vfork_child != p)
        return;
    parent->vfork_child = NULL;
    proc_wake(&parent->vfork_child);
}

static void orphan_children(struct proc *p)
{
    list_for_each (n, &all_procs) {
        struct proc *c = container_of(n, struct proc, all);
        if (c->parent != p)
            continue;
        c->parent = first_proc;
        if (c->state == PROC_ZOMBIE && !c->unwanted)
            proc_bury(c);
        c->unwanted = true;
    }
}

void family_leave(struct proc *p)
{
    struct proc *parent = p->parent;
    orphan_children(p);
    family_release(p);
    if (p->unwanted) {
        proc_bury(p);
        return;
    }
    if (parent == first_proc) /* the commands run and wait take it in */
        return;
    enum { CLD_EXITED = 1, CLD_KILLED = 2 };
    const struct proc_result *r = &p->result;
    struct signal_info info = {
        .code = r->signal ? CLD_KILLED : CLD_EXITED,
        .value = r->pid,
        .status = r->signal ? r->signal : r->status,
    };
    if (signals_no_zombies(parent)) {
        p->parent = first_proc;
        proc_bury(p);
    }
    signal_send(parent, SIGCHLD, info);
    proc_wake(&parent->child_ended);
}

static bool is_meant(const struct proc *child, int32_t which)
{
    if (which > 0)
        return child->result.pid == (uint32_t)which;
    if (which == -1)
        return true;
    return child->group == (which == 0 ? current->group : (uint32_t)-which);
}

/* => a child that has ended, or NULL; *any: is there one at all, ended or not? */
static struct proc *find_ended(int32_t which, bool *any)
{
    *any = false;
    list_for_each (n, &all_procs) {
        struct proc *p = container_of(n, struct proc, all);
        if (p->parent != current || !is_meant(p, which))
            continue;
        *any = true;
        if (p->state == PROC_ZOMBIE)
            return p;
    }
    return NULL;
}

int32_t family_wait(int32_t which, uint32_t options, struct ended *out)
{
    struct proc *p;
    bool any;
    while ((p = find_ended(which, &any)) == NULL) {
        *out = (struct ended){.pid = 0};
        if (!any)
            return -ECHILD;
        if (options & WAIT_NOHANG)
            return 0;
        if (current->attention)
            return -ERESTARTSYS;
        proc_sleep_on(&current->child_ended, 0);
    }
    *out = (struct ended){p->result.pid, p->result.status, p->result.signal, usage_of(p)};
    if (!(options & WAIT_KEEP)) {
        struct proc_result result;
        usage_add(&current->children, &out->usage);
        proc_reap(p, &result);
    }
    return 0;
}
