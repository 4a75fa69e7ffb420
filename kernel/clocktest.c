/* SPDX-License-Identifier: MIT
 * Tests of the clock's timers, on the real chip. From here on the clock programs each tick by itself. */
#include "drivers/clock.h"
#include "arch/x86/io.h"
#include "lib/ktap.h"
#include "lib/string.h"

enum { MAX_SHOTS = 16 };

struct shot {
    struct timer timer;
    char name;
    uint32_t again_us, more; /* starts itself so often, so long after it was due */
};

static char order[MAX_SHOTS + 1];
static uint32_t shots, early;

static void fire(struct timer *t)
{
    struct shot *s = container_of(t, struct shot, timer);
    early += clock_micros() < t->due_us;
    if (shots < MAX_SHOTS)
        order[shots++] = s->name;
    order[shots] = '\0';
    if (s->more > 0) {
        s->more--;
        timer_start(t, t->due_us + s->again_us);
    }
}

static void begin(void)
{
    shots = early = 0;
    order[0] = '\0';
}

static bool passed;

static void set_passed(struct timer *t UNUSED)
{
    passed = true;
}

/* Lets interrupts in for a while. */
static void pass(uint32_t micros)
{
    struct timer end = {.fire = set_passed};
    passed = false;
    timer_start(&end, clock_micros() + micros);
    while (!passed)
        cpu_idle();
}

static void test_order(struct ktest_run *t)
{
    struct shot a = {.timer.fire = fire, .name = 'a'}, b = a, c = a, d = a;
    b.name = 'b', c.name = 'c', d.name = 'd';
    begin();
    uint64_t now = clock_micros();
    timer_start(&d.timer, now + 15000); /* beyond the next tick */
    timer_start(&a.timer, now + 700);
    timer_start(&c.timer, now + 2000);
    timer_start(&b.timer, now + 700); /* with a, but started later */
    EXPECT_EQ(t, shots, 0);           /* interrupts are off */
    pass(20000);
    EXPECT(t, strcmp(order, "abcd") == 0);
    EXPECT_EQ(t, early, 0);
    EXPECT(t, !a.timer.started && !d.timer.started);
}
KTEST("timers fire in order of time, then of start, and never early", test_order);

static void test_past(struct ktest_run *t)
{
    struct shot a = {.timer.fire = fire, .name = 'a'}, b = a;
    b.name = 'b';
    begin();
    timer_start(&b.timer, 1);
    timer_start(&a.timer, 0);
    EXPECT_EQ(t, shots, 0);
    cpu_idle(); /* whatever interrupt comes, the clock's is due */
    pass(1);
    EXPECT(t, strcmp(order, "ab") == 0);
}
KTEST("a timer that is overdue fires as soon as it can", test_past);

static void test_cancel(struct ktest_run *t)
{
    struct shot a = {.timer.fire = fire, .name = 'a'}, b = a, never = a;
    b.name = 'b';
    begin();
    uint64_t now = clock_micros();
    timer_start(&a.timer, now + 500);
    timer_start(&b.timer, now + 1000);
    timer_cancel(&a.timer);
    timer_cancel(&a.timer);
    timer_cancel(&never.timer);
    pass(3000);
    EXPECT(t, strcmp(order, "b") == 0);
    EXPECT(t, !a.timer.started);
}
KTEST("a cancelled timer does not fire, the others do", test_cancel);

static void test_again(struct ktest_run *t)
{
    struct shot a = {.timer.fire = fire, .name = 'a'}, b = a, c = a;
    b.name = 'b';
    c = (struct shot){.timer.fire = fire, .name = 'c', .again_us = 400, .more = 4};
    begin();
    uint64_t now = clock_micros();
    timer_start(&a.timer, now + 300);
    timer_start(&b.timer, now + 600);
    timer_start(&a.timer, now + 2900); /* later instead */
    timer_start(&c.timer, now + 1000); /* at 1000, 1400, 1800, 2200, 2600 */
    pass(10000);
    EXPECT(t, strcmp(order, "bccccca") == 0);
    EXPECT_EQ(t, early, 0);
}
KTEST("a timer can be started again, by its owner and by itself", test_again);
