# SPDX-License-Identifier: MIT
"""Traces made up: the format of lib/trace_events.h from Python's side, its table read from the header itself, and a
little machine whose faults, evictions, calls and switches are events."""
import pathlib
import random
import re
import struct

HEADER = (pathlib.Path(__file__).resolve().parents[2] / "lib/trace_events.h").read_text()
TABLE = re.findall(r'^\s*X\((\w+), "([^"]+)", (\w+), "([^"]*)", "([^"]*)"\)', HEADER, re.MULTILINE)
NAMES = [row[1] for row in TABLE]                      # by kind
KIND = {row[0]: number for number, row in enumerate(TABLE)}
CLASS = {row[1]: row[2].removeprefix("TRACE_").lower() for row in TABLE}
FLAGS = {row[1]: [(word.split(":")[0], int((word.split(":") + [1])[1])) for word in row[3].split()] for row in TABLE}
FIELDS = {row[1]: [tuple(word.split(":")) for word in row[4].split()] for row in TABLE}
NONE = 0xffffffff
EVENT, CHUNK = struct.Struct("<QBBH5I"), struct.Struct("<4sHHIIIIQ")
CHUNK_EVENTS = 511
KHZ, BOOT = 1_000_000, 5_000_000_000
assert len(TABLE) >= 18 and EVENT.size == CHUNK.size == 32


def event(ticks, name, pid, *args, flags=0):
    args = list(args) + [0] * (5 - len(args))
    return (BOOT + ticks, NAMES.index(name), flags, pid, *(a & NONE for a in args))


def texts(ticks, name, pid, text):
    """=> as many events as the text takes"""
    data = text.encode()
    parts = [data[at:at + 20] for at in range(0, len(data), 20)] or [b""]
    return [(BOOT + ticks, NAMES.index(name), 0, pid, *struct.unpack("<5I", part.ljust(20, b"\0"))) for part in parts]


def chunk(events, sequence, lost=0, *, khz=KHZ, boot=BOOT, magic=b"FLTR", version=1, count=None):
    return CHUNK.pack(magic, version, len(events) if count is None else count, sequence, lost, khz, 0, boot) + b"".join(
        EVENT.pack(*e) for e in events)


def trace(events, size=CHUNK_EVENTS, **more):
    """=> bytes of a file in which nothing is missing"""
    return b"".join(chunk(events[at:at + size], at // size, **more) for at in range(0, len(events), size))


class Machine:
    """Programs that touch pages under FIFO, one after the other for a while; every step is an event."""

    def __init__(self, seed=1, programs=3, pages=40, frames=24, exact=False, base=0x08048000):
        self.rng, self.events, self.now = random.Random(seed), [], 1000
        self.frames, self.exact, self.base, self.pages = frames, exact, base, pages
        self.queue, self.slot_of, self.refs, self.faults = [], {}, [], 0
        self.programs = programs
        self.running = 1
        for pid in range(1, programs + 1):
            self.events += texts(self.tick(), "start", pid, f"program-{pid}")

    def tick(self, n=0):
        self.now += n or self.rng.randrange(20, 200)
        return self.now

    def put(self, name, pid, *args, flags=0, after=0):
        self.events.append(event(self.tick(after), name, pid, *args, flags=flags))

    def evict(self):
        pid, page, frame = self.queue.pop(0)
        va = self.base + page * 4096
        slot = self.slot_of.setdefault((pid, page), len(self.slot_of))
        self.put("pick", self.running, pid, va, frame, 0, 0, flags=self.rng.randrange(4))
        self.events += texts(self.tick(), "why", self.running, f"frame {frame:#x} came first of {len(self.queue) + 1}")
        self.put("unmap", pid, va, frame, slot, flags=3)
        self.put("tlb-flush", pid, va)
        self.put("swap-out", self.running, slot, frame)
        self.put("evict", pid, va, frame, slot, flags=1)
        return frame

    def touch(self, page, write):
        pid, va, start = self.running, self.base + page * 4096, self.tick()
        self.refs.append(((pid << 20) + (va >> 12), write))
        if not any(p[:2] == (pid, page) for p in self.queue):
            self.faults += 1
            frame = self.evict() if len(self.queue) == self.frames else len(self.queue) + 100
            known = (pid, page) in self.slot_of
            if known:
                self.put("swap-in", pid, self.slot_of[pid, page], frame)
            else:
                self.put("alloc", pid, frame, flags=16)
            self.put("map", pid, va, frame, flags=1 if write else 0)
            self.queue.append((pid, page, frame))
            self.tick()
            self.put("fault", pid, va + 8, 0x08050000 + page, frame, self.slot_of.get((pid, page), NONE),
                     self.now - start + 7, flags=(4 | 32 if known else 3) | (8 if write else 0), after=7)
        if self.exact:
            self.put("ref", pid, va, flags=1 if write else 0)

    def call(self, nr, touches):
        pid = self.running
        self.put("syscall", pid, nr, 1, 2, 3, 4)
        for page in touches:
            self.touch(page, False)
        self.put("sysret", pid, nr, -11 if nr == 3 else len(touches))

    def work(self, steps):
        for step in range(steps):
            near = self.rng.randrange(self.pages) if self.rng.random() < 0.2 else (step // 7) % self.pages
            if self.rng.random() < 0.1:
                self.call(self.rng.choice((3, 4, 45)), [self.rng.randrange(self.pages) for _ in range(2)])
            else:
                self.touch(near, self.rng.random() < 0.4)
            if self.rng.random() < 0.05:
                to = self.rng.randrange(1, self.programs + 1)
                self.put("switch", self.running, to)
                self.running = to
        return self

    def end(self):
        """Program 1 is killed in a call that never returns."""
        self.put("switch", self.running, 1)
        self.running = 1
        self.put("syscall", 1, 252, 3)
        self.put("exit", 1, 9, flags=1)
        return self.events
