# SPDX-License-Identifier: MIT
"""What scenarios share: booting a script of monitor commands, and taking the log apart by command."""
import pathlib
import re
import subprocess

import logmodel
import pytest
from tools import qemu

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILT_PROGRAMS = ROOT / "build" / "initrd" / "bin"

# Most scenarios have no VGA: its BIOS takes its time, and drawing every line of a long log takes most of it.
NO_SCREEN = ("-vga", "none")


class Run:
    """A finished guest, its log cut into the outputs of the monitor's commands."""

    def __init__(self, result):
        self.result, self.rc, self.log = result, result.rc, result.log
        before, *rest = re.split(r"^faultline> ", self.log, flags=re.MULTILINE)
        self.boot_log = before
        self.commands = [tuple(part.partition("\n")[::2]) for part in rest]

    def output(self, command, nth=0):
        """What a command printed the nth time, log lines included."""
        found = [text for name, text in self.commands if name == command]
        assert found, f"{command!r} did not run:\n{self.result.tail()}"
        return found[nth]

    def vmstat(self):
        return {key: int(value) for key, value in re.findall(r"^(\w+) (\d+)$", self.output("vmstat"), re.MULTILINE)}

    def summaries(self):
        return logmodel.summaries(self.log)

    def rows(self):
        return logmodel.rows(self.log)

    def statuses(self):
        """=> [(program, how it ended)] in the order of the tables"""
        return [(row["name"], row["status"]) for row in self.rows()]

    def kills(self):
        return logmodel.events(self.log, "kill")


def boot(commands, append="", screen=False, **options):
    """Runs the commands, then quit. => Run. A guest that hangs or resets fails the test, with its last lines."""
    if not screen:
        options["extra"] = (*options.get("extra", ()), *NO_SCREEN)
    result = qemu.run(append, run="; ".join([*commands, "quit"]), **options)
    assert result.rc in (qemu.OK, qemu.FAILED), f"{result.reason}\n{result.tail()}\n{result.stderr}"
    return Run(result)


def free_memory(run, nth):
    """=> (free frames, free slots) at the nth `buddy` and `swap`"""
    frames = re.search(r"^free (\d+) of", run.output("buddy", nth), re.MULTILINE)
    slots = re.search(r" free=(\d+) ", run.output("swap", nth))
    return int(frames[1]), int(slots[1]) if slots else None


def programs(commands, append="", **options):
    """Boots the commands between two looks at free memory. Whatever they do, no frame and no slot may be lost
    and every invariant must hold. => Run"""
    run = boot(["slab reap", "buddy", "swap", *commands, "check", "slab reap", "buddy", "swap"], append, **options)
    assert run.output("check").endswith("check: ok\n"), run.result.tail()
    assert free_memory(run, 0) == free_memory(run, -1), run.result.tail()
    assert "PANIC" not in run.log
    return run


def on_linux(program, *args):
    """Runs the same binary on this machine. => CompletedProcess"""
    path = BUILT_PROGRAMS / program
    try:
        return subprocess.run([program, *args], executable=path, env={}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    except OSError as e:
        pytest.skip(f"this machine does not run i386 Linux programs: {e}")


def printed_by_programs(output):
    """A run command's output without events, table and summary."""
    text = re.split(r"^ +pid name +status ", output, flags=re.MULTILINE)[0]
    return "".join(line for line in text.splitlines(keepends=True) if not logmodel.STAMPED.fullmatch(line.rstrip("\n")))
