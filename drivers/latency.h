/* SPDX-License-Identifier: MIT
 * A disk that takes its time: wraps another one and makes every request wait as a disk with one head would,
 * so that overlap of computing and I/O, queues and thrashing can be seen. Under -icount each run takes the
 * same time to the microsecond. */
#ifndef DRIVERS_LATENCY_H
#define DRIVERS_LATENCY_H

#include "lib/blkdev.h"

/* A disk over `inner` that serves one request after the other, in order of arrival. One page takes `micros`
 * (from 1 on), each further page of the same request a fiftieth of that. A caller that is a process sleeps
 * until its request has been served; before the clock ticks, requests take no time. There is one. */
struct blkdev *latency_wrap(struct blkdev *inner, uint32_t micros);

/* Another time for requests from here on, 0 or more. => false: latency_wrap was not called */
bool latency_set(uint32_t micros) MUST_CHECK;
uint32_t latency_micros(void);

#endif
