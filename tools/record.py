#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Records a run of Faultline in QEMU and runs it again, instruction for instruction: the back end of `make record`,
`make replay-run` and `make replay-debug`.

A recording is a directory:

    events.bin       what came from outside, and at which instruction: interrupts, typed characters
    snapshots.qcow2  the machine's state at the start, and what else `monitor savevm` of a replay puts there
    serial.log       what the guest sent over the serial line
    replay.log       the same of the last replay
    swap.qcow2       the disk that swap= names, if any: a copy, so that the file itself stays as it was
    session.json     the command line of QEMU, and what it ran: its presence says that the recording is whole

QEMU counts instructions while it records (one tick is one, as with ICOUNT=1), and goes back by going to a snapshot
and forwards from there.
"""
import argparse
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import qemu  # noqa: E402

ROOT = qemu.ROOT
EVENTS, SNAPSHOTS, SWAP, SESSION = "events.bin", "snapshots.qcow2", "swap.qcow2", "session.json"
RECORDED_LOG, REPLAYED_LOG = "serial.log", "replay.log"
SNAPSHOT_DISK = "64M"  # its size matters to nobody: only the snapshots in it are used
FIRST_SNAPSHOT = "start"
# With the APIC's virtual page a replay that loads a snapshot waits for ever: the reset in it asks the CPU's thread,
# which waits for the replay.
NO_VAPIC = ("-global", "apic-common.vapic=off")
DISK_PLACES = {"hda": "ide.0,unit=0", "hdb": "ide.0,unit=1", "hdd": "ide.1,unit=1"}
POLL_S = 0.01
GRACE_S = 20  # for QEMU to write the end of the recording


class Refused(Exception):
    """Why it cannot be done, for people."""


# What a recording consists of ------------------------------------------------------------------------

def fingerprint(path):
    return hashlib.sha256((ROOT / path).read_bytes()).hexdigest()


def qemu_version():
    return subprocess.run(["qemu-system-i386", "--version"], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True).stdout.splitlines()[0]


def option(path):
    """A path as part of an option of QEMU's."""
    return str(path).replace(",", ",,")


def command_line(mode, directory, facts, serial):
    """QEMU's, to record or to replay.

    shift=0: one tick is one instruction. The guest cannot be made to skip its idle time (sleep=off): recordings would
    hang. A disk's transfers are recorded, too: they end at the same instruction again."""
    command = [*facts["machine"], "-serial", serial, *NO_VAPIC,
               "-drive", f"file={option(directory / SNAPSHOTS)},if=none,id=snapshots,format=qcow2",
               "-icount", f"shift=0,rr={mode},rrfile={option(directory / EVENTS)},rrsnapshot={FIRST_SNAPSHOT}"]
    if facts["disk"]:
        command += ["-drive", f"file={option(directory / SWAP)},if=none,id=swap-image,format=qcow2",
                    "-drive", "driver=blkreplay,if=none,image=swap-image,id=swap-disk",
                    "-device", f"ide-hd,drive=swap-disk,bus={DISK_PLACES[facts['disk']]},werror=report,rerror=report"]
    return command


def make_image(*words):
    try:
        done = subprocess.run(["qemu-img", *map(str, words)], cwd=ROOT, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)
    except FileNotFoundError:
        raise Refused("qemu-img: not found (make deps installs it: qemu-utils)") from None
    if done.returncode != 0:
        raise Refused(f"qemu-img: {done.stderr.strip()}")


class Session:
    """What session.json says: a recording that can be replayed."""

    def __init__(self, directory):
        self.directory = directory
        try:
            self.facts = json.loads((directory / SESSION).read_text())
        except FileNotFoundError:
            raise Refused(f"there is no recording in {shown(directory)}: make record makes one") from None
        for path, was in self.facts["files"].items():
            if not (ROOT / path).exists() or fingerprint(path) != was:
                raise Refused(f"{path} is not what it was when {shown(directory)} was recorded, so addresses and "
                              f"instructions differ: make record again (the kernel's command line was "
                              f"{self.facts['append']})")
        if qemu_version() != self.facts["qemu"]:
            raise Refused(f"the recording was made by {self.facts['qemu']}, and only that can replay it; "
                          f"this is {qemu_version()}")

    def command(self, serial, gdb=None):
        command = command_line("replay", self.directory, self.facts, serial)
        return command + (qemu.gdb_arguments(gdb) if gdb else [])


def shown(path):
    try:
        return path.relative_to(ROOT)
    except ValueError:
        return path


# Recording -------------------------------------------------------------------------------------------

def facts_of(args, append):
    """=> what a replay must know; refuses what cannot be recorded"""
    disk = qemu.disk_in(args.append)
    if args.iso:
        raise Refused("ISO=1 cannot be recorded: GRUB hangs while QEMU counts instructions")
    if disk and disk not in DISK_PLACES:
        raise Refused(f"swap={disk} cannot be recorded; expected the ramdisk, zram, {', '.join(DISK_PLACES)}")
    if disk and not (ROOT / args.swap_image).exists():
        raise Refused(f"{args.swap_image}: not found; `make record APPEND=swap={disk}` makes it")
    machine = qemu.qemu_command(append=append, mem=args.mem, kernel=args.kernel, initrd=args.initrd, serial="none")
    at = machine.index("-serial")
    del machine[at:at + 2]  # where it goes differs
    return {"machine": machine, "disk": disk, "append": append, "kernel": args.kernel,
            "files": {path: fingerprint(path) for path in (args.kernel, args.initrd)}, "qemu": qemu_version()}


