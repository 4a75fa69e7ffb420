/* SPDX-License-Identifier: MIT
 * mm-level: 8.3
 * Every invariant of mm/, in one walk each:
 *
 *   frames    free + kernel + user = all that buddy was given
 *   user      a USER frame is charged to a pool, and can be found: mapped, or an object's, or through its
 * slot; each mapping's PTE is present and names the frame PTEs      a present PTE names a USER frame that
 * lists it in rmap, or the page of zeros, read-only; its rights are no more than its region's, and not to
 * write when the page is shared; no PTE lies outside every region; resident counts are exact objects   an
 * entry's frame knows its object and index; counts are exact slots     a slot's references = PTEs and entries
 * that hold it + the frame that keeps it; slot and frame name each other wired     a frame is wired once for
 * each mapping in a locked region buddy, slab, swap, pools and their policies: their own checks counters
 * pgfault = sum over cases = zero + file + swap + cow + spurious + refused
 *
 * Pages that are BUSY, because somebody sleeps in a transfer, are held to what is true of them too. */
#include "mm/check.h"
#include "lib/command.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/contig.h"
#include "mm/fault.h"
#include "mm/reclaim.h"
#include "mm/rmap.h"
#include "mm/slab.h"
#include "mm/stats.h"
#include "mm/vmem.h"

static bool check_mapping(const struct frame *f, const struct pmap *pmap, vaddr_t va, struct printer *out)
{
    struct pte pte = pmap_lookup(pmap, va);
    if (pte.state == PTE_PRESENT && frame_of(pte.pfn) == f)
        return true;
    print(out, "frame %#x: rmap says pid %u va 0x%08x, whose PTE is %s %#x\n", frame_pfn(f).n, pmap->tag, va,
          pte.state == PTE_PRESENT ? "frame" : "not present", pte.pfn.n);
    return false;
}

/* Of all mappings of f, of which pmap and va are the first. */
static bool check_mappings(const struct frame *f, struct pmap *pmap, vaddr_t va, struct printer *out)
{
    const struct rmap_node first = {f->more, pmap, va};
    for (const struct rmap_node *m = &first; m != NULL && m->pmap != NULL; m = m->next)
        if (!check_mapping(f, m->pmap, m->va, out))
            return false;
    return true;
}

static bool check_user_frame(struct frame *f, struct printer *out)
{
    uint32_t n = frame_pfn(f).n;
    struct frame *head = frame_head(f);
    if (head->pool == NULL || (f != head && (f->pool != NULL || f->pmap != NULL))) {
        print(out, "frame %#x: user page in no pool, or half in a block\n", n);
        return false;
    }
    bool found = head->pmap != NULL || f->object != NULL || (slot_valid(f->slot) && swap_refs(f->slot) > 1);
    if (!found && !(f->flags & FRAME_BUSY)) {
        print(out, "frame %#x: user page that nobody can find (flags %#x)\n", n, f->flags);
        return false;
    }
    if ((f->flags & FRAME_BUSY) && (head->pmap != NULL || f->object != NULL || (f->flags & FRAME_QUEUED))) {
        print(out, "frame %#x: user page that is busy, but mapped or queued (flags %#x)\n", n, f->flags);
        return false;
    }
    if (f->object != NULL && object_lookup(f->object, f->index).frame != f) {
        print(out, "frame %#x: says it is page %u of an object that does not know\n", n, f->index);
        return false;
    }
    return check_mappings(f, head->pmap, head->va + (uint32_t)(f - head) * PAGE_SIZE, out);
}

static bool check_frames(uint32_t *slot_refs, struct printer *out)
{
    uint32_t kinds[FRAME_KINDS] = {0}, kept = 0;
    for (uint32_t i = 0; i < frame_table_count; i++) {
        struct frame *f = &frame_table[i];
        kinds[f->kind]++;
        if (f->kind == FRAME_USER && !check_user_frame(f, out))
            return false;
        if (f->kind == FRAME_CONTIG && !check_mappings(f, f->pmap, f->va, out))
            return false;
        if (f->kind != FRAME_USER && f->kind != FRAME_CONTIG &&
            (f->pool != NULL || f->pmap != NULL || f->object != NULL || slot_valid(f->slot) ||
             f->wired > 0)) {
            print(out, "frame %#x: of kind %u, but in a pool, mapped or with a slot\n", i, f->kind);
            return false;
        }
        if (slot_valid(f->slot)) {
            kept++;
            if (f->slot.n >= swap_total() || swap_refs(f->slot) == 0 || swap_cached(f->slot) != f) {
                print(out, "frame %#x: keeps slot %u, which does not know\n", i, f->slot.n);
                return false;
            }
            slot_refs[f->slot.n]++;
        }
    }
    if (kinds[FRAME_FREE] + kinds[FRAME_KERNEL] + kinds[FRAME_USER] + kinds[FRAME_CONTIG] !=
        buddy_total_frames()) {
        print(out, "frames: %u free + %u kernel + %u user + %u contiguous, not the %u that buddy was given\n",
              kinds[FRAME_FREE], kinds[FRAME_KERNEL], kinds[FRAME_USER], kinds[FRAME_CONTIG],
              buddy_total_frames());
        return false;
    }
    if (kept != page_kept_slots()) {
        print(out, "frames: %u keep a slot, %u counted\n", kept, page_kept_slots());
        return false;
    }
    return true;
}

