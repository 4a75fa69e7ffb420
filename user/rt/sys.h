/* SPDX-License-Identifier: MIT
 * The system calls: Linux i386's numbers, structures and error values. Every wrapper returns what the
 * kernel returned, a negative errno on failure; there is no errno variable. */
#ifndef USER_RT_SYS_H
#define USER_RT_SYS_H

#include "lib/types.h"

enum {
    SYS_EXIT = 1,
    SYS_FORK = 2,
    SYS_READ = 3,
    SYS_WRITE = 4,
    SYS_OPEN = 5,
    SYS_EXECVE = 11,
    SYS_GETPID = 20,
    SYS_KILL = 37,
    SYS_BRK = 45,
    SYS_GETPPID = 64,
    SYS_GETRUSAGE = 77,
    SYS_MUNMAP = 91,
    SYS_WAIT4 = 114,
    SYS_UNAME = 122,
    SYS_MPROTECT = 125,
    SYS_WRITEV = 146,
    SYS_SCHED_YIELD = 158,
    SYS_MUNLOCK = 151,
    SYS_MLOCKALL = 152,
    SYS_NANOSLEEP = 162,
    SYS_RT_SIGACTION = 174,
    SYS_UGETRLIMIT = 191,
    SYS_MMAP2 = 192,
    SYS_MADVISE = 219,
    SYS_SET_THREAD_AREA = 243,
    SYS_EXIT_GROUP = 252,
    SYS_CLOCK_GETTIME = 265,
    SYS_GETRANDOM = 355,
};

enum { EBUSY = 16 };
enum { ESRCH = 3, EBADF = 9, ECHILD = 10, EAGAIN = 11, ENOMEM = 12, EFAULT = 14, EINVAL = 22, ENOSYS = 38 };
enum { PROT_NONE = 0, PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4 };
enum { MAP_PRIVATE = 0x02, MAP_FIXED = 0x10, MAP_ANONYMOUS = 0x20 };
enum { CLOCK_MONOTONIC = 1, RUSAGE_SELF = 0, RLIMIT_STACK = 3 };
enum { STDIN = 0, STDOUT = 1, STDERR = 2 };
enum { SIGKILL = 9 };
enum { PAGE_SIZE = 4096, WORDS_PER_PAGE = PAGE_SIZE / 4 };

struct timespec {
    int sec, nsec;
};

struct iovec {
    const void *base;
    size_t len;
};

struct rusage {
    struct timespec utime, stime; /* microseconds in nsec here, as in Linux's timeval */
    int maxrss, ixrss, idrss, isrss, minflt, majflt, nswap, inblock, oublock, msgsnd, msgrcv, nsignals;
    int nvcsw, nivcsw;
};

struct rlimit {
    unsigned current, maximum;
};

struct sigaction {
    void (*handler)(int signal);
    unsigned flags;
    void (*restorer)(void);
    unsigned mask[2];
};

struct utsname {
    char sysname[65], nodename[65], release[65], version[65], machine[65], domainname[65];
};

/* Any call, with as many arguments as it has. In start.S. */
long sys_call(long number, ...);

NORETURN void sys_exit_group(int status);
long sys_read(int fd, void *buf, size_t n);
long sys_write(int fd, const void *buf, size_t n);
long sys_writev(int fd, const struct iovec *iov, int count);
long sys_getpid(void);
long sys_getppid(void);
long sys_fork(void);
long sys_execve(const char *path, char *const argv[], char *const envp[]);
long sys_wait4(int pid, int *status, int options, struct rusage *usage);
long sys_kill(int pid, int signal);
long sys_rt_sigaction(int signal, const struct sigaction *action, struct sigaction *old);
long sys_getrusage(int who, struct rusage *out);
long sys_uname(struct utsname *out);
long sys_ugetrlimit(int what, struct rlimit *out);
long sys_getrandom(void *buf, size_t n, unsigned flags);
long sys_sched_yield(void);
long sys_nanosleep(const struct timespec *want, struct timespec *left);
long sys_clock_gettime(int clock, struct timespec *out);

/* Addresses come back as such; a failure is the top 4 KiB of them, so ask sys_failed. */
uintptr_t sys_brk(uintptr_t end);
uintptr_t sys_mmap2(uintptr_t at, size_t len, int prot, int flags, int fd, unsigned page_offset);
long sys_munmap(uintptr_t at, size_t len);
long sys_mprotect(uintptr_t at, size_t len, int prot);

static inline bool sys_failed(uintptr_t result)
{
    return result > (uintptr_t)-PAGE_SIZE;
}

#endif
