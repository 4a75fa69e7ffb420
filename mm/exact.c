/* SPDX-License-Identifier: MIT
 * mm-level: 7.8
 * Hiding, showing, recording. */
#include "mm/exact.h"
#include "lib/string.h"
#include "lib/trace.h"
#include "mm/buddy.h"
#include "mm/reclaim.h"
#include "mm/slab.h"

static struct slab_cache cache = SLAB_CACHE_INIT(cache, "exact", sizeof(struct exact));

/* ---- the recorder ---- */

enum {
    CHUNK = RECORDER_PIECE, /* references */
    CHUNKS = 1024,
};

static struct {
    uint32_t *chunks[CHUNKS];
    uint32_t count, lost, members;
    bool on;
} recorder;

void recorder_reset(bool on)
{
    for (uint32_t i = 0; i < CHUNKS && recorder.chunks[i] != NULL; i++)
        kfree(recorder.chunks[i]);
    memset(&recorder, 0, sizeof recorder);
    recorder.on = on;
}

void recorder_stop(void)
{
    recorder.on = false;
}

uint32_t recorder_count(void)
{
    return recorder.count;
}

uint32_t recorder_lost(void)
{
    return recorder.lost;
}

static uint32_t *record(uint32_t i)
{
    return &recorder.chunks[i / CHUNK][i % CHUNK];
}

uint32_t recorder_at(uint32_t i)
{
    return *record(i);
}

const uint32_t *recorder_piece(uint32_t n)
{
    return (uint64_t)n * CHUNK < recorder.count ? recorder.chunks[n] : NULL;
}

/* The kernel's reserve is not for this. */
static bool grow(uint32_t chunk)
{
    if (chunk >= CHUNKS || buddy_low_free() < 2 * buddy_reserve() + CHUNK * sizeof(uint32_t) / PAGE_SIZE)
        return false;
    recorder.chunks[chunk] = kmalloc(CHUNK * sizeof(uint32_t));
    return recorder.chunks[chunk] != NULL;
}

static void write_down(const struct exact *e, vaddr_t va, bool write)
{
    uint32_t what = e->member << RECORD_MEMBER_SHIFT | va / PAGE_SIZE << RECORD_PAGE_SHIFT;
    uint32_t n = recorder.count;
    if (n > 0 && (*record(n - 1) & ~(uint32_t)RECORD_WRITE) == what) {
        *record(n - 1) |= write;
        return;
    }
    if (recorder.lost > 0 || (recorder.chunks[n / CHUNK] == NULL && !grow(n / CHUNK))) {
        recorder.lost++; /* a string with a hole would be none */
        return;
    }
    *record(n) = what | write;
    recorder.count++;
}

/* ---- one page ---- */

static void hide(struct space *s, vaddr_t va)
{
    struct pte pte = pmap_lookup(&s->pmap, va);
    if (pte.state != PTE_PRESENT)
        return;
    if (frame_of(pte.pfn) == zero_frame)
        pmap_unmap(&s->pmap, va, SLOT_NONE);
    else
        pmap_protect(&s->pmap, va, 0);
}

void exact_show(struct space *s, const struct region *r, vaddr_t va)
{
    struct pte pte = pmap_lookup(&s->pmap, va);
    if (pte.state == PTE_PRESENT && frame_of(pte.pfn) != zero_frame)
        pmap_protect(&s->pmap, va, space_page_prot(r, frame_of(pte.pfn)));
}

void exact_hide_all(struct space *s)
{
    struct exact *e = s->exact;
    if (e == NULL)
        return;
    for (uint32_t i = 0; i < e->count; i++) {
        const struct region *r = region_find(&s->regions, e->shown[i]);
        if (r != NULL && (r->flags & REGION_EXACT))
            hide(s, e->shown[i]);
    }
    e->count = 0;
}

static struct frame *present_frame(struct space *s, vaddr_t page)
{
    struct pte pte = pmap_lookup(&s->pmap, page);
    return pte.state == PTE_PRESENT ? frame_of(pte.pfn) : NULL;
}

/* One reference. `came`: the policy knows already. */
static void reference(struct space *s, vaddr_t page, struct frame *f, bool write, bool came)
{
    s->exact->last = page;
    TRACE(REF, write, s->pmap.tag, page);
    if (recorder.on)
        write_down(s->exact, page, write);
    if (!came && f->pool != NULL)
        pool_touch(f);
}

