/* SPDX-License-Identifier: MIT
 * The system calls. A handler gets the trap frame and returns the result or a negative errno. What is not
 * here returns -ENOSYS, and is logged once. User memory is reached only through space_copy_in/out. */
#include "kernel/syscall.h"
#include "arch/x86/io.h"
#include "drivers/clock.h"
#include "kernel/console.h"
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
    NR_getpid = 20,
    NR_brk = 45,
    NR_ioctl = 54,
    NR_getrusage = 77,
    NR_munmap = 91,
    NR_uname = 122,
    NR_mprotect = 125,
    NR_msync = 144,
    NR_writev = 146,
    NR_mlock = 150,
    NR_munlock = 151,
    NR_mlockall = 152,
    NR_munlockall = 153,
    NR_sched_yield = 158,
    NR_nanosleep = 162,
    NR_mremap = 163,
    NR_ugetrlimit = 191,
    NR_mmap2 = 192,
    NR_mincore = 218,
    NR_madvise = 219,
    NR_set_thread_area = 243,
    NR_exit_group = 252,
    NR_set_tid_address = 258,
    NR_clock_gettime = 265,
    NR_getrandom = 355,
    NR_mlock2 = 376,
    NR_COUNT = 512,
};

enum { STDIN, STDOUT, STDERR };
int32_t syscall_error(enum vm_result r)
{
    switch (r) {
    case VM_OK:
        return 0;
    case VM_NO_MEMORY:
    case VM_NO_SWAP:
        return -ENOMEM;
    case VM_IO_ERROR:
    case VM_CORRUPT:
        return -EIO;
    case VM_INVALID:
        return -EINVAL;
    case VM_EXISTS:
        return -EEXIST;
    case VM_NO_REGION:
    case VM_FORBIDDEN:
    case VM_BEYOND:
        break;
    }
    return -EFAULT;
}

static int32_t copy_in(void *to, vaddr_t from, uint32_t n)
{
    return syscall_error(space_copy_in(current->space, to, from, n));
}

static int32_t copy_out(vaddr_t to, const void *from, uint32_t n)
{
    return syscall_error(space_copy_out(current->space, to, from, n));
}

bool syscall_mapped_file(uint32_t fd UNUSED, struct mapped_file *out UNUSED)
{
    return false;
}

static int32_t sys_exit(struct trapframe *tf)
{
    proc_exit((int)tf->ebx);
}

/* => bytes written before the first bad page, or the error if there were none, as Linux does. */
static int32_t write_console(vaddr_t from, uint32_t n)
{
    char chunk[256];
    uint32_t done = 0;
    if (n > INT32_MAX)
        n = INT32_MAX;
    while (done < n) {
        /* never across a page: then a chunk is either all there or not at all */
        uint32_t room = PAGE_SIZE - (from + done) % PAGE_SIZE;
        uint32_t len = MIN(MIN(n - done, (uint32_t)sizeof chunk), room);
        int32_t err = copy_in(chunk, from + done, len);
        if (err != 0)
            return done > 0 ? (int32_t)done : err;
        log_console.write(&log_console, chunk, len);
        done += len;
    }
    return (int32_t)done;
}

static int32_t sys_write(struct trapframe *tf)
{
    if (tf->ebx != STDOUT && tf->ebx != STDERR)
        return -EBADF;
    return write_console(tf->ecx, tf->edx);
}

static int32_t sys_writev(struct trapframe *tf)
{
    enum { IOV_MAX = 1024 };
    if (tf->ebx != STDOUT && tf->ebx != STDERR)
        return -EBADF;
    if (tf->edx > IOV_MAX)
        return -EINVAL;
    int32_t total = 0;
    for (uint32_t i = 0; i < tf->edx; i++) {
        uint32_t iov[2]; /* base, length */
        int32_t n = copy_in(iov, tf->ecx + i * sizeof iov, sizeof iov);
        if (n == 0)
            n = (int32_t)iov[1] < 0 ? -EINVAL : write_console(iov[0], iov[1]);
        if (n < 0)
            return total > 0 ? total : n;
        total += n;
        if ((uint32_t)n < iov[1])
            break;
    }
    return total;
}

static int32_t sys_read(struct trapframe *tf)
{
    if (tf->ebx != STDIN)
        return -EBADF;
    char line[CONSOLE_LINE];
    uint32_t want = MIN(tf->edx, (uint32_t)sizeof line);
    if (want == 0)
        return 0;
    int n = console_read(line, want);
    int32_t err = n > 0 ? copy_out(tf->ecx, line, (uint32_t)n) : 0;
    return err != 0 ? err : n;
}

static int32_t sys_getpid(struct trapframe *tf UNUSED)
{
    return (int32_t)current->result.pid;
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
    enum { RLIMIT_STACK = 3, RLIMITS = 16 };
    uint32_t limit[2] = {UINT32_MAX, UINT32_MAX};
    if (tf->ebx >= RLIMITS)
        return -EINVAL;
    if (tf->ebx == RLIMIT_STACK)
        limit[0] = current->space->stack_limit;
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

static int32_t sys_ioctl(struct trapframe *tf)
{
    return tf->ebx <= STDERR ? -ENOTTY : -EBADF;
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
    [NR_getpid] = sys_getpid,
    [NR_brk] = sys_brk,
    [NR_ioctl] = sys_ioctl,
    [NR_getrusage] = sys_getrusage,
    [NR_munmap] = sys_munmap,
    [NR_uname] = sys_uname,
    [NR_mprotect] = sys_mprotect,
    [NR_msync] = sys_msync,
    [NR_writev] = sys_writev,
    [NR_mlock] = sys_mlock,
    [NR_munlock] = sys_munlock,
    [NR_mlockall] = sys_mlockall,
    [NR_munlockall] = sys_munlockall,
    [NR_sched_yield] = sys_sched_yield,
    [NR_nanosleep] = sys_nanosleep,
    [NR_mremap] = sys_mremap,
    [NR_ugetrlimit] = sys_ugetrlimit,
    [NR_mmap2] = sys_mmap2,
    [NR_mincore] = sys_mincore,
    [NR_madvise] = sys_madvise,
    [NR_set_thread_area] = sys_set_thread_area,
    [NR_exit_group] = sys_exit,
    [NR_set_tid_address] = sys_set_tid_address,
    [NR_clock_gettime] = sys_clock_gettime,
    [NR_getrandom] = sys_getrandom,
    [NR_mlock2] = sys_mlock2,
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
