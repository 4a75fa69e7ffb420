/* SPDX-License-Identifier: MIT
 * mm-level: 8.3
 * Whole-system invariants. Slow (walks everything), changes nothing. */
#ifndef MM_CHECK_H
#define MM_CHECK_H

#include "lib/print.h"

/* => true if every invariant holds; else prints the first that does not, with its figures. Needs heap
 * for one word per swap slot; without it says so and returns false. */
bool vm_check(struct printer *out) MUST_CHECK;

#endif
