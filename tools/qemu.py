#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs Faultline in QEMU: the back end of `make run`, `make debug` and `make bench`, and the way tests boot
the kernel.

For tests there are two calls:

    run(append="frames=64", run="demo; quit")      boots, waits for the end => Result
    with Guest(append=...) as g:                   a live guest: g.expect(), g.send(), g.qmp(), g.screendump()

Both stop a guest that outlives its time limit, and no QEMU survives the process that started it.
"""
import argparse
import ctypes
import dataclasses
import functools
import json
import os
import pathlib
import re
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import mkiso  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
KERNEL = "build/faultline.elf"
INITRD = "build/initrd.tar"
SWAP_IMAGE = "build/swap.img"
PROMPT = "faultline> "
TAIL_LINES = 40

# What the kernel writes to the isa-debug-exit port, as QEMU reports it: (value << 1) | 1. Only GUEST_OK is
# a pass: a triple fault under -no-reboot makes QEMU exit with 0.
GUEST_OK = 33
GUEST_FAILED = 35

# Our own exit status.
OK, FAILED, HUNG, RESET, BROKEN, INTERRUPTED = 0, 1, 2, 3, 4, 130


class GuestError(Exception):
    """The guest did not do what was expected of it; the message ends with its last lines."""


class GuestTimeout(GuestError):
    pass


@dataclasses.dataclass
class Result:
    rc: int      # 0 ok, 1 the guest reported failure, 2 hung, 3 reset, 4 QEMU itself failed
    ok: bool
    log: str     # everything that came over the serial line, lines ended by \n
    reason: str  # the end in words
    stderr: str = ""  # what QEMU itself said

    def __bool__(self):
        return self.ok

    def tail(self, lines=TAIL_LINES):
        return "\n".join(self.log.splitlines()[-lines:])


def explain(status):
    """Translates QEMU's exit status. => (rc, reason)"""
    if status == GUEST_OK:
        return OK, "ok"
    if status == GUEST_FAILED:
        return FAILED, "the guest reported failure"
    if status == 0:
        return RESET, "the guest reset (triple fault?) or was shut down"
    if status < 0:
        return BROKEN, f"QEMU was killed by {signal.Signals(-status).name}"
    return BROKEN, f"QEMU ended with status {status}"


def kernel_command_line(append="", run=None, quit_at_end=False):
    """Adds run="..." to the other words. With quit_at_end the guest powers off after its last command."""
    if quit_at_end and not re.search(r"(^|;)\s*quit(\s+\w+)?\s*;?\s*$", run or ""):
        run = f"{run}; quit" if (run or "").strip() else "quit"
    return f'{append} run="{run}"'.strip() if run else append


DISKS = ("hda", "hdb", "hdc", "hdd")


def disk_in(append):
    """=> the disk that a kernel command line swaps to, or None"""
    named = re.findall(r"(?<!\S)swap=(\S*)", append)
    return named[-1] if named and named[-1] in DISKS else None


def disk_arguments(disks):
    """Arguments for {"hda": file}. The kernel gets errors reported, rather than to be stopped by them."""
    arguments = []
    for name, file in disks.items():
        arguments += ["-drive", "file=" + str(file).replace(",", ",,") + f",format=raw,if=ide,index={DISKS.index(name)},"
                      f"id={name},media=disk,cache=unsafe,werror=report,rerror=report"]
    return arguments


def trace_arguments(file, uart=False):
    """Arguments for a file that the kernel's trace goes to: through a virtio-serial port, or the second UART. Without
    ioeventfd QEMU writes while the guest waits, so that the same run gives the same file."""
    chardev = ["-chardev", "file,id=trace0,path=" + str(file).replace(",", ",,")]
    if uart:
        return chardev + ["-serial", "chardev:trace0"]
    return chardev + ["-device", "virtio-serial-pci,ioeventfd=off", "-device", "virtserialport,chardev=trace0,nr=1"]


