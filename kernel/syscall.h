/* SPDX-License-Identifier: MIT
 * The system calls: Linux i386's numbers, structures and error values. The table is in syscall.c. */
#ifndef KERNEL_SYSCALL_H
#define KERNEL_SYSCALL_H

#include "arch/x86/trap.h"
#include "kernel/usermem.h"

/* Linux i386 numbers (arch/x86/entry/syscalls/syscall_32.tbl). */
enum {
    NR_exit = 1,
    NR_fork = 2,
    NR_read = 3,
    NR_write = 4,
    NR_open = 5,
    NR_close = 6,
    NR_waitpid = 7,
    NR_creat = 8,
    NR_unlink = 10,
    NR_execve = 11,
    NR_chdir = 12,
    NR_time = 13,
    NR_chmod = 15,
    NR_lseek = 19,
    NR_getpid = 20,
    NR_getuid = 24,
    NR_alarm = 27,
    NR_pause = 29,
    NR_access = 33,
    NR_kill = 37,
    NR_rename = 38,
    NR_mkdir = 39,
    NR_rmdir = 40,
    NR_dup = 41,
    NR_pipe = 42,
    NR_times = 43,
    NR_brk = 45,
    NR_getgid = 47,
    NR_geteuid = 49,
    NR_getegid = 50,
    NR_ioctl = 54,
    NR_fcntl = 55,
    NR_setpgid = 57,
    NR_umask = 60,
    NR_dup2 = 63,
    NR_getppid = 64,
    NR_getpgrp = 65,
    NR_setsid = 66,
    NR_getrusage = 77,
    NR_gettimeofday = 78,
    NR_readlink = 85,
    NR_munmap = 91,
    NR_truncate = 92,
    NR_ftruncate = 93,
    NR_fchmod = 94,
    NR_wait4 = 114,
    NR_sysinfo = 116,
    NR_fsync = 118,
    NR_sigreturn = 119,
    NR_clone = 120,
    NR_uname = 122,
    NR_mprotect = 125,
    NR_getpgid = 132,
    NR_fchdir = 133,
    NR_llseek = 140,
    NR_msync = 144,
    NR_readv = 145,
    NR_writev = 146,
    NR_getsid = 147,
    NR_fdatasync = 148,
    NR_mlock = 150,
    NR_munlock = 151,
    NR_mlockall = 152,
    NR_munlockall = 153,
    NR_sched_yield = 158,
    NR_nanosleep = 162,
    NR_mremap = 163,
    NR_rt_sigreturn = 173,
    NR_rt_sigaction = 174,
    NR_rt_sigprocmask = 175,
    NR_rt_sigpending = 176,
    NR_rt_sigsuspend = 179,
    NR_pread64 = 180,
    NR_pwrite64 = 181,
    NR_getcwd = 183,
    NR_sigaltstack = 186,
    NR_vfork = 190,
    NR_ugetrlimit = 191,
    NR_mmap2 = 192,
    NR_truncate64 = 193,
    NR_ftruncate64 = 194,
    NR_stat64 = 195,
    NR_lstat64 = 196,
    NR_fstat64 = 197,
    NR_getuid32 = 199,
    NR_getgid32 = 200,
    NR_geteuid32 = 201,
    NR_getegid32 = 202,
    NR_mincore = 218,
    NR_madvise = 219,
    NR_getdents64 = 220,
    NR_fcntl64 = 221,
    NR_gettid = 224,
    NR_tkill = 238,
    NR_sched_getaffinity = 242,
    NR_set_thread_area = 243,
    NR_exit_group = 252,
    NR_set_tid_address = 258,
    NR_clock_gettime = 265,
    NR_clock_getres = 266,
    NR_clock_nanosleep = 267,
    NR_tgkill = 270,
    NR_waitid = 284,
    NR_openat = 295,
    NR_mkdirat = 296,
    NR_fstatat64 = 300,
    NR_unlinkat = 301,
    NR_renameat = 302,
    NR_readlinkat = 305,
    NR_fchmodat = 306,
    NR_faccessat = 307,
    NR_set_robust_list = 311,
    NR_dup3 = 330,
    NR_pipe2 = 331,
    NR_preadv = 333,
    NR_pwritev = 334,
    NR_prlimit64 = 340,
    NR_renameat2 = 353,
    NR_getrandom = 355,
    NR_mlock2 = 376,
    NR_statx = 383,
    NR_rseq = 386,
    NR_clock_gettime64 = 403,
    NR_clock_getres_time64 = 406,
    NR_clock_nanosleep_time64 = 407,
    NR_clone3 = 435,
    NR_faccessat2 = 439,
    NR_COUNT = 512,
};

/* Does the call in tf (EAX; arguments in EBX ECX EDX ESI EDI EBP) and leaves the result in EAX. */
void syscall_dispatch(struct trapframe *tf);

/* Frees frames for the kernel's own use as long as its reserve is touched. => is it still so short that
 * nothing new should begin? May evict and sleep. */
bool kernel_memory_short(void);

