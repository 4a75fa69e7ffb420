/* SPDX-License-Identifier: MIT
 * Error numbers, as Linux i386 has them. Returned negative. */
#ifndef LIB_ERRNO_H
#define LIB_ERRNO_H

enum errno_value {
    EPERM = 1,
    ENOENT = 2,
    ESRCH = 3,
    EINTR = 4,
    EIO = 5,
    ENXIO = 6,
    E2BIG = 7,
    ENOEXEC = 8,
    EBADF = 9,
    ECHILD = 10,
    EAGAIN = 11,
    ENOMEM = 12,
    EACCES = 13,
    EFAULT = 14,
    EBUSY = 16,
    EEXIST = 17,
    ENODEV = 19,
    EINVAL = 22,
    ENOTTY = 25,
    ENOSPC = 28,
    ESPIPE = 29,
    ENAMETOOLONG = 36,
    ENOSYS = 38,
    EOVERFLOW = 75,
    ERESTARTSYS = 512, /* inside the kernel: -EINTR, or the call again, as the signal's handler wants it */
};

#endif
