/* SPDX-License-Identifier: MIT
 * System calls about processes: who they are, waiting for them, what they used, what they may have. */
#include "arch/x86/io.h"
#include "drivers/clock.h"
#include "kernel/family.h"
#include "kernel/signal.h"
#include "kernel/syscall.h"
#include "lib/errno.h"
#include "mm/buddy.h"
#include "mm/swap.h"

int32_t sys_getpid(struct trapframe *tf UNUSED)
{
    return (int32_t)current->result.pid;
}

int32_t sys_getppid(struct trapframe *tf UNUSED)
{
    return (int32_t)current->parent->result.pid;
}

/* Users and groups: everybody is root. */
int32_t sys_zero(struct trapframe *tf UNUSED)
{
    return 0;
}

/* Calls that the C library tries and does without; unlike the unknown ones they are not worth a line. */
int32_t sys_missing(struct trapframe *tf UNUSED)
{
    return -ENOSYS;
}

static struct proc *process_of(uint32_t pid)
{
    struct proc *p = pid == 0 ? current : proc_find(pid);
    return p != NULL && p->signals != NULL ? p : NULL;
}

int32_t sys_getpgrp(struct trapframe *tf UNUSED)
{
    return (int32_t)current->group;
}

int32_t sys_getpgid(struct trapframe *tf)
{
    const struct proc *p = process_of(tf->ebx);
    return p != NULL ? (int32_t)p->group : -ESRCH;
}

int32_t sys_getsid(struct trapframe *tf)
{
    const struct proc *p = process_of(tf->ebx);
    return p != NULL ? (int32_t)p->session : -ESRCH;
}

static bool group_exists(uint32_t group, uint32_t session)
{
    list_for_each (n, &all_procs) {
        const struct proc *p = container_of(n, struct proc, all);
        if (p->group == group && p->session == session)
            return true;
    }
    return false;
}

/* Linux also refuses (EACCES) for a child that has called execve since; that is not kept here. */
int32_t sys_setpgid(struct trapframe *tf)
{
    struct proc *p = process_of(tf->ebx);
    if ((int32_t)tf->ecx < 0)
        return -EINVAL;
    if (p == NULL || (p != current && p->parent != current))
        return -ESRCH;
    uint32_t group = tf->ecx != 0 ? tf->ecx : p->result.pid;
    if (p->session != current->session || p->session == p->result.pid ||
        (group != p->result.pid && !group_exists(group, p->session)))
        return -EPERM;
    p->group = group;
    return 0;
}

int32_t sys_setsid(struct trapframe *tf UNUSED)
{
    uint32_t pid = current->result.pid;
    list_for_each (n, &all_procs)
        if (container_of(n, struct proc, all)->group == pid)
            return -EPERM;
    current->group = current->session = pid;
    return (int32_t)pid;
}

struct rusage {
    int32_t utime[2], stime[2], maxrss, ixrss, idrss, isrss, minflt, majflt, nswap, rest[7];
};

static struct rusage rusage_of(const struct usage *u)
{
    enum { SECOND_MICROS = 1000000 };
    uint32_t us = clock_ticks_to_micros(u->cpu_ticks);
    return (struct rusage){
        .utime = {(int32_t)(us / SECOND_MICROS), (int32_t)(us % SECOND_MICROS)},
        .maxrss = (int32_t)(u->resident * (PAGE_SIZE / 1024)),
        .minflt = (int32_t)u->minor,
        .majflt = (int32_t)u->major,
        .nswap = (int32_t)u->writebacks,
    };
}

static struct usage own_usage(void)
{
    const struct space *s = current->space;
    return (struct usage){
        .cpu_ticks = current->result.cpu_ticks + (rdtsc() - current->since),
        .minor = s->minor,
        .major = s->major,
        .writebacks = s->pmap.writebacks,
        .resident = s->pmap.resident,
    };
}

int32_t sys_getrusage(struct trapframe *tf)
{
    enum { RUSAGE_SELF = 0, RUSAGE_CHILDREN = -1, RUSAGE_THREAD = 1 };
    int32_t who = (int32_t)tf->ebx;
    if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN && who != RUSAGE_THREAD)
        return -EINVAL;
    struct usage u = who == RUSAGE_CHILDREN ? current->children : own_usage();
    struct rusage r = rusage_of(&u);
    return copy_out(tf->ecx, &r, sizeof r);
}

/* Clock ticks of 10 ms: own, and the children's; all of it counts as the user's. */
int32_t sys_times(struct trapframe *tf)
{
    enum { TICK_MICROS = 10000 };
    struct usage own = own_usage();
    const uint32_t ticks[4] = {clock_ticks_to_micros(own.cpu_ticks) / TICK_MICROS, 0,
                               clock_ticks_to_micros(current->children.cpu_ticks) / TICK_MICROS, 0};
    int32_t err = tf->ebx != 0 ? copy_out(tf->ebx, ticks, sizeof ticks) : 0;
    return err != 0 ? err : (int32_t)(clock_micros() / TICK_MICROS & INT32_MAX);
}

enum wait_flags {
    WNOHANG = WAIT_NOHANG,
    WUNTRACED = 2,
    WEXITED = 4,
    WCONTINUED = 8,
    WNOWAIT = WAIT_KEEP,
    WNOTHREAD = 0x20000000,
    WALL = 0x40000000,
};
#define WCLONE 0x80000000u

