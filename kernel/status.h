/* SPDX-License-Identifier: MIT
 * The status line at the bottom of the VGA screen. */
#ifndef KERNEL_STATUS_H
#define KERNEL_STATUS_H

/* Called at every clock tick; redraws a few times a second. */
void status_tick(void);

#endif
