# SPDX-License-Identifier: MIT
"""Contiguous partitions: programs that check a pattern in theirs without pause, while compaction moves its frames; what
the commands say, and what they say to nonsense."""
import re

import pytest
from scenario import boot, programs

LONGEST = {1: 5000, 8: 20000, 64: 120000}  # ticks (instructions) of a step by its budget, with room to spare


def compactions(text):
    return [{key: int(value) for key, value in re.findall(r"(budget|steps|moved|longest-step)=(\d+)", line)}
            for line in re.findall(r"contig: compact (budget=.*)$", text, re.MULTILINE)]


def figures(text):
    return {key: value for key, value in re.findall(r"([\w-]+)=([\w.%-]+)", "\n".join(
        line for line in text.splitlines() if line.startswith("contig: ")))}


def tenants(text):
    """=> {name: {key: number}} of the lines of contig status"""
    return {line.split()[1]: {key: int(value, 0) for key, value in re.findall(r"(\w+)=(0x[0-9a-f]+|\d+)", line)}
            for line in re.findall(r"^[A-Z] \S+ +at=.*$", text, re.MULTILINE)}


def contig(*commands, append="log=quiet", **options):
    return programs([f"contig {c}" if c.split()[0] not in ("wait", "check", "run", "vmstat") else c for c in commands],
                    append, icount=True, screen=False, **options)


