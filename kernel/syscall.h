/* SPDX-License-Identifier: MIT
 * System calls: Linux i386's numbers, arguments and error values. */
#ifndef KERNEL_SYSCALL_H
#define KERNEL_SYSCALL_H

#include "arch/x86/trap.h"

/* Does the call in tf (EAX; arguments in EBX ECX EDX ESI EDI EBP) and leaves the result in EAX. */
void syscall_dispatch(struct trapframe *tf);

/* Handlers that are not in syscall.c. => the result or a negative errno */
/* kernel/sys_file.c */
int32_t sys_read(struct trapframe *tf);
int32_t sys_write(struct trapframe *tf);
int32_t sys_pread64(struct trapframe *tf);
int32_t sys_pwrite64(struct trapframe *tf);
int32_t sys_readv(struct trapframe *tf);
int32_t sys_writev(struct trapframe *tf);
int32_t sys_preadv(struct trapframe *tf);
int32_t sys_pwritev(struct trapframe *tf);
int32_t sys_lseek(struct trapframe *tf);
int32_t sys_llseek(struct trapframe *tf);
int32_t sys_ftruncate(struct trapframe *tf);
int32_t sys_ftruncate64(struct trapframe *tf);
int32_t sys_fsync(struct trapframe *tf);
int32_t sys_close(struct trapframe *tf);
int32_t sys_dup(struct trapframe *tf);
int32_t sys_dup2(struct trapframe *tf);
int32_t sys_dup3(struct trapframe *tf);
int32_t sys_fcntl64(struct trapframe *tf);
int32_t sys_ioctl(struct trapframe *tf);
int32_t sys_pipe(struct trapframe *tf);
int32_t sys_pipe2(struct trapframe *tf);
int32_t sys_umask(struct trapframe *tf);

/* kernel/sys_path.c */
int32_t sys_open(struct trapframe *tf);
int32_t sys_openat(struct trapframe *tf);
int32_t sys_creat(struct trapframe *tf);
int32_t sys_rename(struct trapframe *tf);
int32_t sys_renameat(struct trapframe *tf);
int32_t sys_renameat2(struct trapframe *tf);
int32_t sys_unlink(struct trapframe *tf);
int32_t sys_unlinkat(struct trapframe *tf);
int32_t sys_rmdir(struct trapframe *tf);
int32_t sys_mkdir(struct trapframe *tf);
int32_t sys_mkdirat(struct trapframe *tf);
int32_t sys_readlink(struct trapframe *tf);
int32_t sys_readlinkat(struct trapframe *tf);
int32_t sys_access(struct trapframe *tf);
int32_t sys_faccessat(struct trapframe *tf);
int32_t sys_faccessat2(struct trapframe *tf);
int32_t sys_truncate(struct trapframe *tf);
int32_t sys_truncate64(struct trapframe *tf);

/* kernel/sys_dir.c */
int32_t sys_chdir(struct trapframe *tf);
int32_t sys_fchdir(struct trapframe *tf);
int32_t sys_getcwd(struct trapframe *tf);
int32_t sys_getdents64(struct trapframe *tf);

/* kernel/sys_stat.c */
int32_t sys_stat64(struct trapframe *tf);
int32_t sys_fstat64(struct trapframe *tf);
int32_t sys_fstatat64(struct trapframe *tf);
int32_t sys_statx(struct trapframe *tf);
int32_t sys_chmod(struct trapframe *tf);
int32_t sys_fchmodat(struct trapframe *tf);
int32_t sys_fchmod(struct trapframe *tf);

#endif
