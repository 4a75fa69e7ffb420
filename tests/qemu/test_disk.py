# SPDX-License-Identifier: MIT
"""A disk that fails: writes are tried elsewhere and nobody notices; a page that cannot be read back costs its
process its life, and nothing else."""
import re

import logmodel
import pytest
from scenario import programs
from tools import qemu

PROGRAMS = "run stamp 70 3 & qsort 30000 & matmul 64"
NAMES = ["stamp", "qsort", "matmul"]
POLICIES = ["fifo", "clock", "random"]


def run_with(fault, policy):
    run = programs([f"disk {fault}", PROGRAMS, "disk", "vmstat"], f"frames=48 log=all policy={policy}", screen=False)
    assert "next=" not in run.output("disk"), "the fault did not happen"
    logmodel.check(run.log)
    return run


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("n", [1, 2, 50])
def test_failed_write(n, policy):
    run = run_with(f"fail-write {n}", policy)
    assert run.rc == qemu.OK
    assert run.statuses() == [(name, "ok") for name in NAMES]
    assert run.vmstat()["swap_error"] == run.log.count(" FAILED") == 1
    assert run.vmstat()["swap_corrupt"] == 0


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("n", [1, 40])
@pytest.mark.parametrize("fault, counter, reason", [
    ("fail-read", "swap_error", "the swap disk failed"),
    ("corrupt", "swap_corrupt", "the swap disk returned corrupt data")])
def test_bad_read(fault, counter, reason, n, policy):
    run = run_with(f"{fault} {n}", policy)
    assert run.rc == qemu.FAILED
    kill, = run.kills()
    assert (kill["signal"], kill["reason"]) == ("SIGBUS", reason)
    victim = NAMES[int(kill["pid"]) - 1]
    assert run.statuses() == [(name, "killed" if name == victim else "ok") for name in NAMES]
    assert run.vmstat()[counter] == 1
    assert run.vmstat()["swap_error"] + run.vmstat()["swap_corrupt"] == 1
    assert len(logmodel.events(run.log, "swap")) == (fault == "corrupt")


def test_every_transfer_fails_once():
    """Fault after fault in one machine; it must be as good as new after each."""
    commands = []
    for n in range(1, 6):
        for fault in ("fail-write", "fail-read", "corrupt"):
            commands += [f"disk {fault} {n}", f"run stamp {24 + n} 2"]
    run = programs([*commands, "vmstat"], "frames=16 log=quiet")
    assert [status for _, status in run.statuses()] == ["ok", "killed", "killed"] * 5
    assert (run.vmstat()["swap_error"], run.vmstat()["swap_corrupt"]) == (10, 5)


def test_without_checksums_corruption_goes_unnoticed_by_the_kernel():
    """What the checksum is for: without it the program finds the flipped bit itself."""
    run = programs(["swap verify off", "disk corrupt 9", "run stamp 40 2"], "frames=16 log=quiet")
    assert run.statuses() == [("stamp", "exit 1")] and not run.kills()
    found = re.search(r"stamp: FAILED page=\d+ word=512 .* expected=(0x[0-9a-f]+) found=(0x[0-9a-f]+)", run.log)
    assert int(found[1], 16) ^ int(found[2], 16) == 1
