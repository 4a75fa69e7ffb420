# SPDX-License-Identifier: MIT
"""The debugger's commands, and the transcript in docs/life-of-a-fault.md: its commands are run as they are
printed there, and gdb must say what the document says. (After a change that moves it, read what moved, and
rewrite it with tools/gdb/transcript.py --update.)"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from tools.gdb.transcript import (  # noqa: E402
    DOC, as_text, debug, log_lines, make, same_for_every_build, story, transcript, variables_of)

PAGE = 4096
TWO = "RUN=run qsort 20000 & scan 24 2; quit"


def fields(line):
    return dict(re.findall(r"(\w+)=(\S+)", line))


def events(log, name):
    """The lines of one kind, without their time."""
    return re.findall(rf"^\[ *[\d.]+\] ({name} .*)$", log, re.MULTILINE)


def test_trace_excerpt_is_what_the_kernel_traces():
    doc = DOC.read_text()
    wanted = re.search(r"^```trace\n(.*?)^```$", doc, re.MULTILINE | re.DOTALL)[1].splitlines()
    out = make("-s", "trace", *variables_of(doc, "trace"))
    assert same_for_every_build("\n".join(story(out, wanted[-1]))) == same_for_every_build("\n".join(wanted))
    assert variables_of(doc, "trace")[:2] == variables_of(doc, "debug")[:2]
    va = r"va=(\w+)"
    assert re.search(va, wanted[-1])[1] == re.search(va, log_lines(doc)[-1])[1], "it is another fault"


def facts(answer):
    """What `fl why` or `fl victim` says => {"va": "0x...", ...}; gdb's own lines do no harm"""
    return dict(line.split(None, 1) for line in answer.splitlines() if re.match(r"[a-z]+ {2,}\S", line))


def table(answer):
    """What `fl ps` says => {(pid, name): [the other columns]}"""
    rows = [line.lstrip("*").split() for line in answer.splitlines()[1:]]
    return {(row[0], row[1]): row[2:] for row in rows}


def session(variables, commands, tmp_path, **options):
    """=> ({command: answer}, the serial log). Of commands that are the same, the last answer counts."""
    answers, log = debug([*variables, "ICOUNT=1"], commands, tmp_path, **options)
    return dict(zip(commands, answers)), log


# The document ----------------------------------------------------------------------------------------

def test_transcript_is_what_gdb_prints(tmp_path):
    doc = DOC.read_text()
    wanted = transcript(doc)
    commands = [command for command, _ in wanted]
    answers, _ = debug(variables_of(doc, "debug"), commands, tmp_path)
    assert (same_for_every_build(as_text(zip(commands, answers))) == same_for_every_build(as_text(wanted))), \
        "docs/life-of-a-fault.md is out of date: see tools/gdb/transcript.py"


def test_log_excerpt_is_what_the_kernel_prints():
    doc = DOC.read_text()
    out = make("run", *variables_of(doc, "run"))
    wanted = log_lines(doc)
    assert same_for_every_build("\n".join(story(out, wanted[-1]))) == same_for_every_build("\n".join(wanted))
    assert variables_of(doc, "run") == variables_of(doc, "debug")


# An eviction -----------------------------------------------------------------------------------------

EVICTION = ["disable 1", "fl break-evict pid=2 n=10", "continue", "fl victim", "set $va = f->va",
            "set $slot = f->slot.n", "set $frame = f - frame_table", "fl pt $va 2", "fl slot $slot", "fl frame $frame",
            "fl policy main n=99", "fl ps", "fl maps", "fl maps 1", "fl faults", "fl log 1", "fl bt", "up", "fl bt 1",
            "frame", "fl bt all", "down", "finish", "fl pt  $va 2", "fl slot  $slot", "fl frame  $frame", "fl policy n=0",
            "fl break-evict pid=2 n=1", "continue 1"]


