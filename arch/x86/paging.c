/* SPDX-License-Identifier: MIT
 * Page tables of the kernel itself, all static: they must exist before any allocator, and every address
 * space shares them. */
#include "arch/x86/paging.h"
#include "arch/x86/cpu.h"
#include "arch/x86/io.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/port.h"
#include "mm/vmem.h"

enum {
    ENTRIES = 1024,
    PDE_SPAN = PAGE_SIZE * ENTRIES, /* bytes behind one directory entry: 4 MiB */
    IMAGE_TABLES = 2,               /* 4 KiB pages under the kernel image: 8 MiB */
    STACK_TABLES = 1,               /* 4 MiB of stack area */
    STACK_SLOT = 4 * PAGE_SIZE,     /* two guard pages, two stack pages: keeps slots aligned */
    STACK_SLOTS = STACK_TABLES * PDE_SPAN / STACK_SLOT,
    WINDOW_PAGES = 2, /* a window and an unmapped page: who runs over the end of one hits no other */
};
_Static_assert(WINDOWS *WINDOW_PAGES *PAGE_SIZE <= DEVICE_AREA - WINDOW_AREA, "windows and devices");

static uint32_t kernel_root[ENTRIES] __attribute__((aligned(PAGE_SIZE)));
static uint32_t image_table[IMAGE_TABLES][ENTRIES] __attribute__((aligned(PAGE_SIZE)));
static uint32_t stack_table[STACK_TABLES * ENTRIES] __attribute__((aligned(PAGE_SIZE)));
static uint32_t window_table[ENTRIES] __attribute__((aligned(PAGE_SIZE)));
static struct vmem *stack_area; /* its slots; NULL until the first is wanted, as it needs the heap */

/* linker.ld */
extern char __text_start[], __text_end[], __rodata_start[], __rodata_end[], __kernel_end[];

void *phys_to_ptr(paddr_t pa)
{
    return (void *)(pa + KERNEL_BASE);
}

paddr_t ptr_to_phys(const void *p)
{
    return (paddr_t)p - KERNEL_BASE;
}

/* A and D are set from the start, so that the MMU never changes the PTE and it can be compared. Apart from
 * page_window, so that the common case needs no register saved. */
static NOINLINE void *high_window(pfn_t pfn, enum page_window w)
{
    uint32_t *pte = &window_table[w * WINDOW_PAGES];
    vaddr_t va = WINDOW_AREA + w * WINDOW_PAGES * PAGE_SIZE;
    uint32_t want = pfn_base(pfn) | X86_P | X86_W | X86_A | X86_D;
    if (*pte != want) {
        *pte = want;
        invlpg(va);
    }
    return (void *)va;
}

void *page_window(pfn_t pfn, enum page_window w)
{
    if (likely(pfn.n < DIRECT_MAP_MAX >> PAGE_SHIFT))
        return phys_to_ptr(pfn_base(pfn));
    return high_window(pfn, w);
}

volatile void *paging_map_device(paddr_t pa, uint32_t bytes)
{
    static uint32_t next = (DEVICE_AREA - WINDOW_AREA) / PAGE_SIZE;
    uint32_t offset = pa % PAGE_SIZE, first = next;
    if (bytes > PDE_SPAN || (offset + bytes + PAGE_SIZE - 1) / PAGE_SIZE > ENTRIES - next)
        return NULL;
    for (uint32_t at = 0; at < offset + bytes; at += PAGE_SIZE)
        window_table[next++] = (pa - offset + at) | X86_P | X86_W | X86_PWT | X86_PCD | X86_A | X86_D;
    return (volatile void *)(WINDOW_AREA + first * PAGE_SIZE + offset);
}

static uint32_t rights_of(vaddr_t va)
{
    bool constant = (va >= (vaddr_t)__text_start && va < (vaddr_t)__text_end) ||
                    (va >= (vaddr_t)__rodata_start && va < (vaddr_t)__rodata_end);
    return constant ? X86_P : X86_P | X86_W;
}

