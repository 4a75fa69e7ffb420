# SPDX-License-Identifier: MIT
"""Tracepoints: every event arrives, or is counted; there are as many of each kind as the kernel counted by other
means; and a kernel that does not trace hardly pays for it."""
import collections
import json
import pathlib
import re
import socket
import subprocess
import sys
import threading
import time

import logmodel
import pytest
import tracefile
from scenario import ROOT, boot
from tools import qemu

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "trace"))
import chrome  # noqa: E402

UNTRACED = "build/faultline-notrace.elf"


def counters(run, nth=0):
    return {key: int(value) for key, value in re.findall(r"^(\w+) (\d+)$", run.output("vmstat", nth), re.MULTILINE)}


def seen(run, nth=0):
    """=> what `trace` says of itself: ({kind: events}, lost)"""
    text = run.output("trace", nth)
    return ({kind: int(n) for kind, n in re.findall(r"^  (\S+) +(\d+)$", text, re.MULTILINE)},
            int(re.search(r" lost=(\d+)$", text, re.MULTILINE)[1]))


@pytest.fixture(scope="module")
def converted():
    """=> a function: a trace as Chrome's JSON, by build/trace"""
    subprocess.run(["make", "-s", "build/trace"], cwd=ROOT, check=True, stdin=subprocess.DEVNULL, timeout=120)
    return lambda file: subprocess.run([ROOT / "build" / "trace", "--to", "json", file], check=True, timeout=60,
                                       stdout=subprocess.PIPE).stdout


OF_FAULTS = ["pgfault", *(f"fault_case{n}" for n in range(6)), "pgmajfault", "fault_refused"]
OF_PAGES = ["pgsteal", "pgsteal_clean", "pswpin", "pswpout"]
OF_ALL = OF_FAULTS + OF_PAGES + ["pgalloc", "pgfree", "nr_tlb_local_flush_one", "nr_tlb_local_flush_all",
                                 "pgmigrate_success", "ctxt"]


def of_kind(raw, kind):
    wanted = [name for name, _, _ in tracefile.KINDS].index(kind)
    return [tracefile.decode(e) for e in raw if e[1] == wanted]


def test_100000_faults(tmp_path, converted):
    run = boot(["run scan 100 1000 & stamp 60 40", "vmstat", "trace"], "frames=32 log=quiet trace=fault,evict,swap,proc",
               screen=False, trace=tmp_path / "trace", timeout=120)
    raw, kernel = tracefile.raw_events(tmp_path / "trace"), counters(run)
    traced = tracefile.totals(raw)
    assert kernel["pgfault"] >= 100000 and kernel["pswpout"] > 2000
    assert {name: traced[name] for name in OF_FAULTS + OF_PAGES} == {name: kernel[name] for name in OF_FAULTS + OF_PAGES}
    kinds, lost = seen(run)
    assert lost == 0 and kinds == {name: traced[name] for name in ("start", "exit", "fault", "evict", "swap-out", "swap-in")}
    assert [e.fields["text"] for e in of_kind(raw, "start")] == [b"scan", b"stamp"]
    assert [(e.fields["status"], e.flags["killed"]) for e in of_kind(raw, "exit")] == [(0, 0)] * 2
    picture = json.loads(converted(tmp_path / "trace"))
    assert picture["otherData"]["events"] == len(raw) and picture["otherData"]["lost"] == 0
    cases = collections.Counter(e["args"]["case"] for e in picture["traceEvents"] if e["ph"] == "X" and e["cat"] == "fault")
    assert cases == {n: kernel[f"fault_case{n}"] for n in range(6) if kernel[f"fault_case{n}"]}


# Everything ------------------------------------------------------------------------------------------

def number(text):
    return 0xffffffff if text == "none" else int(text, 0)


def logged(log, name):
    """=> the events of the log as the trace should have them: (kind, pid, field, ...)"""
    for e in logmodel.events(log, name):
        if name == "fault":
            yield (int(e["pid"]), int(e["va"], 16), int(e["ip"], 16), e["access"], int(e["kase"]), number(e["frame"]),
                   number(e["slot"]), int(e["ticks"]))
        elif name == "evict":
            yield int(e["pid"]), int(e["va"], 16), number(e["frame"]), e["state"] == "dirty", number(e["slot"])
        elif name in ("swap-out", "swap-in"):
            yield number(e["slot"]), number(e["frame"])
        elif name == "move":
            yield int(e["pid"]), int(e["va"], 16), number(e["frame"]), number(e["to"])
        elif name == "syscall":
            yield int(e["pid"]), int(e["number"]), *(int(a, 16) for a in e["args"].split(",")), int(e["result"])
        elif name == "exit":
            yield int(e["pid"]), int(e["status"])


