/* SPDX-License-Identifier: MIT
 * Programs that live in contiguous partitions: each is user/tenant.c, in a process of its own, with the
 * partition mapped, and a page through which it tells how it fares (lib/tenant.h). The partition lives as
 * long as the process. */
#ifndef KERNEL_TENANT_H
#define KERNEL_TENANT_H

#include "kernel/proc.h"
#include "lib/tenant.h"
#include "mm/contig.h"

/* A process for the new partition `o` of `bytes`, whose reference it takes. => false after saying why not:
 * the partition is gone then. */
bool tenant_start(const char *name, struct object *o, uint32_t bytes, struct printer *out);

/* What it says of itself. => false if there is no such tenant (any more). */
bool tenant_note(const char *name, struct tenant_note *note, uint32_t *pid);

/* Tells it that [start, end) of its partition is the user's, and sleeps until it respects that. => false if
 * it does not within a second. */
bool tenant_give_way(const char *name, struct tenant_range range);

/* Ends it, and with it the partition. Sleeps until it is gone. *last is what it said last. => false if there
 * is none
 */
bool tenant_end(const char *name, struct tenant_note *last);

#endif
