/* SPDX-License-Identifier: MIT
 * The 8254 timer and the TSC. The TSC's frequency is not to be had from the CPU, so it is measured against
 * channel 2, whose gate and output are in port 0x61. Time is then ticks times a fixed-point factor: no
 * division when the clock is read. */
#include "drivers/clock.h"
#include "arch/x86/io.h"
#include "arch/x86/trap.h"
#include "drivers/pic.h"

enum { PIT_HZ = 1193182, PIT_IRQ = 0 };
enum { PIT_CHANNEL0 = 0x40, PIT_CHANNEL2 = 0x42, PIT_COMMAND = 0x43 };
enum { CHANNEL2_ONE_SHOT = 0xb0, CHANNEL0_RATE = 0x34 }; /* low byte, then high byte; mode 0, mode 2 */
enum { PORT_B = 0x61, PORT_B_GATE2 = 1, PORT_B_SPEAKER = 2, PORT_B_OUT2 = 32 };
enum { CALIBRATION_COUNT = PIT_HZ / 3000, CALIBRATION_ROUNDS = 4 }; /* 1/3 ms each */
enum { POLL_LIMIT = 1000000, DEFAULT_KHZ = 1000000 };

static uint64_t boot_tsc;
static uint32_t tsc_khz;
static uint32_t nanos_factor;  /* nanoseconds per tick, 8.24 fixed point */
static uint32_t micros_factor; /* microseconds per tick, 0.32 fixed point */
static void (*tick_handler)(void);

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

static void pit_interrupt(void)
{
    tick_handler();
}

void clock_set_tick_handler(void (*tick)(void))
{
    const uint32_t divisor = (PIT_HZ + CLOCK_HZ / 2) / CLOCK_HZ;
    tick_handler = tick;
    outb(PIT_COMMAND, CHANNEL0_RATE);
    outb(PIT_CHANNEL0, divisor & 0xff);
    outb(PIT_CHANNEL0, divisor >> 8);
    irq_set_handler(PIT_IRQ, pit_interrupt);
    pic_unmask(PIT_IRQ);
}