def as_logged(raw, name):
    """=> the same, from the trace"""
    calls = {}
    for e in map(tracefile.decode, raw):
        v, f = e.fields, e.flags
        if e.kind == name == "fault":
            access = "exec" if f["exec"] else "write" if f["write"] else "read"
            yield e.pid, v["va"], v["ip"], access, f["case"], v["frame"], v["slot"], v["ticks"]
        elif e.kind == name == "evict":
            yield e.pid, v["va"], v["frame"], f["dirty"], v["slot"]
        elif e.kind == name and name in ("swap-out", "swap-in"):
            yield v["slot"], v["frame"]
        elif e.kind == name == "move":
            yield e.pid, v["va"], v["from"], v["to"]
        elif e.kind == "syscall" and name == "syscall":
            calls[e.pid] = (v["a"], v["b"], v["c"])
        elif e.kind == "sysret" and name == "syscall":
            yield e.pid, v["nr"], *calls.pop(e.pid), v["result"]
        elif e.kind == name == "exit" and not f["killed"]:
            yield e.pid, v["status"]


def resident(raw):
    """=> {pid: pages mapped}, for those that have any"""
    pages = collections.Counter()
    for e in of_kind(raw, "map"):
        pages[e.pid] += 1024 if e.flags["large"] else 1
    for e in of_kind(raw, "unmap"):
        pages[e.pid] -= 1
    return {pid: n for pid, n in pages.items() if n}


def test_all_classes(tmp_path, converted):
    """Programs that fork, swap and are moved, and two in the middle of their work when it ends: there are as many events
    of each kind as the kernel counts, and events are what the log says, field by field."""
    run = boot(["trace off", "vmstat", "trace reset", "trace on all", "run holes 300 2 30 & forktree & stamp 60 2 &", "wait 20",
                "compact", "wait", "run stamp 60 1000 & scan 100 1000 &", "wait 10", "trace off", "vmstat", "ps", "trace"],
               "frames=200 swapmb=2 log=all trace=all", mem="16M", screen=False, trace=tmp_path / "trace", timeout=120)
    raw = tracefile.raw_events(tmp_path / "trace")
    traced, before, after = tracefile.totals(raw), counters(run, 0), counters(run, 1)
    assert {name: traced[name] for name in OF_ALL} == {name: after[name] - before[name] for name in OF_ALL}
    for name in ("fault_case3", "fault_case4", "fault_case5", "pgsteal", "pswpout", "pgmigrate_success", "ctxt"):
        assert traced[name] > 10, name
    log = run.log[run.log.index("faultline> trace on all"):]
    for name in ("fault", "evict", "swap-out", "swap-in", "move", "syscall", "exit"):
        assert list(logged(log, name)) == list(as_logged(raw, name)) != [], name
    rows = re.findall(logmodel.PS_ROW, run.output("ps"))
    assert resident(raw) == {int(row[0]): int(row[2]) for row in rows if int(row[2])} and len(rows) > 1
    kinds, lost = seen(run)
    assert lost == 0 and kinds == {name: traced[name] for name, _, _ in tracefile.KINDS if traced[name]}
    names = [e.fields["text"].decode() for e in of_kind(raw, "start")]
    assert collections.Counter(names) == collections.Counter(
        [*re.findall(r"\b(?:start|fork|exec) pid=\d+ name=(\S+)", log)])
    events, _ = chrome.load(converted(tmp_path / "trace").decode())
    assert sum(e["ph"] == "X" and e["cat"] == "fault" for e in events) == traced["pgfault"]
    logmodel.check(run.log)


def test_threads_that_are_preempted(tmp_path):
    """At any instruction, in the middle of an event, too."""
    run = boot(["trace off", "vmstat", "trace reset", "trace on alloc,sched", "hammer 4 2000 1 buddy kmalloc", "trace off", "vmstat"],
               "log=quiet trace=alloc", screen=False, trace=tmp_path / "trace")
    assert "hammer: ok\n" in run.log
    traced, before, after = tracefile.totals(tracefile.raw_events(tmp_path / "trace")), counters(run, 0), counters(run, 1)
    for name in ("pgalloc", "pgfree", "ctxt"):
        assert traced[name] == after[name] - before[name] > 1000, name


