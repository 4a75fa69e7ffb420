# SPDX-License-Identifier: MIT
"""What people get wrong: each time a message that names the value and what is legal, a status, no hang."""
import io
import random
import re
import struct
import tarfile

import logmodel
import pytest
from scenario import BUILT_PROGRAMS, ROOT, boot, programs
from tools import qemu

# Command line ----------------------------------------------------------------------------------------

FRAMES = "expected all, or a number of frames from 6 on (one instruction may need 6 pages)"
POLICIES = " ".join(re.findall(r"X\(policy_(\w+)\)", (ROOT / "mm/policy.h").read_text())) \
    .replace("second_chance", "second-chance").replace("lru_sampled", "lru-sampled")
LOG = "expected quiet, default, all, or a comma list of boot proc fault evict swap sys explain move, each with + or - if wanted"
TRACE = LOG.replace(" boot proc", " proc").replace("move,", "move alloc map tlb sched ref,")
TRACE_USAGE = "expected on|off [CLASSES], pid N|all, show [N], flush, reset, or no argument"
ALLOT = ("expected global, equal, ws or pff, the last two also with CPU time in microseconds from 1 to 10000000 "
         "(ws:10000, pff:1000)")

VIEW_PAGES = "off, overview, frames, swap, space, top, events or buddy"

WORDS = {
    "bogus=1": "unknown key bogus; known: frames= policy= swap= swapmb= swaplat= readahead= order= pager= ksm= "
               "swapforce= atadma= seed= log= run= debug= check= accessed= allot= mmapfit= slabdebug= trace= "
               "traceport= tracekb= hist= view= viewrows= viewhz=",
    "view=map": f"view=map: expected {VIEW_PAGES}",
    "view=": f"view=: expected {VIEW_PAGES}",
    "viewrows=24": "viewrows=24: expected 25 or 50",
    "viewhz=101": "viewhz=101: expected 0 (drawn once, then still) to 100 (refreshes a second)",
    "readahead=3": "readahead=3: expected a power of two from 1 (none) to 32 pages",
    "order=11": "order=11: expected 0 to 10 (a unit of residence is 2^order pages)",
    "order=10": "frames=256 with order=10: expected at least 6144 (6 units of 1024 frames)",
    "pager=1": "pager=1: expected on or off",
    "accessed=a2": "accessed=a2: expected a1 or ad",
    "allot=lru": f"allot=lru: {ALLOT}",
    "allot=": f"allot=: {ALLOT}",
    "allot=ws:": f"allot=ws:: {ALLOT}",
    "allot=ws:0": f"allot=ws:0: {ALLOT}",
    "allot=pff:10000001": f"allot=pff:10000001: {ALLOT}",
    "allot=equal:5": f"allot=equal:5: {ALLOT}",
    "allot=ws frames=11": "frames=11: expected at least 12 (6 for a program, and as many that are shared)",
    "allot=equal order=1 frames=23": "frames=23: expected at least 24 (12 for a program, and as many that are shared)",
    "mmapfit=top": "mmapfit=top: expected one of: first last next best worst instant",
    "slabdebug=3": "slabdebug=3: expected 0, 1 (red zones) or 2 (poison, too)",
    "hist=1": "hist=1: expected on or off",
    "slabdebug=": "slabdebug=: expected 0, 1 (red zones) or 2 (poison, too)",
    "ksm=yes": "ksm=yes: expected on, off or madvise",
    "=": "unknown key ; known:",
    "policy=lru": "policy lru needs exact mode: it must see every reference; lru-sampled makes do with accessed bits",
    "policy=atlantis": f"policy=atlantis: expected one of: {POLICIES}",
    "policy=": f"policy=: expected one of: {POLICIES}",
    "frames=5": f"frames=5: {FRAMES}",
    "frames=0": f"frames=0: {FRAMES}",
    "frames=-1": f"frames=-1: {FRAMES}",
    "frames=x": f"frames=x: {FRAMES}",
    "frames=16k": f"frames=16k: {FRAMES}",
    "frames=": f"frames=: {FRAMES}",
    "frames=4294967296": f"frames=4294967296: {FRAMES}",
    "frames=999999": r"frames=999999: expected all, or 6 to \d+ on this machine",
    "swapmb=x": "swapmb=x: expected 0 to 1024 (MiB)",
    "swapmb=1025": "swapmb=1025: expected 0 to 1024 (MiB)",
    "swapmb=1000": r"swapmb=1000: expected 0 to \d+ on this machine",
    "swap=disk": "swap=disk: expected one of: ramdisk zram hda hdb hdc hdd none",
    "swapforce=2": "swapforce=2: expected 0 or 1 (1: overwrite what is on the swap disk)",
    "atadma=yes": "atadma=yes: expected on or off",
    "swaplat=1000001": "swaplat=1000001: expected 0 to 1000000 (microseconds)",
    "swaplat=1ms": "swaplat=1ms: expected 0 to 1000000 (microseconds)",
    "seed=x": "seed=x: expected 0 to 4294967295",
    "debug=2": "debug=2: expected 0 or 1",
    "log=foo": f"log=foo: {LOG}",
    "trace=faults": f"trace=faults: {TRACE}",
    "trace=boot": f"trace=boot: {TRACE}",
    "traceport=x": "traceport=x: expected one of: auto virtio com2 none",
    "traceport=": "traceport=: expected one of: auto virtio com2 none",
    "traceport=virtio": "traceport=virtio: expected a virtio-serial device with a port nr=1 in the machine",
    "traceport=com2": "traceport=com2: expected a second serial port in the machine",
    "tracekb=15": "tracekb=15: expected 16 to 2048 (KiB)",
    "tracekb=4M": "tracekb=4M: expected 16 to 2048 (KiB)",
    "junk": "junk: expected key=value",
    "-5": "-5: expected key=value",
    'frames="16': 'frames=16: expected another " to end what it quotes',
    "run='quit": "run=quit: expected another ' to end what it quotes",
    "y" * 900: "y" * 900 + ": expected key=value",
    "y" * 1100: "the command line is longer than 1023 characters",
}


