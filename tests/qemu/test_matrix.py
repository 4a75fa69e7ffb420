# SPDX-License-Identifier: MIT
"""Every policy with every limit, every order and every swap disk: the demonstration programs, together, give right
results. Sizes are such that each guest works for about a second; the log is quiet but for two tests, which replay it.
And, for each way of bringing in more or evicting sooner than asked, that it really happens."""
import re

import logmodel
import pytest
from scenario import ROOT, programs
from tools import qemu

POLICIES = ("fifo", "clock", "random")
ORDERS = (0, 2, 4, 10)
UNITS = 6  # of 2^order pages: the smallest legal limit

# Which disks a kernel knows is in its own table; these are for all machines and cost no hardware, and one ATA disk.
SWAP_DISKS = re.findall(r'\{"(ramdisk|zram|hda)"', (ROOT / "boot" / "main.c").read_text())

NAMES = ("matmul", "qsort", "btree", "hashjoin")
TINY = "matmul 24 & qsort 3000 & btree 150 & hashjoin 400"
SMALL = "matmul 48 & qsort 8000 & btree 1000 & hashjoin 2000"
MIDDLE = "matmul 60 & qsort 40000 & btree 3000 & hashjoin 8000"
WIDE = MIDDLE + " & stamp 200 2"
# qsort and eat have whole 4 MiB, and eat alone more than the middle limit, whoever runs beside it
LARGE = "matmul 60 & qsort 1100000 & btree 3000 & hashjoin 4000 & eat 8500"
SLOTS = 16384


def workload(order, limit):
    """=> frames=, the programs"""
    unit = 1 << order
    if order == 10:
        return {"minimum": UNITS * unit, "middle": 7 * unit, "plenty": "all"}[limit], LARGE
    work = {0: TINY, 2: SMALL, 4: WIDE}[order]
    return {"minimum": (UNITS * unit, work), "middle": (UNITS * unit * (4 if order == 0 else 2), work),
            "plenty": (2000, WIDE)}[limit]


def machine(order, swap, tmp_path):
    """=> the options of a guest"""
    options = {"mem": "128M" if order == 10 else "64M", "timeout": 120, "screen": False}
    if swap == "hda":
        with open(tmp_path / "swap.img", "wb") as f:
            f.truncate(SLOTS * 4096)
        options["disks"] = {"hda": tmp_path / "swap.img"}
    return options


@pytest.mark.parametrize("swap", SWAP_DISKS)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("limit", ["minimum", "middle", "plenty"])
@pytest.mark.parametrize("policy", POLICIES)
def test_results(policy, limit, order, swap, tmp_path):
    frames, work = workload(order, limit)
    run = programs([f"run {work}", "vmstat"], f"frames={frames} policy={policy} order={order} swap={swap} log=quiet",
                   **machine(order, swap, tmp_path))
    assert run.rc == qemu.OK
    assert run.statuses() == [(name.split()[0], "ok") for name in work.split(" & ")]
    summary, vmstat = run.summaries()[0], run.vmstat()
    if limit == "plenty":
        assert summary["evictions"] == summary["pswpin"] == 0
    else:
        assert summary["evictions"] > 100 and summary["pswpin"] > 100
    assert (vmstat["thp_fault_alloc"] > 0) == (order > 0)
    assert vmstat["swap_error"] == vmstat["swap_corrupt"] == 0


@pytest.mark.parametrize("order, frames, work", [
    (2, 36, SMALL), (4, 120, WIDE), (10, 6144, LARGE)])
@pytest.mark.parametrize("policy", POLICIES)
def test_blocks_are_what_the_log_says(policy, order, frames, work):
    run = programs([f"run {work}", "vmstat", "frames", "swap"], f"frames={frames} policy={policy} order={order}",
                   **machine(order, "ramdisk", None))
    assert run.rc == qemu.OK
    logmodel.check(run.log)
    orders = {int(e["order"]) for e in logmodel.events(run.log, "fault") if e["order"]}
    assert max(orders) == order
    vmstat = run.vmstat()
    assert vmstat["thp_fault_alloc"] == sum(bool(e["order"]) for e in logmodel.events(run.log, "fault"))
    assert vmstat["thp_split_page"] > 0 and vmstat["pswpin"] > vmstat["pgmajfault"]


# Pages that nobody asked for -------------------------------------------------------------------------

AHEAD = "scan 100 6 & stamp 60 3 & matmul 48"
LESS_AHEAD = "scan 100 3 & stamp 60 2 & matmul 32"  # so many at once, in so few frames, push each other out


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("readahead", [2, 8, 32])
def test_readahead(readahead, policy):
    work = AHEAD if readahead < 32 else LESS_AHEAD
    run = programs([f"run {work}", "vmstat"], f"frames=80 policy={policy} readahead={readahead} log=all", screen=False)
    assert run.rc == qemu.OK
    logmodel.check(run.log)
    v = run.vmstat()
    assert 0 < v["swap_ra_hit"] <= v["swap_ra"]
    assert v["pswpin"] == v["pgmajfault"] + v["swap_ra"]
    found = sum(e["what"] == "swap-cache" for e in logmodel.events(run.log, "fault"))
    assert found >= v["swap_ra_hit"]


def test_readahead_saves_faults():
    """A scan goes forward through what was written in order: nearly all it reads was read ahead."""
    majors = {}
    for n in (1, 8):
        run = programs(["run scan 100 6", "vmstat"], f"frames=64 readahead={n} log=quiet")
        assert run.statuses() == [("scan", "ok")]
        majors[n] = run.vmstat()["pgmajfault"]
    assert majors[8] < majors[1] / 3


