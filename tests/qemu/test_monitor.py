# SPDX-License-Identifier: MIT
"""What the monitor says about one page, one frame, one slot must be one story: commands are held against each
other and against the guest's memory as QEMU sees it. And the line editor, settings, scripts."""
import re
import struct

import pytest
from scenario import ROOT, boot
from tools import qemu

PTE_BITS = {"P": 0, "W": 1, "U": 2, "PWT": 3, "PCD": 4, "A": 5, "D": 6, "PAT": 7, "G": 8}


def rows(text, pattern):
    """=> [named groups] of each line that matches"""
    return [m.groupdict() for m in re.finditer(pattern, text, re.MULTILINE)]


def only(text, pattern):
    found, = rows(text, pattern)
    return found


# Frames, slots, page tables ----------------------------------------------------------------------------

@pytest.fixture(scope="module")
def guest():
    """Programs 1 and 2 sleep and have lost their pages to 3; 4 to 9 came later and still have theirs.
    Nothing changes while they sleep, in real time: under -icount it would fly."""
    with qemu.Guest(append="log=quiet frames=24", icount=False, qmp=True, timeout=90) as g:
        g.expect("^faultline> ")
        sleeper = "sleeper 1000000 &"
        g.command(f"run {sleeper} {sleeper}")
        g.command("run stamp 40 3")
        g.command("run " + " ".join([sleeper] * 6))
        g.command("wait 20")
        yield g


RUN = (r"^  0x(?P<start>\w+)-0x(?P<end>\w+) +(?P<count>\d+) (?P<state>present|swapped)(?P<rights>[a-z\- ]*)"
       r"(?: accessed=(?P<accessed>\d+) dirty=(?P<dirty>\d+))? (?P<place>\w+)=(?P<value>\S+)(?P<zeros> \(.*)?$")


def table(guest, pid):
    """=> the runs of `pt PID`"""
    return rows(guest.command(f"pt {pid}"), RUN)


def test_page_tables_agree_with_maps_and_ps(guest):
    ps = {int(r["pid"]): int(r["resident"]) for r in
          rows(guest.command("ps"), r"^ +(?P<pid>\d+) \S+ +\w+ +\d+ +(?P<resident>\d+)")}
    for pid in (1, 2, 4, 5):
        runs = table(guest, pid)
        total = {state: sum(int(r["count"]) for r in runs if r["state"] == state) for state in ("present", "swapped")}
        said = only(guest.command(f"pt {pid}"), rf"^pid {pid}: .* (?P<present>\d+) pages present, (?P<swapped>\d+) swapped$")
        all_maps = only(guest.command(f"maps {pid}"), r"^all .* resident=(?P<resident>\d+) .* swapped=(?P<swapped>\d+) ")
        zeros = sum(int(r["count"]) for r in runs if r["zeros"])
        assert total == {k: int(v) for k, v in said.items()}
        assert total["present"] == ps[pid] and total["present"] - zeros == int(all_maps["resident"])
        assert total["swapped"] == int(all_maps["swapped"])
        for r in runs:
            assert int(r["end"], 16) - int(r["start"], 16) == 4096 * int(r["count"])
            if r["state"] == "present":
                assert max(int(r["accessed"]), int(r["dirty"])) <= int(r["count"])


def physical(guest, tmp_path, address, size):
    file = tmp_path / "memory"
    guest.qmp("pmemsave", val=address, size=size, filename=str(file))
    return file.read_bytes()


def test_walk_names_every_bit(guest, tmp_path):
    """Each PDE and PTE as QEMU finds it at the physical address that is named, with the bits that it has."""
    for r in table(guest, 4):
        text = guest.command(f"pt 4 {r['start']}")
        for kind, raw, at, bits in re.findall(r"^(PDE|PTE)  0x(\w+) at 0x(\w+)  (.*)$", text, re.MULTILINE):
            raw, at = int(raw, 16), int(at, 16)
            word, = struct.unpack("<I", physical(guest, tmp_path, at, 4))
            assert word & ~0x20 == raw & ~0x20, text  # A may be set by now
            for name, value in re.findall(r"(\w+)=(\d)", bits):
                if name in PTE_BITS:
                    assert raw >> PTE_BITS[name] & 1 == int(value), (kind, name, text)
        if r["state"] == "present" and not r["zeros"]:
            frame = int(only(text, r"^frame 0x(?P<n>\w+): page 0x0*" + r["start"].lstrip("0") + " of pid")["n"], 16)
            assert frame == raw >> 12
    absent = guest.command("pt 4 00400000")
    assert "not present: no page table" in absent and "in no region" in absent
    assert "never touched" in guest.command("pt 4 bfff0000")  # the stack, far down


