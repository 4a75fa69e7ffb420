/* SPDX-License-Identifier: MIT
 * The words that a new program starts with, argument and environment strings, on their way from one
 * address space to another. Held in wired pages, one at a time, so that no large block is needed. */
#ifndef KERNEL_ARGS_H
#define KERNEL_ARGS_H

#include "mm/space.h"

/* All strings and the table of pointers to them: Linux's smallest limit (POSIX ARG_MAX there). */
enum { ARG_PAGES = 32, ARG_BYTES = ARG_PAGES * PAGE_SIZE };

struct args {
    uint32_t argc, envc;
    uint32_t bytes; /* of the strings, each with its NUL: first the arguments, then the environment */
    char *page[ARG_PAGES];
};

/* => a holds nothing. */
void args_init(struct args *a);
void args_free(struct args *a);

/* Adds the kernel's argv. => 0, -E2BIG or -ENOMEM. */
int32_t args_add(struct args *a, int argc, char **argv) MUST_CHECK;

/* Adds a user's NULL-terminated vectors; a null vector counts as empty. May evict and sleep.
 * => 0, -E2BIG, -ENOMEM, or -EFAULT. */
int32_t args_add_user(struct args *a, struct space *s, vaddr_t argv, vaddr_t envp) MUST_CHECK;

/* Lays strings, pointers and argc out below `top`, as a program finds them: argc, argv[], NULL, envp[],
 * NULL, then `aux`, its bytes as they are. *sp becomes the address of argc, a multiple of 16. */
enum vm_result args_push(const struct args *a, struct space *s, vaddr_t top, const void *aux,
                         uint32_t aux_bytes, vaddr_t *sp) MUST_CHECK;

#endif