def says(log, wanted):
    """Is there a line of the kernel's with these words? Where the machine decides, they are a pattern."""
    return re.search(wanted if r"\d" in wanted else re.escape(wanted), log) is not None


@pytest.mark.parametrize("word", WORDS, ids=lambda word: word[:20])
def test_command_line(word):
    result = qemu.run(f"log=quiet {word}", timeout=20)
    assert result.rc == qemu.FAILED, result.reason
    assert says(result.log, ": " + WORDS[word])
    assert result.log.endswith("boot: cannot go on\n")


def test_every_fault_of_a_command_line_is_told():
    result = qemu.run("frames=5 policy=x junk seed=y", timeout=20)
    assert result.rc == qemu.FAILED
    assert [line.split(":")[1].strip() for line in result.log.splitlines() if line.startswith("command line:")] == [
        "frames=5", "policy=x", "junk", "seed=y"]


@pytest.mark.parametrize("append", ["frames=6", "frames=0x10", "frames=all", "swapmb=0", "swap=none", "swapmb=1",
                                    "policy='fifo' seed=4294967295", "debug=1", "log=", "  ", 'frames="16"'])
def test_legal_extremes(append):
    assert programs(["run hello"], append).rc == qemu.OK


# Monitor ---------------------------------------------------------------------------------------------