def test_tenth_eviction_of_pid_2(tmp_path):
    """In batch mode: what gdb says of it before and after is what the log says afterwards."""
    answer, log = session([TWO, "FRAMES=24", "LOG=all"], EVICTION, tmp_path, batch=True)
    lines = [fields(line) for line in events(log, "evict")]
    tenth = [line for line in lines if line["pid"] == "2"][9]
    line = next(x for x in events(log, "evict") if fields(x) == tenth)
    va, frame, slot = int(tenth["va"], 16), int(tenth["frame"], 16), int(tenth["slot"])
    before = log[:log.index(line)]
    reason = re.search(r'why="(.*)" runner-up=(\S+)', events(before, "explain")[-1])

    assert "Temporary breakpoint 2" in answer["fl break-evict pid=2 n=10"]
    said = facts(answer["continue"])
    assert said == facts(answer["fl victim"])
    assert said["victim"] == f"page {va:#010x} of pid 2, in frame {frame:#x}"
    assert said["slot"] == str(slot)
    assert said["write"] == "yes: the page is dirty" and " dirty " in line
    assert f"policy {tenth['policy']}:" in said["pool"]
    assert said["why"] == f"{reason[1]}; runner-up {reason[2]}"
    assert fields(events(before, "explain")[-1])["victim"] == f"{2:#x}:{va // PAGE:#x}"

    # its PTE, before and after, and whoever else says where the page is
    raw = re.search(r"^PTE  (\w+) at (\w+)  P=1 W=1 U=1 PWT=0 PCD=0 A=0 D=1 PAT=0 G=0 avl=0$", answer["fl pt $va 2"],
                    re.M)
    assert int(raw[1], 16) >> 12 == frame and raw[1] in said["pte"]
    after = re.search(rf"^PTE  (\w+) at {raw[2]}  P=0 swapped=1 slot={slot}\n +not present: in slot {slot}\n"
                      rf"slot {slot}: the page is in memory, in frame {frame:#x}$", answer["fl pt  $va 2"], re.M)
    assert int(after[1], 16) >> 8 == slot
    assert answer["fl slot $slot"] == (f"slot {slot}: 1 reference, checksum 0x00000000\n"
                                       f"held by frame {frame:#x}: page {va:#010x} of pid 2")
    assert answer["fl slot  $slot"] == (f"slot {slot}: 2 references, checksum 0x00000000\n"
                                        f"held by frame {frame:#x}: a page that nobody maps\n"
                                        f"held by page {va:#010x} of pid 2 scan: PTE {after[1]}")
    assert re.search(rf"^mapped  {va:#010x} by pid 2 scan, PTE {raw[1]}: present", answer["fl frame $frame"], re.M)
    assert "flags   busy head queued" in answer["fl frame $frame"]
    assert "flags   busy head\npage    a page that nobody maps" in answer["fl frame  $frame"]
    assert "Value returned is $1 = VM_OK" in answer["finish"]

    # the policy's ring, from its hand on
    ring = re.findall(r"^    frame (\w+)  pid (\d) (\w+) .*", answer["fl policy main n=99"], re.M)
    assert len(ring) == 24 and ring[0] == (f"{frame:#x}", "2", f"{va:#010x}")
    assert re.search(rf"frame {frame:#x} .*<- hand$", answer["fl policy main n=99"], re.M)
    assert "\n  ring: 23\n    ... 23 more" in answer["fl policy n=0"]

    # what was counted until then
    ps = table(answer["fl ps"])
    for pid, name in (("1", "qsort"), ("2", "scan")):
        faults = [fields(x) for x in events(before, "fault") if f" pid={pid} " in x]
        gone = [x for x in events(before, "evict") if f" pid={pid} " in x]
        major = sum(1 for f in faults if f["case"] == "4")
        _, _, _, resident, swapped, minor, majors, evicted = ps[pid, name][:8]
        assert (int(minor), int(majors), int(evicted)) == (len(faults) - major, major, len(gone))
        maps = answer["fl maps" if pid == "2" else "fl maps 1"]
        assert maps.startswith(f"pid {pid} {name}\n")
        assert sum(map(int, re.findall(r"swapped=(\d+)", maps))) == int(swapped)
        assert sum(map(int, re.findall(r"resident=(\d+)", maps))) == int(resident)
    assert [x.rsplit(" ticks=")[0] for x in events(before, "fault")[-16:]] == answer["fl faults"].splitlines()
    assert answer["fl log 1"].endswith(events(before, "explain")[-1])
    assert ps["0", "pager"][-1] == "pager_channel"

    # from the kernel to the program, on the CPU and off it
    check_backtraces(answer)


