/* SPDX-License-Identifier: MIT
 * Where the CPU's events become the system's: a page fault becomes a question to mm/, and its answer a
 * retried instruction, a killed process or a panic. Nothing else decides that. */
#include "arch/x86/io.h"
#include "arch/x86/paging.h"
#include "kernel/panic.h"
#include "kernel/proc.h"
#include "kernel/syscall.h"
#include "lib/log.h"
#include "mm/fault.h"
#include "mm/stats.h"

enum signal { SIGILL = 4, SIGTRAP = 5, SIGBUS = 7, SIGFPE = 8, SIGKILL = 9, SIGSEGV = 11, SIGPIPE = 13 };

static const char *signal_name(int signal)
{
    switch (signal) {
    case SIGILL:
        return "SIGILL";
    case SIGTRAP:
        return "SIGTRAP";
    case SIGBUS:
        return "SIGBUS";
    case SIGFPE:
        return "SIGFPE";
    case SIGKILL:
        return "SIGKILL";
    case SIGSEGV:
        return "SIGSEGV";
    case SIGPIPE:
        return "SIGPIPE";
    default:
        return "signal";
    }
}

static void NORETURN kill_at(int signal, const char *reason, const struct trapframe *tf)
{
    log_event(LOG_ERROR, "kill pid=%u name=%s signal=%s ip=0x%08x reason=\"%s\"", current->result.pid,
              current->result.name, signal_name(signal), tf->eip, reason);
    proc_kill_current(signal, reason);
}

/* A kill that was asked for elsewhere is carried out on the way back to ring 3. */
static void before_user(const struct trapframe *tf)
{
    if (unlikely(current->kill_signal != 0))
        kill_at(current->kill_signal, current->kill_reason, tf);
}

/* A fault that mm/ refused: the process ends, with a line that says what, where and why. */
static void NORETURN refuse(const struct fault *f, enum vm_result why, const struct trapframe *tf)
{
    bool out_of_memory = why == VM_NO_MEMORY || why == VM_NO_SWAP;
    int signal = out_of_memory ? SIGKILL : why == VM_IO_ERROR || why == VM_CORRUPT ? SIGBUS : SIGSEGV;
    vmstat.oom_kill += out_of_memory;
    char cause[96];
    describe_page_fault(tf->error, cause, sizeof cause);
    log_event(LOG_ERROR, "kill pid=%u name=%s signal=%s va=0x%08x ip=0x%08x cause=\"%s\" reason=\"%s\"",
              current->result.pid, current->result.name, signal_name(signal), f->va, tf->eip, cause,
              vm_result_name(why));
    proc_kill_current(signal, vm_result_name(why));
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
    enum vm_result r = vm_fault(&f);
    if (unlikely(r != VM_OK))
        refuse(&f, r, tf);
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
    static const uint8_t signals[VECTOR_EXCEPTIONS] = {
        [0] = SIGFPE, [1] = SIGTRAP, [3] = SIGTRAP, [6] = SIGILL, [7] = SIGILL, [16] = SIGFPE, [19] = SIGFPE,
    };
    int signal = signals[tf->vector];
    kill_at(signal ? signal : SIGSEGV, trap_name(tf->vector), tf);
}

void trap_irq_done(struct trapframe *tf)
{
    if (!trap_from_user(tf))
        return;
    if (need_resched)
        schedule();
    before_user(tf);
}

void trap_double_fault(struct trapframe *tf, uint32_t cr2, uint32_t cr3)
{
    if (kernel_stack_guard(cr2))
        panic_trap(tf, cr2, cr3, "kernel stack overflow: the guard page at 0x%08x was hit",
                   ALIGN_DOWN(cr2, (uint32_t)PAGE_SIZE));
    panic_trap(tf, cr2, cr3, "double fault");
}