/* Handlers that other files have: fork.c, exec.c, sys_proc.c, sys_signal.c, sys_time.c. */
int32_t sys_alarm(struct trapframe *tf);
int32_t sys_clock_getres(struct trapframe *tf);
int32_t sys_clock_getres_time64(struct trapframe *tf);
int32_t sys_clock_gettime(struct trapframe *tf);
int32_t sys_clock_gettime64(struct trapframe *tf);
int32_t sys_clock_nanosleep(struct trapframe *tf);
int32_t sys_clock_nanosleep_time64(struct trapframe *tf);
int32_t sys_clone(struct trapframe *tf);
int32_t sys_execve(struct trapframe *tf);
int32_t sys_fork(struct trapframe *tf);
int32_t sys_getpgid(struct trapframe *tf);
int32_t sys_getpgrp(struct trapframe *tf);
int32_t sys_getpid(struct trapframe *tf);
int32_t sys_getppid(struct trapframe *tf);
int32_t sys_getrusage(struct trapframe *tf);
int32_t sys_getsid(struct trapframe *tf);
int32_t sys_gettimeofday(struct trapframe *tf);
int32_t sys_kill(struct trapframe *tf);
int32_t sys_missing(struct trapframe *tf);
int32_t sys_nanosleep(struct trapframe *tf);
int32_t sys_pause(struct trapframe *tf);
int32_t sys_prlimit64(struct trapframe *tf);
int32_t sys_rt_sigaction(struct trapframe *tf);
int32_t sys_rt_sigpending(struct trapframe *tf);
int32_t sys_rt_sigprocmask(struct trapframe *tf);
int32_t sys_rt_sigreturn(struct trapframe *tf);
int32_t sys_rt_sigsuspend(struct trapframe *tf);
int32_t sys_sched_getaffinity(struct trapframe *tf);
int32_t sys_setpgid(struct trapframe *tf);
int32_t sys_setsid(struct trapframe *tf);
int32_t sys_sigaltstack(struct trapframe *tf);
int32_t sys_sigreturn(struct trapframe *tf);
int32_t sys_sysinfo(struct trapframe *tf);
int32_t sys_tgkill(struct trapframe *tf);
int32_t sys_time(struct trapframe *tf);
int32_t sys_times(struct trapframe *tf);
int32_t sys_tkill(struct trapframe *tf);
int32_t sys_ugetrlimit(struct trapframe *tf);
int32_t sys_vfork(struct trapframe *tf);
int32_t sys_wait4(struct trapframe *tf);
int32_t sys_waitid(struct trapframe *tf);
int32_t sys_waitpid(struct trapframe *tf);
int32_t sys_zero(struct trapframe *tf);

/* sys_mem.c */
int32_t sys_brk(struct trapframe *tf);
int32_t sys_mmap2(struct trapframe *tf);
int32_t sys_munmap(struct trapframe *tf);
int32_t sys_mprotect(struct trapframe *tf);
int32_t sys_mremap(struct trapframe *tf);
int32_t sys_madvise(struct trapframe *tf);
int32_t sys_mincore(struct trapframe *tf);
int32_t sys_msync(struct trapframe *tf);
int32_t sys_mlock(struct trapframe *tf);
int32_t sys_mlock2(struct trapframe *tf);
int32_t sys_munlock(struct trapframe *tf);
int32_t sys_mlockall(struct trapframe *tf);
int32_t sys_munlockall(struct trapframe *tf);

/* kernel/sys_file.c */
int32_t sys_read(struct trapframe *tf);
int32_t sys_write(struct trapframe *tf);
int32_t sys_pread64(struct trapframe *tf);
int32_t sys_pwrite64(struct trapframe *tf);
int32_t sys_readv(struct trapframe *tf);
int32_t sys_writev(struct trapframe *tf);
int32_t sys_preadv(struct trapframe *tf);
int32_t sys_pwritev(struct trapframe *tf);
int32_t sys_lseek(struct trapframe *tf);
int32_t sys_llseek(struct trapframe *tf);
int32_t sys_ftruncate(struct trapframe *tf);
int32_t sys_ftruncate64(struct trapframe *tf);
int32_t sys_fsync(struct trapframe *tf);
int32_t sys_close(struct trapframe *tf);
int32_t sys_dup(struct trapframe *tf);
int32_t sys_dup2(struct trapframe *tf);
int32_t sys_dup3(struct trapframe *tf);
int32_t sys_fcntl64(struct trapframe *tf);
int32_t sys_ioctl(struct trapframe *tf);
int32_t sys_pipe(struct trapframe *tf);
int32_t sys_pipe2(struct trapframe *tf);
int32_t sys_umask(struct trapframe *tf);

/* kernel/sys_path.c */
int32_t sys_open(struct trapframe *tf);
int32_t sys_openat(struct trapframe *tf);
int32_t sys_creat(struct trapframe *tf);
int32_t sys_rename(struct trapframe *tf);
int32_t sys_renameat(struct trapframe *tf);
int32_t sys_renameat2(struct trapframe *tf);
int32_t sys_unlink(struct trapframe *tf);
int32_t sys_unlinkat(struct trapframe *tf);
int32_t sys_rmdir(struct trapframe *tf);
int32_t sys_mkdir(struct trapframe *tf);
int32_t sys_mkdirat(struct trapframe *tf);
int32_t sys_readlink(struct trapframe *tf);
int32_t sys_readlinkat(struct trapframe *tf);
int32_t sys_access(struct trapframe *tf);
int32_t sys_faccessat(struct trapframe *tf);
int32_t sys_faccessat2(struct trapframe *tf);
int32_t sys_truncate(struct trapframe *tf);
int32_t sys_truncate64(struct trapframe *tf);

/* kernel/sys_dir.c */
int32_t sys_chdir(struct trapframe *tf);
int32_t sys_fchdir(struct trapframe *tf);
int32_t sys_getcwd(struct trapframe *tf);
int32_t sys_getdents64(struct trapframe *tf);

/* kernel/sys_stat.c */
int32_t sys_stat64(struct trapframe *tf);
int32_t sys_fstat64(struct trapframe *tf);
int32_t sys_fstatat64(struct trapframe *tf);
int32_t sys_statx(struct trapframe *tf);
int32_t sys_chmod(struct trapframe *tf);
int32_t sys_fchmodat(struct trapframe *tf);
int32_t sys_fchmod(struct trapframe *tf);

#endif