def test_a_swapped_page_is_in_its_slot(guest):
    swapped = next(r for r in table(guest, 1) if r["place"] == "slot")
    va, slot = swapped["start"], int(swapped["value"])
    assert f"swapped=1 slot={slot}" in guest.command(f"pt 1 {va}")
    said = guest.command(f"slot {slot}")
    assert rows(said, r"^  held by   pid (?P<pid>\d+) va 0x(?P<va>\w+)$") == [{"pid": "1", "va": va}]
    assert "1 reference, checksum 0x" in said and "could not be found" not in said
    assert guest.command(f"peek 1 {va}").endswith(f"in slot {slot}\n")
    assert guest.command(f"poke 1 {va} 1").endswith(f"in slot {slot}\n")
    assert f"slot={slot}" in guest.command("pt 1")  # looking did not bring it in
    free = next(n for n in range(4095, 0, -1) if n != slot)
    assert guest.command(f"slot {free}") == f"slot {free}: free\n"


def test_a_frame_knows_its_mappings(guest):
    """The text of the sleepers is one page for both."""
    text = next(r for r in table(guest, 4) if r["start"].startswith("0804"))
    frame = int(re.search(r"^frame (0x\w+): ", guest.command(f"pt 4 {text['start']}"), re.MULTILINE)[1], 16)
    said = guest.command(f"frame {frame:#x}")
    assert said.startswith(f"frame {frame:#x} at 0x{frame << 12:08x}: user page in pool main under clock\n")
    mapped = {(r["pid"], r["va"]) for r in rows(said, r"^  mapped    pid (?P<pid>\d+) va 0x(?P<va>\w+) read-only")}
    assert {("4", text["start"]), ("5", text["start"])} <= mapped
    assert "  object    file " in said and "  slot      none" in said and "queued" in said
    since, ago = map(int, re.search(r"since     fault (\d+), (\d+) faults? ago", said).groups())
    faults = int(re.search(r"^pgfault (\d+)$", guest.command("vmstat"), re.MULTILINE)[1])
    assert 0 < since <= faults and since + ago == faults
    assert f"frame {frame:#x}: page 0x{text['start']} of pid" in guest.command(f"pt 4 {text['start']}")
    assert re.search(rf"^  frame={frame:#x} owner=", guest.command("pool main"), re.MULTILINE)
    root = int(re.search(r"cr3 0x(\w+)", guest.command("pt 4"))[1], 16) >> 12
    assert "page directory of pid 4" in guest.command(f"frame {root}")
    assert "reserved" in guest.command("frame 0")
    kinds = [guest.command(f"frame {root + d}").split(": ", 1)[1] for d in range(-40, 0)]
    assert any("slab of cache " in kind for kind in kinds), kinds


