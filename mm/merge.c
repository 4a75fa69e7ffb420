/* SPDX-License-Identifier: MIT
 * mm-level: 8.2
 * Same-page merging, as VMware ESX's (Waldspurger, Memory Resource Management in VMware ESX Server, OSDI
 * 2002, section 4), on a scan like that of Linux (Arcangeli, Eidus and Wright, Increasing memory density by
 * using KSM, Linux Symposium 2009). A rover goes over the frame table, round after round. Of each page that
 * may be merged:
 *
 *   1  its checksum is made. If that differs from the last round's, the page is still being written: not now
 *   2  a page of zeros becomes the page of zeros that all share (zero_frame)
 *   3  a twin is looked for among the pages of this round with the same checksum, in a hash table
 *   4  the two are compared byte by byte: a checksum is a hint, never a proof
 *   5  the twin's PTEs lose the right to write; this page's PTEs come to name the twin's frame, rights
 * without writing; its own frame is free
 *
 * The first write to either is case 5 of fault.c: it gets a copy. Nothing else knows about merged pages: they
 * are shared as fork shares them, through rmap and the slot, in memory and in swap.
 *
 * There is one CPU, and nothing here sleeps. So no program runs between steps 4 and 5, and what was compared
 * is what is merged; and no transfer begins or ends, so that what is not BUSY stays so. The table holds no
 * promise either: what it names is looked at anew. It is emptied at the end of each round.
 *
 * A merged page must not be lost when its frame is evicted clean. Its slot, if it has one, holds what the
 * frame holds, or a dirty bit says otherwise, as for any page. Without a slot, clean would mean "as its
 * source": zeros. So it counts as dirty then. */
#include "mm/merge.h"
#include "lib/command.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/port.h"
#include "mm/reclaim.h"
#include "mm/rmap.h"
#include "mm/slab.h"
#include "mm/stats.h"

enum {
    MAX_SHARING = 256, /* mappings of one frame, as in Linux: who unmaps or evicts one walks over them */
    MAX_TRIES = 8,     /* pages compared with one: checksums can be made to collide */
    LOOKS = 64,        /* frames passed over for each page that may be looked at */
    NO_SUM = 0,
    END = 0, /* of a chain: frame 0 is never a page of a process */
};

static struct {
    enum merge_mode mode;
    uint32_t rover;   /* the frame that is next */
    uint32_t *sums;   /* by frame: its checksum when the rover last came by, or NO_SUM */
    uint32_t *next;   /* by frame: the chain that it is in */
    uint32_t *heads;  /* by checksum: the first frame of a chain, or END */
    uint32_t buckets; /* of heads, a power of two */
    uint32_t zero_sum;
    struct merge_figures now, last; /* of this round, as far as it is; of the last one */
} merge;

/* ---- what may be merged ---- */

static const struct region *region_at(const struct pmap *p, vaddr_t va)
{
    struct space *s = container_of(p, struct space, pmap);
    return region_find(&s->regions, va);
}

/* The page of zeros stands for a page only where there is nothing else below it: not in a file's region. */
static bool allowed(const struct region *r)
{
    return r->object == NULL && !(r->flags & REGION_EXACT) &&
           (merge.mode == MERGE_ALL || (r->flags & REGION_MERGEABLE));
}

/* A single private page that competes, is mapped, and is in no other place: a slot that others hold would
 * keep the frame's content for them all the same. */
static bool mergeable(const struct frame *f)
{
    if (f->kind != FRAME_USER || f->order > 0 || f->object != NULL || f->pmap == NULL ||
        (f->flags & (FRAME_QUEUED | FRAME_BUSY)) != FRAME_QUEUED ||
        (slot_valid(f->slot) && swap_refs(f->slot) > 1))
        return false;
    const struct rmap_node first = {f->more, f->pmap, f->va};
    uint32_t mappings = 0;
    for (const struct rmap_node *m = &first; m != NULL; m = m->next)
        if (++mappings == MAX_SHARING || !allowed(region_at(m->pmap, m->va)))
            return false;
    return true;
}

static uint32_t sum_of(const struct frame *f)
{
    uint32_t sum = page_sum(page_window(frame_pfn(f), WINDOW_FROM));
    return sum != NO_SUM ? sum : NO_SUM + 1;
}

