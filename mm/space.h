/* SPDX-License-Identifier: MIT
 * mm-level: 7.1
 * An address space: regions, page tables, the pool that its pages compete in. */
#ifndef MM_SPACE_H
#define MM_SPACE_H

#include "mm/pmap.h"
#include "mm/pool.h"
#include "mm/reclaim.h"
#include "mm/region.h"

/* The user part of every address space: as on Linux i386, less the first 64 KiB (a null pointer with an
 * offset must fault), the last page stays empty. Bytes. */
#define USER_START ((vaddr_t)0x00010000)
#define USER_END   ((vaddr_t)0xbffff000)

enum { GAPS_NAME = 16 };

struct space {
    struct list_node link; /* all_spaces */
    struct pmap pmap;
    struct pool *pool;         /* one reference */
    struct region_set regions; /* only its own process changes them */
    vaddr_t brk_start, brk;    /* the heap; brk in bytes, not aligned */
    vaddr_t map_top;           /* space_find_gap finds nothing above */
    uint32_t stack_limit;      /* how far a stack may grow, bytes */
    uint32_t locked;           /* pages of locked regions */
    bool lock_future;          /* mlockall(MCL_FUTURE): new regions are locked */
    uint32_t always;           /* flags that every new region gets */
    uint32_t minor, major;     /* faults */
    struct exact *exact;       /* NULL: it has no exact regions */
    struct step step;          /* what the instruction that faults has got so far */
    char gaps_name[GAPS_NAME]; /* of regions.gaps, which space_find_gap makes */
};

extern struct list_node all_spaces;

/* => the space with this tag, or NULL */
struct space *space_find(uint32_t pid);

enum { STACK_LIMIT = 8 << 20, STACK_GUARD = 1 << 20 }; /* bytes; Linux's defaults */

/* => VM_OK or VM_NO_MEMORY. tag is the pid. */
enum vm_result space_init(struct space *s, struct pool *pool, uint32_t tag) MUST_CHECK;

/* Frees every page, slot and table. It is gone at once; then, if it was the last of its pool, may evict and
 * sleep (pool_put). => no CPU uses it. */
void space_destroy(struct space *s);

/* Adds a region; takes over its reference to the object only if it succeeds. No page becomes resident. The
 * region joins its neighbours if it can. => VM_OK, VM_EXISTS when something is there, VM_INVALID (unaligned,
 * empty, outside the user part), VM_NO_MEMORY. */
enum vm_result space_map(struct space *s, const struct region *r) MUST_CHECK;

/* The same where space_find_gap finds room: of r->start and r->end only their difference counts, and they
 * are set. */
enum vm_result space_map_anywhere(struct space *s, struct region *r) MUST_CHECK;

/* => the start of a free range of `length` bytes below map_top, by the strategy of the space's arena of gaps;
 * 0 if there is none. The first call makes the arena; without memory for it, it is as under last fit. */
vaddr_t space_find_gap(struct space *s, uint32_t length);

/* The strategy of arenas that are made from here on. As at first, last fit finds the highest gap, as Linux
 * does. */
extern const struct fit *space_gap_fit;

/* Unmaps whatever is mapped in the range. => as space_map; on VM_NO_MEMORY nothing is unmapped. */
enum vm_result space_unmap(struct space *s, vaddr_t start, uint32_t length) MUST_CHECK;

/* Changes rights, from the start of the range to its end or the first hole, as Linux does. => VM_NO_REGION
 * when part of the range is not mapped; VM_FORBIDDEN when a region of it may never be written. */
enum vm_result space_protect(struct space *s, vaddr_t start, uint32_t length, uint32_t prot) MUST_CHECK;

/* Moves the end of the heap. => the brk that holds now: the old one if the new one is not possible. */
vaddr_t space_brk(struct space *s, vaddr_t brk);

/* => true when every page of the range lies in some region. */
bool space_covers(struct space *s, vaddr_t start, vaddr_t end);

/* Frees the pages of part of region r, resident or swapped; the region stays. */
void space_drop_pages(struct space *s, const struct region *r, vaddr_t start, vaddr_t end);

/* Copies between kernel memory and the space, faulting pages in: may evict and sleep. The range is
 * checked against regions and rights page by page. => VM_OK, or why the first bad page is bad; pages
 * before it were copied. */
enum vm_result space_copy_in(struct space *s, void *to, vaddr_t from, uint32_t n) MUST_CHECK;
enum vm_result space_copy_out(struct space *s, vaddr_t to, const void *from, uint32_t n) MUST_CHECK;

/* Gives the child, fresh from space_init, the same regions and content as the parent: pages are
 * shared and copied when either writes. On failure the caller
 * destroys the child. May evict and sleep. => VM_OK, or why memory could not be had. In fork.c. */
enum vm_result space_fork(struct space *child, struct space *parent) MUST_CHECK;

/* Makes the page of va resident with at least this access. Declared low, defined high: fault.c. */
enum vm_result vm_fault_in(struct space *s, vaddr_t va, enum vm_prot access) MUST_CHECK;

/* Its exact regions' pages that are shown are hidden. Declared low, defined high: exact.c; so is the end of
 * what it keeps for them, and what a child gets of it. */
void exact_hide_all(struct space *s);
void exact_destroy(struct space *s);
enum vm_result exact_fork(struct space *child, struct space *parent) MUST_CHECK;

/* Does a fault at va, which is in no region, mean that the stack wants to grow? => its region, NULL: no.
 * space_grow_stack lets it grow, too. */
struct region *space_stack_for(const struct space *s, vaddr_t va);
struct region *space_grow_stack(struct space *s, vaddr_t va);

/* Rights that a page in f may have in region r right now: less than the region's while a write must be seen
 * first, because the page is shared. */
uint32_t space_page_prot(const struct region *r, const struct frame *f);

/* Cuts an object, or extends it with zeros. Pages beyond the new end go, wherever they are mapped, private
 * copies included; the rest of the last page is zeroed. May evict and sleep. => VM_OK, VM_NO_MEMORY, or why
 * the last page cannot be read. */
enum vm_result object_resize(struct object *o, struct pool *p, uint32_t length) MUST_CHECK;

#endif
