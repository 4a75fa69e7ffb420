/* SPDX-License-Identifier: MIT
 * Processes and kernel threads. One CPU; interrupts are off whenever kernel code runs, except while idle,
 * so kernel code is never preempted: it leaves the CPU only where it says so (proc_sleep_on, schedule). */
#ifndef KERNEL_PROC_H
#define KERNEL_PROC_H

#include "arch/x86/cpu.h"
#include "arch/x86/trap.h"
#include "kernel/initrd.h"
#include "mm/space.h"

enum proc_state { PROC_READY, PROC_RUNNING, PROC_SLEEPING, PROC_ZOMBIE };

enum { PROC_NAME = 16, PROC_MAX = 128, PID_MAX = 32767 };

/* What is left of a process when it has ended. */
struct proc_result {
    uint32_t pid;
    char name[PROC_NAME];
    int status;         /* exit status, when signal is 0 */
    int signal;         /* Linux's number, when it was killed */
    const char *reason; /* why it was killed, else "" */
    uint32_t minor, major, evictions, writebacks;
    uint64_t cpu_ticks; /* TSC ticks on the CPU, kernel work for it included */
};

struct proc {
    struct list_node all;   /* every process, in order of pid */
    struct list_node queue; /* the ready queue, while READY */
    enum proc_state state;
    struct space *space;     /* NULL: a kernel thread, or a process that has ended */
    struct files *files;     /* its descriptors; NULL as above */
    uint32_t stack_top, esp; /* of the kernel stack; esp while not RUNNING */
    struct fpu_state *fpu;   /* at the top of the kernel stack */
    struct tls_slot tls[GDT_TLS_COUNT];
    uint16_t gs;
    const void *channel; /* what it sleeps for */
    uint64_t wake_at;    /* microseconds since boot; 0: no time-out */
    uint64_t since;      /* TSC when it got the CPU */
    bool background;     /* nobody waits for it in the foreground */
    int kill_signal;     /* to be delivered when it next leaves the kernel */
    const char *kill_reason;
    bool ignores_sigpipe;
    struct proc_result result; /* filled while it lives */
};

extern struct proc *current;
extern struct list_node all_procs;
extern bool need_resched; /* set by the tick: the time slice is over */

/* Turns the boot code into the first kernel thread, running entry on a guarded stack. */
void proc_start(void (*entry)(void *)) NORETURN;

/* A new process that runs a program from the initrd. argv is copied. => NULL after saying why not. */
struct proc *proc_spawn(const struct file *program, int argc, char **argv, struct pool *pool,
                        struct printer *out);

/* A new kernel thread, ready to run. It never ends. => NULL when memory is short. */
struct proc *proc_thread(const char *name, void (*entry)(void *), void *arg);

/* Gives up the CPU; returns when this process runs again. */
void schedule(void);

/* Sleeps until proc_wake(channel), or until `wake_at` (microseconds since boot) if not 0. Always check
 * again afterwards what was waited for. */
void proc_sleep_on(const void *channel, uint64_t wake_at);
void proc_wake(const void *channel);

/* Ends the current process. Its memory is freed here, its stack by proc_reap. */
void proc_exit(int status) NORETURN;
void proc_kill_current(int signal, const char *reason) NORETURN;

/* Marks another process to be killed; it is gone when it next leaves the kernel. */
void proc_kill(struct proc *p, int signal, const char *reason);

struct proc *proc_find(uint32_t pid);

/* Frees an ended process. => PROC_ZOMBIE. */
void proc_reap(struct proc *p, struct proc_result *out);

/* The channel that is woken whenever a process ends. */
extern const char proc_ended;

/* Called at every clock tick: wakes sleepers whose time has come, ends the time slice. */
void proc_tick(void);

uint32_t proc_count(void); /* processes with a program, not ended */

#endif