PROGRAM_NAMES = "args badptr .*matmul .*zero"
COMMANDS = {
    "nosuch": "nosuch: no such command; help lists them",
    "run": f"run: expected a program: {PROGRAM_NAMES}",
    "run nosuch": f"nosuch: no such program; there are: {PROGRAM_NAMES}",
    "run &": "run: expected a program before &",
    "run hello & & hello": "run: expected a program before &",
    "run ../bin/hello": "../bin/hello: no such program; there are:",
    "run matmul 0": "usage: matmul [N: 1..1024, default ",
    "demo x": "demo: unexpected argument x",
    "ps x": "ps: unexpected argument x",
    "quit x": "quit: unexpected argument x",
    "ktest x": "ktest: unexpected argument x",
    "wait x": "wait: expected no argument, or milliseconds from 1 on",
    "wait 0": "wait: expected no argument, or milliseconds from 1 on",
    "maps 99": "maps: expected the pid of a running program; ps lists them",
    "log zzz": f"log: {LOG}",
    "disk nonsense": "disk: expected no argument, or fail-read, fail-write or corrupt and a number from 1 on",
    "disk fail-read 0": "disk: expected no argument, or fail-read, fail-write or corrupt and a number from 1 on",
    "help ps x": "help: expected no argument, or one command",
    "pt": "pt: nothing: expected the pid of a running program, and perhaps an address; ps lists programs",
    "pt 99": "pt: 99: expected the pid of a running program, and perhaps an address; ps lists programs",
    "pt 1 2 3": "pt: 3: expected the pid of a running program",
    "frame": "frame: nothing: expected the number of a frame, 0 to 0x",
    "frame 0x100000": "frame: 0x100000: expected the number of a frame, 0 to 0x",
    "frame x": "frame: x: expected the number of a frame, 0 to 0x",
    "frame 1 2": "frame: 2: expected the number of a frame, 0 to 0x",
    "slot": "slot: nothing: expected the number of a slot, 0 to 4095",
    "slot 4096": "slot: 4096: expected the number of a slot, 0 to 4095",
    "pool x": "pool: x: expected no argument, or one of: main",
    "explain x": "explain: x: expected no argument, on, off, or a pool; pool lists them",
    "top x": "top: unexpected argument x",
    "vmstat 0": "vmstat: 0: expected a number of samples, 1 to 100000, and perhaps milliseconds",
    "vmstat x": "vmstat: x: expected a number of samples, 1 to 100000, and perhaps milliseconds",
    "vmstat 1 0": "vmstat: 0: expected milliseconds, 1 to 3600000",
    "vmstat 1 2 3": "vmstat: 3: expected a number of samples",
    "peek": "peek: nothing: expected an address of the kernel, hexadecimal from c0000000 on; phys and an address; or a pid and an address",
    "peek 8048000": "peek: 8048000: expected an address of the kernel, hexadecimal from c0000000 on",
    "peek c010000z": "peek: c010000z: expected an address of the kernel",
    "peek 99 8048000": "peek: 99: expected the pid of a running program; ps lists them",
    "peek phys x": "peek: x: expected an address",
    "peek phys f0000000": "peek: 0xf0000000: beyond the memory of this machine, which ends at 0x",
    "peek c0100000 0": "peek: 0: expected how many bytes, 1 to 4096",
    "peek c0100000 4097": "peek: 4097: expected how many bytes, 1 to 4096",
    "peek f8000000": "peek: 0xf8000000: not mapped",
    "peek ffffffff 4": "peek: 0xffffffff: not mapped",
    "poke c0100000": "poke: nothing: expected a value, 0x12 or 18, and perhaps: byte (then it is at most 255)",
    "poke c0100000 x": "poke: x: expected a value, 0x12 or 18",
    "poke c0100000 256 byte": "poke: 256: expected a value, 0x12 or 18",
    "poke c0100000 1 long": "poke: long: expected a value",
    "poke c0100001 1": "poke: c0100001: expected a multiple of 4, or at the end: byte",
    "poke c0100000 1": "poke: 0xc0100000: read-only: the kernel's code or constants",
    "set x": "set: unknown key x; known: frames= policy=",
    "set frames 5": "set: frames=5: expected all, or a number of frames from 6 on",
    "set frames 999999": "set: frames=999999: expected all, or 6 to ",
    "set policy lru": "policy lru needs exact mode",
    "set policy=x": f"set: policy=x: expected one of: {POLICIES}",
    "set view top": "set: view=top: only the kernel's command line can say it; the command view changes it now",
    "set swap zram": "set: swap=zram: only the kernel's command line can say it",
    "set swaplat 5": "set: swaplat=5: expected a disk that takes time since boot: swaplat=1 or more there",
    "set order 9": "set: order=9: expected at least 3072 frames (6 units of 512), set frames",
    "set ksm x": "set: ksm=x: expected on, off or madvise",
    "set a b c": "set: c: expected a key and a value",
    "save": "save: nothing: expected a name, for a file in /tmp",
    "save a/b": "save: a/b: expected a name, for a file in /tmp",
    "load": "load: expected the name of a script, in /tmp or /scripts, or a path",
    "load nosuch": "load: nosuch: no such script; ls /tmp and ls /scripts list them",
    "load /bin": "load: /bin: no such script",
    "frames x": "frames: expected no argument, or: map",
    "vmem x": "vmem: x: expected an arena, one of: swap kernel",
    "vmem kernel x": "vmem: x: expected one of: first last next best worst instant",
    "vmem kernel best x": "vmem: expected at most an arena and a strategy",
    "policy atlantis": f"policy: atlantis: expected dump, or one of: {POLICIES}",
    "policy lru": "policy lru needs exact mode: it must see every reference; lru-sampled makes do with accessed bits",
    "policy fifo x": "policy: x: expected pid=N, or pool=NAME of a pool; policy lists them",
    "policy fifo pid=x": "policy: pid=x: expected the pid of a running program; ps lists them",
    "policy fifo pid=99": "policy: pid=99: expected the pid of a running program; ps lists them",
    "policy fifo pool=x": "policy: pool=x: expected pid=N, or pool=NAME of a pool; policy lists them",
    "policy fifo pool=main x": "policy: unexpected argument x",
    "view map": f"view: map: expected text, rows N, hz N, a pid, {VIEW_PAGES}",
    "view rows": f"view: rows: expected text, rows N, hz N, a pid, {VIEW_PAGES}",
    "view frames x": "view: unexpected argument x",
    "view 99": "view: 99: expected the pid of a running program; ps lists them",
    "view text map": f"view: map: expected text, rows N, hz N, a pid, {VIEW_PAGES}",
    "view text off": "view: text off: expected a page of the viewer",
    "view text 99": "view: 99: expected the pid of a running program; ps lists them",
    "view rows 24": "view: rows 24: expected 25 or 50",
    "view hz 101": "view: hz 101: expected 0 (drawn once, then still) to 100 (refreshes a second)",
    "view hz x": "view: hz x: expected 0 (drawn once, then still) to 100 (refreshes a second)",
    "allot x": f"allot: x: {ALLOT.replace('expected ', 'expected no argument, or: ')}",
    "allot ws 5": f"allot: 5: {ALLOT.replace('expected ', 'expected no argument, or: ')}",
    "hist x": "hist: x: expected on, off, reset, fault, refault, residence, reuse [FRAMES ..] or no argument",
    "hist on x": "hist: on: unexpected argument x",
    "hist reuse": "hist: reuse: nothing is recorded; first: exact run PROG",
    "hist reuse 8 x": "hist: reuse x: expected numbers of frames from 1 on",
    "hist reuse 0": "hist: reuse 0: expected numbers of frames from 1 on",
    "hist reuse" + " 1" * 17: "hist: reuse: expected at most 16 numbers of frames",
    "with": "with: expected run and a program at the end",
    "with run": "with: expected run and a program at the end",
    "with frames=9 hello": "with: hello: expected policy=NAME, frames=N, accessed=a1|ad, seed=N or zeros=own|shared, and then run",
    "with x=1 run hello": "with: x=1: expected policy=NAME, frames=N, accessed=a1|ad, seed=N or zeros=own|shared, and then run",
    "with frames=5 run hello": "with: frames=5: expected 6 to ",
    "with frames=99999999 run hello": "with: frames=99999999: expected 6 to ",
    "with frames=x run hello": "with: frames=x: expected 6 to ",
    "with policy=atlantis run hello": f"with: policy=atlantis: expected one of: {POLICIES}",
    "with policy=lru run hello": "policy lru needs exact mode: it must see every reference; lru-sampled makes do with accessed bits",
    "exact": "exact: expected run and a program: exact run matmul",
    "exact run hello &": "exact: &: expected no & at the end: what is recorded must have ended",
    "reftrace": "reftrace: nothing is recorded; first: exact run PROG",
    "reftrace x": "reftrace: x: expected no argument, or: memory",
    "replay": "replay: there is no trace: the loader gave none as a second module (make replay TRACE=file)",
    "with accessed=a0 run hello": "with: accessed=a0: expected a1 or ad",
    "with seed=-1 run hello": "with: seed=-1: expected 0 to 4294967295",
    "with seed=1 run nosuch": f"nosuch: no such program; there are: {PROGRAM_NAMES}",
    "swap x": "swap: expected no argument, or: verify on|off",
    "iostat x": "iostat: expected no argument, or: reset",
    "cpu x": "cpu: unexpected argument x",
    "help nosuch": "help: nosuch: no such command",
    "trace bogus": f"trace: bogus: {TRACE_USAGE}",
    "trace pid": f"trace: pid: {TRACE_USAGE}",
    "trace on nonsense": f"trace: nonsense: {TRACE}",
    "trace off fault,x": f"trace: fault,x: {TRACE}",
    "trace on fault evict": "trace: evict: expected at most two arguments",
    "trace pid x": "trace: x: expected a pid, or all",
    "trace pid 0": "trace: 0: expected a pid, or all",
    "trace show 0": "trace: 0: expected a number of events from 1 on",
    "trace show -1": "trace: -1: expected a number of events from 1 on",
    "trace reset x": f"trace: reset: {TRACE_USAGE}",
    "x " * 60: "more than 48 words in a command",
    "y" * 300: "run: a command is longer than 255 characters",
}


