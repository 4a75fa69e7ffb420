/* SPDX-License-Identifier: MIT
 * Processes: birth, round robin, sleep, death. */
#include "kernel/proc.h"
#include "arch/x86/io.h"
#include "arch/x86/paging.h"
#include "drivers/clock.h"
#include "kernel/elf.h"
#include "lib/log.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "lib/wait.h"
#include "mm/slab.h"

struct list_node all_procs = {&all_procs, &all_procs};
struct proc *current;
bool need_resched;
const char proc_ended;

static struct list_node ready = {&ready, &ready};
/* Those that waited for a disk come first. They will soon wait again; until then the disk would be idle. */
static struct list_node urgent = {&urgent, &urgent};
static uint32_t last_pid;
static uint32_t disk_waiters; /* programs in wait_on */
static uint64_t start_ticks;  /* TSC when the first process began */
static uint64_t iowait_ticks, idle_ticks;

static struct slab_cache cache = SLAB_CACHE_INIT(cache, "proc", sizeof(struct proc));

static struct slab_cache spaces = SLAB_CACHE_INIT(spaces, "space", sizeof(struct space));

static struct space *space_new(struct pool *pool)
{
    struct space *s = slab_alloc(&spaces);
    if (s != NULL && space_init(s, pool, last_pid) != VM_OK) {
        slab_free(&spaces, s);
        s = NULL;
    }
    return s;
}

static void space_free(struct space *s)
{
    space_destroy(s);
    slab_free(&spaces, s);
}

static void make_ready(struct proc *p, struct list_node *queue)
{
    p->state = PROC_READY;
    p->channel = NULL;
    timer_cancel(&p->alarm);
    list_push_back(queue, &p->queue);
}

static void time_out(struct timer *alarm)
{
    make_ready(container_of(alarm, struct proc, alarm), &ready);
    need_resched = true;
}

static struct proc *proc_alloc(const char *name)
{
    struct proc *p = slab_alloc(&cache);
    if (p == NULL)
        return NULL;
    memset(p, 0, sizeof *p);
    p->stack_top = kernel_stack_alloc();
    if (p->stack_top == 0) {
        slab_free(&cache, p);
        return NULL;
    }
    p->fpu = (struct fpu_state *)(p->stack_top - sizeof(struct fpu_state));
    fpu_reset(p->fpu);
    str_copy(p->result.name, sizeof p->result.name, name);
    p->result.reason = "";
    p->alarm.fire = time_out;
    list_init(&p->queue);
    return p;
}

static void proc_free(struct proc *p)
{
    kernel_stack_free(p->stack_top);
    slab_free(&cache, p);
}

static void enter_list(struct proc *p)
{
    p->result.pid = last_pid++;
    list_push_back(&all_procs, &p->all);
}

void proc_start(void (*entry)(void *))
{
    struct proc *p = proc_alloc("monitor");
    ASSERT(p != NULL, "no memory for the first thread");
    enter_list(p);
    p->state = PROC_RUNNING;
    p->since = start_ticks = rdtsc();
    current = p;
    uint32_t boot_esp;
    cpu_set_kernel_stack((uint32_t)p->fpu);
    context_switch(&boot_esp, context_prepare((uint32_t)p->fpu, entry, NULL));
    panic("the boot stack was switched to again");
}

struct proc *proc_thread(const char *name, void (*entry)(void *), void *arg)
{
    struct proc *p = proc_alloc(name);
    if (p == NULL)
        return NULL;
    list_push_back(&all_procs, &p->all); /* pid 0: numbers are for programs */
    p->esp = context_prepare((uint32_t)p->fpu, entry, arg);
    p->state = PROC_READY;
    list_push_back(&ready, &p->queue);
    return p;
}

/* A new process's first step in the kernel: out to ring 3. */
static void leave_for_user(void *tf)
{
    trap_return_to_user(tf);
}

