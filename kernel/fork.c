/* SPDX-License-Identifier: MIT
 * fork, vfork and clone. A process has one thread; clone makes processes only. A vfork child uses its
 * parent's memory, and the parent waits until the child ends or runs another program. */
#include "arch/x86/cpu.h"
#include "kernel/allot.h"
#include "kernel/family.h"
#include "kernel/file.h"
#include "kernel/signal.h"
#include "kernel/syscall.h"
#include "kernel/turn.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "lib/string.h"
#include "lib/trace.h"
#include "mm/buddy.h"
#include "mm/reclaim.h"

/* Linux's flags (include/uapi/linux/sched.h). The lowest byte is the signal that the parent gets. */
enum clone_flags {
    CLONE_SIGNAL = 0xff,
    CLONE_VM = 0x100,
    CLONE_VFORK = 0x4000,
    CLONE_PARENT_SETTID = 0x100000,
    CLONE_CHILD_CLEARTID = 0x200000, /* matters only to other threads of the child, and there are none */
    CLONE_CHILD_SETTID = 0x1000000,
    CLONE_KNOWN = CLONE_SIGNAL | CLONE_VM | CLONE_VFORK | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID |
                  CLONE_CHILD_SETTID,
};

bool kernel_memory_short(void)
{
    while (buddy_low_free() < buddy_reserve() && memory_evict() == VM_OK)
        ;
    return buddy_low_free() < buddy_reserve() / 2;
}

/* The child's registers, FPU, TLS, signals and place in the family. */
static int32_t copy_process(struct proc *child, const struct trapframe *tf, vaddr_t stack)
{
    struct trapframe registers = *tf;
    registers.eax = 0;
    if (stack != 0)
        registers.user_esp = stack;
    proc_enter_user(child, &registers);
    if (cpu_features.fxsr)
        fpu_save(child->fpu);
    memcpy(child->tls, current->tls, sizeof child->tls);
    child->gs = read_gs();
    child->parent = current;
    child->group = current->group;
    child->session = current->session;
    child->background = current->background;
    child->signals = signals_new(current->signals);
    child->files = files_fork(current->files);
    return child->signals != NULL && child->files != NULL ? 0 : -ENOMEM;
}

static int32_t copy_memory(struct proc *child, uint32_t flags)
{
    if (flags & CLONE_VM) {
        child->space = space_share(current->space);
        return 0;
    }
    struct pool *pool = allot_child_pool(current->space->pool);
    if (pool != NULL) {
        child->space = space_new(pool, child->result.pid);
        pool_put(pool);
    }
    if (child->space == NULL)
        return -ENOMEM;
    int32_t err = error_of(space_fork(child->space, current->space));
    if (err == 0 && current->kill_signal != 0) /* one kill for all must not miss a child that is being made */
        err = -EINTR;
    return err;
}

/* => the child's pid; the parent goes on. */
static int32_t fork(const struct trapframe *tf, uint32_t flags, vaddr_t stack, vaddr_t parent_tid,
                    vaddr_t child_tid)
{
    if (!proc_room())
        return -EAGAIN;
    struct proc *child = kernel_memory_short() ? NULL : proc_new(current->result.name);
    if (child == NULL)
        return -ENOMEM;
    int32_t err = copy_process(child, tf, stack);
    if (err == 0)
        err = copy_memory(child, flags);
    if (err != 0) {
        proc_abandon(child);
        return err;
    }
    const uint32_t pid = child->result.pid;
    enum vm_result unwritten UNUSED; /* Linux does not care either */
    if (flags & CLONE_CHILD_SETTID)
        unwritten = space_copy_out(child->space, child_tid, &pid, sizeof pid);
    if (flags & CLONE_PARENT_SETTID)
        unwritten = space_copy_out(current->space, parent_tid, &pid, sizeof pid);
    forks++;
    if (trace_on(TRACE_PROC))
        trace_put_text(EVENT_START, pid, child->result.name);
    log_event(LOG_PROC, "fork pid=%u name=%s ppid=%u%s", pid, child->result.name, current->result.pid,
              flags & CLONE_VM ? " memory=shared" : "");
    if (flags & CLONE_VFORK)
        current->vfork_child = child;
    turn_count(child->space->pool, 1);
    proc_ready(child);
    while (current->vfork_child != NULL && current->kill_signal == 0)
        proc_sleep_on(&current->vfork_child, 0);
    return (int32_t)pid;
}

int32_t sys_fork(struct trapframe *tf)
{
    return fork(tf, SIGCHLD, 0, 0, 0);
}

int32_t sys_vfork(struct trapframe *tf)
{
    return fork(tf, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0);
}

int32_t sys_clone(struct trapframe *tf)
{
    uint32_t flags = tf->ebx;
    if ((flags & ~(uint32_t)CLONE_KNOWN) || (flags & CLONE_SIGNAL) != SIGCHLD ||
        ((flags & CLONE_VM) && !(flags & CLONE_VFORK)))
        return -EINVAL;
    return fork(tf, flags, tf->ecx, tf->edx, tf->edi);
}
