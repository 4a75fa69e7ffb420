/* SPDX-License-Identifier: MIT
 * GDT, IDT and the two task state segments: one that only holds the kernel stack for ring 3 to enter on,
 * and one that a double fault switches to, because by then the stack may be what is broken. Formats:
 * Intel SDM 3A, 3.4.5, 6.11, 7.2. */
#include "arch/x86/cpu.h"
#include "arch/x86/io.h"
#include "arch/x86/paging.h"
#include "arch/x86/trap.h"
#include "lib/string.h"

struct tss {
    uint32_t link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi;
    uint32_t es, cs, ss, ds, fs, gs, ldt;
    uint16_t trap, io_map;
};
_Static_assert(sizeof(struct tss) == 104, "the CPU's own layout");

enum {
    SEG_PRESENT = 1 << 7,
    SEG_USER = 3 << 5,
    SEG_CODE_OR_DATA = 1 << 4,
    SEG_CODE_READ = 0xa,
    SEG_DATA_WRITE = 0x2,
    SEG_DATA_READ = 0x0,
    SEG_TSS = 0x9,
    FLAG_PAGES = 8,
    FLAG_32BIT = 4,
    FLAT_LIMIT = 0xfffff,
    GATE_INTERRUPT = 0xe,
    GATE_TASK = 0x5,
    GDT_ENTRIES = 10,
    IDT_ENTRIES = 256,
    DOUBLE_FAULT_STACK = 4096,
};

static uint64_t gdt[GDT_ENTRIES], idt[IDT_ENTRIES];
static struct tss tss, double_fault_tss;
static uint8_t double_fault_stack[DOUBLE_FAULT_STACK] __attribute__((aligned(16)));

struct cpu_features cpu_features;

struct __attribute__((packed)) table_pointer {
    uint16_t limit;
    uint32_t base;
};

static uint64_t segment(uint32_t base, uint32_t limit, uint8_t access, uint8_t flags)
{
    return (uint64_t)(limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)access << 40 |
           (uint64_t)(limit >> 16 & 0xf) << 48 | (uint64_t)flags << 52 | (uint64_t)(base >> 24) << 56;
}

static uint64_t gate(uint16_t selector, uint32_t offset, uint8_t type, uint8_t dpl)
{
    return (uint64_t)(offset & 0xffff) | (uint64_t)selector << 16 |
           (uint64_t)(SEG_PRESENT | dpl << 5 | type) << 40 | (uint64_t)(offset >> 16) << 48;
}

static void load_gdt(void)
{
    const uint8_t data = SEG_PRESENT | SEG_CODE_OR_DATA | SEG_DATA_WRITE;
    const uint8_t code = SEG_PRESENT | SEG_CODE_OR_DATA | SEG_CODE_READ;
    gdt[SEL_KERNEL_CODE >> 3] = segment(0, FLAT_LIMIT, code, FLAG_PAGES | FLAG_32BIT);
    gdt[SEL_KERNEL_DATA >> 3] = segment(0, FLAT_LIMIT, data, FLAG_PAGES | FLAG_32BIT);
    gdt[SEL_USER_CODE >> 3] = segment(0, FLAT_LIMIT, code | SEG_USER, FLAG_PAGES | FLAG_32BIT);
    gdt[SEL_USER_DATA >> 3] = segment(0, FLAT_LIMIT, data | SEG_USER, FLAG_PAGES | FLAG_32BIT);
    gdt[SEL_TSS >> 3] = segment((uint32_t)&tss, sizeof tss - 1, SEG_PRESENT | SEG_TSS, 0);
    gdt[SEL_DOUBLE_FAULT_TSS >> 3] =
        segment((uint32_t)&double_fault_tss, sizeof double_fault_tss - 1, SEG_PRESENT | SEG_TSS, 0);
    struct table_pointer p = {sizeof gdt - 1, (uint32_t)gdt};
    __asm__ volatile("lgdt %0\n\t"
                     "ljmp %1, $1f\n"
                     "1: mov %2, %%ds; mov %2, %%es; mov %2, %%ss; mov %3, %%fs; mov %3, %%gs"
                     :
                     : "m"(p), "i"(SEL_KERNEL_CODE), "r"(SEL_KERNEL_DATA), "r"(0)
                     : "memory");
}

void entry_page_fault(void);
void entry_syscall(void);
void entry_floor(void);
void entry_double_fault(void);
extern const uint32_t entry_stubs[VECTOR_IRQ + 16];

