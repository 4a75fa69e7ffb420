# SPDX-License-Identifier: MIT
"""build/trace: what it makes of traces that are made up here, event by event, and of damaged ones."""
import collections
import csv
import io
import random
import re
import resource
import struct
import subprocess

import chrome
import flt
import pytest
from conftest import ROOT, SIM, TRACE, WRITER, output, run


@pytest.fixture(scope="module")
def machine():
    m = flt.Machine(seed=3).work(900)
    m.end()
    return m


@pytest.fixture(scope="module")
def exact():
    m = flt.Machine(seed=4, exact=True).work(900)
    m.end()
    return m


def every_kind():
    """=> events of every kind, with every flag, and numbers at their limits"""
    rng, events = random.Random(7), []
    for name in flt.NAMES:
        bits = sum(width for _, width in flt.FLAGS[name])
        for flags in {0, (1 << bits) - 1, rng.randrange(1 << bits)}:
            ticks = 1000 * len(events)
            if flt.FIELDS[name] == [("t",)]:
                events += flt.texts(ticks, name, 7, rng.choice(("", "short", "x" * 20, "more than twenty bytes of it")))
            else:
                events.append(flt.event(ticks, name, rng.randrange(1 << 16), *(rng.choice((0, 1, flt.NONE, rng.getrandbits(32)))
                                                                               for _ in flt.FIELDS[name]), flags=flags))
    return events


def kinds(events):
    return collections.Counter(flt.NAMES[e[1]] for e in events)


# Text and csv ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("boot, khz", [(0, 1), (flt.BOOT, flt.KHZ), (123456789, 2893202)])
def test_text_is_the_kernels(boot, khz):
    """Written by lib/trace.c, in whole chunks and parts of them; read back as trace_print said it."""
    rng, script = random.Random(boot), []
    events = [(max(e[0] - flt.BOOT, 0) + boot, *e[1:]) for e in every_kind() * 40]
    for at, e in enumerate(sorted(events)):
        if flt.FIELDS[flt.NAMES[e[1]]] == [("t",)]:
            script.append(f"text {e[0]} {e[1]} {e[3]} a name of {rng.randrange(10 ** 30)}")
        else:
            script.append("put " + " ".join(map(str, e)))
        if rng.random() < 0.01:
            script.append("flush")
    done = subprocess.run([WRITER, str(boot), str(khz)], input="\n".join([*script, "flush", ""]).encode(),
                          capture_output=True, timeout=60, check=True)
    assert done.stderr.count(b"\n") > 1000
    assert output(done.stdout).splitlines() == done.stderr.decode().splitlines()


def test_losses_of_the_kernel_are_told():
    """The port takes nothing for a while; the ring is small."""
    kind, put = flt.KIND["REF"], "put {} {} 0 1 4096 0 0 0 0".format
    script = [put(i, kind) for i in range(600)] + ["port off"] + [put(i, kind) for i in range(600, 4000)] + \
        ["port on"] + [put(i, kind) for i in range(4000, 5000)] + ["flush"]
    data = subprocess.run([WRITER, "0", "1"], input="\n".join([*script, ""]).encode(), capture_output=True, timeout=60,
                          check=True).stdout
    done = run("-", stdin=data)
    got, lost = done.stdout.count(b"\n"), re.search(r"incomplete: (\d+) events lost, (\d+) chunks missing", done.stderr.decode())
    assert done.returncode == 0 and got + int(lost[1]) == 5000 and int(lost[1]) > 500
    assert int(lost[2]) == 0  # with a port what is new is lost: chunks come in order, none is missing