void paging_init(paddr_t top)
{
    uint32_t global = cpu_features.pge ? X86_G : 0;
    uint32_t first = KERNEL_BASE / PDE_SPAN;
    ASSERT((vaddr_t)__kernel_end - KERNEL_BASE <= IMAGE_TABLES * PDE_SPAN, "the kernel image ends at %p",
           (void *)__kernel_end);
    for (uint32_t i = 0; i < IMAGE_TABLES; i++) {
        for (uint32_t j = 0; j < ENTRIES; j++) {
            paddr_t pa = i * PDE_SPAN + j * PAGE_SIZE;
            image_table[i][j] = pa | rights_of(pa + KERNEL_BASE) | global;
        }
        kernel_root[first + i] = ptr_to_phys(image_table[i]) | X86_P | X86_W;
    }
    for (uint32_t i = IMAGE_TABLES; i * PDE_SPAN < MIN(top, DIRECT_MAP_MAX); i++)
        kernel_root[first + i] = i * PDE_SPAN | X86_P | X86_W | X86_PS | global;
    for (uint32_t i = 0; i < STACK_TABLES; i++)
        kernel_root[STACK_AREA / PDE_SPAN + i] = ptr_to_phys(&stack_table[i * ENTRIES]) | X86_P | X86_W;
    kernel_root[WINDOW_AREA / PDE_SPAN] = ptr_to_phys(window_table) | X86_P | X86_W;
    write_cr3(paging_kernel_root());
    if (cpu_features.pge) {
        enum { CR4_PGE = 1 << 7 };
        write_cr4(read_cr4() | CR4_PGE);
    }
}

paddr_t paging_kernel_root(void)
{
    return ptr_to_phys(kernel_root);
}

void paging_share_kernel(uint32_t *root)
{
    uint32_t first = KERNEL_BASE / PDE_SPAN;
    memset(root, 0, first * sizeof root[0]);
    memcpy(root + first, kernel_root + first, (ENTRIES - first) * sizeof root[0]);
}

/* `slot` is the address where a slot starts. */
static uint32_t *stack_pte(vaddr_t slot, uint32_t page)
{
    return &stack_table[(slot + STACK_SLOT - KERNEL_STACK_SIZE - STACK_AREA) / PAGE_SIZE + page];
}

static void unmap_stack(vaddr_t slot)
{
    for (uint32_t i = 0; i < KERNEL_STACK_PAGES; i++) {
        uint32_t *pte = stack_pte(slot, i);
        if (*pte == 0)
            continue;
        struct frame *f = frame_of(pfn_of(*pte));
        *pte = 0;
        invlpg(STACK_AREA + (uint32_t)(pte - stack_table) * PAGE_SIZE);
        buddy_free(f);
    }
}

/* With tags for as many segments as there can be: when processes end, free memory is what it was. */
static struct vmem *make_stack_area(void)
{
    struct vmem_config c = {
        .name = "kernel", .quantum = STACK_SLOT, .fit = &fit_first, .tags = STACK_SLOTS + 1};
    struct vmem *a = vmem_create(&c);
    if (a == NULL || vmem_add(a, STACK_AREA, STACK_TABLES * PDE_SPAN) == VM_OK)
        return a;
    vmem_destroy(a);
    return NULL;
}

uint32_t kernel_stack_alloc(void)
{
    uintptr_t slot;
    if (stack_area == NULL && (stack_area = make_stack_area()) == NULL)
        return 0;
    if (vmem_alloc(stack_area, STACK_SLOT, &slot) != VM_OK)
        return 0;
    for (uint32_t i = 0; i < KERNEL_STACK_PAGES; i++) {
        struct frame *f = buddy_alloc(0, ALLOC_KERNEL);
        if (f == NULL) {
            unmap_stack(slot);
            vmem_free(stack_area, slot, STACK_SLOT);
            return 0;
        }
        *stack_pte(slot, i) = pfn_base(frame_pfn(f)) | X86_P | X86_W;
    }
    return slot + STACK_SLOT;
}

void kernel_stack_free(uint32_t top)
{
    unmap_stack(top - STACK_SLOT);
    vmem_free(stack_area, top - STACK_SLOT, STACK_SLOT);
}

bool kernel_stack_guard(vaddr_t va)
{
    return va >= STACK_AREA && va < STACK_AREA + STACK_TABLES * PDE_SPAN &&
           va % STACK_SLOT < STACK_SLOT - KERNEL_STACK_SIZE;
}

void paging_walk(vaddr_t va, uint32_t *pde, uint32_t *pte)
{
    const uint32_t *root = phys_to_ptr(read_cr3() & X86_FRAME_MASK);
    *pde = root[va / PDE_SPAN];
    *pte = 0;
    if ((*pde & X86_P) && !(*pde & X86_PS))
        *pte = ((const uint32_t *)phys_to_ptr(*pde & X86_FRAME_MASK))[va / PAGE_SIZE % ENTRIES];
}
