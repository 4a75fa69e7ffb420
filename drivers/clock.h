/* SPDX-License-Identifier: MIT
 * Time: a 100 Hz tick from the PIT, one-shot timers, and microseconds from the TSC, calibrated against the
 * PIT. */
#ifndef DRIVERS_CLOCK_H
#define DRIVERS_CLOCK_H

#include "lib/list.h"

enum { CLOCK_HZ = 100 };

/* Calibrates the TSC (over 1 ms) and makes time start at 0. Ticks start with clock_set_tick_handler. */
void clock_init(void);
void clock_set_tick_handler(void (*tick)(void));

uint32_t clock_khz(void);      /* of the TSC */
uint64_t clock_boot_tsc(void); /* the TSC at time 0 */
uint64_t clock_micros(void);   /* since boot */
uint64_t clock_nanos(void);    /* since boot */

/* Something to be done at a certain time, once. Its owner sets `fire`, keeps the memory until it has fired or
 * was cancelled, and starts with everything else zero. */
struct timer {
    struct list_node link;
    uint64_t due_us; /* microseconds since boot */
    bool started;    /* and neither fired nor cancelled since */
    void (*fire)(struct timer *t);
};

/* Calls t->fire(t) from the clock interrupt at due_us (microseconds since boot) or as soon after it as
 * interrupts are on; timers that are due at the same time, in the order of their starts. A timer that was
 * started already gets the new time. `fire` may start timers, itself included, for a later time.
 * => interrupts off; ticks have started (clock_ticking). */
void timer_start(struct timer *t, uint64_t due_us);

/* It will not fire. Nothing happens if it has fired or was never started. => interrupts off */
void timer_cancel(struct timer *t);

/* Do ticks and timers come? Not before clock_set_tick_handler. */
bool clock_ticking(void);

/* A span of TSC ticks in microseconds; spans up to an hour. */
uint32_t clock_ticks_to_micros(uint64_t ticks);

#endif
