/* SPDX-License-Identifier: MIT
 * Entering the kernel: the frame that entry.S builds, and who is called with it. */
#ifndef ARCH_X86_TRAP_H
#define ARCH_X86_TRAP_H

#include "lib/types.h"

/* Pushed by entry.S and the CPU, lowest address first. user_esp and user_ss exist only when the CPU came
 * from ring 3. FS and GS stay the program's own: the kernel does not use them. */
struct trapframe {
    uint32_t es, ds;
    uint32_t edi, esi, ebp, unused_esp, ebx, edx, ecx, eax;
    uint32_t vector, error;
    uint32_t eip, cs, eflags, user_esp, user_ss;
};

enum {
    VECTOR_DOUBLE_FAULT = 8,
    VECTOR_PAGE_FAULT = 14,
    VECTOR_EXCEPTIONS = 32, /* 0..31 are the CPU's */
    VECTOR_IRQ = 32,
    VECTOR_SYSCALL = 0x80,
    VECTOR_FLOOR = 0x81, /* saves and restores everything and does nothing: what a trap costs at least */
};

/* Page-fault error code bits (Intel SDM 3A, 4.7). */
enum { PF_PRESENT = 1, PF_WRITE = 2, PF_USER = 4, PF_RESERVED = 8, PF_FETCH = 16 };

static inline bool trap_from_user(const struct trapframe *tf)
{
    return (tf->cs & 3) != 0;
}

/* Declared low, defined high: kernel/trap.c. Called with interrupts off; they stay off in the kernel. */
void trap_page_fault(struct trapframe *tf);
void trap_syscall(struct trapframe *tf);
void trap_exception(struct trapframe *tf);
void trap_irq_done(struct trapframe *tf); /* after the handler of an interrupt */
/* The machine as it was when a double fault struck; runs on a stack of its own and must not return. */
void trap_double_fault(struct trapframe *tf, uint32_t cr2, uint32_t cr3) NORETURN;

typedef void (*irq_handler)(void);
void irq_set_handler(unsigned irq, irq_handler fn);
void irq_set_eoi(void (*eoi)(unsigned irq)); /* how the interrupt controller is told */

const char *trap_name(uint32_t vector);

/* The first stack content of a new thread of control, for context_switch: it will call entry(arg) in the
 * kernel. => the ESP to switch to. */
uint32_t context_prepare(uint32_t stack_top, void (*entry)(void *), void *arg);

/* Leaves for ring 3 with the registers in tf, which must lie at the top of the kernel stack. */
void trap_return_to_user(struct trapframe *tf) NORETURN;

#endif
