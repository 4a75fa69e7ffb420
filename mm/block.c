/* SPDX-License-Identifier: MIT
 * mm-level: 7.5
 * Blocks, from the choice of the order to the mapping. A block is only ever private: fork, and whatever
 * treats pages one by one, splits it first (evict.h, block_split). */
#include "mm/block.h"
#include "lib/log.h"
#include "lib/panic.h"
#include "mm/port.h"
#include "mm/rmap.h"
#include "mm/stats.h"

/* Can the page become part of a block: is it absent, and nobody else's? */
static bool absent(const struct space *s, vaddr_t va)
{
    struct pte pte = pmap_lookup(&s->pmap, va);
    if (pte.state == PTE_SWAPPED)
        return swap_refs(pte.slot) == 1 && swap_cached(pte.slot) == NULL;
    return pte.state == PTE_NONE;
}

static bool all_absent(const struct space *s, vaddr_t start, vaddr_t end)
{
    for (vaddr_t va = start; (va = pmap_next_table(&s->pmap, va, end)) < end; va += PAGE_SIZE)
        if (!absent(s, va))
            return false;
    return true;
}

static vaddr_t block_start(vaddr_t va, unsigned order)
{
    return ALIGN_DOWN(va, (vaddr_t)PAGE_SIZE << order);
}

unsigned block_order(const struct space *s, const struct region *r, vaddr_t va)
{
    unsigned order = 0;
    if (r->object != NULL || (r->flags & REGION_LOCKED))
        return 0;
    /* each order's block contains the one before, so only its other half has to be looked at */
    while (order < s->pool->order) {
        vaddr_t start = block_start(va, order + 1), size = (vaddr_t)PAGE_SIZE << order;
        vaddr_t other = start == block_start(va, order) ? start + size : start;
        if (start < r->start || r->end - start < 2 * size || !all_absent(s, other, other + size))
            break;
        order++;
    }
    return order > 0 && absent(s, va) ? order : 0;
}

/* The frames take over the PTEs' references of their slots. From here on others that look find them BUSY. */
static void keep_slots(struct space *s, struct frame *block, vaddr_t start, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct pte pte = pmap_lookup(&s->pmap, start + i * PAGE_SIZE);
        block[i].flags |= FRAME_BUSY;
        if (pte.state != PTE_SWAPPED)
            continue;
        swap_ref(pte.slot, 1);
        page_keep_slot(&block[i], pte.slot);
    }
}

/* Reads block[0] and those behind it whose slots adjoin. => how many */
static uint32_t read_run(struct frame *block, uint32_t most, enum vm_result *result)
{
    struct frame *run[BLKDEV_MAX_RUN] = {block};
    bool corrupt[BLKDEV_MAX_RUN];
    slot_t first = block[0].slot;
    uint32_t n = 0;
    for (; n < most && n < BLKDEV_MAX_RUN && block[n].slot.n == first.n + n; n++)
        run[n] = &block[n];
    enum vm_result r = swap_in_run(first, run, n, corrupt);
    for (uint32_t i = 0; r == VM_OK && i < n; i++)
        if (corrupt[i])
            r = VM_CORRUPT;
    if (r != VM_OK)
        *result = r;
    return n;
}

static enum vm_result fill(struct frame *block, uint32_t count, bool *major)
{
    enum vm_result result = VM_OK;
    for (uint32_t i = 0; i < count;) {
        if (slot_valid(block[i].slot)) {
            *major = true;
            i += read_run(&block[i], count - i, &result);
        } else {
            page_zero(page_window(frame_pfn(&block[i]), WINDOW_TO));
            i++;
        }
    }
    for (uint32_t i = 0; i < count; i++)
        page_ready(&block[i]);
    return result;
}

static void enter(struct space *s, const struct region *r, struct frame *block, vaddr_t start, unsigned order)
{
    uint32_t count = 1u << order;
    for (uint32_t i = 0; i < count; i++) {
        if (!slot_valid(block[i].slot))
            continue;
        pmap_forget(&s->pmap, start + i * PAGE_SIZE);
        swap_unref(block[i].slot);
        if (swap_scarce())
            page_drop_slot(&block[i]);
    }
    if (order != PMAP_LARGE_ORDER ||
        pmap_enter_large(&s->pmap, start, frame_pfn(block), r->prot, false) != VM_OK)
        for (uint32_t i = 0; i < count; i++)
            pmap_enter(&s->pmap, start + i * PAGE_SIZE, frame_pfn(&block[i]), r->prot, false);
    enum vm_result result = rmap_add(block, &s->pmap, start);
    ASSERT(result == VM_OK, "block: frame %#x for %#x was not new", frame_pfn(block).n, start);
    pool_insert(block);
}

enum vm_result block_bring_in(struct space *s, const struct region *r, vaddr_t va, unsigned *order,
                              bool *major)
{
    unsigned wanted = *order;
    struct frame *block = NULL;
    while (wanted > 0 && (block = page_alloc_block(s->pool, wanted)) == NULL)
        wanted--;
    if (wanted < *order && log_on(LOG_FAULT))
        log_event(LOG_FAULT, "block pid=%u va=0x%08x order=%u is not to be had, order=%u instead",
                  s->pmap.tag, va, *order, wanted);
    *order = 0;
    if (block == NULL)
        return VM_OK;
    vaddr_t start = block_start(va, wanted);
    uint32_t count = 1u << wanted;
    if (!all_absent(s, start, start + count * PAGE_SIZE) || pmap_reserve(&s->pmap, va) != VM_OK) {
        page_free(block);
        return VM_OK;
    }
    keep_slots(s, block, start, count);
    enum vm_result result = fill(block, count, major);
    if (result != VM_OK) {
        page_free(block);
        return result;
    }
    enter(s, r, block, start, wanted);
    *order = wanted;
    return VM_OK;
}
