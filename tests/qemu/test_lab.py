# SPDX-License-Identifier: MIT
"""Properties that the laboratory must have on the real MMU: of exact mode for whole programs, of OPT and LRU, of what
the log explains, and of the figures in docs/comparison.md."""
import array
import random
import re
import subprocess
import sys

import pytest
from scenario import ROOT, boot
from test_labs import run as execute
from test_labs import says, sessions

sys.path.insert(0, str(ROOT / "tools"))
import comparison  # noqa: E402
import lab  # noqa: E402
import traces  # noqa: E402

HEADER_BYTES = 64  # lib/reftrace.h
SCAN = "scan 12 3"


def strings(output):
    """=> [(page, written)] of the kernel's text, as reftrace prints it"""
    text = re.search(r"^reftrace begin name=\w+\n(.*?)^reftrace end", output, re.MULTILINE | re.DOTALL)[1]
    return [(int(word.rstrip("w"), 16), word.endswith("w")) for word in text.split()]


def renumbered(references):
    """Pages by the order of their first reference, as in a trace module."""
    numbers = {}
    return [(numbers.setdefault(page, len(numbers)), written) for page, written in references]


def read_module(path):
    words = array.array("I")
    words.frombytes(path.read_bytes()[HEADER_BYTES:])
    return [(word >> 1, bool(word & 1)) for word in words[:lab.info(path)["entries"]]]


@pytest.fixture(scope="module")
def recorded():
    """The string of one program, recorded twice."""
    return boot([f"exact run {SCAN}", "reftrace", f"exact run {SCAN}", "reftrace"], "frames=all log=quiet", icount=True)


def test_the_string_is_the_same_twice(recorded):
    first, second = (strings(recorded.output("reftrace", nth)) for nth in (0, 1))
    assert len(first) > 500 and first == second
    assert re.search(rf"^exact references={len(first)} lost=0$", recorded.log, re.MULTILINE)
    assert all(a[0] != b[0] for a, b in zip(first, first[1:])), "references to one page in a row are one"


def test_the_string_has_the_pages_that_the_program_has(recorded):
    """Nothing is evicted: what was referenced came in, each page once."""
    pages = {page for page, _ in strings(recorded.output("reftrace"))}
    run = boot([f"with frames=200 exact run {SCAN}"], "frames=64 log=quiet", icount=True)
    inserted = re.search(r"^pool name=scan\S* .* insertions=(\d+) evictions=0 ", run.log, re.MULTILINE)
    assert inserted and len(pages) == int(inserted[1])


def test_the_string_shows_the_programs_loop(recorded):
    """It writes the twelve pages in order, and each of three rounds reads them; the rest is code and stack."""
    references = strings(recorded.output("reftrace"))
    string, written = [page for page, _ in references], {page for page, written in references if written}
    area, = (start for start in written if set(range(start, start + 12)) <= written)
    order = [page - area for page in string if area <= page < area + 12]
    order = [page for at, page in enumerate(order) if at == 0 or order[at - 1] != page]
    assert order == list(range(12)) * 4


def test_text_and_memory_agree(recorded, tmp_path):
    """What the serial line shows, and what is read out of the machine's memory."""
    out = lab.capture(SCAN, tmp_path / "scan.flt", "128M", 120)
    assert read_module(out) == renumbered(strings(recorded.output("reftrace")))
    assert lab.info(out)["refs"] == len(read_module(out))


def test_nobody_else_is_recorded():
    run = boot(["with policy=lru frames=20 exact run scan 12 2000000 &", "exact run hello", "kill 1", "wait", "exact run hello"],
               "frames=all log=quiet", screen=False)
    assert run.output("exact run hello") == ("exact: the references of pid 1 would be recorded, too: expected that it has ended "
                                             "(wait, kill 1)\n")
    assert "\nexact references=" in run.output("exact run hello", 1)


def test_a_program_marks_a_region():
    """With its third argument scan asks for exact mode, for its pages only: then each of its reads faults, and not one
    reference beside. The first touches fault anyway."""
    pages, rounds = 20, 5
    run = boot([f"run scan {pages} {rounds}", f"run scan {pages} {rounds} 1", "check"], "frames=64 log=quiet")
    assert run.statuses() == [("scan", "ok")] * 2
    plain, marked = (s["pgfault"] for s in run.summaries())
    assert marked - plain == pages * rounds


def test_a_marked_region_under_pressure():
    """Its pages go and come back, and all is still right."""
    run = boot(["run scan 40 5 1 & stamp 30 3", "check"], "frames=24 log=quiet check=100")
    assert sorted(run.statuses()) == [("scan", "ok"), ("stamp", "ok")]
    assert run.output("check").endswith("check: ok\n")
    assert {row["name"]: row["major"] for row in run.rows()}["scan"] >= 40 * 4


def make(*words):
    return subprocess.run(["make", "-s", *words], cwd=ROOT, capture_output=True, text=True)


