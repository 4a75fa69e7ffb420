# SPDX-License-Identifier: MIT
"""An oracle for the log: replays every event against a model of memory that is a few dictionaries.

The model knows which page is in which frame and which copy is in which slot, and nothing else; so a line that
could not have come from a correct memory system is a Violation:

    faults     a page comes in only if it is out; case 4 only with the slot its last eviction gave it; into a
               frame that nobody has; never beyond the limit
    evictions  only of a resident page from its own frame, only when the pool is full; under fifo the oldest
    dirty      a page whose write completed is never dropped as clean; program text is never written back
    slots      no slot has two owners; a page keeps its slot until slots are scarce
    deaths     a refused fault kills its process in the next line, or its handler runs; nothing is heard of the dead
    figures    the tables, `summary`, vmstat, ps, frames and swap agree with the lines counted

It needs the classes proc, fault and evict on from boot to the end (as by default). Unmapping shows only in the
class sys, so programs that unmap need log=all; a process that calls execve has two spaces under one number for a
while, which the model cannot tell apart; with the class swap on, transfers are held against the rest.
"""
import collections
import dataclasses
import re

PAGE_MASK = ~0xfff
BRK, MUNMAP, MMAP2 = 45, 91, 192

STAMPED = re.compile(r"\[ *(\d+)\.(\d{6})\] (.*)")
EVENTS = {
    "fault": re.compile(r"fault pid=(?P<pid>\d+) va=0x(?P<va>[0-9a-f]{8}) ip=0x(?P<ip>[0-9a-f]{8}) "
                        r"access=(?P<access>read|write|exec) case=(?P<kase>[0-5]) (?P<what>[a-z-]+) "
                        r"frame=(?P<frame>none|0x[0-9a-f]+) slot=(?P<slot>none|\d+) ticks=(?P<ticks>\d+)"),
    "evict": re.compile(r"evict pid=(?P<pid>\d+) va=0x(?P<va>[0-9a-f]{5}000) frame=(?P<frame>0x[0-9a-f]+) "
                        r"(?P<state>clean|dirty) slot=(?P<slot>none|\d+) policy=(?P<policy>\w+)"),
    "start": re.compile(r"start pid=(?P<pid>\d+) name=(?P<name>\S+) entry=0x(?P<entry>[0-9a-f]{8})"),
    "exit": re.compile(r"exit pid=(?P<pid>\d+) name=\S+ status=(?P<status>\d+)"),
    "fork": re.compile(r"fork pid=(?P<pid>\d+) name=\S+ ppid=(?P<ppid>\d+)(?P<shared> memory=shared)?"),
    "exec": re.compile(r"exec pid=(?P<pid>\d+) name=(?P<name>\S+) entry=0x(?P<entry>[0-9a-f]{8})"),
    "signal": re.compile(r"signal pid=(?P<pid>\d+) signal=(?P<signal>SIG[A-Z0-9]+) handler=0x[0-9a-f]{8}"),
    "kill": re.compile(r"kill pid=(?P<pid>\d+) name=\S+ signal=(?P<signal>SIG[A-Z0-9]+)"
                       r"( va=0x(?P<va>[0-9a-f]{8}))? ip=0x(?P<ip>[0-9a-f]{8})"
                       r"( cause=\"[^\"]+\")? reason=\"(?P<reason>[^\"]+)\""),
    "swap-out": re.compile(r"swap-out slot=(?P<slot>\d+) frame=(?P<frame>0x[0-9a-f]+) disk=\w+(?P<failed> FAILED)?"),
    "swap-in": re.compile(r"swap-in slot=(?P<slot>\d+) frame=(?P<frame>0x[0-9a-f]+) disk=\w+(?P<failed> FAILED)?"),
    "swap": re.compile(r"swap slot=(?P<slot>\d+) checksum=0x[0-9a-f]{8} expected=0x[0-9a-f]{8}"),
    "syscall": re.compile(r"syscall pid=(?P<pid>\d+) number=(?P<number>\d+) "
                          r"(args=(?P<args>[0-9a-fx,]+) result=(?P<result>-?\d+)|ip=0x[0-9a-f]{8} unknown: .*)"),
    "faultline": re.compile(r"faultline tsc=\d+kHz command-line=\"(?P<command_line>.*)"),  # cut, if long
    "ram": re.compile(r"ram total=(?P<total>\d+)K used=(?P<used>\d+)K beyond-direct-map=(?P<beyond>\d+)K "
                      r"(?:[a-z-]+=\d+K )*free=(?P<free>\d+)K"),
    "disk": re.compile(r"disk name=(?P<name>\w+) model=\"(?P<model>[^\"]*)\" size=(?P<size>\d+)K mode=(?P<mode>dma|pio)"),
    "disk-error": re.compile(r"disk-error disk=(?P<disk>\w+) (?P<direction>read|write) sector=(?P<sector>\d+) "
                             r"count=(?P<count>\d+) attempt=(?P<attempt>\d+) status=0x(?P<status>[0-9a-f]{2}) "
                             r"error=0x(?P<error>[0-9a-f]{2})"),
    "pool": re.compile(r"pool name=main policy=(?P<policy>\w+) frames=(?P<frames>\d+) swap=\w+ slots=(?P<slots>\d+)"),
}
WHAT = {0: {"no-region"}, 1: {"forbidden"}, 2: {"spurious"}, 3: {"zero", "file"}, 4: {"swap-in"}}

