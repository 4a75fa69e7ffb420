# SPDX-License-Identifier: MIT
"""An ATA disk as swap: by DMA and by PIO, with and without errors of the disk, and disks that must not be used.
Files make the disks, so these guests are not under icount, and nothing here depends on time."""
import re
import subprocess
import sys

import logmodel
import pytest
from scenario import ROOT, boot, programs
from tools import qemu

MODES = {"dma": "swap=hda", "pio": "swap=hda atadma=off"}
PAGE, SECTOR = 4096, 512
MARK = b"FAULTLINE-SWAP\0"
EACH = ["run matmul 48", "run qsort 30000", "run btree 1500", "run hashjoin 2000", "run stamp 70 3"]


@pytest.fixture
def disk(tmp_path):
    """=> a function that makes a blank disk"""
    def make(pages=2048, name="swap.img"):
        path = tmp_path / name
        with open(path, "wb") as f:
            f.truncate(pages * PAGE)
        return path
    return make


@pytest.fixture
def failing(disk, tmp_path):
    """=> a function that makes a disk which fails at the given (direction, slot), each time but the first
    `times` if that is given; slot -1 is the mark."""
    def make(*faults, times=None):
        conf = tmp_path / "blkdebug.conf"
        rule = '[inject-error]\nevent = "none"\niotype = "{}"\nerrno = "5"\nsector = "{}"\nonce = "{}"\n'
        conf.write_text("\n".join(rule.format(direction, (slot + 1) * (PAGE // SECTOR), "on" if times else "off")
                                  for direction, slot in faults for _ in range(times or 1)))
        image = disk()
        with open(image, "r+b") as f:
            f.write(MARK)  # or the kernel would read on to see whether the disk is blank, and meet the fault
        return f"blkdebug:{conf}:{image}"
    return make


def figures(run, nth=0):
    """=> what the command ata printed, as a dictionary"""
    line = next(line for line in run.output("ata", nth).splitlines() if line.startswith("ata: "))
    return {key: int(value) if value.isdigit() else value
            for key, value in re.findall(r'([\w-]+)=("[^"]*"|\S+)', line)}


# Working ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("frames", [12, 48])
def test_each_program(frames, mode, disk):
    run = programs([*EACH, "ata", "vmstat"], f"{MODES[mode]} frames={frames}", disks={"hda": disk()}, screen=False)
    assert run.rc == qemu.OK
    assert run.statuses() == [(command.split()[1], "ok") for command in EACH]
    logmodel.check(run.log)
    ata, vmstat = figures(run), run.vmstat()
    assert ata["mode"] == mode and ata["model"] == '"QEMU HARDDISK"' and ata["size"] == "8192K"
    assert (ata["reads"], ata["writes"]) == (vmstat["pswpin"], vmstat["pswpout"])
    assert ata["reads"] > 300 and ata["writes"] > 100
    assert ata["sectors"] == (ata["reads"] + ata["writes"]) * (PAGE // SECTOR)
    assert [ata[key] for key in ("errors", "timeouts", "retries", "failed")] == [0] * 4


@pytest.mark.parametrize("mode", MODES)
def test_threads_at_once(mode, disk):
    """Kernel threads with runs of 1 to 32 pages: the disk's own test, and proof that others run while one waits."""
    run = programs(["ktest", "ata"], f"{MODES[mode]} log=quiet", disks={"hda": disk()})
    assert run.rc == qemu.OK
    assert re.search(r"^ok \d+ the swap disk keeps apart", run.output("ktest"), re.MULTILINE)
    assert "not ok" not in run.output("ktest")
    ata = figures(run)
    assert ata["most-waiting"] == 4 and ata["errors"] == ata["failed"] == 0
    assert ata["sectors"] > (ata["reads"] + ata["writes"]) * (PAGE // SECTOR)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("frames", [12, 64])
def test_programs_at_once(frames, mode, disk):
    """In few frames they take turns; in 64, several wait for the disk at once."""
    names = [command.split()[1] for command in EACH]
    run = programs([EACH[0] + " & " + " & ".join(c[len("run "):] for c in EACH[1:]), "ata"],
                   f"{MODES[mode]} frames={frames} log=quiet", disks={"hda": disk()})
    assert run.rc == qemu.OK
    assert run.statuses() == [(name, "ok") for name in names]
    assert frames == 12 or figures(run)["most-waiting"] > 1


@pytest.mark.parametrize("name", qemu.DISKS)
def test_every_place(name, disk):
    """With a second disk beside it on the cable, which must stay as it is."""
    other = {"hda": "hdb", "hdb": "hda", "hdc": "hdd", "hdd": "hdc"}[name]
    images = {name: disk(name=name), other: disk(name=other)}
    run = programs(["run stamp 40 2", "ata"], f"swap={name} frames=16 log=quiet", disks=images)
    assert run.rc == qemu.OK and figures(run)["disk"] == name and figures(run)["writes"] > 40
    assert images[name].read_bytes().startswith(MARK)
    assert not any(images[other].read_bytes())


def test_grub(disk):
    run = programs(["run stamp 40 2", "ata"], "swap=hda frames=16 log=quiet", disks={"hda": disk()}, iso=True)
    assert run.rc == qemu.OK and figures(run)["writes"] > 40


def test_bochs(bochs, disk):
    """Another controller, another disk, by the same books."""
    for mode, append in MODES.items():
        run = bochs(["ktest", "run matmul 40", "ata", "check"], f"{append} frames=24 log=quiet", disk=disk())
        assert run.rc == qemu.OK, run.result.tail() + run.result.stderr
        assert run.statuses() == [("matmul", "ok")]
        assert run.output("check") == "check: ok\n"
        ata = figures(run)
        assert ata["mode"] == mode and ata["most-waiting"] == 4 and ata["errors"] == ata["timeouts"] == 0


def test_pci():
    listing = boot(["pci"], "log=quiet").output("pci")
    assert re.search(r"^  00:01\.1 8086:7010 class=01\.01\.80 IDE controller$", listing, re.MULTILINE)
    assert re.search(rf"^pci: {listing.count('class=')} devices$", listing, re.MULTILINE)


# Errors ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("direction", ["read", "write"])
def test_an_error_that_passes_is_not_noticed(direction, mode, failing):
    run = programs(["run stamp 70 3", "ata", "vmstat"], f"{MODES[mode]} frames=48 log=quiet",
                   disks={"hda": failing((direction, 5), times=1)})
    assert run.rc == qemu.OK
    ata = figures(run)
    assert (ata["errors"], ata["retries"], ata["failed"], ata["timeouts"]) == (1, 1, 0, 0)
    assert run.vmstat()["swap_error"] == 0
    error, = logmodel.events(run.log, "disk-error")
    assert error.group("disk", "direction", "sector", "count", "attempt") == ("hda", direction, "48", "8", "1")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("times", [2, None])
def test_failed_write(times, mode, failing):
    """Twice, which the retry does not cure, or for ever: another slot or another victim is found."""
    run = programs(["run stamp 70 3", "ata", "vmstat"], f"{MODES[mode]} frames=48 log=quiet",
                   disks={"hda": failing(("write", 5), times=times)})
    assert run.rc == qemu.OK
    assert run.statuses() == [("stamp", "ok")]
    ata = figures(run)
    assert ata["failed"] == run.vmstat()["swap_error"] >= 1
    assert ata["errors"] == 2 * ata["failed"]


@pytest.mark.parametrize("mode", MODES)
def test_failed_read(mode, failing):
    """The page cannot be had: its process ends, and nothing else does."""
    run = programs(["run stamp 70 3", "ata", "run stamp 70 3", "vmstat"], f"{MODES[mode]} frames=48 log=quiet",
                   disks={"hda": failing(("read", 5), times=2)})
    assert run.rc == qemu.FAILED
    assert run.statuses() == [("stamp", "killed"), ("stamp", "ok")]
    kill, = run.kills()
    assert (kill["signal"], kill["reason"]) == ("SIGBUS", "the swap disk failed")
    ata = figures(run)
    assert (ata["errors"], ata["retries"], ata["failed"]) == (2, 1, 1)
    assert run.vmstat()["swap_error"] == 1


@pytest.mark.parametrize("mode", MODES)
def test_failed_read_among_others(mode, failing):
    run = programs(["run stamp 70 3 & matmul 48 & qsort 30000", "vmstat"], f"{MODES[mode]} frames=48 log=quiet",
                   disks={"hda": failing(("read", 5), times=2)})
    assert sorted(status for _, status in run.statuses()) == ["killed", "ok", "ok"]
    assert len(run.kills()) == run.vmstat()["swap_error"] == 1


def test_a_disk_that_hangs(disk):
    """It gets no further than a byte a second, until the command has timed out; then it is as quick as ever."""
    with qemu.Guest(append="swap=hda frames=24 log=quiet", disks={"hda": disk()}, qmp=True, timeout=120) as guest:
        def throttle(bytes_per_second):
            guest.qmp("block_set_io_throttle", device="hda", bps=bytes_per_second, bps_rd=0, bps_wr=0, iops=0,
                      iops_rd=0, iops_wr=0)
        guest.expect("^" + re.escape(qemu.PROMPT))
        throttle(1)
        guest.send("run stamp 60 2")
        guest.expect(r"disk-error disk=hda .* attempt=1 ")
        throttle(0)
        guest.expect("^" + re.escape(qemu.PROMPT))
        assert "check: ok" in guest.command("check")
        assert re.search(r" timeouts=1 retries=1 failed=0 ", guest.command("ata"))
        guest.send("quit")
        assert guest.wait().rc == qemu.OK, guest.tail()
        assert "stamp: ok" in guest.log


def test_kill_of_a_program_that_waits_for_the_disk(disk):
    with qemu.Guest(append="swap=hda frames=24 log=quiet", disks={"hda": disk()}, qmp=True) as guest:
        def throttle(bytes_per_second):
            guest.qmp("block_set_io_throttle", device="hda", bps=bytes_per_second, bps_rd=0, bps_wr=0, iops=0,
                      iops_rd=0, iops_wr=0)
        guest.expect("^" + re.escape(qemu.PROMPT))
        throttle(1)
        guest.command("run stamp 60 2 &")
        while " asleep " not in guest.command("ps").split("stamp", 1)[1]:
            pass
        guest.command("kill 1")
        throttle(0)
        assert "killed from the monitor" in guest.command("wait")
        assert "check: ok" in guest.command("check")


# Disks that must not be used -------------------------------------------------------------------------

def refused(append, **options):
    result = qemu.run(f"log=quiet {append}", run="quit", timeout=30, **options)
    assert result.rc == qemu.FAILED, result.reason + result.tail()
    assert result.log.endswith("boot: cannot go on\n")
    return result.log


def test_no_disk(disk):
    assert refused("swap=hda").startswith("disk hda: there is no such disk\n")
    assert refused("swap=hdb", disks={"hda": disk()}).startswith("disk hdb: there is no such disk\n")
    assert refused("swap=hdd").startswith("disk hdd: there is no such disk\n")


def test_cdrom():
    drive = ("-drive", "if=ide,index=2,media=cdrom")
    assert refused("swap=hdc", extra=drive).startswith("disk hdc: it is a CD-ROM or the like, not a disk\n")


def test_no_controller():
    log = refused("swap=hda", extra=("-M", "q35"))
    assert log.startswith("disk hda: there is no IDE controller on the PCI bus\n")


def test_size(disk):
    """One page for the mark, and two slots at least."""
    log = refused("swap=hda", disks={"hda": disk(pages=2)})
    assert log.startswith("disk hda: it is too small (QEMU HARDDISK, 8 KiB; swap needs 12 KiB)\n")
    assert boot(["run hello"], "swap=hda", disks={"hda": disk(pages=3)}).rc == qemu.OK


@pytest.mark.parametrize("swapmb, slots", [("", 2047), ("swapmb=1", 256), ("swapmb=400", 2047)])
def test_swapmb_is_the_most_that_is_used(swapmb, slots, disk):
    run = boot([], f"swap=hda {swapmb}", disks={"hda": disk()})
    assert f" swap=hda slots={slots}\n" in run.boot_log


@pytest.mark.parametrize("mb", [0, 1000])
def test_swapmb_out_of_range(mb, disk):
    log = refused(f"swap=hda swapmb={mb}", disks={"hda": disk()})
    assert re.match(rf"command line: swapmb={mb}: expected 1 to \d+ on this machine\n", log)


@pytest.mark.parametrize("at", [0, 510, 4096, 65600, 131071])
def test_foreign_data(at, disk):
    """A boot sector, superblocks: refused and left alone, unless forced; from then on it is ours."""
    image = disk()
    with open(image, "r+b") as f:
        f.seek(at)
        f.write(b"U")
    before = image.read_bytes()
    log = refused("swap=hda", disks={"hda": image})
    assert log.startswith("disk hda: it holds data that are not Faultline's; swapforce=1 overwrites them, all of them "
                          "(QEMU HARDDISK, 8192 KiB; ")
    assert image.read_bytes() == before
    assert boot(["run stamp 40 2"], "swap=hda frames=16 swapforce=1 log=quiet", disks={"hda": image}).rc == qemu.OK
    assert image.read_bytes().startswith(MARK)
    assert boot(["run stamp 40 2"], "swap=hda frames=16 log=quiet", disks={"hda": image}).rc == qemu.OK


@pytest.mark.parametrize("direction, reason", [("read", "its first sectors cannot be read"),
                                               ("write", "its first page cannot be written")])
def test_mark_that_fails(direction, reason, failing):
    log = refused("swap=hda", disks={"hda": failing((direction, -1))})
    assert log.startswith(f"disk hda: {reason} (")


def test_no_disk_in_use():
    assert boot(["ata"], "log=quiet").output("ata") == "ata: no disk in use (swap=hda uses one)\n"


# The tool --------------------------------------------------------------------------------------------

def tool(*arguments):
    return subprocess.run([sys.executable, "tools/qemu.py", "--append", "log=quiet swap=hda", "--run", "run hello; ata",
                           *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100)


def test_tool_attaches_the_disk(disk):
    done = tool("--swap-image", disk())
    assert done.returncode == qemu.OK and "ata: disk=hda " in done.stdout and not done.stderr


def test_tool_warns_of_icount(disk):
    done = tool("--icount", "--swap-image", disk())
    assert done.returncode == qemu.OK and "ata: disk=hda " in done.stdout
    assert done.stderr.startswith("qemu: the file behind hda takes its own time")


def test_tool_without_an_image(tmp_path):
    done = tool("--swap-image", tmp_path / "none.img")
    assert done.returncode != qemu.OK and "none.img: not found; `make run APPEND=swap=hda` makes it" in done.stderr
