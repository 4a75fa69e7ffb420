# SPDX-License-Identifier: MIT
"""RAM beyond the direct map: pages of processes lie there, and every way to them leads through a window."""
import re

import logmodel
import pytest
from scenario import boot, programs
from test_boot import assert_ktap
from tools import qemu

DIRECT_FRAMES = 896 << 8
GIB_FRAMES = 1 << 18


def zones(run, nth):
    """=> free and total frames of the low and of the high zone"""
    found = re.search(r"^low (\d+) of (\d+), high (\d+) of (\d+)$", run.output("buddy", nth), re.MULTILINE)
    return [int(n) for n in found.groups()]


@pytest.mark.parametrize("mem", ["1200M", "2G", "3500M"])
def test_pages_lie_beyond_the_direct_map(mem):
    """Filled, copied to by the kernel, written to the disk and read back there; the log says so too."""
    run = programs(["run stamp 150 3 & sorts 4000", "frames map"], "frames=64", mem=mem, screen=False)
    assert run.rc == qemu.OK
    logmodel.check(run.log)
    frames = [int(event["frame"], 16) for event in logmodel.events(run.log, "fault")
              if event["frame"] != "none" and event["what"] != "zero-page"]  # that one is the kernel's
    assert min(frames) >= DIRECT_FRAMES
    assert run.summaries()[0]["pswpin"] > 100
    rows = re.findall(r"^[0-9a-f]{5} \S+$", run.output("frames map"), re.MULTILINE)
    assert 32 <= len(rows) <= 64
    low_free, low, high_free, high = zones(run, -1)
    assert high == high_free and low - low_free < 100


def test_in_kernel_tests_and_junk_on_free():
    run = programs(["ktest", "run stamp 150 3 & sorts 4000"], "frames=64 debug=1 log=quiet", mem="1200M")
    assert run.rc == qemu.OK
    assert_ktap(run.output("ktest"))


def test_more_than_3_gib_at_once():
    """Three programs, because one has no address for so many pages; each looks whether all of them survived."""
    pages = GIB_FRAMES + 1000
    run = programs([f"run eat {pages} & eat {pages} & eat {pages}"], "frames=all log=quiet", mem="3500M", screen=False)
    assert run.rc == qemu.OK
    assert run.statuses() == [("eat", "ok")] * 3
    summary, = run.summaries()
    assert summary["minor"] > 3 * GIB_FRAMES and summary["evictions"] == 0
    assert zones(run, 0) == zones(run, -1)


def test_both_zones_full():
    """High memory first, then low memory down to the reserve, then the disk."""
    run = programs(["run eat 217000"], "frames=all log=quiet swapmb=40", mem="900M", screen=False)
    assert run.statuses() == [("eat", "ok")]
    assert run.summaries()[0]["writebacks"] > 0


def test_all_of_it_under_grub():
    """GRUB may put what it loads anywhere that the kernel can address from the start."""
    run = programs(["run stamp 150 3 & sorts 4000"], "frames=64 log=quiet", mem="3500M", iso=True)
    assert run.rc == qemu.OK
    assert zones(run, 0)[3] > 2 * GIB_FRAMES


def test_ramdisk_leaves_low_memory_for_page_tables():
    refused = boot([], "swapmb=1024", mem="3500M")
    most = int(re.search(r"swapmb=1024: expected 0 to (\d+) on this machine", refused.log)[1])
    assert refused.rc == qemu.FAILED and 512 < most < 896
    run = programs(["run stamp 100 2"], f"swapmb={most} frames=64 log=quiet", mem="3500M")
    assert run.statuses() == [("stamp", "ok")]


def test_initrd_beyond_the_direct_map_is_refused(tmp_path):
    initrd = tmp_path / "initrd"
    with open(initrd, "wb") as f:
        f.truncate(895 << 20)  # it starts above the kernel
    result = qemu.run("log=quiet", run="quit", mem="1G", initrd=initrd)
    assert result.rc == qemu.FAILED
    assert re.search(r"^boot: the initrd ends at 0x38\w{6}, beyond the direct map; expected at most 0x38000000$",
                     result.log, re.MULTILINE), result.log