def traced(append, uart=False):
    """=> the command line with what a trace needs, if it does not say so itself"""
    for key, value in (("trace", "default"), ("traceport", "com2" if uart else "virtio")):
        if not re.search(rf"(?<!\S){key}=", append):
            append = f"{append} {key}={value}".strip()
    return append


def qemu_command(*, append="", mem="64M", icount=False, iso=None, kernel=KERNEL, initrd=INITRD, modules=(),
                 window=None, qmp=None, gdb=None, serial="stdio", disks=None, trace=None, trace_uart=False, extra=()):
    """The QEMU command line. qmp and gdb are paths of Unix sockets to make; window is a display's name; disks
    is {"hda": file}; modules are files that the kernel gets beside the initrd; trace is a file for what it traces."""
    disks = disks or {}
    # no defaults: the BIOS waits for their empty CD-ROM drive, for twice as long as all else takes until a prompt
    command = ["qemu-system-i386", "-M", "pc", "-nodefaults", "-m", str(mem), "-vga", "std", "-display", window or "none",
               "-nic", "none", "-no-reboot", "-monitor", "none", "-serial", serial,
               "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
    if iso:
        if icount:
            raise ValueError("icount needs a guest started by -kernel: GRUB hangs under it")
        if "hdc" in disks:
            raise ValueError("hdc is the CD-ROM that this guest boots from")
        command += ["-cdrom", str(iso), "-boot", "d"]
    else:
        command += ["-kernel", str(kernel), "-append", append]
        if initrd:
            command += ["-initrd", ",".join(str(file).replace(",", ",,") for file in (initrd, *modules))]
    if icount:
        # with sleep=off time flies while the guest is idle: it would not wait for a disk
        command += ["-icount", "shift=0,sleep=" + ("on" if disks else "off")]
    command += disk_arguments(disks)
    if trace:
        command += trace_arguments(trace, trace_uart)
    if qmp:
        command += ["-qmp", f"unix:{qmp},server=on,wait=off"]
    if gdb:
        command += gdb_arguments(gdb)
    return command + list(extra)


def gdb_arguments(path):
    """QEMU waits, before the first instruction, for a gdb that connects to the Unix socket at path."""
    return ["-S", "-chardev", f"socket,id=gdb,path={path},server=on,wait=off", "-gdb", "chardev:gdb"]


PR_SET_PDEATHSIG = 1
PRCTL = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def when_parent_ends(sig):
    """This process gets `sig` when the one that started it is gone (Linux only)."""
    if PRCTL:
        PRCTL(PR_SET_PDEATHSIG, int(sig), 0, 0, 0)


def die_with_parent(sig=signal.SIGKILL):
    """=> what a child must call between fork and exec, so that it never outlives us"""
    parent = os.getpid()

    def arrange():
        when_parent_ends(sig)
        if os.getppid() != parent:  # gone already
            os.kill(os.getpid(), sig)

    return arrange


POLL_S = 0.005  # how often a guest's serial output is looked at


class Guest:
    """A running guest. Use it in a `with`: leaving it ends QEMU.

    What it sends over the serial line goes to a file. On a pipe it would have to wait for a reader who is slow, that takes
    ticks, and on a busy machine the same run would not give the same log.

    Its `timeout` counts from the start and bounds every wait. `icount` defaults to on, except with an ISO or
    with disks. `disks` is {"hda": file}; a file may also be what QEMU takes for one, such as blkdebug:CONF:FILE.
    `trace` is a file for what the kernel traces, through a virtio-serial port or, with trace_uart, the second UART;
    without trace= in `append` it is the default classes.
    `echo`, if given, is called with each piece of serial text as it comes.
    """

    def __init__(self, *, append="", run=None, mem="64M", icount=None, timeout=60, iso=None, kernel=KERNEL,
                 initrd=INITRD, modules=(), qmp=False, disks=None, trace=None, trace_uart=False, extra=(), echo=None):
        icount = not iso and not disks if icount is None else icount
        self.dir = tempfile.mkdtemp(prefix="faultline-")
        self.qmp_path = os.path.join(self.dir, "qmp") if qmp else None
        self.deadline = time.monotonic() + timeout
        self.timeout = timeout
        self.echo = echo
        self.timed_out = False
        self._text = ""       # what came so far
        self._pending = b""   # the start of a character or of \r\n
        self._seen = 0        # what expect() has passed
        self._stderr = b""
        self._qmp = None
        self._selector = selectors.DefaultSelector()
        append = traced(append, trace_uart) if trace else append
        command = qemu_command(append=kernel_command_line(append, run), mem=mem, icount=icount, iso=iso,
                               kernel=kernel, initrd=initrd, modules=modules, qmp=self.qmp_path, disks=disks,
                               trace=trace, trace_uart=trace_uart, extra=extra)
        try:
            serial = os.path.join(self.dir, "serial")
            with open(serial, "wb") as stdout:
                self._serial = open(serial, "rb", buffering=0)
                self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=stdout,
                                                stderr=subprocess.PIPE, preexec_fn=die_with_parent())
        except BaseException:
            shutil.rmtree(self.dir, ignore_errors=True)
            raise
        os.set_blocking(self.process.stderr.fileno(), False)
        self._selector.register(self.process.stderr, selectors.EVENT_READ)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def log(self):
        return self._text

    @property
    def stderr(self):
        return self._stderr.decode(errors="replace")

    def tail(self):
        return "\n".join(["--- the guest's last lines:"] + self._text.splitlines()[-TAIL_LINES:])

    def send(self, line):
        """Types a line."""
        try:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise GuestError(f"the guest ended before it was sent {line!r}\n{self.tail()}") from None

    def _pump(self, until):
        """Reads what there is, waiting a moment if there is nothing. => false when nothing can come any more"""
        if not self._selector.get_map():
            return False
        wait = min(POLL_S, until - time.monotonic(), self.deadline - time.monotonic())
        for key, _ in self._selector.select(max(0.0, wait)):
            data = key.fileobj.read(1 << 16)
            self._stderr += data
            if not data:  # QEMU has ended
                self._selector.unregister(key.fileobj)
        self._take(self._serial.read(), last=not self._selector.get_map())
        return True

    def _take(self, data, last=False):
        data = self._pending + data
        self._pending = b""
        if data.endswith(b"\r") and not last:
            data, self._pending = data[:-1], b"\r"
        text = data.replace(b"\r\n", b"\n").decode("latin-1")
        self._text += text
        if self.echo and text:
            self.echo(text)

    def expect(self, pattern, timeout=None):
        """Waits until the regular expression matches in what came after the last match. => the match"""
        until = self.deadline if timeout is None else min(self.deadline, time.monotonic() + timeout)
        compiled = re.compile(pattern, re.MULTILINE)
        while True:
            match = compiled.search(self._text, self._seen)
            if match:
                self._seen = match.end()
                return match
            if time.monotonic() >= until:
                raise GuestTimeout(f"waited in vain for {pattern!r}\n{self.tail()}")
            if not self._pump(until):
                raise GuestError(f"the guest ended before {pattern!r}\n{self.stderr}{self.tail()}")

    def command(self, line, timeout=None):
        """Types a monitor command. => what it printed"""
        self.send(line)
        start = self._seen
        end = self.expect(r"^" + re.escape(PROMPT), timeout).start()
        printed = self._text[start:end]
        return printed.split("\n", 1)[1] if "\n" in printed else ""  # without the echo of the command

    def wait(self):
        """Waits for the end, stopping QEMU if the time limit comes first. => Result"""
        while self._pump(self.deadline):
            if time.monotonic() >= self.deadline:
                self.timed_out = True
                break
        if not self.timed_out:
            try:
                self.process.wait(max(0.1, self.deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.timed_out = True
        self.close()
        if self.timed_out:
            rc, reason = HUNG, f"guest hung: stopped after {self.timeout:g} s"
        else:
            rc, reason = explain(self.process.returncode)
        return Result(rc, rc == OK, self._text, reason, self.stderr)

    def qmp(self, command, **arguments):
        """Executes a QMP command. => what it returned; GuestError if it failed"""
        if self._qmp is None:
            self._qmp = self.connect_qmp()
        request = {"execute": command, **({"arguments": arguments} if arguments else {})}
        self._qmp.write(json.dumps(request).encode() + b"\n")
        self._qmp.flush()
        while True:
            line = self._qmp.readline()
            if not line:
                raise GuestError(f"QEMU ended during {command}\n{self.tail()}")
            reply = json.loads(line)
            if "error" in reply:
                raise GuestError(f"{command}: {reply['error'].get('desc')}")
            if "return" in reply:
                return reply["return"]

    def connect_qmp(self):
        """=> a stream of QMP's lines, past the greeting"""
        if not self.qmp_path:
            raise ValueError("this guest was started without qmp=True")
        while True:
            try:
                link = socket.socket(socket.AF_UNIX)
                link.connect(self.qmp_path)
                break
            except OSError:
                link.close()
                if self.process.poll() is not None or time.monotonic() >= self.deadline:
                    raise GuestError(f"QEMU does not answer\n{self.stderr}{self.tail()}") from None
                time.sleep(0.02)
        link.settimeout(max(1.0, self.deadline - time.monotonic()))
        stream = link.makefile("rwb")
        link.close()  # the stream keeps it open
        stream.readline()  # the greeting
        stream.write(b'{"execute": "qmp_capabilities"}\n')
        stream.flush()
        stream.readline()
        return stream

    def screendump(self, png):
        """Saves the VGA screen as a PNG file."""
        png = os.path.abspath(png)
        try:
            self.qmp("screendump", filename=png, format="png")
        except GuestError as e:
            if "PNG support" not in str(e):
                raise
            from PIL import Image
            ppm = os.path.join(self.dir, "screen.ppm")
            self.qmp("screendump", filename=ppm)
            Image.open(ppm).save(png)

    def close(self):
        """Ends QEMU, if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdin, self._serial, self.process.stderr, self._qmp):
            try:
                if stream:
                    stream.close()
            except OSError:
                pass
        self._selector.close()
        shutil.rmtree(self.dir, ignore_errors=True)


def run(append="", run=None, *, stdin_script=None, iso=None, **options):
    """Boots, types the lines of stdin_script, each when the prompt is there, and waits for the end.
    iso may be a path, or True for an image made for this run. Other options are those of Guest."""
    if options.get("trace"):
        append = traced(append, options.get("trace_uart", False))
    if iso is True:
        with tempfile.TemporaryDirectory(prefix="faultline-") as d:
            image = mkiso.make_iso(os.path.join(d, "run.iso"), kernel_command_line(append, run),
                                   ROOT / options.get("kernel", KERNEL), ROOT / options.get("initrd", INITRD))
            return _run(append, run, stdin_script, iso=image, **options)
    return _run(append, run, stdin_script, iso=iso, **options)


def _run(append, commands, stdin_script, **options):
    with Guest(append=append, run=commands, **options) as guest:
        try:
            for line in stdin_script or ():
                guest.expect(r"^" + re.escape(PROMPT))
                guest.send(line)
        except GuestError:
            pass  # wait() says how it ended
        return guest.wait()


# The command line ------------------------------------------------------------------------------------

def pick_window(wish, on_terminal):
    """=> the QEMU display to open for the VGA screen, or None"""
    has_screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if wish == "0" or (wish == "auto" and not (on_terminal and has_screen)):
        return None
    known = subprocess.run(["qemu-system-i386", "-display", "help"], stdin=subprocess.DEVNULL,
                           capture_output=True, text=True).stdout.split()
    for display in ("gtk", "sdl"):
        if display in known:
            return display
    if wish == "1":
        sys.exit("qemu: this QEMU cannot open a window (Debian: install qemu-system-gui)")
    return None


def on_terminal(command):
    """Gives the terminal to QEMU. => its exit status"""
    import termios
    saved = termios.tcgetattr(0)
    process = subprocess.Popen(command, cwd=ROOT, preexec_fn=die_with_parent())
    try:
        return process.wait()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        termios.tcsetattr(0, termios.TCSANOW, saved)


def under_gdb(kernel, flags, command_line, serial_log, first=()):
    """Starts QEMU stopped, by command_line(gdb=SOCKET, serial=WHERE TO), and gdb attached to it; QEMU goes when
    gdb does. gdb gets the commands `first` and the words `flags` of a shell's line. => gdb's exit status"""
    with tempfile.TemporaryDirectory(prefix="faultline-") as d:
        sock = os.path.join(d, "gdb")
        process = subprocess.Popen(command_line(gdb=sock, serial=f"file:{serial_log}"), cwd=ROOT,
                                   stdin=subprocess.DEVNULL, start_new_session=True,  # Ctrl-C is gdb's
                                   preexec_fn=die_with_parent())
        gdb = None
        try:
            while not os.path.exists(sock):
                if process.poll() is not None:
                    print(f"qemu: {explain(process.returncode)[1]}", file=sys.stderr)
                    return BROKEN
                time.sleep(0.02)
            print(f"serial log: {serial_log}", flush=True)
            command = ["gdb", "-q", "-iex", "set debuginfod enabled off", str(kernel),
                       "-ex", f"target remote {sock}", "-x", "tools/gdb/faultline.py"]
            command += [word for c in first for word in ("-ex", c)]
            gdb = subprocess.Popen(["sh", "-c", f'exec "$@" {flags}', "gdb", *command], cwd=ROOT,
                                   env={**os.environ, "FAULTLINE_LOG": str(serial_log)},
                                   preexec_fn=die_with_parent())
            while True:
                try:
                    return gdb.wait()
                except KeyboardInterrupt:
                    pass  # gdb's, to stop the guest
        finally:
            for p in (gdb, process):
                if p and p.poll() is None:
                    p.kill()
                    p.wait()


def piped(args, options):
    """No terminal: streams the log, keeps the time limit. => Result"""
    only, partial = args.only, ""
    printed = 0

    def show(text):
        nonlocal partial, printed
        if only is not None:
            *lines, partial = (partial + text).split("\n")
            text = "".join(line + "\n" for line in lines if line.startswith(only))
        if text:
            printed += 1
            sys.stdout.write(text)
            sys.stdout.flush()

    with Guest(timeout=args.timeout, echo=show, **options) as guest:
        guest.process.stdin.close()
        guest.process.stdin = None
        result = guest.wait()
    if not result.ok and (only is not None or result.rc == HUNG):
        print(f"\n{guest.tail()}", file=sys.stderr)
    if result.ok and not printed:
        return dataclasses.replace(result, rc=FAILED, ok=False, reason=f"the guest printed no {only or 'text'!r}")
    return result


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    ap.add_argument("--kernel", default=KERNEL)
    ap.add_argument("--initrd", default=INITRD)
    ap.add_argument("--mem", default="64M")
    ap.add_argument("--append", default="", help="the kernel's command line, without run=")
    ap.add_argument("--run", default="", help="monitor commands, separated by ;")
    ap.add_argument("--script", help="a file of monitor commands, which the kernel gets as /script")
    ap.add_argument("--swap-image", default=SWAP_IMAGE, help="the file behind the disk that swap= names, if any")
    ap.add_argument("--trace", metavar="FILE", help="write what the kernel traces here; trace=default unless told else")
    ap.add_argument("--trace-uart", action="store_true", help="... by way of the second serial port")
    ap.add_argument("--iso", action="store_true", help="boot through GRUB")
    ap.add_argument("--icount", action="store_true", help="one tick = one guest instruction")
    ap.add_argument("--timeout", type=float, default=600, help="in seconds; not with a terminal")
    ap.add_argument("--window", choices=("auto", "0", "1"), default="auto")
    ap.add_argument("--only", metavar="PREFIX", help="print only lines that start so")
    ap.add_argument("--gdb", metavar="GDBFLAGS", help="stop at the start, with gdb attached")
    args = ap.parse_args()
    if args.iso and args.icount:
        sys.exit("qemu: ISO=1 and ICOUNT=1 exclude each other: GRUB hangs under icount")

    terminal = sys.stdin.isatty() and args.only is None
    window = pick_window(args.window, terminal)
    append = traced(args.append, args.trace_uart) if args.trace else args.append
    append = kernel_command_line(append, args.run, quit_at_end=not terminal and args.gdb is None)
    options = dict(append=append, mem=args.mem, icount=args.icount, kernel=args.kernel, initrd=args.initrd,
                   trace=args.trace, trace_uart=args.trace_uart)
    script = script_copy = None
    if args.script:
        if args.iso:
            sys.exit("qemu: SCRIPT= and ISO=1 exclude each other: the image has the kernel and its initrd only")
        if not os.path.isfile(args.script):
            sys.exit(f"qemu: {args.script}: no such file; SCRIPT= names one with a monitor command on each line")
        script = os.path.abspath(args.script)
    disk = disk_in(args.append)
    if disk:
        if not os.path.exists(ROOT / args.swap_image):
            sys.exit(f"qemu: {args.swap_image}: not found; `make run APPEND=swap={disk}` makes it")
        if disk == "hdc" and args.iso:
            sys.exit("qemu: swap=hdc and ISO=1 exclude each other: hdc is the CD-ROM")
        options["disks"] = {disk: args.swap_image}
        if args.icount:
            print(f"qemu: the file behind {disk} takes its own time: with it ICOUNT=1 counts instructions, but no two "
                  "runs are the same", file=sys.stderr)

    when_parent_ends(signal.SIGTERM)
    for sig in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(sig) != signal.SIG_IGN:  # as under nohup
            signal.signal(sig, lambda number, frame: sys.exit(128 + number))
    image = None
    try:
        if script and " " in script:  # QEMU would take what follows for the module's arguments
            with tempfile.NamedTemporaryFile(prefix="run-", suffix=".script", dir=ROOT / "build", delete=False) as copy:
                copy.write(pathlib.Path(script).read_bytes())
            script = script_copy = copy.name
        if script:
            options["modules"] = (script,)
        if args.iso:
            os.makedirs(ROOT / "build", exist_ok=True)
            handle, image = tempfile.mkstemp(prefix="run-", suffix=".iso", dir=ROOT / "build")
            os.close(handle)
            options["iso"] = mkiso.make_iso(image, append, ROOT / args.kernel, ROOT / args.initrd)
        if args.gdb is not None:
            serial_log = pathlib.Path(os.environ.get("FAULTLINE_LOG", "build/debug.log"))  # from ROOT
            machine = functools.partial(qemu_command, **options, window=window)
            return under_gdb(args.kernel, args.gdb, machine, serial_log, ["break vm_fault"])
        if terminal:
            rc, reason = explain(on_terminal(qemu_command(**options, window=window)))
            stderr = ""
        else:
            extra = ("-display", window) if window else ()
            result = piped(args, dict(options, extra=extra))
            rc, reason, stderr = result.rc, result.reason, result.stderr
    except KeyboardInterrupt:
        print("\nqemu: interrupted", file=sys.stderr)
        return INTERRUPTED
    except FileNotFoundError as e:
        print(f"qemu: {e.filename or e}: not found (make deps installs what is missing)", file=sys.stderr)
        return BROKEN
    except RuntimeError as e:
        print(f"qemu: {e}", file=sys.stderr)
        return BROKEN
    finally:
        for file in (image, script_copy):
            if file:
                os.unlink(file)
    if rc != OK:
        print(f"{stderr}qemu: {reason}", file=sys.stderr)
    return rc


if __name__ == "__main__":
    sys.exit(main())
