/* SPDX-License-Identifier: MIT
 * What the system calls on names share: a path that a program named. */
#ifndef KERNEL_SYS_PATH_H
#define KERNEL_SYS_PATH_H

#include "kernel/path.h"

enum { AT_FDCWD = -100, AT_SYMLINK_NOFOLLOW = 0x100 };

struct user_path {
    char *text;      /* of at most PATH_MAX bytes, on the heap */
    struct dir from; /* where it starts, if it does not start with a slash */
};

/* Fetches a path that starts at descriptor `at` (or AT_FDCWD). May sleep. => 0, and the caller puts p; or
 * -EFAULT, -ENAMETOOLONG, -ENOENT (empty), -EBADF, -ENOTDIR, -ENOMEM: nothing to put */
int32_t user_path_get(struct user_path *p, int32_t at, vaddr_t path, bool may_be_empty) MUST_CHECK;
void user_path_put(struct user_path *p);

/* Fetches a path, walks it, and does what is to be done where it leads; `what` does not sleep.
 * => what `what` returns, or why the path leads nowhere */
int32_t user_path_do(int32_t at, vaddr_t path, int32_t (*what)(const struct place *)) MUST_CHECK;

#endif
