/* SPDX-License-Identifier: MIT
 * What the parts of filecheck share. */
#ifndef USER_GLIBC_FILECHECK_FILECHECK_H
#define USER_GLIBC_FILECHECK_FILECHECK_H

enum { PAGE = 4096 };

/* One check: what was done, and what came of it. */
void show(const char *what, long long result);

#define CHECK(call) show(#call, (long long)(call))

/* /proc, where root and others get the same answers on Linux; `path` is for a file in /tmp. */
void check_proc(const char *path);

/* What it answers who wants to write: here as Linux answers others than root. */
void check_proc_writing(void);

#endif
