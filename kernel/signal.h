/* SPDX-License-Identifier: MIT
 * Signals. Every one is sent, blocked, ignored, handled or deadly as on Linux, with these exceptions:
 * nothing stops and continues processes (SIGSTOP, SIGTSTP, SIGTTIN and SIGTTOU do nothing by default), and
 * real-time signals (32 to 64) are not queued: like the others, each is pending or not. */
#ifndef KERNEL_SIGNAL_H
#define KERNEL_SIGNAL_H

#include "kernel/proc.h"

/* Linux i386's numbers. */
enum signal_number {
    SIGHUP = 1,
    SIGINT,
    SIGQUIT,
    SIGILL,
    SIGTRAP,
    SIGABRT,
    SIGBUS,
    SIGFPE,
    SIGKILL,
    SIGUSR1,
    SIGSEGV,
    SIGUSR2,
    SIGPIPE,
    SIGALRM,
    SIGTERM,
    SIGSTKFLT,
    SIGCHLD,
    SIGCONT,
    SIGSTOP,
    SIGTSTP,
    SIGTTIN,
    SIGTTOU,
    SIGURG,
    SIGXCPU,
    SIGXFSZ,
    SIGVTALRM,
    SIGPROF,
    SIGWINCH,
    SIGIO,
    SIGPWR,
    SIGSYS,
    SIGNAL_STANDARD_LAST = SIGSYS,
    SIGNAL_LAST = 64,
};

enum { HANDLER_DEFAULT = 0, HANDLER_IGNORE = 1 };

enum signal_flags {
    SA_NOCLDWAIT = 0x2,
    SA_SIGINFO = 0x4,
    SA_RESTORER = 0x04000000,
    SA_ONSTACK = 0x08000000,
    SA_RESTART = 0x10000000,
    SA_NODEFER = 0x40000000,
};
#define SA_RESETHAND 0x80000000u

/* struct sigaction as the system call has it. */
struct signal_action {
    uint32_t handler, flags, restorer;
    uint64_t mask;
} __attribute__((packed, aligned(4)));

/* What a handler's siginfo_t says besides the number. */
struct signal_info {
    int32_t code;   /* si_code */
    uint32_t value; /* si_pid, or si_addr of a fault */
    int32_t status; /* si_status, of SIGCHLD */
};

enum { SI_USER = 0, SI_KERNEL = 0x80, SI_TKILL = -6 };

/* stack_t. */
struct signal_stack {
    uint32_t sp, flags, size;
};
enum { SS_ONSTACK = 1, SS_DISABLE = 2 };

struct signals {
    uint64_t pending, blocked; /* bit n - 1 is signal n */
    uint64_t saved;            /* what to block again after sigsuspend, while `suspended` */
    bool suspended;
    struct signal_stack stack;
    struct signal_action actions[SIGNAL_LAST];
    struct signal_info info[SIGNAL_STANDARD_LAST]; /* of pending signals; others have none */
};

static inline uint64_t signal_bit(int n)
{
    return 1ull << (n - 1);
}

#define SIGNALS_NOT_BLOCKABLE (signal_bit(SIGKILL) | signal_bit(SIGSTOP))

/* A copy for a forked child (nothing pending), or the defaults if `from` is NULL. => NULL when memory is
 * short. */
struct signals *signals_new(const struct signals *from) MUST_CHECK;
void signals_free(struct signals *s); /* NULL: nothing */

/* Another program starts: handlers are gone, what was ignored or blocked stays so. */
void signals_exec(struct signals *s);

/* Does p ask that its children leave no zombies? */
bool signals_no_zombies(const struct proc *p);

/* Sends n to p: may end its sleep. Nothing happens to one that has ended. */
void signal_send(struct proc *p, int n, struct signal_info info);

/* p's alarm clock has run down. */
void signal_alarm(struct proc *p);

/* Sets what is blocked, and what is wanted of the current process. */
void signal_block(uint64_t mask);

/* An instruction of the current process caused n. => true: its handler will run. false: there is none, or
 * it cannot run; the process must end. */
bool signal_fault(struct trapframe *tf, int n, struct signal_info info);

/* Makes the handlers of waiting signals run when tf is returned to. => 0, or the signal that ends the
 * process. */
int signal_deliver(struct trapframe *tf);

const char *signal_name(int n);

/* sigframe.c: builds a handler's stack frame. => false when the stack cannot be written. */
bool sigframe_push(struct trapframe *tf, int n, const struct signal_action *a, const struct signal_info *info,
                   uint64_t mask) MUST_CHECK;

#endif