def test_memory_can_be_read_and_written(guest, tmp_path):
    stack = [r for r in table(guest, 4) if r["start"].startswith("bff") and r["state"] == "present"][-1]
    va, frame = int(stack["end"], 16) - 4096, int(stack["value"].split("..")[-1], 16)
    before = only(guest.command(f"peek 4 {va:x} 4"), r"^\w{8}  (?P<hex>\w{8})")["hex"]
    assert bytes.fromhex(before) == physical(guest, tmp_path, frame << 12, 4)
    value = 0x12345678
    old = struct.unpack("<I", bytes.fromhex(before))[0]
    assert guest.command(f"poke 4 {va:x} {value:#x}") == f"poke: 0x{va:08x}: was 0x{old:08x}, is 0x{value:08x}\n"
    assert struct.unpack("<I", physical(guest, tmp_path, frame << 12, 4))[0] == value
    assert "78563412" in guest.command(f"peek phys {frame << 12:x} 16")
    assert "was 0x56, is 0x41" in guest.command(f"poke phys {(frame << 12) + 1:x} 0x41 byte")
    assert "78413412" in guest.command(f"peek {0xc0000000 + (frame << 12):x} 4")  # the direct map
    assert guest.command(f"poke 4 {va:x} {old}").count("is") == 1
    assert "|.ELF" in guest.command("peek 4 08048000 16")
    assert "read-only: shared" in guest.command("poke 4 08048000 1")
    assert guest.command("check") == "check: ok\n"


def test_the_next_victim_is_who_goes(guest):
    guest.command("explain on")
    for policy in ("fifo", "clock", "sieve", "nru"):
        guest.command(f"policy {policy}")
        resident = int(re.search(r"^pool main: (\d+) of", guest.command("explain"), re.MULTILINE)[1])
        told = re.search(r"^  next: policy=(\w+-?\w*) victim=(\S+) frame=(\S+) ", guest.command("explain main"), re.MULTILINE)
        assert told[1] == policy
        guest.command(f"set frames {resident - 1}")
        newest = re.search(r"^picks, newest first:\n  fault \d+: policy=\S+ victim=(\S+) frame=(\S+) ",
                           guest.command("explain"), re.MULTILINE)
        assert newest.groups() == told.groups()[1:]
        guest.command("set frames 24")
    assert "decides only when it must" in guest.command("policy lirs") + guest.command("explain")
    guest.command("policy clock")
    guest.command("explain off")


def test_top_counts_since_the_last_one(guest):
    guest.command("top")
    before = rows(guest.command("ps"), r"^ +(?P<pid>\d+) (?P<name>\S+) +\w+ +\d+ +\d+ +(?P<minor>\d+) +(?P<major>\d+)")
    guest.command("run stamp 40 300 &")
    guest.command("wait 2")
    row = r"^ +(?P<pid>\d+) (?P<name>\S+) +(?P<state>\w+) +(?P<resident>\d+) +(?P<faults>\d+) +(?P<majors>\d+) +\d+ +(?P<cpu>\d+)$"
    top = rows(guest.command("top"), row)
    assert top[0]["name"] == "stamp" and int(top[0]["faults"]) >= int(top[0]["majors"]) > 0
    assert [int(r["faults"]) for r in top] == sorted((int(r["faults"]) for r in top), reverse=True)
    assert {r["pid"]: r["faults"] for r in top if r["name"] == "sleeper"} == {
        r["pid"]: "0" for r in before if r["name"] == "sleeper"}
    guest.command(f"kill {top[0]['pid']}")
    guest.command("wait 5")


# The editor --------------------------------------------------------------------------------------------

UP, DOWN, RIGHT, LEFT, HOME, END, DELETE = (b"\x1b[" + k for k in (b"A", b"B", b"C", b"D", b"H", b"F", b"3~"))


def typed(guest, keys):
    """Sends raw bytes and waits for the next prompt that begins a line and waits. => what came before it"""
    start = guest._seen
    guest.process.stdin.write(keys)
    guest.process.stdin.flush()
    end = guest.expect(r"\nfaultline> ").start()
    return guest.log[start:end]


def test_editing_in_the_middle(guest):
    for keys in (b"chek" + LEFT + b"c\n", b"eck" + HOME + b"ch" + b"\n", b"hec\x01c\x05k\n", b"chcheck\x01\x04\x04\n",
                 b"checkk" + LEFT + DELETE + b"\n", b"check these\x17\x08\n", b"check all" + LEFT * 4 + b"\x0b\n",
                 b"rubbishcheck" + LEFT * 5 + b"\x15\n", b"xcheck" + HOME + RIGHT + b"\x7f\n", b"hck\x1bOHc" + END + LEFT * 2 + b"e\n"):
        assert typed(guest, keys).endswith("\ncheck: ok"), keys
    long = b"y" * 100
    assert typed(guest, long + HOME + b"z" + END + b"z" + LEFT * 60 + b"x\n").endswith(
        "z" + "y" * 41 + "x" + "y" * 59 + "z: no such command; help lists them")
    assert "faultline> <" in typed(guest, long + LEFT + b"\n")  # a window on the line
    assert "\x1b[H\x1b[2Jfaultline> che" in typed(guest, b"che\x0cck\n")


