/* SPDX-License-Identifier: MIT
 * Several processes on the one CPU of the fake machine. Each fiber runs until it waits (wait_on), yields,
 * or ends; then another one goes on. While fibers_run runs, it is what wait_on and
 * wake_all mean; without it a wait panics. */
#ifndef TESTS_HOST_FIBER_H
#define TESTS_HOST_FIBER_H

#include "lib/types.h"

enum { FIBERS_MAX = 16 };

/* A fiber that will run f(arg). More than FIBERS_MAX at once panic. */
void fiber_start(void (*f)(void *arg), void *arg);

/* The same for one that may wait for ever. */
void fiber_start_daemon(void (*f)(void *arg), void *arg);

/* Runs all fibers, those that others start included, until only daemons are left, which are dropped. seed 0:
 * each in turn; else a random one at each switch. Panics if all wait, or all but daemons for long. */
void fibers_run(uint32_t seed);

/* Lets others run. Does nothing outside fibers. */
void fiber_yield(void);

#endif
