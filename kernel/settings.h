/* SPDX-License-Identifier: MIT
 * The command line's keys while the system runs. */
#ifndef KERNEL_SETTINGS_H
#define KERNEL_SETTINGS_H

#include "lib/print.h"

/* What differs from the defaults, now or as it was at boot, as lines of a script: set KEY VALUE; what only
 * the command line can say, as comments. */
void settings_save(bool now, struct printer *out);

#endif
