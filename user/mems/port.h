/* SPDX-License-Identifier: MIT
 * What MeMS wants of the system below: memory by the page, and its own page table. In ring 3, here and on
 * Linux, that is port.c; the host tests have another, over a C library. */
#ifndef USER_MEMS_PORT_H
#define USER_MEMS_PORT_H

#include "lib/types.h"

/* Whole pages that read as zero. => NULL: no memory */
void *port_map(size_t bytes);
void port_unmap(void *at, size_t bytes);

/* Entries of /proc/self/pagemap for n pages from `at` on. => how many there are: 0 where it cannot be read */
size_t port_pagemap(const void *at, uint64_t *entries, size_t n);

#endif
