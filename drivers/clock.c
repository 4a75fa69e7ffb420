/* SPDX-License-Identifier: MIT
 * The 8254 timer and the TSC. The TSC's frequency is not to be had from the CPU, so it is measured against
 * channel 2, whose gate and output are in port 0x61. Time is then ticks times a fixed-point factor: no
 * division when the clock is read.
 *
 * Channel 0 makes the tick by itself, at a fixed rate (mode 2), until the first timer is started. From then
 * on it is programmed for one interrupt at a time (mode 0), for the next tick or timer, whichever comes
 * first. What is due is decided by the TSC alone, so an interrupt too many does no harm, and ticks stay on
 * their grid however late they are served. */
#include "drivers/clock.h"
#include "arch/x86/io.h"
#include "arch/x86/trap.h"
#include "drivers/pic.h"
#include "lib/panic.h"

enum { PIT_HZ = 1193182, PIT_IRQ = 0 };
enum { PIT_CHANNEL0 = 0x40, PIT_CHANNEL2 = 0x42, PIT_COMMAND = 0x43 };
/* low byte, then high byte; modes 0, 2, 0 */
enum { CHANNEL2_ONE_SHOT = 0xb0, CHANNEL0_RATE = 0x34, CHANNEL0_ONE_SHOT = 0x30 };
enum { SECOND_US = 1000000, TICK_US = SECOND_US / CLOCK_HZ };
enum { PORT_B = 0x61, PORT_B_GATE2 = 1, PORT_B_SPEAKER = 2, PORT_B_OUT2 = 32 };
enum { CALIBRATION_COUNT = PIT_HZ / 3000, CALIBRATION_ROUNDS = 4 }; /* 1/3 ms each */
enum { POLL_LIMIT = 1000000, DEFAULT_KHZ = 1000000 };

static uint64_t boot_tsc;
static uint32_t tsc_khz;
static uint32_t nanos_factor;  /* nanoseconds per tick, 8.24 fixed point */
static uint32_t micros_factor; /* microseconds per tick, 0.32 fixed point */
static void (*tick_handler)(void);
static struct list_node timers = {&timers, &timers}; /* started ones, the next to fire first */
static bool one_shot;                                /* channel 0's mode */
static uint64_t next_tick;                           /* microseconds since boot, while one_shot */
static bool serving; /* in the interrupt, which programs channel 0 when all is done */

/* TSC ticks that pass while channel 2 counts down; UINT64_MAX if it never does. */
static uint64_t measure(void)
{
    outb(PORT_B, (uint8_t)((inb(PORT_B) & ~PORT_B_SPEAKER) | PORT_B_GATE2));
    outb(PIT_COMMAND, CHANNEL2_ONE_SHOT);
    outb(PIT_CHANNEL2, CALIBRATION_COUNT & 0xff);
    uint64_t start = rdtsc(); /* before the count that starts it, so that no delay can shorten the round */
    outb(PIT_CHANNEL2, CALIBRATION_COUNT >> 8);
    uint32_t polls = 0;
    while (!(inb(PORT_B) & PORT_B_OUT2) && polls < POLL_LIMIT)
        polls++;
    return polls == POLL_LIMIT ? UINT64_MAX : rdtsc() - start;
}

/* An emulator that loses the CPU in the middle of a round makes it too long, never too short: the shortest
 * of a few is right. */
static uint32_t calibrate(void)
{
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < CALIBRATION_ROUNDS; i++) {
        uint64_t ticks = measure();
        best = MIN(best, ticks);
    }
    if (best < CALIBRATION_COUNT || best > UINT32_MAX)
        return DEFAULT_KHZ; /* no timer that counts: any time is better than none */
    return (uint32_t)(best * PIT_HZ / CALIBRATION_COUNT / 1000);
}

/* (ticks * factor) >> shift without losing the high bits of a 64-bit span. */
static uint64_t scale(uint64_t ticks, uint32_t factor, unsigned shift)
{
    uint64_t high = (ticks >> 32) * factor, low = (ticks & UINT32_MAX) * factor;
    return (high << (32 - shift)) + (low >> shift);
}

void clock_init(void)
{
    tsc_khz = calibrate();
    nanos_factor = (uint32_t)((1000000ull << 24) / tsc_khz);
    micros_factor = (uint32_t)((1000ull << 32) / tsc_khz);
    boot_tsc = rdtsc();
}

uint32_t clock_khz(void)
{
    return tsc_khz;
}

uint64_t clock_nanos(void)
{
    return scale(rdtsc() - boot_tsc, nanos_factor, 24);
}

uint64_t clock_micros(void)
{
    return scale(rdtsc() - boot_tsc, micros_factor, 32);
}

uint32_t clock_ticks_to_micros(uint64_t ticks)
{
    return (uint32_t)scale(ticks, micros_factor, 32);
}

uint64_t clock_boot_tsc(void)
{
    return boot_tsc;
}

bool clock_ticking(void)
{
    return tick_handler != NULL;
}

static void load_channel0(uint8_t mode, uint32_t count)
{
    outb(PIT_COMMAND, mode);
    outb(PIT_CHANNEL0, count & 0xff);
    outb(PIT_CHANNEL0, (uint8_t)(count >> 8));
}

static struct timer *first_timer(void)
{
    return container_of(timers.next, struct timer, link);
}

/* The count always fits: a tick is never further away than TICK_US. */
static void program_next(void)
{
    uint64_t next = next_tick, now = clock_micros();
    if (!list_empty(&timers))
        next = MIN(next, first_timer()->due_us);
    uint64_t wait = next > now ? next - now : 0;
    load_channel0(CHANNEL0_ONE_SHOT, (uint32_t)(wait * PIT_HZ / SECOND_US) + 1);
}

static void serve(uint64_t now)
{
    while (!list_empty(&timers) && first_timer()->due_us <= now) {
        struct timer *t = first_timer();
        timer_cancel(t);
        t->fire(t);
    }
    if (next_tick <= now) {
        next_tick += (now - next_tick) / TICK_US * TICK_US + TICK_US;
        tick_handler();
    }
}

static void pit_interrupt(void)
{
    cpu_align_tsc(); /* a wake-up from cpu_idle may be late by two ticks: the same run shall give the same log
                      */
    if (!one_shot) {
        tick_handler();
        return;
    }
    serving = true;
    serve(clock_micros());
    serving = false;
    program_next();
}

void timer_start(struct timer *t, uint64_t due_us)
{
    ASSERT(clock_ticking(), "timer %p: started before the clock ticks", (void *)t);
    timer_cancel(t);
    t->due_us = due_us;
    t->started = true;
    struct list_node *after = timers.prev;
    while (after != &timers && container_of(after, struct timer, link)->due_us > due_us)
        after = after->prev;
    list_insert_between(&t->link, after, after->next);
    if (!one_shot) {
        one_shot = true;
        next_tick = clock_micros() + TICK_US;
    } else if (serving || t != first_timer()) {
        return;
    }
    program_next();
}

void timer_cancel(struct timer *t)
{
    if (t->started)
        list_remove(&t->link);
    t->started = false;
}

void clock_set_tick_handler(void (*tick)(void))
{
    tick_handler = tick;
    load_channel0(CHANNEL0_RATE, (PIT_HZ + CLOCK_HZ / 2) / CLOCK_HZ);
    irq_set_handler(PIT_IRQ, pit_interrupt);
    pic_unmask(PIT_IRQ);
}
