# SPDX-License-Identifier: MIT
"""Families of processes: they fork, run other programs, get lost, and leave nothing behind."""
import re

import logmodel
import pytest
from scenario import programs
from tools import qemu


def processes(text):
    """=> {pid: (name, state, ppid)} of a ps"""
    found = re.findall(r"^ +(\d+) (\S+) +(new|ready|running|asleep|ended) +(\d+) ", text, re.MULTILINE)
    return {int(pid): (name, state, int(ppid)) for pid, name, state, ppid in found}


@pytest.mark.parametrize("frames", [16, 64, 512])
def test_tree(frames):
    run = programs(["run forktree 4 30", "ps"], f"frames={frames} log=-evict,-fault")
    assert run.statuses() == [("forktree", "ok")] and run.summaries()[0]["forks"] == 30
    assert list(processes(run.output("ps"))) == [0]
    forks = logmodel.events(run.log, "fork")
    assert [int(e["pid"]) for e in forks] == list(range(2, 32))
    assert {int(e["pid"]) for e in logmodel.events(run.log, "exit")} == set(range(1, 32))


def test_log_adds_up():
    run = programs(["run forktree 3 20 & stamp 30 3", "ps"], "frames=48", screen=False, timeout=120)
    assert run.statuses() == [("forktree", "ok"), ("stamp", "ok")]
    logmodel.check(run.log)


def test_exec_chain():
    run = programs(["run execchain 50 & matmul 40"], "frames=32 log=proc")
    assert run.statuses() == [("execchain", "ok"), ("matmul", "ok")]
    assert [e["pid"] for e in logmodel.events(run.log, "exec")] == ["1"] * 50


def test_orphans():
    """Their parent is gone; nobody waits for them, nor for what they did not wait for themselves."""
    run = programs(["run orphan 500 6", "wait 100", "ps", "wait", "ps"], "log=proc")
    assert run.statuses() == [("orphan", "ok")]
    left = processes(run.output("ps"))
    assert all(ppid == 0 for pid, (_, state, ppid) in left.items() if state != "ended")
    assert sum(state == "ended" for _, state, _ in left.values()) <= 3
    assert list(processes(run.output("ps", 1))) == [0]
    statuses = [int(e["status"]) for e in logmodel.events(run.log, "exit")]
    assert sorted(statuses) == [0] * 7 + [3] * 3
    assert run.rc == qemu.OK


@pytest.mark.parametrize("append", ["frames=64", "frames=16 swapmb=2", "frames=all swap=none"])
def test_fork_bomb(append):
    """Ends in errors, and everything is free again (programs() looks)."""
    run = programs(["run forkbomb 300 60", "wait", "ps"], f"{append} log=quiet", mem="16M", timeout=120)
    assert list(processes(run.output("ps"))) == [0]
    for errno in re.findall(r"fork failed errno=(\d+)", run.log):
        assert errno in ("11", "12")


def test_fork_bomb_reaches_the_limit():
    run = programs(["run forkbomb 300 1", "wait"], "frames=512 log=quiet")
    assert "forkbomb: fork failed errno=11\n" in run.log
    assert run.statuses() == [("forkbomb", "ok")]


def test_kill_of_a_fork_bomb():
    """That never ends by itself. A program may run beside it, and kill of its root ends it all."""
    run = programs(["run forkbomb 0 2 &", "wait 300", "ps", "kill 1", "wait", "ps", "run hello"], "frames=64 log=quiet",
                   timeout=120)
    assert len(processes(run.output("ps"))) > 100
    assert list(processes(run.output("ps", 1))) == [0]
    assert run.statuses() == [("forkbomb", "killed"), ("hello", "ok")]


def test_kill_of_children():
    """A child that sleeps is killed alone; its brothers end by themselves."""
    run = programs(["run orphan 600 3 &", "wait 50", "ps", "kill 2", "wait 51", "ps", "wait", "ps"], "log=proc")
    assert processes(run.output("ps"))[2] == ("orphan", "asleep", 0)
    assert 2 not in processes(run.output("ps", 1))
    assert [(k["pid"], k["signal"]) for k in run.kills()] == [("2", "SIGKILL")]
    assert list(processes(run.output("ps", 2))) == [0]


def test_pids_wrap():
    """More forks than there are numbers: those of the living are not given again."""
    run = programs(["run sleeper 600000 &", "run hello", "run forkwait 32780", "ps", "run hello", "kill 1", "wait"],
                   "frames=64 log=quiet", screen=False, timeout=240)
    assert "forkwait: ok children=32780 wraps=1\n" in run.log
    assert list(processes(run.output("ps"))) == [0, 1]
    pids = [row["pid"] for row in run.rows()]
    # 2 and 3 had ended when their turn came again, 1 had not, and forkwait's own was passed over too
    assert pids[:2] == [2, 3] and 3 < pids[2] < 40 and pids[3] == 1
