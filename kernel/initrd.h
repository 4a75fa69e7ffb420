/* SPDX-License-Identifier: MIT
 * The initial RAM disk: a ustar archive that the loader left in memory. Files are used in place. */
#ifndef KERNEL_INITRD_H
#define KERNEL_INITRD_H

#include "lib/print.h"
#include "mm/source.h"

struct file {
    const char *name; /* as in the archive: bin/matmul */
    const void *data;
    uint32_t size; /* bytes */
};

/* Reads the archive's directory. => false after saying what is wrong; then no file is known. */
bool initrd_init(const void *data, uint32_t size, struct printer *out);

/* One more file, with a name and bytes that stay. => false if there are too many. */
bool initrd_add(const char *name, const void *data, uint32_t size) MUST_CHECK;

/* => NULL if there is none of this name. */
const struct file *initrd_find(const char *name);

/* The file as a memory object, the same for all who use it at one time, so that they share its pages. => a
 * reference, NULL when memory is short. Its pages are gone with the last reference. */
struct object *initrd_object(const struct file *f) MUST_CHECK;

/* "bin/NAME" for a program's short name. */
const struct file *initrd_program(const char *name);

/* => the i-th file, in the archive's order; NULL beyond the last. */
const struct file *initrd_file(uint32_t i);
uint32_t initrd_index(const struct file *f);

/* The programs' short names, for people. */
void initrd_list(struct printer *out);

#endif
