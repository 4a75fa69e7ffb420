# SPDX-License-Identifier: MIT
"""The heap of programs: every strategy on the real break, the same as on Linux; what it says to nonsense."""
import os
import re
import subprocess

import pytest
from scenario import BUILT_PROGRAMS, boot, on_linux, printed_by_programs, programs
from tools import qemu

STRATEGIES = ("first", "last", "next", "best", "worst", "instant")
WORKLOADS = ("uniform", "exponential", "ramp", "plateau", "sawtooth")
ROW = re.compile(r"^(\w+)(,buddy)? +\d+ +(\d+) +(\d+) +([\d.]+) +(\d+) +(\d+) +(\d+) +([\d.]+)% +([\d.]+)%$", re.MULTILINE)


def test_every_strategy():
    """Under fewer frames than it wants; what it prints does not depend on the system below it."""
    run = programs([f"run heap {w} ops=3000 seed={i}" for i, w in enumerate(WORKLOADS, 1)], "frames=64 log=quiet")
    assert run.rc == qemu.OK
    wins = 0
    for i, workload in enumerate(WORKLOADS, 1):
        text = printed_by_programs(run.output(f"run heap {workload} ops=3000 seed={i}"))
        assert text == on_linux("heap", workload, "ops=3000", f"seed={i}").stdout
        assert text.endswith("heap: ok strategies=12\n")
        rows = ROW.findall(text)
        assert [(row[0], bool(row[1])) for row in rows] == [(s, b) for b in (False, True) for s in STRATEGIES]
        live, heap = ({row[0]: int(row[i]) for row in rows if not row[1]} for i in (2, 3))
        assert len(set(live.values())) == 1  # all had the same to do
        assert all(heap[s] >= live[s] for s in STRATEGIES)
        wins += heap["worst"] > heap["best"]
        assert heap["worst"] >= heap["best"]
        internal = {(row[0], row[1]): float(row[9]) for row in rows}
        assert all(internal[s, ",buddy"] > internal[s, ""] for s in STRATEGIES)
    assert wins >= 3


def test_one_strategy_shows_its_blocks():
    """The blocks add up to the figures."""
    run = programs(["run heap next buddy ops=500 uniform"], "log=quiet")
    text = printed_by_programs(run.output("run heap next buddy ops=500 uniform"))
    blocks = [(kind, int(size), int(count or 1)) for kind, size, count in
              re.findall(r"\b([UH])(\d+)(?:\*(\d+))?(?=[ \n])", text)]
    figures = dict(re.findall(r"(\w+)=(\S+)", text.split("\nheap: strategy=")[1]))
    for kind, bytes_key, count_key in (("U", "used", "blocks"), ("H", "free", "holes")):
        assert sum(size * count for k, size, count in blocks if k == kind) == int(figures[bytes_key])
        assert sum(count for k, size, count in blocks if k == kind) == int(figures[count_key])
    assert max(size for kind, size, _ in blocks if kind == "H") == int(figures["largest"])
    assert all(kind == "H" or size & (size - 1) == 0 or size < 40 + 64 for kind, size, _ in blocks)
    assert text.endswith("heap: ok strategy=next,buddy\n")


BAD = {
    "ops=0": "heap: ops=0: expected a number from 1 to 100000000",
    "ops=": "heap: ops=: expected a number from 1 to 100000000",
    "seed=x": "heap: seed=x: expected a number from 1 to 4294967295",
    "bust": "heap: bust: no strategy, workload or option",
    "best first": "heap: first: one strategy is enough",
}


def test_nonsense():
    run = boot([f"run heap {words}" for words in BAD], "log=quiet")
    for words, message in BAD.items():
        text = run.output(f"run heap {words}")
        assert message in text
        assert (f"usage: heap [{' '.join(STRATEGIES)}] [buddy] [ops=1..100000000] [seed=1..4294967295] "
                f"[{' '.join(WORKLOADS)}]") in text
    assert run.statuses() == [("heap", "exit 2")] * len(BAD)


@pytest.mark.parametrize("value, expected", [
    ("worst,buddy", "heap: ok strategy=worst,buddy\n"),
    ("last", "heap: ok strategy=last\n"),
    ("bad", "heap: HEAP=bad: expected HEAP=STRATEGY or HEAP=STRATEGY,buddy\n"),
])
def test_environment(value, expected):
    """The monitor gives programs no environment, so on Linux only."""
    if on_linux("heap", "ops=1").returncode != 0:
        pytest.skip("this machine does not run i386 Linux programs")
    done = subprocess.run([BUILT_PROGRAMS / "heap", "ops=50"], env={"HEAP": value}, capture_output=True, text=True,
                          timeout=60)
    assert done.stdout.endswith(expected)
    assert done.returncode == (2 if value == "bad" else 0)
