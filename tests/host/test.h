/* SPDX-License-Identifier: MIT
 * The harness of the host tests. TEST(name) { ... } registers itself; the body gets `t` for the EXPECT
 * macros of lib/ktap.h. Each test runs in a process of its own on a machine of its own, and passes only if
 * it also leaves every invariant whole, no frame or slot missing, no pool or space behind and no TLB entry
 * stale. */
#ifndef TESTS_HOST_TEST_H
#define TESTS_HOST_TEST_H

#include "lib/ktap.h"
#include "mm/reclaim.h"
#include "tests/host/machine.h"

#define TEST(name)                         \
    static void name(struct ktest_run *t); \
    KTEST(#name, name);                    \
    static void name(struct ktest_run *t)

/* The machine that every test starts with; a test may call machine_build for another one. */
enum { TEST_FRAMES = 512, TEST_RESERVE = 16, TEST_SLOTS = 256 };

/* The statement must panic, and the message must contain `text`. It runs in a copy of the process, so that
 * nothing it breaks is broken here. */
#define EXPECT_PANIC(t, text, statement)          \
    do {                                          \
        if (panic_wanted()) {                     \
            statement;                            \
            panic_missed();                       \
        }                                         \
        panic_judge(t, text, __FILE__, __LINE__); \
    } while (0)

bool panic_wanted(void); /* => true in the copy */
void panic_missed(void) NORETURN;
void panic_judge(struct ktest_run *t, const char *text, const char *file, int line);

/* Text that code under test printed. Cut to fit. */
struct text_printer {
    struct printer to;
    size_t len;
    char text[4096];
};

void text_start(struct text_printer *p);
bool text_has(const struct text_printer *p, const char *part);

/* What was logged since the test began, or since text_start(&test_log). */
extern struct text_printer test_log;

#define EXPECT_HAS(t, p, part)                                                                    \
    do {                                                                                          \
        if (!text_has(p, part)) {                                                                 \
            (t)->failures++;                                                                      \
            print((t)->out, "# %s:%d: no \"%s\" in:\n%s\n", __FILE__, __LINE__, part, (p)->text); \
        }                                                                                         \
    } while (0)

/* Every invariant, now. Tests call it in the middle; the harness does at the end. */
void test_check(struct ktest_run *t);

/* Many checks per test: say only the first few. */
#define REQUIRE(t, cond)       \
    do {                       \
        EXPECT(t, cond);       \
        if ((t)->failures > 0) \
            return;            \
    } while (0)

#endif
