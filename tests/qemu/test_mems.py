# SPDX-License-Identifier: MIT
"""MeMS: what it prints on Faultline and on Linux, the frames behind its pages, and random operations, in the kernel
and as a program of this machine with sanitizers."""
import random
import re
import subprocess

import logmodel
import pytest
from scenario import ROOT, on_linux, printed_by_programs, programs
from tools import qemu

HOST = "build/host64/mems"
PAGE, START = 4096, 1000

FULL = """\
MAIN[1000:5095]-> P[1000:1999] <-> P[2000:2999] <-> P[3000:3999] <-> P[4000:4999] <-> H[5000:5095] <-> NULL
MAIN[5096:9191]-> P[5096:6095] <-> P[6096:7095] <-> P[7096:8095] <-> P[8096:9095] <-> H[9096:9191] <-> NULL
MAIN[9192:13287]-> P[9192:10191] <-> P[10192:11191] <-> H[11192:13287] <-> NULL
Pages used:\t3
Space unused:\t2288
Main Chain Length:\t3
Sub-chain Length array: [5, 5, 3, ]
"""
FREED = FULL.replace("P[4000:4999] <-> H[5000:5095]", "H[4000:5095]").replace("2288", "3288").replace("[5, 5", "[4, 5")
BEHIND = re.compile(r"^PAGE\[(\d+):(\d+)\]-> (0x[0-9a-f]+), (?:frame (0x[0-9a-f]+)|swapped to slot (\d+)|(no frame))$",
                    re.MULTILINE)


def portable(text):
    """Without what differs from machine to machine: where memory is."""
    return re.sub(r"0x[0-9a-f]{5,}", "ADDRESS", re.sub(r", (frame 0x\w+|frame hidden|swapped to slot \d+)$", ", there",
                                                       text, flags=re.MULTILINE))


def both(*words, append="frames=64 log=quiet"):
    """Runs mems with these arguments, there and here. => what it printed, the same on both"""
    command = " ".join(["run mems", *words])
    run = programs([command], append)
    ours = printed_by_programs(run.output(command))
    assert portable(ours) == portable(on_linux("mems", *words).stdout)
    return ours, run


def test_ten_blocks_of_250_integers():
    printed, run = both()
    assert run.rc == qemu.OK and run.statuses() == [("mems", "ok")]
    assert re.findall(r"^\d+$", printed, re.MULTILINE) == "1000 2000 3000 4000 5096 6096 7096 8096 9192 10192".split()
    _, *stats = printed.split("----- MeMS SYSTEM STATS -----\n")
    for shown, expected in zip(stats, (FULL, FREED, FULL), strict=True):
        assert shown.startswith(expected + "PAGE[")
        pages = BEHIND.findall(shown)
        assert [(int(first), int(last)) for first, last, *_ in pages] == [(1000, 5095), (5096, 9191), (9192, 13287)]
    frames = [[page[3] for page in BEHIND.findall(text)] for text in stats]
    assert frames[0][0] and frames[0][1:] == ["", ""]  # only the first page has been touched
    assert len(set(frames[1])) == 3 and all(frames[1]) and frames[1] == frames[2]


def verify_frames(log):
    """Holds every page that mems printed against what faults and evictions made of it. What was printed was read at
    some time since the line before it that says what comes. => {what was behind pages: how often}"""
    model, since, seen = logmodel.Model(), [], {"frame": 0, "slot": 0, "nothing": 0}
    for line in log.splitlines():
        model.line(line)
        if line.startswith("Sub-chain Length array"):
            since = []
        since.append((dict(model.resident), dict(model.swapped)))
        page = BEHIND.fullmatch(line)
        if not page:
            continue
        key = 1, int(page[3], 16)
        pid_page = {(resident.get(key), swapped.get(key) if key not in resident else None) for resident, swapped in since}
        shown = (int(page[4], 16) if page[4] else None, int(page[5]) if page[5] else None)
        assert shown in pid_page, f"{line}\nwas {pid_page}"
        seen["frame" if page[4] else "slot" if page[5] else "nothing"] += 1
    return seen


TOUCHED = [f"touch {START + i * PAGE}" for i in (0, 1, 2, 3, 5, 6, 7, 8, 9, 11)]


@pytest.mark.parametrize("append, swapped", [("frames=all", False), ("frames=13", True), ("frames=14 policy=fifo", True),
                                             ("frames=12 swap=zram", True)])
