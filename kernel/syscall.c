/* SPDX-License-Identifier: MIT
 * The system calls. A handler gets the trap frame and returns the result or a negative errno. What is not
 * here returns -ENOSYS, and is logged once. User memory is reached only through space_copy_in/out. */
#include "kernel/syscall.h"
#include "arch/x86/io.h"
#include "drivers/clock.h"
#include "kernel/file.h"
#include "kernel/proc.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "lib/random.h"
#include "lib/string.h"
#include "lib/trace.h"
#include "lib/watch.h"

static int32_t sys_exit(struct trapframe *tf)
{
    proc_exit((int)tf->ebx);
}

static int32_t sys_sched_yield(struct trapframe *tf UNUSED)
{
    schedule();
    return 0;
}

static int32_t sys_uname(struct trapframe *tf)
{
    enum { FIELD = 65 };
    static const char *const values[] = {"Linux", "faultline", "6.1.0-faultline", "#1", "i686", "(none)"};
    char u[ARRAY_SIZE(values)][FIELD] = {{0}};
    for (size_t i = 0; i < ARRAY_SIZE(values); i++)
        str_copy(u[i], FIELD, values[i]);
    return copy_out(tf->ebx, u, sizeof u);
}

/* struct user_desc of Linux: entry_number, base_addr, limit, bit flags. */
static int32_t sys_set_thread_area(struct trapframe *tf)
{
    enum { SEG_32BIT = 1, CONTENTS = 6, READ_EXEC_ONLY = 8, IN_PAGES = 16, NOT_PRESENT = 32 };
    uint32_t d[4];
    int32_t err = copy_in(d, tf->ebx, sizeof d);
    if (err != 0)
        return err;
    uint32_t slot = d[0] - GDT_TLS_FIRST;
    if (d[0] == UINT32_MAX) {
        for (slot = 0; slot < GDT_TLS_COUNT && current->tls[slot].present; slot++)
            ;
        if (slot == GDT_TLS_COUNT)
            return -ESRCH;
        d[0] = slot + GDT_TLS_FIRST;
        err = copy_out(tf->ebx, d, sizeof d[0]);
        if (err != 0)
            return err;
    }
    if (slot >= GDT_TLS_COUNT || (d[3] & CONTENTS))
        return -EINVAL;
    current->tls[slot] = (struct tls_slot){.base = d[1],
                                           .limit = d[2] & 0xfffff,
                                           .present = !(d[3] & NOT_PRESENT),
                                           .writable = !(d[3] & READ_EXEC_ONLY),
                                           .pages = (d[3] & IN_PAGES) != 0,
                                           .is_32bit = (d[3] & SEG_32BIT) != 0};
    if (!current->tls[slot].present && read_gs() >> 3 == slot + GDT_TLS_FIRST)
        write_gs(0); /* loading it again would trap in the kernel */
    cpu_load_tls(current->tls);
    return 0;
}