static int32_t wait4(int32_t which, vaddr_t status_at, uint32_t options, vaddr_t rusage_at)
{
    if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | WNOTHREAD | WALL | WCLONE))
        return -EINVAL;
    if (which == INT32_MIN)
        return -ESRCH;
    struct ended e;
    int32_t err = family_wait(which, options & WNOHANG, &e);
    if (err != 0 || e.pid == 0)
        return err;
    int32_t status = e.signal != 0 ? e.signal : e.status << 8;
    if (status_at != 0)
        err = copy_out(status_at, &status, sizeof status);
    if (err == 0 && rusage_at != 0) {
        struct rusage r = rusage_of(&e.usage);
        err = copy_out(rusage_at, &r, sizeof r);
    }
    return err != 0 ? err : (int32_t)e.pid;
}

int32_t sys_wait4(struct trapframe *tf)
{
    return wait4((int32_t)tf->ebx, tf->ecx, tf->edx, tf->esi);
}

int32_t sys_waitpid(struct trapframe *tf)
{
    return wait4((int32_t)tf->ebx, tf->ecx, tf->edx, 0);
}

int32_t sys_waitid(struct trapframe *tf)
{
    enum { P_ALL, P_PID, P_PGID };
    enum { CLD_EXITED = 1, CLD_KILLED = 2, SIGINFO_WORDS = 32 };
    uint32_t type = tf->ebx, id = tf->ecx, options = tf->esi;
    if ((options & ~(WNOHANG | WUNTRACED | WEXITED | WCONTINUED | WNOWAIT | WNOTHREAD | WALL | WCLONE)) ||
        !(options & (WEXITED | WUNTRACED | WCONTINUED)) || type > P_PGID ||
        (type == P_PID && (int32_t)id <= 0) || (type == P_PGID && (int32_t)id < 0))
        return -EINVAL;
    int32_t which = type == P_ALL ? -1 : type == P_PID ? (int32_t)id : -(int32_t)id;
    struct ended e;
    int32_t err = family_wait(which, options & (WNOHANG | WNOWAIT), &e);
    if (err != 0)
        return err;
    uint32_t info[SIGINFO_WORDS] = {0};
    if (e.pid != 0) { /* si_signo, si_errno, si_code, si_pid, si_uid, si_status */
        info[0] = SIGCHLD;
        info[2] = e.signal ? CLD_KILLED : CLD_EXITED;
        info[3] = e.pid;
        info[5] = (uint32_t)(e.signal ? e.signal : e.status);
    }
    struct rusage r = rusage_of(&e.usage);
    if (tf->edx != 0)
        err = copy_out(tf->edx, info, sizeof info);
    if (err == 0 && tf->edi != 0 && e.pid != 0)
        err = copy_out(tf->edi, &r, sizeof r);
    return err;
}

/* Limits are told, never changed. */
enum { RLIMIT_STACK = 3, RLIMIT_NPROC = 6, RLIMITS = 16 };

static uint32_t limit_of(uint32_t what)
{
    return what == RLIMIT_STACK ? STACK_LIMIT : what == RLIMIT_NPROC ? PROC_MAX : UINT32_MAX;
}

int32_t sys_ugetrlimit(struct trapframe *tf)
{
    if (tf->ebx >= RLIMITS)
        return -EINVAL;
    uint32_t limit[2] = {limit_of(tf->ebx), UINT32_MAX};
    return copy_out(tf->ecx, limit, sizeof limit);
}

int32_t sys_prlimit64(struct trapframe *tf)
{
    if (tf->ecx >= RLIMITS)
        return -EINVAL;
    if (process_of(tf->ebx) == NULL)
        return -ESRCH;
    if (tf->edx != 0)
        return -EPERM;
    uint64_t limit[2] = {limit_of(tf->ecx), UINT64_MAX};
    if (limit[0] == UINT32_MAX)
        limit[0] = UINT64_MAX;
    return tf->esi != 0 ? copy_out(tf->esi, limit, sizeof limit) : 0;
}

int32_t sys_sysinfo(struct trapframe *tf)
{
    struct {
        uint32_t uptime, loads[3], totalram, freeram, sharedram, bufferram, totalswap, freeswap;
        uint16_t procs, pad;
        uint32_t totalhigh, freehigh, mem_unit;
        uint8_t rest[8];
    } info = {
        .uptime = (uint32_t)(clock_micros() / 1000000),
        .totalram = buddy_total_frames() * PAGE_SIZE,
        .freeram = buddy_free_frames() * PAGE_SIZE,
        .totalswap = swap_total() * PAGE_SIZE,
        .freeswap = swap_free() * PAGE_SIZE,
        .procs = (uint16_t)proc_count(),
        .mem_unit = 1,
    };
    _Static_assert(sizeof info == 64, "Linux's own layout");
    return copy_out(tf->ebx, &info, sizeof info);
}

/* One CPU. => the bytes written, as Linux's system call does. */
int32_t sys_sched_getaffinity(struct trapframe *tf)
{
    const uint32_t cpus = 1;
    if (tf->ecx < sizeof cpus || tf->ecx % sizeof cpus != 0)
        return -EINVAL;
    if (process_of(tf->ebx) == NULL)
        return -ESRCH;
    int32_t err = copy_out(tf->edx, &cpus, sizeof cpus);
    return err != 0 ? err : (int32_t)sizeof cpus;
}
