# SPDX-License-Identifier: MIT
"""Real programs under every policy and several frame limits: right results, a log that adds up."""
import subprocess
import sys

import logmodel
import pytest
from scenario import ROOT, boot, programs
from tools import qemu

POLICIES = ("fifo", "clock", "random")

# Working sets a few times the limit; six frames are one instruction's worth, so there programs crawl.
PROGRAMS = {
    "6": "matmul 24 & qsort 3000 & btree 150 & hashjoin 400 & stamp 12 3",
    "16": "matmul 40 & qsort 8000 & btree 1000 & hashjoin 2000 & stamp 40 3",
    "64": "matmul 100 & qsort 40000 & btree 5000 & hashjoin 8000 & stamp 100 3",
    "256": "matmul 160 & qsort 100000 & btree 8000 & hashjoin 16000 & stamp 250 3",
    "all": "matmul & qsort & btree & hashjoin & stamp",
}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("frames", PROGRAMS)
def test_every_policy_and_limit(frames, policy):
    run = programs([f"run {PROGRAMS[frames]}", "frames", "vmstat"], f"frames={frames} policy={policy}", screen=False,
                   timeout=120)
    assert run.rc == qemu.OK
    assert run.statuses() == [(name, "ok") for name in ("matmul", "qsort", "btree", "hashjoin", "stamp")]
    summary, = run.summaries()
    assert summary["programs"] == summary["ok"] == 5
    assert summary["policy"] == policy
    model = logmodel.check(run.log)
    assert model.since_boot["pgfault"] == run.log.count("] fault pid=")
    assert model.since_boot["pgsteal"] == run.log.count("] evict pid=")
    assert not model.resident and not model.slots
    if frames == "all":
        assert summary["evictions"] == 0
    else:
        assert summary["frames"] == int(frames)
        assert summary["evictions"] > 200
        assert 0 < summary["pswpout"] <= summary["evictions"]
        assert summary["pswpin"] > 0


@pytest.mark.parametrize("policy", POLICIES)
def test_conservation(policy):
    """The machine's figures, where no log line is there to count."""
    run = programs(["run matmul 100 & stamp 100 4", "vmstat"], f"frames=64 log=quiet policy={policy}")
    v = run.vmstat()
    summary, = run.summaries()
    assert v["pgfault"] == sum(v[f"fault_case{i}"] for i in range(6)) == summary["pgfault"]
    assert v["pgmajfault"] == v["pswpin"] == v["fault_case4"] == summary["pgmajfault"]
    assert v["pswpout"] == summary["pswpout"] == summary["writebacks"] == v["pgsteal"] - v["pgsteal_clean"]
    brought_in = v["fault_case3"] + v["fault_case4"]
    assert 0 < brought_in - v["pgsteal"] <= 2 * 64  # what was resident when each of the two ended
    rows = run.rows()
    for column, total in (("minor", "minor"), ("major", "pgmajfault"), ("evictions", "evictions"),
                          ("writebacks", "writebacks")):
        assert sum(row[column] for row in rows) == summary[total]


def test_programs_one_after_another():
    """Memory that one program leaves serves the next; background programs are seen by ps while they live."""
    run = programs(["run matmul 64", "run stamp 60 3", "run scan 100 3 & zero 80 &", "ps", "frames", "wait 3",
                    "ps", "frames", "swap", "wait", "ps", "frames", "vmstat"], "frames=24", screen=False)
    assert run.rc == qemu.OK
    assert sorted(run.statuses()) == [("matmul", "ok"), ("scan", "ok"), ("stamp", "ok"), ("zero", "ok")]
    logmodel.check(run.log)


def test_transfers_match_events():
    """With every class on: no transfer without its event, no event without its transfer, also for a program
    that unmaps and shrinks its heap (glibc's free does both)."""
    run = programs(["run sorts 4000 & qsort 8000 & stamp 30 2", "vmstat"], "frames=48 policy=fifo log=all",
                   screen=False)
    assert run.rc == qemu.OK
    model = logmodel.check(run.log)
    assert model.transfers_shown
    assert run.log.count("] swap-out ") == run.vmstat()["pswpout"] > 0
    assert run.log.count("] swap-in ") == run.vmstat()["pswpin"] > 0


def test_fifo_and_clock_differ():
    faults = {}
    for policy in ("fifo", "clock"):
        run = programs(["run matmul"], f"frames=32 log=quiet policy={policy}")
        assert run.statuses() == [("matmul", "ok")]
        summary, = run.summaries()
        faults[policy] = summary["pgfault"]
        assert summary["evictions"] > 200
    assert faults["fifo"] != faults["clock"]


def test_demo_without_a_terminal():
    """What `make run </dev/null` does."""
    done = subprocess.run([sys.executable, "tools/qemu.py", "--run", "demo", "--timeout", "100"], cwd=ROOT,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
    summary, = logmodel.summaries(done.stdout)
    assert summary["programs"] == summary["ok"] >= 3
    assert summary["evictions"] > 200
    assert summary["pswpin"] > 0 and summary["pswpout"] > 0
    assert [row["status"] for row in logmodel.rows(done.stdout)] == ["ok"] * summary["programs"]
    logmodel.check(done.stdout)


@pytest.mark.parametrize("args, status", [("exit 3", "exit 3"), ("exit", "ok"), ("matmul 0", "exit 2")])
def test_exit_status_reaches_the_machine(args, status):
    run = boot([f"run {args}"], "log=quiet")
    assert run.statuses() == [(args.split()[0], status)]
    assert run.rc == (qemu.OK if status == "ok" else qemu.FAILED)
    assert f"quit: {int(status != 'ok')} failure" in run.log
