/* SPDX-License-Identifier: MIT
 * Time: a 100 Hz tick from the PIT, and microseconds from the TSC, calibrated against the PIT. */
#ifndef DRIVERS_CLOCK_H
#define DRIVERS_CLOCK_H

#include "lib/types.h"

enum { CLOCK_HZ = 100 };

/* Calibrates the TSC (over 1 ms) and makes time start at 0. Ticks start with clock_set_tick_handler. */
void clock_init(void);
void clock_set_tick_handler(void (*tick)(void));

uint32_t clock_khz(void);    /* of the TSC */
uint64_t clock_micros(void); /* since boot */
uint64_t clock_nanos(void);  /* since boot */

/* A span of TSC ticks in microseconds; spans up to an hour. */
uint32_t clock_ticks_to_micros(uint64_t ticks);

#endif
