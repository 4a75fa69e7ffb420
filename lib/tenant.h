/* SPDX-License-Identifier: MIT
 * What a program that lives in a contiguous partition (user/tenant.c) and the kernel's `contig` command tell
 * each other, through one page that both see. */
#ifndef LIB_TENANT_H
#define LIB_TENANT_H

#include "lib/types.h"

#define TENANT_PARTITION 0x50000000u /* where the partition is mapped */
#define TENANT_NOTE      0x4f000000u /* where the note is */

/* Bytes of the partition, end exclusive. Empty if both are 0. */
struct tenant_range {
    uint32_t start, end;
};

struct tenant_note {
    struct tenant_range theirs;       /* the kernel's: written by the user, not part of the pattern */
    uint32_t leave;                   /* the kernel's: not 0: end, please */
    struct tenant_range acknowledged; /* the program's: `theirs` as it respects it from here on */
    uint32_t passes;                  /* the program's: how often it has gone through all of its pattern, */
    uint32_t mismatches;              /* words that were not what it had written, */
    uint32_t first_bad;               /* and the offset of the first of them */
};

#endif
