# SPDX-License-Identifier: MIT
"""Scenarios: each boots the kernel in QEMU, lets it work, and reads its serial line. `make` builds what they
boot; every test has guests of its own, so they may run in parallel (-n 2)."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
pytest.register_assert_rewrite("scenario")

from scenario import Run  # noqa: E402
from tools import mkiso, qemu  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes many seconds, so it starts first")
    config.addinivalue_line("markers", "xdist_group(name): runs where the others of this name run")


@pytest.hookimpl(tryfirst=True)  # before xdist looks at the groups
def pytest_collection_modifyitems(items):
    """With -n --dist loadgroup: who shares a guest or a build with others of its module runs where they run. At the end
    there are short tests only, so that all workers end at once."""
    for item in items:
        if any(f.scope == "module" for named in item._fixtureinfo.name2fixturedefs.values() for f in named):
            item.add_marker(pytest.mark.xdist_group(item.module.__name__))
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session", autouse=True)
def built():
    for name in ("faultline.elf", "initrd.tar"):
        if not (ROOT / "build" / name).exists():
            pytest.exit(f"build/{name} is missing: run make first", returncode=1)


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
ata0: enabled=1
ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15
ata1-master: type=cdrom, path={iso}, status=inserted
com1: enabled=1, mode=file, dev={serial}
log: {log}
panic: action=fatal
"""


@pytest.fixture
def bochs(tmp_path):
    """=> a function that boots monitor commands, with a file as hda if `disk` is given. It has no use for the
    exit status, which is 1 at best."""
    if not shutil.which("bochs"):
        pytest.skip("bochs is not installed: make deps installs it")

    def boot(commands, append, disk=None):
        iso, serial, log = tmp_path / "faultline.iso", tmp_path / "serial", tmp_path / "bochs.log"
        line = qemu.kernel_command_line(append, "; ".join([*commands, "quit"]))
        mkiso.make_iso(iso, line, ROOT / qemu.KERNEL, ROOT / qemu.INITRD)
        vgabios = next(p for p in ("/usr/share/vgabios/vgabios.bin", "/usr/share/bochs/VGABIOS-lgpl-latest")
                       if os.path.exists(p))
        rc = BOCHS.format(iso=iso, serial=serial, log=log, vgabios=vgabios)
        if disk:
            rc += f"ata0-master: type=disk, path={disk}, mode=flat\n"
        (tmp_path / "rc").write_text(rc)
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
