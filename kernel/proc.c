/* SPDX-License-Identifier: MIT
 * Processes: birth and death. */
#include "kernel/proc.h"
#include "arch/x86/io.h"
#include "arch/x86/paging.h"
#include "kernel/elf.h"
#include "kernel/family.h"
#include "kernel/file.h"
#include "kernel/sched.h"
#include "kernel/signal.h"
#include "kernel/turn.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "lib/trace.h"
#include "lib/wait.h"
#include "mm/exact.h"
#include "mm/slab.h"

struct list_node all_procs = {&all_procs, &all_procs};
struct proc *first_proc;
uint32_t forks;
const char proc_ended;

static uint32_t last_pid;
static bool wrapped; /* pids have been given once already: the next one may be in use */

static struct slab_cache cache = SLAB_CACHE_INIT(cache, "proc", sizeof(struct proc));

struct counted_space {
    struct space space;
    uint32_t users;
};

static struct slab_cache spaces = SLAB_CACHE_INIT(spaces, "space", sizeof(struct counted_space));

struct space *space_new(struct pool *pool, uint32_t tag)
{
    struct counted_space *s = slab_alloc(&spaces);
    if (s == NULL)
        return NULL;
    s->users = 1;
    if (space_init(&s->space, pool, tag) == VM_OK)
        return &s->space;
    slab_free(&spaces, s);
    return NULL;
}

struct space *space_share(struct space *s)
{
    container_of(s, struct counted_space, space)->users++;
    return s;
}

bool space_shared(const struct space *s)
{
    return container_of(s, const struct counted_space, space)->users > 1;
}

void space_put(struct space *s)
{
    struct counted_space *counted = container_of(s, struct counted_space, space);
    if (--counted->users > 0)
        return;
    space_destroy(s);
    slab_free(&spaces, counted);
}

/* Is it a process's, a group's or a session's? Then nobody else may get it. */
static bool pid_taken(uint32_t pid)
{
    list_for_each (n, &all_procs) {
        const struct proc *p = container_of(n, struct proc, all);
        if (p->result.pid == pid || p->group == pid || p->session == pid)
            return true;
    }
    return false;
}

/* The first thread gets 0, all others 1 to PID_MAX and then from 1 again; PROC_MAX is far below that. */
static uint32_t next_pid(void)
{
    if (first_proc == NULL)
        return 0;
    do {
        wrapped |= last_pid == PID_MAX;
        last_pid = last_pid % PID_MAX + 1;
    } while (wrapped && pid_taken(last_pid));
    return last_pid;
}

struct proc *proc_new(const char *name)
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
    p->time_out.fire = sched_time_out;
    list_init(&p->queue);
    list_init(&p->turn);
    p->state = PROC_NEW;
    p->parent = first_proc;
    p->result.pid = next_pid();
    list_push_back(&all_procs, &p->all);
    return p;
}

void proc_free(struct proc *p)
{
    list_remove(&p->all);
    signals_free(p->signals);
    kernel_stack_free(p->stack_top);
    slab_free(&cache, p);
}

void proc_abandon(struct proc *p)
{
    if (p->result.pid == last_pid) /* it was never seen: the next one may have it */
        last_pid--;
    if (p->files != NULL)
        files_exit(p->files);
    struct space *s = p->space;
    p->space = NULL; /* nobody looks at it while it goes */
    if (s != NULL)
        space_put(s);
    proc_free(p);
}

void proc_start(void (*entry)(void *))
{
    struct proc *p = proc_new("monitor");
    ASSERT(p != NULL, "no memory for the first thread");
    first_proc = p;
    sched_start(p, entry);
}

struct proc *proc_thread(const char *name, void (*entry)(void *), void *arg)
{
    struct proc *p = proc_new(name);
    if (p == NULL)
        return NULL;
    p->result.pid = 0; /* numbers are for programs */
    last_pid--;
    p->esp = context_prepare((uint32_t)p->fpu, entry, arg);
    proc_ready(p);
    return p;
}

void proc_thread_end(void)
{
    current->state = PROC_ZOMBIE;
    proc_wake(&proc_ended);
    schedule();
    panic("thread %s ran after its end", current->result.name);
}

void proc_thread_join(struct proc *p)
{
    while (p->state != PROC_ZOMBIE)
        proc_sleep_on(&proc_ended, 0);
    proc_free(p);
}

