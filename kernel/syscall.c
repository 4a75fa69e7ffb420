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

/* Linux i386 numbers (arch/x86/entry/syscalls/syscall_32.tbl). */
enum {
    NR_exit = 1,
    NR_read = 3,
    NR_write = 4,
    NR_open = 5,
    NR_close = 6,
    NR_creat = 8,
    NR_unlink = 10,
    NR_chdir = 12,
    NR_chmod = 15,
    NR_lseek = 19,
    NR_getpid = 20,
    NR_access = 33,
    NR_rename = 38,
    NR_mkdir = 39,
    NR_rmdir = 40,
    NR_dup = 41,
    NR_pipe = 42,
    NR_brk = 45,
    NR_ioctl = 54,
    NR_fcntl = 55,
    NR_umask = 60,
    NR_dup2 = 63,
    NR_getrusage = 77,
    NR_readlink = 85,
    NR_munmap = 91,
    NR_truncate = 92,
    NR_ftruncate = 93,
    NR_fchmod = 94,
    NR_fsync = 118,
    NR_uname = 122,
    NR_mprotect = 125,
    NR_fchdir = 133,
    NR_llseek = 140,
    NR_readv = 145,
    NR_writev = 146,
    NR_fdatasync = 148,
    NR_sched_yield = 158,
    NR_nanosleep = 162,
    NR_rt_sigaction = 174,
    NR_pread64 = 180,
    NR_pwrite64 = 181,
    NR_getcwd = 183,
    NR_ugetrlimit = 191,
    NR_mmap2 = 192,
    NR_truncate64 = 193,
    NR_ftruncate64 = 194,
    NR_stat64 = 195,
    NR_lstat64 = 196,
    NR_fstat64 = 197,
    NR_getdents64 = 220,
    NR_fcntl64 = 221,
    NR_set_thread_area = 243,
    NR_exit_group = 252,
    NR_set_tid_address = 258,
    NR_clock_gettime = 265,
    NR_openat = 295,
    NR_mkdirat = 296,
    NR_fstatat64 = 300,
    NR_unlinkat = 301,
    NR_renameat = 302,
    NR_readlinkat = 305,
    NR_fchmodat = 306,
    NR_faccessat = 307,
    NR_dup3 = 330,
    NR_pipe2 = 331,
    NR_preadv = 333,
    NR_pwritev = 334,
    NR_renameat2 = 353,
    NR_getrandom = 355,
    NR_statx = 383,
    NR_faccessat2 = 439,
    NR_COUNT = 512,
};

enum { PROT_ALL = VM_READ | VM_WRITE | VM_EXEC }; /* Linux's PROT_ bits are the same as ours */
enum { MAP_SHARED = 1, MAP_PRIVATE = 2, MAP_TYPE = 0xf, MAP_FIXED = 0x10, MAP_ANONYMOUS = 0x20 };

static int32_t sys_exit(struct trapframe *tf)
{
    proc_exit((int)tf->ebx);
}

static int32_t sys_getpid(struct trapframe *tf UNUSED)
{
    return (int32_t)current->result.pid;
}

static int32_t sys_brk(struct trapframe *tf)
{
    return (int32_t)space_brk(current->space, tf->ebx);
}

static int32_t sys_mmap2(struct trapframe *tf)
{
    uint32_t at = tf->ebx, length = tf->ecx, prot = tf->edx, flags = tf->esi;
    uint32_t type = flags & MAP_TYPE;
    struct space *s = current->space;
    if (!(flags & MAP_ANONYMOUS))
        return -EBADF; /* there is no file to map */
    if (length == 0 || (type != MAP_PRIVATE && type != MAP_SHARED))
        return -EINVAL;
    if (length > USER_END)
        return -ENOMEM;
    length = ALIGN_UP(length, (uint32_t)PAGE_SIZE);
    if (flags & MAP_FIXED) {
        if (at % PAGE_SIZE != 0)
            return -EINVAL;
        if (at >= USER_END || length > USER_END - at)
            return -ENOMEM;
        if (at < USER_START)
            return -EPERM;
        enum vm_result r = space_unmap(s, at, length);
        if (r != VM_OK)
            return error_of(r);
    } else {
        /* a hint is taken if the range is free */
        at = ALIGN_DOWN(at, (uint32_t)PAGE_SIZE);
        if (at != 0 && space_map(s, at, length, prot & PROT_ALL, "anon", source_zero(), 0) == VM_OK)
            return (int32_t)at;
        at = space_find_gap(s, length);
        if (at == 0)
            return -ENOMEM;
    }
    enum vm_result r = space_map(s, at, length, prot & PROT_ALL, "anon", source_zero(), 0);
    return r == VM_OK ? (int32_t)at : -ENOMEM;
}

