/* SPDX-License-Identifier: MIT
 * Keeping the VGA screen up to date, with a status line at its bottom. */
#ifndef KERNEL_STATUS_H
#define KERNEL_STATUS_H

#include "lib/types.h"

/* What the status line says. */
void status_text(char *text, size_t size);

/* Called at every clock tick; redraws a few times a second. */
void status_tick(void);

#endif
