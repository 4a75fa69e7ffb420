/* SPDX-License-Identifier: MIT
 * mm-level: 8
 * The page fault. Every fault is one of six cases:
 *
 *   0  no region        nothing is mapped at the address: refused
 *   1  forbidden        the region does not allow the access: refused
 *   2  spurious         the PTE already allows it: another path was faster, nothing to do
 *   3  first touch      no page yet, or a clean one was dropped: its source fills it (zero, file)
 *   4  swapped out      the page is in a swap slot: it is read back (a major fault)
 *   5  copy on write    a shared page is written: it is copied. No mapping is shared yet, so this case
 *                       cannot occur; the number is reserved
 *
 * The work is a loop over phases. Getting a frame may evict and may sleep, so afterwards the PTE is
 * looked up again; if it changed, the loop starts over with what is true now. The PTE is the single
 * truth: no other table says where a page is. */
#include "mm/fault.h"
#include "lib/log.h"
#include "lib/panic.h"
#include "mm/port.h"
#include "mm/reclaim.h"
#include "mm/rmap.h"
#include "mm/stats.h"

/* How a phase ended. */
enum phase { PHASE_NEXT, PHASE_RESTART, PHASE_REFUSED };

/* Phase 1: is the access legal at all? Cases 0 and 1. */
static enum vm_result find_region(struct fault *f)
{
    f->region = NULL;
    f->frame = NULL;
    f->slot = SLOT_NONE;
    f->kase = CASE_NO_REGION;
    if (f->va >= USER_START && f->va < USER_END)
        f->region = region_find(&f->space->regions, f->va);
    if (unlikely(f->region == NULL))
        return VM_NO_REGION;
    f->kase = CASE_FORBIDDEN;
    return likely(f->region->prot & f->access) ? VM_OK : VM_FORBIDDEN;
}

/* Phase 2: where is the page? Cases 2, 3, 4. */
static void look_up(struct fault *f)
{
    f->pte = pmap_lookup(&f->space->pmap, f->va);
    switch (f->pte.state) {
    case PTE_PRESENT:
        ASSERT(f->pte.writable || !(f->access & VM_WRITE),
               "fault: page %#x is present read-only in a writable region", f->va);
        f->kase = CASE_SPURIOUS;
        f->frame = frame_of(f->pte.pfn);
        break;
    case PTE_SWAPPED:
        f->kase = CASE_SWAPPED;
        break;
    case PTE_NONE:
        f->kase = CASE_FIRST_TOUCH;
        break;
    }
}

/* Is the PTE still what phase 2 saw? */
static bool unchanged(const struct fault *f)
{
    struct pte now = pmap_lookup(&f->space->pmap, f->va);
    return now.state == f->pte.state && (now.state != PTE_SWAPPED || now.slot.n == f->pte.slot.n);
}

/* Phase 4: the filled frame becomes the page. A page table may be needed; when no frame is free for one,
 * a page is evicted to make room. => on failure the caller still owns the frame. */
static enum vm_result map_page(struct fault *f, bool dirty, uint32_t refault_distance)
{
    struct pmap *pmap = &f->space->pmap;
    vaddr_t page = ALIGN_DOWN(f->va, (vaddr_t)PAGE_SIZE);
    enum vm_result r;
    while (unlikely((r = pmap_enter(pmap, page, frame_pfn(f->frame), f->region->prot, dirty)) != VM_OK)) {
        r = memory_evict();
        if (r != VM_OK)
            return r;
    }
    r = rmap_add(f->frame, pmap, page);
    ASSERT(r == VM_OK, "fault: frame %#x for %#x was not new", frame_pfn(f->frame).n, f->va);
    pool_insert(f->space->pool, f->frame, refault_distance);
    return VM_OK;
}

/* Case 3. */
static enum vm_result first_touch(struct fault *f)
{
    struct region *region = f->region;
    uint32_t offset = region->offset + (ALIGN_DOWN(f->va, (vaddr_t)PAGE_SIZE) - region->start);
    enum vm_result r =
        region->source.fill(&region->source, offset, page_window(frame_pfn(f->frame), WINDOW_TO));
    return r == VM_OK ? map_page(f, false, REFAULT_NONE) : r;
}

/* Case 4. The slot stays the page's copy while the page is clean, unless slots are scarce. */
static enum vm_result read_back(struct fault *f)
{
    slot_t slot = f->pte.slot;
    enum vm_result r = swap_in(slot, f->frame);
    if (unlikely(r != VM_OK))
        return r;
    uint32_t distance = f->space->pool->evictions - swap_shadow(slot);
    bool keep = likely(!swap_scarce());
    r = map_page(f, !keep, distance);
    if (unlikely(r != VM_OK))
        return r;
    f->slot = slot;
    page_keep_slot(f->frame, slot);
    if (!keep)
        page_drop_slot(f->frame);
    vmstat.pgmajfault++;
    vmstat.workingset_refault++;
    return VM_OK;
}