struct trapframe user_frame(uint32_t eip, uint32_t esp)
{
    return (struct trapframe){.es = SEL_USER_DATA,
                              .ds = SEL_USER_DATA,
                              .eip = eip,
                              .cs = SEL_USER_CODE,
                              .eflags = EFLAGS_RESERVED | EFLAGS_IF,
                              .user_esp = esp,
                              .user_ss = SEL_USER_DATA};
}

/* A new process's first step in the kernel: out to ring 3. */
static void leave_for_user(void *tf)
{
    trap_return_to_user(tf);
}

void proc_enter_user(struct proc *p, const struct trapframe *tf)
{
    struct trapframe *top = (struct trapframe *)p->fpu - 1;
    *top = *tf;
    p->esp = context_prepare((uint32_t)top, leave_for_user, top);
}

bool proc_room(void)
{
    uint32_t count = 0;
    list_for_each (n, &all_procs)
        count += container_of(n, struct proc, all)->signals != NULL;
    return count < PROC_MAX;
}

/* The new process's memory and signals. => 0, or a negative errno; it was said why. */
static int32_t load_program(struct proc *p, const struct file *program, int argc, char **argv,
                            struct pool *pool, uint32_t always, struct program_start *start,
                            struct printer *out)
{
    struct args args;
    args_init(&args);
    int32_t err = args_add(&args, argc, argv);
    p->signals = signals_new(NULL);
    p->files = files_new();
    p->space = space_new(pool, p->result.pid);
    if (err == -E2BIG) {
        print(out, "%s: cannot run: too many arguments (at most %u KiB)\n", program->name, ARG_BYTES / 1024);
    } else if (err != 0 || p->signals == NULL || p->files == NULL || p->space == NULL) {
        print(out, "%s: no memory for another process\n", program->name);
        err = -ENOMEM;
    } else if (exact_begin(p->space, always) != VM_OK) {
        print(out, "%s: exact mode needs memory, and pages as the unit of residence (order=0)\n",
              program->name);
        err = -ENOMEM;
    } else {
        err = elf_load(program, p->space, &args, start, out);
    }
    args_free(&args);
    return err;
}

struct proc *proc_spawn(const struct file *program, int argc, char **argv, struct pool *pool, uint32_t always,
                        struct printer *out)
{
    if (!proc_room()) {
        print(out, "%s: %u processes are running or were not waited for, which is all there may be\n",
              program->name, PROC_MAX);
        return NULL;
    }
    struct proc *p = proc_new(argv[0]);
    if (p == NULL) {
        print(out, "%s: no memory for another process\n", program->name);
        return NULL;
    }
    struct program_start start;
    if (load_program(p, program, argc, argv, pool, always, &start, out) != 0) {
        proc_abandon(p);
        return NULL;
    }
    p->group = p->session = p->result.pid;
    struct trapframe tf = user_frame(start.entry, start.stack);
    proc_enter_user(p, &tf);
    log_event(LOG_PROC, "start pid=%u name=%s entry=0x%08x", p->result.pid, p->result.name, start.entry);
    if (trace_on(TRACE_PROC))
        trace_put_text(EVENT_START, p->result.pid, p->result.name);
    turn_count(pool, 1);
    proc_ready(p);
    return p;
}

/* Keeps the figures, frees the memory, and leaves the CPU for good. What a vfork child did counts for its
 * parent, whose memory it was. */
static void NORETURN end_current(void)
{
    struct proc *p = current;
    struct proc_result *r = &p->result;
    TRACE(EXIT, r->signal != 0, r->pid, (uint32_t)(r->signal != 0 ? r->signal : r->status));
    files_exit(p->files);
    p->files = NULL;
    struct space *s = p->space;
    if (!space_shared(s)) {
        r->minor = s->minor;
        r->major = s->major;
        r->evictions = s->pmap.evictions;
        r->writebacks = s->pmap.writebacks;
        r->resident = s->pmap.resident;
    }
    turn_count(s->pool, -1);
    if (turn_holder == p)
        turn_release();
    p->space = NULL;
    write_gs(0); /* the last of a pool's spaces sleeps when it goes, and then nobody loads p's TLS */
    space_put(s);
    p->state = PROC_ZOMBIE;
    family_leave(p);
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
    if (p->kill_signal == 0) {
        p->kill_signal = signal;
        p->kill_reason = reason;
    }
    p->attention = true;
    proc_interrupt(p);
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
    proc_free(p);
}

uint32_t proc_count(void)
{
    uint32_t count = 0;
    list_for_each (n, &all_procs)
        count += container_of(n, struct proc, all)->signals != NULL &&
                 container_of(n, struct proc, all)->state != PROC_ZOMBIE;
    return count;
}
