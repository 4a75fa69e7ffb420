/* SPDX-License-Identifier: MIT
 * What the fuzzers share: bytes become operations. A target plays them against the real code and against a
 * simple model, on the bare machine; a difference is a panic, which libFuzzer reports with the input. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include "lib/panic.h"
#include "tools/alloc/bare.h"

enum { FUZZ_CHECK_EVERY = 64 }; /* operations between two of the module's own checks */

struct fuzz_input {
    const uint8_t *at, *end;
};

/* The next byte; 0 when there is none left. */
static inline uint32_t fuzz_byte(struct fuzz_input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

/* A number below n, n > 0, from as many bytes as n needs. */
static inline uint32_t fuzz_below(struct fuzz_input *in, uint32_t n)
{
    uint32_t x = fuzz_byte(in);
    for (uint64_t reach = 256; reach < n; reach <<= 8)
        x = x << 8 | fuzz_byte(in);
    return x % n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
