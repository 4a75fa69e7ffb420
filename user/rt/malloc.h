/* SPDX-License-Identifier: MIT
 * C's names for the heap. */
#ifndef USER_RT_MALLOC_H
#define USER_RT_MALLOC_H

#include "lib/types.h"

void *malloc(size_t bytes);
void *calloc(size_t n, size_t bytes);
void *realloc(void *p, size_t bytes);
void free(void *p);
size_t malloc_usable_size(void *p);

#endif
