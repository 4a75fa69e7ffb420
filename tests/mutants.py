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
              "-fsanitize=address,undefined -fno-sanitize-recover=all -DFAULTLINE_HOST -w")


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


# ---- host: tests/host ----

MUTANTS = [
    # The machine's side of mm/pmap.h, where the fake stands for arch/x86/pmap.c.
    Mutant("unmap does not invalidate", "tests/host/machine.c",
           "    invalidate(p, va);\n    p->resident--;", "    p->resident--;",
           "the process goes on using a frame that was given to another",
           "reclaim_state_is_published_before_io"),
    Mutant("clearing A does not invalidate", "tests/host/machine.c",
           "    *pte &= ~(uint32_t)A;\n    invalidate(p, va);", "    *pte &= ~(uint32_t)A;",
           "the MMU never sets A again: CLOCK evicts what is in use",
           "policy_clock_clears_bits_and_passes_over"),
    Mutant("protect does not invalidate", "tests/host/machine.c",
           "    if (old & ~*pte)\n        invalidate(p, va);\n", "",
           "a read-only page can still be written", "space_protect_in_every_position"),

    # Eviction.
    Mutant("another frame's dirty bit", "mm/reclaim.c",
           "if (!stored && rmap_dirty(f)) {",
           "if (!stored && rmap_dirty(f[1].pool == p ? f + 1 : f)) {",
           "a dirty page next to a clean one is lost", "reclaim_dirty_and_clean_neighbours"),
    Mutant("dirty sample thrown away", "mm/reclaim.c",
           "bool dirty = rmap_unmap_all(f, f->slot);", "bool dirty = rmap_unmap_all(f, f->slot) && false;",
           "a page that was read back and changed reverts to what the slot holds",
           "reclaim_page_dirtied_again_is_written_again"),
    Mutant("write-back dropped", "mm/reclaim.c",
           "enum vm_result r = swap_out(f->slot, f);", "enum vm_result r = VM_OK;",
           "evicted pages come back as junk", "reclaim_dirty_page_is_written_once"),
    Mutant("clean pages written too", "mm/reclaim.c",
           "bool write = dirty || (slot_valid(f->slot) && !stored);", "bool write = dirty || slot_valid(f->slot);",
           "nothing is lost, but clean evictions cost I/O",
           "reclaim_clean_page_keeps_its_slot_and_is_not_written"),
    Mutant("failed write forgets dirty", "mm/reclaim.c",
           "rmap_restore(f, true);", "rmap_restore(f, false);",
           "after a disk error the page is dropped as clean", "reclaim_failed_write_restores_and_another_goes"),
    Mutant("failed write keeps the slot", "mm/reclaim.c",
           "            if (!stored)\n                page_drop_slot(f);\n", "",
           "the page counts as stored though the slot holds junk", "reclaim_failed_write_restores_and_another_goes"),
    Mutant("failed write leaves BUSY", "mm/reclaim.c",
           "            f->flags &= (uint8_t)~FRAME_BUSY;\n            if", "            if",
           "the page can never be evicted or freed", "reclaim_failed_write_restores_and_another_goes"),
    Mutant("no last resort", "mm/reclaim.c",
           "return evict_any(p, use, why, out);", "return why;",
           "a process is killed for want of swap although a clean page could go",
           "reclaim_finds_the_only_page_that_can_go"),
    Mutant("harvest does not mark dirty", "mm/reclaim.c",
           "        pmap_mark(f->pmap, f->va, true);\n        page_drop_slot(f);", "        page_drop_slot(f);",
           "pages whose slots were harvested are dropped as clean", "reclaim_harvests_kept_slots"),
    Mutant("slot references of sharers lost", "mm/reclaim.c",
           "swap_ref(f->slot, mappings - 1);", "(void)mappings;",
           "the slot is reused while a sharer's page is in it", "rmap_shared_page_goes_and_comes_back_for_all"),
    Mutant("smallest pool gives", "mm/reclaim.c",
           "p->resident > best->resident", "p->resident < best->resident",
           "a small process starves when memory is short", "reclaim_short_memory_takes_from_the_largest_pool"),

    # Reverse map and spaces.
    Mutant("shared frame freed with its first mapping", "mm/space.c",
           "            if (f->pmap == NULL)\n                page_free(f);", "            page_free(f);",
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
           "r = rmap_add(f->frame, pmap, page);", "r = VM_OK;",
           "nobody can find the PTE when the frame goes", "fault_case_3_first_touch"),
    Mutant("unmap leaks swap slots", "mm/space.c",
           "            pmap_forget(&s->pmap, va);\n            swap_unref(pte.slot);",
           "            pmap_forget(&s->pmap, va);",
           "the disk fills up with pages of the dead", "space_brk_shrink_frees_swapped_pages"),
    Mutant("split keeps the offset", "mm/region.c",
           "    high.offset += va - low->start;\n", "",
           "the upper part of a split file mapping shows the wrong pages", "region_split_moves_the_offset"),
    Mutant("neighbours count as overlap", "mm/region.c",
           "set->at[i]->start < r->end)", "set->at[i]->start <= r->end)",
           "two regions cannot touch", "region_add_keeps_order_and_refuses_overlap"),
    Mutant("protect leaves resident pages alone", "mm/space.c",
           "pmap_protect(&s->pmap, va, prot);", "(void)prot;",
           "rights change only for pages that are not there", "space_protect_in_every_position"),
    Mutant("brk shrinks without unmapping", "mm/space.c",
           "} else if (new_end < old_end && space_unmap(s, new_end, old_end - new_end) != VM_OK) {",
           "} else if (new_end > old_end) {",
           "freed heap stays, with its old content", "space_brk_grows_and_shrinks"),
    Mutant("copy_out forgets dirty", "mm/space.c",
           "pmap_mark(&s->pmap, va, access == VM_WRITE);", "pmap_mark(&s->pmap, va, false);",
           "what read() put into a page is gone after an eviction", "space_copy_marks_pages"),
    Mutant("copy_out ignores rights", "mm/space.c",
           "    if (!(r->prot & access))\n        return VM_FORBIDDEN;\n", "",
           "read() into a read-only buffer brings the kernel down", "space_copy_with_bad_pages"),

    # Faults.
    Mutant("rights not looked at", "mm/fault.c",
           "likely(f->region->prot & f->access) ?", "likely(f->region->prot | f->access) ?",
           "forbidden accesses are let in, or fault for ever", "fault_case_1_forbidden"),
    Mutant("scarce slot kept", "mm/fault.c",
           "    if (!keep)\n        page_drop_slot(f->frame);\n", "",
           "the reserve is gone after one exchange, and swapping stops", "reclaim_swap_full_pages_are_exchanged"),
    Mutant("scarce slot given back, page clean", "mm/fault.c",
           "map_page(f, !keep, distance)", "map_page(f, false, distance)",
           "no copy is stored and the page is dropped as clean", "reclaim_scarce_slots_are_not_kept"),
    Mutant("refused fault leaks its frame", "mm/fault.c",
           "        return PHASE_NEXT;\n    page_free(f->frame);", "        return PHASE_NEXT;",
           "every disk error costs a frame", "fault_swap_in_io_error_refuses_and_harms_nothing"),
    Mutant("refault distance one too large", "mm/reclaim.c",
           "swap_set_shadow(f->slot, p->evictions);", "swap_set_shadow(f->slot, p->evictions - 1);",
           "policies that use it misjudge what to keep", "fault_refault_distance"),
    Mutant("page table from the own pool only", "mm/fault.c",
           "r = memory_evict();", "r = pool_evict(f->space->pool, SWAP_NORMAL);",
           "a new process dies although others have pages to give", "fault_page_table_from_another_pool"),

    # Swap.
    Mutant("checksum ignored", "mm/swap.c",
           "swap_verify && sum.value != e->sum", "swap_verify && false",
           "corrupt pages go to their processes", "fault_corrupt_swap_in_is_refused_and_others_are_unharmed"),
    Mutant("checksum blind to order", "lib/page.c",
           "b += a;", "b += w;",
           "two exchanged words go unnoticed", "page_sum_notices_exchanged_words"),
    Mutant("reserve slot given to anyone", "mm/swap.c",
           "swap.free == 0 || (swap.free == 1 && use != SWAP_EXCHANGE)", "swap.free == 0",
           "on a full disk nothing can be read back any more", "reclaim_swap_full"),
    Mutant("slot freed with its first reference", "mm/swap.c",
           "if (--e->refs == 0) {", "if (e->refs-- > 0) {",
           "a page in a shared slot is overwritten", "swap_references_keep_a_slot"),
    Mutant("read error taken for data", "mm/swap.c",
           "int err = swap.disk->read(swap.disk, s.n, frame_ptr(f), swap_verify ? &sum : NULL);",
           "int err = swap.disk->read(swap.disk, s.n, frame_ptr(f), swap_verify ? &sum : NULL);\n"
           "    sum.value = e->sum, err = 0;",
           "junk goes to the process", "swap_io_errors"),

    # Policies.
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

    # Frames.
    Mutant("buddies never merge", "mm/buddy.c",
           "while (order < BUDDY_MAX_ORDER) {\n        uint32_t other", "while (false) {\n        uint32_t other",
           "no large block is left after a while", "buddy_merges_back_to_the_largest_block"),
    Mutant("buddies of other orders merge", "mm/buddy.c",
           "|| !(b->flags & FRAME_HEAD) || b->order != order)\n            break;",
           "|| !(b->flags & FRAME_HEAD))\n            break;",
           "frames in use are handed out again", "buddy_random_operations_against_a_model"),
    Mutant("reserve not kept", "mm/buddy.c",
           "if (low.free < reserve + (1u << order))", "if (false)",
           "user pages take the frames that page tables need", "buddy_reserve_is_for_the_kernel"),
    Mutant("the kernel gets high frames", "mm/buddy.c",
           "return alloc_from(&low, order, FRAME_KERNEL);",
           "return alloc_from(high.free > 0 ? &high : &low, order, FRAME_KERNEL);",
           "page tables lie where the kernel has no address for them", "highmem_kernel_low_users_high_first"),
    Mutant("high frames freed into the low zone", "mm/buddy.c",
           "struct zone *z = zone_of(n);\n    z->free", "struct zone *z = &low;\n    z->free",
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
    Mutant("empty slabs kept", "mm/slab.c",
           "    if (s->in_use == 0) {", "    if (false) {",
           "kernel memory only grows", "slab_objects_are_distinct_and_whole"),
    Mutant("file page read beyond the file", "mm/source.c",
           "MIN(s->length - offset, (uint32_t)PAGE_SIZE)", "(uint32_t)PAGE_SIZE",
           "a program's .bss starts with what follows it in the initrd", "space_source_file_ends_in_zeros"),
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