static void load_idt(void)
{
    for (unsigned v = 0; v < VECTOR_IRQ + 16; v++)
        idt[v] = gate(SEL_KERNEL_CODE, entry_stubs[v], GATE_INTERRUPT, 0);
    /* breakpoint and overflow may be raised by programs (int3, into) */
    idt[3] = gate(SEL_KERNEL_CODE, entry_stubs[3], GATE_INTERRUPT, 3);
    idt[4] = gate(SEL_KERNEL_CODE, entry_stubs[4], GATE_INTERRUPT, 3);
    idt[VECTOR_PAGE_FAULT] = gate(SEL_KERNEL_CODE, (uint32_t)entry_page_fault, GATE_INTERRUPT, 0);
    idt[VECTOR_SYSCALL] = gate(SEL_KERNEL_CODE, (uint32_t)entry_syscall, GATE_INTERRUPT, 3);
    idt[VECTOR_FLOOR] = gate(SEL_KERNEL_CODE, (uint32_t)entry_floor, GATE_INTERRUPT, 3);
    idt[VECTOR_DOUBLE_FAULT] = gate(SEL_DOUBLE_FAULT_TSS, 0, GATE_TASK, 0);
    struct table_pointer p = {sizeof idt - 1, (uint32_t)idt};
    __asm__ volatile("lidt %0" : : "m"(p));
}

static void load_tss(void)
{
    tss.ss0 = SEL_KERNEL_DATA;
    tss.io_map = sizeof tss; /* no I/O port for ring 3 */
    double_fault_tss = (struct tss){
        .cr3 = paging_kernel_root(),
        .eip = (uint32_t)entry_double_fault,
        .eflags = EFLAGS_RESERVED,
        .esp = (uint32_t)double_fault_stack + sizeof double_fault_stack,
        .cs = SEL_KERNEL_CODE,
        .es = SEL_KERNEL_DATA,
        .ss = SEL_KERNEL_DATA,
        .ds = SEL_KERNEL_DATA,
        .io_map = sizeof tss,
    };
    __asm__ volatile("ltr %w0" : : "r"(SEL_TSS));
}

void double_fault(void);

/* The CPU left the interrupted state in the TSS that was current. */
void double_fault(void)
{
    struct trapframe tf = {
        .es = tss.es,
        .ds = tss.ds,
        .edi = tss.edi,
        .esi = tss.esi,
        .ebp = tss.ebp,
        .ebx = tss.ebx,
        .edx = tss.edx,
        .ecx = tss.ecx,
        .eax = tss.eax,
        .vector = VECTOR_DOUBLE_FAULT,
        .eip = tss.eip,
        .cs = tss.cs,
        .eflags = tss.eflags,
        .user_esp = tss.esp,
        .user_ss = tss.ss,
    };
    trap_double_fault(&tf, read_cr2(), pmap_active_root());
}

static void detect_features(void)
{
    enum { EDX_PGE = 1 << 13, EDX_FXSR = 1 << 24, EDX_SSE2 = 1 << 26 };
    uint32_t eax = 1, ebx, ecx, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
    cpu_features = (struct cpu_features){edx & EDX_PGE, (edx & EDX_SSE2) && (edx & EDX_FXSR), edx & EDX_FXSR};
}

static void enable_fpu(void)
{
    enum {
        CR0_MP = 1 << 1,
        CR0_EM = 1 << 2,
        CR0_TS = 1 << 3,
        CR0_NE = 1 << 5,
        CR4_FXSR = 1 << 9,
        CR4_XMM = 1 << 10
    };
    if (!cpu_features.fxsr) {
        write_cr0(read_cr0() | CR0_EM); /* programs that use it get "no FPU" */
        return;
    }
    write_cr0((read_cr0() & ~(uint32_t)(CR0_EM | CR0_TS)) | CR0_MP | CR0_NE);
    write_cr4(read_cr4() | CR4_FXSR | CR4_XMM);
    __asm__ volatile("fninit");
}

void fpu_reset(struct fpu_state *s)
{
    enum { FCW_DEFAULT = 0x37f, MXCSR_DEFAULT = 0x1f80, MXCSR_AT = 24 };
    const uint16_t fcw = FCW_DEFAULT;
    const uint32_t mxcsr = MXCSR_DEFAULT;
    memset(s, 0, sizeof *s);
    memcpy(s->bytes, &fcw, sizeof fcw);
    memcpy(s->bytes + MXCSR_AT, &mxcsr, sizeof mxcsr);
}

void cpu_init(void)
{
    detect_features();
    load_gdt();
    load_idt();
    load_tss();
    enable_fpu();
}

void cpu_set_kernel_stack(uint32_t top)
{
    tss.esp0 = top;
}

void cpu_load_tls(const struct tls_slot slots[GDT_TLS_COUNT])
{
    for (int i = 0; i < GDT_TLS_COUNT; i++) {
        const struct tls_slot *t = &slots[i];
        uint8_t access =
            SEG_PRESENT | SEG_USER | SEG_CODE_OR_DATA | (t->writable ? SEG_DATA_WRITE : SEG_DATA_READ);
        uint8_t flags = (uint8_t)((t->pages ? FLAG_PAGES : 0) | (t->is_32bit ? FLAG_32BIT : 0));
        gdt[GDT_TLS_FIRST + i] = t->present ? segment(t->base, t->limit, access, flags) : 0;
    }
}
