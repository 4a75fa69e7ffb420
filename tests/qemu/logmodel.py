# SPDX-License-Identifier: MIT
"""An oracle for the log: replays every event against a model of memory that is a few dictionaries.

The model knows which pages each frame holds and which copy is in which slot, and nothing else; so a line that could
not have come from a correct memory system is a Violation:

    faults     a page comes in only if it is out; case 4 only with the slot its last eviction gave it, or from the frame
               that keeps that slot; into a frame that nobody has, unless it is an object's page or found in memory;
               case 5 only of a page that is there, whose copy is in a new frame; never beyond the limit
    sharing    one frame of zeros, which nobody owns; a page of a program file is in one frame for all who run it
    evictions  only of a resident page from its own frame, named by its first mapping, only when the pool is full;
               under fifo the oldest
    dirty      a page whose write completed is never dropped as clean; pages of files are never written back
    slots      no slot has two pages; a page keeps its slot until slots are scarce
    deaths     a refused fault kills its process in the next line, or a handler of its runs; nothing is heard of the
               dead; the out-of-memory killer takes the worst, and says truly what everybody has
    figures    the tables, `summary`, vmstat, ps, frames and swap agree with the lines counted

It needs the classes proc, fault and evict on from boot to the end (as by default). Unmapping shows only in the class
sys, so programs that unmap need log=all; with the class swap on, transfers are held against the rest. A process that
calls execve has two spaces under one number for a while, which the model cannot tell apart.

Some things are not in the log, and where they may happen the model asks for less:

    sleeping disks   (swap=hda, swaplat=) frames on their way in or out are charged, but no line says when that begins,
                     and others go on meanwhile: so an eviction may seem to come early, in another order, or after its
                     process's end; and when slots are scarce, which pages gave theirs up is known afterwards only. The
                     limit, the frames, the slots and what was dirty are held as ever.
    read-ahead,      frames of pages that nobody asked for appear when they are found, or when they go (pid 0); the
    the pager        pager evicts ahead of time and several pages at once: no order and no full pool is asked for.
    files=True       programs read and write files in /tmp, whose pages come in without a line.
"""
import collections
import dataclasses
import re

from loglines import (EVENTS, MISPLACED, OBJECTS, POOL_ROW, PS_ROW, ROW, STAMPED, SWAP_ROW, VMSTAT_ROW, WHAT, events,
                      integers, number, rows, summaries)

__all__ = ["STAMPED", "Model", "Violation", "check", "events", "rows", "summaries"]

PAGE_MASK = ~0xfff
PAGE_SHIFT = 12
IMAGE_END = 0x40000000  # what a program file maps lies below, what mmap chooses above
BRK, MUNMAP, MREMAP, MMAP2, MADVISE = 45, 91, 163, 192, 219
MADV_DONTNEED = 4
MOST_IN_FLIGHT = 64  # pages on their way out at once, which have a slot that no line has named yet


class Violation(AssertionError):
    pass


@dataclasses.dataclass(eq=False)
class Frame:
    """A frame with a page. A page is (pid, address)."""
    maps: list                  # who maps it, as the reverse map lists them: the first, then the others, newest first
    slot: int | None = None     # the copy that it keeps
    perhaps: int | None = None  # a slot that it may have given up
    dirty: bool = False         # for certain; False says nothing
    object: str | None = None   # the kind of object whose page it is
    image: tuple | None = None  # (program, address) of a page of a program file
    block: set | None = None    # the frames of its block, if that is larger than a page

    def map(self, key):
        self.maps.insert(1, key)


@dataclasses.dataclass(eq=False)
class Slot:
    keys: set                  # pages that are to be found here
    frame: int | None = None   # the frame that keeps it
    object: bool = False       # an object's page is to be found here


@dataclasses.dataclass
class Process:
    name: str | None = None  # known from its start
    ip: int | None = None    # of its last fault
    writing: set = dataclasses.field(default_factory=set)  # pages that the instruction at ip asked to write
    brk: int = 0
    minor: int = 0
    major: int = 0
    evictions: int = 0
    writebacks: int = 0


