/* SPDX-License-Identifier: MIT
 * A typed wrapper for each system call. Adds no checks: badptr needs to pass nonsense through them. */
#include "user/rt/sys.h"

void sys_exit_group(int status)
{
    for (;;)
        sys_call(SYS_EXIT_GROUP, status);
}

long sys_read(int fd, void *buf, size_t n)
{
    return sys_call(SYS_READ, fd, buf, n);
}

long sys_write(int fd, const void *buf, size_t n)
{
    return sys_call(SYS_WRITE, fd, buf, n);
}

long sys_writev(int fd, const struct iovec *iov, int count)
{
    return sys_call(SYS_WRITEV, fd, iov, count);
}

long sys_getpid(void)
{
    return sys_call(SYS_GETPID);
}

long sys_getppid(void)
{
    return sys_call(SYS_GETPPID);
}

long sys_fork(void)
{
    return sys_call(SYS_FORK);
}

long sys_execve(const char *path, char *const argv[], char *const envp[])
{
    return sys_call(SYS_EXECVE, path, argv, envp);
}

long sys_wait4(int pid, int *status, int options, struct rusage *usage)
{
    return sys_call(SYS_WAIT4, pid, status, options, usage);
}

long sys_kill(int pid, int signal)
{
    return sys_call(SYS_KILL, pid, signal);
}

long sys_rt_sigaction(int signal, const struct sigaction *action, struct sigaction *old)
{
    return sys_call(SYS_RT_SIGACTION, signal, action, old, sizeof action->mask);
}

long sys_getrusage(int who, struct rusage *out)
{
    return sys_call(SYS_GETRUSAGE, who, out);
}

long sys_uname(struct utsname *out)
{
    return sys_call(SYS_UNAME, out);
}

long sys_ugetrlimit(int what, struct rlimit *out)
{
    return sys_call(SYS_UGETRLIMIT, what, out);
}

long sys_getrandom(void *buf, size_t n, unsigned flags)
{
    return sys_call(SYS_GETRANDOM, buf, n, flags);
}

long sys_sched_yield(void)
{
    return sys_call(SYS_SCHED_YIELD);
}

long sys_nanosleep(const struct timespec *want, struct timespec *left)
{
    return sys_call(SYS_NANOSLEEP, want, left);
}

long sys_clock_gettime(int clock, struct timespec *out)
{
    return sys_call(SYS_CLOCK_GETTIME, clock, out);
}

uintptr_t sys_brk(uintptr_t end)
{
    return (uintptr_t)sys_call(SYS_BRK, end);
}

uintptr_t sys_mmap2(uintptr_t at, size_t len, int prot, int flags, int fd, unsigned page_offset)
{
    return (uintptr_t)sys_call(SYS_MMAP2, at, len, prot, flags, fd, page_offset);
}

long sys_munmap(uintptr_t at, size_t len)
{
    return sys_call(SYS_MUNMAP, at, len);
}

long sys_mprotect(uintptr_t at, size_t len, int prot)
{
    return sys_call(SYS_MPROTECT, at, len, prot);
}
