# SPDX-License-Identifier: MIT
"""Reads a trace by docs/tracing.md, with nothing of tools/trace: what one of the two gets wrong, the other shows."""
import collections
import dataclasses
import operator
import pathlib
import re
import struct

TABLE = (pathlib.Path(__file__).resolve().parents[2] / "lib" / "trace_events.h").read_text()
KINDS = re.findall(r'^ *X\(\w+, "([^"]+)", TRACE_\w+, "([^"]*)", "([^"]*)"\)', TABLE, re.MULTILINE)

HEADER = struct.Struct("<IHHIIIIQ")
EVENT = struct.Struct("<QBBH5I")  # ticks, kind, flags, pid, words
MAGIC = 0x52544c46
MOST_EVENTS = 511


@dataclasses.dataclass
class Chunk:
    sequence: int
    lost: int
    raw: list  # tuples as EVENT has them


@dataclasses.dataclass
class Event:
    ticks: int
    kind: str
    flags: dict  # name -> value; a flag of one bit is 0 or 1
    pid: int
    fields: dict  # name -> value; of texts: {"text": bytes}

    def key(self):
        """All but when it was, and how long it took."""
        return self.kind, self.pid, *self.flags.values(), *(v for k, v in self.fields.items() if k != "ticks")


def chunks(path):
    """Everything must be as the format says; what is missing between two chunks is in the second's header."""
    data = pathlib.Path(path).read_bytes()
    found, at, ticks = [], 0, 0
    while at < len(data):
        magic, version, count, sequence, lost, khz, unused, boot = HEADER.unpack_from(data, at)
        assert (magic, version, unused) == (MAGIC, 1, 0) and count <= MOST_EVENTS and khz > 0 and boot > 0
        at += HEADER.size
        raw = list(EVENT.iter_unpack(data[at:at + count * EVENT.size]))
        assert len(raw) == count, "the last chunk is cut off"
        at += count * EVENT.size
        times = [ticks, *(e[0] for e in raw)]
        assert all(map(operator.le, times, times[1:])), "time goes backwards"
        ticks = times[-1]
        if found and sequence > 0:
            assert sequence == found[-1].sequence + 1 and lost >= found[-1].lost
        found.append(Chunk(sequence, lost, raw))
    return found


def raw_events(path):
    """=> all events of a trace that nothing is missing from, since it was last reset"""
    found = []
    for chunk in chunks(path):
        if chunk.sequence == 0:
            found = []
        assert chunk.lost == 0
        found += chunk.raw
    return found


def decode_flags(kind, bits):
    name, flags, _ = KINDS[kind]
    values = {}
    for flag in flags.split():
        flag, _, width = flag.partition(":")
        values[flag] = bits & (1 << int(width or 1)) - 1
        bits >>= int(width or 1)
    assert bits == 0, f"{name} has flags that the table does not have"
    return values


def decode(raw):
    ticks, kind, bits, pid, *words = raw
    name, _, fields = KINDS[kind]
    event = Event(ticks, name, decode_flags(kind, bits), pid, {})
    if fields == "t":
        event.fields["text"] = struct.pack("<5I", *words).rstrip(b"\0")
        return event
    names = fields.split()
    assert not any(words[len(names):]), f"{name} has words that the table does not have"
    for field, word in zip(names, words):
        field, _, form = field.partition(":")
        event.fields[field] = word - (1 << 32) if form == "i" and word >> 31 else word
    return event


def events(path):
    return [decode(raw) for raw in raw_events(path)]


def totals(raw):
    """=> what the kernel's counters must be for these events"""
    n = collections.Counter()
    for (kind, bits), times in collections.Counter((e[1], e[2]) for e in raw).items():
        name, flag = KINDS[kind][0], decode_flags(kind, bits)
        n[name] += times
        if name == "fault":
            n["pgfault"] += times
            n[f"fault_case{flag['case']}"] += times
            n["pgmajfault"] += times * flag["major"]
            n["fault_refused"] += times * flag["refused"]
        elif name == "evict":
            n["pgsteal"] += times
            n["pgsteal_clean"] += times * (1 - flag["dirty"])
        elif name in ("alloc", "free"):
            n["pg" + name] += times << flag["order"]
        elif name == "tlb-flush":
            n["nr_tlb_local_flush_" + ("all" if flag["all"] else "one")] += times
        elif name in ("swap-in", "swap-out", "move", "switch"):
            n[{"swap-in": "pswpin", "swap-out": "pswpout", "move": "pgmigrate_success", "switch": "ctxt"}[name]] += times
    return n
