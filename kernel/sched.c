/* SPDX-License-Identifier: MIT
 * Who has the CPU: round robin, sleep, wake-ups, idle time. */
#include "kernel/sched.h"
#include "arch/x86/io.h"
#include "arch/x86/paging.h"
#include "drivers/clock.h"
#include "kernel/allot.h"
#include "kernel/signal.h"
#include "kernel/turn.h"
#include "lib/panic.h"
#include "lib/spin.h"
#include "lib/wait.h"

struct proc *current;
bool need_resched;

static struct list_node ready = {&ready, &ready};
/* Those that waited for a disk come first. They will soon wait again; until then the disk would be idle. */
static struct list_node urgent = {&urgent, &urgent};
static struct list_node dead = {&dead, &dead};
static uint32_t disk_waiters; /* programs in wait_on */
static uint64_t start_ticks;  /* TSC when the first process began */
static uint64_t iowait_ticks, idle_ticks;
uint32_t context_switches;

/* The queues are not locked. A preemptible thread that forgets this would break them, but rarely. */
static void check_interrupts_off(const char *who UNUSED)
{
#ifdef LOCK_CHECK
    ASSERT(!irq_enabled(), "%s is called with interrupts on", who);
#endif
}

static void make_ready(struct proc *p, struct list_node *queue)
{
    p->state = PROC_READY;
    p->channel = NULL;
    timer_cancel(&p->time_out);
    list_push_back(queue, &p->queue);
}

void sched_time_out(struct timer *t)
{
    make_ready(container_of(t, struct proc, time_out), &ready);
    need_resched = true;
}

void sched_start(struct proc *p, void (*entry)(void *))
{
    uint32_t boot_esp;
    p->state = PROC_RUNNING;
    p->since = start_ticks = rdtsc();
    current = p;
    cpu_set_kernel_stack((uint32_t)p->fpu);
    context_switch(&boot_esp, context_prepare((uint32_t)p->fpu, entry, NULL));
    panic("the boot stack was switched to again");
}

/* Programs, and threads that may be preempted while they copy or zero a page (arch/x86/page.S). */
static bool uses_fpu(const struct proc *p)
{
    return (p->space != NULL || p->preemptible) && cpu_features.fxsr;
}

/* Makes p's registers and address space the CPU's. Runs on the old stack. */
static void switch_to(struct proc *p)
{
    struct proc *from = current;
    uint64_t now = rdtsc();
    context_switches++;
    from->result.cpu_ticks += now - from->since;
    p->since = now;
    if (uses_fpu(from))
        fpu_save(from->fpu);
    from->gs = read_gs();
    current = p;
    if (p->space != NULL) {
        pmap_activate(&p->space->pmap);
        cpu_set_kernel_stack((uint32_t)p->fpu);
        cpu_load_tls(p->tls);
    }
    if (uses_fpu(p))
        fpu_load(p->fpu);
    write_gs(p->gs);
    context_switch(&from->esp, p->esp);
    /* here again, later, as `from` */
}

static bool nobody_ready(void)
{
    return list_empty(&ready) && list_empty(&urgent);
}

bool sched_others_ready(void)
{
    return !nobody_ready();
}

/* Waits, on the stack of whoever slept last, until somebody is ready. Nobody is charged for it. */
static void idle(void)
{
    uint64_t start = rdtsc();
    current->result.cpu_ticks += start - current->since;
    while (nobody_ready())
        cpu_idle();
    current->since = rdtsc();
    *(disk_waiters > 0 ? &iowait_ticks : &idle_ticks) += current->since - start;
}

struct cpu_use proc_cpu_use(void)
{
    return (struct cpu_use){rdtsc() - start_ticks - iowait_ticks - idle_ticks, iowait_ticks, idle_ticks};
}

void proc_bury(struct proc *p)
{
    p->unwanted = true;
    list_push_back(&dead, &p->queue);
}

/* Whoever has ended cannot free its own stack; the next that runs does it. */
static void free_the_dead(void)
{
    list_for_each_safe (n, &dead) {
        struct proc *p = container_of(n, struct proc, queue);
        if (p == current)
            continue;
        list_remove(&p->queue);
        proc_free(p);
    }
}

void schedule(void)
{
    check_interrupts_off("schedule");
    need_resched = false;
    if (current->state == PROC_RUNNING) {
        if (nobody_ready())
            return;
        current->state = PROC_READY;
        list_push_back(&ready, &current->queue);
    }
    if (nobody_ready())
        idle();
    struct list_node *first = list_pop_front(list_empty(&urgent) ? &ready : &urgent);
    struct proc *next = container_of(first, struct proc, queue);
    next->state = PROC_RUNNING;
    if (next != current)
        switch_to(next);
    if (unlikely(!list_empty(&dead)))
        free_the_dead();
}

void proc_ready(struct proc *p)
{
    make_ready(p, &ready);
}

void proc_interrupt(struct proc *p)
{
    if (p->state == PROC_SLEEPING)
        proc_ready(p);
}

static void sleep_on(const void *channel, uint64_t wake_at)
{
    spin_check_none("sleep_on");
    current->state = PROC_SLEEPING;
    current->channel = channel;
    if (wake_at != 0)
        timer_start(&current->time_out, wake_at);
    schedule();
}

void proc_doze_on(const void *channel)
{
    sleep_on(channel, 0);
}

void proc_sleep_on(const void *channel, uint64_t wake_at)
{
    if (turn_holder == current) /* whatever it waits for, it is not a page of its instruction */
        turn_release();
    if (unlikely(allot_on))
        allot_falls_asleep();
    sleep_on(channel, wake_at);
    if (unlikely(allot_on))
        allot_wakes_up();
}

/* => was anybody asleep there? */
static bool wake(const void *channel, struct list_node *queue)
{
    check_interrupts_off("wake");
    bool woken = false;
    list_for_each (n, &all_procs) {
        struct proc *p = container_of(n, struct proc, all);
        if (p->state == PROC_SLEEPING && p->channel == channel) {
            make_ready(p, queue);
            woken = true;
        }
    }
    return woken;
}

void proc_wake(const void *channel)
{
    wake(channel, &ready);
}

/* A kernel thread, such as the pager, waits for work as well as for the disk: it does not make idle time I/O
 * wait. */
void wait_on(const void *channel)
{
    bool counts = current->space != NULL;
    disk_waiters += counts;
    sleep_on(channel, 0);
    disk_waiters -= counts;
}

void wake_all(const void *channel)
{
    if (wake(channel, &urgent))
        need_resched = true;
}

void proc_tick(void)
{
    uint64_t now = clock_micros();
    list_for_each (n, &all_procs) {
        struct proc *p = container_of(n, struct proc, all);
        if (unlikely(p->alarm_at != 0 && p->alarm_at <= now))
            signal_alarm(p);
    }
    need_resched = true;
}