def check_backtraces(answer):
    """At the tenth eviction."""
    here = answer["fl bt"].splitlines()
    assert here[0].startswith("#0  pool_remove (") and "evict_start" in here[1]
    trap = next(i for i, line in enumerate(here) if "<page fault, error 6: write, by the user, no page is present>" in line)
    assert "trap_page_fault" in here[trap - 1]
    assert re.search(r" main \(argc=3, argv=0xbf\w+, envp=0xbf\w+\) at \./?user/", here[trap + 1])
    assert answer["up"].startswith("#2 ") and answer["frame"] == answer["up"]  # looking elsewhere selects nothing
    there = answer["fl bt 1"]
    assert re.match(r"pid 1 qsort, ready\n#0  .* switch_to \(.*\n#1  schedule \(\) at kernel/sched.c:\d+\n", there)
    assert re.search(r"<interrupt 0>\n#\d+ +0x0804\w+ in partition \(\) at user/qsort.c:\d+\n(.*\n)*"
                     r"#\d+ +0x0804\w+ in main \(\) at user/qsort.c:\d+\n#\d+ +0x0804\w+ in _start \(\)", there)
    everyone = answer["fl bt all"].split("\n\n")
    assert [x.split(",")[0] for x in everyone] == ["pid 0 monitor", "pid 0 pager", "pid 1 qsort", "pid 2 scan"]
    assert everyone[2] == there and everyone[3].endswith(answer["fl bt"])
    assert "asleep, waits for proc_ended" in everyone[0] and "run_programs" in everyone[0]
    assert all("context_start ()" in x.splitlines()[-1] for x in everyone[:2])


# Faults ----------------------------------------------------------------------------------------------

def test_why_and_pt_agree_with_the_log(tmp_path):
    """Two processes, dirty pages, a write: what gdb says before and after is what the log says."""
    before = ["disable 1", "fl break-fault case=4 access=write", "continue", "fl why", "fl pt f->va", "set $va = f->va"]
    after = ["finish", "fl log", "fl pt $va", "fl pt $va cr3=$cr3", "fl  why", "bt 6"]
    answer, log = session([TWO, "FRAMES=24", "POLICY=fifo"], before + after, tmp_path)
    said, pte = facts(answer["fl why"]), answer["fl pt f->va"]
    logged = fields(answer["fl log"])
    assert said == facts(answer["continue"])
    assert answer["fl log"] in log and "] fault " in answer["fl log"]
    assert "Value returned is $1 = VM_OK" in answer["finish"]

    name = {"1": "qsort", "2": "scan"}[logged["pid"]]
    assert logged["case"] == "4" and logged["access"] == "write"
    assert said["va"] == f"{logged['va']} (CR2)"
    assert re.match(rf"{logged['ip']} user in \w+, \S+:\d+$", said["ip"])  # its symbols were loaded at the stop
    assert said["case"].startswith("4 swapped out:") and f"slot {logged['slot']} " in said["case"]
    assert said["error"] == "6: write, by the user, no page is present"
    assert said["process"] == f"{logged['pid']} {name}"
    assert said["pool"] == "24 of 24 frames in use, policy fifo: full, a page must go first"
    start, end = (int(x, 16) for x in re.match(r"(\w+)-(\w+) rw", said["region"]).groups())
    assert start <= int(logged["va"], 16) < end

    va, slot = int(logged["va"], 16), int(logged["slot"])
    assert f"va   {va:#010x} = directory entry {va >> 22}, table entry {va >> 12 & 1023}, " in pte
    assert f"P=0 swapped=1 slot={slot}\n     not present: in slot {slot}" in pte
    raw = int(re.search(r"^PTE  (\w+)", pte, re.MULTILINE)[1], 16)
    assert raw & 1 == 0 and raw >> 8 == slot

    frame = int(logged["frame"], 16)
    assert re.search(rf"^PTE  {frame << 12 | 7:#010x} .* P=1 W=1 U=1 PWT=0 PCD=0 A=0 D=0 PAT=0 G=0 avl=0\n"
                     rf" +present, writable, user, not accessed, clean, frame {frame:#x}\n"
                     rf"frame {frame:#x}: page {va & ~4095:#010x} of pid {logged['pid']}, "
                     rf"a copy in slot {slot}$",
                     answer["fl pt $va"], re.MULTILINE)
    assert answer["fl pt $va cr3=$cr3"].splitlines()[1:] == answer["fl pt $va"].splitlines()[1:-1]
    assert facts(answer["fl  why"])["case"].startswith("2 spurious")
    # gdb's own bt: the trap, then the program
    assert re.search(r"#1  <signal handler called>\n#2  (0x\w+ in )?\w+ \(.*user/", answer["bt 6"])


