/* SPDX-License-Identifier: MIT
 * Processes and kernel threads. One CPU; interrupts are off whenever kernel code runs, except while idle,
 * so kernel code is never preempted: it leaves the CPU only where it says so (proc_sleep_on, schedule).
 * Threads that ask for something else: preempt.h. */
#ifndef KERNEL_PROC_H
#define KERNEL_PROC_H

#include "arch/x86/cpu.h"
#include "arch/x86/trap.h"
#include "drivers/clock.h"
#include "kernel/initrd.h"
#include "mm/space.h"

enum proc_state {
    PROC_NEW, /* it has its number, and is not complete */
    PROC_READY,
    PROC_RUNNING,
    PROC_SLEEPING,
    PROC_ZOMBIE,
};

enum { PROC_NAME = 16, PROC_MAX = 128, PID_MAX = 32767 };

/* What is left of a process when it has ended. */
struct proc_result {
    uint32_t pid;
    char name[PROC_NAME];
    int status;         /* exit status, when signal is 0 */
    int signal;         /* Linux's number, when it was killed */
    const char *reason; /* why it was killed, else "" */
    uint32_t minor, major, evictions, writebacks;
    uint32_t resident;  /* pages, at the end */
    uint64_t cpu_ticks; /* TSC ticks on the CPU, kernel work for it included */
};

/* What a process's children used that it waited for, and theirs. */
struct usage {
    uint64_t cpu_ticks;
    uint32_t minor, major, writebacks;
    uint32_t resident; /* the most that any of them had, pages */
};

struct proc {
    struct list_node all;   /* every process, in order of birth */
    struct list_node queue; /* the ready queue, while READY; the dead, when ZOMBIE and nobody will wait */
    enum proc_state state;
    struct space *space;     /* NULL: a kernel thread, or a process that has ended */
    struct files *files;     /* its descriptors; NULL as above */
    uint32_t stack_top, esp; /* of the kernel stack; esp while not RUNNING */
    struct fpu_state *fpu;   /* at the top of the kernel stack */
    struct tls_slot tls[GDT_TLS_COUNT];
    uint16_t gs;
    const void *channel;   /* what it sleeps for */
    struct list_node turn; /* waits for it: turn.h */
    struct timer time_out; /* ends its sleep, if that has a time-out */
    uint64_t since;        /* TSC when it got the CPU */
    bool background;       /* nobody waits for it in the foreground */
    bool preemptible;      /* preempt.h */

    /* family: kernel/family.h */
    struct proc *parent;     /* may wait for it; the first thread for orphans and for what the monitor runs */
    bool unwanted;           /* nobody will wait for it: freed when it has ended */
    uint32_t group, session; /* pids of their leaders */
    struct proc *vfork_child; /* the child that uses its memory: it waits until that gives it back */
    struct usage children;
    uint8_t child_ended; /* a channel: its address is woken when a child has ended */

    struct signals *signals; /* kernel/signal.h; NULL: a kernel thread */
    uint64_t alarm_at;       /* SIGALRM is due, microseconds since boot; 0: never */
    bool attention;          /* kill_signal or a signal wants it: sleeping calls return -EINTR */
    int kill_signal;         /* ends it when it next leaves the kernel */
    const char *kill_reason;
    struct proc_result result; /* filled while it lives */
};

extern struct proc *current;
extern struct proc *first_proc; /* the monitor's: parent of all that have no other */
extern uint32_t forks;          /* processes ever made by fork, vfork and clone */
extern struct list_node all_procs;
extern uint32_t trap_check_every; /* check=, see trap.c */
extern bool need_resched;         /* set by the tick: the time slice is over */

/* Turns the boot code into the first kernel thread, running entry on a guarded stack. */
void proc_start(void (*entry)(void *)) NORETURN;

/* A new process that runs a program from the initrd. argv is copied; `always` are flags that all its regions
 * get, see region.h. => NULL after saying why not. */
struct proc *proc_spawn(const struct file *program, int argc, char **argv, struct pool *pool, uint32_t always,
                        struct printer *out);

/* A new kernel thread, ready to run. `entry` does not return: it never ends, or ends with proc_thread_end.
 * => NULL when memory is short. */
struct proc *proc_thread(const char *name, void (*entry)(void *), void *arg);

/* Ends the current kernel thread. Whoever made it waits for that with proc_thread_join, which frees it. */
void proc_thread_end(void) NORETURN;
void proc_thread_join(struct proc *p);

/* The parts of birth, for fork. A new process has a pid, a kernel stack and is on all_procs in state NEW;
 * proc_ready lets it run, proc_abandon undoes proc_new. => NULL when memory, stacks or pids are short. */
struct proc *proc_new(const char *name) MUST_CHECK;
void proc_ready(struct proc *p);
void proc_abandon(struct proc *p);

/* p's first step, when it gets the CPU, is out to ring 3 with the registers of tf. */
void proc_enter_user(struct proc *p, const struct trapframe *tf);

/* The registers of a program that begins: all others are zero. */
struct trapframe user_frame(uint32_t eip, uint32_t esp);

/* Address spaces are counted: a vfork child uses its parent's. space_new => NULL when memory is short. */
struct space *space_new(struct pool *pool, uint32_t tag) MUST_CHECK;
struct space *space_share(struct space *s);
void space_put(struct space *s); /* the last user's call destroys it */
bool space_shared(const struct space *s);

/* May there be one more process? PROC_MAX counts those that ended and were not waited for, too. */
bool proc_room(void);

/* Gives up the CPU; returns when this process runs again. */
void schedule(void);

/* Sleeps until proc_wake(channel), or until `wake_at` (microseconds since boot) if not 0. Always check
 * again afterwards what was waited for. */
void proc_sleep_on(const void *channel, uint64_t wake_at);
void proc_wake(const void *channel);

/* The same, for who sleeps only because it is suspended (allot.h). */
void proc_doze_on(const void *channel);

/* Ends the current process. Its memory is freed here, its stack by proc_reap. */
void proc_exit(int status) NORETURN;
void proc_kill_current(int signal, const char *reason) NORETURN;

/* Marks a process to be killed; it is gone when it next leaves the kernel. The first mark counts. */
void proc_kill(struct proc *p, int signal, const char *reason);

/* Ends a sleep early, because something wants p's attention. */
void proc_interrupt(struct proc *p);

/* p has ended and nobody will ask for its result: it is freed as soon as it is off its stack. */
void proc_bury(struct proc *p);

struct proc *proc_find(uint32_t pid);

/* Frees an ended process. => PROC_ZOMBIE. */
void proc_reap(struct proc *p, struct proc_result *out);

/* The channel that is woken whenever a process ends. */
extern const char proc_ended;

/* Called at every clock tick: ends the time slice. */
void proc_tick(void);

/* How the CPU has spent its time since the first process, in TSC ticks; interrupts count as what they
 * interrupted. */
struct cpu_use {
    uint64_t busy;
    uint64_t iowait; /* nobody was ready, but somebody waited for a disk (wait_on) */
    uint64_t idle;   /* nobody was ready, and nobody waited for a disk */
};
struct cpu_use proc_cpu_use(void);

extern uint32_t context_switches; /* since boot */

uint32_t proc_count(void); /* processes with a program, not ended */

#endif
