/* SPDX-License-Identifier: MIT
 * System calls about time. Every clock counts from boot. */
#include "drivers/clock.h"
#include "kernel/proc.h"
#include "kernel/syscall.h"
#include "lib/errno.h"

enum { CLOCK_REALTIME, CLOCK_LAST = 11, TIMER_ABSTIME = 1 };
enum { SECOND_NANOS = 1000000000, SECOND_MICROS = 1000000 };

/* struct timespec, with 32-bit and with 64-bit seconds. */
struct timespec {
    int32_t seconds, nanos;
};
struct timespec64 {
    int64_t seconds;
    int32_t nanos, zero;
};

static int32_t get_time(vaddr_t from, bool wide, struct timespec64 *t)
{
    struct timespec narrow;
    if (wide)
        return copy_in(t, from, sizeof *t);
    int32_t err = copy_in(&narrow, from, sizeof narrow);
    if (err == 0)
        *t = (struct timespec64){narrow.seconds, narrow.nanos, 0};
    return err;
}

static int32_t put_time(vaddr_t to, bool wide, uint64_t ns)
{
    struct timespec64 t = {(int64_t)(ns / SECOND_NANOS), (int32_t)(ns % SECOND_NANOS), 0};
    struct timespec narrow = {(int32_t)t.seconds, t.nanos};
    return wide ? copy_out(to, &t, sizeof t) : copy_out(to, &narrow, sizeof narrow);
}

static int32_t gettime(struct trapframe *tf, bool wide)
{
    if (tf->ebx > CLOCK_LAST)
        return -EINVAL;
    return put_time(tf->ecx, wide, clock_nanos());
}

int32_t sys_clock_gettime(struct trapframe *tf)
{
    return gettime(tf, false);
}

int32_t sys_clock_gettime64(struct trapframe *tf)
{
    return gettime(tf, true);
}

static int32_t getres(struct trapframe *tf, bool wide)
{
    if (tf->ebx > CLOCK_LAST)
        return -EINVAL;
    return tf->ecx != 0 ? put_time(tf->ecx, wide, 1) : 0;
}

int32_t sys_clock_getres(struct trapframe *tf)
{
    return getres(tf, false);
}

int32_t sys_clock_getres_time64(struct trapframe *tf)
{
    return getres(tf, true);
}

/* => 0, or -EINTR when a signal came first; then a relative sleep's rest is written to `rest_to`. */
static int32_t sleep(vaddr_t want_at, vaddr_t rest_to, bool wide, bool absolute)
{
    const int64_t forever = INT64_MAX / SECOND_MICROS - 1;
    struct timespec64 want;
    int32_t err = get_time(want_at, wide, &want);
    if (err != 0)
        return err;
    if (want.seconds < 0 || want.nanos < 0 || want.nanos >= SECOND_NANOS)
        return -EINVAL;
    uint64_t until = (absolute ? 0 : clock_micros()) + (uint64_t)MIN(want.seconds, forever) * SECOND_MICROS +
                     ((uint32_t)want.nanos + 999) / 1000;
    while (clock_micros() < until && !current->attention)
        proc_sleep_on(current, until);
    uint64_t now = clock_micros();
    if (now >= until)
        return 0;
    if (rest_to != 0 && !absolute)
        err = put_time(rest_to, wide, (until - now) * 1000);
    return err != 0 ? err : -EINTR;
}

int32_t sys_nanosleep(struct trapframe *tf)
{
    return sleep(tf->ebx, tf->ecx, false, false);
}

static int32_t clock_nanosleep(struct trapframe *tf, bool wide)
{
    if (tf->ebx > CLOCK_LAST || (tf->ecx & ~(uint32_t)TIMER_ABSTIME))
        return -EINVAL;
    return sleep(tf->edx, tf->esi, wide, tf->ecx & TIMER_ABSTIME);
}

int32_t sys_clock_nanosleep(struct trapframe *tf)
{
    return clock_nanosleep(tf, false);
}

int32_t sys_clock_nanosleep_time64(struct trapframe *tf)
{
    return clock_nanosleep(tf, true);
}

int32_t sys_gettimeofday(struct trapframe *tf)
{
    uint64_t us = clock_micros();
    const uint32_t now[2] = {(uint32_t)(us / SECOND_MICROS), (uint32_t)(us % SECOND_MICROS)}, zone[2] = {0};
    int32_t err = tf->ebx != 0 ? copy_out(tf->ebx, now, sizeof now) : 0;
    return err == 0 && tf->ecx != 0 ? copy_out(tf->ecx, zone, sizeof zone) : err;
}

int32_t sys_time(struct trapframe *tf)
{
    int32_t now = (int32_t)(clock_micros() / SECOND_MICROS);
    int32_t err = tf->ebx != 0 ? copy_out(tf->ebx, &now, sizeof now) : 0;
    return err != 0 ? err : now;
}
