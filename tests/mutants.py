#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Breaks the code on purpose, one way at a time, and shows which test notices.

Each mutant replaces one piece of text in a copy of the tree. It is killed if its test then fails; it survives
if no test fails. A text that is not found exactly once, a survivor, and a mutant that only another test than
its own kills make this program fail. Last line: `N killed, M survived`.

    tests/mutants.py                 all of them
    tests/mutants.py --only swap     those with "swap" in their name, file or test
    tests/mutants.py --list          names only
    tests/mutants.py --markdown      the table of docs/mutations.md
"""
import argparse
import concurrent.futures
import dataclasses
import os
import pathlib
import queue
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
JOBS = min(os.cpu_count() or 1, 4)
BUILD_LIMIT = 600  # seconds
TEST_LIMIT = 300
HOSTTESTS = "build/host64/hosttests"

# Warnings off: a mutant may leave a variable unused. No path in the flags, so that a copy of a built tree
# needs no rebuild.
HOST_FLAGS = ("-std=gnu11 -I. -MMD -MP -g -O1 -fno-strict-aliasing -fno-omit-frame-pointer "
              "-fsanitize=address,undefined -fno-sanitize-recover=all -DFAULTLINE_HOST -DLOCK_CHECK -w")


@dataclasses.dataclass
class Mutant:
    name: str     # what is broken, in a few words
    file: str
    old: str      # found exactly once in the file
    new: str
    why: str      # what it would do to people
    test: str     # the test that must fail
    kind: str = "host"  # host: tests/host; guest: `command` in the copy
    command: str = ""   # shell; a failing test's name must be on a line with "not ok" or "FAILED"

# A file whose spin locks do nothing, noticed by threads that are preempted at random.
SPIN, SLAB, TAGS = (f'#include "{header}"\n' for header in ("lib/spin.h", "mm/slab.h", "mm/vmem_tags.h"))
NO_LOCKS = "#define spin_take(l) ((void)(l))\n#define spin_release(l) ((void)(l))\n"
HAMMER = (f"make -s -j2 all build/faultline-lockcheck.elf && {sys.executable} -m pytest -q -p no:cacheprovider "
          "tests/qemu/test_hammer.py")

TRACING = (f"make -s -j2 all && {sys.executable} -m pytest -q -p no:cacheprovider tests/qemu/test_trace.py "
           "-k 'panic or preempted or all_classes'")

STOPS = f"make -s -j2 all && {sys.executable} -m pytest -q -p no:cacheprovider tests/qemu/test_stop.py"

CONTIG = f"make -s -j2 all && {sys.executable} -m pytest -q -p no:cacheprovider tests/qemu/test_contig.py"


# ---- host: tests/host ----

MUTANTS = [
    # The machine's side of mm/pmap.h, where the fake stands for arch/x86/pmap.c.
    Mutant("unmap does not invalidate", "tests/host/machine.c",
           "    invalidate(p, va);\n    p->resident--;", "    p->resident--;",
           "the process goes on using a frame that was given to another",
           "reclaim_state_is_published_before_io"),
    Mutant("clearing A does not invalidate", "tests/host/machine.c",
           "    else\n        invalidate(p, va);\n    return true;", "    return true;",
           "the MMU never sets A again: CLOCK evicts what is in use",
           "policy_clock_clears_bits_and_passes_over"),
    Mutant("protect does not invalidate", "tests/host/machine.c",
           "    if (old & ~*pte)\n        invalidate(p, va);\n", "",
           "a read-only page can still be written", "space_protect_in_every_position"),

    # Eviction.
    Mutant("another frame's dirty bit", "mm/evict.c",
           "if (!stored && ((f->flags & FRAME_DIRTY) || rmap_dirty(f))) {",
           "if (!stored && ((f->flags & FRAME_DIRTY) || rmap_dirty(f[1].pool == f->pool ? f + 1 : f))) {",
           "a dirty page next to a clean one is lost", "reclaim_dirty_and_clean_neighbours"),
    Mutant("dirty sample thrown away", "mm/evict.c",
           "bool dirty = rmap_unmap_all(f, f->slot, &mappings);",
           "bool dirty = rmap_unmap_all(f, f->slot, &mappings) && false;",
           "a page that was read back and changed reverts to what the slot holds",
           "reclaim_page_dirtied_again_is_written_again"),
    Mutant("write-back dropped", "mm/evict.c",
           "r = e.write ? swap_out(f->slot, f) : VM_OK;", "r = VM_OK;",
           "evicted pages come back as junk", "reclaim_dirty_page_is_written_once"),
    Mutant("clean pages written too", "mm/evict.c",
           "e->write = dirty || fresh || (f->flags & FRAME_DIRTY);", "e->write = dirty || slot_valid(f->slot);",
           "nothing is lost, but clean evictions cost I/O",
           "reclaim_clean_page_keeps_its_slot_and_is_not_written"),
    Mutant("failed write forgets dirty", "mm/evict.c",
           "{\n    f->flags |= FRAME_DIRTY;\n    if (!(f->flags & FRAME_STUCK))", "{\n    if (!(f->flags & FRAME_STUCK))",
           "after a disk error the page is dropped as clean",
           "reclaim_failed_write_keeps_the_page_and_another_goes"),
    Mutant("failed write leaves BUSY", "mm/evict.c",
           "    page_ready(f);\n    if (orphaned", "    if (orphaned",
           "the page can never be found, evicted or freed", "reclaim_failed_write_keeps_the_page_and_another_goes"),
    Mutant("page whose write fails outlives its owner", "mm/evict.c",
           "        forget_slot(f);\n        f->flags = FRAME_HEAD;\n        return VM_OK;",
           "        pool_reinsert(f);\n        return why;",
           "a frame and a slot leak when a process exits during a bad write",
           "sleep_owner_exits_while_a_cluster_is_written"),
    Mutant("no last resort", "mm/reclaim.c",
           "return evict_any(p, use, why, out);", "return why;",
           "a process is killed for want of swap although a clean page could go",
           "reclaim_finds_the_only_page_that_can_go"),
    Mutant("a refused victim counts as recent", "mm/reclaim.c",
           "            pool_requeue(f);", "            pool_remove(f, false), pool_insert(f);",
           "on a full disk the pages of one instruction evict each other for ever",
           "reclaim_swap_full_recent_pages_stay"),
    Mutant("harvest does not mark dirty", "mm/evict.c",
           "    forget_slot(f);\n    f->flags |= FRAME_DIRTY;", "    forget_slot(f);",
           "pages whose slots were harvested are dropped as clean", "reclaim_harvests_kept_slots"),
    Mutant("slot references of sharers lost", "mm/evict.c",
           "swap_ref(f->slot, mappings);", "swap_ref(f->slot, 1);",
           "the slot is reused while a sharer's page is in it", "rmap_shared_page_goes_and_comes_back_for_all"),
    Mutant("smallest pool gives", "mm/reclaim.c",
           "p->queued > best->queued", "p->queued < best->queued",
           "a small process starves when memory is short", "reclaim_short_memory_takes_from_the_largest_pool"),
    Mutant("another pool's frame by way of the free list", "mm/reclaim.c",
           "if (likely(p->resident < p->limit)) {", "if (likely(from == p && p->resident < p->limit)) {",
           "the reserve swallows it, and a process dies although others have pages to give",
           "fault_page_table_from_another_pool"),
    Mutant("a run goes to the wrong slots", "mm/evict.c",
           "while (n < count && e[n].frame->slot.n == first.n + n) {", "while (n < count) {",
           "pages that go out together overwrite others", "evict_pages_in_as_few_transfers_as_slots_allow"),

    # Pools and working sets.
    Mutant("a pool's end does not make room", "mm/pools.c",
           "        drain(p);", "",
           "the pool that all share is above its limit whenever a process ends",
           "pool_end_leaves_shared_pages_to_the_heir"),
    Mutant("a pool ends under who evicts from it", "mm/reclaim.c",
           "    pool_get(p);\n    enum vm_result r = evict_one(p, use, out);\n    pool_put(p);",
           "    enum vm_result r = evict_one(p, use, out);",
           "the kernel follows a pointer into freed memory", "pool_ends_while_a_page_is_written"),
    Mutant("a smaller limit evicts nothing", "mm/pools.c",
           "        r = pool_evict(p, SWAP_NORMAL);\n    return r;", "        break;\n    return r;",
           "a process keeps frames that others were promised", "pool_set_limit_evicts_and_grows"),
    Mutant("wired pages take from the others", "mm/pool.c",
           "    f->pool->limit += f->pool->wired_apart;\n", "",
           "a program in three frames has none left for its data", "pool_wired_apart_small_limits"),
    Mutant("sampling hides use from the policy", "mm/workset.c",
           "    u->accessed = true;\n", "",
           "CLOCK evicts what is in use", "workset_sampling_is_hidden_from_the_policy"),
    Mutant("used pages are released", "mm/workset.c",
           "        if (!all)\n            look(p, u);\n", "",
           "a working set loses pages that were used since the last sample",
           "workset_release_takes_what_was_not_used"),

    # Sleeping.
    Mutant("nobody waits for a busy page", "mm/source.c",
           "        if (f->flags & FRAME_BUSY)\n            page_wait(f);\n        else\n            *out = f;",
           "        *out = f;",
           "a process sees a page that is half read", "sleep_two_fault_on_a_page_that_is_read"),
    Mutant("waiters are not woken", "mm/evict.c",
           "    if (unlikely(wanted))\n        wake_all(f);", "    (void)wanted;",
           "who waits for a page sleeps for ever", "sleep_two_fault_on_a_page_that_is_read"),
    Mutant("slot is forgotten while it is written", "mm/evict.c",
           "    f->flags |= FRAME_BUSY;\n    pool_remove(f, true);\n    bool dirty = unmap(f);",
           "    f->flags |= FRAME_BUSY;\n    pool_remove(f, true);\n    bool dirty = unmap(f);\n"
           "    if (slot_valid(f->slot))\n        swap_set_cached(f->slot, NULL);",
           "a process reads its page from the disk before it is there", "reclaim_state_is_published_before_io"),
    Mutant("PTE not looked at after the read", "mm/fault.c",
           "if (unlikely(f->region->object != NULL) && !unchanged(f)) {", "if (false) {",
           "cutting a file while a mapped page comes back brings the kernel down",
           "sleep_object_is_cut_while_a_private_copy_is_read"),
    Mutant("a full pool of busy pages gives up", "mm/reclaim.c",
           "if (from->resident == from->wired)", "if (true)",
           "processes die because others are swapping", "sleep_pool_full_of_busy_pages"),
    Mutant("page of an exited owner is freed while it is written", "mm/evict.c",
           "f->object == NULL && !(f->flags & FRAME_BUSY) &&", "f->object == NULL &&",
           "the disk writes a frame that is another process's by now",
           "sleep_owner_exits_while_its_page_is_written"),

    # Reverse map and spaces.
    Mutant("shared frame freed with its first mapping", "mm/evict.c",
           "    return f->pmap == NULL && f->object == NULL", "    return f->object == NULL",
           "another process's page is given away", "rmap_remove_in_any_order"),
    Mutant("only the first sharer is unmapped", "mm/rmap.c",
           "        dirty |= pmap_unmap(n->pmap, n->va, slot).dirty;", "        (void)dirty;",
           "sharers write into a frame that is someone else's by now",
           "rmap_shared_page_goes_and_comes_back_for_all"),
    Mutant("accessed bits short-circuit", "mm/rmap.c",
           "accessed |= pmap_test_clear_accessed(n->pmap, n->va);",
           "accessed = accessed || pmap_test_clear_accessed(n->pmap, n->va);",
           "a shared page gets one second chance per sharer", "rmap_accessed_and_dirty_of_any_mapping"),
    Mutant("rmap entry not made", "mm/fault.c",
           "enum vm_result r = rmap_add(f->frame, pmap, page_of(f));", "enum vm_result r = VM_OK;",
           "nobody can find the PTE when the frame goes", "fault_case_3_first_touch"),
    Mutant("unmap leaks swap slots", "mm/space.c",
           "            page_put_slot(pte.slot);", "            ;",
           "the disk fills up with pages of the dead", "space_brk_shrink_frees_swapped_pages"),
    Mutant("split keeps the offset", "mm/region.c",
           "    high.offset += va - low->start;\n", "",
           "the upper part of a split file mapping shows the wrong pages", "region_split_moves_the_offset"),
    Mutant("regions join whatever they show", "mm/region.c",
           "(a->object == NULL || a->offset + (a->end - a->start) == b->offset)", "true",
           "a file mapping shows the wrong pages", "region_merge_joins_only_equals"),
    Mutant("neighbours count as overlap", "mm/region.c",
           "set->at[i]->start < r->end)", "set->at[i]->start <= r->end)",
           "two regions cannot touch", "region_add_keeps_order_and_refuses_overlap"),
    Mutant("protect leaves resident pages alone", "mm/space.c",
           "        pmap_protect(&s->pmap, va, r->flags & REGION_EXACT ? 0 : space_page_prot(r, f));", "        ;",
           "rights change only for pages that are not there", "space_protect_in_every_position"),
    Mutant("brk shrinks without unmapping", "mm/space.c",
           "} else if (new_end < old_end && space_unmap(s, new_end, old_end - new_end) != VM_OK) {",
           "} else if (new_end > old_end) {",
           "freed heap stays, with its old content", "space_brk_grows_and_shrinks"),
    Mutant("stack grows into its neighbour", "mm/space.c",
           "(guarded && start - below < STACK_GUARD)", "(guarded && false)",
           "a deep recursion overwrites another mapping", "space_stack_keeps_its_distance"),
    Mutant("copy_out forgets dirty", "mm/space.c",
           "pmap_mark(&s->pmap, va, access == VM_WRITE);", "pmap_mark(&s->pmap, va, false);",
           "what read() put into a page is gone after an eviction", "space_copy_marks_pages"),
    Mutant("copy_out ignores rights", "mm/space.c",
           "    if (r != NULL && !(r->prot & access))\n        return VM_FORBIDDEN;\n", "",
           "read() into a read-only buffer brings the kernel down", "space_copy_with_bad_pages"),

    # Faults.
    Mutant("rights not looked at", "mm/fault.c",
           "likely(f->region->prot & f->access) ?", "likely(f->region->prot | f->access) ?",
           "forbidden accesses are let in, or fault for ever", "fault_case_1_forbidden"),
    Mutant("scarce slot kept", "mm/fault.c",
           "    if (unlikely(swap_scarce()) && alone)\n        page_drop_slot(f->frame);\n", "",
           "the reserve is gone after one exchange, and swapping stops", "reclaim_swap_full_pages_are_exchanged"),
    Mutant("refused fault leaks its frame", "mm/source.c",
           "    if (unlikely(r != VM_OK)) {\n        page_free(f);\n        return r;",
           "    if (unlikely(r != VM_OK)) {\n        return r;",
           "every disk error costs a frame", "fault_swap_in_io_error_refuses_and_harms_nothing"),
    Mutant("page that comes back not announced", "mm/fault.c",
           "    f->what = \"swap-in\";\n    pool_expect(pool, page_id_of(&f->space->pmap, f->va));\n",
           "    f->what = \"swap-in\";\n",
           "policies that choose by who comes misjudge what to keep", "fault_pages_are_announced"),
    Mutant("page table from the own pool only", "mm/fault.c",
           "enum vm_result r = memory_evict();", "enum vm_result r = pool_evict(f->space->pool, SWAP_NORMAL);",
           "a new process dies although others have pages to give", "fault_page_table_from_another_pool"),

    # Copy on write.
    Mutant("child may write what it shares", "mm/fork.c",
           "uint32_t prot = r->prot & ~(uint32_t)VM_WRITE;", "uint32_t prot = r->prot;",
           "parent and child see each other's writes", "cow_child_shares_until_somebody_writes"),
    Mutant("parent may write what it shares", "mm/fork.c",
           "        pmap_protect(&parent->pmap, va, prot);", "        ;",
           "the child sees what the parent writes after the fork", "cow_child_shares_until_somebody_writes"),
    Mutant("swapped page shared without a reference", "mm/fork.c",
           "        swap_ref(pte.slot, 1);\n", "",
           "the slot is reused while the child's page is in it", "cow_either_exits_first"),
    Mutant("copy forgets that the page was dirty", "mm/fault.c",
           "    page_unmapped(old, dirty);\n    return PHASE_NEXT;",
           "    page_unmapped(old, false);\n    return PHASE_NEXT;",
           "a page written before fork reverts to zeros in the other process",
           "cow_dirty_survives_the_sharer_who_knew"),
    Mutant("last owner copies all the same", "mm/fault.c",
           "    if (reuse(f))\n        return PHASE_NEXT;\n", "",
           "every page is copied once more than need be, and shared memory is not shared",
           "cow_last_owner_reuses_the_frame"),
    Mutant("frame reused whose slot was never written", "mm/fault.c",
           "            if (page->flags & FRAME_DIRTY) /* its slot was never written: the others need this frame */\n"
           "                return false;\n", "",
           "after a disk error the sharers of a page read junk", "cow_write_to_a_page_whose_slot_was_never_written"),
    Mutant("page of zeros is writable", "mm/fault.c",
           "frame_pfn(zero_frame), f->region->prot & ~(uint32_t)VM_WRITE,", "frame_pfn(zero_frame), f->region->prot,",
           "fresh memory of every process is what one of them wrote", "fault_case_3_zero_page"),

    # Swap cache and read-ahead.
    Mutant("sharers read the slot again", "mm/swap.h",
           "    return swap_slot(s)->frame;", "    return NULL;",
           "two frames hold one page, and who shares it does not see it", "cow_page_goes_out_once_and_is_read_once"),
    Mutant("slot reference kept by the PTE that found the page", "mm/fault.c",
           "        return phase;\n    swap_unref(slot);", "        return phase;",
           "slots leak with every page that is found in memory", "cow_page_goes_out_once_and_is_read_once"),
    Mutant("page read ahead is not held against its checksum", "mm/source.c",
           "if (r != VM_OK || corrupt[i] || swap_refs(other->slot) == 1) {",
           "if (r != VM_OK || swap_refs(other->slot) == 1) {",
           "corrupt pages go to their processes, if they were read ahead",
           "readahead_corrupt_neighbour_harms_nobody_else"),
    Mutant("failed read-ahead fails the fault", "mm/source.c",
           "    if (r != VM_OK && run.count > 1) /* perhaps a neighbour's fault */\n        return swap_in(s, f);\n",
           "",
           "one bad block takes its neighbours' processes along", "readahead_failed_run_is_retried_singly"),
    Mutant("read-ahead keeps pages whose owner is gone", "mm/source.c",
           "corrupt[i] || swap_refs(other->slot) == 1) {", "corrupt[i]) {",
           "frames and slots leak when a process exits during read-ahead",
           "sleep_owner_exits_while_its_pages_are_read_ahead"),

    # Objects and wired pages.
    Mutant("object page's slot is not noted", "mm/evict.c",
           "        swap_ref(f->slot, 1);\n        object_set_slot(o, f->index, f->slot);",
           "        object_clear(o, f->index);",
           "shared memory that was swapped out is zeros again", "object_shared_memory_is_seen_by_all"),
    Mutant("cut leaves private copies", "mm/space.c",
           "            space_drop_pages(s, r, from, r->end);",
           "            if (r->flags & REGION_SHARED)\n                space_drop_pages(s, r, from, r->end);",
           "a process reads beyond the end of a file", "object_resize_cuts_mapped_pages_and_copies"),
    Mutant("cut leaves the tail", "mm/space.c",
           "    memset((char *)page_window(frame_pfn(f), WINDOW_TO) + used, 0, PAGE_SIZE - used);\n", "",
           "what was cut off a file comes back when it grows", "object_resize_zeroes_the_tail"),
    Mutant("last reference forgets the pages", "mm/source.c",
           "        object_discard(o, i);\n    object_delete(o);", "        ;\n    object_delete(o);",
           "every file that is removed leaks its pages", "object_last_reference_frees_all"),
    Mutant("what the kernel writes to a file is clean", "mm/source.c",
           "        memcpy(page + (offset + done) % PAGE_SIZE, (const char *)from + done, chunk);\n        f->flags |= FRAME_DIRTY;",
           "        memcpy(page + (offset + done) % PAGE_SIZE, (const char *)from + done, chunk);",
           "what write() put into a file is gone after an eviction", "object_write_and_read_by_the_kernel"),
    Mutant("locked pages compete", "mm/pool.c",
           "    if (unlikely(f->wired > 0))\n        return;\n", "",
           "mlock does nothing", "wired_pages_stay"),
    Mutant("unwired with the first of its mappings", "mm/pool.c",
           "    if (--f->wired > 0)\n        return;\n", "    f->wired = 0;\n",
           "a locked page goes when another process unlocks it", "wired_by_two"),
    Mutant("split pages are listed nowhere", "mm/evict.c",
           "        f[i].va = va + i * PAGE_SIZE;\n", "",
           "pages of a block are unmapped at the wrong addresses", "block_split_makes_single_pages"),

    # Swap.
    Mutant("checksum ignored", "mm/swap.c",
           "if (likely(sum.value == swap_slot(s)->sum))", "if (true)",
           "corrupt pages go to their processes", "fault_corrupt_swap_in_is_refused_and_others_are_unharmed"),
    Mutant("checksum blind to order", "lib/page.c",
           "b += a;", "b += w;",
           "two exchanged words go unnoticed", "page_sum_notices_exchanged_words"),
    Mutant("reserve slot given to anyone", "mm/swap.c",
           "likely(swap.free > 1 || (swap.free == 1 && use == SWAP_EXCHANGE))", "swap.free > 0",
           "on a full disk nothing can be read back any more", "reclaim_swap_full"),
    Mutant("slot freed with its first reference", "mm/swap.h",
           "if (swap_slot(s)->refs == 1)", "if (swap_slot(s)->refs > 0)",
           "a page in a shared slot is overwritten", "swap_references_keep_a_slot"),
    Mutant("read error taken for data", "mm/swap.c",
           "    if (likely(err == 0))\n        return VM_OK;",
           "    if (likely(err == 0) || !write)\n        return VM_OK;",
           "junk goes to the process", "swap_io_errors"),
    Mutant("a cluster that comes free is lost", "mm/swap.c",
           "    else if (was_full)\n        list_push_back(&swap.partial, &c->link);", "",
           "swap shrinks until the kernel stops", "swap_random_allocs_against_a_model"),

    # Arenas.
    Mutant("last fit forgets the bound below", "lib/fit.c",
           "    return *at >= from;\n", "    return true;\n",
           "an allocation starts in what lies before its hole", "fit_chooses_what_its_name_says"),
    Mutant("a smaller hole keeps its old size in the tree", "lib/fit_tree.h",
           "    s->size = size;\n    fit_tree_update(s);", "    s->size = size;",
           "what fits is not found, and what does not is given away", "fit_chooses_what_its_name_says"),
    Mutant("instant fit rounds down", "lib/fit.c",
           "floor_log2(sure - 1) + 1", "floor_log2(sure)",
           "a segment is handed out that is too small", "fit_by_hand"),
    Mutant("the tree is as deep as the records lie", "lib/fit_tree.c",
           "    x *= 0x7feb352d;\n", "    return x;\n",
           "a lookup walks through all segments", "fit_trees_stay_flat"),
    Mutant("freed neighbours stay apart", "mm/vmem.c",
           "        if (behind->kind == VMEM_FREE) {\n            end = end_of(behind);", "        if (false) {\n            end = end_of(behind);",
           "the arena falls to pieces", "vmem_a_million_random_operations"),
    Mutant("empty imported spans stay", "mm/vmem.c",
           "    if (span->kind == VMEM_SPAN && unlikely", "    if (false && unlikely",
           "the source runs dry", "vmem_imports_and_gives_back"),
    Mutant("spare tags go back to their slab", "mm/vmem_tags.h",
           "    if (a->spares == a->keep) {", "    if (true) {",
           "swap slots cannot be had just when memory is short", "vmem_with_enough_tags_needs_no_memory"),
    Mutant("splitting a region leaves its segment whole", "mm/region.c",
           "    if (set->gaps != NULL && va < set->gaps_end && vmem_split", "    if (false && vmem_split",
           "unmapping half of a mapping panics", "gaps_follow_every_strategy"),
    Mutant("an arena short of tags stays", "mm/region.c",
           "    if (r != VM_OK)\n        drop_gaps(set);\n}", "}",
           "mmap hands out addresses that are in use", "gaps_without_memory_are_searched_for_by_hand"),

    # Policies.
    Mutant("GIP ignores what a refault tells", "mm/policy/gip.c",
           "        s->class = (uint8_t)class_after(e->flag, gap, true);\n", "",
           "a page that comes back is in the class of strangers", "gip_refault_knows_the_gap"),
    Mutant("CLOCK gives no second chance", "mm/policy/clock.c",
           "if (!policy_test_clear_accessed(f))", "if (policy_test_clear_accessed(f) || true)",
           "CLOCK is FIFO", "policy_clock_textbook_counts"),
    Mutant("CLOCK inserts before the hand", "mm/policy/clock.c",
           "list_push_back(c->hand, &f->link);", "list_push_front(c->hand, &f->link);",
           "a new page is looked at next instead of last", "policy_clock_textbook_counts"),
    Mutant("FIFO evicts the newest", "mm/policy/fifo.c",
           "policy_frame(q->queue.next)", "policy_frame(q->queue.prev)",
           "FIFO is LIFO", "policy_fifo_order"),
    Mutant("random is not", "mm/policy/random.c",
           "random_below(&r->rng, r->count)", "r->count - 1",
           "the draw is always the same", "policy_random_is_uniform"),
    Mutant("OPT evicts what is wanted first", "mm/policy/opt.c",
           "return a->next_use > b->next_use ||", "return a->next_use < b->next_use ||",
           "the baseline that all are compared with is wrong", "policies2_opt"),
    Mutant("OPT forgets a page that the pool rejects", "mm/policy/opt.c",
           "wait_aside(o, f, e->word);", "wait_aside(o, f, ORACLE_NEVER);",
           "after a failed write the baseline is no longer the best", "policies2_opt_when_the_pool_rejects"),
    Mutant("SIEVE puts new pages behind the hand", "mm/policy/sieve.c",
           "list_push_back(&s->queue, &f->link);", "list_push_back(s->hand, &f->link);",
           "SIEVE is CLOCK", "policies2_sieve"),
    Mutant("the load counts as a use", "mm/usage.h",
           "    if (u->fresh != NULL && !u->exact)\n        policy_test_clear_accessed(u->fresh);\n", "",
           "ARC, CAR, CLOCK-Pro, LIRS and S3-FIFO hold every page for used", "policies2_arc"),
    Mutant("ARC does not ask whether the page is in B2", "mm/policy/arc.c",
           "(a->wanted_often && once == a->target)", "false",
           "other victims than the paper's", "policies2_arc_steps"),
    Mutant("steps of p are all 1", "mm/policy/adaptive.c",
           "MAX(other / own, 1u)", "1u",
           "ARC adapts too slowly", "policies2_arc_steps"),
    Mutant("CAR shrinks T1 as ARC does", "mm/policy/car.c",
           "once >= MAX(a->target, 1u)", "once > a->target",
           "other victims than the paper's", "policies2_car"),
    Mutant("LIRS does not prune", "mm/policy/lirs.c",
           "        if (e->flag == LIR)\n            return;", "        if (e->flag == LIR || e->frame == NULL)\n            return;",
           "pages that are seldom used become LIR", "policies2_lirs"),
    Mutant("CLOCK-Pro's aim for cold pages only grows", "mm/policy/clockpro.c",
           "c->cold_aim = MAX(c->cold_aim - 1, 1u);", "",
           "hot pages are driven out in the end", "policies2_clockpro"),
    Mutant("S3-FIFO takes one use for enough", "mm/policy/s3fifo.c",
           "s->usage.exact ? 2 : 1", "s->usage.exact ? 1 : 1",
           "the main queue fills with pages used once more", "policies2_s3fifo"),
    Mutant("WSClock does not ask what is dirty", "mm/policy/wsclock.c",
           "bool clean = !policy_dirty(f);", "bool clean = true;",
           "evictions cost writes that could wait", "policies2_wsclock"),
    Mutant("refault distance without activations", "mm/policy/twolist.c",
           "    put(l, f, ACTIVE);\n    l->age++;", "    put(l, f, ACTIVE);",
           "pages become active that could not have been kept", "policies2_twolist"),
    Mutant("a sweep loses uses", "mm/policy/mglru.c",
           "                take(m, f);\n                put(m, f, m->youngest);\n            }", "            }",
           "pages in use go with their generation", "policies2_mglru"),
    Mutant("the runner-up may be the victim", "mm/policy/adaptive.c",
           "    if (n == &f->link)\n        n = n->next;\n", "",
           "explain names the victim twice", "policies2_any_order"),
    Mutant("GCLOCK's counters have no end", "mm/policy/gclock.c",
           "MIN(f->policy_word + 1, (uint32_t)GCLOCK_MOST);\n        else if", "f->policy_word + 1;\n        else if",
           "a page that was hot once stays for ever", "policies_gclock_counts_to_seven"),
    Mutant("aging remembers what it shifted out", "mm/policy/aging.c",
           "(!list_empty(b) && before(", "(false && before(",
           "the history is longer than eight bits", "policies_by_hand"),
    Mutant("NRU sees dirty before accessed", "mm/policy/nru.c",
           "? NRU_ACCESSED : 0) + (policy_dirty(f) ? NRU_DIRTY : 0)",
           "? NRU_DIRTY : 0) + (policy_dirty(f) ? NRU_ACCESSED : 0)",
           "the wrong class goes first", "policies_by_hand"),
    Mutant("LFU loses order among groups", "mm/policy/lfu.c",
           "group_of(behind)->count > g->count + 1", "true",
           "two groups have the same count", "policies_lfu_is_its_model"),
    Mutant("2Q takes for a ghost what was not evicted", "mm/policy/twoq.c",
           "if (evicted && f->policy_flag == A1IN)", "if ((evicted || true) && f->policy_flag == A1IN)",
           "a page taken aside gets into Am", "policies_twoq_ghosts_were_evicted"),
    Mutant("2Q's runner-up counts the victim", "mm/policy/twoq.c",
           "chosen_queue(q, in_a1 - 1, in_am);", "chosen_queue(q, in_a1, in_am);",
           "explain names another page than would go", "policies_explain_names_the_runner_up"),

    # Frames.
    Mutant("buddies never merge", "mm/buddy.c",
           "while (order < BUDDY_MAX_ORDER) {\n        uint32_t other", "while (false) {\n        uint32_t other",
           "no large block is left after a while", "buddy_merges_back_to_the_largest_block"),
    Mutant("buddies of other orders merge", "mm/buddy_zone.h",
           "(f->flags & FRAME_HEAD) && f->order == order;", "(f->flags & FRAME_HEAD);",
           "frames in use are handed out again", "buddy_random_operations_against_a_model"),
    Mutant("reserve not kept", "mm/buddy.c",
           "likely(zone_low.free >= reserve + (1u << order))", "true",
           "user pages take the frames that page tables need", "buddy_reserve_is_for_the_kernel"),
    Mutant("the kernel gets high frames", "mm/buddy.c",
           "f = alloc_from(&zone_low, order, FRAME_KERNEL);",
           "f = alloc_from(zone_high.free > 0 ? &zone_high : &zone_low, order, FRAME_KERNEL);",
           "page tables lie where the kernel has no address for them", "highmem_kernel_low_users_high_first"),
    Mutant("high frames freed into the low zone", "mm/buddy.c",
           "struct zone *z = zone_of(n);\n    check_unused(f);", "struct zone *z = &zone_low;\n    check_unused(f);",
           "the kernel gets high frames after a while", "highmem_random_operations_keep_the_zones_apart"),
    Mutant("high frames junked through the direct map", "mm/buddy.c",
           "page_window(frame_pfn(&f[i]), WINDOW_TO)", "frame_ptr(&f[i])",
           "freeing a page overwrites the kernel's stacks", "highmem_junk_on_free"),
    Mutant("database beyond the direct map", "mm/frame.c",
           "MIN(limit, direct_limit), size", "limit, size",
           "a large machine does not boot", "highmem_no_hole_for_the_database"),
    Mutant("reserved ranges handed out", "mm/frame.c",
           "        mark(reserved[i], FRAME_RESERVED);", "        ;",
           "the kernel's own image is allocated", "frame_init_reserved_ranges_are_avoided"),
    Mutant("empty slabs kept without end", "mm/slab.c",
           "s->kind == c->kind && c->empties <= c->slabs / KEEP", "s->kind == c->kind",
           "kernel memory only grows", "slab_empty_ones_are_kept_within_bounds"),
    Mutant("kept slabs are not reaped for user pages", "mm/reclaim.c",
           "p->resident < p->limit && slab_reapable() > 0 && slab_reap() > 0", "false",
           "pages go to the swap disk while the heap hoards frames", "slab_kept_ones_become_pages"),
    Mutant("constructed objects linked through themselves", "mm/slab_core.h",
           "return (void **)object - (s->kind == SLAB_CONSTRUCTED);", "return (void **)object;",
           "what a constructor has set up is gone at the next use", "slab_objects_stay_constructed"),
    Mutant("a full slab counts one too few", "mm/slab.c",
           "s->rest = (uint16_t)(capacity - capacity / FULL_SHARE);", "s->rest = (uint16_t)(capacity - capacity / FULL_SHARE - 1);",
           "a slab is given back while an object in it is in use", "kmalloc_a_million_random_operations"),
    Mutant("kmalloc's sizes rounded down", "mm/kmalloc.c",
           "small[(bytes + SMALL_STEP - 1) / SMALL_STEP]", "small[bytes / SMALL_STEP]",
           "objects overlap", "kmalloc_every_size"),
    Mutant("slabs of the old kind used on", "mm/slab.c",
           "if (s->kind != s->cache->kind)\n        file(s, SLAB_CLOSED);", "if (false)\n        ;",
           "after slab debug, guarded objects are linked as plain ones", "kmalloc_random_operations_with_changing_guards"),
    Mutant("red zone behind not looked at", "mm/slab_guard.c",
           "at = odd_byte(bytes, used, end, RED);", "at = end;",
           "overflows go unnoticed", "guard_sees_what_is_written_outside"),
    Mutant("poison not looked at", "mm/slab_guard.c",
           "poisoned(s) ? odd_byte(bytes, 0, used, POISON)", "poisoned(s) ? used",
           "writes after free go unnoticed", "guard_sees_writes_after_free"),
    Mutant("file page read beyond the file", "mm/source.c",
           "MIN(o->length - offset, (uint32_t)PAGE_SIZE)", "(uint32_t)PAGE_SIZE",
           "a program's .bss starts with what follows it in the initrd", "space_source_file_ends_in_zeros"),

    # Allocators, and pages that move.
    Mutant("a stolen group keeps its side", "mm/buddy.c",
           "        change_side(z, frame_pfn(f).n, side);\n        return f;", "        return f;",
           "the kernel's pages spoil one large block after the other", "buddy_keeps_the_kernel_together"),
    Mutant("cached frames are never merged", "mm/buddy.c",
           "        drain_zone(z);\n        f = take(z, order, side);", "        f = take(z, order, side);",
           "large blocks cannot be had though all of their frames are free", "buddy_merges_back_to_the_largest_block"),
    Mutant("isolated frames still count as free", "mm/buddy.c",
           "        z->free -= held;\n", "", "pages are promised frames that nobody has", "compact_leaves_what_cannot_move"),
    Mutant("a moved page leaves its old translation", "tests/host/machine.c",
           "    *pte = *pte % PAGE_SIZE + pfn_base(pfn);\n    invalidate(p, va);",
           "    *pte = *pte % PAGE_SIZE + pfn_base(pfn);",
           "a program writes into a frame that is somebody else's", "migrate_a_shared_page_for_all_who_map_it"),
    Mutant("moving copies most of a page", "mm/migrate.c",
           "    page_copy(page_window(frame_pfn(to), WINDOW_TO), page_window(frame_pfn(from), WINDOW_FROM));",
           "    page_copy(page_window(frame_pfn(to), WINDOW_TO), page_window(frame_pfn(from), WINDOW_FROM));\n"
           "    ((uint32_t *)page_window(frame_pfn(to), WINDOW_TO))[1023] = 0;",
           "the last word of a page is lost", "migrate_keeps_content_rights_and_bits"),
    Mutant("only the first mapping moves", "mm/migrate.c",
           "m != NULL && m->pmap != NULL; m = m->next) {\n        pmap_replace",
           "m == &first && m->pmap != NULL; m = m->next) {\n        pmap_replace",
           "processes that shared a page have two", "migrate_a_shared_page_for_all_who_map_it"),
    Mutant("the object keeps the old frame", "mm/migrate.c",
           "        object_set_frame(from->object, from->index, to);", "        ;",
           "who maps the file next gets a frame that is free", "migrate_a_page_of_a_file_and_a_wired_one"),
    Mutant("the slot does not know that its page moved", "mm/migrate.c",
           "        swap_set_cached(to->slot, to);\n", "", "a page is read back twice", "migrate_keeps_the_slot"),
    Mutant("busy pages move", "mm/migrate.c",
           "!(f->flags & FRAME_BUSY) &&", "", "the disk writes what another page holds by then",
           "migrate_not_what_is_busy_or_nobodys"),
    Mutant("a moved page is new to its policy", "mm/policy/lru.c",
           "    .moved = policy_moved,\n", "", "compaction changes who is evicted",
           "migrate_changes_no_decision_of_any_policy"),
    Mutant("CLOCK's hand stays with the old frame", "mm/policy.h",
           "    if (*hand == &from->link)\n        *hand = &to->link;\n", "",
           "the hand walks through frames that are free", "migrate_changes_no_decision_of_any_policy"),
    Mutant("no rest after a failed compaction", "mm/compact.c",
           "    deferred.skip = deferred.next;\n", "", "each fault looks through all of memory, in vain",
           "compact_defers_after_a_failure"),
    Mutant("a half-moved partition's place is free", "mm/partition.c",
           "if (vmem_alloc_at(b->arena, hole, MIN(at - hole, b->by_start[at]->units)) != VM_OK)", "if (false)",
           "another partition is put where one moves to", "partition_changes_in_the_middle_of_a_move"),
    Mutant("a partition of an arena is anybody's to wire", "mm/pool.c",
           "    if (unlikely(f->kind == FRAME_CONTIG)) /* it is never evicted anyway, and no pool pays for it */\n        return;\n",
           "", "mlock of a partition stops the kernel", "contig_partition_is_neither_evicted_nor_moved_by_others"),
    Mutant("worst fit is best fit", "lib/fit_tree.c",
           "return (a->size < b->size) == (order == FIT_SMALL_FIRST);", "return a->size < b->size;",
           "the figures of worst fit are another strategy's", "fit_chooses_what_its_name_says"),
    Mutant("the MMU keeps the old frame", "arch/x86/pmap.c",
           "    *pte = (*pte & ~X86_FRAME_MASK) | pfn_base(pfn);\n    invalidate(p, va);",
           "    *pte = (*pte & ~X86_FRAME_MASK) | pfn_base(pfn);",
           "programs write into frames that were moved away from under them", "test_nothing_hides_a_stale_translation", "guest",
           CONTIG),

    # Stops.
    Mutant("a policy that is put in place at a stop does not choose", "kernel/stop.c",
           "if (p->policy == before && (victim->flags & FRAME_QUEUED))", "if (before != NULL)",
           "what a person changes at the prompt has no effect until the next fault",
           "test_step_shows_each_fault_before_it_happens", "guest", STOPS),
    Mutant("a person's time is the program's", "kernel/stop.c", "proc_stood_still(tsc); /*", "(void)tsc; /*",
           "ps and top say that the program used minutes of CPU time", "test_step_shows_each_fault_before_it_happens",
           "guest", STOPS),
    Mutant("a breakpoint stops at every page", "kernel/stop.c",
           "(w->page == ANY || w->page == va >> PAGE_SHIFT)", "(w->page == ANY || va != 0)",
           "who waits for one page is stopped at all", "test_breakpoints", "guest", STOPS),
    Mutant("the victim is told after it went", "mm/explain.c",
           "    if (stops != NULL && stops->victim(p, victim, r.why, r.next))\n        return true;\n", "",
           "step shows faults, but nobody's eviction", "test_step_shows_each_fault_before_it_happens", "guest", STOPS),

    # Histograms.
    Mutant("a page forgets when it came", "mm/pool.c", "    f->since = vmstat.pgfault;\n", "",
           "residence times are those of the frame's former pages", "histograms_refault_distance_and_residence"),
    Mutant("a page that moves forgets when it came", "mm/pool.c", "    to->since = from->since;\n", "",
           "compaction makes pages old or young", "histograms_residence_of_pages_that_moved"),

    # Locks and preemption.
    Mutant("frames without a lock", "mm/buddy.c", SPIN, SPIN + NO_LOCKS,
           "threads that are preempted get the same frames", "test_seeds", "guest", HAMMER),
    Mutant("slots without a lock", "mm/swap.c", SPIN, SPIN + NO_LOCKS,
           "two pages are stored in one slot", "test_seeds", "guest", HAMMER),
    Mutant("ranges without a lock", "mm/vmem.c", TAGS, TAGS + NO_LOCKS,
           "two get the same addresses", "test_seeds", "guest", HAMMER),
    Mutant("partitions without a lock", "mm/partition.c", SLAB, SLAB + NO_LOCKS,
           "the book loses partitions", "test_seeds", "guest", HAMMER),
    Mutant("a slab filed meanwhile is lost", "mm/slab.c",
           "if (object != NULL) { /* somebody has filled it", "if (false) { /* somebody has filled it",
           "kernel memory leaks when threads run out of objects at once", "test_seeds", "guest", HAMMER),
    Mutant("preempted with a lock held", "kernel/preempt.c",
           "if ((preempt_state & ~PREEMPT_UNWANTED) == 0)", "if (true)",
           "locks protect nothing", "test_seeds", "guest", HAMMER),
    Mutant("deferred preemptions forgotten", "kernel/preempt.c",
           "        preempt_state &= ~PREEMPT_UNWANTED;\n", "        (void)0;\n",
           "a thread that takes many locks keeps the CPU", "test_seeds", "guest", HAMMER),
    Mutant("SSE registers of preempted threads lost", "kernel/sched.c",
           "(p->space != NULL || p->preemptible)", "p->space != NULL",
           "pages copied by a thread that was preempted are wrong", "test_programs_go_on_meanwhile", "guest", HAMMER),
    Mutant("preempted on the stack of a sleeper", "kernel/preempt.c",
           "if (!need_resched || current->state != PROC_RUNNING)", "if (!need_resched)",
           "a thread is on the ready queue twice", "test_threads_end_and_leave_nothing", "guest", HAMMER),
    Mutant("threads' stacks leak", "kernel/proc.c",
           "        proc_sleep_on(&proc_ended, 0);\n    proc_free(p);", "        proc_sleep_on(&proc_ended, 0);",
           "each thread that ends keeps two frames", "test_threads_end_and_leave_nothing", "guest", HAMMER),

    # Tracing.
    Mutant("a chunk in flight is filled again", "lib/trace.c",
           "    if (waiting + flying == chunks)", "    if (waiting == chunks)",
           "events in a file change into later ones", "trace_port_at_random"),
    Mutant("a reset forgets what is in flight", "lib/trace.c",
           "    waiting = full = begun = told = 0;", "    waiting = flying = full = begun = told = 0;",
           "events in a file change into later ones", "trace_reset_while_chunks_fly"),
    Mutant("events lost are not counted", "lib/trace.c",
           "    } else {\n        counts.lost++;", "    } else {",
           "a trace with holes looks whole", "trace_port_at_random"),
    Mutant("the last losses are not told", "lib/trace.c",
           " || told != counts.lost || ", " || ",
           "a trace whose end is missing looks whole", "trace_losses_at_the_end_are_told"),
    Mutant("few events take a whole chunk", "lib/trace.c",
           "    if (waiting + flying > 0 || !news()", "    if (!news()",
           "a slow port loses events, because the ring is full of nearly empty chunks", "trace_flush_waits_for_an_idle_port"),
    Mutant("a chunk is added at the end", "lib/trace.c",
           "    uint32_t at = open ? filling + 1 : filling;", "    uint32_t at = chunks;",
           "events arrive in the wrong order", "trace_port_at_random"),
    Mutant("trace events without a lock", "lib/trace.c", SPIN, SPIN + NO_LOCKS,
           "events of threads that are preempted are lost", "test_threads_that_are_preempted", "guest", TRACING),
    Mutant("a panic keeps the trace to itself", "drivers/exit.c", "    trace_finish();\n", "",
           "the events that led to a panic are missing", "test_a_panic_brings_what_is_there", "guest", TRACING),
    Mutant("moves of partitions' pages only", "mm/migrate.c",
           "    TRACE(MOVE, 0, to->pmap", "    if (false)\n        TRACE(MOVE, 0, to->pmap",
           "a trace does not say where pages are", "test_all_classes", "guest", TRACING),
]

# ---- running ----

FAILED = re.compile(r"not ok|FAILED")


class Tree:
    """A copy of the repository, built, in which one mutant at a time lives."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def run(self, command, limit):
        env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")}
        try:
            done = subprocess.run(command, cwd=self.path, env=env, shell=isinstance(command, str),
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, errors="replace", timeout=limit)
        except subprocess.TimeoutExpired as e:
            return False, (e.output or b"").decode(errors="replace") + f"\nstopped after {limit} s"
        return done.returncode == 0, done.stdout

    def build(self, jobs=1):
        return self.run(["make", f"-j{jobs}", f"HOST64_FLAGS={HOST_FLAGS}", HOSTTESTS], BUILD_LIMIT)

    def failing(self, command):
        """=> names of the tests that fail, and the output; both empty when all pass."""
        ok, output = self.run(command, TEST_LIMIT)
        names = [line.split()[-1] if line.startswith("not ok") else line.strip()
                 for line in output.splitlines() if FAILED.search(line)]
        return names if names or ok else ["(no test by name)"], output

    def judge(self, m):
        """Applies m, runs, undoes it. => (killed, wrong: what is wrong or None, text)"""
        path = self.path / m.file
        text = path.read_text()
        if text.count(m.old) != 1:
            return False, True, f"the text to replace is found {text.count(m.old)} times in {m.file}"
        path.write_text(text.replace(m.old, m.new))
        try:
            return self.try_tests(m)
        finally:
            path.write_text(text)

    def try_tests(self, m):
        if m.kind == "guest":
            names, output = self.failing(m.command)
        else:
            ok, output = self.build()
            if not ok:
                return False, True, "does not build:\n" + output
            names, output = self.failing([HOSTTESTS, m.test])  # its own test first: that is quick
            if "no test has" in output:
                return False, True, f"there is no test {m.test}"
            if not names:
                names, output = self.failing([HOSTTESTS])
        if not names:
            return False, True, "SURVIVED"
        if any(m.test in name for name in names):
            return True, False, f"killed by {m.test}"
        return True, True, f"killed by {', '.join(names[:3])}, but not by {m.test}"