def test_the_fault_in_the_docs(tmp_path):
    """docs/tracing.md shows one fault by all its events: they are these, in this order."""
    doc = (ROOT / "docs" / "tracing.md").read_text()
    append, shown = re.search(r'^\$ make trace RUN="run matmul 24; quit" FRAMES=12 ICOUNT=1 APPEND=(\S+) .*\n\$ grep .*\n'
                              r"((?:\[.*\n)+)", doc, re.MULTILINE).groups()
    boot(["run matmul 24"], f"frames=12 {append}", screen=False, trace=tmp_path / "trace")
    events = tracefile.events(tmp_path / "trace")
    last = next(n for n, e in enumerate(events) if e.flags.get("case") == 4)
    lines = shown.splitlines()
    for event, line in zip(events[last + 1 - len(lines):last + 1], lines, strict=True):
        kind, pid, rest = re.match(r"\[ *\d+\.\d{6}\] (\S+) pid=(\d+) (.*)", line).groups()
        flags = [f"{name}={value}" if name == "case" else name for name, value in event.flags.items() if value]
        assert (event.kind, event.pid) == (kind, int(pid))
        assert rest.startswith(" ".join(flags)) and all(f" {name}=" in f" {rest}" for name in event.fields if name != "text")


# Ports -----------------------------------------------------------------------------------------------

def test_ports_bring_the_same(tmp_path):
    """By the second UART the same events; by the same port the same file."""
    paths = [tmp_path / name for name in ("virtio", "again", "uart")]
    runs = [boot(["run matmul 48", "trace"], "frames=16 log=boot trace=all,-sched", screen=False, trace=path,
                 trace_uart=path.name == "uart") for path in paths]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert " port=com2 " in runs[2].output("trace") and " port=virtio " in runs[0].output("trace")
    assert "trace-port name=com2 at=0x2f8" in runs[2].boot_log
    virtio, uart = ([e.key() for e in tracefile.events(path)] for path in (paths[0], paths[2]))
    assert virtio == uart and len(virtio) > 1000
    assert all(seen(run) == seen(runs[0]) and seen(run)[1] == 0 for run in runs)


def test_a_port_that_is_stuck(tmp_path):
    """Nobody reads: what finds no room is lost, and counted, and the header of the next chunk says how many."""
    path = str(tmp_path / "socket")
    extra = ("-chardev", f"socket,id=trace0,path={path},server=on,wait=on", "-device", "virtio-serial-pci",
             "-device", "virtserialport,chardev=trace0,nr=1")
    with qemu.Guest(append="frames=16 log=quiet trace=default tracekb=64", icount=False, extra=extra) as g:
        reader = socket.socket(socket.AF_UNIX)
        for _ in range(1000):
            try:
                reader.connect(path)
                break
            except OSError:
                time.sleep(0.01)
        g.expect(qemu.PROMPT)
        g.command("run matmul 128")
        lost = int(re.search(r" lost=(\d+)$", g.command("trace"), re.MULTILINE)[1])
        assert lost > 10000
        data = []
        thread = threading.Thread(target=lambda: data.extend(iter(lambda: reader.recv(1 << 16), b"")))
        thread.start()
        g.command("wait 100")
        g.send("quit")
        assert g.wait().ok
        thread.join()
    (tmp_path / "trace").write_bytes(b"".join(data))
    chunks = tracefile.chunks(tmp_path / "trace")
    assert chunks[0].sequence == 0 and chunks[-1].lost == lost
    raw = [e for c in chunks for e in c.raw]
    pgfault = int(re.search(r" pgfault=(\d+) ", g.log)[1])
    assert len(of_kind(raw, "fault")) < pgfault
    assert len(raw) + lost == sum(int(n) for n in re.findall(r"^  [a-z-]+ +(\d+)$", g.log, re.MULTILINE))


