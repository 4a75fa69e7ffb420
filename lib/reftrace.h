/* SPDX-License-Identifier: MIT
 * A page-reference trace as the kernel takes it, a multiboot module: written by the simulator's `convert`,
 * executed by the program `replay`. Little endian, no padding:
 *
 *   struct reftrace                                      the header
 *   count words     page << 1 | written                  the references, in order
 *   count words     number of the next reference to the same page, or REFTRACE_NEVER, if REFTRACE_NEXT
 *
 * Pages are numbered from 0 in the order of their first reference. References to one page in a row are one
 * entry, written if any of them was: no MMU can tell them apart. */
#ifndef LIB_REFTRACE_H
#define LIB_REFTRACE_H

#include "lib/types.h"

#define REFTRACE_MAGIC 0x31544c46u /* "FLT1" */
#define REFTRACE_NEVER UINT32_MAX

/* Flags. A raw trace is what the kernel recorded, before the simulator's `convert`: any page numbers, no
 * table of next references, unique = 0. */
enum { REFTRACE_NEXT = 1, REFTRACE_RAW = 2 };

struct reftrace {
    uint32_t magic;
    uint32_t flags;
    uint32_t refs;   /* references before those in a row were joined */
    uint32_t count;  /* entries */
    uint32_t unique; /* pages */
    char name[44];   /* of the trace, ends with a zero */
};

#endif