static int32_t sys_munmap(struct trapframe *tf)
{
    uint32_t at = tf->ebx, length = tf->ecx;
    if (at % PAGE_SIZE != 0 || length == 0 || at >= USER_END || length > USER_END - at)
        return -EINVAL;
    length = ALIGN_UP(length, (uint32_t)PAGE_SIZE);
    if (at < USER_START) { /* never mapped: nothing to do there */
        uint32_t skip = MIN(USER_START - at, length);
        at += skip;
        length -= skip;
        if (length == 0)
            return 0;
    }
    return error_of(space_unmap(current->space, at, length));
}

static int32_t sys_mprotect(struct trapframe *tf)
{
    uint32_t at = tf->ebx, length = tf->ecx, prot = tf->edx;
    if (at % PAGE_SIZE != 0 || (prot & ~(uint32_t)PROT_ALL))
        return -EINVAL;
    if (length == 0)
        return 0;
    if (at < USER_START || at >= USER_END || length > USER_END - at)
        return -ENOMEM;
    length = ALIGN_UP(length, (uint32_t)PAGE_SIZE);
    /* write and execute include read, as on this hardware they cannot be had without it */
    if (prot != 0)
        prot |= VM_READ;
    enum vm_result r = space_protect(current->space, at, length, prot);
    return r == VM_NO_REGION ? -ENOMEM : error_of(r);
}

static int32_t sys_sched_yield(struct trapframe *tf UNUSED)
{
    schedule();
    return 0;
}

struct timespec {
    int32_t seconds, nanos;
};

static int32_t sys_nanosleep(struct trapframe *tf)
{
    struct timespec want;
    int32_t err = copy_in(&want, tf->ebx, sizeof want);
    if (err != 0)
        return err;
    if (want.seconds < 0 || want.nanos < 0 || want.nanos >= 1000000000)
        return -EINVAL;
    uint64_t until = clock_micros() + (uint64_t)want.seconds * 1000000 + ((uint32_t)want.nanos + 999) / 1000;
    while (clock_micros() < until && current->kill_signal == 0)
        proc_sleep_on(current, until);
    return 0;
}

static int32_t sys_clock_gettime(struct trapframe *tf)
{
    enum { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_LAST = 11 };
    if (tf->ebx > CLOCK_LAST)
        return -EINVAL;
    uint64_t ns = clock_nanos(); /* every clock here counts from boot */
    uint32_t seconds = (uint32_t)(ns / 1000000000u);
    struct timespec now = {(int32_t)seconds, (int32_t)(uint32_t)(ns - (uint64_t)seconds * 1000000000u)};
    return copy_out(tf->ecx, &now, sizeof now);
}

static int32_t sys_getrusage(struct trapframe *tf)
{
    enum { RUSAGE_SELF = 0, RUSAGE_CHILDREN = -1, RUSAGE_THREAD = 1 };
    struct {
        int32_t utime[2], stime[2], maxrss, ixrss, idrss, isrss, minflt, majflt, nswap, rest[7];
    } r = {0};
    int32_t who = (int32_t)tf->ebx;
    if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN && who != RUSAGE_THREAD)
        return -EINVAL;
    if (who != RUSAGE_CHILDREN) {
        uint32_t us = clock_ticks_to_micros(current->result.cpu_ticks + (rdtsc() - current->since));
        r.utime[0] = (int32_t)(us / 1000000);
        r.utime[1] = (int32_t)(us % 1000000);
        r.maxrss = (int32_t)(current->space->pmap.resident * (PAGE_SIZE / 1024));
        r.minflt = (int32_t)current->space->minor;
        r.majflt = (int32_t)current->space->major;
        r.nswap = (int32_t)current->space->pmap.writebacks;
    }
    return copy_out(tf->ecx, &r, sizeof r);
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

static int32_t sys_ugetrlimit(struct trapframe *tf)
{
    enum { RLIMIT_STACK = 3, RLIMIT_NOFILE = 7, RLIMITS = 16, STACK_LIMIT = 8 << 20 };
    uint32_t limit[2] = {UINT32_MAX, UINT32_MAX};
    if (tf->ebx >= RLIMITS)
        return -EINVAL;
    if (tf->ebx == RLIMIT_STACK)
        limit[0] = STACK_LIMIT;
    if (tf->ebx == RLIMIT_NOFILE)
        limit[0] = limit[1] = FILES_MAX;
    return copy_out(tf->ecx, limit, sizeof limit);
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
    cpu_load_tls(current->tls);
    return 0;
}

static int32_t sys_set_tid_address(struct trapframe *tf UNUSED)
{
    return (int32_t)current->result.pid; /* the only thread; nobody waits for the address */
}

