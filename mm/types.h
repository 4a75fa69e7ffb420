/* SPDX-License-Identifier: MIT
 * mm-level: 0
 * The words of virtual memory as types: page = virtual, frame = physical, slot = on disk. One-field
 * structs, so that mixing them does not compile. */
#ifndef MM_TYPES_H
#define MM_TYPES_H

#include "lib/page.h"
#include "lib/types.h"

typedef uint32_t vaddr_t; /* a virtual address of a process, bytes */
typedef uint32_t paddr_t; /* a physical address, bytes */

typedef struct {
    uint32_t n; /* physical address >> PAGE_SHIFT */
} pfn_t;

typedef struct {
    uint32_t n; /* index on the swap disk, in pages */
} slot_t;

#define SLOT_NONE ((slot_t){UINT32_MAX})

static inline bool slot_valid(slot_t s)
{
    return s.n != UINT32_MAX;
}

static inline pfn_t pfn_of(paddr_t pa)
{
    return (pfn_t){pa >> PAGE_SHIFT};
}

static inline paddr_t pfn_base(pfn_t pfn)
{
    return pfn.n << PAGE_SHIFT;
}

/* How an operation of mm/ ended. Only kernel/trap.c turns one into a signal or a panic. */
enum vm_result {
    VM_OK,
    VM_NO_REGION, /* nothing is mapped at the address (SEGV_MAPERR) */
    VM_FORBIDDEN, /* the region does not allow this access (SEGV_ACCERR) */
    VM_BEYOND,    /* the page lies beyond the end of the file that is mapped (SIGBUS) */
    VM_NO_MEMORY, /* no frame: none is free and none can be evicted */
    VM_NO_SWAP,   /* no frame: victims are dirty and the swap disk is full */
    VM_IO_ERROR,  /* the disk failed */
    VM_CORRUPT,   /* the disk returned other bytes than were written */
    VM_EXISTS,    /* the address range is taken */
    VM_INVALID,   /* the arguments make no sense */
};

/* What may be done with a page; also the access that a fault wants. */
enum vm_prot {
    VM_READ = 1,
    VM_WRITE = 2,
    VM_EXEC = 4,
};

#endif
