/* SPDX-License-Identifier: MIT
 * The system calls: Linux i386's numbers, structures and error values. The table is in syscall.c. */
#ifndef KERNEL_SYSCALL_H
#define KERNEL_SYSCALL_H

#include "arch/x86/trap.h"
#include "mm/types.h"

struct object;

/* Linux i386 numbers (arch/x86/entry/syscalls/syscall_32.tbl). */
enum {
    NR_exit = 1,
    NR_fork = 2,
    NR_read = 3,
    NR_write = 4,
    NR_waitpid = 7,
    NR_execve = 11,
    NR_time = 13,
    NR_getpid = 20,
    NR_getuid = 24,
    NR_alarm = 27,
    NR_pause = 29,
    NR_kill = 37,
    NR_times = 43,
    NR_brk = 45,
    NR_getgid = 47,
    NR_geteuid = 49,
    NR_getegid = 50,
    NR_ioctl = 54,
    NR_setpgid = 57,
    NR_getppid = 64,
    NR_getpgrp = 65,
    NR_setsid = 66,
    NR_getrusage = 77,
    NR_gettimeofday = 78,
    NR_munmap = 91,
    NR_wait4 = 114,
    NR_sysinfo = 116,
    NR_sigreturn = 119,
    NR_clone = 120,
    NR_uname = 122,
    NR_mprotect = 125,
    NR_getpgid = 132,
    NR_msync = 144,
    NR_writev = 146,
    NR_getsid = 147,
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
    NR_sigaltstack = 186,
    NR_vfork = 190,
    NR_ugetrlimit = 191,
    NR_mmap2 = 192,
    NR_getuid32 = 199,
    NR_getgid32 = 200,
    NR_geteuid32 = 201,
    NR_getegid32 = 202,
    NR_mincore = 218,
    NR_madvise = 219,
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
    NR_set_robust_list = 311,
    NR_prlimit64 = 340,
    NR_getrandom = 355,
    NR_mlock2 = 376,
    NR_rseq = 386,
    NR_clock_gettime64 = 403,
    NR_clock_getres_time64 = 406,
    NR_clock_nanosleep_time64 = 407,
    NR_clone3 = 435,
    NR_COUNT = 512,
};

/* Does the call in tf (EAX; arguments in EBX ECX EDX ESI EDI EBP) and leaves the result in EAX. */
void syscall_dispatch(struct trapframe *tf);

/* For handlers. */

/* The negative errno of a vm_result; 0 for VM_OK. */
int32_t error_of(enum vm_result r);

/* Between the kernel and the current process's memory. => 0 or a negative errno. May evict and sleep. */
int32_t copy_in(void *to, vaddr_t from, uint32_t n) MUST_CHECK;
int32_t copy_out(vaddr_t to, const void *from, uint32_t n) MUST_CHECK;

/* A string with its NUL. => its length, -EFAULT, or -ENAMETOOLONG when it does not fit. */
int32_t copy_string_in(char *to, vaddr_t from, uint32_t size);

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

/* What mmap wants to know of an open file. */
struct mapped_file {
    struct object *object; /* NULL: it cannot be mapped */
    bool readable, writable;
};

/* => false if fd is not open. */
bool syscall_mapped_file(uint32_t fd, struct mapped_file *out) MUST_CHECK;

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

#endif
