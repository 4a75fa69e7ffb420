/* SPDX-License-Identifier: MIT
 * Running programs from the monitor: several at once, waiting for them, and the summary. */
#ifndef KERNEL_RUN_H
#define KERNEL_RUN_H

#include "mm/pool.h"

enum { RUN_MAX = 64 }; /* programs in one run command */

struct run_options {
    const struct pool_config
        *local;      /* each in a pool of its own like this (but its name); NULL: in main_pool */
    uint32_t always; /* flags that all their regions get */
    bool summary;    /* print the table and the summary line */
};

/* Starts every program of argv (separated by "&") and waits for all. => 0 if every one exited with status 0.
 * A trailing "&" does not wait. */
int run_programs(int argc, char **argv, const struct run_options *o, struct printer *out);

/* The same in exact mode; the references are recorded, but not of programs that run in the background. In
 * exact.c. */
int run_exact(int argc, char **argv, const struct run_options *o, struct printer *out);

#endif
