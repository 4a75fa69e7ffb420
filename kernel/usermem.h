/* SPDX-License-Identifier: MIT
 * The current process's memory, as system calls reach it: copies, strings, and the buffers of read and
 * write. All of it may evict and sleep. */
#ifndef KERNEL_USERMEM_H
#define KERNEL_USERMEM_H

#include "mm/types.h"

/* The errno that says what went wrong in mm/. => 0 or negative */
int32_t error_of(enum vm_result r);

/* => 0, or a negative errno: -EFAULT for a bad address; what lies before it was copied. */
int32_t copy_in(void *to, vaddr_t from, uint32_t n) MUST_CHECK;
int32_t copy_out(vaddr_t to, const void *from, uint32_t n) MUST_CHECK;

/* A string of at most size - 1 characters. => its length, -EFAULT, or -ENAMETOOLONG. */
int32_t copy_in_string(char *to, vaddr_t from, uint32_t size) MUST_CHECK;

/* Linux's struct iovec. */
struct io_part {
    vaddr_t base;
    uint32_t length; /* bytes */
};

enum {
    IO_PARTS_MAX = 1024, /* Linux's UIO_MAXIOV */
    IO_MAX = 0x7ffff000, /* most bytes that one call moves, as on Linux */
    IO_CHUNK = 512,      /* bytes of a kernel buffer between the program and a file */
};

/* A range that ends above this is refused as a whole: the end of the user addresses on Linux i386. */
#define IO_END ((vaddr_t)0xc0000000)

/* What is left to do of one read or write. */
struct user_io {
    const struct io_part *part; /* the current one */
    uint32_t offset;            /* done of it, bytes */
    uint32_t left;              /* in all parts, bytes */
};

/* Starts a transfer over `count` parts. => 0, or -EFAULT for a range that ends above IO_END. */
int32_t io_start(struct user_io *io, const struct io_part *parts, uint32_t count) MUST_CHECK;

/* Move n bytes, at most io->left, from the program or to it. => the number moved, less than n only before a
 * bad address; a negative errno if that is none. */
int32_t io_take(struct user_io *io, void *to, uint32_t n) MUST_CHECK;
int32_t io_put(struct user_io *io, const void *from, uint32_t n) MUST_CHECK;

#endif
