/* SPDX-License-Identifier: MIT
 * mm-level: 2
 * Page tables, the contract. The PTE is the single truth about a page: present with a frame, not present
 * with a swap slot, or none (never touched, or dropped because its source has the same content).
 * Implemented by arch/x86/pmap.c in the kernel and by tests/host/machine.c on the host.
 *
 * The implementation keeps the TLB honest: after any call that takes rights away or clears an accessed
 * bit, no stale translation of that page is left. Granting rights needs no invalidation. */
#ifndef MM_PMAP_H
#define MM_PMAP_H

#include "mm/types.h"

enum pte_state { PTE_NONE, PTE_PRESENT, PTE_SWAPPED };

struct pte {
    union {
        pfn_t pfn;   /* PRESENT; of the page, also in the middle of a large mapping */
        slot_t slot; /* SWAPPED */
    };
    uint8_t state; /* enum pte_state */
    bool writable; /* the rest: PRESENT, else false */
    bool accessed;
    bool dirty;
};

/* One address space's page tables. Embedded in struct space. */
struct pmap {
    void *root;           /* the machine's top-level table */
    paddr_t root_pa;      /* what the MMU is loaded with */
    uint32_t tables;      /* page-table frames, root and spare ones included */
    paddr_t spare_tables; /* for splitting large mappings, chained; 0: none */
    uint32_t tag;         /* the pid, for log lines; set by the owner */
    uint32_t resident;    /* PTEs present */
    uint32_t swapped;     /* PTEs in state SWAPPED */
    uint32_t evictions;   /* pages taken away by reclaim, kept by reclaim.c */
    uint32_t writebacks;  /* of these, written to swap */
};

/* => VM_OK or VM_NO_MEMORY. Never evicts. */
enum vm_result pmap_init(struct pmap *p) MUST_CHECK;

/* Frees the tables. => no PTE may be present or swapped any more; p is not in use by any CPU. */
void pmap_destroy(struct pmap *p);

/* Reads a PTE. => state NONE also where there is no page table. */
struct pte pmap_lookup(const struct pmap *p, vaddr_t va);

/* Makes sure that va has a page table, so that pmap_enter and pmap_enter_swapped can be called. => VM_OK, or
 * VM_NO_MEMORY when a table is needed and no frame is free. Never evicts. */
enum vm_result pmap_reserve(struct pmap *p, vaddr_t va) MUST_CHECK;

/* Maps va to a frame with the rights prot, of enum vm_prot. `dirty` presets the dirty bit: the content
 * differs from what is stored. => there is a page table, and the PTE is not present. */
void pmap_enter(struct pmap *p, vaddr_t va, pfn_t pfn, uint32_t prot, bool dirty);

/* Makes the PTE SWAPPED(slot). => there is a page table, and the PTE is NONE. */
void pmap_enter_swapped(struct pmap *p, vaddr_t va, slot_t slot);

/* Maps a whole block of 2^PMAP_LARGE_ORDER frames by one entry of the directory. Block and va are aligned to
 * it, and no PTE of the range is present or swapped. => VM_OK, or VM_NO_MEMORY when there is no
 * frame for the page table that a later split needs. Never evicts. */
enum { PMAP_LARGE_ORDER = 10 };
enum vm_result pmap_enter_large(struct pmap *p, vaddr_t va, pfn_t pfn, uint32_t prot, bool dirty) MUST_CHECK;

/* Replaces a large mapping that contains va by as many small ones, with the same rights, accessed and dirty
 * bits. Nothing if it is not large. Cannot fail. Every call below that changes one PTE of a large mapping
 * wants this first; pmap_lookup, pmap_mark and pmap_test_clear_accessed work on both. */
void pmap_split_large(struct pmap *p, vaddr_t va);

/* Takes a present PTE away and returns it as the hardware left it. The PTE becomes SWAPPED(slot), or
 * NONE if slot is SLOT_NONE. */
struct pte pmap_unmap(struct pmap *p, vaddr_t va, slot_t slot);

/* A present PTE names another frame from here on; all else stays as it is: rights, accessed, dirty. */
void pmap_replace(struct pmap *p, vaddr_t va, pfn_t pfn);

/* Turns a SWAPPED PTE into NONE. */
void pmap_forget(struct pmap *p, vaddr_t va);

/* Changes the rights of a present PTE to prot, of enum vm_prot; 0 forbids every access by the user. */
void pmap_protect(struct pmap *p, vaddr_t va, uint32_t prot);

/* Sets accessed (and dirty) as a hardware access would: for accesses that the kernel makes through the
 * direct map on behalf of the process. => the PTE is present. */
void pmap_mark(struct pmap *p, vaddr_t va, bool dirty);

/* => whether the present PTE had its accessed bit set; it is clear now. */
bool pmap_test_clear_accessed(struct pmap *p, vaddr_t va);

/* Is there any use in looking at [va, end)? => the first address from va on that has a page table, or
 * end. Lets walks skip empty parts of an address space. */
vaddr_t pmap_next_table(const struct pmap *p, vaddr_t va, vaddr_t end);

#endif
