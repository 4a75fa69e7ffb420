# SPDX-License-Identifier: MIT
"""Compaction of physical memory: with order=, blocks come back although memory is fragmented, because pages move under a
program that checks them all the while; and the log tells of every move."""
import re

import logmodel
import pytest
from scenario import boot, programs

MEMORY = "16M"
APPEND = "frames=all order=4 swapmb=1"


@pytest.fixture(scope="module")
def holes():
    """=> pages for a program to fill the memory with, all but 40 frames and less than a block"""
    run = boot(["policy"], APPEND + " log=quiet", mem=MEMORY, screen=False)
    return (int(re.search(r" limit=(\d+) ", run.output("policy"))[1]) - 40) // 16 * 16


def fragmented(compact, holes, **options):
    run = boot([f"compact {compact}", f"run holes {holes} 2 400 &", "wait 100", "buddy", "run matmul", "vmstat", "wait", "check"],
               f"{APPEND} log=quiet", icount=True, mem=MEMORY, screen=False, **options)
    assert run.rc == 0, run.result.tail()
    assert f"holes: ok pages={holes} kept={holes // 2}" in run.log and "matmul: ok" in run.log
    return run


def test_blocks_come_back(holes):
    without, run = fragmented("off", holes), fragmented("on", holes)
    index = re.findall(r"^Node 0, zone +Normal((?: +-?\d\.\d{3}){11}) $", run.output("buddy"), re.MULTILINE)[0].split()
    assert float(index[0]) < 0 < 0.9 < float(index[6])  # single frames, but no block of order 6: fragmented
    before, after = without.vmstat(), run.vmstat()
    assert before["pgmigrate_success"] == 0 and before["thp_fault_fallback"] > 100
    assert after["thp_fault_fallback"] == 0 and after["compact_fail"] == 0
    assert after["compact_success"] == after["compact_stall"] > 5
    assert 0 < after["pgmigrate_success"] <= 16 * after["compact_stall"]
    assert after["pgfault"] < before["pgfault"] - 200  # one fault for sixteen pages again


@pytest.mark.parametrize("append", ["", "policy=fifo", "policy=arc", "order=2"])
def test_pages_move_under_their_programs(append):
    """By hand, while two programs check their pages, that of one being shared with its children."""
    run = programs(["run holes 1200 3 200 & forktree & swarm &", "wait 30", "compact", "check", "wait 30", "compact 3",
                    "check", "wait", "vmstat"], f"frames=all swapmb=4 log=quiet {append}", icount=True, mem=MEMORY,
                   screen=False)
    assert run.rc == 0, run.result.tail()
    moved = [int(n) for n in re.findall(r"^compact: order=\d+ free-blocks=\d+ moved=(\d+) pages$", run.log, re.MULTILINE)]
    assert len(moved) == 10 + 1 and sum(moved) > 100 and run.vmstat()["pgmigrate_success"] == sum(moved)
    assert f"compact: moved={sum(moved[:10])} pages in all\n" in run.output("compact")
    assert run.log.count("check: ok\n") == 3
    assert run.output("wait").count("ok") >= 3


def test_the_log_tells_of_moves():
    run = boot(["run holes 300 2 30 &", "wait 20", "compact", "wait", "run stamp 40 2", "vmstat", "check"],
               "frames=all swapmb=1 log=all", icount=True, mem=MEMORY, screen=False)
    moves = logmodel.events(run.log, "move")
    assert len(moves) == run.vmstat()["pgmigrate_success"] > 50
    logmodel.check(run.log)


def test_locked_pages_move_too():
    """mlock keeps a page in memory, not in a frame. (vmcheck locks, and checks.)"""
    run = boot(["run holes 1500 2 300 &", "wait 50", "run twins 100 20 &", "compact", "wait", "check"],
               "frames=all swapmb=1 log=quiet ksm=on", icount=True, mem=MEMORY, screen=False)
    assert run.rc == 0 and "twins: ok" in run.log, run.result.tail()


@pytest.mark.parametrize("words", ["0", "11", "x", "3 4", "on off"])
def test_nonsense(words):
    run = boot([f"compact {words}"], "log=quiet", screen=False)
    wrong = words.split()[-1]
    assert run.output(f"compact {words}") == \
        f"compact: {wrong}: expected an order from 1 to 10, on, off, or nothing\n"
    assert run.rc != 0