ROW = re.compile(r" *(?P<pid>\d+) +(?P<name>\S+) +(?P<status>ok|killed|exit \d+) +(?P<minor>\d+) +(?P<major>\d+) +"
                 r"(?P<evictions>\d+) +(?P<writebacks>\d+) +\d+\.\d{3}(  (?P<reason>.*))?")
PS_ROW = re.compile(r" *(?P<pid>\d+) +\S+ +(new|ready|running|asleep|ended) +\d+ +(?P<resident>\d+) +(?P<minor>\d+) +"
                    r"(?P<major>\d+) +(?P<evictions>\d+) +(?P<writebacks>\d+) +\d+\.\d{3}")
VMSTAT_ROW = re.compile(r"(pg(?!scan)\w+|psw\w+|fault_case\d) (\d+)")
POOL_ROW = re.compile(r"pool main: .* resident=(\d+) evictions=(\d+)")
SWAP_ROW = re.compile(r"swap: disk=\w+ slots=(\d+) used=(\d+) free=(\d+) .*")
MISPLACED = re.compile(r"(fault|evict|start|fork|exec|signal|exit|kill) pid=\d+ ")


class Violation(AssertionError):
    pass


@dataclasses.dataclass
class Page:
    """A resident page."""
    frame: int
    slot: int | None    # the copy that it keeps
    dirty: bool = False  # for certain; False says nothing


@dataclasses.dataclass
class Process:
    started: bool = False
    ip: int | None = None  # of its last fault
    writing: set = dataclasses.field(default_factory=set)  # pages that the instruction at ip asked to write
    brk: int = 0
    minor: int = 0
    major: int = 0
    evictions: int = 0
    writebacks: int = 0


def number(text, base=10):
    return None if text == "none" else int(text, base)


def integers(match):
    return {name: int(text) for name, text in match.groupdict().items() if text is not None and text.isdigit()}


def summaries(log):
    """=> the `summary` lines as dictionaries"""
    return [{key: int(value) if value.isdigit() else value
             for key, value in (word.split("=") for word in line.split()[1:])}
            for line in log.splitlines() if line.startswith("summary ")]


def rows(log):
    """=> the rows of every table that run and wait printed, as dictionaries"""
    found = (ROW.fullmatch(line) for line in log.splitlines())
    return [{**match.groupdict(), **integers(match)} for match in found if match]


def events(log, kind):
    """=> the matches of all events of one kind"""
    found = (STAMPED.fullmatch(line) for line in log.splitlines())
    return [m for m in (EVENTS[kind].fullmatch(stamped[3]) for stamped in found if stamped) if m]


