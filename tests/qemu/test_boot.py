# SPDX-License-Identifier: MIT
"""The other ways in: GRUB from a CD in QEMU, and Bochs, a second opinion on what the hardware does."""
import re

import logmodel
from scenario import programs
from tools import qemu


def test_in_kernel_tests():
    run = programs(["ktest"], "log=quiet")
    assert run.rc == qemu.OK
    assert_ktap(run.output("ktest"))


def assert_ktap(text):
    lines = text.splitlines()
    assert lines[0] == "KTAP version 1"
    count = int(re.fullmatch(r"1\.\.(\d+)", lines[1])[1])
    results = [line for line in lines if re.match("(not )?ok ", line)]
    assert [int(re.match(r"ok (\d+) ", line)[1]) for line in results] == list(range(1, count + 1))
    assert count >= 10


def test_grub():
    """Not under icount, so only what does not depend on time."""
    run = programs(["demo", "vmstat"], "frames=128 policy=fifo log=quiet", iso=True)
    assert run.rc == qemu.OK
    assert len(run.statuses()) >= 3 and {status for _, status in run.statuses()} == {"ok"}
    summary, = run.summaries()
    assert summary["evictions"] > 200 and summary["frames"] == 128 and summary["policy"] == "fifo"


def test_grub_with_the_log_on():
    run = programs(["run matmul 48 & qsort 8000"], "frames=24", iso=True, screen=False)
    assert run.rc == qemu.OK
    logmodel.check(run.log)


def test_bochs(bochs):
    run = bochs(["ktest", "run matmul 40 & qsort 8000 & stamp 30 2", "check", "vmstat"], "frames=24 log=proc")
    assert run.rc == qemu.OK, run.result.tail() + run.result.stderr
    assert_ktap(run.output("ktest"))
    assert run.statuses() == [(name, "ok") for name in ("matmul", "qsort", "stamp")]
    assert run.output("check") == "check: ok\n"
    assert run.summaries()[0]["pswpin"] > 0


def test_bochs_crashes_and_kernel_stack_overflow(bochs):
    """Faults of ring 3 and the double-fault task on another implementation of both."""
    run = bochs(["run crash null & crash div0 & crash priv & qsort 8000", "provoke stack"], "frames=32 log=quiet")
    assert run.statuses() == [("crash", "killed")] * 3 + [("qsort", "ok")]
    assert {k["signal"] for k in run.kills()} == {"SIGSEGV", "SIGFPE"}
    assert "PANIC: kernel stack overflow: the guard page at 0x" in run.log
    assert re.search(r"^  c01\w+ overflow_stack\+", run.log, re.MULTILINE)
    assert "3rd" not in run.result.stderr  # Bochs' word for a triple fault
