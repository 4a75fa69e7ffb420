# SPDX-License-Identifier: MIT
"""Recordings: the same bytes again, and under gdb backwards, from a checksum that does not match to the store that did
it. The session is that of docs/labs/going-backwards.md: its commands are run as they are printed there, and gdb must
say what the page says. (After a change that moves it, read what moved, and rewrite it with tools/gdb/transcript.py
--update.)"""
import os
import pathlib
import pty
import re
import select
import shlex
import shutil
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from tools import qemu, record  # noqa: E402
from tools.gdb.transcript import (  # noqa: E402
    LAB, as_text, debug, log_lines, make, same_for_every_build, transcript, variables_of)

PROVOKED = "] swap slot="
LIMIT = 60  # seconds for one guest, on a busy machine

pytestmark = pytest.mark.skipif(not shutil.which("qemu-img"), reason="no qemu-img here: make deps installs it")


def tool(what, directory, *words, path=None):
    """Runs tools/record.py. => CompletedProcess"""
    env = os.environ | ({"PATH": str(path)} if path else {})
    return subprocess.run([sys.executable, ROOT / "tools/record.py", what, "--directory", directory, *words], env=env,
                          cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=2 * LIMIT,
                          preexec_fn=qemu.die_with_parent())


def variables(target):
    return variables_of(LAB.read_text(), target)


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """What the lab records. => (directory, what `make record` printed)"""
    directory = tmp_path_factory.mktemp("recording")
    return directory, make("record", *variables("record"), f"REPLAY={directory}")


# The lab ---------------------------------------------------------------------------------------------

def without_figures(text):
    """What depends on the instruction at which the clock ticks."""
    text = re.sub(r"(print \$noticed.*\n\$\d+ = )\d+", r"\1N", text)
    return same_for_every_build(text)


def value(answer):
    """What `print` says."""
    return re.fullmatch(r"\$\d+ = (.*)", answer)[1]


def test_backwards_to_the_store_that_did_it(recording, tmp_path):
    directory, log = recording
    wanted = transcript(LAB.read_text())
    commands = [command for command, _ in wanted]
    answers, replayed = debug([f"REPLAY={directory}"], commands, tmp_path, target="replay-debug")
    said = list(zip(commands, answers))

    def after(command, nth=0):
        return [answer for c, answer in said if c == command][nth]

    # at the mismatch, which is the one of the log
    complaint = re.search(r"\] swap slot=(\d+) checksum=(\w+) expected=(\w+)\n"
                          r".*\] kill pid=(\d+) name=stamp .* va=(\w+) .*the swap disk returned corrupt data", log)
    slot, found, expected, pid, va = complaint.groups()
    assert found != expected and "bad_checksum (" in after("continue")
    assert value(after("print s")) == f"{{n = {slot}}}"
    # the store
    assert re.search(r"in gauge_update \(\) at kernel/gauge\.c:\d+", after("reverse-continue"))
    assert re.search(r"^#\d  .*pit_interrupt \(\)", after("backtrace 4", 1), re.MULTILINE)
    before, stored = (int(value(after("print/x (*$copy)[1023]", nth)), 16) for nth in (0, 1))
    assert before > 1 << 16 and 128 <= stored < 1000, "a pattern, and a number of faults"
    assert int(value(after("print $noticed - vmstat.pgfault"))) > 5, "it is noticed much later"
    # the eviction: of the page that will be missed, when it was whole
    assert "in evict_page (" in after("backtrace 7") and "evict_page (" in after("reverse-continue", 2)
    assert value(after("print f->pmap->tag")) == pid
    assert value(after("print/x f->va")) == va
    assert int(value(after("print/x (*$content)[1023]")), 16) == before
    # the pointer: to a page of another program, which ends before
    assert "find_word" in after("reverse-continue", 3)
    assert value(after("print gauge.word == &(*$copy)[1023]")) == "1"
    assert value(after("print gauge.pid")) == value(after("print current->result.pid")) != pid
    assert PROVOKED not in replayed, "time was turned back"

    assert without_figures(as_text(said)) == without_figures(as_text(wanted)), \
        "docs/labs/going-backwards.md is out of date: see tools/gdb/transcript.py"


def test_the_labs_log_is_what_the_run_prints(recording):
    """Of a recording, and of `make run` with ICOUNT=1."""
    wanted = same_for_every_build("\n".join(log_lines(LAB.read_text())))
    of_run = subprocess.run(["make", "run", *variables("run")], cwd=ROOT, stdin=subprocess.DEVNULL, text=True,
                            capture_output=True, timeout=LIMIT, preexec_fn=qemu.die_with_parent()).stdout
    for log in (recording[1], of_run):
        lines = [line for line in log.splitlines() if re.search(r"\] (swap|kill) ", line)]
        assert same_for_every_build("\n".join(lines)) == wanted
    assert [v for v in variables("run") if v != "ICOUNT=1"] == variables("record")


# Replaying -------------------------------------------------------------------------------------------

def test_replay_sends_the_same_bytes(recording):
    directory, log = recording
    assert make("replay-run", f"REPLAY={directory}") == log and PROVOKED in log
    was, now = ((directory / name).read_bytes() for name in (record.RECORDED_LOG, record.REPLAYED_LOG))
    assert was == now and len(was) > 500


def test_a_replay_that_differs_is_noticed(recording, tmp_path):
    """As if the recorded guest had sent something else."""
    shutil.copytree(recording[0], tmp_path, dirs_exist_ok=True)
    text = (tmp_path / record.RECORDED_LOG).read_bytes()
    at = text.index(b"checksum=")
    (tmp_path / record.RECORDED_LOG).write_bytes(text[:at] + b"C" + text[at + 1:])
    done = tool("replay", tmp_path)
    assert done.returncode == 1 and done.stdout == recording[1]
    assert f"replay: it went another way after {at} of {len(text)} bytes (the guest reported failure)" in done.stderr