OTHER_CASES = [("crash null", 0, "no region"), ("crash write-text", 1, "forbidden"), ("scan 8 1", 3, "first touch")]


def test_other_cases(tmp_path):
    commands = ["disable 1"]
    for n, (_, case, _) in enumerate(OTHER_CASES, 1):
        commands += [f"fl break-fault case={case} pid={n} n=1", f"continue  # {n}", f"finish  # {n}"]
    commands = [c.split("  #")[0] + " " * i for i, c in enumerate(commands)]  # so that all differ
    answers, log = debug(["RUN=" + "; ".join(f"run {p}" for p, _, _ in OTHER_CASES) + "; quit", "ICOUNT=1"], commands,
                         tmp_path)
    for n, (_, case, words) in enumerate(OTHER_CASES, 1):
        said = facts(answers[3 * n - 1])
        assert said["case"].startswith(f"{case} {words}:")
        assert ("pool" in said) == (case == 3)
        logged = fields([line for line in log.splitlines() if f"] fault pid={n} " in line and f" case={case} " in line][0])
        assert said["va"].split()[0] == logged["va"]
        if case == 1:
            assert said["error"] == "7: write, by the user, the page is present but forbids it"
            assert re.match(r"\S+ r-x text, source file", said["region"])
        assert logged["case"] == str(case)


def test_kernel_faults_and_addresses(tmp_path):
    """The kernel touching a page for a process; its own fault, which is a panic; its own page tables."""
    answer, _ = session(["RUN=run hello; provoke null; quit"],
                        ["continue", "fl why", "fl pt f->va cr3=f->space->pmap.root_pa", "fl pt vm_fault",
                         "fl pt &frame_table", 'fl pt "0xc0000000 + 0x2000000"', "disable 1", "break panic_trap",
                         "continue 1", "fl  why", "print $fault_case()", "fl bt"], tmp_path)
    said = facts(answer["fl why"])
    assert said["error"] == "none: the kernel writes for the process"
    assert said["process"] == "1 hello"
    assert said["case"].startswith("3 first touch") and "ip" not in said
    assert answer["fl pt f->va cr3=f->space->pmap.root_pa"].endswith("P=0\n     not present: no page table")
    assert "present, read-only, kernel only" in answer["fl pt vm_fault"]  # in 4 KiB pages
    assert "present, writable, kernel only" in answer["fl pt &frame_table"]
    assert re.search("PS=1 .*\n.*4 MiB page", answer['fl pt "0xc0000000 + 0x2000000"'])  # most of the direct map
    said = facts(answer["fl  why"])
    assert said["error"] == "2: write, by the kernel, no page is present"
    assert said["va"] == "0x00000000 (CR2)"
    assert " kernel in " in said["ip"] and "kernel/provoke.c" in said["ip"]
    assert said["case"] == "none: a page fault of the kernel itself is a panic"
    assert answer["print $fault_case()"] == "$1 = -1"
    # a trap from ring 0, where the CPU pushes no stack pointer
    assert re.search(r"<page fault, error 2: .*\n#\d+ .*provoke.c.*\n(.*\n)*#\d+ .*context_start \(\)", answer["fl bt"])


