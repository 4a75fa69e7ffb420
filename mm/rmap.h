/* SPDX-License-Identifier: MIT
 * mm-level: 2.2
 * The reverse map: frame -> every (page table, address) that maps it. The first mapping is in the frame
 * record itself, further ones hang off it, so that a private page costs no allocation. */
#ifndef MM_RMAP_H
#define MM_RMAP_H

#include "mm/frame.h"
#include "mm/pmap.h"

struct rmap_node {
    struct rmap_node *next;
    struct pmap *pmap;
    vaddr_t va;
};

/* => VM_OK, or VM_NO_MEMORY (only for the second mapping on). Never evicts. */
enum vm_result rmap_add(struct frame *f, struct pmap *p, vaddr_t va) MUST_CHECK;

/* => the mapping must be there. */
void rmap_remove(struct frame *f, struct pmap *p, vaddr_t va);

/* The mapping at `from` is at `to` now. => it must be there. */
void rmap_move(struct frame *f, struct pmap *p, vaddr_t from, vaddr_t to);

/* Removes every mapping, and its PTE, which becomes SWAPPED(slot), or NONE if slot is SLOT_NONE. f is a
 * single page. => whether any of the PTEs just removed was dirty; *count is how many there were. */
bool rmap_unmap_all(struct frame *f, slot_t slot, uint32_t *count);

/* Of a block of user pages: of any of its PTEs. */
bool rmap_dirty(const struct frame *f);
bool rmap_accessed(const struct frame *f);
bool rmap_test_clear_accessed(struct frame *f);
uint32_t rmap_count(const struct frame *f);
bool rmap_has(const struct frame *f, const struct pmap *p, vaddr_t va);

#endif