class Model:
    def __init__(self, files=False):
        self.frames = {}      # number -> Frame, longest in the pool first
        self.step_of, self.step = None, set()  # who faulted last, where, and the frames that this instruction got
        self.resident = {}    # (pid, page) -> number of its frame
        self.zeros = set()    # (pid, page) that map the frame of zeros
        self.zero_frame = None
        self.swapped = {}     # (pid, page) -> slot
        self.slots = {}       # slot -> Slot
        self.images = {}      # (program, address) -> number of the frame with this page of a program file
        self.doubtful = set()  # frames of objects that nobody maps: perhaps the object is gone, and they with it
        self.leaving = {}     # frame -> pages that it had when their process ended: its eviction may be under way
        self.splitting = set()  # frames of the block that is being evicted
        self.processes = {}
        self.ended = set()
        self.doomed = None    # (pid, va, ip) of a refused fault: the next event must be its kill
        self.hearing = None   # lines of the out-of-memory killer, until another event
        self.written, self.read = {}, {}  # slot -> frame: transfers that wait for their event
        self.now = 0
        self.limit = self.slot_count = 0
        self.unit = 1               # pages, of residence
        self.policy = ""
        self.fixed_limit = True     # frames=all may evict below the limit, when memory runs out
        self.transfers_shown = False
        self.sleeping = self.ahead = self.pager = False
        self.files = files
        self.swap_was_full = False  # pages may have lost their slots, and changed places in the queue
        self.since_boot = collections.Counter()
        self.since_command = collections.Counter()

    def require(self, good, what):
        if not good:
            raise Violation(what)

    def replay(self, log):
        """Takes a whole log. => self; raises Violation with the line."""
        for n, line in enumerate(log.splitlines(), 1):
            try:
                self.line(line)
            except Violation as e:
                raise Violation(f"line {n}: {e}\n  {line}") from None
        self.require(self.doomed is None, "the log ends before the kill that a refused fault must bring")
        return self

    def line(self, line):
        stamped = STAMPED.fullmatch(line)
        if stamped:
            now = int(stamped[1]) * 1000000 + int(stamped[2])
            self.require(now >= self.now, "time went back")
            self.now = now
            self.event(stamped[3])
        elif line.startswith("faultline> "):
            self.since_command.clear()
        elif line.startswith("summary "):
            self.summary(summaries(line)[0])
        elif ": cannot run: " in line:  # the process did not come to be; its number is used again
            for pid in [pid for pid, p in self.processes.items() if p.name is None]:
                self.forget_pages(pid, 0, 1 << 32)
                del self.processes[pid]
        else:
            self.require(line.startswith("  fault ") or not MISPLACED.search(line), "an event within another line")
            self.figures(line)

    def event(self, text):
        kind = text.split(" ", 1)[0]
        self.require(kind in EVENTS, "unknown event")
        match = EVENTS[kind].fullmatch(text)
        self.require(match, f"malformed {kind} event")
        self.require(self.doomed is None or kind in ("kill", "signal"),
                     f"expected pid {self.doomed and self.doomed[0]}'s kill")
        if self.hearing is not None and kind != "oom":
            self.judge()
        pid = match.groupdict().get("pid")
        if pid and not (kind == "evict" and self.sleeping):
            self.require(int(pid) not in self.ended, f"pid {pid} has ended")
        handler = getattr(self, "on_" + kind.replace("-", "_"), None)
        if handler:
            handler(match)

    # boot ---------------------------------------------------------------------------------------------

    def on_faultline(self, e):
        def option(key, default):
            values = re.findall(rf"(?<!\S){key}=(\S+)", e["command_line"])
            return values[-1] if values else default
        self.transfers_shown = bool(re.search("all|swap", option("log", "")))
        self.fixed_limit = option("frames", "") != "all"
        self.unit = 1 << int(option("order", "0"))
        self.ahead = option("readahead", "1") != "1"
        self.pager = option("pager", "off") == "on"
        self.sleeping = option("swaplat", "0") != "0"

    def on_pool(self, e):
        self.policy, self.limit, self.slot_count = e["policy"], int(e["frames"]), int(e["slots"])
        self.sleeping |= bool(re.fullmatch(r"hd[a-d]", e["swap"]))
        self.note_slots()

    # what can be asked for ----------------------------------------------------------------------------

    def hidden_frames(self):
        """May a page be resident that no line told of?"""
        return self.ahead or self.files

    def exact(self):
        """Is every charged frame known?"""
        return not (self.sleeping or self.hidden_frames() or self.doubtful)

    def full_pool_asked(self):
        return self.exact() and self.fixed_limit and not self.pager

    # faults -------------------------------------------------------------------------------------------

    def count(self, **what):
        self.since_boot.update(what)
        self.since_command.update(what)

    def on_fault(self, e):
        pid, va, ip, kase = int(e["pid"]), int(e["va"], 16), int(e["ip"], 16), int(e["kase"])
        frame, slot, what = number(e["frame"], 16), number(e["slot"]), e["what"]
        key = pid, va & PAGE_MASK
        process = self.processes.setdefault(pid, Process())
        self.require(what in WHAT[kase], f"case {kase} is not {what}")
        major = what == "swap-in" and frame is not None
        process.major += major
        process.minor += not major
        self.count(**{"pgfault": 1, "pgmajfault": major, f"fault_case{kase}": 1, self.counter(kase, what, frame): 1,
                      "pgreuse": what == "reuse"})
        self.require(self.sleeping or not self.written, f"slots were written for nothing: {self.written}")
        self.progress(process, ip)
        if frame is None:
            self.refused(kase, slot, (pid, va, ip))
            return
        self.require(slot is None or what == "swap-in", "a slot without a swap-in")
        self.require(kase >= 2, f"case {kase} got a frame")
        block = self.block_of(key[1], frame, int(e["order"] or 0))
        self.require(e["order"] is None or what in ("zero", "swap-in"), f"a block of {what}")
        write = e["access"] == "write"
        getattr(self, "fault_" + ("object" if what in OBJECTS else what.replace("-", "_")))(
            key=key, n=frame, slot=slot, write=write, what=what, block=block)
        self.splitting = set()
        if self.step_of != (pid, ip):
            self.step_of, self.step = (pid, ip), set()
        self.step.add(frame)
        self.require(self.sleeping or self.ahead or not self.read, f"slots were read for nothing: {self.read}")
        self.require(len(self.frames) - len(self.doubtful) <= self.limit,
                     f"{len(self.frames)} frames in use, limit {self.limit}")
        if write and kase != 2:
            if ip == 0 and key in self.resident:
                self.frames[frame].dirty = True  # the kernel writes at once
            else:
                process.writing.add(key)

    def counter(self, kase, what, frame):
        if frame is None:
            return "fault_refused"
        return {2: "fault_spurious", 3: "fault_file" if what in OBJECTS else "fault_zero", 4: "fault_swap",
                5: "fault_cow"}.get(kase, "fault_refused")

    def refused(self, kase, slot, where):
        self.require(kase != 2, "a spurious fault without a frame")
        self.require(slot is None or kase == 4, "a slot without a swap-in")
        self.require(not self.read or kase == 4 or self.sleeping, "a swap-in for another fault")
        if not self.sleeping:
            self.read = {}
        # the kernel's own accesses (ip 0) may fail for want of memory: then the call fails, not the process
        if where[2] != 0 or kase < 2:
            self.doomed = where

    def progress(self, process, ip):
        """A fault elsewhere proves that the instruction which faulted before has completed."""
        if process.ip != ip:
            for key in process.writing:
                if key in self.resident:
                    self.frames[self.resident[key]].dirty = True
            process.writing.clear()
        process.ip = ip

    def block_of(self, page, frame, order):
        """=> {address: frame} of all pages that a fault brought in"""
        size = 1 << order
        self.require(size <= self.unit, f"order {order} is more than this pool's")
        at = (page >> PAGE_SHIFT) % size
        first = frame - at
        self.require(first % size == 0, f"a block of order {order} that begins with frame {first:#x}")
        return {page + ((i - at) << PAGE_SHIFT): first + i for i in range(size)}

    def absent(self, key):
        self.require(key not in self.resident, f"va {key[1]:#x} was brought in twice without an eviction in between")
        self.require(key not in self.zeros, f"va {key[1]:#x} maps the page of zeros")

    def take(self, n):
        """Frame n is nobody's, and becomes somebody's."""
        if n in self.doubtful:
            self.discard(n)
        self.leaving.pop(n, None)
        old = self.frames.get(n)
        self.require(old is None, f"frame {n:#x} belongs to {old and (old.maps or old.object)}")
        self.require(n != self.zero_frame, f"frame {n:#x} is the page of zeros")

    def enter(self, key, n, **facts):
        self.take(n)
        self.frames[n] = Frame([key], **facts)
        self.resident[key] = n

    def fault_spurious(self, key, n, **_):
        mapped = self.zero_frame if key in self.zeros else self.resident.get(key)
        self.require(mapped == n, f"spurious, but the page is {mapped or 'not resident'}")

    def fault_zero_page(self, key, n, write, **_):
        self.require(not write, "the page of zeros cannot be written")
        self.absent(key)
        self.require(key not in self.swapped, f"zeros, but slot {self.swapped.get(key)} has it")
        if self.zero_frame is None:
            self.take(n)
            self.zero_frame = n
        self.require(n == self.zero_frame, f"the page of zeros is frame {self.zero_frame:#x}")
        self.zeros.add(key)

    def fault_zero(self, key, write, block, **_):
        self.require(write or len(block) > 1, "a frame for a page that is only read")
        for page, n in block.items():
            here = key[0], page
            self.absent(here)
            self.require(here not in self.swapped, f"zeros at {page:#x}, but slot {self.swapped.get(here)} has it")
            self.enter(here, n, block=set(block.values()) if len(block) > 1 else None)

    def fault_object(self, key, n, write, what, **_):
        self.absent(key)
        self.require(key not in self.swapped, f"filled by its source, but slot {self.swapped.get(key)} has it")
        known = self.frames.get(n)
        if write and (what == "file" or (what == "tmp" and known is None)):
            self.enter(key, n, dirty=True)  # a copy of its own
            return
        name = self.processes[key[0]].name
        image = (name, key[1]) if what == "file" and name and key[1] < IMAGE_END else None
        self.same_image(image, n, known)
        if known is None:
            self.enter(key, n, object=what)
        else:
            self.require(known.object == what, f"frame {n:#x} belongs to {known.maps or known.object}")
            known.map(key)
            self.resident[key] = n
            self.doubtful.discard(n)
        if image:
            self.images[image] = n
            self.frames[n].image = image

    def same_image(self, image, n, known):
        if image is None:
            return
        there = self.images.get(image, n)
        self.require(there == n, f"this page of {image[0]} is in frame {there:#x}")
        self.require(known is None or known.image is None or known.image[0] == image[0] or n in self.doubtful,
                     f"frame {n:#x} has a page of {known and known.image and known.image[0]}")

    # from swap ----------------------------------------------------------------------------------------

    def fault_swap_in(self, key, n, slot, block, **_):
        if len(block) > 1:
            self.swap_in_block(key, slot, block)
            return
        self.absent(key)
        keeper = self.slots.get(slot)
        of_object = key not in self.swapped and keeper is not None and keeper.object
        self.require(self.swapped.get(key) == slot is not None or of_object, f"expected slot {self.swapped.get(key)}")
        self.require(keeper.frame is None, "read, but it is in memory")
        self.read_done(slot, n)
        self.enter(key, n, slot=slot, object="shared" if of_object else None)
        self.from_slot(key, slot, n)

    def read_done(self, slot, n):
        if self.transfers_shown:
            self.require(self.read.get(slot) == n, f"the disk's last transfers were {self.read}")
            del self.read[slot]
        else:
            self.count(pswpin=1)

    def from_slot(self, key, slot, n):
        """The page that was in the slot is in frame n, which keeps the slot."""
        keeper = self.slots[slot]
        self.swapped.pop(key, None)
        keeper.keys.discard(key)
        keeper.frame, keeper.object = n, False
        if not keeper.keys and self.free_slots() <= self.slot_count // 8:
            self.drop_slot(n)  # slots are scarce: the copy is given up

    def swap_in_block(self, key, slot, block):
        self.require(any((key[0], page) in self.swapped for page in block), "nothing of this block is in swap")
        for page, n in block.items():
            here = key[0], page
            self.absent(here)
            there = self.swapped.get(here)
            self.enter(here, n, slot=there, block=set(block.values()))
            if there is not None:
                self.read_done(there, n)
        for page, n in block.items():
            if self.frames[n].slot is not None:
                self.from_slot((key[0], page), self.frames[n].slot, n)
        kept = self.frames[block[key[1]]].slot
        if slot is None and kept is not None and self.swap_was_full:
            # copies were given up while room was made for this block, which only later evictions tell: so slots were
            # scarce for other pages of it than the model thinks
            self.drop_slot(block[key[1]])
            kept = None
        self.require(slot == kept, f"expected slot {kept}")

    def fault_swap_cache(self, key, n, **_):
        self.absent(key)
        slot = self.swapped.get(key)
        self.require(slot is not None, "nothing of it is in swap")
        if self.slots[slot].frame is None and self.ahead:
            if self.transfers_shown:
                self.require(self.read.pop(slot, None) == n, f"the disk's last transfers were {self.read}")
            self.take(n)
            self.frames[n] = Frame([], slot=slot)
            self.slots[slot].frame = n
        self.require(self.slots[slot].frame == n, f"slot {slot} is kept by frame {self.slots[slot].frame}")
        self.frames[n].map(key)
        self.resident[key] = n
        del self.swapped[key]
        self.slots[slot].keys.discard(key)

    # copy on write ------------------------------------------------------------------------------------

    def fault_cow_zero(self, key, n, write, **_):
        self.require(write and key in self.zeros, "the page of zeros is not mapped there")
        self.zeros.remove(key)
        self.enter(key, n)

    def fault_cow(self, key, n, write, **_):
        self.require(write and key in self.resident, "a copy of a page that is not resident")
        old = self.resident[key]
        self.require(old != n, "a copy in the same frame")
        self.take(n)
        self.unmap(key)
        self.enter(key, n, dirty=True)

    def fault_reuse(self, key, n, write, **_):
        self.require(write and self.resident.get(key) == n, f"the page is in frame {self.resident.get(key)}")
        frame = self.frames[n]
        self.require(frame.object not in (None, "file") or (frame.object is None and frame.maps == [key]),
                     f"made writable, but it is shared: {frame.maps}")
        if frame.object is None and frame.slot is not None and self.slots[frame.slot].keys:
            self.slots[frame.slot].frame = None
            frame.slot, frame.dirty = None, True

    def on_merge(self, e):
        """Two frames hold the same: whoever maps the one maps the other from here on, and a write copies."""
        n, into = int(e["frame"], 16), int(e["into"], 16)
        self.require(n in self.frames and self.frames[n].object is None, "there is no private page in this frame")
        self.require(self.frames[n].maps[:1] == [(int(e["pid"]), int(e["va"], 16))], f"the page is {self.frames[n].maps}")
        if into not in self.frames and self.zero_frame is None:
            self.zero_frame = into
        self.require(into == self.zero_frame or into in self.frames and into != n, f"nothing is in frame {into:#x}")
        for key in list(self.frames[n].maps):
            self.unmap(key)
            if into == self.zero_frame:
                self.zeros.add(key)
            else:
                self.frames[into].map(key)
                self.resident[key] = into
        if into != self.zero_frame:
            self.frames[into].dirty |= self.frames[into].slot is None

    def on_move(self, e):
        """Compaction puts a page into a frame that nobody has. All else about it stays, its place in the queue too."""
        n, to, key = int(e["frame"], 16), int(e["to"], 16), (int(e["pid"]), int(e["va"], 16))
        self.require(to not in self.frames and to != self.zero_frame, f"frame {to:#x} has a page")
        if n not in self.frames and self.hidden_frames():
            return
        self.require(n in self.frames, f"nothing is in frame {n:#x}")
        frame = self.frames[n]
        self.require(frame.maps[:1] == [key] or not frame.maps, f"the page is {frame.maps}")
        self.split(frame)
        self.frames = {to if k == n else k: f for k, f in self.frames.items()}
        for mapped in frame.maps:
            self.resident[mapped] = to
        if frame.image and self.images.get(frame.image) == n:
            self.images[frame.image] = to
        if frame.slot is not None:
            self.slots[frame.slot].frame = to
        if n in self.doubtful:
            self.doubtful = self.doubtful - {n} | {to}

    # evictions ----------------------------------------------------------------------------------------

    def on_evict(self, e):
        n, slot, dirty = int(e["frame"], 16), number(e["slot"]), e["state"] == "dirty"
        key = int(e["pid"]), int(e["va"], 16)
        self.require(e["policy"] == self.policy, f"the policy is {self.policy}")
        if n not in self.frames and self.evict_unknown(n, key, slot, dirty):
            return
        self.require(n in self.frames, "there is no page in this frame")
        frame = self.frames[n]
        self.is_its_name(key, frame, n)
        self.may_go(key, frame, n)
        self.transfer_matches(slot, n, dirty)
        if slot != frame.slot:
            self.new_slot(frame, slot, dirty)
        if not dirty:
            self.require(not frame.dirty, "dropped as clean, but it was written")
        else:
            self.require(frame.object != "file", "a page of a file written back")
            self.require(slot is not None, "dirty without a slot")
        self.count_eviction(key, dirty)
        self.leave(frame, n, slot)

    def evict_unknown(self, n, key, slot, dirty):
        """A frame that no line named, or whose process ended while it was written. => was it one?"""
        late = n in self.leaving and key in self.leaving.pop(n)
        if not late and not (self.hidden_frames() and key == (0, 0)):
            return False
        if key[0] == 0 and self.ahead:  # a page read ahead, its slot still its own
            self.require(not dirty and slot in self.slots and self.slots[slot].frame is None or self.files,
                         f"slot {slot} has {self.slots.get(slot)}")
            self.read.pop(slot, None)
        if dirty and self.transfers_shown:
            self.written.pop(slot, None)
        self.count_eviction(key, dirty)
        return True

    def is_its_name(self, key, frame, n):
        named = frame.maps[0] if frame.maps else (0, 0)
        if self.sleeping:  # mappings may have gone since it began
            self.require(key in frame.maps or key in self.leaving.get(n, ()) or key == named,
                         f"the page is {frame.maps}")
        else:
            self.require(key == named, f"the page is {frame.maps}")

    def may_go(self, key, frame, n):
        if n in self.splitting:
            return
        self.splitting = set()
        if self.full_pool_asked():
            self.require(len(self.frames) > self.limit - self.unit,
                         f"only {len(self.frames)} of {self.limit} frames in use")
        if self.policy == "fifo" and self.full_pool_asked() and not self.swap_was_full:
            oldest = self.oldest_but_needed(n)
            self.require(n == oldest or (frame.block and oldest in frame.block),
                         f"frame {oldest:#x} was filled earlier: {self.frames[oldest].maps}")
        self.splitting = self.split(frame)

    def oldest_but_needed(self, n):
        """Pages that the last instruction got may be needed by it still: then they stay, and line up anew."""
        oldest = next(iter(self.frames))
        while oldest != n and oldest in self.step:
            self.frames[oldest] = self.frames.pop(oldest)
            self.step.discard(oldest)
            oldest = next(iter(self.frames))
        return oldest

    def split(self, frame):
        """Makes pages of a block, which line up in the queue. => their frames"""
        block = frame.block or set()
        for n in sorted(block):
            self.frames[n] = self.frames.pop(n)
            self.frames[n].block = None
        return block

    def transfer_matches(self, slot, n, dirty):
        if self.transfers_shown and dirty:
            self.require(self.written.get(slot) == n, f"the disk's last transfers were {self.written}")
            del self.written[slot]
        elif self.transfers_shown:
            self.require(n not in self.written.values() or self.sleeping, "written, but clean")

    def new_slot(self, frame, slot, dirty):
        """The page goes to another slot than the model has for it, or to its first."""
        if self.sleeping and self.swap_was_full:
            self.drop_in_time(frame, slot)
        if frame.slot is not None or slot in self.slots:
            self.harvest(f"expected slot {frame.slot}; slot {slot} has {self.slots.get(slot)}")
        self.require(dirty or (slot is not None and slot == frame.perhaps), "a slot, but nothing was written to it")
        self.require(slot is None or slot not in self.slots, f"slot {slot} has {self.slots.get(slot)}")
        frame.slot = slot
        if slot is not None:
            self.slots[slot] = Slot(set())
            self.note_slots()

    def harvest(self, otherwise):
        """When swap is full, the copies of resident pages are given up, which no line says."""
        self.require(self.swap_was_full, otherwise)
        for n, frame in self.frames.items():
            if frame.slot is not None and not self.slots[frame.slot].keys:
                self.drop_slot(n)

    def drop_in_time(self, frame, slot):
        """Slots were scarce sooner than the model saw, for some belonged to pages on their way out."""
        keeper = self.slots.get(slot)
        other = keeper.frame if keeper and not keeper.keys else None
        for n in [n for n, f in self.frames.items() if f.slot is not None and (f is frame or n == other)]:
            if not self.slots[self.frames[n].slot].keys:
                self.drop_slot(n)

    def drop_slot(self, n):
        frame = self.frames[n]
        del self.slots[frame.slot]
        if self.sleeping:  # or it keeps it: slots are not as scarce as they seem
            frame.slot, frame.perhaps = None, frame.slot
        else:
            frame.slot, frame.dirty = None, True

    def free_slots(self):
        return self.slot_count - len(self.slots)

    def note_slots(self):
        self.require(self.free_slots() >= 0, "more slots in use than there are")
        scarce = self.slot_count // 8 + MOST_IN_FLIGHT if self.sleeping else 1
        self.swap_was_full |= self.free_slots() <= scarce

    def count_eviction(self, key, dirty):
        if key[0] != 0:
            self.processes[key[0]].evictions += 1
            self.processes[key[0]].writebacks += dirty
        self.count(pgsteal=1, pgsteal_clean=not dirty, pswpout=dirty and not self.transfers_shown, writebacks=dirty)

    def leave(self, frame, n, slot):
        """The page is out; whoever mapped it finds it in the slot, if there is one."""
        for key in frame.maps:
            del self.resident[key]
            self.processes[key[0]].writing.discard(key)
            if slot is not None and frame.object is None:
                self.swapped[key] = slot
                self.slots[slot].keys.add(key)
        if slot is not None:
            self.slots[slot].frame = None
            self.slots[slot].object |= frame.object is not None
            frame.slot = None
            self.release_slot(slot)
        self.remove(n)

    # frames and slots that nobody needs any more ------------------------------------------------------

    def remove(self, n):
        frame = self.frames.pop(n)
        self.doubtful.discard(n)
        if frame.image and self.images.get(frame.image) == n:
            del self.images[frame.image]

    def discard(self, n):
        """The frame is free, and so is the slot that it kept."""
        frame = self.frames[n]
        self.split(frame)
        if frame.slot is not None:
            del self.slots[frame.slot]
        self.remove(n)

    def release_slot(self, slot):
        """Frees it, and the frame that only waits for those who look for its page here, if there is nobody."""
        keeper = self.slots[slot]
        if keeper.keys or keeper.object:
            return
        if keeper.frame is None:
            del self.slots[slot]
        elif not self.frames[keeper.frame].maps and self.frames[keeper.frame].object is None:
            self.discard(keeper.frame)

    def unmap(self, key):
        """One mapping of a resident page goes."""
        n = self.resident.pop(key)
        frame = self.frames[n]
        self.split(frame)
        frame.maps.remove(key)
        self.processes[key[0]].writing.discard(key)
        if self.sleeping:
            self.leaving.setdefault(n, set()).add(key)
        if frame.maps:
            return
        if frame.object is None:
            if frame.slot is None or not self.slots[frame.slot].keys:
                self.discard(n)
        elif frame.image is None:
            self.doubtful.add(n)

    def forget_key(self, key):
        self.zeros.discard(key)
        if key in self.resident:
            self.unmap(key)
        if key in self.swapped:
            slot = self.swapped.pop(key)
            self.slots[slot].keys.remove(key)
            self.release_slot(slot)

    def forget_pages(self, pid, start, end):
        for known in (self.zeros, self.resident, self.swapped):
            for key in [key for key in known if key[0] == pid and start <= key[1] < end]:
                self.forget_key(key)

    def forget_image(self, name):
        """Nobody runs the program any more: its file's pages go. A process that is being made may run it."""
        if any(p.name == name and pid not in self.ended for pid, p in self.processes.items()):
            return
        for n in [n for (program, _), n in self.images.items() if program == name]:
            if not self.frames[n].maps:
                if any(p.name is None for p in self.processes.values()):
                    self.doubtful.add(n)
                else:
                    self.discard(n)

    # transfers ----------------------------------------------------------------------------------------

    def on_swap_out(self, e):
        slot, n = int(e["slot"]), int(e["frame"], 16)
        several = self.unit > 1 or self.pager or self.sleeping
        self.require(several or not self.written, f"slots were written for nothing: {self.written}")
        self.require(n in self.frames or n in self.leaving or self.hidden_frames(), f"frame {n:#x} holds no page")
        if not e["failed"]:
            self.written[slot] = n
            self.count(pswpout=self.transfers_shown)
        elif n in self.frames:
            self.stay(n, slot)

    def stay(self, n, slot):
        """A write failed: the page is mapped nowhere, but stays, behind all others, to be found through its slot."""
        frame = self.frames[n]
        self.splitting |= self.split(frame)
        if frame.maps:
            self.processes[frame.maps[0][0]].evictions += 1  # they count what was tried
            self.processes[frame.maps[0][0]].writebacks += 1
        if frame.slot is None:
            self.new_slot(frame, slot, True)
        self.require(frame.slot == slot, f"expected slot {frame.slot}")
        self.slots[slot].frame = n
        for key in frame.maps if frame.object is None else ():
            del self.resident[key]
            self.processes[key[0]].writing.discard(key)
            self.swapped[key] = slot
            self.slots[slot].keys.add(key)
        frame.maps, frame.dirty = [], True
        self.frames[n] = self.frames.pop(n)

    def on_swap_in(self, e):
        slot = int(e["slot"])
        several = self.unit > 1 or self.ahead or self.sleeping
        self.require(several or not self.read, f"slots were read for nothing: {self.read}")
        self.require(slot in self.slots, "nothing is in this slot")
        if not e["failed"]:
            self.read[slot] = int(e["frame"], 16)
            self.count(pswpin=self.transfers_shown)

    def on_swap(self, _):
        if self.transfers_shown:
            self.count(pswpin=-1)

    # processes ----------------------------------------------------------------------------------------

    def on_start(self, e):
        process = self.processes.setdefault(int(e["pid"]), Process())
        self.require(process.name is None, "started twice")
        process.name = e["name"]

    def on_fork(self, e):
        """The child has what the parent has. It may have copied a page already, on its way to life."""
        self.on_start(e)
        if e["shared"]:
            return
        pid, parent = int(e["pid"]), int(e["ppid"])
        self.processes[pid].brk = self.processes[parent].brk
        for (owner, page), n in list(self.resident.items()):
            if owner == parent and (pid, page) not in self.resident and self.frames[n].object is None:
                self.split(self.frames[n])
                self.frames[n].map((pid, page))
                self.resident[pid, page] = n
        for (owner, page), slot in list(self.swapped.items()):
            if owner == parent and (pid, page) not in self.resident:
                self.swapped[pid, page] = slot
                self.slots[slot].keys.add((pid, page))

    def on_exec(self, e):
        self.processes[int(e["pid"])].name = e["name"]

    def on_signal(self, e):
        if self.doomed is not None:
            self.require(int(e["pid"]) == self.doomed[0], f"expected pid {self.doomed[0]}'s handler")
            self.doomed = None

    def on_exit(self, e):
        self.end(int(e["pid"]))

    def on_kill(self, e):
        if self.doomed is not None:
            killed = int(e["pid"]), e["va"] and int(e["va"], 16), int(e["ip"], 16)
            self.require(killed == self.doomed, f"expected the kill of pid, va, ip {self.doomed}")
            self.doomed = None
        else:
            self.require(e["va"] is None, "no fault was refused")
        self.end(int(e["pid"]))

    def end(self, pid):
        self.require(pid in self.processes and self.processes[pid].name is not None, "it was not started")
        self.ended.add(pid)
        self.forget_pages(pid, 0, 1 << 32)
        self.processes[pid].writing.clear()
        self.forget_image(self.processes[pid].name)

    def on_oom(self, e):
        if e["reason"]:
            self.hearing = []
            return
        self.require(self.hearing is not None, "no out-of-memory reason was given")
        pid = int(e["candidate"])
        self.require(pid not in self.ended, f"pid {pid} has ended")
        resident, swapped = int(e["resident"]), int(e["swapped"])
        self.agree("badness", int(e["badness"]), resident + swapped + int(e["tables"]))
        if self.exact():
            self.agree(f"pid {pid} resident", resident, self.mapped(pid))
            self.agree(f"pid {pid} swapped", swapped, sum(key[0] == pid for key in self.swapped))
        self.hearing.append((e["verdict"] == "victim", int(e["badness"]), pid))

    def judge(self):
        heard, self.hearing = self.hearing, None
        victims = [badness for victim, badness, _ in heard if victim]
        self.require(len(victims) == 1, f"{len(victims)} victims")
        self.require(victims[0] == max(badness for _, badness, _ in heard), "the victim is not the worst")
        alive = {pid for pid, p in self.processes.items() if p.name is not None} - self.ended
        self.require({pid for _, _, pid in heard} >= alive, f"not everybody was considered: {alive}")

    def mapped(self, pid):
        return sum(key[0] == pid for known in (self.resident, self.zeros) for key in known)

    def on_syscall(self, e):
        if e["args"] is None:
            return
        pid, call, result = int(e["pid"]), int(e["number"]), int(e["result"]) & 0xffffffff
        a, b, c = (int(word, 16) for word in e["args"].split(",")[:3])
        if call == BRK:
            process = self.processes[pid]
            if result < process.brk:
                self.forget_pages(pid, -(-result // 4096) * 4096, process.brk)
            process.brk = result
        elif call == MUNMAP and result == 0 or call == MADVISE and c == MADV_DONTNEED and result == 0:
            self.forget_pages(pid, a, a + b)
        elif call == MMAP2 and result < 0xfffff000:
            self.forget_pages(pid, result, result + b)  # what was there is gone (MAP_FIXED)
        elif call == MREMAP and result < 0xfffff000:
            self.move_pages(pid, a, b, result, c)

    def move_pages(self, pid, old, old_length, new, length):
        self.forget_pages(pid, old + length, old + old_length)
        if old == new:
            return
        for known in (self.zeros, self.resident, self.swapped):
            for key in [key for key in known if key[0] == pid and old <= key[1] < old + length]:
                to = pid, key[1] - old + new
                if known is self.zeros:
                    known.remove(key)
                    known.add(to)
                    continue
                where = known[to] = known.pop(key)
                if known is self.swapped:
                    self.slots[where].keys = self.slots[where].keys - {key} | {to}
                else:
                    maps = self.frames[where].maps
                    maps[maps.index(key)] = to

    # figures ------------------------------------------------------------------------------------------

    def agree(self, what, printed, counted):
        self.require(printed == counted, f"{what}: printed {printed}, counted {counted}")

    def unknown(self):
        """=> counters that the lines do not tell"""
        if not self.transfers_shown:
            return {"pswpin"} if self.ahead else {"pswpout"} if self.pager else set()
        return set()

    def summary(self, s):
        n = self.since_command
        counted = {"pgfault": n["pgfault"], "pgmajfault": n["pgmajfault"], "evictions": n["pgsteal"],
                   "writebacks": n["writebacks"], "pswpin": n["pswpin"], "pswpout": n["pswpout"],
                   "refused": n["fault_case0"] + n["fault_case1"], "policy": self.policy, "frames": self.limit}
        for what, value in counted.items():
            if what not in self.unknown():
                self.agree(what, s[what], value)

    def figures(self, line):
        if match := ROW.fullmatch(line) or PS_ROW.fullmatch(line):
            self.process_figures(match)
        elif match := VMSTAT_ROW.fullmatch(line):
            if match[1] not in self.unknown():
                self.agree(match[1], int(match[2]), self.since_boot[match[1]])
        elif match := POOL_ROW.fullmatch(line):
            if self.exact():
                self.agree("resident", int(match[1]), len(self.frames))
            self.agree("evictions", int(match[2]), self.since_boot["pgsteal"])
        elif match := SWAP_ROW.fullmatch(line):
            if not self.swap_was_full and not self.sleeping:
                self.agree("slots in use", int(match[2]), len(self.slots))

    def process_figures(self, match):
        printed = integers(match)
        pid = printed.pop("pid")
        process = self.processes.get(pid, Process())
        resident = printed.pop("resident", None)
        if resident is not None and not self.sleeping:
            self.agree(f"pid {pid} resident", resident, self.mapped(pid))
        for what, value in printed.items():
            if self.sleeping and what in ("evictions", "writebacks"):  # counted when they begin
                self.require(value >= getattr(process, what), f"pid {pid} {what}: printed {value}, "
                             f"counted {getattr(process, what)}")
            else:
                self.agree(f"pid {pid} {what}", value, getattr(process, what))


def check(log, files=False):
    """Raises Violation unless the log is one that a correct memory system could have written. => the Model"""
    return Model(files).replay(log)
