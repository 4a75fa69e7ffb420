/* SPDX-License-Identifier: MIT
 * Panic. Uses no allocator, no process and no lock, because any of them may be what broke. */
#include "kernel/panic.h"
#include "arch/x86/io.h"
#include "arch/x86/paging.h"
#include "drivers/exit.h"
#include "drivers/vga.h"
#include "kernel/symbols.h"
#include "lib/log.h"
#include "mm/fault.h"

enum { BACKTRACE_DEPTH = 16 };

void describe_page_fault(uint32_t error, char *text, size_t size)
{
    format(text, size, "%s %s %s%s", error & PF_USER ? "user" : "kernel",
           error & PF_FETCH   ? "instruction fetch from"
           : error & PF_WRITE ? "write to"
                              : "read of",
           error & PF_PRESENT ? "a present page whose rights forbid it" : "a page that is not present",
           error & PF_RESERVED ? " (reserved bit set in a table)" : "");
}

static bool readable(uint32_t va)
{
    uint32_t pde, pte;
    paging_walk(va, &pde, &pte);
    return (pde & X86_P) && ((pde & X86_PS) || (pte & X86_P));
}

static void print_address(uint32_t eip)
{
    uint32_t offset;
    const char *name = symbol_of(eip, &offset);
    if (name != NULL)
        print(&log_console, "  %08x %s+%#x\n", eip, name, offset);
    else
        print(&log_console, "  %08x\n", eip);
}

static void backtrace(uint32_t eip, uint32_t ebp)
{
    print(&log_console, "backtrace:\n");
    print_address(eip);
    for (int i = 0; i < BACKTRACE_DEPTH && ebp >= KERNEL_BASE && ebp % 4 == 0; i++) {
        if (!readable(ebp) || !readable(ebp + 4))
            break;
        const uint32_t *frame = (const uint32_t *)ebp;
        if (frame[1] == 0)
            break;
        print_address(frame[1]);
        if (frame[0] <= ebp) /* stacks grow down: callers lie above */
            break;
        ebp = frame[0];
    }
}

/* Says what is wrong, first of all. A panic while panicking leaves at once. */
static void begin(const char *fmt, va_list ap)
{
    static bool panicking;
    if (panicking) {
        print(&log_console, "\npanic while panicking; giving up\n");
        machine_exit(false);
    }
    panicking = true;
    vga_overlay(NULL);
    vga_set_color(VGA_WHITE, VGA_RED);
    print(&log_console, "\nPANIC: ");
    vprint(&log_console, fmt, ap);
    print(&log_console, "\n");
}

static void NORETURN end(void)
{
    print(&log_console, "last faults:\n");
    fault_history_print(&log_console);
    print(&log_console, "panic: the machine stops here\n");
    machine_exit(false);
}

void panic(const char *fmt, ...)
{
    (void)irq_save();
    va_list ap;
    va_start(ap, fmt);
    begin(fmt, ap);
    va_end(ap);
    uint32_t ebp;
    __asm__ volatile("mov %%ebp, %0" : "=r"(ebp));
    backtrace((uint32_t)__builtin_return_address(0), *(const uint32_t *)ebp);
    end();
}

void panic_trap(const struct trapframe *tf, uint32_t cr2, uint32_t cr3, const char *fmt, ...)
{
    (void)irq_save();
    va_list ap;
    va_start(ap, fmt);
    begin(fmt, ap);
    va_end(ap);
    print(&log_console, "vector %u (%s) error=%#x", tf->vector, trap_name(tf->vector), tf->error);
    if (tf->vector == VECTOR_PAGE_FAULT) {
        char text[96];
        describe_page_fault(tf->error, text, sizeof text);
        print(&log_console, ": %s", text);
    }
    bool stack_known = trap_from_user(tf) || tf->vector == VECTOR_DOUBLE_FAULT;
    uint32_t esp = stack_known ? tf->user_esp : (uint32_t)&tf->user_esp;
    print(&log_console, "\neip=%08x cs=%04x eflags=%08x esp=%08x ebp=%08x\n", tf->eip, tf->cs, tf->eflags,
          esp, tf->ebp);
    print(&log_console, "eax=%08x ebx=%08x ecx=%08x edx=%08x esi=%08x edi=%08x\n", tf->eax, tf->ebx, tf->ecx,
          tf->edx, tf->esi, tf->edi);
    print(&log_console, "cr0=%08x cr2=%08x cr3=%08x cr4=%08x\n", read_cr0(), cr2, cr3, read_cr4());
    backtrace(tf->eip, tf->ebp);
    end();
}

/* -fstack-protector's two symbols. */
extern uintptr_t __stack_chk_guard;
uintptr_t __stack_chk_guard = 0x595e9fbd;
void __stack_chk_fail(void) NORETURN;

void __stack_chk_fail(void)
{
    panic("stack smashed in the function that called here");
}
