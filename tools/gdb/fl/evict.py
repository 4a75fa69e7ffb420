# SPDX-License-Identifier: MIT
"""The eviction that is under way: who goes and why, while the page is still where it was; and stopping there."""
import re

import gdb

from fl import stop
from fl.command import Command, parse_filter, parse_number
from fl.fault import parse_nth
from fl.guest import NONE, PAGE_SHIFT, log_lines
from fl.paging import frame_number, is_dirty, mapping_entries, mappings, page_words
from fl.policy import pool_words, reason
from fl.process import named_pid

LEAVES = "pool_remove"   # called by evict_start when the victim has its slot, just before it is unmapped
BEGINS = "evict_start"
EXPLAIN = re.compile(r'\] explain .*victim=\w+:(\w+) frame=(\w+) .*why="(.*?)" runner-up=(\S+)')
LOOK_BACK = 200          # lines of the log: victims may be picked several at a time


def frame_of_eviction():
    """=> gdb's frame of evict_start, None if it is not on the stack"""
    frame = gdb.newest_frame()
    while frame is not None and frame.name() != BEGINS:
        frame = frame.older()
    return frame


def victim():
    """=> the struct frame of the page that is being evicted"""
    frame = frame_of_eviction()
    if frame is None:
        raise gdb.GdbError(f"no page is being evicted: no {BEGINS} on the stack; `fl break-evict` and `continue` "
                           "stop in the next eviction")
    newer = frame.newer()
    value = newer.read_var("f") if newer is not None and newer.name() == LEAVES else frame.read_var("f")
    if value.is_optimized_out:
        raise gdb.GdbError(f"the compiler has dropped {BEGINS}'s f here; it is there where `fl break-evict` stops")
    return value.dereference()


def owner_of(frame):
    """=> the pid that the log names: that of the first mapping, 0 if there is none"""
    found = mappings(frame)
    return int(found[0][0]["tag"]) if found else 0


def words_of_kernel(frame):
    """What the policy itself said when it chose, if log=+explain is on."""
    try:
        lines = log_lines()[-LOOK_BACK:]
    except gdb.GdbError:
        return None
    pages = {va >> PAGE_SHIFT for _, va in mappings(frame)}
    for found in filter(None, map(EXPLAIN.search, reversed(lines))):
        if int(found[2], 16) == frame_number(frame):  # else it tells of a page that was there before
            return f"{found[3]}; runner-up {found[4]}" if int(frame["object"]) or int(found[1], 16) in pages else None
    return None


def explain(frame):
    """What is known of an eviction, a line at a time."""
    slot, dirty = int(frame["slot"]["n"]), is_dirty(frame)
    yield f"victim   {page_words(frame)}, in frame {frame_number(frame):#x}"
    for (pmap, va), entry in zip(mappings(frame), mapping_entries(frame)):
        yield f"pte      {entry.raw:#010x} of {va:#010x}, {named_pid(int(pmap['tag']))}: {entry.words()}"
    yield f"slot     {slot if slot != NONE else 'none'}"
    yield ("write    yes: the page is dirty" if dirty else
           "write    no: it is clean, and the slot has a copy" if slot != NONE else
           "write    no: it is clean, and its source has the same content")
    yield f"pool     {frame['pool']['name'].string()}: {pool_words(frame['pool'])}"
    yield f"why      {words_of_kernel(frame) or reason(frame['pool'], frame)}"


class VictimCommand(Command):
    """Explain the eviction that is under way.

fl victim

Shows the page that goes, every PTE that maps it, its slot on the swap disk, whether it must be written, and
why the policy chose it: in the policy's own words if log=+explain is on, else what its state tells. Works
where `fl break-evict` stops; `finish` then leads to where the PTEs are gone."""
    name = "victim"

    def run(self, arguments):
        if arguments:
            self.expects("no argument")
        print("\n".join(explain(victim())))


class EvictStop(stop.Counted):
    """Where evict_start takes a page from its policy."""

    def __init__(self, wanted):
        super().__init__(f"*{LEAVES}", wanted)  # the function alone, no inlined copies

    def matches(self):
        here = gdb.newest_frame()
        if not int(here.read_var("evicted")):
            return False
        frame = here.read_var("f").dereference()
        if "frame" in self.wanted and frame_number(frame) != self.wanted["frame"]:
            return False
        return "pid" not in self.wanted or owner_of(frame) == self.wanted["pid"]

    def explain(self):
        frame_of_eviction().select()  # so that `finish` ends the eviction's first part
        return explain(victim())


class BreakEvictCommand(Command):
    """Stop at evictions, or at those that are looked for.

fl break-evict [pid=PID] [frame=FRAME] [n=COUNT]

All that is said must hold: fl break-evict pid=2 n=10. pid is the one that the log names, that of the page's
first mapping. With n it stops once, at the COUNTth from now on. It stops when the victim is chosen and has its
slot, while its PTE is still in place, and says what `fl victim` says; `finish` leads to where the PTE is
gone. It is a breakpoint: info breakpoints, disable, delete."""
    name = "break-evict"
    needs_paging = False

    def run(self, arguments):
        EvictStop(parse_filter(arguments, {"pid": (parse_number, "PID"), "frame": (parse_number, "FRAME"),
                                           "n": (parse_nth, "COUNT")}))
