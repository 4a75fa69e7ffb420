/* SPDX-License-Identifier: MIT
 * mm/pmap.h on the x86 MMU: two-level tables of 32-bit entries. A page-table frame is allocated when its
 * first PTE is needed and lives as long as the address space. Only the loaded tables can be in the TLB:
 * loading others flushes it, so other spaces need no invalidation. */
#include "mm/pmap.h"
#include "arch/x86/io.h"
#include "arch/x86/paging.h"
#include "lib/panic.h"
#include "lib/trace.h"
#include "mm/buddy.h"
#include "mm/port.h"
#include "mm/stats.h"

enum { ENTRIES = 1024, PDE_SPAN = PAGE_SIZE * ENTRIES };
#define LARGE_MASK 0xffc00000u /* where the frame of a large mapping is in its directory entry */

static struct pmap *active;

paddr_t pmap_active_root(void)
{
    return active != NULL ? active->root_pa : paging_kernel_root();
}

/* Throws every translation away. */
static void load_root(void)
{
    write_cr3(pmap_active_root());
    vmstat.nr_tlb_local_flush_all++;
    TRACE(FLUSH, 1, active != NULL ? active->tag : 0, 0);
}

void pmap_activate(struct pmap *p)
{
    if (p == active)
        return;
    active = p;
    load_root();
}

enum vm_result pmap_init(struct pmap *p)
{
    struct frame *f = buddy_alloc(0, ALLOC_KERNEL);
    if (f == NULL)
        return VM_NO_MEMORY;
    p->root = frame_ptr(f);
    p->root_pa = pfn_base(frame_pfn(f));
    p->tables = 1;
    paging_share_kernel(p->root);
    return VM_OK;
}

void pmap_destroy(struct pmap *p)
{
    ASSERT(p->resident == 0, "pmap of pid %u destroyed with %u pages resident", p->tag, p->resident);
    if (p == active)
        pmap_activate(NULL);
    const uint32_t *root = p->root;
    for (uint32_t i = 0; i < KERNEL_BASE / PDE_SPAN; i++)
        if (root[i] & X86_P)
            buddy_free(frame_of(pfn_of(root[i])));
    ASSERT(p->spare_tables == 0, "pmap of pid %u destroyed with spare tables", p->tag);
    buddy_free(frame_of_ptr(p->root));
    p->root = NULL;
}

/* Is e an entry of the directory? */
static inline bool is_large(const struct pmap *p, const uint32_t *e)
{
    return (uintptr_t)e - (uintptr_t)p->root < PAGE_SIZE;
}

/* => the PTE, or the PDE of a large mapping, or NULL where there is neither. */
static inline uint32_t *entry_at(const struct pmap *p, vaddr_t va)
{
    uint32_t *pde = (uint32_t *)p->root + va / PDE_SPAN;
    if (unlikely((*pde & (X86_P | X86_PS)) != X86_P))
        return *pde & X86_P ? pde : NULL;
    return (uint32_t *)((*pde & X86_FRAME_MASK) + KERNEL_BASE) + va / PAGE_SIZE % ENTRIES;
}

/* => NULL where there is no page table. Not under a large mapping: those are split first. */
static inline uint32_t *pte_at(const struct pmap *p, vaddr_t va)
{
    uint32_t pde = ((const uint32_t *)p->root)[va / PDE_SPAN];
    if (unlikely((pde & (X86_P | X86_PS)) != X86_P)) {
        ASSERT(!(pde & X86_P), "pmap: pid %u va %#x is part of a large mapping", p->tag, va);
        return NULL;
    }
    return (uint32_t *)((pde & X86_FRAME_MASK) + KERNEL_BASE) + va / PAGE_SIZE % ENTRIES;
}

static inline void invalidate(const struct pmap *p, vaddr_t va)
{
    if (p != active)
        return;
    invlpg(va);
    vmstat.nr_tlb_local_flush_one++;
}

/* After an invalidate and what led to it: out of the way of those whom nobody traces. */
static NOINLINE void flush_seen(const struct pmap *p, vaddr_t va)
{
    if (p == active)
        TRACE(FLUSH, 0, p->tag, va);
}