# Programs --------------------------------------------------------------------------------------------

def test_symbols_follow_the_program(tmp_path):
    """Three programs, one of them glibc's: the symbols of the one on the CPU are there at each stop, unless that
    was switched off."""
    commands = ["fl symbols scan", "tbreak user/scan.c:main", "disable 1", "continue", "fl symbols auto",
                "fl break-fault pid=2 n=20", "continue 1", "fl symbols", "fl bt", "fl ps", "fl bt 2", "info symbol main",
                "fl break-fault pid=3 n=1", "fl symbols off", " continue", "fl  symbols", "fl symbols  auto",
                "fl symbols nosuch"]
    answer, _ = session(["RUN=run scan 8 1; run sorts & forkwait; quit"], commands, tmp_path)
    assert answer["fl symbols scan"] == "symbols of build/user/bin/scan, not automatic"
    assert re.search(r"main \(argc=3, argv=\w+, envp=\w+\) at user/scan.c", answer["continue"])
    assert answer["fl symbols"] == "symbols of build/user/glibc/sorts, automatic"
    assert "build/user/glibc/sorts" in answer["info symbol main"]
    assert re.search(r"<(page fault|system call).*>\n(#.*\n)*#\d+ .*main", answer["fl bt"])
    assert answer["fl  symbols"] == "symbols of no program, not automatic"
    assert answer["fl symbols  auto"] == "symbols of build/user/bin/forkwait, automatic"
    assert answer["fl symbols nosuch"] == "fl symbols: no program nosuch in build/user/bin or build/user/glibc"


def test_asleep_in_a_system_call(tmp_path):
    """Whoever sleeps is shown down to the line of its program that asked for it; the CPU is idle, or another's."""
    commands = ["disable 1", "tbreak proc_tick", "continue", "fl bt", "fl ps", "fl break-fault pid=4 n=3", " continue",
                "fl  ps", "fl bt 3"]
    answer, _ = session(["RUN=run sleeper 30; run hello; run forkwait; quit"], commands, tmp_path)
    assert re.search(r"proc_tick(.*\n)*.*<interrupt 0>\n#\d+ .*cpu_idle(.*\n)*.*<system call>\n#\d+ +sys_call \(\)(.*\n)*"
                     r"#\d+ .* main \(.*user/sleeper.c", answer["fl bt"])
    assert table(answer["fl  ps"])["3", "forkwait"][-2:] == ["a", "child"]
    assert re.search(r"^pid 3 forkwait, asleep, waits for a child\n(#.*\n)*#\d+ +<system call>\n#\d+ .*sys_call \(\).*\n"
                     r"#\d+ .*sys_wait4 \(\).*\n#\d+ .*main \(\) at user/forkwait.c:\d+\n#\d+ .*_start", answer["fl bt 3"])


# Mistakes --------------------------------------------------------------------------------------------