def copy_tree(source, path):
    skip = shutil.ignore_patterns(".git", "__pycache__") if source != ROOT else \
        shutil.ignore_patterns(".git", "__pycache__", "build")
    shutil.copytree(source, path, symlinks=True, ignore=skip)  # keeps times: what is built stays built
    return Tree(path)


def run_all(mutants):
    with tempfile.TemporaryDirectory(prefix="mutants-") as scratch:
        first = copy_tree(ROOT, f"{scratch}/0")
        if any(m.kind == "host" for m in mutants):
            ok, output = first.build(JOBS)
            names, _ = first.failing([HOSTTESTS]) if ok else ([], "")
            if not ok or names:
                sys.exit("before any mutation:\n" + (output if not ok else "\n".join(names)))
        idle = queue.Queue()
        idle.put(first)
        for i in range(1, JOBS):
            idle.put(copy_tree(first.path, f"{scratch}/{i}"))

        def one(m):
            tree = idle.get()
            try:
                return tree.judge(m)
            finally:
                idle.put(tree)

        with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
            yield from zip(mutants, pool.map(one, mutants))


def markdown(mutants):
    print("# Mutations\n")
    print("What happens to the tests when the code is broken on purpose. `make mutants` applies each of these to a\n"
          "copy of the tree, one at a time, and fails unless the test on its line notices. Written by\n"
          "`tests/mutants.py --markdown`.\n")
    print("| broken | where | what it would do | noticed by |\n|---|---|---|---|")
    for m in mutants:
        print(f"| {m.name} | `{m.file}` | {m.why} | `{m.test}` |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="print the names and exit")
    parser.add_argument("--markdown", action="store_true", help="print the table of docs/mutations.md and exit")
    parser.add_argument("--only", metavar="SUBSTRING", default="", help="part of a name, file or test")
    args = parser.parse_args()
    mutants = [m for m in MUTANTS if any(args.only in field for field in (m.name, m.file, m.test, m.kind))]
    if not mutants:
        sys.exit(f"no mutant has {args.only!r} in its name, file or test")
    if args.list:
        for m in mutants:
            print(f"{m.kind:5} {m.file:22} {m.name}")
        return 0
    if args.markdown:
        markdown(mutants)
        return 0
    killed = wrong = 0
    for m, (dead, bad, text) in run_all(mutants):
        killed += dead
        wrong += bad
        print(f"{'ok  ' if not bad else 'FAIL'} {m.file}: {m.name}: {text}", flush=True)
    print(f"{killed} killed, {len(mutants) - killed} survived")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