static int32_t sys_getrandom(struct trapframe *tf)
{
    static uint32_t rng = 0x9e3779b9;
    enum { GETRANDOM_MAX = 256, FLAGS_KNOWN = 7 };
    uint8_t bytes[GETRANDOM_MAX];
    if (tf->edx & ~(uint32_t)FLAGS_KNOWN)
        return -EINVAL;
    uint32_t n = MIN(tf->ecx, (uint32_t)sizeof bytes);
    for (uint32_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(random_next(&rng) >> 24);
    int32_t err = copy_out(tf->ebx, bytes, n);
    return err != 0 ? err : (int32_t)n;
}

typedef int32_t (*handler)(struct trapframe *tf);

static const handler table[NR_COUNT] = {
    [NR_exit] = sys_exit,
    [NR_fork] = sys_fork,
    [NR_read] = sys_read,
    [NR_write] = sys_write,
    [NR_open] = sys_open,
    [NR_close] = sys_close,
    [NR_waitpid] = sys_waitpid,
    [NR_creat] = sys_creat,
    [NR_unlink] = sys_unlink,
    [NR_execve] = sys_execve,
    [NR_chdir] = sys_chdir,
    [NR_time] = sys_time,
    [NR_chmod] = sys_chmod,
    [NR_lseek] = sys_lseek,
    [NR_getpid] = sys_getpid,
    [NR_getuid] = sys_zero,
    [NR_alarm] = sys_alarm,
    [NR_pause] = sys_pause,
    [NR_access] = sys_access,
    [NR_kill] = sys_kill,
    [NR_rename] = sys_rename,
    [NR_mkdir] = sys_mkdir,
    [NR_rmdir] = sys_rmdir,
    [NR_dup] = sys_dup,
    [NR_pipe] = sys_pipe,
    [NR_times] = sys_times,
    [NR_brk] = sys_brk,
    [NR_getgid] = sys_zero,
    [NR_geteuid] = sys_zero,
    [NR_getegid] = sys_zero,
    [NR_ioctl] = sys_ioctl,
    [NR_fcntl] = sys_fcntl64,
    [NR_setpgid] = sys_setpgid,
    [NR_umask] = sys_umask,
    [NR_dup2] = sys_dup2,
    [NR_getppid] = sys_getppid,
    [NR_getpgrp] = sys_getpgrp,
    [NR_setsid] = sys_setsid,
    [NR_getrusage] = sys_getrusage,
    [NR_gettimeofday] = sys_gettimeofday,
    [NR_readlink] = sys_readlink,
    [NR_munmap] = sys_munmap,
    [NR_truncate] = sys_truncate,
    [NR_ftruncate] = sys_ftruncate,
    [NR_fchmod] = sys_fchmod,
    [NR_wait4] = sys_wait4,
    [NR_sysinfo] = sys_sysinfo,
    [NR_fsync] = sys_fsync,
    [NR_sigreturn] = sys_sigreturn,
    [NR_clone] = sys_clone,
    [NR_uname] = sys_uname,
    [NR_mprotect] = sys_mprotect,
    [NR_getpgid] = sys_getpgid,
    [NR_fchdir] = sys_fchdir,
    [NR_llseek] = sys_llseek,
    [NR_msync] = sys_msync,
    [NR_readv] = sys_readv,
    [NR_writev] = sys_writev,
    [NR_getsid] = sys_getsid,
    [NR_fdatasync] = sys_fsync,
    [NR_mlock] = sys_mlock,
    [NR_munlock] = sys_munlock,
    [NR_mlockall] = sys_mlockall,
    [NR_munlockall] = sys_munlockall,
    [NR_sched_yield] = sys_sched_yield,
    [NR_nanosleep] = sys_nanosleep,
    [NR_mremap] = sys_mremap,
    [NR_rt_sigreturn] = sys_rt_sigreturn,
    [NR_rt_sigaction] = sys_rt_sigaction,
    [NR_rt_sigprocmask] = sys_rt_sigprocmask,
    [NR_rt_sigpending] = sys_rt_sigpending,
    [NR_rt_sigsuspend] = sys_rt_sigsuspend,
    [NR_pread64] = sys_pread64,
    [NR_pwrite64] = sys_pwrite64,
    [NR_getcwd] = sys_getcwd,
    [NR_sigaltstack] = sys_sigaltstack,
    [NR_vfork] = sys_vfork,
    [NR_ugetrlimit] = sys_ugetrlimit,
    [NR_mmap2] = sys_mmap2,
    [NR_truncate64] = sys_truncate64,
    [NR_ftruncate64] = sys_ftruncate64,
    [NR_stat64] = sys_stat64,
    [NR_lstat64] = sys_stat64,
    [NR_fstat64] = sys_fstat64,
    [NR_getuid32] = sys_zero,
    [NR_getgid32] = sys_zero,
    [NR_geteuid32] = sys_zero,
    [NR_getegid32] = sys_zero,
    [NR_mincore] = sys_mincore,
    [NR_madvise] = sys_madvise,
    [NR_getdents64] = sys_getdents64,
    [NR_fcntl64] = sys_fcntl64,
    [NR_gettid] = sys_getpid,
    [NR_tkill] = sys_tkill,
    [NR_sched_getaffinity] = sys_sched_getaffinity,
    [NR_set_thread_area] = sys_set_thread_area,
    [NR_exit_group] = sys_exit,
    [NR_set_tid_address] = sys_getpid,
    [NR_clock_gettime] = sys_clock_gettime,
    [NR_clock_getres] = sys_clock_getres,
    [NR_clock_nanosleep] = sys_clock_nanosleep,
    [NR_tgkill] = sys_tgkill,
    [NR_waitid] = sys_waitid,
    [NR_openat] = sys_openat,
    [NR_mkdirat] = sys_mkdirat,
    [NR_fstatat64] = sys_fstatat64,
    [NR_unlinkat] = sys_unlinkat,
    [NR_renameat] = sys_renameat,
    [NR_readlinkat] = sys_readlinkat,
    [NR_fchmodat] = sys_fchmodat,
    [NR_faccessat] = sys_faccessat,
    [NR_set_robust_list] = sys_missing,
    [NR_dup3] = sys_dup3,
    [NR_pipe2] = sys_pipe2,
    [NR_preadv] = sys_preadv,
    [NR_pwritev] = sys_pwritev,
    [NR_prlimit64] = sys_prlimit64,
    [NR_renameat2] = sys_renameat2,
    [NR_getrandom] = sys_getrandom,
    [NR_mlock2] = sys_mlock2,
    [NR_statx] = sys_statx,
    [NR_rseq] = sys_missing,
    [NR_clock_gettime64] = sys_clock_gettime64,
    [NR_clock_getres_time64] = sys_clock_getres_time64,
    [NR_clock_nanosleep_time64] = sys_clock_nanosleep_time64,
    [NR_clone3] = sys_missing,
    [NR_faccessat2] = sys_faccessat2,
};

/* => -ENOSYS. The first time for each number, it says so. */
static int32_t unknown(uint32_t nr, uint32_t ip)
{
    static uint32_t seen[NR_COUNT / 32];
    uint32_t bit = nr < NR_COUNT ? nr : 0;
    if (!(seen[bit / 32] & 1u << bit % 32))
        log_event(LOG_PROC, "syscall pid=%u number=%u ip=0x%08x unknown: returns -ENOSYS (logged once)",
                  current->result.pid, nr, ip);
    seen[bit / 32] |= 1u << bit % 32;
    return -ENOSYS;
}

/* For those who watch LOG_SYS. */
static void NOINLINE call_begins(const struct trapframe *tf)
{
    TRACE(SYSCALL, 0, current->result.pid, tf->eax, tf->ebx, tf->ecx, tf->edx, tf->esi);
}

static void NOINLINE call_ends(const struct trapframe *tf, uint32_t nr, int32_t result)
{
    TRACE(SYSRET, 0, current->result.pid, nr, (uint32_t)result);
    log_event(LOG_SYS, "syscall pid=%u number=%u args=%#x,%#x,%#x result=%d", current->result.pid, nr,
              tf->ebx, tf->ecx, tf->edx, result);
}

void syscall_dispatch(struct trapframe *tf)
{
    uint32_t nr = tf->eax;
    int32_t result;
    if (trace_on(TRACE_SYS))
        call_begins(tf);
    tf->error = nr; /* the CPU leaves none: kept for a call that a signal restarts */
    if (likely(nr < NR_COUNT && table[nr] != NULL))
        result = table[nr](tf);
    else
        result = unknown(nr, tf->eip);
    tf->eax = (uint32_t)result;
    if (watched(LOG_SYS))
        call_ends(tf, nr, result);
}
