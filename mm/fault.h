/* SPDX-License-Identifier: MIT
 * mm-level: 8
 * Page faults: what one is, and how it ended. */
#ifndef MM_FAULT_H
#define MM_FAULT_H

#include "mm/fault_log.h"
#include "mm/space.h"

/* The numbered cases, explained at the top of fault.c. The log, the trace, the tests and docs/ use the
 * same numbers. */
enum fault_case {
    CASE_NO_REGION = 0,
    CASE_FORBIDDEN = 1,
    CASE_SPURIOUS = 2,
    CASE_FIRST_TOUCH = 3,
    CASE_SWAPPED = 4,
    CASE_COW = 5,
};

/* The case of an access that the region allows, by what the PTE says. */
static inline enum fault_case fault_case_of(struct pte pte, enum vm_prot access)
{
    switch ((enum pte_state)pte.state) {
    case PTE_PRESENT:
        return pte.writable || !(access & VM_WRITE) ? CASE_SPURIOUS : CASE_COW;
    case PTE_SWAPPED:
        return CASE_SWAPPED;
    case PTE_NONE:
        break;
    }
    return CASE_FIRST_TOUCH;
}

/* One fault. Who sets a field: [c] the caller, [1] find_region, [2] look_up, [3] the case's resolver. */
struct fault {
    struct space *space;   /* [c] */
    vaddr_t va;            /* [c] the address, any byte of the page */
    enum vm_prot access;   /* [c] what was tried */
    uint32_t ip;           /* [c] the instruction, or 0 when the kernel copies for the process */
    const void *registers; /* [c] for fault_step; NULL when the kernel copies for the process */
    struct region *region; /* [1] NULL in case 0 */
    struct pte pte;        /* [2] as it was when the fault came */
    enum fault_case kase;  /* [1] [2] */
    bool major;            /* [3] a swap disk was read */
    uint8_t order;         /* [3] 2^order pages were brought in */
    struct frame *frame;   /* [3] the page's frame, NULL if refused */
    slot_t slot;           /* [3] the slot it was read from, or SLOT_NONE */
    const char *what;      /* [3] what was done, in one word */
};

/* Resolves or refuses one fault. May evict, may sleep. => VM_OK: the access can be tried again. Anything
 * else: why it cannot succeed; nothing is changed. */
enum vm_result vm_fault(struct fault *f) MUST_CHECK;

/* All that the faulting instruction can depend on in one number, see struct step; never 0. Two states with
 * one number would be taken for one step, which does no harm but to keep pages a little longer. Declared low,
 * defined high: kernel/trap.c knows what `registers` points at. */
uint32_t fault_step(const void *registers);

/* Nothing can be evicted for a page of s. Declared low, defined high: kernel/oom.c ends a process. => true:
 * some memory may have come free, try again; false: there is nothing to be done, or s itself must go. May
 * sleep. */
bool vm_out_of_memory(struct space *s, enum vm_result why);

#endif
