/* SPDX-License-Identifier: MIT
 * What a strategy must choose, by looking at every segment. */
#ifndef TESTS_HOST_FIT_MODEL_H
#define TESTS_HOST_FIT_MODEL_H

#include "lib/fit.h"

enum { FIT_NOWHERE = -1 };

struct fit_model {
    uintptr_t start, size;
    uint32_t stamp; /* when it came into the set: later is greater; 0 for all: not known */
};

/* => the index of the segment, FIT_NOWHERE if none fits; *at is where in it. Of instant fit without stamps:
 * whether `chosen` is one that it may choose, then chosen. */
int fit_model_pick(const struct fit *fit, const struct fit_model *segments, int count,
                   const struct fit_want *want, uintptr_t rover, int chosen, uintptr_t *at);

#endif
