/* SPDX-License-Identifier: MIT
 * Loading a static Linux i386 program into a new address space. Nothing is read yet: segments become
 * regions over the file, and pages come in when they are touched. */
#ifndef KERNEL_ELF_H
#define KERNEL_ELF_H

#include "kernel/args.h"
#include "kernel/initrd.h"
#include "mm/space.h"

struct program_start {
    vaddr_t entry, stack; /* first EIP and ESP */
};

/* => 0; or -ENOEXEC or -ENOMEM after saying what is wrong with the file, or what is short; then the caller
 * destroys the space. May evict and sleep. */
int32_t elf_load(const struct file *file, struct space *s, const struct args *args,
                 struct program_start *start, struct printer *out) MUST_CHECK;

#endif
