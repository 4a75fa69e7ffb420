/* SPDX-License-Identifier: MIT
 * The parts of the bench command. */
#ifndef KERNEL_BENCH_H
#define KERNEL_BENCH_H

#include "lib/print.h"

void bench_sort(uint32_t *v, uint32_t n); /* few */

/* `bench alloc [LIVE...]`: argv[0] is "alloc". => as a command */
int bench_alloc(int argc, char **argv, struct printer *out);

#endif