def test_frames_are_those_of_the_page_table(append, swapped):
    """The log says where each page went; what the program reads of its own page table must be the same."""
    command = f"run mems do init malloc {12 * PAGE} {' '.join(TOUCHED)} stats stats"
    run = programs([command], append)
    assert run.statuses() == [("mems", "ok")]
    assert len(BEHIND.findall(run.output(command))) == 2 * 12
    seen = verify_frames(run.log)
    assert seen["nothing"] == 4 and (seen["slot"] > 2) == swapped and seen["frame"] > 0
    assert swapped or seen["frame"] == 2 * 10


def test_verify_frames_can_fail():
    run = programs(["run mems do init malloc 1 touch 1000 stats"], "frames=all")
    assert verify_frames(run.log)["frame"] == 1
    frame = int(BEHIND.search(run.log)[4], 16)
    with pytest.raises(AssertionError):
        verify_frames(run.log.replace(f", frame {frame:#x}", f", frame {frame + 1:#x}"))
    with pytest.raises(AssertionError):
        verify_frames(run.log.replace(f", frame {frame:#x}", ", no frame"))


ERRORS = {
    "malloc 1 free 1000 get 1000 finish": """\
malloc 1: mems_init was not called
free 1000: mems_init was not called
get 1000: mems_init was not called
finish: mems_init was not called
""",
    "init init malloc 0 malloc 4294967295 malloc 4294000000 malloc 1 check": """\
init: done
init: mems_init was called already
malloc 0: 0 bytes: expected at least 1
malloc 4294967295: too many bytes
malloc 4294000000: no memory for so many bytes
malloc 1: 1000
check: ok
""",
    "init malloc 10 malloc 20 free 1010 free 1010 free 1009 free 0 free 5096 free 5095 free 1000 stats check": """\
init: done
malloc 10: 1000
malloc 20: 1010
free 1010: done
free 1010: nothing is allocated there
free 1009: an allocation starts before this address, and goes on behind it
free 0: no span has this address
free 5096: no span has this address
free 5095: nothing is allocated there
free 1000: done
----- MeMS SYSTEM STATS -----
MAIN[1000:5095]-> H[1000:5095] <-> NULL
Pages used:\t1
Space unused:\t4096
Main Chain Length:\t1
Sub-chain Length array: [1, ]
PAGE[1000:5095]-> ADDRESS, no frame
-----------------------------
check: ok
""",
    "init malloc 4097 get 999 get 1000 get 5096 get 5097 get 9192 get 4294967295 touch 5096 touch 5097 stats": """\
init: done
malloc 4097: 1000
get 999: nothing is allocated there
get 1000: ADDRESS
get 5096: ADDRESS
get 5097: nothing is allocated there
get 9192: nothing is allocated there
get 4294967295: nothing is allocated there
touch 5096: done
touch 5097: nothing is allocated there
----- MeMS SYSTEM STATS -----
MAIN[1000:9191]-> P[1000:5096] <-> H[5097:9191] <-> NULL
Pages used:\t2
Space unused:\t4095
Main Chain Length:\t1
Sub-chain Length array: [2, ]
PAGE[1000:5095]-> ADDRESS, no frame
PAGE[5096:9191]-> ADDRESS, there
-----------------------------
""",
    "init malloc 9 finish malloc 1 init malloc 4096 malloc 1 finish stats": """\
init: done
malloc 9: 1000
finish: done
malloc 1: mems_init was not called
init: done
malloc 4096: 1000
malloc 1: 5096
finish: done
----- MeMS SYSTEM STATS -----
Pages used:\t0
Space unused:\t0
Main Chain Length:\t0
Sub-chain Length array: []
-----------------------------
""",
}


def test_errors():
    for words, expected in ERRORS.items():
        assert portable(on_linux("mems", "do", *words.split()).stdout) == expected
    commands = [f"run mems do {words}" for words in ERRORS]
    run = programs(commands, "frames=64 log=quiet")
    for command, expected in zip(commands, ERRORS.values()):
        assert portable(printed_by_programs(run.output(command))) == expected


@pytest.mark.parametrize("words", ["nonsense", "do malloc", "do malloc x", "do stat", "stress 0", "stress 100000001",
                                   "stress 1 2 3", "stress x"])
def test_usage(words):
    result = on_linux("mems", *words.split())
    assert result.returncode == 2
    assert result.stdout.startswith("usage: mems [do {init | malloc BYTES | ") and "1..100000000" in result.stdout