struct proc *proc_spawn(const struct file *program, int argc, char **argv, struct pool *pool,
                        struct printer *out)
{
    if (proc_count() >= PROC_MAX) {
        print(out, "%s: %u processes are running, which is all there may be\n", program->name, PROC_MAX);
        return NULL;
    }
    struct proc *p = proc_alloc(argv[0]);
    if (p == NULL || (p->space = space_new(pool)) == NULL) {
        print(out, "%s: no memory for another process\n", program->name);
        if (p != NULL)
            proc_free(p);
        return NULL;
    }
    struct program_start start;
    if (!elf_load(program, p->space, argc, argv, &start, out)) {
        space_free(p->space);
        proc_free(p);
        return NULL;
    }
    struct trapframe *tf = (struct trapframe *)p->fpu - 1;
    *tf = (struct trapframe){.es = SEL_USER_DATA,
                             .ds = SEL_USER_DATA,
                             .eip = start.entry,
                             .cs = SEL_USER_CODE,
                             .eflags = EFLAGS_RESERVED | EFLAGS_IF,
                             .user_esp = start.stack,
                             .user_ss = SEL_USER_DATA};
    p->esp = context_prepare((uint32_t)tf, leave_for_user, tf);
    enter_list(p);
    p->state = PROC_READY;
    list_push_back(&ready, &p->queue);
    log_event(LOG_PROC, "start pid=%u name=%s entry=0x%08x", p->result.pid, p->result.name, start.entry);
    return p;
}

/* Makes p's registers and address space the CPU's. Runs on the old stack. */
static void switch_to(struct proc *p)
{
    struct proc *from = current;
    uint64_t now = rdtsc();
    from->result.cpu_ticks += now - from->since;
    p->since = now;
    if (from->space != NULL && cpu_features.fxsr)
        fpu_save(from->fpu);
    from->gs = read_gs();
    current = p;
    if (p->space != NULL) {
        pmap_activate(&p->space->pmap);
        cpu_set_kernel_stack((uint32_t)p->fpu);
        cpu_load_tls(p->tls);
        if (cpu_features.fxsr)
            fpu_load(p->fpu);
    }
    write_gs(p->gs);
    context_switch(&from->esp, p->esp);
    /* here again, later, as `from` */
}

static bool nobody_ready(void)
{
    return list_empty(&ready) && list_empty(&urgent);
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

void schedule(void)
{
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
}

void proc_sleep_on(const void *channel, uint64_t wake_at)
{
    current->state = PROC_SLEEPING;
    current->channel = channel;
    if (wake_at != 0)
        timer_start(&current->alarm, wake_at);
    schedule();
}

/* => was anybody asleep there? */
static bool wake(const void *channel, struct list_node *queue)
{
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
    proc_sleep_on(channel, 0);
    disk_waiters -= counts;
}

void wake_all(const void *channel)
{
    if (wake(channel, &urgent))
        need_resched = true;
}

void proc_tick(void)
{
    need_resched = true;
}

/* Keeps the figures, frees the memory, and leaves the CPU for good. */
static void NORETURN end_current(void)
{
    struct proc *p = current;
    struct proc_result *r = &p->result;
    r->minor = p->space->minor;
    r->major = p->space->major;
    r->evictions = p->space->pmap.evictions;
    r->writebacks = p->space->pmap.writebacks;
    space_free(p->space);
    p->space = NULL;
    p->state = PROC_ZOMBIE;
    proc_wake(&proc_ended);
    schedule();
    panic("pid %u ran after its end", r->pid);
}

void proc_exit(int status)
{
    current->result.status = status & 0xff;
    log_event(LOG_PROC, "exit pid=%u name=%s status=%d", current->result.pid, current->result.name,
              current->result.status);
    end_current();
}

void proc_kill_current(int signal, const char *reason)
{
    current->result.signal = signal;
    current->result.reason = reason;
    end_current();
}

void proc_kill(struct proc *p, int signal, const char *reason)
{
    p->kill_signal = signal;
    p->kill_reason = reason;
    if (p->state == PROC_SLEEPING)
        make_ready(p, &ready);
}

struct proc *proc_find(uint32_t pid)
{
    list_for_each (n, &all_procs) {
        struct proc *p = container_of(n, struct proc, all);
        if (p->result.pid == pid)
            return p;
    }
    return NULL;
}

void proc_reap(struct proc *p, struct proc_result *out)
{
    *out = p->result;
    list_remove(&p->all);
    proc_free(p);
}

uint32_t proc_count(void)
{
    uint32_t count = 0;
    list_for_each (n, &all_procs)
        count += container_of(n, struct proc, all)->space != NULL;
    return count;
}
