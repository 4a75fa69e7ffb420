# SPDX-License-Identifier: MIT
"""vmem arenas in the running kernel: what `vmem` shows is what is mapped, and every strategy works for programs."""
import re

import pytest
from scenario import boot, programs
from tools import qemu

TABLE = re.compile(r"^(\S+) +(first|last|next|best|worst|instant) +(\d+) +(\d+) +(\d+) +(0x\w+) +(0x\w+) +(0x\w+) +(\d+) +(\d+)$",
                   re.MULTILINE)
SEGMENT = re.compile(r"^ *(span|free|used) +(0x\w+|0)\.\.(0x\w+) (0x\w+)$", re.MULTILINE)
REGION = re.compile(r"^([0-9a-f]{8})-([0-9a-f]{8}) ", re.MULTILINE)


def table(text):
    """=> {arena: (strategy, spans, allocated, holes, total, free, largest, allocs, failures)}"""
    return {name: (fit, *(int(figure, 0) for figure in figures)) for name, fit, *figures in TABLE.findall(text)}


def segments(text):
    """=> [(kind, start, end)], ends exclusive"""
    found = [(kind, int(start, 0), int(last, 0) + 1, int(size, 0)) for kind, start, last, size in SEGMENT.findall(text)]
    assert all(end - start == size for _, start, end, size in found)
    return [(kind, start, end) for kind, start, end, _ in found]


def test_arenas_show_what_is_mapped():
    run = boot(["vmem", "run thrash 20 300 &", "wait 20", "vmem", "maps 1", "vmem mmap-1", "vmem kernel", "vmem mmap-1 best",
                "vmem", "wait", "vmem", "check"], "log=quiet", icount=True, screen=False)
    assert run.rc == qemu.OK and run.output("check").endswith("check: ok\n")
    before, during, switched, after = (table(run.output("vmem", nth)) for nth in range(4))
    assert set(before) == set(after) == {"swap", "kernel"} and set(during) == {"swap", "kernel", "mmap-1"}

    span, *parts = segments(run.output("vmem mmap-1"))
    regions = [tuple(int(end, 16) for end in region) for region in REGION.findall(run.output("maps 1"))]
    assert [part[1:] for part in parts if part[0] == "used"] == [region for region in regions if region[1] <= span[2]]
    assert parts[0][1] == span[1] and parts[-1][2] == span[2]
    assert all(low[2] == high[1] and {low[0], high[0]} != {"free"} for low, high in zip(parts, parts[1:]))
    fit, spans, allocated, holes, total, free, largest, *_ = during["mmap-1"]
    gaps = [end - start for kind, start, end in parts if kind == "free"]
    assert (fit, spans, allocated, holes) == ("last", 1, len(parts) - len(gaps), len(gaps))
    assert (total, free, largest) == (span[2] - span[1], sum(gaps), max(gaps))
    assert parts[-1][0] == "used"  # last fit: from the top, as Linux's
    assert switched["mmap-1"] == ("best", *during["mmap-1"][1:])

    stacks = [part for part in segments(run.output("vmem kernel")) if part[0] == "used"]
    assert len(stacks) == during["kernel"][2] == before["kernel"][2] + 1
    assert [start for _, start, _ in stacks] == [0xf8000000 + 0x4000 * i for i in range(len(stacks))]
    assert after["kernel"][2:6] == before["kernel"][2:6]
    assert after["swap"][5] >= before["swap"][5] - 32  # but for the cluster that is being filled


# Last fit is what all other scenarios have. Worst fit maps right above the heap, which then cannot grow: vmcheck minds.
@pytest.mark.parametrize("fit, program", [("first", "vmcheck"), ("next", "vmcheck"), ("best", "vmcheck"), ("worst", "qsort"),
                                          ("instant", "vmcheck")])
def test_programs_under_every_strategy(fit, program):
    run = programs([f"run sorts & {program} & forktree & eat 300"], f"frames=100 log=quiet check=500 mmapfit={fit}",
                   screen=False)
    assert run.rc == qemu.OK
    assert run.statuses() == [(name, "ok") for name in ("sorts", program, "forktree", "eat")]