def test_a_panic_brings_what_is_there(tmp_path):
    run = boot(["run hello", "trace", "provoke null"], "log=quiet trace=all", screen=False, trace=tmp_path / "trace")
    assert run.rc == qemu.FAILED and "PANIC: page fault in the kernel" in run.log
    traced = tracefile.totals(tracefile.raw_events(tmp_path / "trace"))
    assert seen(run)[0] == {name: traced[name] for name, _, _ in tracefile.KINDS if traced[name]}
    assert traced["exit"] == 1


# The command -----------------------------------------------------------------------------------------

SHOWN = re.compile(r"\[ *\d+\.\d{6}\] (\S+) pid=(\d+) .*")


def test_flight_recorder_and_filters():
    """Without a port the last events stay, and the others are counted as lost."""
    ring = 2 * 511
    run = boot(["trace", "run hello", "trace show 3", "trace show 99999", "trace reset", "trace", "trace off fault",
                "trace on sched", "run hello", "trace show", "trace reset", "trace on default", "trace pid 4",
                "run hello & matmul 32 & hello", "trace", "trace pid all", "run matmul 32", "trace", "trace show 99999"],
               "frames=16 log=quiet trace=fault,proc tracekb=32", screen=False)
    assert run.output("trace") == ("trace: +proc +fault -evict -swap -sys -explain -move -alloc -map -tlb -sched -ref\n"
                                   "trace: pid=all ring=32K port=none chunks-sent=0 lost=0\n")
    every = run.output("trace show 99999").splitlines()
    assert run.output("trace show 3").splitlines() == every[-3:]
    names = [SHOWN.fullmatch(line)[1] for line in every]
    assert set(names) == {"start", "fault", "exit"} and names[-1] == "exit" and every[-1].endswith(" exit pid=1 status=0")
    assert seen(run, 1) == ({}, 0)
    assert {SHOWN.fullmatch(line)[1] for line in run.output("trace show").splitlines()} == {"start", "switch", "exit"}
    of_pid, lost = seen(run, 2)
    pids = re.findall(r"^ +(\d+) +(matmul|hello) +ok +(\d+) +(\d+) ", run.output("run hello & matmul 32 & hello"), re.MULTILINE)
    row, = (row for row in pids if row[0] == "4")
    assert row[1] == "matmul" and of_pid["fault"] == int(row[2]) + int(row[3]) and of_pid["exit"] == 1
    everybody, lost = seen(run, 3)
    assert sum(everybody.values()) > ring and 0 < lost < sum(everybody.values())
    assert lost + len(run.output("trace show 99999", 1).splitlines()) == sum(everybody.values())


# Cost ------------------------------------------------------------------------------------------------

BENCH = re.compile(r"^bench (?:name=(\S+) median=(\d+) |checksums=(on|off) )", re.MULTILINE)


def test_the_ring_leaves_the_reserve():
    """Tracing begins when programs have all of memory: what the kernel needs to go on stays."""
    run = boot(["run eat 2200 &", "vmstat 1 300", "trace on", "pager", "trace"], "frames=all log=quiet swaplat=2000 tracekb=2048",
               mem="16M")
    reserve, free = map(int, re.match(r"machine: min=(\d+) .* free=(\d+) frames", run.output("pager")).groups())
    assert free >= reserve and int(re.search(r" ring=(\d+)K ", run.output("trace"))[1]) > 0


def costs(run):
    """=> {(checksums, name): ticks}, of faults"""
    found, checksums = {}, None
    for name, ticks, switch in BENCH.findall(run.output("bench")):
        checksums = switch or checksums
        if name.startswith("fault-"):
            found[checksums, name] = int(ticks)
    return found


def test_off_it_costs_hardly_anything():
    """Compiled in, but off: at most 2 % of any fault, against a kernel without tracepoints."""
    if not (ROOT / UNTRACED).exists():
        pytest.fail(f"{UNTRACED} is missing: run make {UNTRACED} first")
    runs = [boot(["bench", "trace on"], "log=quiet", screen=False, kernel=kernel) for kernel in (qemu.KERNEL, UNTRACED)]
    traced, untraced = map(costs, runs)
    assert len(traced) == 16 and traced.keys() == untraced.keys()
    for name, ticks in traced.items():
        assert ticks <= 1.02 * untraced[name], (name, ticks, untraced[name])
    assert runs[0].output("trace on") == ""
    assert runs[1].output("trace on") == "trace: this kernel was built without tracepoints (TRACEPOINTS=0)\n"
