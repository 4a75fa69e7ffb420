/* SPDX-License-Identifier: MIT
 * The stack frame that a signal handler runs on, and the way back. Layout: Linux i386
 * (arch/x86/include/asm/sigframe.h, uapi/asm/sigcontext.h); debuggers and unwinders know it.
 *
 *   higher     FPU: 112 bytes of FSAVE image, of which only the last word is used ("FXSAVE follows"), and
 *              512 bytes of FXSAVE image
 *   SA_SIGINFO return address, signal, &info, &context, siginfo (128), ucontext (116), code
 *   otherwise  return address, signal, sigcontext (88), unused (624), second mask word, code
 *
 * Segment registers are shown and not taken back: programs here have but one of each, and a nonsense
 * selector would trap in the kernel. */
#include "arch/x86/cpu.h"
#include "arch/x86/io.h"
#include "kernel/signal.h"
#include "kernel/syscall.h"
#include "lib/string.h"

struct sigcontext {
    uint32_t gs, fs, es, ds, edi, esi, ebp, esp, ebx, edx, ecx, eax;
    uint32_t trapno, error, eip, cs, eflags, esp_at_signal, ss, fpstate, oldmask, cr2;
};

struct ucontext {
    uint32_t flags, link;
    struct signal_stack stack;
    struct sigcontext registers;
    uint64_t mask;
} __attribute__((packed, aligned(4)));

enum { CODE_BYTES = 8, SIGINFO_WORDS = 32 };

struct rt_frame {
    uint32_t return_address, signal, info_at, context_at;
    uint32_t info[SIGINFO_WORDS];
    struct ucontext context;
    uint8_t code[CODE_BYTES];
};
_Static_assert(sizeof(struct rt_frame) == 16 + 128 + 116 + CODE_BYTES, "Linux's own layout");

enum { FSAVE_BYTES = 112, FPU_BYTES = FSAVE_BYTES + sizeof(struct fpu_state) };

struct old_frame {
    uint32_t return_address, signal;
    struct sigcontext registers;
    uint8_t unused[FPU_BYTES];
    uint32_t mask_high;
    uint8_t code[CODE_BYTES];
};

/* The flags that a program may change: arithmetic, direction, trap, resume, alignment. */
enum { EFLAGS_USER = 0x50dd5, EFLAGS_DF = 0x400 };

static struct sigcontext save_registers(const struct trapframe *tf, vaddr_t fpu_at, uint64_t mask)
{
    return (struct sigcontext){
        .gs = read_gs(),
        .es = tf->es,
        .ds = tf->ds,
        .edi = tf->edi,
        .esi = tf->esi,
        .ebp = tf->ebp,
        .esp = tf->user_esp,
        .ebx = tf->ebx,
        .edx = tf->edx,
        .ecx = tf->ecx,
        .eax = tf->eax,
        .trapno = tf->vector,
        .error = tf->error,
        .eip = tf->eip,
        .cs = tf->cs,
        .eflags = tf->eflags,
        .esp_at_signal = tf->user_esp,
        .ss = tf->user_ss,
        .fpstate = fpu_at,
        .oldmask = (uint32_t)mask,
        .cr2 = tf->vector == VECTOR_PAGE_FAULT ? read_cr2() : 0,
    };
}

static bool put(vaddr_t to, const void *from, uint32_t n)
{
    return copy_out(to, from, n) == 0;
}

/* Below *sp; the handler starts with a fresh FPU. Where there is none, the frame has none. */
static bool push_fpu(vaddr_t *sp)
{
    if (!cpu_features.fxsr) {
        *sp = 0;
        return true;
    }
    const uint32_t status = 0; /* low half: status word; high half 0: an FXSAVE image follows */
    fpu_save(current->fpu);    /* should writing it out put us to sleep, the same is saved there again */
    vaddr_t at = ALIGN_DOWN(*sp - FPU_BYTES, (vaddr_t) _Alignof(struct fpu_state));
    *sp = at;
    if (!put(at + FSAVE_BYTES - sizeof status, &status, sizeof status) ||
        !put(at + FSAVE_BYTES, current->fpu, sizeof *current->fpu))
        return false;
    fpu_reset(current->fpu);
    fpu_load(current->fpu);
    return true;
}

/* mov $number, %eax; int $0x80: for handlers whose sigaction brought no way back. The old call expects the
 * signal's number popped first. */
static void return_code(uint8_t code[CODE_BYTES], bool rt)
{
    const uint8_t rt_code[CODE_BYTES] = {0xb8, NR_rt_sigreturn, 0, 0, 0, 0xcd, VECTOR_SYSCALL};
    const uint8_t old_code[CODE_BYTES] = {0x58, 0xb8, NR_sigreturn, 0, 0, 0, 0xcd, VECTOR_SYSCALL};
    memcpy(code, rt ? rt_code : old_code, CODE_BYTES);
}

static bool on_alternate(vaddr_t esp)
{
    const struct signal_stack *k = &current->signals->stack;
    return !(k->flags & SS_DISABLE) && esp - k->sp - 1 < k->size;
}

static bool push_rt(vaddr_t at, const struct trapframe *tf, vaddr_t fpu_at, int n,
                    const struct signal_action *a, const struct signal_info *info, uint64_t mask)
{
    const struct signal_stack *k = &current->signals->stack;
    struct rt_frame f = {
        .return_address = a->flags & SA_RESTORER ? a->restorer : at + offsetof(struct rt_frame, code),
        .signal = (uint32_t)n,
        .info_at = at + offsetof(struct rt_frame, info),
        .context_at = at + offsetof(struct rt_frame, context),
        /* si_signo, si_errno, si_code, si_pid or si_addr, si_uid, si_status */
        .info = {(uint32_t)n, 0, (uint32_t)info->code, info->value, 0, (uint32_t)info->status},
        .context = {.stack = *k, .registers = save_registers(tf, fpu_at, mask), .mask = mask},
    };
    if (on_alternate(tf->user_esp))
        f.context.stack.flags = SS_ONSTACK;
    return_code(f.code, true);
    return put(at, &f, sizeof f);
}

