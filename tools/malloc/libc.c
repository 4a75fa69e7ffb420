/* SPDX-License-Identifier: MIT
 * The contestant that is malloc: glibc's, or what LD_PRELOAD puts in its place. */
#include "tools/malloc/contestant.h"
#include <stdlib.h>

const struct contestant contestant = {.malloc = malloc, .realloc = realloc, .free = free};
