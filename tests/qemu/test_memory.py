# SPDX-License-Identifier: MIT
"""Machines of all sizes."""
import logmodel
import pytest
from scenario import programs
from tools import qemu

MIB = 1024  # in KiB, as the log counts
DIRECT_MAP = 896 * MIB
FIRMWARE = 1 * MIB  # RAM that the firmware keeps for itself, at most


@pytest.mark.parametrize("mib", [16, 17, 64, 511, 512, 895, 896, 897, 1024])
def test_size(mib):
    run = programs(["run matmul 64 & stamp 60 2"], "frames=64", mem=f"{mib}M", screen=False)
    assert run.rc == qemu.OK
    logmodel.check(run.log)
    ram, = logmodel.events(run.log, "ram")
    total, used, beyond, free = (int(ram[key]) for key in ("total", "used", "beyond", "free"))
    assert mib * MIB - FIRMWARE <= total <= mib * MIB
    assert used == total
    over = max(0, mib * MIB - DIRECT_MAP)
    assert max(0, over - FIRMWARE) <= beyond <= over and (beyond > 0) == (over > 0)
    assert free < used


@pytest.mark.parametrize("mib, pages", [(16, 2000), (64, 14000), (1024, 100000)])
def test_large_programs(mib, pages):
    """A program that fills most of RAM and swap."""
    run = programs([f"run eat {pages}"], "frames=all log=quiet", mem=f"{mib}M")
    assert run.statuses() == [("eat", "ok")]
