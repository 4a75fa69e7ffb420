/* SPDX-License-Identifier: MIT
 * mm-level: 8.1
 * Every invariant of mm/, in one walk each:
 *
 *   frames    free + kernel + user = all that buddy was given; no frame is BUSY between faults
 *   user      a USER frame is in a pool, and mapped; each mapping's PTE is present and names the frame
 *   PTEs      a present PTE names a USER frame that lists it in rmap; no PTE lies outside every region;
 *             resident counts are exact
 *   slots     a slot's references = PTEs that hold it + frames that keep it
 *   buddy, slab, swap, pools and their policies: their own checks
 *   counters  pgfault = sum over cases; pgmajfault and pswpin agree with case 4 */
#include "mm/check.h"
#include "lib/command.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/fault.h"
#include "mm/reclaim.h"
#include "mm/rmap.h"
#include "mm/slab.h"
#include "mm/stats.h"

static bool check_user_frame(struct frame *f, struct printer *out)
{
    uint32_t n = frame_pfn(f).n;
    if (f->pool == NULL || f->pmap == NULL || (f->flags & FRAME_BUSY)) {
        print(out, "frame %#x: user page in no pool, unmapped or busy (flags %#x)\n", n, f->flags);
        return false;
    }
    struct rmap_node first = {f->more, f->pmap, f->va};
    for (struct rmap_node *m = &first; m != NULL; m = m->next) {
        struct pte pte = pmap_lookup(m->pmap, m->va);
        if (pte.state != PTE_PRESENT || pte.pfn.n != n) {
            print(out, "frame %#x: rmap says pid %u va 0x%08x, whose PTE is %s %#x\n", n, m->pmap->tag, m->va,
                  pte.state == PTE_PRESENT ? "frame" : "not present", pte.pfn.n);
            return false;
        }
    }
    return true;
}

static bool check_frames(uint32_t *slot_refs, struct printer *out)
{
    uint32_t kinds[4] = {0}, kept = 0;
    for (uint32_t i = 0; i < frame_table_count; i++) {
        struct frame *f = &frame_table[i];
        kinds[f->kind]++;
        if (f->kind == FRAME_USER && !check_user_frame(f, out))
            return false;
        if (f->kind != FRAME_USER && (f->pool != NULL || f->pmap != NULL || slot_valid(f->slot))) {
            print(out, "frame %#x: of kind %u, but in a pool, mapped or with a slot\n", i, f->kind);
            return false;
        }
        if (slot_valid(f->slot)) {
            kept++;
            if (f->slot.n < swap_total())
                slot_refs[f->slot.n]++;
        }
    }
    if (kinds[FRAME_FREE] + kinds[FRAME_KERNEL] + kinds[FRAME_USER] != buddy_total_frames()) {
        print(out, "frames: %u free + %u kernel + %u user, not the %u that buddy was given\n",
              kinds[FRAME_FREE], kinds[FRAME_KERNEL], kinds[FRAME_USER], buddy_total_frames());
        return false;
    }
    if (kept != page_kept_slots()) {
        print(out, "frames: %u keep a slot, %u counted\n", kept, page_kept_slots());
        return false;
    }
    return true;
}

static bool check_pte(struct space *s, vaddr_t va, struct pte pte, uint32_t *slot_refs, struct printer *out)
{
    if (region_find(&s->regions, va) == NULL) {
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
    if (pte.pfn.n >= frame_table_count || f->kind != FRAME_USER || !rmap_has(f, &s->pmap, va)) {
        print(out, "pid %u: va 0x%08x maps frame %#x, which does not know\n", s->pmap.tag, va, pte.pfn.n);
        return false;
    }
    return true;
}

static bool check_spaces(uint32_t *slot_refs, struct printer *out)
{
    list_for_each (n, &all_spaces) {
        struct space *s = container_of(n, struct space, link);
        uint32_t present = 0;
        for (vaddr_t va = 0; (va = pmap_next_table(&s->pmap, va, USER_END)) < USER_END; va += PAGE_SIZE) {
            struct pte pte = pmap_lookup(&s->pmap, va);
            if (pte.state != PTE_NONE && !check_pte(s, va, pte, slot_refs, out))
                return false;
            present += pte.state == PTE_PRESENT;
        }
        if (present != s->pmap.resident) {
            print(out, "pid %u: %u pages counted resident, %u present\n", s->pmap.tag, s->pmap.resident,
                  present);
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
    if (sum != vmstat.pgfault || vmstat.pgmajfault > vmstat.fault_case[CASE_SWAPPED] ||
        vmstat.pgmajfault > vmstat.pswpin) {
        print(out, "counters: pgfault %u, sum of cases %u; pgmajfault %u, case 4 %u, pswpin %u\n",
              vmstat.pgfault, sum, vmstat.pgmajfault, vmstat.fault_case[CASE_SWAPPED], vmstat.pswpin);
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
    bool ok = buddy_check(out) && slab_check(out) && swap_check(out) && check_frames(slot_refs, out) &&
              check_spaces(slot_refs, out) && check_slots(slot_refs, out) && pools_check(out) &&
              check_counters(out);
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

COMMAND(check, "", "verify every invariant of the memory system", command_run);