class Model:
    def __init__(self):
        self.resident = {}   # (pid, page) -> Page, longest resident first
        self.frames = {}     # frame -> (pid, page)
        self.swapped = {}    # (pid, page) -> slot
        self.slots = {}      # slot -> (pid, page), resident or swapped
        self.text = set()    # (pid, page) that instructions were fetched from
        self.processes = {}
        self.ended = set()
        self.doomed = None   # (pid, va, ip) of a refused fault: the next event must be its kill
        self.written = self.read = None  # (slot, frame) of a transfer that waits for its event
        self.now = 0
        self.limit = self.slot_count = 0
        self.policy = ""
        self.fixed_limit = True     # frames=all may evict below the limit, when memory runs out
        self.transfers_shown = False
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
            for pid in [pid for pid, p in self.processes.items() if not p.started]:
                self.forget_process(pid)
        else:
            self.require(line.startswith("  fault ") or not MISPLACED.search(line), "an event within another line")
            self.figures(line)

    def event(self, text):
        kind = text.split(" ", 1)[0]
        self.require(kind in EVENTS, "unknown event")
        match = EVENTS[kind].fullmatch(text)
        self.require(match, f"malformed {kind} event")
        self.require(self.doomed is None or kind in ("kill", "signal"), f"expected pid {self.doomed and self.doomed[0]}'s kill")
        if match.groupdict().get("pid"):
            self.require(int(match["pid"]) not in self.ended, f"pid {match['pid']} has ended")
        handler = getattr(self, "on_" + kind.replace("-", "_"), None)
        if handler:
            handler(match)

    # boot ---------------------------------------------------------------------------------------------

    def on_faultline(self, e):
        classes = re.search(r"\blog=(\S+)", e["command_line"])
        self.transfers_shown = bool(classes and re.search("all|swap", classes[1]))
        self.fixed_limit = not re.search(r"\bframes=all\b", e["command_line"])

    def on_pool(self, e):
        self.policy, self.limit, self.slot_count = e["policy"], int(e["frames"]), int(e["slots"])
        self.note_slots()

    # faults -------------------------------------------------------------------------------------------

    def count(self, **what):
        self.since_boot.update(what)
        self.since_command.update(what)

    def on_fault(self, e):
        pid, va, ip, kase = int(e["pid"]), int(e["va"], 16), int(e["ip"], 16), int(e["kase"])
        frame, slot = number(e["frame"], 16), number(e["slot"])
        key = pid, va & PAGE_MASK
        process = self.processes.setdefault(pid, Process())
        self.require(e["what"] in WHAT[kase], f"case {kase} is not {e['what']}")
        self.require(slot is None or (kase == 4 and frame is not None), "a slot without a swap-in")
        major = kase == 4 and frame is not None
        process.major += major
        process.minor += not major
        self.count(**{"pgfault": 1, "pgmajfault": major, f"fault_case{kase}": 1})
        self.progress(process, pid, ip)
        if ip & PAGE_MASK == va & PAGE_MASK and kase >= 2:
            self.text.add(key)
        if frame is None:
            self.require(kase != 2, "a spurious fault without a frame")
            self.require(self.read is None or kase == 4, "a swap-in for another fault")
            self.read = None
            # the kernel's own accesses (ip 0) may fail for want of memory: then the call fails, not the process
            if ip != 0 or kase < 2:
                self.doomed = pid, va, ip
            return
        self.require(kase >= 2, f"case {kase} got a frame")
        if kase == 2:
            self.require(key in self.resident and self.resident[key].frame == frame,
                         f"spurious, but the page is {self.resident.get(key, 'not resident')}")
            return
        self.require(key not in self.resident, "brought in twice without an eviction in between")
        if kase == 3:
            self.require(key not in self.swapped, f"filled by its source, but slot {self.swapped.get(key)} has it")
        else:
            self.require(self.swapped.get(key) == slot, f"expected slot {self.swapped.get(key)}")
            if self.transfers_shown:
                self.require(self.read == (slot, frame), f"the disk's last transfer was {self.read}")
            self.count(pswpin=1)
        self.read = None
        self.require(frame not in self.frames, f"frame {frame:#x} belongs to {self.frames.get(frame)}")
        self.swapped.pop(key, None)
        page = self.resident[key] = Page(frame, slot)
        self.frames[frame] = key
        self.require(len(self.resident) <= self.limit, f"{len(self.resident)} resident, limit {self.limit}")
        if e["access"] == "write":
            if ip == 0:
                page.dirty = True  # the kernel writes at once
            else:
                process.writing.add(key)
        if slot is not None and self.free_slots() <= self.slot_count // 8:
            self.drop_slot(page)  # slots are scarce: the copy is given up

    def progress(self, process, pid, ip):
        """A fault elsewhere proves that the instruction which faulted before has completed."""
        if process.ip != ip:
            for key in process.writing:
                self.resident[key].dirty = True
            process.writing.clear()
        process.ip = ip

    # evictions ----------------------------------------------------------------------------------------

    def on_evict(self, e):
        pid, frame, slot, dirty = int(e["pid"]), int(e["frame"], 16), number(e["slot"]), e["state"] == "dirty"
        key = pid, int(e["va"], 16)
        self.require(e["policy"] == self.policy, f"the policy is {self.policy}")
        page = self.resident.get(key)
        self.require(page is not None and page.frame == frame, f"the page is {page or 'not resident'}")
        if self.fixed_limit:
            self.require(len(self.resident) == self.limit, f"only {len(self.resident)} of {self.limit} resident")
        if self.policy == "fifo" and not self.swap_was_full:
            oldest = next(iter(self.resident))
            self.require(key == oldest, f"pid {oldest[0]} va {oldest[1]:#x} came in earlier")
        self.transfer_matches(slot, frame, dirty)
        if slot != page.slot:
            self.new_slot(page, slot, dirty)
        if not dirty:
            self.require(not page.dirty, "dropped as clean, but it was written")
        else:
            self.require(key not in self.text, "program text written back")
            self.require(slot is not None, "dirty without a slot")
            self.processes[pid].writebacks += 1
            self.count(pswpout=1)
        self.processes[pid].evictions += 1
        self.processes[pid].writing.discard(key)
        self.count(pgsteal=1, pgsteal_clean=not dirty)
        self.leave(key)
        if slot is not None:
            self.slots[slot] = key
            self.swapped[key] = slot
            self.note_slots()

    def transfer_matches(self, slot, frame, dirty):
        if self.transfers_shown:
            wanted = (slot, frame) if dirty else None
            self.require(self.written == wanted, f"the disk's last transfer was {self.written}, expected {wanted}")
        self.written = None

    def new_slot(self, page, slot, dirty):
        """The page goes to another slot than the model has for it, or to its first."""
        if page.slot is not None or slot in self.slots:
            self.harvest(f"expected slot {page.slot}; slot {slot}'s owner is {self.slots.get(slot)}")
        self.require(dirty, "a slot, but nothing was written to it")
        self.require(slot is None or slot not in self.slots, f"slot {slot} belongs to {self.slots.get(slot)}")

    def harvest(self, otherwise):
        """When swap is full, the copies of resident pages are given up, which no line says."""
        self.require(self.swap_was_full, otherwise)
        for page in self.resident.values():
            if page.slot is not None:
                self.drop_slot(page)

    def drop_slot(self, page):
        del self.slots[page.slot]
        page.slot, page.dirty = None, True

    def free_slots(self):
        return self.slot_count - len(self.slots)

    def note_slots(self):
        self.require(self.free_slots() >= 0, "more slots in use than there are")
        self.swap_was_full |= self.free_slots() <= 1

    def leave(self, key):
        """The page is not resident any more; its slot, if any, is free."""
        page = self.resident.pop(key)
        del self.frames[page.frame]
        if page.slot is not None:
            del self.slots[page.slot]

    # transfers ----------------------------------------------------------------------------------------

    def on_swap_out(self, e):
        slot, frame = int(e["slot"]), int(e["frame"], 16)
        self.require(self.written is None, f"slot {self.written and self.written[0]} was written for nothing")
        self.require(frame in self.frames, f"frame {frame:#x} holds no page")
        if e["failed"]:
            key = self.frames[frame]  # stays, behind all others
            page = self.resident[key] = self.resident.pop(key)
            page.dirty = True
        else:
            self.written = slot, frame

    def on_swap_in(self, e):
        self.require(self.read is None, f"slot {self.read and self.read[0]} was read for nothing")
        self.require(int(e["slot"]) in self.slots, "nothing is in this slot")
        if not e["failed"]:
            self.read = int(e["slot"]), int(e["frame"], 16)

    # processes ----------------------------------------------------------------------------------------

    def on_start(self, e):
        process = self.processes.setdefault(int(e["pid"]), Process())
        self.require(not process.started, "started twice")
        process.started = True

    on_fork = on_start

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
        self.require(pid in self.processes and self.processes[pid].started, "it was not started")
        self.forget_pages(pid, 0, 1 << 32)
        self.processes[pid].writing.clear()
        self.ended.add(pid)

    def forget_process(self, pid):
        self.forget_pages(pid, 0, 1 << 32)
        del self.processes[pid]

    def forget_pages(self, pid, start, end):
        def inside(key):
            return key[0] == pid and start <= key[1] < end
        for key in [key for key in self.resident if inside(key)]:
            self.processes[pid].writing.discard(key)
            self.leave(key)
        for key in [key for key in self.swapped if inside(key)]:
            del self.slots[self.swapped.pop(key)]
        self.text = {key for key in self.text if not inside(key)}

    def on_syscall(self, e):
        if e["args"] is None:
            return
        pid, call, result = int(e["pid"]), int(e["number"]), int(e["result"]) & 0xffffffff
        a, b = (int(word, 16) for word in e["args"].split(",")[:2])
        if call == BRK:
            process = self.processes[pid]
            if result < process.brk:
                self.forget_pages(pid, -(-result // 4096) * 4096, process.brk)
            process.brk = result
        elif call == MUNMAP and result == 0:
            self.forget_pages(pid, a, a + b)
        elif call == MMAP2 and result < 0xfffff000:
            self.forget_pages(pid, result, result + b)  # what was there is gone (MAP_FIXED)

    # figures ------------------------------------------------------------------------------------------

    def agree(self, what, printed, counted):
        self.require(printed == counted, f"{what}: printed {printed}, counted {counted}")

    def summary(self, s):
        n = self.since_command
        counted = {"pgfault": n["pgfault"], "pgmajfault": n["pgmajfault"], "evictions": n["pgsteal"],
                   "writebacks": n["pswpout"], "pswpin": n["pswpin"], "pswpout": n["pswpout"],
                   "refused": n["fault_case0"] + n["fault_case1"], "policy": self.policy, "frames": self.limit}
        for what, value in counted.items():
            self.agree(what, s[what], value)

    def figures(self, line):
        if match := ROW.fullmatch(line) or PS_ROW.fullmatch(line):
            printed = integers(match)
            pid = printed.pop("pid")
            process = self.processes.get(pid, Process())
            if "resident" in printed:
                self.agree(f"pid {pid} resident", printed.pop("resident"), sum(k[0] == pid for k in self.resident))
            for what, value in printed.items():
                self.agree(f"pid {pid} {what}", value, getattr(process, what))
        elif match := VMSTAT_ROW.fullmatch(line):
            self.agree(match[1], int(match[2]), self.since_boot[match[1]])
        elif match := POOL_ROW.fullmatch(line):
            self.agree("resident", int(match[1]), len(self.resident))
            self.agree("evictions", int(match[2]), self.since_boot["pgsteal"])
        elif match := SWAP_ROW.fullmatch(line):
            if not self.swap_was_full:
                self.agree("slots in use", int(match[2]), len(self.slots))


def check(log):
    """Raises Violation unless the log is one that a correct memory system could have written. => the Model"""
    return Model().replay(log)