static bool equal(const struct frame *f, const struct frame *g)
{
    const uint32_t *a = page_window(frame_pfn(f), WINDOW_TO), *b = page_window(frame_pfn(g), WINDOW_FROM);
    for (uint32_t i = 0; i < PAGE_SIZE / sizeof *a; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

/* ---- merging ---- */

/* From here on a write to f is seen first. */
static void write_protect(const struct frame *f)
{
    const struct rmap_node first = {f->more, f->pmap, f->va};
    for (const struct rmap_node *m = &first; m != NULL; m = m->next)
        pmap_protect(m->pmap, m->va, region_at(m->pmap, m->va)->prot & ~(uint32_t)VM_WRITE);
}

/* The first mapping of `from` becomes one of `to`. `from` is free when it was the last. => false: no memory,
 * nothing is changed */
static bool move_mapping(struct frame *from, struct frame *to)
{
    struct pmap *p = from->pmap;
    vaddr_t va = from->va;
    if (to != zero_frame && rmap_add(to, p, va) != VM_OK)
        return false;
    struct pte old = pmap_unmap(p, va, SLOT_NONE);
    pmap_enter(p, va, frame_pfn(to), region_at(p, va)->prot & ~(uint32_t)VM_WRITE, false);
    if (old.accessed)
        pmap_mark(p, va, false);
    rmap_remove(from, p, va);
    page_unmapped(from, old.dirty);
    return true;
}

/* => false: memory is short. Mappings that have not moved stay where they are, which is as good. */
static bool move_all(struct frame *from, struct frame *to)
{
    for (bool last = false; !last;) {
        last = from->more == NULL;
        if (!move_mapping(from, to))
            return false;
    }
    vmstat.ksm_pages_merged++;
    return true;
}

static void log_merge(const struct frame *from, const struct frame *to)
{
    log_event(LOG_EVICT, "merge pid=%u va=0x%08x frame=%#x into=%#x", from->pmap->tag, from->va,
              frame_pfn(from).n, frame_pfn(to).n);
}

/* Both hold the same. */
static void merge_pages(struct frame *from, struct frame *to)
{
    if (log_on(LOG_EVICT))
        log_merge(from, to);
    if (to == zero_frame) {
        merge.now.ksm_zero_pages += move_all(from, to);
        return;
    }
    write_protect(to);
    to->flags |= FRAME_MERGED;
    if (!slot_valid(to->slot))
        to->flags |= FRAME_DIRTY;
    move_all(from, to);
}

/* ---- the scan ---- */

static uint32_t *chain_of(uint32_t sum)
{
    return &merge.heads[sum & (merge.buckets - 1)];
}

/* => a page of this round that holds the same as f, and has room for f's mappings; or NULL */
static struct frame *find_twin(struct frame *f, uint32_t sum)
{
    uint32_t tries = MAX_TRIES;
    for (uint32_t n = *chain_of(sum); n != END && tries > 0; n = merge.next[n]) {
        struct frame *g = &frame_table[n];
        if (merge.sums[n] != sum || !mergeable(g))
            continue;
        tries--;
        if (equal(f, g) && rmap_count(f) + rmap_count(g) <= MAX_SHARING)
            return g;
    }
    return NULL;
}

static void enter(const struct frame *f, uint32_t sum)
{
    uint32_t *head = chain_of(sum);
    merge.next[frame_pfn(f).n] = *head;
    *head = frame_pfn(f).n;
}

static void visit(struct frame *f)
{
    uint32_t *last_sum = &merge.sums[frame_pfn(f).n], sum = sum_of(f);
    bool stable = *last_sum == sum;
    *last_sum = sum;
    if (f->more == NULL)
        f->flags &= (uint8_t)~FRAME_MERGED; /* the others are gone */
    if (!stable) {
        merge.now.pages_volatile++;
        return;
    }
    if (sum == merge.zero_sum && equal(f, zero_frame)) {
        merge_pages(f, zero_frame);
        return;
    }
    struct frame *twin = find_twin(f, sum);
    if (twin != NULL && (f->more == NULL || twin->more != NULL)) {
        merge_pages(f, twin);
        return;
    }
    if (twin != NULL) /* fewer mappings to move */
        merge_pages(twin, f);
    else
        merge.now.pages_unshared += f->more == NULL;
    enter(f, sum);
}

static void end_round(void)
{
    merge.rover = 0;
    memset(merge.heads, 0, merge.buckets * sizeof *merge.heads);
    merge.now.full_scans++;
    merge.last = merge.now;
    merge.now.pages_unshared = merge.now.pages_volatile = 0;
}

void merge_scan(uint32_t pages)
{
    for (uint32_t looks = pages * LOOKS; pages > 0 && looks > 0; looks--) {
        struct frame *f = &frame_table[merge.rover];
        if (mergeable(f)) {
            visit(f);
            pages--;
        }
        if (++merge.rover == frame_table_count) {
            end_round();
            return;
        }
    }
}

enum vm_result merge_init(enum merge_mode mode)
{
    kfree(merge.sums);
    kfree(merge.next);
    kfree(merge.heads);
    memset(&merge, 0, sizeof merge);
    if (mode == MERGE_OFF)
        return VM_OK;
    merge.buckets = 1;
    while (merge.buckets < frame_table_count / 4)
        merge.buckets *= 2;
    merge.sums = kzalloc(frame_table_count * sizeof *merge.sums);
    merge.next = kzalloc(frame_table_count * sizeof *merge.next);
    merge.heads = kzalloc(merge.buckets * sizeof *merge.heads);
    if (merge.sums == NULL || merge.next == NULL || merge.heads == NULL) {
        enum vm_result off = merge_init(MERGE_OFF);
        return off == VM_OK ? VM_NO_MEMORY : off;
    }
    merge.mode = mode;
    merge.zero_sum = sum_of(zero_frame);
    return VM_OK;
}

enum merge_mode merge_mode(void)
{
    return merge.mode;
}

/* ---- figures ---- */

struct merge_figures merge_figures(void)
{
    struct merge_figures m = merge.last;
    m.ksm_zero_pages = merge.now.ksm_zero_pages;
    for (uint32_t n = 0; n < frame_table_count; n++) {
        const struct frame *f = &frame_table[n];
        if (!(f->flags & FRAME_MERGED) || f->more == NULL)
            continue;
        m.pages_shared++;
        m.pages_sharing += rmap_count(f) - 1;
    }
    return m;
}

static int command_run(int argc UNUSED, char **argv UNUSED, struct printer *out)
{
    static const char *const names[] = {"off", "madvise", "on"};
    struct merge_figures m = merge_figures();
    print(out, "ksm: %s, %u pages merged so far, %u broken by writing\n", names[merge.mode],
          vmstat.ksm_pages_merged, vmstat.cow_ksm);
    print(out, "pages_shared %u\npages_sharing %u\npages_unshared %u\npages_volatile %u\n", m.pages_shared,
          m.pages_sharing, m.pages_unshared, m.pages_volatile);
    print(out, "ksm_zero_pages %u\nfull_scans %u\n", m.ksm_zero_pages, m.full_scans);
    return 0;
}

COMMAND_AT_STOP(ksm, "", "same-page merging: what is shared, what was saved, under Linux's names",
                command_run);