def test_commands():
    """One guest for all: a bad command must leave the next one unharmed."""
    texts = list(COMMANDS)
    parts = [texts[i:i + 8] for i in range(0, len(texts), 8)]
    for part in parts:
        run = programs([word for text in part for word in (text, "run hello")], "log=quiet")
        assert run.rc == qemu.FAILED
        assert run.log.count("hello: ok") >= len(part)
        for text in part:
            wanted = COMMANDS[text]
            pattern = wanted if ".*" in wanted else re.escape(wanted)
            assert re.search("^(bin/)?" + pattern, run.log, re.MULTILINE), text
        assert f"quit: {len(part)} failure" in run.log


# Programs --------------------------------------------------------------------------------------------

EHDR, PHDR = 52, 32
PT_NULL, PT_INTERP = 0, 3
SEGMENT_FIELDS = ("type", "offset", "vaddr", "paddr", "filesz", "memsz", "flags", "align")


class Elf:
    """A good program to be spoiled."""

    def __init__(self):
        self.data = bytearray((BUILT_PROGRAMS / "hello").read_bytes())

    def put(self, offset, layout, *values):
        struct.pack_into("<" + layout, self.data, offset, *values)
        return self

    def header(self, **fields):
        where = {"type": (16, "H"), "machine": (18, "H"), "entry": (24, "I"), "phoff": (28, "I"),
                 "phentsize": (42, "H"), "phnum": (44, "H")}
        for name, value in fields.items():
            self.put(*where[name], value)
        return self

    def word(self, offset):
        return struct.unpack_from("<I", self.data, offset)[0]

    def where(self, n, field):
        """=> the offset of a field of program header n"""
        return self.word(28) + n * PHDR + 4 * SEGMENT_FIELDS.index(field)

    def segment(self, n, **fields):
        for name, value in fields.items():
            self.put(self.where(n, name), "I", value)
        return self

    def vaddr(self, n):
        return self.word(self.where(n, "vaddr"))

    def cut(self, size):
        del self.data[size:]
        return self


