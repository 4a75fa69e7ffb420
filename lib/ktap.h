/* SPDX-License-Identifier: MIT
 * In-kernel tests that report in KTAP, version 1 (Linux Documentation/dev-tools/ktap.rst). A test enters
 * itself into a linker set; kernel/ktest.c runs them all. */
#ifndef LIB_KTAP_H
#define LIB_KTAP_H

#include "lib/print.h"

struct ktest_run;

struct ktest {
    const char *name;
    void (*run)(struct ktest_run *t);
};

/* State of the test that runs: EXPECT counts failures here and says where. */
struct ktest_run {
    struct printer *out;
    int failures;
};

#define KTEST(name, fn)                                                                          \
    static const struct ktest *const ktest_##fn LINKER_SET_ENTRY(ktests) = &(const struct ktest) \
    {                                                                                            \
        name, fn                                                                                 \
    }

LINKER_SET_DECLARE(const struct ktest *const, ktests);

#define EXPECT(t, cond)                                                           \
    do {                                                                          \
        if (!(cond)) {                                                            \
            (t)->failures++;                                                      \
            print((t)->out, "# %s:%d: expected %s\n", __FILE__, __LINE__, #cond); \
        }                                                                         \
    } while (0)

#define EXPECT_EQ(t, a, b)                                                                           \
    do {                                                                                             \
        unsigned long long a_ = (unsigned long long)(a), b_ = (unsigned long long)(b);               \
        if (a_ != b_) {                                                                              \
            (t)->failures++;                                                                         \
            print((t)->out, "# %s:%d: %s is %llu, expected %llu\n", __FILE__, __LINE__, #a, a_, b_); \
        }                                                                                            \
    } while (0)

#endif
