/* SPDX-License-Identifier: MIT
 * Who plays a trace: an allocator, and how to see what it holds. Each program of the comparison links one. */
#ifndef TOOLS_MALLOC_CONTESTANT_H
#define TOOLS_MALLOC_CONTESTANT_H

#include "lib/types.h"

struct contestant {
    void (*start)(uint64_t peak_live); /* before anything is allocated; NULL: nothing to do */
    void *(*malloc)(size_t bytes);
    void *(*realloc)(void *p, size_t bytes);
    void (*free)(void *p);
    uint64_t (*held)(void); /* bytes that it has from the system; NULL: the kernel knows */
    bool (*check)(void);    /* is all well with it? NULL: it cannot tell */
};

extern const struct contestant contestant;

#endif