NOT_ELF = "not an ELF file"
NOT_I386 = "not for i386 (expected 32-bit little-endian, machine 3)"
NOT_STATIC = "not a fixed-address executable (expected static, no PIE)"
BAD_HEADERS = "its program headers are malformed or outside the file"
OUTSIDE_FILE = "a segment lies outside the file"
OUTSIDE_USER = "a segment lies outside the user addresses"
BAD_ENTRY = "its entry point is in no executable segment"

MALFORMED = {
    "empty": (lambda e: e.cut(0), NOT_ELF),
    "script": (lambda e: e.cut(0).data.extend(b"#!/bin/sh\necho no\n" * 9), NOT_ELF),
    "magic-only": (lambda e: e.cut(4), NOT_ELF),
    "short-header": (lambda e: e.cut(EHDR - 1), NOT_ELF),
    "header-only": (lambda e: e.cut(EHDR), BAD_HEADERS),
    "cut-headers": (lambda e: e.cut(EHDR + PHDR), BAD_HEADERS),
    "elf64": (lambda e: e.put(4, "B", 2), NOT_I386),
    "big-endian": (lambda e: e.put(5, "B", 2), NOT_I386),
    "x86-64": (lambda e: e.header(machine=62), NOT_I386),
    "pie": (lambda e: e.header(type=3), NOT_STATIC),
    "object": (lambda e: e.header(type=1), NOT_STATIC),
    "no-headers": (lambda e: e.header(phnum=0), BAD_HEADERS),
    "many-headers": (lambda e: e.header(phnum=65535), BAD_HEADERS),
    "odd-headers": (lambda e: e.header(phoff=53), BAD_HEADERS),
    "far-headers": (lambda e: e.header(phoff=0xfffffffc), BAD_HEADERS),
    "thin-headers": (lambda e: e.header(phentsize=16), BAD_HEADERS),
    "dynamic": (lambda e: e.segment(0, type=PT_INTERP), "it needs a dynamic linker (expected a static program)"),
    "past-end": (lambda e: e.segment(0, offset=0x100000), OUTSIDE_FILE),
    "cut-segment": (lambda e: e.segment(0, filesz=0x100000, memsz=0x100000), OUTSIDE_FILE),
    "wrapping-size": (lambda e: e.segment(0, filesz=0xffffffff, memsz=0xffffffff), OUTSIDE_FILE),
    "file-over-mem": (lambda e: e.segment(0, memsz=1), OUTSIDE_FILE),
    "askew": (lambda e: e.segment(0, vaddr=e.vaddr(0) + 4), "a segment's address and offset differ within the page"),
    "in-kernel": (lambda e: e.segment(0, vaddr=0xc0000000), OUTSIDE_USER),
    "at-null": (lambda e: e.segment(0, vaddr=0), OUTSIDE_USER),
    "into-kernel": (lambda e: e.segment(0, memsz=0xb8000000), OUTSIDE_USER),
    "wraps": (lambda e: e.segment(0, memsz=0xfffff000), OUTSIDE_USER),
    "overlap": (lambda e: e.segment(1, vaddr=e.vaddr(0), offset=0), "two segments share a page"),
    "entry-null": (lambda e: e.header(entry=0), BAD_ENTRY),
    "entry-kernel": (lambda e: e.header(entry=0xc0100000), BAD_ENTRY),
    "entry-rodata": (lambda e: e.header(entry=e.vaddr(1)), BAD_ENTRY),
    "nothing-to-load": (lambda e: [e.segment(n, type=PT_NULL) for n in range(3)], BAD_ENTRY),
    "over-stack": (lambda e: e.segment(0, vaddr=0xbffe0000).header(entry=0xbffe0100), "no room for its stack"),
}


