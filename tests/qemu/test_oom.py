# SPDX-License-Identifier: MIT
"""More memory is wanted than there is: one process goes, the one with most, with an explanation; the others never
notice."""
import logmodel
import pytest
from scenario import programs
from tools import qemu

OTHERS = "matmul 40 & qsort 8000 & btree 1000 & hashjoin 2000 & stamp 40 3"
NAMES = [command.split()[0] for command in OTHERS.split(" & ")]


def verdict(run, n=0):
    """=> the nth explanation: the reason, the victim, and those who were spared"""
    lines, heard = logmodel.events(run.log, "oom"), []
    for e in lines:
        if e["reason"]:
            heard.append((e["reason"], [], []))
        else:
            heard[-1][1 if e["verdict"] == "victim" else 2].append(e)
    reason, victims, spared = heard[n]
    assert len(victims) == 1
    return reason, victims[0], spared, len(heard)


@pytest.mark.parametrize("policy", ["fifo", "clock", "random"])
@pytest.mark.parametrize("append", ["swapmb=1", "swapmb=2", "swap=none frames=256", "swapmb=1 order=2",
                                    "swapmb=1 swaplat=50", "swapmb=1 readahead=8", "swapmb=1 pager=on"])
def test_the_hog_goes(append, policy):
    """Whoever happens to be the one that asks in vain."""
    frames = "" if "frames" in append else "frames=64 "
    run = programs([f"run {OTHERS} & eat", "vmstat", "run stamp 60 2"], f"{frames}{append} policy={policy}",
                   screen=False, timeout=90)
    assert run.rc == qemu.FAILED
    assert run.statuses() == [(name, "ok") for name in NAMES] + [("eat", "killed"), ("stamp", "ok")]
    kill, = run.kills()
    reason, victim, spared, hearings = verdict(run)
    assert hearings == run.vmstat()["oom_kill"] == 1
    assert (kill["pid"], kill["signal"], kill["reason"]) == ("6", "SIGKILL", reason)
    assert (victim["candidate"], victim["name"]) == ("6", "eat")
    assert all(int(e["badness"]) <= int(victim["badness"]) for e in spared)
    assert {e["name"] for e in spared} <= set(NAMES)
    logmodel.check(run.log)


def test_several_hogs_go_one_by_one():
    run = programs([f"run eat & {OTHERS} & eat & eat", "vmstat"], "frames=64 swapmb=1", screen=False, timeout=60)
    assert sorted(run.statuses()) == sorted([(name, "ok") for name in NAMES] + [("eat", "killed")] * 3)
    assert len(run.kills()) == run.vmstat()["oom_kill"] == verdict(run)[3] == 3
    logmodel.check(run.log)


def test_somebody_else_asks():
    """A process that needs a page more does not die for it: the hog, which asks for nothing any more, does."""
    run = programs(["run thrash 330 2000 &", "wait 30", "run stamp 100 3", "kill 1", "wait", "vmstat"],
                   "frames=64 swapmb=1", screen=False, timeout=60)
    reason, victim, spared, _ = verdict(run)
    assert victim["name"] == "thrash" and [e["name"] for e in spared] == ["stamp"]
    assert ("stamp", "ok") in run.statuses()
    logmodel.check(run.log)
