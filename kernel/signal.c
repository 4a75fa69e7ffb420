/* SPDX-License-Identifier: MIT
 * Sending signals and deciding what each does. What ends a process is decided when it is sent, if it is not
 * blocked; the rest on the way back to ring 3. */
#include "kernel/signal.h"
#include "kernel/syscall.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/slab.h"

static struct slab_cache cache = SLAB_CACHE_INIT(cache, "signals", sizeof(struct signals));

struct signals *signals_new(const struct signals *from)
{
    struct signals *s = slab_alloc(&cache);
    if (s == NULL)
        return NULL;
    if (from == NULL) {
        memset(s, 0, sizeof *s);
        s->stack.flags = SS_DISABLE;
    } else {
        *s = *from;
        s->pending = 0;
    }
    return s;
}

void signals_free(struct signals *s)
{
    if (s != NULL)
        slab_free(&cache, s);
}

void signals_exec(struct signals *s)
{
    for (size_t i = 0; i < ARRAY_SIZE(s->actions); i++)
        s->actions[i] = (struct signal_action){
            .handler = s->actions[i].handler == HANDLER_IGNORE ? HANDLER_IGNORE : HANDLER_DEFAULT};
    s->stack = (struct signal_stack){.flags = SS_DISABLE};
}

bool signals_no_zombies(const struct proc *p)
{
    const struct signal_action *a = &p->signals->actions[SIGCHLD - 1];
    return a->handler == HANDLER_IGNORE || (a->flags & SA_NOCLDWAIT);
}

static bool is_ignored(const struct signals *s, int n)
{
    const uint64_t by_default = signal_bit(SIGCHLD) | signal_bit(SIGCONT) | signal_bit(SIGURG) |
                                signal_bit(SIGWINCH) | signal_bit(SIGSTOP) | signal_bit(SIGTSTP) |
                                signal_bit(SIGTTIN) | signal_bit(SIGTTOU);
    uint32_t handler = s->actions[n - 1].handler;
    return handler == HANDLER_IGNORE || (handler == HANDLER_DEFAULT && (signal_bit(n) & by_default));
}

static void update(struct proc *p)
{
    p->attention = p->kill_signal != 0 || (p->signals->pending & ~p->signals->blocked) != 0;
}

void signal_block(uint64_t mask)
{
    current->signals->blocked = mask & ~SIGNALS_NOT_BLOCKABLE;
    update(current);
}

void signal_send(struct proc *p, int n, struct signal_info info)
{
    struct signals *s = p->signals;
    if (s == NULL || p->state == PROC_ZOMBIE)
        return;
    if (!(s->blocked & signal_bit(n))) {
        if (is_ignored(s, n))
            return;
        if (s->actions[n - 1].handler == HANDLER_DEFAULT) {
            proc_kill(p, n, "a signal that it does not handle");
            return;
        }
    }
    if (!(s->pending & signal_bit(n)) && n <= SIGNAL_STANDARD_LAST)
        s->info[n - 1] = info;
    s->pending |= signal_bit(n);
    update(p);
    if (p->attention)
        proc_interrupt(p);
}

void signal_alarm(struct proc *p)
{
    p->alarm_at = 0;
    signal_send(p, SIGALRM, (struct signal_info){.code = SI_KERNEL});
}

/* Lets n's handler run when tf is returned to. */
static bool enter_handler(struct trapframe *tf, int n, const struct signal_info *info)
{
    struct signals *s = current->signals;
    struct signal_action a = s->actions[n - 1];
    if (!sigframe_push(tf, n, &a, info, s->suspended ? s->saved : s->blocked))
        return false;
    log_event(LOG_PROC, "signal pid=%u signal=%s handler=0x%08x", current->result.pid, signal_name(n),
              a.handler);
    s->suspended = false;
    if (a.flags & SA_RESETHAND)
        s->actions[n - 1].handler = HANDLER_DEFAULT;
    signal_block(s->blocked | a.mask | (a.flags & SA_NODEFER ? 0 : signal_bit(n)));
    return true;
}

bool signal_fault(struct trapframe *tf, int n, struct signal_info info)
{
    const struct signals *s = current->signals;
    return !(s->blocked & signal_bit(n)) && s->actions[n - 1].handler > HANDLER_IGNORE &&
           enter_handler(tf, n, &info);
}

/* An interrupted call that may be restarted is, or fails with -EINTR. The number that EAX had is where the
 * CPU would put an error code. */
static void finish_call(struct trapframe *tf, bool restart)
{
    enum { INT_BYTES = 2 }; /* of the instruction int $0x80 */
    if (tf->vector != VECTOR_SYSCALL || tf->eax != (uint32_t)-ERESTARTSYS)
        return;
    if (restart) {
        tf->eip -= INT_BYTES;
        tf->eax = tf->error;
    } else {
        tf->eax = (uint32_t)-EINTR;
    }
}

int signal_deliver(struct trapframe *tf)
{
    struct signals *s = current->signals;
    bool handled = false;
    uint64_t due;
    while (current->kill_signal == 0 && (due = s->pending & ~s->blocked) != 0) {
        int n = __builtin_ctzll(due) + 1;
        const struct signal_action *a = &s->actions[n - 1];
        struct signal_info info = {0};
        if (n <= SIGNAL_STANDARD_LAST)
            info = s->info[n - 1];
        s->pending &= ~signal_bit(n);
        if (is_ignored(s, n))
            continue;
        if (a->handler == HANDLER_DEFAULT)
            return n;
        if (!handled)
            finish_call(tf, a->flags & SA_RESTART);
        handled = true;
        if (!enter_handler(tf, n, &info))
            return SIGSEGV;
    }
    if (!handled) {
        finish_call(tf, true);
        if (s->suspended)
            s->blocked = s->saved;
        s->suspended = false;
    }
    update(current);
    return current->kill_signal;
}

const char *signal_name(int n)
{
    static const char *const names[] = {
        [SIGHUP] = "SIGHUP",   [SIGINT] = "SIGINT",       [SIGQUIT] = "SIGQUIT", [SIGILL] = "SIGILL",
        [SIGTRAP] = "SIGTRAP", [SIGABRT] = "SIGABRT",     [SIGBUS] = "SIGBUS",   [SIGFPE] = "SIGFPE",
        [SIGKILL] = "SIGKILL", [SIGUSR1] = "SIGUSR1",     [SIGSEGV] = "SIGSEGV", [SIGUSR2] = "SIGUSR2",
        [SIGPIPE] = "SIGPIPE", [SIGALRM] = "SIGALRM",     [SIGTERM] = "SIGTERM", [SIGSTKFLT] = "SIGSTKFLT",
        [SIGCHLD] = "SIGCHLD", [SIGCONT] = "SIGCONT",     [SIGSTOP] = "SIGSTOP", [SIGTSTP] = "SIGTSTP",
        [SIGTTIN] = "SIGTTIN", [SIGTTOU] = "SIGTTOU",     [SIGURG] = "SIGURG",   [SIGXCPU] = "SIGXCPU",
        [SIGXFSZ] = "SIGXFSZ", [SIGVTALRM] = "SIGVTALRM", [SIGPROF] = "SIGPROF", [SIGWINCH] = "SIGWINCH",
        [SIGIO] = "SIGIO",     [SIGPWR] = "SIGPWR",       [SIGSYS] = "SIGSYS",
    };
    return n > 0 && n <= SIGNAL_STANDARD_LAST ? names[n] : "SIGRT";
}