def add_file(tar, name, data):
    info = tarfile.TarInfo("bin/" + name)
    info.size, info.mode = len(data), 0o755
    tar.addfile(info, io.BytesIO(bytes(data)))


def make_initrd(path, files):
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in files.items():
            add_file(tar, name, data)
    return path


def test_malformed_programs(tmp_path):
    files = {"hello": Elf().data}
    for name, (spoil, _) in MALFORMED.items():
        elf = Elf()
        spoil(elf)
        files[name] = elf.data
    initrd = make_initrd(tmp_path / "initrd.tar", files)
    names = list(MALFORMED)
    for part in (names[:16], names[16:]):
        run = programs([f"run {name}" for name in part] + ["run hello"], "frames=16", initrd=initrd)
        assert run.rc == qemu.FAILED
        for name in part:
            assert run.output(f"run {name}").endswith(f"bin/{name}: cannot run: {MALFORMED[name][1]}\n"), name
        assert run.statuses() == [("hello", "ok")]
        logmodel.check(run.log)


def test_spoiled_programs(tmp_path):
    """Headers with random bytes: whatever such a program does, it does it to itself. Some never end."""
    rng = random.Random(1)
    files = {}
    for n in range(40):
        elf = Elf()
        for _ in range(rng.choice((1, 1, 2, 5))):
            elf.data[rng.randrange(4, EHDR + 3 * PHDR)] = rng.choice((0, 1, 0x7f, 0x80, 0xff, rng.randrange(256)))
        files[f"p{n}"] = elf.data
    initrd = make_initrd(tmp_path / "initrd.tar", files)
    run = boot([f"run p{n} &" for n in range(20)] + ["wait 50", "check"] +
               [f"run p{n} &" for n in range(20, 40)] + ["wait 50", "check", "ps"], "frames=16 log=proc", initrd=initrd)
    assert run.output("check") == run.output("check", 1) == "check: ok\n"
    assert len(re.findall(": cannot run: ", run.log)) >= 5 and "PANIC" not in run.log


