/* SPDX-License-Identifier: MIT
 * Where the CPU's events become the system's: a page fault becomes a question to mm/, and its answer a
 * retried instruction, a killed process or a panic. Nothing else decides that. */
#include "arch/x86/io.h"
#include "arch/x86/paging.h"
#include "kernel/allot.h"
#include "kernel/panic.h"
#include "kernel/preempt.h"
#include "kernel/proc.h"
#include "kernel/signal.h"
#include "kernel/syscall.h"
#include "kernel/turn.h"
#include "lib/log.h"
#include "lib/panic.h"
#include "mm/check.h"
#include "mm/fault.h"

static void NORETURN kill_at(int signal, const char *reason, const struct trapframe *tf)
{
    log_event(LOG_ERROR, "kill pid=%u name=%s signal=%s ip=0x%08x reason=\"%s\"", current->result.pid,
              current->result.name, signal_name(signal), tf->eip, reason);
    proc_kill_current(signal, reason);
}

/* What wants the process's attention is seen to on the way back to ring 3: a kill that was asked for
 * elsewhere, or signals. */
static void attend(struct trapframe *tf)
{
    const char *reason = "a signal that it does not handle";
    int signal = signal_deliver(tf);
    if (current->kill_signal != 0)
        reason = current->kill_reason;
    if (signal != 0)
        kill_at(signal, reason, tf);
}

static inline void before_user(struct trapframe *tf)
{
    if (unlikely(current->attention))
        attend(tf);
}

/* A fault that mm/ refused: the program's handler runs, or the process ends, with a line that says what,
 * where and why. Want of memory is not for handlers: they would need some. */
static void refuse(const struct fault *f, enum vm_result why, struct trapframe *tf)
{
    enum { SEGV_MAPERR = 1, SEGV_ACCERR = 2, BUS_OBJERR = 3 };
    bool out_of_memory = why == VM_NO_MEMORY || why == VM_NO_SWAP;
    bool no_content = why == VM_IO_ERROR || why == VM_CORRUPT || why == VM_BEYOND;
    int signal = out_of_memory ? SIGKILL : no_content ? SIGBUS : SIGSEGV;
    struct signal_info info = {
        .code = signal == SIGBUS      ? BUS_OBJERR
                : why == VM_FORBIDDEN ? SEGV_ACCERR
                                      : SEGV_MAPERR,
        .value = f->va,
    };
    if (!out_of_memory && signal_fault(tf, signal, info))
        return;
    char cause[96];
    describe_page_fault(tf->error, cause, sizeof cause);
    log_event(LOG_ERROR, "kill pid=%u name=%s signal=%s va=0x%08x ip=0x%08x cause=\"%s\" reason=\"%s\"",
              current->result.pid, current->result.name, signal_name(signal), f->va, tf->eip, cause,
              vm_result_name(why));
    proc_kill_current(signal, vm_result_name(why));
}

uint32_t trap_check_every;

/* check=: every invariant of the memory system is verified after so many faults of programs. */
static void NOINLINE check_invariants(void)
{
    static uint32_t faults;
    if (++faults % trap_check_every == 0 && !vm_check(&log_console))
        panic("the memory system's check failed after %u faults", faults);
}

uint32_t fault_step(const void *registers)
{
    const struct trapframe *tf = registers;
    uint32_t h = tf->eip;
    h = h * 5 + tf->eax;
    h = h * 5 + tf->ecx;
    h = h * 5 + tf->edx;
    h = h * 5 + tf->ebx;
    h = h * 5 + tf->esi;
    h = h * 5 + tf->edi;
    h = h * 5 + tf->ebp;
    h = h * 5 + tf->user_esp;
    return h | 1;
}

static enum vm_result NOINLINE allotted_fault(struct fault *f)
{
    allot_before_fault();
    enum vm_result r = vm_fault(f);
    allot_after_fault();
    return r;
}

void trap_page_fault(struct trapframe *tf)
{
    uint32_t cr2 = read_cr2();
    if (unlikely(!trap_from_user(tf)))
        panic_trap(tf, cr2, read_cr3(), "page fault in the kernel at address 0x%08x", cr2);
    struct fault f; /* vm_fault sets the other fields */
    f.space = current->space;
    f.va = cr2;
    f.access = tf->error & PF_WRITE ? VM_WRITE : VM_READ;
    f.ip = tf->eip;
    f.registers = tf;
    if (unlikely(turn_needed))
        turn_take(tf->eip);
    enum vm_result r = likely(!allot_on) ? vm_fault(&f) : allotted_fault(&f);
    if (unlikely(trap_check_every != 0))
        check_invariants();
    if (unlikely(r != VM_OK))
        refuse(&f, r, tf);
    before_user(tf); /* a process that does nothing but fault must be killable too */
}

void trap_syscall(struct trapframe *tf)
{
    syscall_dispatch(tf);
    before_user(tf);
}

void trap_exception(struct trapframe *tf)
{
    if (!trap_from_user(tf))
        panic_trap(tf, read_cr2(), read_cr3(), "%s in the kernel", trap_name(tf->vector));
    enum { ILL_ILLOPN = 2, FPE_INTDIV = 1, FPE_FLTINV = 7, TRAP_BRKPT = 1 };
    static const struct {
        int signal, code;
    } meaning[VECTOR_EXCEPTIONS] = {
        [0] = {SIGFPE, FPE_INTDIV},  [1] = {SIGTRAP, TRAP_BRKPT}, [3] = {SIGTRAP, SI_KERNEL},
        [6] = {SIGILL, ILL_ILLOPN},  [7] = {SIGILL, ILL_ILLOPN},  [16] = {SIGFPE, FPE_FLTINV},
        [19] = {SIGFPE, FPE_FLTINV},
    };
    int signal = meaning[tf->vector].signal;
    struct signal_info info = {.code = meaning[tf->vector].code, .value = tf->eip};
    if (signal == 0 || info.code == SI_KERNEL)
        info = (struct signal_info){.code = SI_KERNEL};
    signal = signal ? signal : SIGSEGV;
    if (!signal_fault(tf, signal, info))
        kill_at(signal, trap_name(tf->vector), tf);
}

void trap_irq_done(struct trapframe *tf)
{
    if (!trap_from_user(tf)) {
        if (unlikely(current->preemptible))
            preempt_after_interrupt();
        return;
    }
    if (unlikely(turn_holder == current))
        turn_tick(tf->eip);
    if (need_resched)
        schedule();
    if (unlikely(allot_on))
        allot_tick();
    before_user(tf);
}

void trap_double_fault(struct trapframe *tf, uint32_t cr2, uint32_t cr3)
{
    if (kernel_stack_guard(cr2))
        panic_trap(tf, cr2, cr3, "kernel stack overflow: the guard page at 0x%08x was hit",
                   ALIGN_DOWN(cr2, (uint32_t)PAGE_SIZE));
    panic_trap(tf, cr2, cr3, "double fault");
}
