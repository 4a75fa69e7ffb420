/* SPDX-License-Identifier: MIT
 * Parents and children: what happens to both when a process ends, and waiting for one that has. */
#ifndef KERNEL_FAMILY_H
#define KERNEL_FAMILY_H

#include "kernel/proc.h"

/* p, a zombie now, has no more memory: its children become orphans, its parent hears of it. */
void family_leave(struct proc *p);

/* p, a vfork child, does not use its parent's memory any more: the parent goes on. */
void family_release(struct proc *p);

/* What is waited for: any child (-1), one of the caller's group (0), one pid, or a group (negative pid). */
enum wait_option { WAIT_NOHANG = 1, WAIT_KEEP = 0x01000000 };

/* What a child that ended leaves behind. */
struct ended {
    uint32_t pid; /* 0: none has ended, and WAIT_NOHANG was given */
    int status, signal;
    struct usage usage; /* its own and that of the children it waited for */
};

/* Waits for a child to end and frees it, unless WAIT_KEEP. => 0, -ECHILD, or -ERESTARTSYS when a signal
 * came first. */
int32_t family_wait(int32_t which, uint32_t options, struct ended *out);

/* Adds b to a. */
void usage_add(struct usage *a, const struct usage *b);

#endif