static NOINLINE void unmap_seen(const struct pmap *p, vaddr_t va, uint32_t old, slot_t slot)
{
    TRACE(UNMAP, (old & X86_A ? 1u : 0) | (old & X86_D ? 2u : 0), p->tag, va, old / PAGE_SIZE, slot.n);
    flush_seen(p, va);
}

static inline struct pte decode(uint32_t raw)
{
    struct pte pte = {.pfn = pfn_of(raw)};
    if (likely(raw & X86_P)) {
        pte.state = PTE_PRESENT;
        pte.writable = (raw & X86_W) != 0;
        pte.accessed = (raw & X86_A) != 0;
        pte.dirty = (raw & X86_D) != 0;
    } else if (raw & X86_SWAPPED) {
        pte.state = PTE_SWAPPED;
        pte.slot = (slot_t){raw >> X86_SLOT_SHIFT};
    }
    return pte;
}

static uint32_t rights(uint32_t prot)
{
    return (prot ? X86_U : 0) | (prot & VM_WRITE ? X86_W : 0);
}

struct pte pmap_lookup(const struct pmap *p, vaddr_t va)
{
    const uint32_t *e = entry_at(p, va);
    struct pte pte = decode(e != NULL ? *e : 0);
    if (unlikely(e != NULL && is_large(p, e)))
        pte.pfn.n = (*e & LARGE_MASK) / PAGE_SIZE + va / PAGE_SIZE % ENTRIES;
    return pte;
}

/* A frame for a page table, all zeros. */
static struct frame *new_table(struct pmap *p)
{
    struct frame *f = buddy_alloc(0, ALLOC_KERNEL);
    if (f == NULL)
        return NULL;
    page_zero(frame_ptr(f));
    p->tables++;
    return f;
}

enum vm_result pmap_reserve(struct pmap *p, vaddr_t va)
{
    if (likely(entry_at(p, va) != NULL))
        return VM_OK;
    struct frame *f = new_table(p);
    if (f == NULL)
        return VM_NO_MEMORY;
    ((uint32_t *)p->root)[va / PDE_SPAN] = pfn_base(frame_pfn(f)) | X86_P | X86_W | X86_U;
    return VM_OK;
}

void pmap_enter(struct pmap *p, vaddr_t va, pfn_t pfn, uint32_t prot, bool dirty)
{
    uint32_t *pte = pte_at(p, va);
    ASSERT(pte != NULL && !(*pte & X86_P), "pmap_enter: pid %u va %#x is present already or has no table",
           p->tag, va);
    p->swapped -= *pte != 0;
    *pte = pfn_base(pfn) | X86_P | rights(prot) | (dirty ? X86_D : 0);
    p->resident++;
    TRACE(MAP, (prot & VM_WRITE ? 1u : 0) | (dirty ? 2u : 0), p->tag, va, pfn.n);
}

void pmap_enter_swapped(struct pmap *p, vaddr_t va, slot_t slot)
{
    uint32_t *pte = pte_at(p, va);
    ASSERT(pte != NULL && *pte == 0, "pmap_enter_swapped: pid %u va %#x is not empty", p->tag, va);
    *pte = slot.n << X86_SLOT_SHIFT | X86_SWAPPED;
    p->swapped++;
}

/* The table that the directory entry had, or a new one, waits in a list through its first word: a split must
 * not fail for want of memory. */
enum vm_result pmap_enter_large(struct pmap *p, vaddr_t va, pfn_t pfn, uint32_t prot, bool dirty)
{
    uint32_t *pde = (uint32_t *)p->root + va / PDE_SPAN;
    ASSERT(va % PDE_SPAN == 0 && pfn.n % ENTRIES == 0 && !(*pde & X86_PS), "pmap_enter_large: pid %u va %#x",
           p->tag, va);
    if (pmap_reserve(p, va) != VM_OK)
        return VM_NO_MEMORY;
    uint32_t *table = phys_to_ptr(*pde & X86_FRAME_MASK);
    table[0] = p->spare_tables;
    p->spare_tables = *pde & X86_FRAME_MASK;
    *pde = pfn_base(pfn) | X86_P | X86_PS | rights(prot) | (dirty ? X86_D : 0);
    if (p == active)
        load_root(); /* the table may be in the paging-structure caches */
    p->resident += ENTRIES;
    TRACE(MAP, (prot & VM_WRITE ? 1u : 0) | (dirty ? 2u : 0) | 4u, p->tag, va, pfn.n);
    return VM_OK;
}