static bool check_pte(struct space *s, vaddr_t va, struct pte pte, uint32_t *slot_refs, uint32_t *wired,
                      struct printer *out)
{
    struct region *r = region_find(&s->regions, va);
    if (r == NULL) {
        print(out, "pid %u: va 0x%08x has a PTE but no region\n", s->pmap.tag, va);
        return false;
    }
    if (pte.state == PTE_SWAPPED) {
        if (swap_refs(pte.slot) == 0) {
            print(out, "pid %u: va 0x%08x is in slot %u, which is free\n", s->pmap.tag, va, pte.slot.n);
            return false;
        }
        slot_refs[pte.slot.n]++;
        return true;
    }
    struct frame *f = frame_of(pte.pfn);
    uint32_t prot = f == zero_frame ? r->prot & ~(uint32_t)VM_WRITE : space_page_prot(r, f);
    if (pte.writable && !(prot & VM_WRITE)) {
        print(out, "pid %u: va 0x%08x maps frame %#x writable, but it is shared or the region forbids it\n",
              s->pmap.tag, va, pte.pfn.n);
        return false;
    }
    if (f == zero_frame)
        return true;
    if (pte.pfn.n >= frame_table_count || (f->kind != FRAME_USER && f->kind != FRAME_CONTIG) ||
        (f->order == 0 ? !rmap_has(f, &s->pmap, va) : frame_head(f)->pmap != &s->pmap)) {
        print(out, "pid %u: va 0x%08x maps frame %#x, which does not know\n", s->pmap.tag, va, pte.pfn.n);
        return false;
    }
    *wired += (r->flags & REGION_LOCKED) != 0 && f->kind == FRAME_USER;
    return true;
}

static bool check_spaces(uint32_t *slot_refs, struct printer *out)
{
    uint32_t wired = 0, counted = 0;
    list_for_each (n, &all_spaces) {
        struct space *s = container_of(n, struct space, link);
        uint32_t present = 0;
        if (!region_check(&s->regions, s->pmap.tag, out))
            return false;
        for (vaddr_t va = 0; (va = pmap_next_table(&s->pmap, va, USER_END)) < USER_END; va += PAGE_SIZE) {
            struct pte pte = pmap_lookup(&s->pmap, va);
            if (pte.state != PTE_NONE && !check_pte(s, va, pte, slot_refs, &wired, out))
                return false;
            present += pte.state == PTE_PRESENT;
        }
        if (present != s->pmap.resident) {
            print(out, "pid %u: %u pages counted resident, %u present\n", s->pmap.tag, s->pmap.resident,
                  present);
            return false;
        }
    }
    for (uint32_t i = 0; i < frame_table_count; i++)
        counted += frame_table[i].wired;
    if (wired != counted) {
        print(out, "wired: %u locked mappings counted, %u found\n", counted, wired);
        return false;
    }
    return true;
}

static bool check_objects(uint32_t *slot_refs, struct printer *out)
{
    list_for_each (n, &all_objects) {
        struct object *o = container_of(n, struct object, link);
        uint32_t resident = 0, swapped = 0;
        for (uint32_t i = 0; i < object_pages(o); i++) {
            struct object_entry e = object_lookup(o, i);
            if (e.frame != NULL && (e.frame->object != o || e.frame->index != i)) {
                print(out, "object %s: page %u is in frame %#x, which does not know\n", o->name, i,
                      frame_pfn(e.frame).n);
                return false;
            }
            resident += e.frame != NULL;
            if (!slot_valid(e.slot))
                continue;
            swapped++;
            slot_refs[e.slot.n]++;
        }
        if (resident != o->resident || swapped != o->swapped || o->refs == 0) {
            print(out, "object %s: %u references, %u pages counted resident, %u are; %u swapped, %u are\n",
                  o->name, o->refs, o->resident, resident, o->swapped, swapped);
            return false;
        }
    }
    return true;
}

static bool check_slots(const uint32_t *slot_refs, struct printer *out)
{
    for (uint32_t i = 0; i < swap_total(); i++) {
        if (slot_refs[i] != swap_refs((slot_t){i})) {
            print(out, "slot %u: %u references counted, %u found\n", i, swap_refs((slot_t){i}), slot_refs[i]);
            return false;
        }
    }
    return true;
}

static bool check_counters(struct printer *out)
{
    uint32_t sum = 0;
    for (int i = 0; i < FAULT_CASES; i++)
        sum += vmstat.fault_case[i];
    uint32_t kinds = vmstat.fault_zero + vmstat.fault_file + vmstat.fault_swap + vmstat.fault_cow +
                     vmstat.fault_spurious + vmstat.fault_refused;
    if (sum != vmstat.pgfault || kinds != vmstat.pgfault || vmstat.pgmajfault > vmstat.fault_swap ||
        vmstat.pgmajfault > vmstat.pswpin) {
        print(out, "counters: pgfault %u, sum of cases %u, of kinds %u; pgmajfault %u, swap %u, pswpin %u\n",
              vmstat.pgfault, sum, kinds, vmstat.pgmajfault, vmstat.fault_swap, vmstat.pswpin);
        return false;
    }
    return true;
}

bool vm_check(struct printer *out)
{
    uint32_t *slot_refs = kzalloc((swap_total() + 1) * sizeof *slot_refs);
    if (slot_refs == NULL) {
        print(out, "check: no heap for the slot counts\n");
        return false;
    }
    bool ok = buddy_check(out) && slab_check(out) && vmem_check_all(out) && swap_check(out) &&
              check_frames(slot_refs, out) && check_spaces(slot_refs, out) && check_objects(slot_refs, out) &&
              check_slots(slot_refs, out) && contig_check(out) && pools_check(out) && check_counters(out);
    kfree(slot_refs);
    return ok;
}

static int command_run(int argc UNUSED, char **argv UNUSED, struct printer *out)
{
    if (!vm_check(out)) {
        print(out, "check: FAILED\n");
        return 1;
    }
    print(out, "check: ok\n");
    return 0;
}

COMMAND_AT_STOP(check, "", "verify every invariant of the memory system", command_run);
