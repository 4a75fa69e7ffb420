# SPDX-License-Identifier: MIT
"""The debugger's commands, and the transcript in docs/life-of-a-fault.md: its commands are run as they are
printed there, and gdb must say what the document says. (After a change that moves it, read what moved, and
rewrite it with tools/gdb/transcript.py --update.)"""
import pathlib
import re
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from tools.gdb.transcript import (  # noqa: E402
    DOC, as_text, debug, log_lines, make, same_for_every_build, story, transcript, variables_of)


def last_fault(log):
    """=> the fields of the last fault line"""
    line = [line for line in log.splitlines() if "] fault " in line][-1]
    return dict(re.findall(r"(\w+)=(\S+)", line))


# Tests -----------------------------------------------------------------------------------------------

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


def facts(answer):
    """What `fault` says => {"va": "0x...", ...}"""
    return dict(line.split(None, 1) for line in answer.splitlines())


def test_fault_and_pte_agree_with_the_log(tmp_path):
    """Two processes, dirty pages, a write: what gdb says before and after is what the log says."""
    variables = ["RUN=run qsort 20000 & scan 24 2; quit", "FRAMES=24", "POLICY=fifo", "ICOUNT=1"]
    before = ["condition 1 $fault_case() == 4 && f->access == VM_WRITE", "continue", "fault", "pte f->va",
              "set $va = f->va"]
    after = ["finish", "log", "pte $va", "pte $va $cr3", "fault"]
    answers, log = debug(variables, before + after, tmp_path)
    answer = dict(zip(before + ["finish", "log", "pte after", "pte cr3", "fault after"], answers))
    said, pte = facts(answer["fault"]), answer["pte f->va"]
    logged = dict(re.findall(r"(\w+)=(\S+)", answer["log"]))
    assert answer["log"] in log and "] fault " in answer["log"]
    assert "Value returned is $1 = VM_OK" in answer["finish"]

    assert logged["case"] == "4" and logged["access"] == "write"
    assert said["va"] == f"{logged['va']} (CR2)"
    assert said["ip"] == f"{logged['ip']} user"
    assert said["case"].startswith("4 swapped out:") and f"slot {logged['slot']} " in said["case"]
    assert said["error"] == "6: write, by the user, no page is present"
    name = {"1": "qsort", "2": "scan"}[logged["pid"]]
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
    assert re.search(rf"^PTE  {frame << 12 | 7:#010x} .* P=1 W=1 U=1 A=0 D=0 G=0\n"
                     rf" +present, writable, user, not accessed, clean, frame {frame:#x}\n"
                     rf"frame {frame:#x}: page {va & ~4095:#010x} of pid {logged['pid']}, "
                     rf"a copy in slot {slot}$",
                     answer["pte after"], re.MULTILINE)
    assert answer["pte cr3"] == answer["pte after"]
    assert facts(answer["fault after"])["case"].startswith("2 spurious")


@pytest.mark.parametrize("program, case, words", [
    ("crash null", 0, "no region"), ("crash write-text", 1, "forbidden"), ("scan 8 1", 3, "first touch")])
def test_other_cases(tmp_path, program, case, words):
    condition = f"condition 1 $fault_case() == {case} && f->ip != 0"
    answers, log = debug([f"RUN=run {program}; quit", "ICOUNT=1"], [condition, "continue", "fault", "finish"],
                         tmp_path)
    said = facts(answers[2])
    assert said["case"].startswith(f"{case} {words}:")
    assert ("pool" in said) == (case == 3)
    logged = last_fault(log)
    assert (said["va"], said["ip"]) == (f"{logged['va']} (CR2)", f"{logged['ip']} user")
    if case == 1:
        assert said["error"] == "7: write, by the user, the page is present but forbids it"
        assert re.match(r"\S+ r-x text, source file", said["region"])
    assert logged["case"] == str(case)


def test_kernel_faults(tmp_path):
    """The kernel touching a page for a process; the kernel's own fault, which is a panic."""
    answers, _ = debug(["RUN=run hello; provoke null; quit", "ICOUNT=1"],
                       ["continue", "fault", "pte f->va f->space->pmap.root_pa", "disable 1",
                        "break panic_trap", "continue", "fault", "print $fault_case()"], tmp_path)
    said = facts(answers[1])
    assert said["error"] == "none: the kernel writes for the process"
    assert said["process"] == "1 hello"
    assert said["case"].startswith("3 first touch") and "ip" not in said
    assert answers[2].endswith("P=0\n     not present: no page table")
    said = facts(answers[6])
    assert said["error"] == "2: write, by the kernel, no page is present"
    assert said["va"] == "0x00000000 (CR2)"
    assert " kernel in " in said["ip"] and "kernel/provoke.c" in said["ip"]
    assert said["case"] == "none: a page fault of the kernel itself is a panic"
    assert answers[7] == "$1 = -1"


def test_pte_of_the_kernel(tmp_path):
    """Text is read-only, in 4 KiB pages; most of the direct map is 4 MiB pages."""
    answers, _ = debug(["RUN=run hello; quit", "ICOUNT=1"],
                       ["continue", "pte vm_fault", "pte &frame_table",
                        'pte "0xc0000000 + 0x2000000"'], tmp_path)
    assert "present, read-only, kernel only" in answers[1]
    assert "present, writable, kernel only" in answers[2]
    assert "PS=1" in answers[3] and "4 MiB page" in answers[3]


def test_usersyms_names_the_program(tmp_path):
    answers, _ = debug(["RUN=run scan 8 1; run hello; quit", "ICOUNT=1"],
                       ["condition 1 f->va == f->ip", "continue", "usersyms", "fault",
                        "condition 1 f->va == f->ip && f->space->pmap.tag == 2", "continue", "usersyms",
                        "fault", "usersyms nosuch"], tmp_path)
    assert answers[2] == "symbols of build/user/bin/scan"
    assert re.search(r"^ip .* user in \w+, user/", answers[3], re.MULTILINE)
    assert answers[6] == "symbols of build/user/bin/hello"
    assert re.search(r"^ip .* user in \w+, user/", answers[7], re.MULTILINE)
    assert answers[8] == "usersyms: no program nosuch in build/user/bin or build/user/glibc"


def test_mistakes_and_help(tmp_path):
    """Nothing runs yet: every command says so, or what it expected."""
    questions = {
        "fault": r"fault: not in a page fault: .*`break vm_fault`",
        "fault now": r"fault: expected no argument",
        "pte": r"pte: expected an address",
        "pte 1 2 3": r"pte: expected an address",
        "pte nosuch": r"pte: 'nosuch' is not an address: No symbol \"nosuch\"",
        "pte 0x123456789": r"pte: '0x123456789' is not an address: it does not fit 32 bits",
        "pte 0x1000": r"pte: paging is off",
        "usersyms": r"usersyms: no program is on the CPU",
        "log 0": r"log: expected a number of lines from 1 on, not '0'",
        "print $fault_case()": r"\$1 = -1",
        "faultline": r"fault +Explain the page fault(.*\n)+log (.*\n)+pte (.*\n)+usersyms (.*\n)+\$fault_",
        "help fault": r"Explain the page fault that is being handled\.\n\nfault\n\nShows",
        "help pte": r"Walk the page tables for an address\.\n\npte VA \[CR3\]",
    }
    answers, _ = debug(["RUN=quit", "ICOUNT=1"], list(questions), tmp_path)
    for (question, wanted), answer in zip(questions.items(), answers):
        assert re.match(wanted, answer), f"{question}: {answer}"
