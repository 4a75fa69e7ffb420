/* SPDX-License-Identifier: MIT
 * System calls about signals. */
#include "drivers/clock.h"
#include "kernel/signal.h"
#include "kernel/syscall.h"
#include "lib/errno.h"

enum { MASK_BYTES = sizeof(uint64_t), STACK_MIN = 2048 };

static bool valid(uint32_t n)
{
    return n >= 1 && n <= SIGNAL_LAST;
}

int32_t sys_rt_sigaction(struct trapframe *tf)
{
    uint32_t n = tf->ebx;
    struct signals *s = current->signals;
    struct signal_action a;
    if (tf->esi != MASK_BYTES)
        return -EINVAL;
    int32_t err = tf->ecx != 0 ? copy_in(&a, tf->ecx, sizeof a) : 0;
    if (err != 0)
        return err;
    if (!valid(n) || (tf->ecx != 0 && (signal_bit((int)n) & SIGNALS_NOT_BLOCKABLE)))
        return -EINVAL;
    struct signal_action old = s->actions[n - 1];
    if (tf->ecx != 0) {
        a.mask &= ~SIGNALS_NOT_BLOCKABLE;
        s->actions[n - 1] = a;
        if (a.handler == HANDLER_IGNORE)
            s->pending &= ~signal_bit((int)n);
        signal_block(s->blocked);
    }
    return tf->edx != 0 ? copy_out(tf->edx, &old, sizeof old) : 0;
}

int32_t sys_rt_sigprocmask(struct trapframe *tf)
{
    enum { SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK };
    uint64_t old = current->signals->blocked, set;
    if (tf->esi != MASK_BYTES)
        return -EINVAL;
    if (tf->ecx != 0) {
        int32_t err = copy_in(&set, tf->ecx, sizeof set);
        if (err != 0)
            return err;
        switch (tf->ebx) {
        case SIG_BLOCK:
            signal_block(old | set);
            break;
        case SIG_UNBLOCK:
            signal_block(old & ~set);
            break;
        case SIG_SETMASK:
            signal_block(set);
            break;
        default:
            return -EINVAL;
        }
    }
    return tf->edx != 0 ? copy_out(tf->edx, &old, sizeof old) : 0;
}

int32_t sys_rt_sigpending(struct trapframe *tf)
{
    uint64_t set = current->signals->pending & current->signals->blocked;
    if (tf->ecx > MASK_BYTES)
        return -EINVAL;
    return copy_out(tf->ebx, &set, tf->ecx);
}

static int32_t wait_for_signal(void)
{
    while (!current->attention)
        proc_sleep_on(&current->attention, 0);
    return -EINTR;
}

int32_t sys_pause(struct trapframe *tf UNUSED)
{
    return wait_for_signal();
}

int32_t sys_rt_sigsuspend(struct trapframe *tf)
{
    struct signals *s = current->signals;
    uint64_t mask;
    if (tf->ecx != MASK_BYTES)
        return -EINVAL;
    int32_t err = copy_in(&mask, tf->ebx, sizeof mask);
    if (err != 0)
        return err;
    s->saved = s->blocked;
    s->suspended = true;
    signal_block(mask);
    return wait_for_signal();
}

int32_t sys_sigaltstack(struct trapframe *tf)
{
    struct signal_stack *k = &current->signals->stack, old = *k, new;
    bool inside = !(k->flags & SS_DISABLE) && tf->user_esp - k->sp - 1 < k->size;
    if (inside)
        old.flags = SS_ONSTACK;
    if (tf->ebx != 0) {
        int32_t err = copy_in(&new, tf->ebx, sizeof new);
        if (err != 0)
            return err;
        if (inside)
            return -EPERM;
        if (new.flags != 0 && new.flags != SS_ONSTACK &&new.flags != SS_DISABLE)
            return -EINVAL;
        if (new.flags == SS_DISABLE)
            new = (struct signal_stack){.flags = SS_DISABLE};
        else if (new.size < STACK_MIN)
            return -ENOMEM;
        *k = new;
    }
    return tf->ecx != 0 ? copy_out(tf->ecx, &old, sizeof old) : 0;
}

/* Sends n, or with n = 0 only looks. => 0, -ESRCH or -EINVAL. */
static int32_t send(struct proc *p, uint32_t n, int32_t code)
{
    if (p == NULL || p->signals == NULL)
        return -ESRCH;
    if (n != 0 && !valid(n))
        return -EINVAL;
    if (n != 0)
        signal_send(p, (int)n, (struct signal_info){.code = code, .value = current->result.pid});
    return 0;
}

int32_t sys_kill(struct trapframe *tf)
{
    int32_t which = (int32_t)tf->ebx;
    if (which > 0)
        return send(proc_find((uint32_t)which), tf->ecx, SI_USER);
    /* a group (0: the caller's own), or all but the caller and the first program (-1) */
    uint32_t group = which == 0 ? current->group : (uint32_t)-which;
    int32_t result = -ESRCH;
    list_for_each (n, &all_procs) {
        struct proc *p = container_of(n, struct proc, all);
        if (which == -1 ? p->result.pid > 1 && p != current : p->group == group) {
            int32_t err = send(p, tf->ecx, SI_USER);
            result = err == -ESRCH ? result : err;
        }
    }
    return result;
}

int32_t sys_tkill(struct trapframe *tf)
{
    if ((int32_t)tf->ebx <= 0)
        return -EINVAL;
    return send(proc_find(tf->ebx), tf->ecx, SI_TKILL);
}

int32_t sys_tgkill(struct trapframe *tf)
{
    if ((int32_t)tf->ebx <= 0 || (int32_t)tf->ecx <= 0)
        return -EINVAL;
    return tf->ebx == tf->ecx ? send(proc_find(tf->ecx), tf->edx, SI_TKILL) : -ESRCH;
}

int32_t sys_alarm(struct trapframe *tf)
{
    enum { MICROS = 1000000 };
    uint64_t now = clock_micros(), due = current->alarm_at;
    uint32_t left = due == 0 ? 0 : due <= now ? 1 : (uint32_t)((due - now + MICROS - 1) / MICROS);
    current->alarm_at = tf->ebx == 0 ? 0 : now + (uint64_t)tf->ebx * MICROS;
    return (int32_t)left;
}