# Initrd ----------------------------------------------------------------------------------------------

def patched(offset, data, fix_checksum=False):
    """A change to the archive's first header."""
    def change(tar):
        tar[offset:offset + len(data)] = data
        if fix_checksum:
            tar[148:156] = b" " * 8
            tar[148:156] = b"%06o\0 " % sum(tar[:512])
    return change


BAD_INITRDS = {
    "not-tar": (lambda tar: tar.__setitem__(slice(None), b"This is not an archive. " * 100),
                "byte 0: no ustar magic"),
    "gzip": (lambda tar: patched(0, b"\x1f\x8b\x08\0")(tar) or patched(257, b"\0\0\0\0\0\0")(tar),
             "byte 0: no ustar magic"),
    "truncated": (lambda tar: tar.__delitem__(slice(1024, None)), "byte 0: a file is longer than the archive"),
    "checksum": (patched(0, b"bin/Hello"), "byte 0: header checksum is wrong"),
    "no-checksum": (patched(148, b"        "), "byte 0: header checksum is wrong"),
    "size": (patched(124, b"77777777777\0", True), "byte 0: a file is longer than the archive"),
    "size-garbage": (patched(124, b"12x45678901\0", True), "byte 0: a file is longer than the archive"),
    "second-header": (lambda tar: tar.__setitem__(1024 + 512 * (len(Elf().data) // 512), 0x20),
                      r"byte \d+: header checksum is wrong"),
}


@pytest.mark.parametrize("name", BAD_INITRDS)
def test_bad_initrd(name, tmp_path):
    path = make_initrd(tmp_path / "initrd.tar", {"hello": Elf().data, "again": Elf().data})
    tar = bytearray(path.read_bytes())
    change, message = BAD_INITRDS[name]
    change(tar)
    path.write_bytes(tar)
    result = qemu.run("log=quiet", run="run hello; quit", initrd=path, timeout=20)
    assert result.rc == qemu.FAILED, result.reason
    assert re.match(f"initrd: {message}; expected a ustar archive\nboot: cannot go on\n", result.log)


def test_initrd_with_too_many_files(tmp_path):
    path = make_initrd(tmp_path / "initrd.tar", {f"p{n}": b"" for n in range(65)})
    result = qemu.run("log=quiet", run="quit", initrd=path, timeout=20)
    assert result.rc == qemu.FAILED
    assert "more than 64 files; expected a ustar archive" in result.log


def test_no_initrd():
    run = boot(["run hello", "ktest", "check"], "log=quiet", initrd=None)
    assert "boot: no initrd: there are no programs to run (QEMU: -initrd FILE; GRUB: module)" in run.boot_log
    assert run.output("run hello").startswith("hello: no such program")
    assert "quit: 1 failure\n" in run.log  # ktest and check are fine
    assert boot(["ps"], "log=quiet", initrd=None).rc == qemu.OK


# Memory and swap -------------------------------------------------------------------------------------

@pytest.mark.parametrize("mem", ["2M", "3M", "4M", "6M", "8M"])
def test_too_little_memory(mem):
    result = qemu.run("log=quiet", run="run hello; quit", mem=mem, timeout=20)
    assert result.rc == qemu.FAILED, result.reason
    assert re.match(r"boot: \d+ KiB of RAM.*: expected at least .*16 MiB", result.log)
    assert result.log.endswith("boot: cannot go on\n")


@pytest.mark.parametrize("mem", ["9M", "10M", "12M"])
def test_little_memory(mem, tmp_path):
    """Below what is promised, but it works: with less swap, or none. The archive has what is run and no more."""
    initrd = make_initrd(tmp_path / "initrd.tar", {n: (BUILT_PROGRAMS / n).read_bytes() for n in ("hello", "stamp")})
    assert programs(["run hello & stamp 100 2"], "log=quiet", mem=mem, initrd=initrd).rc == qemu.OK


def test_swap_full():
    """Three programs have what they need when one comes that eats all the rest, and then some."""
    run = programs(["run stamp 40 60 & qsort 30000 & hashjoin 6000 &", "wait 15", "run eat & eat & eat", "wait",
                    "vmstat"], "frames=64 swapmb=1", screen=False, timeout=30)
    assert run.rc == qemu.FAILED
    assert sorted(run.statuses()) == [("eat", "killed")] * 3 + [("hashjoin", "ok"), ("qsort", "ok"), ("stamp", "ok")]
    kills = run.kills()
    assert [(k["signal"], k["reason"]) for k in kills] == [("SIGKILL", "out of memory and swap")] * 3
    assert run.vmstat()["oom_kill"] == 3
    logmodel.check(run.log)


@pytest.mark.parametrize("policy", ["fifo", "clock", "random"])
def test_swap_full_for_all(policy):
    """More than fits, all at once: some die, whoever lives is right."""
    run = programs(["run eat & stamp 100 2 & qsort 100000 & stamp 100 2"],
                   f"frames=64 swapmb=1 policy={policy}", screen=False, timeout=30)
    statuses = run.statuses()
    assert ("eat", "killed") in statuses and {status for _, status in statuses} <= {"ok", "killed"}
    assert {k["reason"] for k in run.kills()} == {"out of memory and swap"}
    assert run.log.count(": ok ") == [status for _, status in statuses].count("ok")
    logmodel.check(run.log)


@pytest.mark.parametrize("append", ["swap=none", "swapmb=0"])
def test_no_swap(append):
    run = programs(["run stamp 40 3", "run eat", "run stamp 40 3", "provoke use-after-evict"], f"frames=64 {append}",
                   screen=False, timeout=20)
    assert run.output("swap") == "swap: none (swapmb=0)\n"
    assert run.output("provoke use-after-evict") == "provoke: use-after-evict needs swap=ramdisk, not swap=none\n"
    assert run.statuses() == [("stamp", "ok"), ("eat", "killed"), ("stamp", "ok")]
    kill, = run.kills()
    assert kill["reason"] == "out of memory and swap"
    assert run.summaries()[1]["pswpout"] == 0 < run.summaries()[1]["evictions"]
    logmodel.check(run.log)


def test_all_memory_eaten():
    """Not the limit but the machine ends: there is no frame left at all."""
    run = programs(["run eat", "run eat & eat", "run stamp"], "frames=all swapmb=1 log=quiet", mem="32M", timeout=30)
    assert run.statuses() == [("eat", "killed")] * 3 + [("stamp", "ok")]


def test_too_much_address_space():
    run = programs(["run eat 700000"], "log=quiet frames=32 swapmb=1", mem="16M", timeout=20)
    (name, status), = run.statuses()
    assert name == "eat" and status != "ok"
