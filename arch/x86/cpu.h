/* SPDX-License-Identifier: MIT
 * The processor: what it can do, descriptor tables, context switch. */
#ifndef ARCH_X86_CPU_H
#define ARCH_X86_CPU_H

#include "lib/types.h"

/* Segment selectors; the GDT is laid out in descriptors.c. */
enum {
    SEL_KERNEL_CODE = 0x08,
    SEL_KERNEL_DATA = 0x10,
    SEL_USER_CODE = 0x18 | 3,
    SEL_USER_DATA = 0x20 | 3,
    SEL_TSS = 0x28,
    GDT_TLS_FIRST = 6, /* as on Linux i386, whose threads find %gs here */
    GDT_TLS_COUNT = 3,
    SEL_DOUBLE_FAULT_TSS = 0x48,
};

extern struct cpu_features {
    bool pge, sse2, fxsr;
} cpu_features;

/* Own GDT, IDT, TSS; FPU and SSE switched on. Exceptions are handled from here on. */
void cpu_init(void);

/* The stack that the CPU takes when it enters the kernel from ring 3. */
void cpu_set_kernel_stack(uint32_t top);

/* What a process wants in its thread-local-storage descriptors. */
struct tls_slot {
    uint32_t base, limit; /* limit: in pages if `pages`, else bytes */
    bool present, writable, pages, is_32bit;
};
void cpu_load_tls(const struct tls_slot slots[GDT_TLS_COUNT]);

/* x87 and SSE state. Where there is no FXSAVE, programs have no FPU and this is never used. */
struct fpu_state {
    uint8_t bytes[512] __attribute__((aligned(16)));
};
void fpu_reset(struct fpu_state *s); /* what a new program starts with */
static inline void fpu_save(struct fpu_state *s)
{
    __asm__ volatile("fxsave %0" : "=m"(*s));
}
static inline void fpu_load(const struct fpu_state *s)
{
    __asm__ volatile("fxrstor %0" : : "m"(*s));
}

static inline uint16_t read_gs(void)
{
    uint16_t v;
    __asm__ volatile("mov %%gs, %0" : "=r"(v));
    return v;
}
static inline void write_gs(uint16_t v)
{
    __asm__ volatile("mov %0, %%gs" : : "r"(v));
}

/* Leaves one kernel stack for another: pushes the callee-saved registers, stores ESP in *save, loads it
 * from `load`, pops and returns there. A fresh stack is made by context_prepare. In entry.S. */
void context_switch(uint32_t *save, uint32_t load);

#endif