def test_keys_that_find_the_queue_full(guest):
    """A key of several characters waits in the port as a whole, or arrives as a whole."""
    assert "check: ok" in typed(guest, b"run sleeper 200\n" + RIGHT * 600 + b"check\n") + typed(guest, b"")


def test_history(guest):
    typed(guest, b"slab debug\n")
    typed(guest, b"swap\n")
    typed(guest, b"swap\n")  # remembered once
    assert typed(guest, UP + b"\n").count("swap: disk=") == 1
    assert "slab: debug=0" in typed(guest, UP + UP + b"\n")
    assert "swap: disk=" in typed(guest, UP + UP + UP + DOWN + b"\n")
    assert "check: ok" in typed(guest, b"chec" + UP + DOWN + b"k\n")  # what was typed is still there
    assert "slab: debug=0" in typed(guest, UP * 100 + DOWN * 100 + b"slab debug\n")


def test_completion(guest):
    assert "fault_case5" in typed(guest, b"vms\t\n")
    assert typed(guest, b"help lo\t").endswith("\nlog  load  ")  # and the line again
    assert "[CLASSES]" in typed(guest, b"g\n")
    assert "is under lirs now" in typed(guest, b"policy lir\t\n")
    assert "is under clock now" in typed(guest, b"policy clock\n")
    assert "hello: ok" in typed(guest, b"with policy=fif\tfram\t9 ru\thell\t\n")
    assert typed(guest, b"run m\t").endswith("\nmatmul  mems  ")
    typed(guest, b"\x15\n")
    assert "^C" in typed(guest, b"nothing begins so\t\t\x03")
    assert "log: -boot -proc -fault +evict" in typed(guest, b"log +ev\t\n") + typed(guest, b"log quiet\n")
    assert "* frames" in typed(guest, b"set fra\t24\n")
    assert "trace: +proc +fault -evict" in typed(guest, b"trac\ton\tfau\x08\x08\x08fault,pro\t\n") + typed(guest, b"trace\n")
    assert "trace: -proc -fault -evict" in typed(guest, b"trace of\t\n") + typed(guest, b"trace\n")
    assert "# A look" in typed(guest, b"cat scr\tto\t\n")
    typed(guest, b"save %s\n" % (b"n" * 120))  # a long name is not cut
    assert "\n# Faultline: settings" in typed(guest, b"cat tmp/nn\t\n")
    assert "no such file" not in typed(guest, b"rm tmp/n\t\n")
    for keys, said in ((b"break f\t1\n", "break: fault pid=1\n"), (b"break o\t\n", "break: none\n"),
                       (b"step of\t\n", "step: off\n"), (b"hist of\t\n", "hist: off"), (b"trace sh\t\n", "trace: nothing is recorded"),
                       (b"view tex\ttop\n", "evictions faults/s")):
        assert said in typed(guest, keys) + "\n", keys


def test_history_and_completion_at_a_stop(guest):
    """They are those of the session; what is typed there does not go into it."""
    def at_stop(keys):
        start = guest._seen
        guest.process.stdin.write(keys)
        guest.process.stdin.flush()
        guest.expect("^stop> ")
        return guest.log[start:]

    typed(guest, b"step\n")
    at_stop(b"run scan 3 1\n")
    assert "pool name=main" in at_stop(b"poo\tmai\t\n")
    assert "run: not while a fault is stopped" in at_stop(UP + b"\n")
    assert "scan: ok" in typed(guest, b"c\n")
    assert "step: stops at every fault" in typed(guest, UP + UP + b"\n")
    typed(guest, b"step off\n")