void pmap_split_large(struct pmap *p, vaddr_t va)
{
    uint32_t *pde = (uint32_t *)p->root + va / PDE_SPAN;
    if (!(*pde & X86_PS))
        return;
    uint32_t old = *pde, first = old & LARGE_MASK;
    paddr_t table_pa = p->spare_tables;
    uint32_t *table = phys_to_ptr(table_pa);
    p->spare_tables = table[0];
    for (uint32_t i = 0; i < ENTRIES; i++)
        table[i] = (first + i * PAGE_SIZE) | (old & (X86_P | X86_W | X86_U | X86_A | X86_D));
    *pde = table_pa | X86_P | X86_W | X86_U;
    if (p == active)
        load_root();
}

struct pte pmap_unmap(struct pmap *p, vaddr_t va, slot_t slot)
{
    uint32_t *pte = pte_at(p, va);
    ASSERT(pte != NULL && (*pte & X86_P), "pmap_unmap: pid %u va %#x is not present", p->tag, va);
    uint32_t gone = slot_valid(slot) ? slot.n << X86_SLOT_SHIFT | X86_SWAPPED : 0;
    /* one exchange: no accessed or dirty bit that the MMU sets meanwhile is lost */
    uint32_t old = __atomic_exchange_n(pte, gone, __ATOMIC_SEQ_CST);
    invalidate(p, va);
    p->resident--;
    p->swapped += gone != 0;
    if (trace_on(TRACE_MAP | TRACE_TLB))
        unmap_seen(p, va, old, slot);
    return decode(old);
}

void pmap_replace(struct pmap *p, vaddr_t va, pfn_t pfn)
{
    uint32_t *pte = pte_at(p, va);
    ASSERT(pte != NULL && (*pte & X86_P), "pmap_replace: pid %u va %#x is not present", p->tag, va);
    *pte = (*pte & ~X86_FRAME_MASK) | pfn_base(pfn);
    invalidate(p, va);
    if (trace_on(TRACE_TLB))
        flush_seen(p, va);
}

void pmap_forget(struct pmap *p, vaddr_t va)
{
    uint32_t *pte = pte_at(p, va);
    ASSERT(pte != NULL && !(*pte & X86_P), "pmap_forget: pid %u va %#x is present", p->tag, va);
    p->swapped -= *pte != 0;
    *pte = 0;
}

void pmap_protect(struct pmap *p, vaddr_t va, uint32_t prot)
{
    uint32_t *pte = pte_at(p, va);
    ASSERT(pte != NULL && (*pte & X86_P), "pmap_protect: pid %u va %#x is not present", p->tag, va);
    uint32_t old = *pte;
    *pte = (old & ~(uint32_t)(X86_W | X86_U)) | rights(prot);
    if (old & ~*pte) {
        invalidate(p, va);
        if (trace_on(TRACE_TLB))
            flush_seen(p, va);
    }
}

void pmap_mark(struct pmap *p, vaddr_t va, bool dirty)
{
    uint32_t *e = entry_at(p, va);
    ASSERT(e != NULL && (*e & X86_P), "pmap_mark: pid %u va %#x is not present", p->tag, va);
    *e |= X86_A | (dirty ? X86_D : 0);
}

bool pmap_test_clear_accessed(struct pmap *p, vaddr_t va)
{
    uint32_t *e = entry_at(p, va);
    if (e == NULL || !(*e & X86_A))
        return false;
    *e &= ~(uint32_t)X86_A;
    invalidate(p, va); /* or the MMU would not set the bit again */
    if (trace_on(TRACE_TLB))
        flush_seen(p, va);
    return true;
}

vaddr_t pmap_next_table(const struct pmap *p, vaddr_t va, vaddr_t end)
{
    while (va < end && entry_at(p, va) == NULL)
        va = ALIGN_DOWN(va, (vaddr_t)PDE_SPAN) + PDE_SPAN;
    return MIN(va, end);
}
