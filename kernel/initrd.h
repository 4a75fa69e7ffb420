/* SPDX-License-Identifier: MIT
 * The initial RAM disk: a ustar archive that the loader left in memory. Files are used in place. */
#ifndef KERNEL_INITRD_H
#define KERNEL_INITRD_H

#include "lib/print.h"

struct file {
    const char *name; /* as in the archive: bin/matmul */
    const void *data;
    uint32_t size; /* bytes */
};

/* Reads the archive's directory. => false after saying what is wrong; then no file is known. */
bool initrd_init(const void *data, uint32_t size, struct printer *out);

/* => NULL if there is none of this name. */
const struct file *initrd_find(const char *name);

/* "bin/NAME" for a program's short name. */
const struct file *initrd_program(const char *name);

/* The programs' short names, for people. */
void initrd_list(struct printer *out);

#endif
