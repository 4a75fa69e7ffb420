# SPDX-License-Identifier: MIT
"""Thirty-two processes, half of them forked from the others, that want eight times the frames there are. Every
word of every page says whose it is; every invariant is verified every thousand faults (check=1000 panics if one
does not hold); programs() looks for lost frames and slots."""
import pytest
from scenario import programs
from tools import qemu

FRAMES, PAGES, PARENTS = 256, 64, 16
COMMAND = "run " + " & ".join(["swarm"] * PARENTS)


def swarm(append, **options):
    run = programs([COMMAND], f"frames={FRAMES} check=1000 log=quiet {append}", timeout=240, **options)
    assert run.statuses() == [("swarm", "ok")] * PARENTS and run.rc == qemu.OK
    summary = run.summaries()[0]
    assert summary["forks"] == PARENTS and summary["refused"] == 0
    assert 2 * PARENTS * PAGES == 8 * FRAMES
    assert summary["evictions"] > 2 * PARENTS * PAGES - FRAMES
    return summary


@pytest.mark.parametrize("append", ["policy=fifo", "policy=clock", "policy=random", "swap=zram", "order=2", "order=4",
                                    "pager=on readahead=8"])
def test_swarm(append):
    swarm(append)


def test_swarm_while_the_disk_is_slow():
    """Transfers sleep, and others run meanwhile: they fault on pages that are on their way, fork and end."""
    summary = swarm("swaplat=20 pager=on readahead=2", icount=True)
    assert summary["iowait_us"] > 0