def type_at_prompts(process, terminal, lines):
    """Types each line when the prompt is there. => what came"""
    text, deadline = b"", time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                text += os.read(terminal, 4096)
            except OSError:  # the other end is closed
                break
        elif process.poll() is not None:
            break
        if lines and text.endswith(qemu.PROMPT.encode()):
            os.write(terminal, lines.pop(0).encode() + b"\n")
            text += b"\n"
    return text.decode()


def test_what_is_typed_is_replayed(tmp_path):
    terminal, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "tools/record.py", "record", "--directory", tmp_path, "--run", "run hello",
                           "--append", "log=quiet"], cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs,
                          preexec_fn=qemu.die_with_parent()) as process:
        os.close(theirs)
        try:
            text = type_at_prompts(process, terminal, ["run scan 40 1", "nosuch", "quit"])
        finally:
            process.kill()
            os.close(terminal)
    assert process.returncode == 0 and f"record: ok; recorded in {tmp_path}" in text, text
    replayed = tool("replay", tmp_path)
    assert replayed.returncode == 0, replayed.stderr
    assert re.search(r"^scan: ok pages=40 rounds=1$.*^nosuch: no such command.*^quit: 0 failures$", replayed.stdout,
                     re.MULTILINE | re.DOTALL)


def test_a_disk_is_replayed(tmp_path):
    """Its transfers end at the same instructions; the file behind it is not touched."""
    image = tmp_path / "swap.img"
    image.write_bytes(bytes(1 << 20))
    done = tool("record", tmp_path, "--append", "frames=24 swap=hda log=swap", "--run", "run scan 28 1",
                "--swap-image", image)
    assert done.returncode == 0 and "] swap-in slot=" in done.stdout and "scan: ok" in done.stdout, done.stderr
    assert image.read_bytes() == bytes(1 << 20)
    again = tool("replay", tmp_path)
    assert again.returncode == 0 and again.stdout == done.stdout, again.stderr


def test_a_hang_is_recorded(tmp_path):
    """QEMU is stopped in a way that keeps the recording."""
    done = tool("record", tmp_path, "--append", "log=quiet", "--run", "provoke hang", "--timeout", "2")
    assert done.returncode == 0 and f"record: hung: stopped after 2 s; recorded in {tmp_path}" in done.stderr
    answers, log = debug([f"REPLAY={tmp_path}"], ["tbreak provoke.c:run", "continue", "print argv[1]"], tmp_path,
                         target="replay-debug")
    assert answers[-1].endswith('"hang"') and log.endswith("faultline> provoke hang\n")


# What cannot be done ---------------------------------------------------------------------------------

def test_refusals(tmp_path):
    """Each says why, and what to do; a recording that is there stays."""
    kernel = tmp_path / "kernel.elf"
    shutil.copy(ROOT / qemu.KERNEL, kernel)
    only_qemu = tmp_path / "bin"
    only_qemu.mkdir()
    (only_qemu / "qemu-system-i386").symlink_to(shutil.which("qemu-system-i386"))
    there = tmp_path / "there"

    def refused(what, message, *words, directory=there, **options):
        done = tool(what, directory, *words, **options)
        assert done.returncode == qemu.BROKEN and done.stderr == f"{what}: {message}\n" and done.stdout == "", done

    empty = tmp_path / "empty"
    for what in ("replay", "debug"):
        refused(what, f"there is no recording in {empty}: make record makes one", directory=empty)
    refused("record", "qemu-img: not found (make deps installs it: qemu-utils)", directory=empty, path=only_qemu)
    refused("record", "qemu-system-i386: not found (make deps installs what is missing)", path=tmp_path)

    assert tool("record", there, "--kernel", kernel, "--append", "log=quiet").returncode == 0
    refused("record", "swap=hdc cannot be recorded; expected the ramdisk, zram, hda, hdb, hdd", "--append", "swap=hdc")
    refused("record", f"{tmp_path}/no.img: not found; `make record APPEND=swap=hda` makes it", "--append", "swap=hda",
            "--swap-image", tmp_path / "no.img")
    refused("record", "ISO=1 cannot be recorded: GRUB hangs while QEMU counts instructions", "--iso")
    assert tool("replay", there).returncode == 0

    session = (there / record.SESSION).read_text()
    (there / record.SESSION).write_text(session.replace("QEMU emulator version", "QEMU emulator version 0."))
    done = tool("replay", there)
    assert done.returncode == qemu.BROKEN and "and only that can replay it; this is QEMU emulator" in done.stderr
    (there / record.SESSION).write_text(session)

    with open(kernel, "ab") as f:
        f.write(b"rebuilt")
    for what in ("replay", "debug"):
        refused(what, f"{kernel} is not what it was when {there} was recorded, so addresses and instructions differ: "
                      'make record again (the kernel\'s command line was log=quiet run="quit")')


def test_make_hands_over_the_variables(tmp_path):
    words = ["RUN=run hello; ps", "FRAMES=20", "APPEND=seed=7", "MEM=32M", f"REPLAY={tmp_path}", "TIMEOUT=9"]
    said = subprocess.run(["make", "-n", "record", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    words = shlex.split(next(line for line in said.splitlines() if "tools/record.py" in line))
    for option, wanted in {"--directory": str(tmp_path), "--run": "run hello; ps", "--append": "frames=20 seed=7",
                           "--mem": "32M", "--timeout": "9"}.items():
        assert words[words.index(option) + 1] == wanted
