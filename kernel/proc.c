/* SPDX-License-Identifier: MIT
 * Processes: birth, round robin, sleep, death. */
#include "kernel/proc.h"
#include "arch/x86/io.h"
#include "arch/x86/paging.h"
#include "drivers/clock.h"
#include "kernel/elf.h"
#include "kernel/file.h"
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
static uint32_t last_pid;

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
    p->since = rdtsc();
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
    enter_list(p);
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
    if (p == NULL || (p->space = space_new(pool)) == NULL || (p->files = files_new()) == NULL) {
        print(out, "%s: no memory for another process\n", program->name);
        if (p != NULL && p->space != NULL)
            space_free(p->space);
        if (p != NULL)
            proc_free(p);
        return NULL;
    }
    struct program_start start;
    if (!elf_load(program, p->space, argc, argv, &start, out)) {
        files_exit(p->files);
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

/* Waits, on the stack of whoever slept last, until somebody is ready. Nobody is charged for it. */
static void idle(void)
{
    current->result.cpu_ticks += rdtsc() - current->since;
    while (list_empty(&ready))
        cpu_idle();
    current->since = rdtsc();
}

void schedule(void)
{
    need_resched = false;
    if (current->state == PROC_RUNNING) {
        if (list_empty(&ready))
            return;
        current->state = PROC_READY;
        list_push_back(&ready, &current->queue);
    }
    if (list_empty(&ready))
        idle();
    struct proc *next = container_of(list_pop_front(&ready), struct proc, queue);
    next->state = PROC_RUNNING;
    if (next != current)
        switch_to(next);
}

static void make_ready(struct proc *p)
{
    p->state = PROC_READY;
    p->channel = NULL;
    p->wake_at = 0;
    list_push_back(&ready, &p->queue);
}

void proc_sleep_on(const void *channel, uint64_t wake_at)
{
    current->state = PROC_SLEEPING;
    current->channel = channel;
    current->wake_at = wake_at;
    schedule();
}

void proc_wake(const void *channel)
{
    list_for_each (n, &all_procs) {
        struct proc *p = container_of(n, struct proc, all);
        if (p->state == PROC_SLEEPING && p->channel == channel)
            make_ready(p);
    }
}

void wait_on(const void *channel)
{
    proc_sleep_on(channel, 0);
}

void wake_all(const void *channel)
{
    proc_wake(channel);
}

void proc_tick(void)
{
    uint64_t now = clock_micros();
    list_for_each (n, &all_procs) {
        struct proc *p = container_of(n, struct proc, all);
        if (p->state == PROC_SLEEPING && p->wake_at != 0 && p->wake_at <= now)
            make_ready(p);
    }
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
    files_exit(p->files);
    p->files = NULL;
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
        make_ready(p);
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