def test_compare_has_nobody_beat_opt():
    done = make("compare", "RUN=hashjoin 1000", "FRAMES=40%,70%")
    assert done.returncode == 0, done.stderr
    tables = re.split(r"^(\d+) frames .*\n", done.stdout, flags=re.MULTILINE)[1:]
    assert len(tables) == 4
    policies = set(lab.policies_of("all")) - set(lab.NEED_EXACT)
    for text in tables[1::2]:
        rows = {name: (int(faults), float(percent)) for name, faults, percent in
                re.findall(r"^(OPT|LRU, exact|[\w-]+) +(\d+) +(\d+\.\d)", text, re.MULTILINE)}
        assert set(rows) == policies | {"OPT", "LRU, exact"}
        assert all(faults >= rows["OPT"][0] and percent >= 100 for faults, percent in rows.values())
        assert len({faults for faults, _ in rows.values()}) > 3  # it is not that all are equal


@pytest.mark.parametrize("seed", range(3))
def test_more_frames_never_hurt_lru_and_opt(tmp_path, seed):
    """The stack property: what n frames hold, n + 1 hold. LRU's counts are those of its stack distances."""
    rng = random.Random(seed)
    string = [rng.choice((rng.randrange(12), rng.randrange(4))) for _ in range(400)]
    trace = tmp_path / "string.txt"
    trace.write_text("".join(f"{page}\n" for page in string))
    frames = range(1, 9)
    lines = lab.replay_lines(trace, ["lru", "opt", "clock", "gip"], list(frames), exact=True, accessed="a1")
    faults = {policy: [v["faults"] for v in lines if v["policy"] == policy] for policy in ("lru", "opt", "clock", "gip")}
    assert faults["lru"] == [stack_faults(string, n) for n in frames]
    assert all(more <= less for p in ("lru", "opt") for less, more in zip(faults[p], faults[p][1:]))
    assert all(best <= other for p in faults for best, other in zip(faults["opt"], faults[p]))


def stack_faults(string, frames):
    """Mattson's stack: a reference to a page that is deeper than `frames` is a fault."""
    stack, faults = [], 0
    for page in string:
        faults += page not in stack[:frames] and (not stack or page != stack[0])
        stack = [page] + [other for other in stack if other != page]
    return faults


@pytest.mark.parametrize("policy", ["fifo", "clock", "lru-sampled", "aging", "twoq", "arc", "gip"])
def test_explain_names_the_victim(policy):
    """Each explanation is followed by the eviction that it explains; the runner-up is somebody else."""
    run = boot(["run stamp 40 2"], f"frames=24 policy={policy} log=evict,explain", icount=True)
    lines = re.findall(r"\] ((?:explain|evict) .*)$", run.log, re.MULTILINE)
    explained = [lab.values(line) for line in lines if line.startswith("explain ")]
    evicted = [lab.values(line) for line in lines if line.startswith("evict ")]
    assert [line.split()[0] for line in lines] == ["explain", "evict"] * len(evicted) and len(evicted) > 50
    for why, went, line in zip(explained, evicted, lines[1::2]):
        assert why["policy"] == went["policy"] == policy and why["frame"] == went["frame"]
        assert (" dirty " if why["dirty"] else " clean ") in line
        owner, page = (int(part, 16) for part in why["victim"].split(":"))
        if owner < 0x40000000:  # a process's own page; others are named by object and page
            assert owner == went["pid"] and page == int(went["va"], 16) >> 12
        assert why["runner-up"] != why["victim"]


# docs/comparison.md ---------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def kept():
    return comparison.from_text(comparison.COUNTS.read_text())


@pytest.mark.parametrize("mode", list(comparison.MODES))
def test_the_comparisons_counts_are_measured(tmp_path, kept, mode):
    """One trace and three policies again."""
    trace, policies = "matrices", ["fifo", "clock", "gip"]
    path = tmp_path / f"{trace}.txt"
    traces.write(path, trace, traces.SYNTHETIC[trace](random.Random(trace)))
    again = comparison.measure(path, "synthetic", mode, policies)
    rows = [row._replace(faults={p: row.faults[p] for p in policies})
            for row in kept if (row.trace, row.mode) == (trace, mode)]
    assert len(rows) == 4 and again == rows


def test_the_comparison_is_complete(kept):
    """Every trace, mode and policy; and nobody beats OPT."""
    names = [comparison.name_of(*work) for work in comparison.suite(ROOT)]
    assert len(names) == len(set(names)) == 21
    assert {(row.trace, row.mode) for row in kept} == {(name, mode) for name in names for mode in comparison.MODES}
    for row in kept:
        needed = set(lab.policies_of("all")) - (set() if row.mode == "exact" else set(lab.NEED_EXACT))
        assert set(row.faults) == needed
        assert all(row.opt <= faults <= row.refs for faults in row.faults.values())
        assert row.mode != "exact" or row.faults["opt"] == row.opt


def test_the_page_shows_the_counts(kept):
    page = comparison.DOC.read_text()
    assert comparison.in_page(page, comparison.tables(kept)) == page
    for policy in lab.policies_of("all"):
        assert f"| `{policy}` |" in page


# README ---------------------------------------------------------------------------------------------

def test_the_readme_shows_what_is_printed():
    """What does not depend on the compiler: the simulator and the replay."""
    shown = [(command, text) for command, text in sessions((ROOT / "README.md").read_text())
             if command.startswith(("make sim", "make replay"))]
    assert len(shown) == 2
    make("all", "build/sim", "traces")  # or they would show how they are built
    for command, text in shown:
        assert says(execute(ROOT, command), text), command
