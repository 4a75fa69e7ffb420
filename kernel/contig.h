/* SPDX-License-Identifier: MIT
 * What the parts of the `contig` command share. */
#ifndef KERNEL_CONTIG_H
#define KERNEL_CONTIG_H

#include "lib/print.h"
#include "mm/contig.h"

enum { KIB = 1024, PAGE_KIB = PAGE_SIZE / KIB };

/* What an allocation does that fails for fragmentation only. */
extern struct contig_automatic {
    bool compacts;
    uint32_t budget; /* frames a step; UINT32_MAX: all at once */
} contig_automatic;

/* One line, after the command's name. => 1, for the command to return */
int contig_complain(struct printer *out, const char *fmt, ...) PRINTF_LIKE(2);

/* => true after saying so */
bool contig_missing(struct printer *out);

int contig_status(int argc, char **argv, struct printer *out);

#endif
