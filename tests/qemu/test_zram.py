# SPDX-License-Identifier: MIT
"""swap=zram: programs cannot tell, memory is saved, and when there is none left one process dies, not the system."""
import re

import logmodel
import pytest
from scenario import boot, programs
from tools import qemu

DEMO = "run matmul 100 & qsort 30000 & btree 2000 & hashjoin 4000"
DEMO_IN_FEW = "run matmul 60 & qsort 20000 & btree 2000 & hashjoin 4000"
NAMES = ["matmul", "qsort", "btree", "hashjoin"]


def figures(run, nth=0):
    """=> what `zram` printed: name -> number"""
    return {key: float(value) if "." in value else int(value)
            for key, value in re.findall(r"^(\w+) (\d+(?:\.\d\d)?)$", run.output("zram", nth), re.MULTILINE)}


@pytest.mark.parametrize("frames", [32, 64])
@pytest.mark.parametrize("policy", ["fifo", "clock", "random"])
def test_programs_are_correct(frames, policy):
    run = programs([DEMO_IN_FEW if frames == 32 else DEMO, "zram", "vmstat"], f"swap=zram frames={frames} policy={policy} log=all", screen=False)
    assert run.rc == qemu.OK
    assert run.statuses() == [(name, "ok") for name in NAMES]
    logmodel.check(run.log)
    zram, vmstat = figures(run), run.vmstat()
    assert zram["total_written"] == vmstat["pswpout"] > 100
    assert vmstat["swap_error"] == vmstat["swap_corrupt"] == zram["failed_writes"] == 0
    assert zram["pages_stored"] == zram["mem_used_total"] == zram["compr_data_size"] == 0, "their processes are gone"
    assert 0 < zram["mem_used_max"] <= zram["mem_limit"]
    ratio = zram["total_written"] * 4096 / zram["total_compr_size"]
    assert 1.1 < zram["total_ratio"] <= ratio < zram["total_ratio"] + 0.01


@pytest.mark.parametrize("mem, mib, command", [("64M", 64, "eat 18000"), ("16M", 16, "eat 5000")])
def test_more_pages_than_ram(mem, mib, command):
    run = programs([f"run {command}", "zram"], f"swap=zram swapmb={mib} frames=all log=quiet", mem=mem, screen=False)
    assert [status for _, status in run.statuses()] == ["ok"]
    assert figures(run)["mem_used_max"] < figures(run)["total_written"] * 4096


@pytest.mark.parametrize("policy", ["fifo", "clock", "random"])
def test_out_of_memory(policy):
    """qsort's numbers do not compress: zram takes half of RAM, then the process that wants more dies. The memory
    is there again for the next."""
    run = programs(["run qsort 2300000 & stamp 30 3", "zram", "vmstat", "run stamp 100 2", "zram"],
                   f"swap=zram swapmb=32 frames=64 policy={policy} log=quiet", mem="16M", screen=False, timeout=60)
    assert run.rc == qemu.FAILED
    assert run.statuses()[0] == ("qsort", "killed") and run.statuses()[-1] == ("stamp", "ok")
    assert {kill["reason"] for kill in run.kills()} == {"out of memory and swap"}
    full, after = figures(run), figures(run, 1)
    assert full["mem_used_max"] == full["mem_limit"]
    assert full["failed_writes"] == run.vmstat()["swap_error"] > 0
    assert full["pages_stored"] == after["pages_stored"] == 0
    assert after["failed_writes"] == full["failed_writes"]


@pytest.mark.parametrize("fault, counter", [("fail-write", None), ("fail-read", "swap_error"), ("corrupt", "swap_corrupt")])
def test_injected_faults(fault, counter):
    run = programs([f"disk {fault} 5", "run stamp 70 3", "disk", "vmstat", "run stamp 70 3"],
                   "swap=zram frames=32 log=quiet", screen=False)
    assert "disk: zram " in run.output("disk") and "next=" not in run.output("disk")
    assert run.statuses() == [("stamp", "killed" if counter else "ok"), ("stamp", "ok")]
    assert counter is None or run.vmstat()[counter] == 1


def test_deterministic():
    first, second = (boot([DEMO, "zram", "vmstat", "slab", "buddy"], "swap=zram frames=64 log=all", screen=False)
                     for _ in range(2))
    assert first.log == second.log
    assert first.statuses() == [(name, "ok") for name in NAMES]


@pytest.mark.parametrize("append, pages", [("swapmb=1", 256), ("swapmb=40", 40 * 256), ("", None)])
def test_capacity(append, pages):
    run = programs(["zram", "run stamp 100 2"], f"swap=zram frames=32 log=quiet {append}", mem="32M", screen=False)
    assert run.statuses() == [("stamp", "ok")]
    blocks = int(re.search(r"blocks=(\d+) ", run.output("zram"))[1])
    assert blocks == pages or (pages is None and 0.3 < blocks / (32 * 256) < 0.5)
    assert "\nratio -\n" in run.output("zram"), "nothing is stored yet"


def test_too_large_a_capacity():
    result = qemu.run("swap=zram swapmb=500", mem="32M", run="quit", extra=("-vga", "none"))
    assert result.rc == qemu.FAILED
    assert re.search(r"command line: swapmb=500: expected 0 to \d+ on this machine", result.log)


def test_not_in_use():
    run = boot(["zram"], screen=False)
    assert run.output("zram") == "zram: not in use (swap=zram)\n"
