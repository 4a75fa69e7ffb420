/* SPDX-License-Identifier: MIT
 * Preemption inside the kernel: at once when no lock is held, else by way of preempt_state. */
#include "kernel/preempt.h"
#include "arch/x86/io.h"
#include "drivers/clock.h"
#include "kernel/sched.h"
#include "lib/random.h"
#include "lib/spin.h"

struct preempt_figures preempt_figures;

void preempt_enable(void)
{
    current->preemptible = true;
    irq_enable();
}

void preempt_disable(void)
{
    (void)irq_save();
    current->preemptible = false;
}

/* preempt_state belongs to the CPU, not to the thread: whoever runs next finds it without locks and without
 * a wish. */
static void give_way(void)
{
    preempt_state = PREEMPT_UNWANTED;
    preempt_figures.done += sched_others_ready();
    schedule();
}

/* A thread that sleeps is not RUNNING, although its stack is used: idle() waits for interrupts there. */
void preempt_after_interrupt(void)
{
    if (!need_resched || current->state != PROC_RUNNING)
        return;
    if ((preempt_state & ~PREEMPT_UNWANTED) == 0)
        give_way();
    else
        preempt_state &= ~PREEMPT_UNWANTED;
}

/* An interrupt between the release and the next line has done it already: need_resched tells. With interrupts
 * off the thread does what must not be cut in two, and its next interrupt will ask again. */
void preempt_now(void)
{
    uint32_t flags = irq_save();
    preempt_state = PREEMPT_UNWANTED;
    if (need_resched && (flags & EFLAGS_IF)) {
        preempt_figures.deferred += sched_others_ready();
        give_way();
    }
    irq_restore(flags);
}

/* ---- time slices that end at random ---- */

/* A call of an allocator takes from a tenth of a microsecond to a few under icount. */
enum { SHORT_US = 8, LONG_US = 400, ONE_IS_LONG_OF = 64 };

static void end_slice(struct timer *t);

static struct timer slice = {.fire = end_slice};
static uint32_t rng;

static void begin_slice(void)
{
    uint32_t most = random_below(&rng, ONE_IS_LONG_OF) == 0 ? LONG_US : SHORT_US;
    timer_start(&slice, clock_micros() + 1 + random_below(&rng, most));
}

static void end_slice(struct timer *t UNUSED)
{
    need_resched = true;
    begin_slice();
}

void preempt_random_start(uint32_t seed)
{
    rng = seed;
    begin_slice();
}

void preempt_random_stop(void)
{
    timer_cancel(&slice);
}
