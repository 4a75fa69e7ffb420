/* SPDX-License-Identifier: MIT
 * A figure that the kernel shows to a program in the program's own memory. Only `provoke use-after-evict`
 * starts it. */
#ifndef KERNEL_GAUGE_H
#define KERNEL_GAUGE_H

#include "lib/types.h"

/* From here on a program that swaps is shown how many major faults there were. => false: it cannot be, as
 * there is no ramdisk to swap to */
bool gauge_start(void) MUST_CHECK;

#endif