def make_images(args, directory, facts):
    directory.mkdir(parents=True, exist_ok=True)
    for name in (SESSION, EVENTS, SNAPSHOTS, SWAP, RECORDED_LOG, REPLAYED_LOG):
        (directory / name).unlink(missing_ok=True)
    make_image("create", "-q", "-f", "qcow2", directory / SNAPSHOTS, SNAPSHOT_DISK)
    if facts["disk"]:
        make_image("convert", "-f", "raw", "-O", "qcow2", args.swap_image, directory / SWAP)


def stop(process):
    """Ends QEMU so that it writes the end of the recording. => false if it had to be killed"""
    process.terminate()
    try:
        process.wait(GRACE_S)
        return True
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False


def watch(process, log, out, timeout):
    """Copies what comes to the log to `out` until QEMU ends. => why it was stopped, "" if it ended by itself"""
    until = time.monotonic() + timeout if timeout else None

    def copy():
        out.write(log.read().replace(b"\r\n", b"\n"))
        out.flush()

    while process.poll() is None:
        try:
            copy()
            if until and time.monotonic() >= until:
                return f"hung: stopped after {timeout:g} s"
            time.sleep(POLL_S)
        except KeyboardInterrupt:
            return "interrupted"
    copy()
    return ""


def record(args, directory):
    """=> 0 if there is a recording, whatever became of the guest"""
    terminal = sys.stdin.isatty()
    append = qemu.kernel_command_line(args.append, args.run, quit_at_end=not terminal)
    facts = facts_of(args, append)
    make_images(args, directory, facts)
    # to a file and not to a pipe: a slow reader would take the guest's time
    with open(directory / RECORDED_LOG, "wb") as serial, open(directory / RECORDED_LOG, "rb") as log:
        process = subprocess.Popen(command_line("record", directory, facts, "stdio"), cwd=ROOT, stdout=serial,
                                   stdin=None if terminal else subprocess.DEVNULL,
                                   preexec_fn=qemu.die_with_parent())
        try:
            stopped = watch(process, log, sys.stdout.buffer, 0 if terminal else args.timeout)
            whole = not stopped or stop(process)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    rc, reason = (qemu.HUNG, stopped) if stopped else qemu.explain(process.returncode)
    if rc == qemu.BROKEN or not whole:
        print(f"record: {reason}; there is no recording", file=sys.stderr)
        return qemu.BROKEN
    (directory / SESSION).write_text(json.dumps(facts, indent=1) + "\n")
    print(f"record: {reason}; recorded in {shown(directory)}", file=sys.stderr)
    return qemu.OK


# Replaying -------------------------------------------------------------------------------------------

def replay(args, directory):
    """Runs the recording again. => 0 if it sent the same bytes, whatever became of the guest"""
    session = Session(directory)
    out = directory / REPLAYED_LOG
    out.unlink(missing_ok=True)
    process = subprocess.Popen(session.command(f"file:{out}"), cwd=ROOT, stdin=subprocess.DEVNULL,
                               preexec_fn=qemu.die_with_parent())
    try:
        process.wait(args.timeout)
    except subprocess.TimeoutExpired:
        pass
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    was, now = (directory / RECORDED_LOG).read_bytes(), out.read_bytes() if out.exists() else b""
    sys.stdout.buffer.write(now.replace(b"\r\n", b"\n"))
    sys.stdout.flush()
    if was == now:
        return 0
    same = len(os.path.commonprefix([was, now]))
    print(f"\nreplay: it went another way after {same} of {len(was)} bytes ({qemu.explain(process.returncode)[1]})",
          file=sys.stderr)
    return 1


def debug(args, directory):
    session = Session(directory)
    out = pathlib.Path(os.environ.get("FAULTLINE_LOG", directory / REPLAYED_LOG))
    return qemu.under_gdb(session.facts["kernel"], args.gdb, session.command, out)


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    ap.add_argument("what", choices=("record", "replay", "debug"))
    ap.add_argument("--directory", default="build/replay", help="the recording")
    ap.add_argument("--timeout", type=float, default=600, help="in seconds; not of a recording with a terminal")
    ap.add_argument("--gdb", metavar="GDBFLAGS", default="", help="of debug: more words for gdb")
    ap.add_argument("--kernel", default=qemu.KERNEL)
    ap.add_argument("--initrd", default=qemu.INITRD)
    ap.add_argument("--mem", default="64M")
    ap.add_argument("--append", default="", help="of record: the kernel's command line, without run=")
    ap.add_argument("--run", default="", help="of record: monitor commands, separated by ;")
    ap.add_argument("--swap-image", default=qemu.SWAP_IMAGE, help="of record: the file behind the disk of swap=")
    ap.add_argument("--iso", action="store_true", help=argparse.SUPPRESS)
    ap.add_argument("--icount", action="store_true", help=argparse.SUPPRESS)  # always
    ap.add_argument("--window", help=argparse.SUPPRESS)
    args = ap.parse_args()
    qemu.when_parent_ends(signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    if not shutil.which("qemu-system-i386"):
        print("record: qemu-system-i386: not found (make deps installs what is missing)", file=sys.stderr)
        return qemu.BROKEN
    try:
        return {"record": record, "replay": replay, "debug": debug}[args.what](args, (ROOT / args.directory).resolve())
    except Refused as e:
        print(f"{args.what}: {e}", file=sys.stderr)
        return qemu.BROKEN
    except KeyboardInterrupt:
        print(f"\n{args.what}: interrupted", file=sys.stderr)
        return qemu.INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