static bool push_old(vaddr_t at, const struct trapframe *tf, vaddr_t fpu_at, int n,
                     const struct signal_action *a, uint64_t mask)
{
    const uint32_t start[] = {
        a->flags & SA_RESTORER ? a->restorer : at + offsetof(struct old_frame, code),
        (uint32_t)n,
    };
    struct sigcontext registers = save_registers(tf, fpu_at, mask);
    const uint32_t mask_high = (uint32_t)(mask >> 32);
    uint8_t code[CODE_BYTES];
    return_code(code, false);
    return put(at, start, sizeof start) &&
           put(at + offsetof(struct old_frame, registers), &registers, sizeof registers) &&
           put(at + offsetof(struct old_frame, mask_high), &mask_high, sizeof mask_high) &&
           put(at + offsetof(struct old_frame, code), code, sizeof code);
}

bool sigframe_push(struct trapframe *tf, int n, const struct signal_action *a, const struct signal_info *info,
                   uint64_t mask)
{
    const struct signal_stack *k = &current->signals->stack;
    bool rt = a->flags & SA_SIGINFO;
    vaddr_t fpu_at = tf->user_esp;
    if ((a->flags & SA_ONSTACK) && !(k->flags & SS_DISABLE) && !on_alternate(tf->user_esp))
        fpu_at = k->sp + k->size;
    vaddr_t sp = fpu_at;
    if (!push_fpu(&fpu_at))
        return false;
    if (fpu_at != 0)
        sp = fpu_at;
    /* as after a call: ESP + 4 is a multiple of 16 */
    vaddr_t at =
        ALIGN_DOWN(sp - (rt ? sizeof(struct rt_frame) : sizeof(struct old_frame)) + 4, (vaddr_t)16) - 4;
    if (!(rt ? push_rt(at, tf, fpu_at, n, a, info, mask) : push_old(at, tf, fpu_at, n, a, mask)))
        return false;
    tf->eip = a->handler;
    tf->user_esp = at;
    tf->eax = (uint32_t)n; /* for handlers that take their arguments in registers */
    tf->edx = rt ? at + offsetof(struct rt_frame, info) : 0;
    tf->ecx = rt ? at + offsetof(struct rt_frame, context) : 0;
    tf->eflags &= ~(uint32_t)(EFLAGS_TF | EFLAGS_DF);
    return true;
}

static bool restore_fpu(vaddr_t at)
{
    enum { MXCSR_AT = 24, MXCSR_BITS = 0xffbf }; /* a reserved bit would trap in the kernel */
    uint8_t image[sizeof(struct fpu_state)];     /* reading may put us to sleep, and the FPU is saved then */
    if (at == 0 || !cpu_features.fxsr)
        return true;
    if (copy_in(image, at + FSAVE_BYTES, sizeof image) != 0)
        return false;
    uint32_t mxcsr;
    memcpy(&mxcsr, image + MXCSR_AT, sizeof mxcsr);
    mxcsr &= MXCSR_BITS;
    memcpy(image + MXCSR_AT, &mxcsr, sizeof mxcsr);
    memcpy(current->fpu, image, sizeof image);
    fpu_load(current->fpu);
    return true;
}

/* => what EAX gets. A frame that cannot be read ends the process, as on Linux. */
static int32_t go_back(struct trapframe *tf, vaddr_t registers_at, uint64_t mask)
{
    struct sigcontext c;
    if (copy_in(&c, registers_at, sizeof c) != 0 || !restore_fpu(c.fpstate)) {
        proc_kill(current, SIGSEGV, "its signal frame cannot be read");
        return 0;
    }
    signal_block(mask);
    tf->edi = c.edi;
    tf->esi = c.esi;
    tf->ebp = c.ebp;
    tf->ebx = c.ebx;
    tf->edx = c.edx;
    tf->ecx = c.ecx;
    tf->eip = c.eip;
    tf->user_esp = c.esp;
    tf->eflags = (tf->eflags & ~(uint32_t)EFLAGS_USER) | (c.eflags & EFLAGS_USER);
    tf->vector = 0; /* not the system call that EAX belongs to: nothing to restart */
    return (int32_t)c.eax;
}

/* The return address is off the stack already, and in the old call the signal's number. */
int32_t sys_rt_sigreturn(struct trapframe *tf)
{
    vaddr_t context = tf->user_esp - sizeof(uint32_t) + offsetof(struct rt_frame, context);
    uint64_t mask = 0;
    if (copy_in(&mask, context + offsetof(struct ucontext, mask), sizeof mask) != 0)
        mask = current->signals->blocked; /* go_back will fail too */
    return go_back(tf, context + offsetof(struct ucontext, registers), mask);
}

int32_t sys_sigreturn(struct trapframe *tf)
{
    vaddr_t frame = tf->user_esp - 2 * sizeof(uint32_t);
    uint32_t low = 0, high = 0;
    if (copy_in(&low, frame + offsetof(struct old_frame, registers.oldmask), sizeof low) != 0 ||
        copy_in(&high, frame + offsetof(struct old_frame, mask_high), sizeof high) != 0)
        low = (uint32_t)current->signals->blocked;
    return go_back(tf, frame + offsetof(struct old_frame, registers), (uint64_t)high << 32 | low);
}