def test_csv_has_everything():
    events = every_kind()
    rows = list(csv.DictReader(io.StringIO(output(flt.trace(events), "--to", "csv")), strict=True))
    names = ["time", "tsc", "event", "pid"]
    for name in flt.NAMES:
        for field in [f for f, _ in flt.FLAGS[name]] + [f[0] if len(f) > 1 else "text" for f in flt.FIELDS[name]]:
            names += [field] if field not in names else []
    assert list(rows[0]) == names and len(rows) == len(events)
    for row, (ticks, kind, flags, pid, *args) in zip(rows, events):
        name = flt.NAMES[kind]
        assert row["time"] == "{}.{:09}".format(*divmod((ticks - flt.BOOT) * 10 ** 6 // flt.KHZ, 10 ** 9))
        assert (row["tsc"], row["event"], row["pid"]) == (str(ticks), name, str(pid))
        want = {}
        for flag, width in flt.FLAGS[name]:
            want[flag] = str(flags & ((1 << width) - 1))
            flags >>= width
        if flt.FIELDS[name] == [("t",)]:
            want["text"] = struct.pack("<5I", *args).rstrip(b"\0").decode()
        else:
            for (field, kind), arg in zip(flt.FIELDS[name], args):
                want[field] = "none" if kind in "fs" and arg == flt.NONE else f"0x{arg:08x}" if kind == "x" else \
                    f"{arg:#x}" if kind == "f" else str(arg - (arg >> 31 << 32)) if kind == "i" else str(arg)
        assert {key: value for key, value in row.items() if value != "" and key not in names[:4]} == \
            {key: value for key, value in want.items() if value != ""}


def test_csv_rows_are_lines():
    data = flt.trace(flt.texts(5, "start", 1, 'a "b",\n\x7fc'))
    assert output(data, "--to", "csv").splitlines()[1].startswith('0.000000005,5000000005,start,1,"a ""b"",??c"')


# Chrome's JSON ---------------------------------------------------------------------------------------

def test_json(machine):
    events, other = chrome.load(output(flt.trace(machine.events), "--to", "json"))
    want = kinds(machine.events)
    assert (other["events"], other["lost"], other["missing chunks"]) == (len(machine.events), 0, 0)
    by = collections.Counter((e["ph"], e["cat"]) for e in events if "cat" in e)
    named = collections.Counter(e["name"] for e in events if e["ph"] == "i")
    assert by["X", "fault"] == want["fault"] == machine.faults > 200
    assert by["X", "sys"] == want["syscall"] == want["sysret"] + 1 > 50
    for name in ("start", "exit", "pick", "evict", "swap-out", "swap-in", "map", "unmap", "tlb-flush", "alloc"):
        assert named[name] == want[name] > 0, name
    assert named["why"] == 0
    assert by["C", "memory"] == want["map"] + want["unmap"] + want["alloc"] + want["free"]

    # The reasons are with the pick, whole.
    whys = [e["args"]["why"] for e in events if e["name"] == "pick"]
    assert all(re.fullmatch(r"frame 0x\w+ came first of 24", why) for why in whys)

    # Each swapped page that comes back has an arrow from its eviction.
    swapped = [e for e in events if e["name"] == "fault: swapped out"]
    assert sum(e["ph"] == "f" for e in events) == len(swapped) > 100

    # A fault is a slice of its cost, which ends when the event says.
    faults = [e for e in machine.events if flt.NAMES[e[1]] == "fault"]
    for e, (ticks, _, flags, pid, va, ip, frame, slot, cost) in zip((e for e in events if e.get("cat") == "fault"), faults):
        assert (e["pid"], e["dur"] * 1000, (e["ts"] + e["dur"]) * 1000) == (pid, cost, ticks - flt.BOOT)
        assert e["args"] == {"case": flags & 7, "write": flags >> 3 & 1 == 1, "exec": False, "major": flags & 32 == 32,
                             "refused": False, "va": f"0x{va:08x}", "ip": f"0x{ip:08x}", "frame": f"{frame:#x}",
                             "slot": None if slot == flt.NONE else slot, "ticks": cost}
    names = {(e["name"], e["pid"]): e["args"]["name"] for e in events if e["ph"] == "M" and e["name"] == "process_name"}
    assert names == {("process_name", 65536): "machine",
                     **{("process_name", pid): f"program-{pid} {pid}" for pid in (1, 2, 3)}}


def test_json_calls(machine):
    """System calls have their results; the one that killed never returns, and ends with the process."""
    events, _ = chrome.load(output(flt.trace(machine.events), "--to", "json"))
    calls = [e for e in events if e.get("cat") == "sys"]
    assert {e["name"] for e in calls} == {"read", "write", "brk", "exit_group"}
    assert all(e["args"]["result"] == (-11 if e["name"] == "read" else 2) for e in calls if e["name"] != "exit_group")
    last = [e for e in calls if e["name"] == "exit_group"]
    gone = [e for e in events if e["name"] == "exit"]
    assert len(last) == len(gone) == 1 and last[0]["args"]["returned"] is False
    assert last[0]["ts"] + last[0]["dur"] == gone[0]["ts"]


def test_json_turns(machine):
    """The CPU's slices follow each other without a gap, and say who ran."""
    events, _ = chrome.load(output(flt.trace(machine.events), "--to", "json"))
    turns = chrome.joined([e for e in events if e.get("cat") == "sched"])
    switches = [e for e in machine.events if flt.NAMES[e[1]] == "switch"]
    assert [e["name"] for e in turns] == [f"program-{pid} {pid}" for pid in [switches[0][3]] + [e[4] for e in switches]]
    for one, two in zip(turns, turns[1:]):
        assert one["ts"] + one["dur"] == two["ts"]


def test_json_overlap():
    """Threads share a pid: their faults overlap, and go to tracks of their own."""
    fault = lambda start, end: flt.event(end, "fault", 5, start * 4096, 0, 1, flt.NONE, end - start, flags=3)  # noqa: E731
    spans = [(10, 50), (30, 60), (55, 70), (20, 80), (40, 90), (90, 95), (90, 100), (1, 110)]
    rng = random.Random(2)
    spans += sorted(((s, s + rng.randrange(1, 300)) for s in rng.sample(range(200, 3000), 400)), key=lambda s: s[1])
    data = flt.trace([fault(*span) for span in spans])
    events, _ = chrome.load(output(data, "--to", "json"))
    slices = [e for e in events if e["ph"] == "X"]
    rest = [e for e in events if e["ph"] == "i"]  # more at a time than there are tracks
    assert len(slices) + len(rest) == len(spans) and len({e["tid"] for e in slices}) > 3
    alone = [flt.event(20, "fault", 5, 0, 0, 1, flt.NONE, 10, flags=3), flt.event(30, "fault", 5, 4096, 0, 1, flt.NONE, 25, flags=3)]
    events, _ = chrome.load(output(flt.trace(alone), "--to", "json"))
    assert {e["tid"] for e in events if e["ph"] == "X"} == {5}


def test_json_calls_that_miss_an_end():
    put = lambda at, name, *args: flt.event(at, name, 4, *args)  # noqa: E731
    data = flt.trace([put(10, "sysret", 3, 1), put(20, "syscall", 4), put(30, "syscall", 5), put(35, "sysret", 5, 7),
                      put(40, "sysret", 5, 7), put(50, "syscall", 6), put(55, "syscall", 999), put(60, "ref", 4096)])
    events, _ = chrome.load(output(data, "--to", "json"))
    calls = [(e["name"], e["ts"] * 1000, e["dur"] * 1000, e["args"].get("result")) for e in events if e["ph"] == "X"]
    assert calls == [("write", 20, 10, None), ("open", 30, 5, 7), ("close", 50, 5, None), ("system call 999", 55, 5, None)]
    assert sum(e["name"] == "sysret" for e in events) == 2


def test_json_knows_every_call():
    header = (ROOT / "kernel/syscall.h").read_text()
    table = {int(nr): name for name, nr in re.findall(r"\bNR_(\w+) = (\d+),", header) if name != "COUNT"}
    data = flt.trace([flt.event(i, "syscall", 1, nr) for i, nr in enumerate(table)])
    events, _ = chrome.load(output(data, "--to", "json"))
    assert [e["name"] for e in events if e["ph"] == "X"] == list(table.values()) and len(table) > 100


def test_json_strings():
    data = flt.trace(flt.texts(1, "start", 1, 'q"b\\s/\n\x01') + flt.texts(2, "start", 2, "a name with thirty letters: x.") +
                     flt.texts(3, "start", 3, "h\xe9"))
    events, _ = chrome.load(output(data, "--to", "json"))
    names = [e["args"]["name"] for e in events if e["ph"] == "M" and e["name"] == "process_name"][1:]
    assert names == ['q"b\\s/\n\x01 1', "a name with thirty letters: x. 2", "h\xc3\xa9 3"]


@pytest.mark.parametrize("seed", range(6))
def test_json_of_any_events(seed):
    """Whatever the kernel may say, in whatever order: slices nest, and the file can be read."""
    rng, now, events = random.Random(seed), 0, []
    for _ in range(1500):
        now += rng.choice((0, 0, 1, 5, 400))
        events.append((flt.BOOT + now, rng.randrange(len(flt.NAMES)), rng.randrange(256), rng.choice((0, 1, 2, 65535)),
                       *(rng.choice((0, 1, 2, 3, 4096, rng.randrange(2000), flt.NONE)) for _ in range(5))))
    chrome.load(output(flt.trace(events), "--to", "json"))


# References ------------------------------------------------------------------------------------------

def fifo(refs, frames):
    queue, faults = [], 0
    for page, _ in refs:
        if page not in queue:
            faults += 1
            queue = (queue + [page])[-frames:]
    return faults


def simulated(path, frames):
    text = subprocess.run([SIM, "-s", "-p", "fifo", "-f", str(frames), "--no-opt", path], capture_output=True, text=True,
                          timeout=60, check=True).stdout
    return int(re.search(r" faults=(\d+)", text)[1])


def test_references_in_the_simulator(exact, tmp_path):
    """The machine's own faults are FIFO's: the simulator must count as many from the references."""
    said = f"{len(exact.refs)} references that exact regions saw"
    for form, ending in (("oracle", "oracleGeneral"), ("txt", "txt"), ("refcsv", "csv")):
        path = tmp_path / f"refs.{ending}"
        done = run("--to", form, "-o", path, "-", stdin=flt.trace(exact.events))
        assert done.returncode == 0 and done.stdout == b"" and said in done.stderr.decode()
        for frames in (exact.frames, 5, 60):
            assert simulated(path, frames) == fifo(exact.refs, frames)
        assert simulated(path, exact.frames) == exact.faults


def test_reference_formats(exact):
    data, said = flt.trace(exact.events), "references that exact regions saw"
    assert [int(line) for line in output(data, "--to", "txt", said=said).splitlines()] == [page for page, _ in exact.refs]
    rows = output(data, "--to", "refcsv", said=said).splitlines()
    assert rows == ["time,obj_id,size,op"] + [f"{i},{page},1,{'w' if write else 'r'}" for i, (page, write) in enumerate(exact.refs)]
    done, later, want = run("--to", "oracle", "-", stdin=data), {}, []
    for number in range(len(exact.refs), 0, -1):
        page = exact.refs[number - 1][0]
        want.append((number - 1, page, 1, later.get(page, -1)))
        later[page] = number
    assert list(struct.iter_unpack("<IQIq", done.stdout)) == want[::-1]


def test_faults_stand_in_for_references(machine):
    said = f"no ref events (trace class ref, programs in exact mode): the references are its {machine.faults} faults"
    pages = output(flt.trace(machine.events), "--to", "txt", said=said).split()
    assert len(pages) == machine.faults
    refused = flt.trace([flt.event(1, "fault", 1, 4096, 0, flt.NONE, flt.NONE, 5, flags=64)])
    assert b"no references in it: expected ref events or faults" in run("--to", "oracle", "-", stdin=refused).stderr


# Reports ---------------------------------------------------------------------------------------------

def test_summary(machine):
    text = output(flt.trace(machine.events), "--summary")
    assert f"{len(machine.events)} events in {-(-len(machine.events) // 511)} chunks; 0 lost, 0 chunks missing" in text
    assert dict(re.findall(r"^([a-z-]+) +(\d+)$", text, re.MULTILINE)) == \
        {name: str(n) for name, n in kinds(machine.events).items()}
    last = machine.events[-1][0] - flt.BOOT
    assert f"from 0.000001 to 0.{last // 1000:06} s" in text
    faults = [e for e in machine.events if flt.NAMES[e[1]] == "fault"]
    for case in (3, 4):
        costs = [e[8] for e in faults if e[2] & 7 == case]
        line = re.search(rf"^{case} [a-z ]+?(\d+) +0 +(\d+) +([\d.]+)$", text, re.MULTILINE)
        mean = sum(costs) // len(costs)
        assert (int(line[1]), int(line[2]), line[3]) == (len(costs), mean, f"{mean // 1000}.{mean % 1000:03}")
    for pid in (1, 2, 3):
        mine = kinds(e for e in machine.events if e[3] == pid)
        row = re.search(rf"^ +{pid} program-{pid} +(.*)$", text, re.MULTILINE)[1].split()
        assert [int(n) for n in row] == [sum(mine.values()), mine["fault"], sum(e[2] & 32 == 32 for e in faults if e[3] == pid),
                                         mine["evict"], mine["swap-out"], mine["swap-in"], mine["syscall"]]
    top = collections.Counter((e[3], e[4] & ~4095) for e in faults)
    ranks = sorted(top.items(), key=lambda item: (-item[1], item[0]))[:10]
    shown = re.findall(r"^ +(\d+) +\d+ +(\d) (0x\w{8})$", text, re.MULTILINE)
    assert [((int(pid), int(page, 16)), int(n)) for n, pid, page in shown] == ranks


def buckets(text, title):
    """=> {lower bound: count} of a histogram, and its headline"""
    block = re.search(rf"^{title}.*?: (count .*)\n((?:\[.*\n)*)", text, re.MULTILINE)
    units = {"": 1, "K": 2 ** 10, "M": 2 ** 20}
    rows = re.findall(r"^\[(\d+)([KM]?)(?:, \w+\)|\]) +(\d+) \|@* *\|$", block[2], re.MULTILINE)
    assert len(rows) == block[2].count("\n")
    return {int(n) * units[unit]: int(count) for n, unit, count in rows if int(count)}, block[1]


def log2(values):
    return dict(sorted(collections.Counter(1 << v.bit_length() - 1 if v else 0 for v in values).items()))


def told(values):
    return f"count {len(values)}, mean {sum(values) // len(values)}, max {max(values)}"


def test_histograms(machine):
    text = output(flt.trace(machine.events), "--hist")
    came, left, stays, distances, seen = {}, {}, [], [], 0
    for ticks, kind, flags, pid, va, *rest in machine.events:
        name, page = flt.NAMES[kind], (pid, va >> 12)
        if name == "map":
            came.setdefault(page, ticks)
        elif name == "evict":
            stays.append((ticks - came.pop(page)) // 1000)
            left[page] = seen
        elif name == "fault":
            seen += 1
            if page in left:
                distances.append(seen - left.pop(page))
    costs = [e[8] for e in machine.events if flt.NAMES[e[1]] == "fault" and e[2] & 7 == 4]
    for title, values in (("cost of a fault, case 4", costs), ("residence", stays), ("refault distance", distances)):
        assert buckets(text, title) == (log2(values), told(values))
    both = output(flt.trace(machine.events), "--hist", "--summary")
    assert both.endswith(text) and len(both) > len(text) + 500


def test_histogram_bounds():
    costs = [0, 1, 2, 3, 4, 1023, 1024, 2 ** 20 - 1, 2 ** 20, 2 ** 32 - 1]
    data = flt.trace([flt.event(2 ** 33 + i, "fault", 1, i << 12, 0, 1, 1, cost, flags=3) for i, cost in enumerate(costs)])
    text = output(data, "--hist")
    assert [line.split("|")[0].split() for line in text.splitlines() if line.startswith("[") and " 0 |" not in line] == [
        ["[0]", "1"], ["[1]", "1"], ["[2,", "4)", "2"], ["[4,", "8)", "1"], ["[512,", "1K)", "1"], ["[1K,", "2K)", "1"],
        ["[512K,", "1M)", "1"], ["[1M,", "2M)", "1"], ["[2G,", "4G)", "1"]]
    pages = [flt.event(0, "map", 1, 4096, 1), flt.event(1000, "unmap", 1, 4096, 1), flt.event(50000, "map", 1, 4096, 1),
             flt.event(59000, "unmap", 1, 4096, 1), flt.event(59999, "evict", 1, 4096, 1), flt.event(60000, "evict", 1, 8192, 1)]
    text = output(flt.trace(pages), "--hist")  # a page that was given back and mapped anew is another one
    assert buckets(text, "residence") == ({8: 1}, "count 1, mean 9, max 9")
    assert "(and 1 evictions of pages that came before the trace began)" in text


# Filters ---------------------------------------------------------------------------------------------

FILTERS = [
    (["--pid", "2"], lambda e, name, s: e[3] == 2),
    (["--pid", "1,3"], lambda e, name, s: e[3] in (1, 3)),
    (["--class", "swap,sched"], lambda e, name, s: flt.CLASS[name] in ("swap", "sched")),
    (["--class", "all"], lambda e, name, s: True),
    (["--class", "default"], lambda e, name, s: flt.CLASS[name] in ("proc", "fault", "evict", "swap")),
    (["--class", "all,-fault"], lambda e, name, s: flt.CLASS[name] != "fault"),
    (["--kind", "evict,tlb-flush"], lambda e, name, s: name in ("evict", "tlb-flush")),
    (["--from-time", "0.0001"], lambda e, name, s: s >= 100000),
    (["--to-time", ".0003"], lambda e, name, s: s <= 300000),
    (["--pid", "1", "--class", "fault,evict", "--kind", "fault", "--from-time", "0.00005", "--to-time", "0.9"],
     lambda e, name, s: e[3] == 1 and name == "fault" and 50000 <= s <= 900000000),
]


@pytest.mark.parametrize("words, passes", FILTERS, ids=lambda x: "_".join(x) if isinstance(x, list) else "")
def test_filters(machine, words, passes):
    data = flt.trace(machine.events)
    want = [line for line, e in zip(output(data).splitlines(), machine.events)
            if passes(e, flt.NAMES[e[1]], e[0] - flt.BOOT)]
    assert output(data, *words).splitlines() == want and len(want) > 0
    chrome.load(output(data, "--to", "json", *words))


def test_bounds_of_time_are_included():
    data = flt.trace([flt.event(i, "ref", 1) for i in range(20)])
    for start, end, count in (("0.000000005", "0.000000010", 6), ("0", "0", 1), ("0.000000019", "7", 1), ("1", "0", 0)):
        assert output(data, "--from-time", start, "--to-time", end).count("\n") == count


# What is missing, and what is damaged ----------------------------------------------------------------

EVENTS = [flt.event(i, "ref", 1, i << 12) for i in range(30)]


def test_gaps_are_told():
    parts = [flt.chunk(EVENTS[:10], 2), flt.chunk(EVENTS[10:20], 3, lost=4), flt.chunk(EVENTS[20:25], 7, lost=4),
             flt.chunk(EVENTS[25:], 8, lost=9)]
    done = run("--summary", "-", stdin=b"".join(parts))
    text = done.stderr.decode().splitlines()
    assert done.returncode == 0 and text == [
        "trace: (standard input): offset 0: 2 chunks are missing before this one, number 2",
        "trace: (standard input): offset 352: 4 events were lost before this chunk",
        "trace: (standard input): offset 704: 3 chunks are missing before this one, number 7",
        "trace: (standard input): offset 896: 5 events were lost before this chunk",
        "trace: (standard input): incomplete: 9 events lost, 5 chunks missing"]
    assert "30 events in 4 chunks; 9 lost, 5 chunks missing" in done.stdout.decode()
    _, other = chrome.load(run("--to", "json", "-", stdin=b"".join(parts)).stdout.decode())
    assert (other["lost"], other["missing chunks"]) == (9, 5)


def test_tracing_begun_anew():
    data = flt.chunk(EVENTS[:10], 0, lost=5) + flt.chunk(EVENTS[10:], 1, lost=5) + flt.chunk(EVENTS[10:], 0, lost=2)
    done = run("--summary", "-", stdin=data)
    assert "offset 1024: tracing began anew here" in done.stderr.decode() and "7 lost" in done.stdout.decode()
    assert "20 times an event is earlier" not in done.stderr.decode() and "1 times an event is earlier" in done.stderr.decode()
    assert "chunk 0 comes after" not in done.stderr.decode()
    back = run("-", stdin=flt.chunk(EVENTS[:5], 3) + flt.chunk(EVENTS[5:], 2))
    assert "chunk 2 comes after chunk 3" in back.stderr.decode()


def test_many_gaps_are_few_lines():
    data = b"".join(flt.chunk(EVENTS[:1], 2 * n) for n in range(1, 500))
    text = run("-", stdin=data).stderr.decode()
    assert len(text.splitlines()) <= 11 and "incomplete: 0 events lost, 500 chunks missing" in text


GOOD = flt.chunk(EVENTS, 0)
DAMAGED = [
    (b"", "the file is empty: expected a trace", 0),
    (b"\x7fELF" + bytes(60), "offset 0: 464c457f where a chunk begins: expected 52544c46 (FLTR); this is no trace", 0),
    (b"hello\n", "offset 0: 6 bytes that begin no chunk: expected 32, beginning with FLTR", 0),
    (b"FL", "offset 0: 2 bytes that begin no chunk", 0),
    (GOOD[:20], "offset 20: the file ends after 20 bytes of a chunk's header: expected 32", 0),
    (GOOD[:32 + 5 * 32 + 7], "offset 199: the file ends within a chunk: expected 30 events, there are 5", 5),
    (GOOD[:32], "offset 32: the file ends within a chunk: expected 30 events, there are 0", 0),
    (GOOD + b"FLT", "offset 992: 3 bytes that begin no chunk", 30),
    (GOOD + GOOD[:31], "offset 1023: the file ends after 31 bytes", 30),
    (GOOD + bytes(64), "offset 992: 00000000 where a chunk begins: expected 52544c46 (FLTR); the file is damaged", 30),
    (flt.chunk(EVENTS, 0, version=2), "offset 4: version 2: expected 1", 0),
    (flt.chunk(EVENTS, 0, count=512), "offset 6: 512 events in a chunk: expected at most 511", 0),
    (flt.chunk(EVENTS, 0, khz=0), "offset 16: 0 ticks in a millisecond: expected 1 or more", 0),
    (GOOD + flt.chunk(EVENTS, 1, khz=7), "offset 992: a clock of 7 kHz", 30),
    (GOOD + flt.chunk(EVENTS, 1, boot=0), "these are two traces", 30),
    (flt.chunk(EVENTS[:3] + [(5, 99, 0, 1, 0, 0, 0, 0, 0)] + EVENTS[3:], 0),
     f"offset 136: an event of kind 99: expected 0 to {len(flt.NAMES) - 1}", 3),
]


@pytest.mark.parametrize("data, message, events", DAMAGED, ids=range(len(DAMAGED)))
def test_damaged(tmp_path, data, message, events):
    """One line says where and what was expected; what came before is there."""
    path = tmp_path / "file"
    path.write_bytes(data)
    done = run(path)
    text = done.stderr.decode()
    assert done.returncode == 1 and text.splitlines()[-1].startswith(f"trace: {path}: ") and message in text, text
    assert done.stdout.count(b"\n") == events
    made = run("--to", "json", path)
    assert made.returncode == 1
    if events:
        chrome.load(made.stdout.decode())
    else:
        assert made.stdout == b"" or len(chrome.load(made.stdout.decode())[0]) <= 2


def test_cut_anywhere(machine):
    data = flt.chunk(machine.events[:6], 0) + flt.chunk(machine.events[6:9], 1)
    for end in range(0, len(data), 7):
        done = run("--to", "csv", "-", stdin=data[:end])
        assert done.returncode == (0 if end == 32 + 6 * 32 else 1)
        assert len(done.stderr.splitlines()) == (0 if done.returncode == 0 else 1)


def test_random_damage(machine):
    """Bytes changed at random: it ends with 0 or 1 and without a word of the sanitizers'."""
    rng, data = random.Random(11), flt.trace(machine.events[:700], size=50)
    for turn in range(40):
        bad = bytearray(data)
        for _ in range(rng.randrange(1, 30)):
            at = rng.randrange(len(bad)) if turn % 2 else rng.randrange(14) * 1632 + rng.randrange(64)
            bad[at] = rng.choice((0, 1, 255, rng.randrange(256)))
        words = rng.choice((["--to", "text"], ["--to", "csv"], ["--to", "json"], ["--summary", "--hist"], ["--to", "oracle"]))
        done = run(*words, "-", stdin=bytes(bad))
        assert done.returncode in (0, 1)
        if words[1:] == ["json"] and done.stdout:
            chrome.load(done.stdout.decode())


USAGE = [
    ([], "no trace given; --help tells how"),
    (["a", "b"], "one trace at a time; there are 2"),
    (["--to", "xml", "-"], '--to "xml": expected text csv json oracle txt refcsv'),
    (["--pid", "x", "-"], '--pid "x": expected 0 to 65535'),
    (["--pid", "65536", "-"], '--pid "65536": expected 0 to 65535'),
    (["--class", "wrong", "-"], '--class "wrong": expected all, default, or a comma list of proc fault'),
    (["--class", "", "-"], '--class "": expected all'),
    (["--kind", "fault,boot", "-"], '--kind "boot": expected some of start exit fault'),
    (["--from-time", "1s", "-"], '--from-time "1s": expected seconds, e.g. 1.25'),
    (["--to-time", "", "-"], '--to-time "": expected seconds'),
    (["--to-time", "99999999999999", "-"], "expected seconds"),
    (["--summary", "--to", "csv", "-"], "--to does not go with --summary or --hist"),
    (["--wrong", "-"], "--help lists the options"),
]


@pytest.mark.parametrize("words, message", USAGE, ids=lambda x: " ".join(x) if isinstance(x, list) else "")
def test_usage(words, message):
    done = run(*words)
    assert done.returncode == 2 and message in done.stderr.decode() and done.stdout == b""


def test_files(tmp_path):
    path, out = tmp_path / "trace.flt", tmp_path / "out"
    path.write_bytes(GOOD)
    assert "No such file" in run(tmp_path / "none").stderr.decode() and run(tmp_path / "none").returncode == 1
    assert "Is a directory" in run(tmp_path).stderr.decode() and run(tmp_path).returncode == 1
    assert run("-o", out, path).returncode == 0 and out.read_text() == output(GOOD)
    same = run("-o", path, path)
    assert same.returncode == 2 and "expected a file other than the trace" in same.stderr.decode()
    assert path.read_bytes() == GOOD
    assert run("-o", tmp_path / "no/where", path).returncode == 1
    full = run("-o", "/dev/full", path)
    assert full.returncode == 1 and "/dev/full cannot be written: No space" in full.stderr.decode()
    none = run("--to", "json", "-o", tmp_path / "not-made", "-", stdin=b"no trace, but longer than a header is")
    assert none.returncode == 1 and not (tmp_path / "not-made").exists()


def test_help():
    text = subprocess.run([TRACE, "--help"], capture_output=True, text=True, timeout=60, check=True).stdout
    for word in ("--to", "--summary", "--hist", "--pid", "--class", "--kind", "--from-time", "--to-time", "--output",
                 "text", "csv", "json", "oracle", "txt", "refcsv"):
        assert word in text
    assert max(map(len, text.splitlines())) <= 120


def test_the_commands_of_the_documentation(machine, tmp_path):
    (tmp_path / "run.flt").write_bytes(flt.trace(machine.events))
    lines = re.findall(r"^build/trace ([^#|\n]*)", (ROOT / "docs/trace-tool.md").read_text(), re.MULTILINE)
    for words in map(str.split, lines):
        done = subprocess.run([TRACE, *words], cwd=tmp_path, capture_output=True, timeout=60)
        assert done.returncode == 0, (words, done.stderr.decode())
    made = sorted(path.name for path in tmp_path.iterdir())
    assert len(lines) >= 7 and made == ["run.csv", "run.flt", "run.json", "run.oracleGeneral"]
    assert simulated(tmp_path / "run.oracleGeneral", 100000) > 0


def test_big(tmp_path):
    """A long trace takes no more memory than a short one: it is read and written chunk by chunk."""
    events, path = flt.Machine(seed=9, programs=2).work(5000).events, tmp_path / "big.flt"
    parts = [events[at:at + 511] for at in range(0, len(events) - 510, 511)]
    path.write_bytes(b"".join(flt.chunk(parts[n % len(parts)], n) for n in range(1000)))
    for words in (["--to", "json"], ["--to", "csv"], ["--summary", "--hist"]):
        done = subprocess.run([TRACE, *words, "-o", "/dev/null", path], capture_output=True, timeout=60,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (8 << 20, 8 << 20)))
        assert done.returncode == 0 and path.stat().st_size > 16_000_000, done.stderr.decode()