@pytest.mark.parametrize("n", [1, 7, 30])
@pytest.mark.parametrize("fault, counter, reason", [
    ("fail-read", "swap_error", "the swap disk failed"),
    ("corrupt", "swap_corrupt", "the swap disk returned corrupt data")])
def test_readahead_of_a_bad_page(fault, counter, reason, n):
    """A page that nobody may want: at worst who wants it dies. A page that stays bad may be met more than once."""
    run = programs([f"disk {fault} {n}", f"run {AHEAD}", "vmstat"], "frames=80 readahead=8 log=all", screen=False)
    assert run.vmstat()[counter] >= 1
    killed = [name for name, status in run.statuses() if status == "killed"]
    assert len(killed) == len(run.kills()) <= 1 and {k["reason"] for k in run.kills()} <= {reason}
    assert [status for _, status in run.statuses()].count("ok") == 3 - len(killed)
    assert run.rc == (qemu.FAILED if killed else qemu.OK)
    assert run.vmstat()["swap_ra_hit"] > 0


# Evicting ahead of time ------------------------------------------------------------------------------

@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("append", ["", "swaplat=100", "swaplat=100 order=2", "swaplat=100 readahead=8", "swap=zram"])
def test_pager(append, policy):
    """Where the disk takes no time nobody waits, so the pager has its turn only when the clock ticks."""
    scan = "scan 120 3" if "swaplat" in append else "scan 200 20"
    run = programs([f"run {SMALL} & {scan}", "vmstat", "pager", "frames"], f"frames=80 policy={policy} pager=on {append}",
                   screen=False, timeout=120)
    assert run.rc == qemu.OK
    logmodel.check(run.log)
    v = run.vmstat()
    assert v["pageoutrun"] > 0 and 0 < v["pgsteal_kswapd"] <= v["pgsteal"]
    low, high = (int(n) for n in re.search(r"^pool main: low=(\d+) high=(\d+) ", run.output("pager"), re.M).groups())
    assert (low, high) == (80 // 16, 80 // 8)


def test_pager_keeps_room():
    """It has evicted before anybody had to wait: hardly an allocation had to do it itself."""
    stalls = {}
    for pager in ("off", "on"):
        run = programs(["run scan 300 5", "vmstat"], f"frames=128 pager={pager} swaplat=200 log=quiet")
        stalls[pager] = run.vmstat()["allocstall"]
    assert stalls["on"] < stalls["off"] / 3


def test_the_machine_has_watermarks_too():
    """Without a limit the machine's memory ends, and the pager evicts before it does."""
    run = programs(["run eat 4000 & stamp 300 20", "vmstat", "pager"], "frames=all log=quiet", mem="32M")
    assert run.statuses() == [("eat", "ok"), ("stamp", "ok")]
    v = run.vmstat()
    assert 0 < v["pgsteal_kswapd"] <= v["pgsteal"] and v["pageoutrun"] > 0
    least, low, high = (int(n) for n in re.search(r"^machine: min=(\d+) low=(\d+) high=(\d+) ", run.output("pager"),
                                                   re.M).groups())
    assert least < low < high


# Sharing ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("append", ["frames=60 log=all", "frames=60", "frames=200 readahead=8", "frames=100 order=2"])
def test_merged_and_forked_pages_are_what_the_log_says(append, policy):
    run = programs(["run twins 60 100 & twins 60 100 & forktree 2 6 & stamp 30 2", "vmstat", "frames", "swap"],
                   f"{append} policy={policy} ksm=on", screen=False)
    assert run.rc == qemu.OK
    logmodel.check(run.log)
    vmstat = run.vmstat()
    assert (vmstat["ksm_pages_merged"] > 0) == ("order" not in append)  # pages of blocks are left alone
    assert 0 < vmstat["pgreuse"] < vmstat["fault_cow"]


# The smallest limits ---------------------------------------------------------------------------------

def ended_in_time(programs_at_once, append):
    """Starts so many straddles, and gives them a hundred times what one of them needs. => those that ended"""
    background = "run " + " & ".join(["straddle 50"] * programs_at_once) + " &"
    run = programs([background, "wait 3000", *(f"kill {pid}" for pid in range(1, programs_at_once + 1)), "wait"],
                   f"frames={UNITS} log=proc {append}", screen=False, timeout=60, icount=True)
    return [e["pid"] for e in logmodel.events(run.log, "exit")]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("count", [1, 2, 4])
def test_the_smallest_limit_is_enough_for_any_instruction(count, policy):
    """Five pages at once, of six frames. Nobody sleeps in a fault, so the instruction is tried before others run."""
    assert len(ended_in_time(count, f"policy={policy}")) == count


@pytest.mark.parametrize("policy", POLICIES)
def test_one_alone_on_a_slow_disk(policy):
    assert len(ended_in_time(1, f"policy={policy} swaplat=100")) == 1


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("count", [2, 4])
def test_several_that_need_all_frames_on_a_slow_disk(count, policy):
    """While one sleeps until its second page is read, others would take its first: they wait for their turn."""
    assert len(ended_in_time(count, f"policy={policy} swaplat=100")) == count


def test_a_process_that_only_faults_can_be_killed():
    """It is in user mode for so short a time that no clock tick and no call finds it there."""
    run = programs(["run scan 100 1000 & scan 100 1000 &", "wait 500", "kill 1", "kill 2", "wait"],
                   f"frames={UNITS} policy=fifo swaplat=7000 log=proc", icount=True, timeout=60)
    kills = re.findall(r"^\[ *(\d+\.\d+)\] kill pid=(\d) .* signal=SIGKILL ", run.log, re.M)
    assert sorted(pid for _, pid in kills) == ["1", "2"]
    assert all(float(at) < 0.6 for at, _ in kills)  # the guest's time
