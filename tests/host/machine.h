/* SPDX-License-Identifier: MIT
 * The fake machine that mm/ runs on in host tests: RAM with holes, an MMU with two-level tables and a TLB
 * that goes stale, one CPU that loads and stores words, one swap disk. It implements mm/port.h, mm/pmap.h
 * and lib/page.h.
 *
 * The TLB is the point. As on x86 it keeps the rights and the dirty bit as they were when an access filled
 * it, sets A when it is filled, and writes D back only on the first write through an entry without D. An
 * entry is dropped by invalidation, by a collision, and by the fault that it causes. Unlike x86's it is
 * tagged with the address space, so that no switch hides a forgotten invalidation. Whenever an entry is
 * used, it is held against its PTE, and a stale one stops the test.
 *
 * A machine may have high memory, beyond its direct map: there phys_to_ptr panics, and page_window gives an
 * address that dies when the window is used for another frame or a disk transfer has come between, because
 * that may sleep. Who uses it afterwards stops the test. */
#ifndef TESTS_HOST_MACHINE_H
#define TESTS_HOST_MACHINE_H

#include "mm/fault.h"
#include "mm/frame.h"
#include "tests/host/disk.h"

/* Where RAM starts. What frame_init and phys_to_ptr see is not 0-based, and has a hole. */
#define MACHINE_RAM_BASE ((paddr_t)0x100000)

struct machine {
    uint8_t *ram;           /* host address of physical 0; only what machine_ram said can be touched */
    paddr_t ram_end;        /* bytes; of low memory */
    paddr_t high, high_end; /* high memory; both 0: none */
    struct disk disk;       /* what swap_init was given */
    uint32_t faults;        /* taken by machine_access */
    struct fault last;      /* the last of them, as vm_fault left it */
    /* What wait_on and wake_all do; NULL: a wait panics, as nobody would ever end it. See fiber.h. */
    void (*wait)(const void *channel);
    void (*wake)(const void *channel);
    uint32_t waits;         /* calls of wait_on */
    uint32_t invalidations; /* TLB entries that an invalidation removed */
    uint32_t free_frames;   /* after machine_build, */
    uint32_t free_slots;    /* ... for leak checks */
};

extern struct machine machine;

/* RAM at these ranges, full of junk; touching any other physical address kills the test. Replaces all. */
void machine_ram(const struct phys_range *ranges, size_t count);

/* The whole machine, afresh: at least `frames` frames for the buddy allocator in two separated ranges,
 * `reserve` of them for the kernel, and a disk of `slots` (0: none). Counters are zero, the log is quiet. */
void machine_build(uint32_t frames, uint32_t reserve, uint32_t slots);

/* The same with `high` frames of high memory more. They are not copied for EXPECT_PANIC's statement: what it
 * writes into them stays. */
void machine_build_high(uint32_t frames, uint32_t high, uint32_t reserve, uint32_t slots);

/* Every pointer that page_window gave is dead from here on: somebody slept. */
void machine_windows_close(void);

/* What the CPU does with one aligned word: VM_WRITE stores *word, VM_READ and VM_EXEC load it. Faults go
 * to vm_fault and the access is tried again. => VM_OK, or what vm_fault said. */
enum vm_result machine_access(struct space *s, vaddr_t va, enum vm_prot access, uint32_t *word) MUST_CHECK;

/* The page fault alone, which leaves the page's accessed and dirty bits as mm/ sets them. => as vm_fault */
enum vm_result machine_fault(struct space *s, vaddr_t va, enum vm_prot access) MUST_CHECK;

/* Holds every TLB entry against its PTE. */
bool machine_tlb_check(struct printer *out) MUST_CHECK;

/* Forgets every translation, as a switch of address spaces does. */
void machine_tlb_flush(void);

#endif