/* Only what programs with pipes need: SIGPIPE may be ignored. Nothing else can be caught here. */
static int32_t sys_rt_sigaction(struct trapframe *tf)
{
    enum { SIGPIPE = 13, SIG_DFL = 0, SIG_IGN = 1 };
    uint32_t action[5] = {0}; /* handler, flags, restorer, mask */
    if (tf->ebx != SIGPIPE)
        return -ENOSYS;
    uint32_t wanted[5], old = current->ignores_sigpipe;
    int32_t err = tf->ecx != 0 ? copy_in(wanted, tf->ecx, sizeof wanted) : 0;
    if (err != 0)
        return err;
    if (tf->ecx != 0 && wanted[0] != SIG_DFL && wanted[0] != SIG_IGN)
        return -ENOSYS;
    if (tf->ecx != 0)
        current->ignores_sigpipe = wanted[0] == SIG_IGN;
    action[0] = old;
    return tf->edx != 0 ? copy_out(tf->edx, action, sizeof action) : 0;
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
    [NR_read] = sys_read,
    [NR_write] = sys_write,
    [NR_open] = sys_open,
    [NR_close] = sys_close,
    [NR_creat] = sys_creat,
    [NR_unlink] = sys_unlink,
    [NR_chdir] = sys_chdir,
    [NR_chmod] = sys_chmod,
    [NR_lseek] = sys_lseek,
    [NR_getpid] = sys_getpid,
    [NR_access] = sys_access,
    [NR_rename] = sys_rename,
    [NR_mkdir] = sys_mkdir,
    [NR_rmdir] = sys_rmdir,
    [NR_dup] = sys_dup,
    [NR_pipe] = sys_pipe,
    [NR_brk] = sys_brk,
    [NR_ioctl] = sys_ioctl,
    [NR_fcntl] = sys_fcntl64,
    [NR_umask] = sys_umask,
    [NR_dup2] = sys_dup2,
    [NR_getrusage] = sys_getrusage,
    [NR_readlink] = sys_readlink,
    [NR_munmap] = sys_munmap,
    [NR_truncate] = sys_truncate,
    [NR_ftruncate] = sys_ftruncate,
    [NR_fchmod] = sys_fchmod,
    [NR_fsync] = sys_fsync,
    [NR_uname] = sys_uname,
    [NR_mprotect] = sys_mprotect,
    [NR_fchdir] = sys_fchdir,
    [NR_llseek] = sys_llseek,
    [NR_readv] = sys_readv,
    [NR_writev] = sys_writev,
    [NR_fdatasync] = sys_fsync,
    [NR_sched_yield] = sys_sched_yield,
    [NR_nanosleep] = sys_nanosleep,
    [NR_rt_sigaction] = sys_rt_sigaction,
    [NR_pread64] = sys_pread64,
    [NR_pwrite64] = sys_pwrite64,
    [NR_getcwd] = sys_getcwd,
    [NR_ugetrlimit] = sys_ugetrlimit,
    [NR_mmap2] = sys_mmap2,
    [NR_truncate64] = sys_truncate64,
    [NR_ftruncate64] = sys_ftruncate64,
    [NR_stat64] = sys_stat64,
    [NR_lstat64] = sys_stat64,
    [NR_fstat64] = sys_fstat64,
    [NR_getdents64] = sys_getdents64,
    [NR_fcntl64] = sys_fcntl64,
    [NR_set_thread_area] = sys_set_thread_area,
    [NR_exit_group] = sys_exit,
    [NR_set_tid_address] = sys_set_tid_address,
    [NR_clock_gettime] = sys_clock_gettime,
    [NR_openat] = sys_openat,
    [NR_mkdirat] = sys_mkdirat,
    [NR_fstatat64] = sys_fstatat64,
    [NR_unlinkat] = sys_unlinkat,
    [NR_renameat] = sys_renameat,
    [NR_readlinkat] = sys_readlinkat,
    [NR_fchmodat] = sys_fchmodat,
    [NR_faccessat] = sys_faccessat,
    [NR_dup3] = sys_dup3,
    [NR_pipe2] = sys_pipe2,
    [NR_preadv] = sys_preadv,
    [NR_pwritev] = sys_pwritev,
    [NR_renameat2] = sys_renameat2,
    [NR_getrandom] = sys_getrandom,
    [NR_statx] = sys_statx,
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

void syscall_dispatch(struct trapframe *tf)
{
    uint32_t nr = tf->eax;
    int32_t result;
    if (likely(nr < NR_COUNT && table[nr] != NULL))
        result = table[nr](tf);
    else
        result = unknown(nr, tf->eip);
    tf->eax = (uint32_t)result;
    if (log_on(LOG_SYS))
        log_event(LOG_SYS, "syscall pid=%u number=%u args=%#x,%#x,%#x result=%d", current->result.pid, nr,
                  tf->ebx, tf->ecx, tf->edx, result);
}
