/* SPDX-License-Identifier: MIT
 * Keeping the VGA screen up to date, with a status line at its bottom. */
#ifndef KERNEL_STATUS_H
#define KERNEL_STATUS_H

/* Called at every clock tick; redraws a few times a second. */
void status_tick(void);

#endif
