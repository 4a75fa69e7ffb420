/* SPDX-License-Identifier: MIT
 * Running programs from the monitor: several at once, waiting for them, and the summary. */
#ifndef KERNEL_RUN_H
#define KERNEL_RUN_H

#include "mm/pool.h"

enum { RUN_MAX = 64 }; /* programs in one run command */

/* Starts every program of argv (separated by "&") and waits for all: in main_pool, or each in a pool of its
 * own as `local` says, if it is not NULL (its name is not looked at). With `summary`, prints the table and
 * the summary line. => 0 if every one exited with status 0. A trailing "&" does not wait. */
int run_programs(int argc, char **argv, const struct pool_config *local, bool summary, struct printer *out);

#endif