EARLY = {  # nothing runs yet: every command says so, or what it expected
    "fl why": r"fl why: the guest has not come that far yet",
    "fl pt 0x1000": r"fl pt: the guest has not come that far yet",
    "fl victim": r"fl victim: the guest has not come that far yet",
    "fl bt all": r"fl bt: the guest has not come that far yet",
    "fl log 0": r"fl log: expected a number of lines from 1 on, not '0'",
    "fl break-fault 2": r"fl break-fault: 2: expected pid=PID, va=ADDRESS, case=0\.\.5, access=read\|write\|exec, n=COUNT$",
    "fl break-fault case=9": r"fl break-fault: case=9: expected a number from 0 to 5",
    "fl break-fault access=all": r"fl break-fault: access=all: expected read, write or exec",
    "fl break-fault n=0": r"fl break-fault: n=0: expected a number from 1 ",
    "fl break-evict va=1": r"fl break-evict: va=1: expected pid=PID, frame=FRAME, n=COUNT",
    "fl break-evict pid=x": r"fl break-evict: pid=x: expected a number: No symbol \"x\"",
    "fl nosuch": r"fl nosuch: there is no such command; `fl help` lists them",
    "fl help nosuch": r"fl help: nosuch: there is no such command",
    "print $fault_case()": r"\$1 = -1",
    "fl": r"fl break-evict +Stop at evictions.*\n(fl .*\n)+\$fault_",
    "help fl why": r"Explain the page fault that is being handled\.\n\nfl why\n\nShows",
    "fl help pt": r"Walk the page tables for an address\.\n\nfl pt VA \[PID \| cr3=ADDRESS\]",
}
LATE = {  # a program begins
    "fl why now": r"fl why: expected no argument: fl why$",
    "fl victim": r"fl victim: no page is being evicted: .*`fl break-evict`",
    "fl pt": r"fl pt: expected an address, and perhaps whose: fl pt VA \[PID \| cr3=ADDRESS\]$",
    "fl pt 1 2 3": r"fl pt: expected an address",
    "fl pt nosuch": r"fl pt: 'nosuch' is not an address: No symbol \"nosuch\"",
    "fl pt 0x123456789": r"fl pt: '0x123456789' is not an address: it does not fit 32 bits",
    "fl pt 0 9": r"fl pt: pid 9: no such process; there are: monitor pager 1$",
    "fl pt 0 pager": r"fl pt: pid 0, pager, has no address space",
    "fl maps x y": r"fl maps: expected at most one PID: fl maps \[PID\]$",
    "fl maps nosuch": r"fl maps: nosuch: expected a PID, or the name of a kernel thread",
    "fl bt 0": r"fl bt: pid 0: no such process",
    "fl bt pager": r"pid 0 pager, ready\n\(it has not run yet: it begins in pager_run, mm/reclaim\.c:\d+\)$",
    "fl frame": r"fl frame: expected the number of a frame: fl frame N$",
    "fl frame 0xffffff": r"fl frame: frame 0xffffff: expected one below 0x\w+, where memory ends$",
    "fl frame 0x100": r"frame 0x100, physical 0x00100000\nkind    reserved\nflags   none$",
    "fl slot x": r"fl slot: slot=x: expected a number",
    "fl slot 99999999": r"fl slot: slot 99999999: expected one below \d+, where the swap disk ends$",
    "fl slot 77": r"slot 77 is free$",
    "fl policy nosuch": r"fl policy: nosuch: no such pool; there are: main$",
    "fl policy x=1": r"fl policy: x=1: expected n=COUNT$",
    "fl faults x": r"fl faults: expected a number of lines from 1 on, not 'x'",
    "fl ps 1": r"fl ps: expected no argument: fl ps$",
}


def test_mistakes_and_help(tmp_path):
    ended = ["disable", "continue 2", "fl ps"]
    answer, _ = session(["RUN=run hello; quit"], [*EARLY, "continue", *(" " + c for c in LATE), *ended], tmp_path)
    for question, wanted in EARLY.items():
        assert re.match(wanted, answer[question]), f"{question}: {answer[question]}"
    for question, wanted in LATE.items():
        assert re.match(wanted, answer[" " + question]), f"{question}: {answer[' ' + question]}"
    assert answer["fl ps"] == "fl ps: no guest is there: it has ended, or was not attached yet"
