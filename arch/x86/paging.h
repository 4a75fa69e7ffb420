/* SPDX-License-Identifier: MIT
 * The kernel's part of every address space, and loading page tables into the MMU.
 *
 *   0x00000000  programs                                        own page tables each
 *   0xC0000000  direct map: physical 0 up to 896 MiB            4 MiB pages; 4 KiB pages under the kernel
 *   0xF8000000  kernel stacks, each below an unmapped page      4 KiB pages
 *   0xFFC00000  windows: any frame, one at a time (mm/port.h)   4 KiB pages
 *   0xFFC40000  registers of devices                            4 KiB pages, not cached
 */
#ifndef ARCH_X86_PAGING_H
#define ARCH_X86_PAGING_H

#include "mm/pmap.h"

#define KERNEL_BASE    ((vaddr_t)0xc0000000)
#define STACK_AREA     ((vaddr_t)0xf8000000)
#define WINDOW_AREA    ((vaddr_t)0xffc00000)
#define DEVICE_AREA    ((vaddr_t)0xffc40000)
#define DIRECT_MAP_MAX ((paddr_t)(STACK_AREA - KERNEL_BASE)) /* where the direct map ends at the latest */

/* PTE bits (Intel SDM 3A, 4.3). The last three use bits that the CPU ignores in a not-present PTE; a
 * swapped PTE keeps W and U where they were, and the slot above SLOT_SHIFT. */
enum {
    X86_P = 1 << 0,
    X86_W = 1 << 1,
    X86_U = 1 << 2,
    X86_PWT = 1 << 3,
    X86_PCD = 1 << 4,
    X86_A = 1 << 5,
    X86_D = 1 << 6,
    X86_PS = 1 << 7,
    X86_PAT = 1 << 7, /* of a PTE */
    X86_G = 1 << 8,
    X86_SOFTWARE = 1 << 9, /* and two more: ignored by the CPU, always 0 */
    X86_SWAPPED = 1 << 3,
    X86_SLOT_SHIFT = 8,
};
#define X86_FRAME_MASK 0xfffff000u

/* Replaces the boot tables: direct map up to `top`, kernel text and rodata read-only, nothing below
 * KERNEL_BASE. Needs no allocator. */
void paging_init(paddr_t top);

paddr_t paging_kernel_root(void);

/* Makes a page directory for a new address space: the kernel's part, which never changes after
 * paging_init, and nothing below it. */
void paging_share_kernel(uint32_t *root);

/* Maps registers of a device, for good. => NULL: no room for so many */
volatile void *paging_map_device(paddr_t pa, uint32_t bytes);

/* What CR3 was last loaded with. A task switch does not save it. */
paddr_t pmap_active_root(void);

/* Loads p's tables, or the kernel's alone if p is NULL; nothing if they are loaded already. */
void pmap_activate(struct pmap *p);

/* Kernel stacks, in slots of the stack area with guard pages. */
enum { KERNEL_STACK_PAGES = 2, KERNEL_STACK_SIZE = KERNEL_STACK_PAGES * PAGE_SIZE };

/* => the top of a new stack, or 0 when memory or slots are short. */
uint32_t kernel_stack_alloc(void);
void kernel_stack_free(uint32_t top);

/* Is va in the unmapped page below some kernel stack? */
bool kernel_stack_guard(vaddr_t va);

/* The raw PDE and PTE of an address, for people: what the MMU would use right now. pte is 0 under a 4 MiB
 * page or where there is no table. */
void paging_walk(vaddr_t va, uint32_t *pde, uint32_t *pte);

#endif
