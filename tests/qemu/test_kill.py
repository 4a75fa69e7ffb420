# SPDX-License-Identifier: MIT
"""A program that does what it must not dies alone, with a line that says what, where and why."""
import re
import signal

import logmodel
import pytest
from scenario import on_linux, programs
from tools import qemu

NOT_MAPPED, FORBIDDEN = "nothing is mapped there", "the region does not allow it"
ABSENT, PRESENT = "a page that is not present", "a present page whose rights forbid it"

# kind: signal, address, cause, reason
CRASHES = {
    "null": ("SIGSEGV", "00000000", f"user read of {ABSENT}", NOT_MAPPED),
    "read-kernel": ("SIGSEGV", "c0000000", f"user read of {PRESENT}", NOT_MAPPED),
    "write-kernel": ("SIGSEGV", "c0000000", f"user write to {PRESENT}", NOT_MAPPED),
    "write-text": ("SIGSEGV", "0804....", f"user write to {PRESENT}", FORBIDDEN),
    "wild": ("SIGSEGV", "5a5a5a58", f"user write to {ABSENT}", NOT_MAPPED),
    "jump-null": ("SIGSEGV", "00000000", f"user read of {ABSENT}", NOT_MAPPED),
    "stack": ("SIGSEGV", "bf7fe...", f"user write to {ABSENT}", NOT_MAPPED),
    "div0": ("SIGFPE", None, None, "divide error"),
    "ud2": ("SIGILL", None, None, "invalid opcode"),
    "priv": ("SIGSEGV", None, None, "general protection"),
    "int3": ("SIGTRAP", None, None, "breakpoint"),
}


@pytest.mark.parametrize("kind", CRASHES)
def test_crash(kind):
    wanted_signal, va, cause, reason = CRASHES[kind]
    run = programs([f"run qsort 8000 & stamp 30 3 & crash {kind} & hashjoin 2000"], "frames=64", screen=False)
    assert run.rc == qemu.FAILED
    assert run.statuses() == [("qsort", "ok"), ("stamp", "ok"), ("crash", "killed"), ("hashjoin", "ok")]
    assert f"crash: about to {kind}\n" in run.log
    kill, = run.kills()
    assert (kill["pid"], kill["signal"], kill["reason"]) == ("3", wanted_signal, reason)
    if va is None:
        assert kill["va"] is None
    else:
        assert re.fullmatch(va, kill["va"])
        assert f'cause="{cause}"' in kill[0]
    assert (int(kill["ip"], 16) == 0) == (kind == "jump-null")
    row, = (r for r in run.rows() if r["name"] == "crash")
    assert row["reason"] == reason
    logmodel.check(run.log)
    assert -on_linux("crash", kind).returncode == getattr(signal, wanted_signal)


def test_kill_from_the_monitor():
    """A program that runs, one that sleeps and one that pages."""
    run = programs(["run spin 60000 & sleeper 60000 & matmul & stamp 40 3 &", "wait 20", "ps", "kill 1", "kill 2",
                    "kill 3", "wait", "ps"], "frames=64", screen=False)
    assert run.rc == qemu.FAILED
    assert [(k["pid"], k["signal"], k["reason"]) for k in sorted(run.kills(), key=lambda k: k["pid"])] == [
        (pid, "SIGKILL", "killed from the monitor") for pid in "123"]
    assert sorted(run.statuses()) == [("matmul", "killed"), ("sleeper", "killed"), ("spin", "killed"), ("stamp", "ok")]
    assert re.search(r"^ +2 sleeper +asleep ", run.output("ps"), re.MULTILINE)
    assert "spin" not in run.output("ps", 1)
    logmodel.check(run.log)


def test_kill_before_the_first_instruction():
    run = programs(["run spin 60000 &", "ps", "kill 1", "wait"], "")
    assert re.search(r"^ +1 spin +ready ", run.output("ps"), re.MULTILINE)
    assert run.statuses() == [("spin", "killed")]
    logmodel.check(run.log)


@pytest.mark.parametrize("pid", ["", " 0", " 99", " x", " 1 2"])
def test_kill_of_nothing(pid):
    run = programs([f"kill{pid}"], "log=quiet")
    assert run.output(f"kill{pid}") == "kill: expected the pid of a running program; ps lists them\n"
    assert run.rc == qemu.FAILED


def test_many_programs_at_once():
    run = programs(["run " + " & ".join(["hello"] * 20)], "frames=16", screen=False)
    assert run.statuses() == [("hello", "ok")] * 20
    logmodel.check(run.log)