/* Keeps the last `keep` pages shown and `code`, hides the others. */
static void hide_others(struct space *s, uint32_t keep, vaddr_t code)
{
    struct exact *e = s->exact;
    uint32_t n = 0;
    for (uint32_t i = 0; i < e->count; i++) {
        if (i + keep >= e->count || e->shown[i] == code)
            e->shown[n++] = e->shown[i];
        else
            hide(s, e->shown[i]);
    }
    e->count = n;
}

static bool is_shown(const struct exact *e, vaddr_t page)
{
    for (uint32_t i = 0; i < e->count; i++)
        if (e->shown[i] == page)
            return true;
    return false;
}

void exact_reference(struct space *s, vaddr_t va, uint32_t ip, uint32_t step, bool write, bool came)
{
    struct exact *e = s->exact;
    vaddr_t page = ALIGN_DOWN(va, (vaddr_t)PAGE_SIZE), code = ALIGN_DOWN(ip, (vaddr_t)PAGE_SIZE);
    struct frame *f = present_frame(s, page);
    if (f == NULL) /* gone again while somebody slept */
        return;
    bool same_step = e->step == step && step != 0;
    struct frame *code_frame = page != code && is_shown(e, code) ? present_frame(s, code) : NULL;
    hide_others(s, same_step ? POOL_MIN_LIMIT - 1 : 0, code_frame != NULL ? code : page);
    if (code_frame != NULL && e->last != code && !same_step)
        reference(s, code, code_frame, false, false);
    if (!is_shown(e, page))
        e->shown[e->count++] = page;
    e->step = step;
    reference(s, page, f, write, came);
}

/* ---- regions ---- */

static enum vm_result prepare(struct space *s)
{
    if (s->pool->order > 0)
        return VM_INVALID;
    if (s->exact != NULL)
        return VM_OK;
    s->exact = slab_alloc(&cache);
    if (s->exact == NULL)
        return VM_NO_MEMORY;
    *s->exact = (struct exact){.member = recorder.members++ % RECORD_MEMBERS};
    return VM_OK;
}

static void set_mode(struct space *s, struct region *r, bool exact)
{
    r->flags = exact ? r->flags | REGION_EXACT | REGION_FRAMES : r->flags & ~(uint32_t)REGION_EXACT;
    for (vaddr_t va = r->start; (va = pmap_next_table(&s->pmap, va, r->end)) < r->end; va += PAGE_SIZE) {
        if (exact)
            hide(s, va);
        else
            exact_show(s, r, va);
    }
}

static enum vm_result change(struct space *s, vaddr_t start, vaddr_t end, bool exact)
{
    enum vm_result result = region_cut(&s->regions, start, end);
    if (result != VM_OK)
        return result;
    exact_hide_all(s);
    vaddr_t at = start;
    for (uint32_t i = region_index(&s->regions, start); i < s->regions.count && s->regions.at[i]->start < end;
         i++) {
        struct region *r = s->regions.at[i];
        if (r->start != at)
            result = VM_NO_REGION;
        set_mode(s, r, exact);
        at = r->end;
    }
    region_merge(&s->regions, start, end);
    return at < end ? VM_NO_REGION : result;
}

enum vm_result exact_enable(struct space *s, vaddr_t start, vaddr_t end)
{
    enum vm_result r = prepare(s);
    return r == VM_OK ? change(s, start, end, true) : r;
}

enum vm_result exact_disable(struct space *s, vaddr_t start, vaddr_t end)
{
    return change(s, start, end, false);
}

enum vm_result exact_begin(struct space *s, uint32_t always)
{
    enum vm_result r = always & REGION_EXACT ? prepare(s) : VM_OK;
    if (r == VM_OK)
        s->always = always;
    return r;
}

enum vm_result exact_fork(struct space *child, struct space *parent)
{
    exact_hide_all(parent);
    child->always = parent->always;
    return parent->exact != NULL ? prepare(child) : VM_OK;
}

void exact_destroy(struct space *s)
{
    if (s->exact != NULL)
        slab_free(&cache, s->exact);
    s->exact = NULL;
}
