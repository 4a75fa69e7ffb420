/* SPDX-License-Identifier: MIT
 * The format of a malloc trace: what a real program asked of its allocator, in the order in which it asked.
 *
 * A file is a header and then records of 8 bytes, little endian, up to the end of the file or to the first
 * record that is 0: a program that was killed leaves zeros behind. Blocks are named by small numbers, which
 * are used again when a block has been freed, so that a player needs a table of as many pointers as the
 * program ever had blocks at once.
 *
 *   bits  0..31  size in bytes (of MALLOC, CALLOC, REALLOC; the new one); 4 GiB - 1 for anything larger
 *   bits 32..55  the block's number
 *   bits 56..58  what was asked
 *   bits 59..63  log2 of the alignment that was asked for; 0: none */
#ifndef TOOLS_MALLOC_TRACE_H
#define TOOLS_MALLOC_TRACE_H

#include "lib/types.h"

#define TRACE_MAGIC "FLMALLOC"

struct trace_header {
    char magic[8];
    uint32_t version, record_size; /* TRACE_VERSION, sizeof(trace_record) */
};

typedef uint64_t trace_record;

enum { TRACE_VERSION = 1, TRACE_MAX_IDS = 1 << 24 };

enum trace_op {
    TRACE_END,
    TRACE_MALLOC, /* also posix_memalign, aligned_alloc, memalign: with an alignment */
    TRACE_CALLOC,
    TRACE_REALLOC, /* of a block that there is; realloc(NULL, n) is a MALLOC, realloc(p, 0) a FREE */
    TRACE_FREE,    /* of a block that there is; free(NULL) is not recorded */
};

static inline trace_record trace_record_of(enum trace_op op, uint32_t id, uint32_t size, uint32_t log2_align)
{
    return (uint64_t)log2_align << 59 | (uint64_t)op << 56 | (uint64_t)id << 32 | size;
}

static inline enum trace_op trace_op(trace_record r)
{
    return (enum trace_op)(r >> 56 & 7);
}

static inline uint32_t trace_id(trace_record r)
{
    return (uint32_t)(r >> 32) & (TRACE_MAX_IDS - 1);
}

static inline uint32_t trace_size(trace_record r)
{
    return (uint32_t)r;
}

static inline uint32_t trace_log2_align(trace_record r)
{
    return (uint32_t)(r >> 59);
}

#endif
