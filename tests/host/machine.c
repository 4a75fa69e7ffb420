/* SPDX-License-Identifier: MIT
 * The fake machine: RAM, page tables, TLB, CPU. */
#include "tests/host/machine.h"
#include "lib/log.h"
#include "lib/panic.h"
#include "lib/spin.h"
#include "lib/string.h"
#include "lib/wait.h"
#include "mm/buddy.h"
#include "mm/port.h"
#include "mm/reclaim.h"
#include "mm/slab.h"
#include "mm/stats.h"
#include "mm/swap.h"
#include "tests/host/high.h"
#include <sys/mman.h>

struct machine machine;

/* ---- RAM ---- */

void machine_ram(const struct phys_range *ranges, size_t count)
{
    slab_reap(); /* what is kept of the old machine's */
    if (machine.ram != NULL)
        munmap(machine.ram, machine.ram_end);
    machine.ram_end = 0;
    for (size_t i = 0; i < count; i++)
        machine.ram_end = MAX(machine.ram_end, ALIGN_UP(ranges[i].end, (paddr_t)PAGE_SIZE));
    machine.ram = mmap(NULL, machine.ram_end, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT(machine.ram != MAP_FAILED, "machine: the host has no %u bytes", machine.ram_end);
    for (size_t i = 0; i < count; i++) {
        paddr_t start = ALIGN_DOWN(ranges[i].start, (paddr_t)PAGE_SIZE);
        size_t bytes = ALIGN_UP(ranges[i].end, (paddr_t)PAGE_SIZE) - start;
        int err = mprotect(machine.ram + start, bytes, PROT_READ | PROT_WRITE);
        ASSERT(err == 0, "machine: mprotect of %#x failed", start);
        memset(machine.ram + start, RAM_JUNK, bytes);
    }
}

void *phys_to_ptr(paddr_t pa)
{
    ASSERT(pa < machine.high || pa >= machine.high_end,
           "machine: physical address %#x is beyond the direct map", pa);
    ASSERT(pa >= MACHINE_RAM_BASE && pa < machine.ram_end, "machine: physical address %#x is not RAM", pa);
    return machine.ram + pa;
}

paddr_t ptr_to_phys(const void *p)
{
    uintptr_t offset = (uintptr_t)p - (uintptr_t)machine.ram;
    ASSERT(offset >= MACHINE_RAM_BASE && offset < machine.ram_end, "machine: pointer %p is not into RAM", p);
    return (paddr_t)offset;
}

/* As the CPU sees it. */
static uint8_t *ram_at(paddr_t pa)
{
    bool is_high = pa >= machine.high && pa < machine.high_end;
    return is_high ? high_at(pa) : phys_to_ptr(pa);
}

/* ---- sleeping ---- */

/* There is one thread. */
void preempt_now(void)
{
    preempt_state |= PREEMPT_UNWANTED;
}

void wait_on(const void *channel)
{
    spin_check_none("wait_on");
    if (machine.wait == NULL)
        panic("machine: a wait for %p, which would never end", channel);
    machine.waits++;
    machine.wait(channel);
}

void wake_all(const void *channel)
{
    if (machine.wake != NULL)
        machine.wake(channel);
}

/* The fake CPU's instructions have no registers. */
uint32_t fault_step(const void *registers UNUSED)
{
    return 1;
}

/* Nobody is there to be ended. */
bool vm_out_of_memory(struct space *s UNUSED, enum vm_result why UNUSED)
{
    return false;
}

static void assert_page(const void *p)
{
    ASSERT((uintptr_t)p % PAGE_SIZE == 0, "page work on %p, which is not page aligned", p);
}

void page_zero(void *page)
{
    assert_page(page);
    memset(page, 0, PAGE_SIZE);
}

void page_copy(void *dst, const void *src)
{
    assert_page(dst);
    memcpy(dst, src, PAGE_SIZE);
}

uint32_t page_copy_sum(void *dst, const void *src)
{
    struct page_lanes lanes;
    assert_page(src);
    page_copy_sum_generic(dst, src, &lanes);
    return page_sum_fold(&lanes);
}

uint32_t page_sum(const void *page)
{
    return page_copy_sum(NULL, page);
}

/* ---- page tables ---- */

enum {
    ENTRIES = 1024, /* of each level */
    TABLE_SPAN = ENTRIES * PAGE_SIZE,
    P = 1 << 0,
    W = 1 << 1,
    U = 1 << 2,
    SWAPPED = 1 << 3, /* with P clear: the upper bits are a slot */
    A = 1 << 5,
    D = 1 << 6,
    PS = 1 << 7, /* in the directory: a large mapping */
};

/* ---- TLB ---- */

enum { TLB_ENTRIES = 1024 };

static struct tlb_entry {
    const struct pmap *pmap; /* NULL: empty */
    vaddr_t page;
    uint32_t pte; /* as it was at the last walk */
} tlb[TLB_ENTRIES];

static struct tlb_entry *tlb_entry(const struct pmap *p, vaddr_t va)
{
    return &tlb[(va / PAGE_SIZE + p->tag * 61) % TLB_ENTRIES];
}

static bool tlb_hit(const struct tlb_entry *e, const struct pmap *p, vaddr_t va)
{
    return e->pmap == p && e->page == ALIGN_DOWN(va, (vaddr_t)PAGE_SIZE);
}

static void drop(struct tlb_entry *e)
{
    e->pmap = NULL;
    machine.invalidations++;
}

static void invalidate(const struct pmap *p, vaddr_t va)
{
    struct tlb_entry *e = tlb_entry(p, va);
    if (tlb_hit(e, p, va))
        drop(e);
}

/* A page of a large mapping has its translation in one entry of a real TLB. */
static void invalidate_large(const struct pmap *p, vaddr_t va)
{
    for (size_t i = 0; i < TLB_ENTRIES; i++)
        if (tlb[i].pmap == p && tlb[i].page / TABLE_SPAN == va / TABLE_SPAN)
            drop(&tlb[i]);
}

void machine_tlb_flush(void)
{
    memset(tlb, 0, sizeof tlb);
}

/* ---- mm/pmap.h ---- */

static uint32_t *pde_at(const struct pmap *p, vaddr_t va)
{
    return (uint32_t *)p->root + va / TABLE_SPAN;
}

static bool is_large(const struct pmap *p, vaddr_t va)
{
    return (*pde_at(p, va) & (P | PS)) == (P | PS);
}

/* => the PTE, or the directory's entry of a large mapping, or NULL where there is neither. */
static uint32_t *walk(const struct pmap *p, vaddr_t va)
{
    uint32_t *pde = pde_at(p, va);
    if (!(*pde & P))
        return NULL;
    if (*pde & PS)
        return pde;
    return (uint32_t *)phys_to_ptr(pfn_base(pfn_of(*pde))) + va / PAGE_SIZE % ENTRIES;
}

/* What the MMU makes of it: the page's own frame and bits, 0 where nothing is. */
static uint32_t translation(const struct pmap *p, vaddr_t va)
{
    const uint32_t *e = walk(p, va);
    if (e == NULL)
        return 0;
    return is_large(p, va) ? (*e & ~(uint32_t)PS) + va / PAGE_SIZE % ENTRIES * PAGE_SIZE : *e;
}

/* => the PTE of a page that is not part of a large mapping. */
static uint32_t *walk_in_state(const struct pmap *p, vaddr_t va, enum pte_state state, const char *who)
{
    enum pte_state is = pmap_lookup(p, va).state;
    ASSERT(!is_large(p, va), "%s: pid %u va %#x is part of a large mapping", who, p->tag, va);
    ASSERT(is == state, "%s: pid %u va %#x is in state %d, not %d", who, p->tag, va, is, state);
    ASSERT(walk(p, va) != NULL, "%s: pid %u va %#x has no page table", who, p->tag, va);
    return walk(p, va);
}

static uint32_t rights(uint32_t prot)
{
    return (prot != 0 ? U : 0) | (prot & VM_WRITE ? W : 0);
}

static struct pte decode(uint32_t raw)
{
    if (raw & P)
        return (struct pte){.state = PTE_PRESENT,
                            .pfn = pfn_of(raw),
                            .writable = raw & W,
                            .accessed = raw & A,
                            .dirty = raw & D};
    if (raw & SWAPPED)
        return (struct pte){.state = PTE_SWAPPED, .slot = {raw >> PAGE_SHIFT}};
    return (struct pte){.state = PTE_NONE};
}

static void *table_alloc(void)
{
    struct frame *f = buddy_alloc(0, ALLOC_KERNEL);
    if (f == NULL)
        return NULL;
    page_zero(frame_ptr(f));
    return frame_ptr(f);
}

enum vm_result pmap_init(struct pmap *p)
{
    p->root = table_alloc();
    if (p->root == NULL)
        return VM_NO_MEMORY;
    p->root_pa = ptr_to_phys(p->root);
    p->tables = 1;
    return VM_OK;
}

void pmap_destroy(struct pmap *p)
{
    ASSERT(p->resident == 0, "pmap_destroy: pid %u has %u pages resident", p->tag, p->resident);
    ASSERT(p->spare_tables == 0, "pmap_destroy: pid %u has spare tables", p->tag);
    for (vaddr_t va = 0; (va = pmap_next_table(p, va, USER_END)) < USER_END; va += TABLE_SPAN) {
        for (vaddr_t i = 0; i < ENTRIES; i++)
            ASSERT(pmap_lookup(p, va + i * PAGE_SIZE).state == PTE_NONE, "pmap_destroy: pid %u keeps va %#x",
                   p->tag, va + i * PAGE_SIZE);
        buddy_free(frame_of_ptr(walk(p, va)));
        p->tables--;
    }
    ASSERT(p->tables == 1, "pmap_destroy: pid %u counts %u tables too many", p->tag, p->tables - 1);
    buddy_free(frame_of_ptr(p->root));
    p->root = NULL;
}

struct pte pmap_lookup(const struct pmap *p, vaddr_t va)
{
    return decode(translation(p, va));
}

enum vm_result pmap_reserve(struct pmap *p, vaddr_t va)
{
    ASSERT(va >= USER_START && va < USER_END, "pmap_reserve: va %#x", va);
    if (walk(p, va) != NULL)
        return VM_OK;
    void *table = table_alloc();
    if (table == NULL)
        return VM_NO_MEMORY;
    *pde_at(p, va) = ptr_to_phys(table) | P;
    p->tables++;
    return VM_OK;
}

static void assert_page_va(vaddr_t va, const char *who)
{
    ASSERT(va % PAGE_SIZE == 0 && va >= USER_START && va < USER_END, "%s: va %#x", who, va);
}

void pmap_enter(struct pmap *p, vaddr_t va, pfn_t pfn, uint32_t prot, bool dirty)
{
    assert_page_va(va, "pmap_enter");
    ASSERT(walk(p, va) != NULL && !is_large(p, va), "pmap_enter: pid %u va %#x has no page table", p->tag,
           va);
    uint32_t *pte = walk(p, va);
    ASSERT(!(*pte & P), "pmap_enter: pid %u va %#x is present", p->tag, va);
    *pte = pfn_base(pfn) | P | rights(prot) | (dirty ? D : 0);
    p->resident++;
}

void pmap_enter_swapped(struct pmap *p, vaddr_t va, slot_t slot)
{
    assert_page_va(va, "pmap_enter_swapped");
    *walk_in_state(p, va, PTE_NONE, "pmap_enter_swapped") = slot.n << PAGE_SHIFT | SWAPPED;
}

enum vm_result pmap_enter_large(struct pmap *p, vaddr_t va, pfn_t pfn, uint32_t prot, bool dirty)
{
    assert_page_va(va, "pmap_enter_large");
    ASSERT(va % TABLE_SPAN == 0 && pfn.n % ENTRIES == 0, "pmap_enter_large: va %#x, frame %#x", va, pfn.n);
    for (vaddr_t i = 0; i < ENTRIES; i++)
        ASSERT(pmap_lookup(p, va + i * PAGE_SIZE).state == PTE_NONE, "pmap_enter_large: va %#x is taken",
               va + i * PAGE_SIZE);
    if (pmap_reserve(p, va) != VM_OK)
        return VM_NO_MEMORY;
    uint32_t *pde = pde_at(p, va);
    paddr_t table = pfn_base(pfn_of(*pde));
    *(uint32_t *)phys_to_ptr(table) = p->spare_tables;
    p->spare_tables = table;
    *pde = pfn_base(pfn) | P | PS | rights(prot) | (dirty ? D : 0);
    p->resident += ENTRIES;
    return VM_OK;
}

void pmap_split_large(struct pmap *p, vaddr_t va)
{
    if (!is_large(p, va))
        return;
    vaddr_t first = ALIGN_DOWN(va, (vaddr_t)TABLE_SPAN);
    paddr_t table = p->spare_tables;
    ASSERT(table != 0, "pmap_split_large: pid %u has no spare table", p->tag);
    uint32_t *ptes = phys_to_ptr(table);
    p->spare_tables = ptes[0];
    for (uint32_t i = 0; i < ENTRIES; i++)
        ptes[i] = translation(p, first + i * PAGE_SIZE);
    *pde_at(p, va) = table | P;
    invalidate_large(p, va);
}

struct pte pmap_unmap(struct pmap *p, vaddr_t va, slot_t slot)
{
    uint32_t *pte = walk_in_state(p, va, PTE_PRESENT, "pmap_unmap"), old = *pte;
    *pte = slot_valid(slot) ? slot.n << PAGE_SHIFT | SWAPPED : 0;
    invalidate(p, va);
    p->resident--;
    return decode(old);
}

void pmap_replace(struct pmap *p, vaddr_t va, pfn_t pfn)
{
    uint32_t *pte = walk_in_state(p, va, PTE_PRESENT, "pmap_replace");
    *pte = *pte % PAGE_SIZE + pfn_base(pfn);
    invalidate(p, va);
}

void pmap_forget(struct pmap *p, vaddr_t va)
{
    *walk_in_state(p, va, PTE_SWAPPED, "pmap_forget") = 0;
}

void pmap_protect(struct pmap *p, vaddr_t va, uint32_t prot)
{
    uint32_t *pte = walk_in_state(p, va, PTE_PRESENT, "pmap_protect"), old = *pte;
    *pte = (old & ~(uint32_t)(W | U)) | rights(prot);
    if (old & ~*pte)
        invalidate(p, va);
}

/* The entry of a present page, also of a large mapping. */
static uint32_t *present_entry(const struct pmap *p, vaddr_t va, const char *who)
{
    uint32_t *e = walk(p, va);
    ASSERT(e != NULL && (*e & P), "%s: pid %u va %#x is not present", who, p->tag, va);
    return e;
}

void pmap_mark(struct pmap *p, vaddr_t va, bool dirty)
{
    *present_entry(p, va, "pmap_mark") |= A | (dirty ? D : 0);
}

bool pmap_test_clear_accessed(struct pmap *p, vaddr_t va)
{
    uint32_t *e = present_entry(p, va, "pmap_test_clear_accessed");
    if (!(*e & A))
        return false;
    *e &= ~(uint32_t)A;
    if (is_large(p, va))
        invalidate_large(p, va);
    else
        invalidate(p, va);
    return true;
}

vaddr_t pmap_next_table(const struct pmap *p, vaddr_t va, vaddr_t end)
{
    while (va < end && walk(p, va) == NULL)
        va = ALIGN_DOWN(va, (vaddr_t)TABLE_SPAN) + TABLE_SPAN;
    return MIN(va, end);
}

/* ---- CPU ---- */

enum { MAX_TRIES = 4 }; /* one word needs one page: more faults than this in a row never end */

/* Does the entry promise what its PTE does not, or lead elsewhere? */
static bool stale(const struct tlb_entry *e)
{
    uint32_t now = translation(e->pmap, e->page);
    return (e->pte & ~now & (P | W | U | A | D)) || pfn_of(e->pte ^ now).n != 0;
}

bool machine_tlb_check(struct printer *out)
{
    for (size_t i = 0; i < TLB_ENTRIES; i++) {
        if (tlb[i].pmap != NULL && tlb[i].pmap->root != NULL && stale(&tlb[i])) {
            print(out, "tlb: entry %#x of pid %u va %#x is stale\n", tlb[i].pte, tlb[i].pmap->tag,
                  tlb[i].page);
            return false;
        }
    }
    return true;
}

static bool allowed(uint32_t pte, bool write)
{
    return (pte & P) && (pte & U) && (!write || (pte & W));
}

/* => the word's place in RAM, or NULL: page fault. */
static uint32_t *translate(struct pmap *p, vaddr_t va, bool write)
{
    uint32_t *entry = walk(p, va);
    struct tlb_entry *e = tlb_entry(p, va);
    if (tlb_hit(e, p, va)) {
        /* in nearly every access the entry is its PTE still, bit for bit */
        ASSERT((entry != NULL && *entry == e->pte) || !stale(e),
               "machine: stale TLB entry %#x used for pid %u va %#x, whose PTE is %#x", e->pte, p->tag, va,
               translation(p, va));
        if (!allowed(e->pte, write)) {
            e->pmap = NULL;
            return NULL;
        }
    } else {
        if (entry == NULL || !allowed(*entry, write))
            return NULL;
        *entry |= A;
        *e = (struct tlb_entry){p, ALIGN_DOWN(va, (vaddr_t)PAGE_SIZE), translation(p, va)};
    }
    if (write && !(e->pte & D)) {
        *entry |= D;
        e->pte = translation(p, va);
    }
    return (uint32_t *)ram_at(pfn_base(pfn_of(e->pte)) + va % PAGE_SIZE);
}

enum vm_result machine_fault(struct space *s, vaddr_t va, enum vm_prot access)
{
    struct fault f = {.space = s, .va = va, .access = access};
    machine.faults++;
    enum vm_result r = vm_fault(&f); /* others may fault meanwhile */
    machine.last = f;
    return r;
}

enum vm_result machine_access(struct space *s, vaddr_t va, enum vm_prot access, uint32_t *word)
{
    ASSERT(va % sizeof *word == 0, "machine: access to %#x", va);
    for (int tries = 0; tries < MAX_TRIES; tries++) {
        uint32_t *at = translate(&s->pmap, va, access == VM_WRITE);
        if (at != NULL) {
            if (access == VM_WRITE)
                *at = *word;
            else
                *word = *at;
            return VM_OK;
        }
        enum vm_result r = machine_fault(s, va, access);
        if (r != VM_OK)
            return r;
    }
    panic("machine: the access to %#x faults for ever", va);
}

/* ---- the whole ---- */

void machine_build(uint32_t frames, uint32_t reserve, uint32_t slots)
{
    machine_build_high(frames, 0, reserve, slots);
}

void machine_build_high(uint32_t frames, uint32_t high, uint32_t reserve, uint32_t slots)
{
    enum { HOLE = 37 * PAGE_SIZE, LOW_PIECES = 2, PIECES = 3 };
    const paddr_t largest_block = PAGE_SIZE << BUDDY_MAX_ORDER;
    if (machine.ram != NULL && swap_init(NULL) != VM_OK)
        panic("machine: the old swap disk does not go away");
    disk_destroy(&machine.disk);

    /* the database and the slot table come on top of what was asked for */
    uint32_t known = frames + frames / 8 + high + (high > 0 ? 2048 : 512);
    uint32_t extra = known * (uint32_t)sizeof(struct frame) / PAGE_SIZE + 1;
    uint32_t half = (frames / 2 + extra) * PAGE_SIZE;
    struct phys_range ranges[PIECES] = {{MACHINE_RAM_BASE, MACHINE_RAM_BASE + half}};
    ranges[1].start = ranges[0].end + HOLE;
    ranges[1].end = ranges[1].start + (frames - frames / 2) * PAGE_SIZE;
    if (high > 0) { /* it starts where low memory ends: their blocks must not merge */
        paddr_t up = ALIGN_UP(ranges[1].end, largest_block) - ranges[1].end;
        ranges[1].start += up;
        ranges[1].end += up;
    }
    ranges[2] = (struct phys_range){ranges[1].end, ranges[1].end + high * PAGE_SIZE};
    machine_ram(ranges, LOW_PIECES);
    high_init(ranges[2].start, high * PAGE_SIZE);

    struct frame_census census;
    if (!frame_init(ranges, PIECES, NULL, 0, UINT32_MAX, high > 0 ? machine.high : UINT32_MAX, &census))
        panic("machine: no room for the frame database");
    buddy_init(reserve);
    buddy_junk = true;
    disk_init(&machine.disk, slots);
    if (swap_init(slots > 0 ? &machine.disk.dev : NULL) != VM_OK)
        panic("machine: no swap on %u slots", slots);
    if (reclaim_init() != VM_OK)
        panic("machine: no page of zeros");
    swap_readahead = 1;
    machine_tlb_flush();
    memset(&vmstat, 0, sizeof vmstat);
    (void)log_configure("quiet");
    machine.faults = machine.invalidations = machine.waits = 0;
    machine.wait = NULL;
    machine.wake = NULL;
    machine.free_frames = buddy_free_frames();
    machine.free_slots = swap_free();
}
