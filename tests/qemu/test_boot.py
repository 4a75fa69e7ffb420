# SPDX-License-Identifier: MIT
"""The other ways in: GRUB from a CD in QEMU, and Bochs, a second opinion on what the hardware does."""
import os
import re
import shutil
import subprocess

import logmodel
import pytest
from scenario import ROOT, Run, programs
from tools import mkiso, qemu


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


BOCHS = """\
config_interface: textconfig
display_library: rfb, options="timeout=0"
sound: driver=dummy
memory: guest=64, host=64
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file={vgabios}
cpu: model=p3_katmai, ips=50000000, reset_on_triple_fault=0
clock: sync=none
boot: cdrom
ata0-master: type=cdrom, path={iso}, status=inserted
com1: enabled=1, mode=file, dev={serial}
log: {log}
panic: action=fatal
"""


@pytest.fixture
def bochs(tmp_path):
    """=> a function that boots monitor commands. It has no use for the exit status, which is 1 at best."""
    if not shutil.which("bochs"):
        pytest.skip("bochs is not installed: make deps installs it")

    def boot(commands, append):
        iso, serial, log = tmp_path / "faultline.iso", tmp_path / "serial", tmp_path / "bochs.log"
        line = qemu.kernel_command_line(append, "; ".join([*commands, "quit"]))
        mkiso.make_iso(iso, line, ROOT / qemu.KERNEL, ROOT / qemu.INITRD)
        vgabios = next(p for p in ("/usr/share/vgabios/vgabios.bin", "/usr/share/bochs/VGABIOS-lgpl-latest")
                       if os.path.exists(p))
        (tmp_path / "rc").write_text(BOCHS.format(iso=iso, serial=serial, log=log, vgabios=vgabios))
        (tmp_path / "debugger").write_text("c\n")  # Debian's has the internal debugger, which waits for a command
        try:
            subprocess.run(["bochs", "-q", "-f", tmp_path / "rc", "-rc", tmp_path / "debugger"], cwd=tmp_path,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=100)
            reason = "ended"
        except subprocess.TimeoutExpired:
            reason = "hung"
        text = serial.read_bytes().decode("latin-1").replace("\r\n", "\n") if serial.exists() else ""
        end = re.search(r"^quit: (\d+) failure", text, re.MULTILINE)
        rc = qemu.HUNG if reason == "hung" else qemu.RESET if not end else qemu.FAILED if int(end[1]) else qemu.OK
        return Run(qemu.Result(rc, rc == qemu.OK, text, reason, log.read_text(errors="replace")[-2000:]))

    return boot


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