@pytest.mark.parametrize("append", ["frames=24", "frames=64 policy=fifo pager=on", "frames=all"])
def test_random_operations_here(append):
    printed, run = both("stress", "20000", "3", append=f"{append} log=quiet")
    assert printed.startswith("mems: ok operations=20000 seed=3 ")
    assert ("all" in append) == (run.summaries()[0]["pswpin"] == 0)


# ---- as a program of this machine ----

@pytest.fixture(scope="module")
def host():
    subprocess.run(["make", "-s", HOST], cwd=ROOT, check=True, stdin=subprocess.DEVNULL)

    def run(*words):
        return subprocess.run([ROOT / HOST, *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=120)
    return run


def test_a_million_random_operations(host):
    """Under ASan and UBSan, with all looked at after every thousand; the sum of the addresses is the i386 program's."""
    result = host("stress", 1000000, 5)
    assert result.returncode == 0 and result.stdout.startswith("mems: ok operations=1000000 seed=5 "), result.stdout
    assert result.stdout == on_linux("mems", "stress", "1000000", "5").stdout


class Spans:
    """MeMS in a few lines: spans of segments, all walked from the start."""

    def __init__(self):
        self.spans = []  # of [start, size, process]

    def malloc(self, size):
        for span in self.spans:
            for i, (start, room, process) in enumerate(span):
                if not process and room >= size:
                    span[i:i + 1] = [[start, size, True], [start + size, room - size, False]][:1 + (room > size)]
                    return str(start)
        end = self.spans[-1][-1][0] + self.spans[-1][-1][1] if self.spans else START
        self.spans.append([[end, -(-size // PAGE) * PAGE, False]])
        return self.malloc(size)

    def free(self, v):
        for span in self.spans:
            for i, (start, size, process) in enumerate(span):
                if start == v and process:
                    span[i][2] = False
                    if i + 1 < len(span) and not span[i + 1][2]:
                        span[i][1] += span.pop(i + 1)[1]
                    if i > 0 and not span[i - 1][2]:
                        span[i - 1][1] += span.pop(i)[1]
                    return "done"
                if start <= v < start + size:
                    return ("an allocation starts before this address, and goes on behind it" if process
                            else "nothing is allocated there")
        return "no span has this address"

    def text(self):
        lines = []
        for span in self.spans:
            segments = [f"{'P' if process else 'H'}[{start}:{start + size - 1}]" for start, size, process in span]
            lines.append(f"MAIN[{span[0][0]}:{span[-1][0] + span[-1][1] - 1}]-> {' <-> '.join(segments)} <-> NULL\n")
        pages = sum(segment[1] for span in self.spans for segment in span) // PAGE
        unused = sum(segment[1] for span in self.spans for segment in span if not segment[2])
        lengths = "".join(f"{len(span)}, " for span in self.spans)
        return "".join(lines) + (f"Pages used:\t{pages}\nSpace unused:\t{unused}\nMain Chain Length:\t{len(self.spans)}\n"
                                 f"Sub-chain Length array: [{lengths}]\n")


@pytest.mark.parametrize("seed", range(8))
def test_against_a_model(host, seed):
    """Every address that first fit gives, every answer, and every chain."""
    rng, model = random.Random(seed), Spans()
    words, expected, live = ["do", "init"], "init: done\n", []
    for step in range(3000):
        choice = rng.random()
        if choice < 0.55:
            size = rng.choice((rng.randint(1, 40), rng.randint(1, 40), rng.randint(1, 700), rng.randint(1, 9000)))
            at = model.malloc(size)
            live.append(int(at))
            words += ["malloc", size]
            expected += f"malloc {size}: {at}\n"
        else:
            v = live.pop(rng.randrange(len(live))) if live and choice < 0.97 else rng.randint(0, 20000)
            done = model.free(v)
            if done == "done" and v in live:
                live.remove(v)
            words += ["free", v]
            expected += f"free {v}: {done}\n"
        if step % 300 == 0:
            words += ["stats", "check"]
            expected += f"----- MeMS SYSTEM STATS -----\n{model.text()}-----------------------------\ncheck: ok\n"
    result = host(*words)
    assert result.returncode == 0
    lines = [line for line in result.stdout.splitlines() if not line.startswith("PAGE")]
    for line, want in zip(lines, expected.splitlines(), strict=True):
        assert line == want
