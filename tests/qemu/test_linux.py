# SPDX-License-Identifier: MIT
"""Unmodified binaries say on Faultline what they say on Linux."""
import subprocess

import pytest
from scenario import ROOT, on_linux, printed_by_programs, programs
from tools import qemu

COMMANDS = ["hello", "scan 60 3", "zero 100", "stamp 40 2", "matmul 40", "qsort 9000", "btree 900", "hashjoin 1500",
            "sleeper 20", "spin 20", "cow 20 5", "phases 40 10", "forktree 3", "eat 100", "exit 0", "exit 7", "matmul 0", "matmul 1 2", "qsort x",
            "crash nonsense"]


@pytest.mark.parametrize("command", COMMANDS)
def test_program_of_ours(command):
    run = programs([f"run {command}"], "frames=32 log=quiet")
    linux = on_linux(*command.split())
    assert printed_by_programs(run.output(f"run {command}")) == linux.stdout
    (_, status), = run.statuses()
    assert status == ("ok" if linux.returncode == 0 else f"exit {linux.returncode}")


@pytest.mark.parametrize("n", ["", " 5000"])
def test_program_of_the_c_library(n):
    """Compiled and linked by the distribution, debug information and all."""
    binary = ROOT / "build" / "user" / "glibc" / "sorts"
    if not binary.exists():
        pytest.skip("there was no C library for i386 when this was built")
    run = programs([f"run sorts{n}"], "frames=64 log=quiet")
    linux = subprocess.run([binary, *n.split()], stdout=subprocess.PIPE, text=True, timeout=60)
    assert printed_by_programs(run.output(f"run sorts{n}")) == linux.stdout
    assert run.statuses() == [("sorts", "ok")] and linux.returncode == 0
    assert run.summaries()[0]["pswpin"] > 0


def test_processes_and_signals():
    """proccheck prints one line per check; with few frames, too, and whatever happens to its children."""
    binary = ROOT / "build" / "user" / "glibc" / "proccheck"
    if not binary.exists():
        pytest.skip("there was no C library for i386 when this was built")
    linux = subprocess.run([binary, binary], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=60)
    assert linux.returncode == 0 and len(linux.stdout.splitlines()) >= 150
    for frames in (32, 512):
        run = programs(["run proccheck"], f"frames={frames} log=quiet", timeout=120)
        assert printed_by_programs(run.output("run proccheck")) == linux.stdout
        assert run.statuses() == [("proccheck", "ok")]


def test_arguments():
    def relevant(text):
        return [line for line in text.splitlines() if line.startswith(("argc", "argv", "envc", "args:"))]
    words = ["one", "--two=3", "!$%^*()[]{}<>?~#", "x" * 90]
    run = programs(["run args " + " ".join(words)], "log=quiet")
    ours = run.output("run args " + " ".join(words))
    assert relevant(ours) == relevant(on_linux("args", *words).stdout)
    assert run.rc == qemu.OK


def test_bad_pointers():
    def told(text):
        return [line for line in text.splitlines() if line.strip()]  # Linux writes none of a page that goes wrong
    run = programs(["run badptr", "run badptr read"], "frames=16 log=quiet")
    assert run.statuses() == [("badptr", "ok")] * 2
    assert told(printed_by_programs(run.output("run badptr"))) == told(on_linux("badptr").stdout)


def test_output_is_whole():
    """Program output and events share the line; neither may tear the other."""
    run = programs(["run sorts 200 & stamp 20 2 & hello"], "frames=30", screen=False)
    printed = printed_by_programs(run.output("run sorts 200 & stamp 20 2 & hello"))
    for command in ("sorts 200", "stamp 20 2", "hello"):
        text = on_linux(*command.split()).stdout
        assert text in printed
        printed = printed.replace(text, "")
    assert printed == ""