def test_help_tells_more(guest):
    said = guest.command("help peek")
    assert said.splitlines()[0].split()[:2] == ["peek", "[phys|PID]"] and "peek phys b8000" in said
    assert guest.command("help kill").count("\n") == 1


# Samples, settings, scripts ----------------------------------------------------------------------------

def test_vmstat_samples_add_up():
    """In a script nothing runs between two commands."""
    run = boot(["run stamp 100 300 &", "wait 5", "vmstat", "vmstat 4 10", "vmstat", "vmstat 2", "kill 1", "wait 5"],
               "frames=32 log=quiet swaplat=100", screen=False)
    first, second = ({k: int(v) for k, v in re.findall(r"^(\w+) (\d+)$", run.output("vmstat", n), re.MULTILINE)} for n in (0, 1))
    head, *lines = run.output("vmstat 4 10").splitlines()
    columns = head.split()
    samples = [dict(zip(columns, map(int, line.split()))) for line in lines]
    assert len(samples) == 4
    for column, counter in (("faults", "pgfault"), ("majors", "pgmajfault"), ("swpin", "pswpin"), ("swpout", "pswpout"),
                            ("steal", "pgsteal"), ("scan", "pgscan")):
        assert sum(s[column] for s in samples) == second[counter] - first[counter], column
    assert min(s["faults"] for s in samples) > 0 and min(s["ctx"] for s in samples) > 0
    assert all(99 <= s["us"] + s["wa"] + s["id"] <= 101 and s["wa"] > 50 for s in samples)
    assert len(run.output("vmstat 2").splitlines()) == 3  # a second each, of the guest's time


SETTINGS = ["set frames 64", "set policy arc", "set readahead 4", "set order 1", "set pager on", "set ksm madvise",
            "set check 100", "set accessed ad", "set mmapfit best", "set slabdebug 1", "set debug 1", "set seed 7",
            "set log proc"]


def test_settings_and_scripts(tmp_path):
    """Settings take effect, are saved with the session, and a guest that gets this as a module is in the same state."""
    run = boot([*SETTINGS, "run stamp 100 3", "check", "set", "pager", "ksm", "pool", "slab debug", "save s", "load s"],
               "log=quiet", screen=False)
    assert run.rc == qemu.OK and "* policy     arc " in run.output("set")
    assert "limit=64 " in run.output("pool") and "policy=arc" in run.output("pool") and "accessed=ad" in run.output("pool")
    assert "pool main: low=4 high=8" in run.output("pager") and "ksm: madvise" in run.output("ksm")
    assert run.output("slab debug") == "slab: debug=1\n" and "unit of residence is 2 pages" in run.output("pool")
    saved = run.output("save s")
    assert saved.splitlines()[1:] == ["set log quiet", *SETTINGS, "run stamp 100 3", "check", *"set pager ksm pool".split(), "slab debug"]
    assert run.log.count("stamp: ok") == 2  # and once more from the script
    script = tmp_path / "script.txt"
    script.write_text(saved + "nosuch\n  # the end\n")
    again = boot(["load script", "set", "check"], "log=quiet", modules=(script,), screen=False)
    settings = [[line for line in r.output("set").splitlines() if " run " not in line] for r in (run, again)]
    assert settings[0] == settings[1] and again.log.count("stamp: ok") == 1
    number = len(saved.splitlines()) + 1
    assert f"load: /script: line {number} failed: nosuch" in again.log and "quit: 1 failure\n" in again.log


def test_the_tour_runs():
    run = boot(["load tour"], "log=quiet", screen=False)
    assert run.rc == qemu.OK, run.result.tail()
    assert "check: ok" in run.output("check") and "next: policy=clock" in run.output("explain")


def test_make_run_takes_a_script(tmp_path):
    import subprocess
    script = tmp_path / "my script"
    script.write_text("run hello\r\n\n# done\n")
    made = subprocess.run(["make", "-s", "run", f"SCRIPT={script}", "LOG=quiet"], cwd=ROOT, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=100)
    assert made.returncode == 0 and "hello: ok" in made.stdout, made.stdout + made.stderr