@pytest.mark.parametrize("budget", [1, 8, 64])
def test_a_program_does_not_notice(budget):
    """More than a thousand frames move, in steps, under two programs that check every word all the while."""
    run = contig("init 8192 best", "alloc hole 64", "alloc big 4400", "alloc small 100 buddy", "wait 30", "free hole",
                 "write big 4000 hello", f"compact step {budget}", "status", "check", "read big 4000 5", "free big",
                 "free small", "status", "reset")
    assert run.rc == 0, run.result.tail()
    done = compactions(run.log)[0]
    moved = 4400 // 4 + 128 // 4
    assert (done["budget"], done["moved"], done["steps"]) == (budget, moved, -(-moved // budget))
    assert budget > 1 or done["steps"] > 1000
    assert done["longest-step"] < LONGEST[budget]
    there = tenants(run.output("contig status"))
    assert there["big"]["at"] == 0 and there["small"]["at"] == 4400
    assert all(t["mismatches"] == 0 for t in there.values())
    for name in ("hole", "big", "small"):
        passes, wrong = re.search(r"passes=(\d+) mismatches=(\d+)", run.output(f"contig free {name}")).groups()
        assert int(wrong) == 0 and (int(passes) > 0 or name == "big")
    assert "    4000 hello\n" in run.output("contig read big 4000 5")
    assert run.log.count("check: ok\n") == 2


def test_nothing_hides_a_stale_translation():
    """With one program only, no switch of address spaces empties the TLB between its accesses."""
    run = contig("init 2048 best", "alloc hole 64", "alloc alone 800", "free hole", "wait 20", "compact step 4", "wait 20",
                 "free alone", "reset")
    assert run.rc == 0 and compactions(run.log)[0]["moved"] == 200, run.result.tail()
    assert re.search(r"passes=[1-9]\d* mismatches=0$", run.output("contig free alone"), re.MULTILINE)


FRAGMENTED = ("init 1024 best", "alloc a 300", "alloc b 200", "alloc c 300", "alloc d 200", "free a", "free c",
              "write d 100000 some-text", "write b 0 two-words")


def test_compaction_makes_the_allocation_succeed():
    run = contig(*FRAGMENTED, "auto off", "alloc e 500", "status", "auto on", "alloc e 500", "status",
                 "read d 100000 9", "read b 0 9", "free b", "free d", "reset", "vmstat")
    assert run.output("contig alloc e 500") == \
        "contig: no room for 500 KiB: 624 KiB are free, the largest hole has 300 KiB; contig compact makes one\n"
    before, after = figures(run.output("contig status")), figures(run.output("contig status", 1))
    assert (before["external"], before["holes"], before["largest-hole"]) == ("51.9%", "3", "300K")
    assert (after["external"], after["holes"], after["largest-hole"]) == ("0.0%", "1", "124K")
    assert before["for-fragmentation-only"] == "1" and after["for-fragmentation-only"] == "2"
    assert "e has 500 KiB in 125 frames" in run.output("contig alloc e 500", 1)
    assert " some-text\n" in run.output("contig read d 100000 9") and " two-words\n" in run.output("contig read b 0 9")
    assert all("mismatches=0" in run.output(f"contig free {name}") for name in "abcd"[0:4:2] + "bd")
    assert run.vmstat()["pgmigrate_success"] == compactions(run.log)[0]["moved"] == 100


@pytest.mark.parametrize("strategy,at", [("first", 0), ("best", 32), ("worst", 44), ("next", 44), ("last", 60)])
def test_strategies_choose_their_holes(strategy, at):
    """Holes of 8K at 0, 4K at 32K, and 20K from 44K to the end."""
    run = contig(f"init 64 {'next' if strategy == 'next' else 'first'}", "alloc a 8", "alloc b 24", "alloc c 4", "alloc d 8", "free a", "free c",
                 *([f"strategy {strategy}"] if strategy != "next" else []), "alloc x 4", "status", "reset")
    assert tenants(run.output("contig status"))["x"]["at"] == at


def test_status_draws_the_blocks():
    run = contig("init 256 first", "alloc a 64", "alloc b 32", "alloc c 20 buddy", "free b", "status", "reset")
    text = run.output("contig status")
    assert re.search(r"^ +0K \|A{16}\.{8}B{8}\.{32}\|$", text, re.MULTILINE)
    assert figures(text) | {"total": "256K", "used": "96K", "free": "160K", "blocks": "2", "internal": "12.5%",
                            "success": "100.0%", "operations": "4"} == figures(text)
    there = tenants(text)
    assert (there["c"]["size"], there["c"]["asked"]) == (32, 20)


NONSENSE = {
    "contig": "contig: which command?; expected one of:\n",
    "contig frob": "contig: unknown command; expected one of:\n",
    "contig init": "contig: expected: contig init KIB [STRATEGY]\n",
    "contig init 0": "contig: size=0: expected a number of KiB from 1 to ",
    "contig init lots": "contig: size=lots: expected a number of KiB from 1 to ",
    "contig init 60000": "contig: no run of 15000 adjoining frames can be made free; ",
    "contig init 64 good": "contig: strategy good: expected one of first last next best worst instant\n",
    "contig init 64": "contig: there is an arena of 128 KiB already; contig reset ends it\n",
    "contig alloc x 0": "contig: size=0: expected a number of KiB from 1 to 128\n",
    "contig alloc x 129": "contig: size=129: expected a number of KiB from 1 to 128\n",
    "contig alloc x 4 body": "contig: alloc: body: expected buddy, or nothing\n",
    "contig alloc a 4": "contig: there is a partition a already\n",
    "contig alloc abcdefghijklmnop 4": "contig: name abcdefghijklmnop: expected at most 15 characters\n",
    "contig alloc x 100": "contig: no room for 100 KiB: 96 KiB are free, the largest hole has 96 KiB\n",
    "contig alloc x": "contig: expected: contig alloc NAME KIB [buddy]\n",
    "contig free nobody": "contig: no partition nobody; contig status lists them\n",
    "contig write nobody 0 text": "contig: no partition nobody; contig status lists them\n",
    "contig write a x text": "contig: offset x: expected a number of bytes from 0 on\n",
    "contig write a 32765 text": "contig: 4 bytes at offset 32765: a has 32768 bytes\n",
    "contig read a 0 0": "contig: length 0: expected a number of bytes from 1 on\n",
    "contig read a 32768 1": "contig: 1 bytes at offset 32768: a has 32768 bytes\n",
    "contig read a 4294967295 4294967295": "contig: 4294967295 bytes at offset 4294967295: a has 32768 bytes\n",
    "contig read nobody 0 1": "contig: no partition nobody; contig status lists them\n",
    "contig compact step": "contig: expected step N, with N frames from 1 on\n",
    "contig compact step 0": "contig: expected step N, with N frames from 1 on\n",
    "contig compact all": "contig: expected step N, with N frames from 1 on\n",
    "contig auto": "contig: expected: contig auto on|off|step N\n",
    "contig auto maybe": "contig: expected on, off, or step N, with N frames from 1 on\n",
    "contig status please": "contig: expected: contig status\n",
}
NEED_AN_ARENA = ("alloc a 4", "free a", "write a 0 text", "read a 0 1", "compact", "status", "reset")


def test_nonsense():
    first = ("contig init 60000", "contig init 64 good", "contig init 0", "contig init lots")
    wrong = [*first, "contig init 128", "contig alloc a 32", *(c for c in NONSENSE if c not in first), "contig reset",
             *(f"contig {c}" for c in NEED_AN_ARENA)]
    run = boot([*wrong, "check"], "log=quiet", screen=False)
    for command, said in NONSENSE.items():
        assert run.output(command).startswith(said), command
    for command in NEED_AN_ARENA:
        assert run.output(f"contig {command}", -1) == \
            "contig: there is no arena; contig init KIB makes one\n", command
    assert run.output("check") == "check: ok\n" and run.rc != 0
    assert f"quit: {len(NONSENSE) + len(NEED_AN_ARENA)} failures" in run.log


def test_a_tenant_without_a_partition():
    run = boot(["run tenant"], "log=quiet", screen=False)
    assert "tenant: FAILED it needs a partition: the monitor's `contig alloc` starts it\n" in run.output("run tenant")
    assert run.statuses() == [("tenant", "exit 1")]


def test_a_tenant_that_is_killed_leaves_its_frames():
    run = contig("init 256 best", "alloc a 64", "alloc b 64", "wait 20", "status", "reset")
    pid = tenants(run.output("contig status"))["a"]["pid"]
    run = programs(["contig init 256 best", "contig alloc a 64", "contig alloc b 64", "wait 20", f"kill {pid}", "wait 20",
                    "contig status", "contig free a", "contig alloc a 64", "contig reset"], "log=quiet", icount=True,
                   screen=False)
    assert set(tenants(run.output("contig status"))) == {"b"}
    assert run.output("contig free a") == "contig: no partition a; contig status lists them\n"
    assert "a has 64 KiB" in run.output("contig alloc a 64", 1)  # there is room again
    assert "contig: the arena is gone" in run.output("contig reset")


def test_an_arena_where_pages_are():
    """A run of frames that is not free is made free: the pages in it move."""
    run = programs(["run holes 1900 2 300 &", "wait 50", "contig init 3000", "contig alloc a 2000", "wait 50",
                    "contig free a", "contig reset", "wait"], "frames=all swapmb=1 log=quiet", icount=True, mem="16M",
                   screen=False)
    assert run.rc == 0, run.result.tail()
    assert int(re.search(r"; (\d+) pages had to move", run.output("contig init 3000"))[1]) > 100
    assert "holes: ok" in run.log and "mismatches=0" in run.output("contig free a")


def test_partitions_stay_while_others_thrash():
    run = contig("init 512 worst", "alloc a 100", "alloc b 100 buddy", "run matmul & stamp 200 2", "status", "check",
                 "free a", "free b", "reset", append="log=quiet frames=64")
    assert run.rc == 0, run.result.tail()
    assert all(t["mismatches"] == 0 and t["passes"] > 0 for t in tenants(run.output("contig status")).values())


def test_the_log_tells_when_and_what():
    run = contig("init 64", "alloc a 16", "alloc b 16", "free a", "write b 0 x", "read b 0 1", "compact", "status", "reset",
                 append="log=all frames=64")
    told = [m.split()[0] for m in re.findall(r"^\[ *\d+\.\d{6}\] (contig-.*)$", run.log, re.MULTILINE)]
    assert [t for t in told if t != "contig-move"] == \
        ["contig-init", "contig-alloc", "contig-alloc", "contig-free", "contig-write", "contig-read", "contig-compact",
         "contig-status", "contig-free", "contig-reset"]
    assert told.count("contig-move") == 4


def test_two_runs_are_alike():
    words = ("init 1024", "alloc a 300", "alloc b 200", "free a", "compact step 8", "status", "reset")
    once, again = contig(*words, append=""), contig(*words, append="")
    assert once.rc == 0 and once.log == again.log
