/* SPDX-License-Identifier: MIT
 * The last words: cause, registers, backtrace, last faults; then the machine leaves with a failure. The
 * entry without registers is lib/panic.h. */
#ifndef KERNEL_PANIC_H
#define KERNEL_PANIC_H

#include "arch/x86/trap.h"
#include "lib/panic.h"
#include "lib/print.h"

/* A panic with the registers of the moment. */
void panic_trap(const struct trapframe *tf, uint32_t cr2, uint32_t cr3, const char *fmt, ...)
    PRINTF_LIKE(4) NORETURN;

/* A page fault's error code in words: "user write to a page that is not present". */
void describe_page_fault(uint32_t error, char *text, size_t size);

#endif
