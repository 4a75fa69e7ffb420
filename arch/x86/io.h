/* SPDX-License-Identifier: MIT
 * Single instructions that C has no word for. */
#ifndef ARCH_X86_IO_H
#define ARCH_X86_IO_H

#include "lib/types.h"

static inline uint8_t inb(uint16_t port)
{
    uint8_t v;
    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline void outb(uint16_t port, uint8_t v)
{
    __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static inline uint16_t inw(uint16_t port)
{
    uint16_t v;
    __asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline void outw(uint16_t port, uint16_t v)
{
    __asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port));
}

static inline uint32_t inl(uint16_t port)
{
    uint32_t v;
    __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline void outl(uint16_t port, uint32_t v)
{
    __asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

/* `count` 16-bit words between a port and memory. */
static inline void insw(uint16_t port, void *to, uint32_t count)
{
    __asm__ volatile("rep insw" : "+D"(to), "+c"(count) : "d"(port) : "memory");
}

static inline void outsw(uint16_t port, const void *from, uint32_t count)
{
    __asm__ volatile("rep outsw" : "+S"(from), "+c"(count) : "d"(port) : "memory");
}

/* What was stored before is in memory before the next instruction to a device that reads it there. The
 * CPU keeps that order by itself; the compiler has to be told. */
static inline void memory_barrier(void)
{
    __asm__ volatile("" : : : "memory");
}

static inline uint64_t rdtsc(void)
{
    uint64_t t;
    __asm__ volatile("rdtsc" : "=A"(t));
    return t;
}

enum { EFLAGS_RESERVED = 1 << 1, EFLAGS_TF = 1 << 8, EFLAGS_IF = 1 << 9 };

/* Interrupts off, and back to what they were. */
static inline uint32_t irq_save(void)
{
    uint32_t flags;
    __asm__ volatile("pushf; pop %0; cli" : "=r"(flags) : : "memory");
    return flags;
}

static inline void irq_restore(uint32_t flags)
{
    __asm__ volatile("push %0; popf" : : "r"(flags) : "memory", "cc");
}

static inline void irq_enable(void)
{
    __asm__ volatile("sti" : : : "memory");
}

static inline bool irq_enabled(void)
{
    uint32_t flags;
    __asm__ volatile("pushf; pop %0" : "=r"(flags) : : "memory");
    return (flags & EFLAGS_IF) != 0;
}

/* Sleeps until an interrupt has been served; interrupts are off before and after. The rdtsc is for QEMU's
 * -icount: when its other thread looks at the moment the CPU halts, instructions since the clock was last
 * read are counted twice. Now these are two, and cpu_align_tsc absorbs them. */
static inline void cpu_idle(void)
{
    __asm__ volatile("rdtsc; sti; hlt; cli" : : : "eax", "edx", "memory");
}

enum { TSC_ALIGNMENT = 256 };

/* Waits for the next multiple of TSC_ALIGNMENT: one instruction a tick, so under -icount to the very tick. */
static inline void cpu_align_tsc(void)
{
    __asm__ volatile("rdtsc; neg %%eax; and %0, %%eax; mov %%eax, %%ecx; jecxz 2f; 1: loop 1b; 2:"
                     :
                     : "i"(TSC_ALIGNMENT - 1)
                     : "eax", "ecx", "edx", "cc");
}

static inline void cpu_relax(void)
{
    __asm__ volatile("pause");
}

static inline void NORETURN cpu_halt_forever(void)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}

static inline uint32_t read_cr0(void)
{
    uint32_t v;
    __asm__ volatile("mov %%cr0, %0" : "=r"(v));
    return v;
}

static inline void write_cr0(uint32_t v)
{
    __asm__ volatile("mov %0, %%cr0" : : "r"(v) : "memory");
}

static inline uint32_t read_cr2(void)
{
    uint32_t v;
    __asm__ volatile("mov %%cr2, %0" : "=r"(v));
    return v;
}

static inline uint32_t read_cr3(void)
{
    uint32_t v;
    __asm__ volatile("mov %%cr3, %0" : "=r"(v));
    return v;
}

static inline void write_cr3(uint32_t v)
{
    __asm__ volatile("mov %0, %%cr3" : : "r"(v) : "memory");
}

static inline uint32_t read_cr4(void)
{
    uint32_t v;
    __asm__ volatile("mov %%cr4, %0" : "=r"(v));
    return v;
}

static inline void write_cr4(uint32_t v)
{
    __asm__ volatile("mov %0, %%cr4" : : "r"(v) : "memory");
}

static inline void invlpg(uint32_t va)
{
    __asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

#endif