/* Phase 3: a frame, and the page's content in it. */
static enum phase bring_in(struct fault *f, enum vm_result *result)
{
    enum swap_use use = f->kase == CASE_SWAPPED ? SWAP_EXCHANGE : SWAP_NORMAL;
    *result = page_alloc(f->space->pool, use, &f->frame);
    if (unlikely(*result != VM_OK)) {
        f->frame = NULL;
        return PHASE_REFUSED;
    }
    if (unlikely(!unchanged(f))) {
        page_free(f->frame);
        f->frame = NULL;
        return PHASE_RESTART;
    }
    *result = f->kase == CASE_SWAPPED ? read_back(f) : first_touch(f);
    if (likely(*result == VM_OK))
        return PHASE_NEXT;
    page_free(f->frame);
    f->frame = NULL;
    return PHASE_REFUSED;
}

/* What is remembered of a fault: enough to print its line again. */
struct record {
    uint32_t pid, ip;
    vaddr_t va;
    const char *what; /* NULL: empty */
    uint32_t frame;   /* UINT32_MAX: none */
    slot_t slot;
    uint8_t access, kase;
};

static struct record history[FAULT_HISTORY];
static uint32_t history_next;

static const struct record *remember(const struct fault *f)
{
    struct record *r = &history[history_next++ % FAULT_HISTORY];
    r->pid = f->space->pmap.tag;
    r->ip = f->ip;
    r->va = f->va;
    r->what = fault_what(f);
    r->frame = f->frame != NULL ? frame_pfn(f->frame).n : UINT32_MAX;
    r->slot = f->slot;
    r->access = (uint8_t)f->access;
    r->kase = (uint8_t)f->kase;
    return r;
}

static void describe(const struct record *r, char *text, size_t size)
{
    char frame[16] = "none", slot[16] = "none";
    if (r->frame != UINT32_MAX)
        format(frame, sizeof frame, "%#x", r->frame);
    if (slot_valid(r->slot))
        format(slot, sizeof slot, "%u", r->slot.n);
    format(text, size, "fault pid=%u va=0x%08x ip=0x%08x access=%s case=%u %s frame=%s slot=%s", r->pid,
           r->va, r->ip,
           r->access & VM_WRITE  ? "write"
           : r->access & VM_EXEC ? "exec"
                                 : "read",
           r->kase, r->what, frame, slot);
}

void fault_history_print(struct printer *out)
{
    for (uint32_t i = 0; i < FAULT_HISTORY; i++) {
        const struct record *r = &history[(history_next + i) % FAULT_HISTORY];
        char text[160];
        if (r->what == NULL)
            continue;
        describe(r, text, sizeof text);
        print(out, "  %s\n", text);
    }
}

static void log_fault(const struct record *r, uint64_t ticks)
{
    char text[160];
    describe(r, text, sizeof text);
    log_event(LOG_FAULT, "%s ticks=%u", text, (uint32_t)ticks);
}

enum vm_result vm_fault(struct fault *f)
{
    uint64_t start = log_on(LOG_FAULT) ? log_ticks() : 0;
    enum vm_result result;
    enum phase phase;
    do {
        phase = PHASE_REFUSED;
        result = find_region(f);
        if (unlikely(result != VM_OK))
            break;
        look_up(f);
        phase = f->kase == CASE_SPURIOUS ? PHASE_NEXT : bring_in(f, &result);
    } while (unlikely(phase == PHASE_RESTART));
    vmstat.pgfault++;
    vmstat.fault_case[f->kase]++;
    if (f->kase == CASE_SWAPPED && likely(phase == PHASE_NEXT))
        f->space->major++;
    else
        f->space->minor++;
    const struct record *r = remember(f);
    if (log_on(LOG_FAULT))
        log_fault(r, log_ticks() - start);
    return result;
}

enum vm_result vm_fault_in(struct space *s, vaddr_t va, enum vm_prot access)
{
    struct fault f = {.space = s, .va = va, .access = access};
    return vm_fault(&f);
}

const char *fault_what(const struct fault *f)
{
    switch (f->kase) {
    case CASE_NO_REGION:
        return "no-region";
    case CASE_FORBIDDEN:
        return "forbidden";
    case CASE_SPURIOUS:
        return "spurious";
    case CASE_FIRST_TOUCH:
        return f->region->source.name;
    case CASE_SWAPPED:
        return "swap-in";
    case CASE_COW:
        return "cow";
    }
    return "?";
}

const char *vm_result_name(enum vm_result r)
{
    switch (r) {
    case VM_OK:
        return "ok";
    case VM_NO_REGION:
        return "nothing is mapped there";
    case VM_FORBIDDEN:
        return "the region does not allow it";
    case VM_NO_MEMORY:
        return "out of memory";
    case VM_NO_SWAP:
        return "out of memory and swap";
    case VM_IO_ERROR:
        return "the swap disk failed";
    case VM_CORRUPT:
        return "the swap disk returned corrupt data";
    case VM_EXISTS:
        return "the range is taken";
    case VM_INVALID:
        return "invalid arguments";
    }
    return "?";
}
