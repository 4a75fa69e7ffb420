/* SPDX-License-Identifier: MIT
 * LZ4 blocks, written from the format's description (lz4_Block_format.md in github.com/lz4/lz4), so that
 * liblz4 reads what we write and we read what it writes. No frames, no checksums, no allocation. */
#ifndef LIB_LZ4_H
#define LIB_LZ4_H

#include "lib/types.h"

enum {
    LZ4_HASH_BITS = 12,
    LZ4_MAX_INPUT = UINT16_MAX, /* bytes that the compressor takes at once */
};

/* Where the compressor last saw four bytes, by their hash. Starts as zeros; may serve any number of inputs,
 * one after the other: positions are counted on from one input to the next, so that the table must be
 * cleared only when they reach 65536. What comes out does not depend on earlier inputs. */
struct lz4_table {
    uint32_t next; /* position of the next input's first byte; 0: the table was never used */
    uint16_t seen[1 << LZ4_HASH_BITS];
};

/* Compresses n <= LZ4_MAX_INPUT bytes. What lies in dst beyond the result, up to `room`, may be
 * overwritten. => bytes written, or 0 if the result does not fit or n is too large. */
uint32_t lz4_compress(struct lz4_table *table, const void *src, uint32_t n, void *dst,
                      uint32_t room) MUST_CHECK;

/* => bytes written to dst, or -EINVAL if src is no LZ4 block or its content does not fit. Reads and writes
 * within the given bounds whatever src holds; what lies in dst beyond the result may be overwritten. */
int lz4_decompress(const void *src, uint32_t n, void *dst, uint32_t room) MUST_CHECK;

#endif
