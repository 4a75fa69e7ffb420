/* SPDX-License-Identifier: MIT
 * Sorting what comes in: exceptions to the kernel, interrupts to their drivers. */
#include "arch/x86/trap.h"
#include "arch/x86/cpu.h"
#include "arch/x86/io.h"

enum { IRQS = 16 };

static irq_handler handlers[IRQS];
static void (*end_of_interrupt)(unsigned irq);

static const char *const names[VECTOR_EXCEPTIONS] = {
    [0] = "divide error",
    [1] = "debug",
    [2] = "non-maskable interrupt",
    [3] = "breakpoint",
    [4] = "overflow",
    [5] = "bound range exceeded",
    [6] = "invalid opcode",
    [7] = "no FPU",
    [8] = "double fault",
    [9] = "coprocessor overrun",
    [10] = "invalid TSS",
    [11] = "segment not present",
    [12] = "stack fault",
    [13] = "general protection",
    [14] = "page fault",
    [16] = "x87 error",
    [17] = "alignment check",
    [18] = "machine check",
    [19] = "SIMD error",
    [20] = "virtualization exception",
    [21] = "control protection",
};

const char *trap_name(uint32_t vector)
{
    return vector < VECTOR_EXCEPTIONS && names[vector] ? names[vector] : "reserved exception";
}

void irq_set_handler(unsigned irq, irq_handler fn)
{
    handlers[irq] = fn;
}

void irq_set_eoi(void (*eoi)(unsigned irq))
{
    end_of_interrupt = eoi;
}

void trap_dispatch(struct trapframe *tf);

/* Called by entry.S. */
void trap_dispatch(struct trapframe *tf)
{
    if (tf->vector < VECTOR_EXCEPTIONS) {
        trap_exception(tf);
        return;
    }
    unsigned irq = tf->vector - VECTOR_IRQ;
    /* acknowledged first: the handler may switch to another process before it returns */
    if (end_of_interrupt != NULL)
        end_of_interrupt(irq);
    if (handlers[irq] != NULL)
        handlers[irq]();
    trap_irq_done(tf);
}

void context_start(void); /* entry.S */

uint32_t context_prepare(uint32_t stack_top, void (*entry)(void *), void *arg)
{
    uint32_t *sp = (uint32_t *)stack_top;
    *--sp = (uint32_t)context_start;
    *--sp = 0;               /* ebp: backtraces end here */
    *--sp = (uint32_t)entry; /* ebx */
    *--sp = (uint32_t)arg;   /* esi */
    *--sp = 0;               /* edi */
    return (uint32_t)sp;
}
