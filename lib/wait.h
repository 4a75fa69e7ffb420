/* SPDX-License-Identifier: MIT
 * Waiting, for code below the scheduler: drivers and mm. Declared low, defined high: kernel/proc.c in the
 * kernel, tests/host on the host. */
#ifndef LIB_WAIT_H
#define LIB_WAIT_H

/* The current process sleeps until wake_all(channel); others run. A channel is any address. It may return
 * early: check again what was waited for. => not from an interrupt handler. */
void wait_on(const void *channel);

/* Makes every sleeper on the channel ready. May be called from an interrupt handler. */
void wake_all(const void *channel);

#endif
