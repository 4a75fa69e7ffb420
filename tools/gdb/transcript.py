#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs gdb sessions from a list of commands, and keeps the transcripts in docs/life-of-a-fault.md and
docs/labs/going-backwards.md true. Each block marked gdb there is a piece of one session: the commands after the
prompt, the answers below them.

    tools/gdb/transcript.py --update     runs the sessions again and writes the answers into the documents
"""
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from tools import qemu  # noqa: E402

DOC = ROOT / "docs" / "life-of-a-fault.md"
LAB = ROOT / "docs" / "labs" / "going-backwards.md"
PROMPT = "(gdb) "
LIMIT = 50  # seconds for one session


# Running ---------------------------------------------------------------------------------------------

def make(*words, **env):
    """Runs make. => its standard output; fails with all it said if it does"""
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")} | env
    process = subprocess.Popen(["make", *words], cwd=ROOT, env=env, stdin=subprocess.DEVNULL, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, errors="replace",
                               start_new_session=True, preexec_fn=qemu.die_with_parent())
    try:
        out, err = process.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGTERM)
        out, err = process.communicate()
        raise AssertionError(f"make {shlex.join(words)}: stopped after {LIMIT} s\n{out}{err}") from None
    assert process.returncode == 0, f"make {shlex.join(words)}:\n{out}{err}"
    return out


# QEMU may be gone before gdb has its answer; that is no mistake of the commands.
KILL = r"""python exec("try:\n gdb.execute('kill')\nexcept gdb.error as e: print(e)")"""


def debug(variables, commands, directory, batch=False, target="debug"):
    """Runs `make debug`, or another target, and types the commands, or has them run as a script in batch mode, where the first
    mistake ends it. => (what gdb answered to each, the serial log)"""
    script, log = directory / "commands", directory / "serial.log"
    echo = f"echo {PROMPT.rstrip()}\\040\n" if batch else ""
    script.write_text("".join(f"{echo}{c}\n" for c in [*commands, KILL]))
    flags = f'-ex "set width 0" -ex "set height 0" {"-batch -x" if batch else "<"} {script} 2>&1'
    out = make(target, *variables, f"GDBFLAGS={flags}", FAULTLINE_LOG=str(log))
    answers = [a.rstrip("\n") for a in out.split(PROMPT)[1:]]
    assert len(answers) > len(commands), out
    qemu_says = re.compile(r"^qemu-system-i386: warning: icount sleep.*\n", re.MULTILINE)
    return [qemu_says.sub("", a) for a in answers[:len(commands)]], log.read_text()


def go_backwards(doc, directory):
    """Records what the lab records, and types its commands. => (what gdb answered to each, the recorded log)"""
    recorded = make("record", *variables_of(doc, "record"), f"REPLAY={directory}")
    commands = [command for command, _ in transcript(doc)]
    return debug([f"REPLAY={directory}"], commands, directory, target="replay-debug")[0], recorded


# The document ----------------------------------------------------------------------------------------

def variables_of(doc, target):
    """The variables of the document's `make run` or `make debug`."""
    return shlex.split(re.search(rf"^make {target} (.*)$", doc, re.MULTILINE)[1])


BLOCK = re.compile(r"^```gdb\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def transcript(doc):
    """=> [(command, answer)] of all gdb blocks"""
    text = "".join(BLOCK.findall(doc))
    assert text.startswith(PROMPT)
    pairs = [part.split("\n", 1) for part in text[len(PROMPT):].split("\n" + PROMPT)]
    return [(command, answer[0].rstrip("\n") if answer else "") for command, *answer in pairs]


def with_answers(doc, answers):
    """The document with other answers."""
    answers = iter(answers)

    def rewrite(block):
        lines = []
        for command in (line for line in block[1].splitlines() if line.startswith(PROMPT)):
            answer = next(answers)
            lines += [command, answer] if answer else [command]
        return "\n".join(["```gdb", *lines, "```"])

    return BLOCK.sub(rewrite, doc)


def with_log(doc, lines):
    """The document with other lines of the log."""
    return re.sub(r"(?<=^```log\n).*?(?=^```$)", lambda _: "\n".join(lines) + "\n", doc, count=1,
                  flags=re.MULTILINE | re.DOTALL)


def log_lines(doc):
    return re.search(r"^```log\n(.*?)^```$", doc, re.MULTILINE | re.DOTALL)[1].splitlines()


def story(log, fault_line):
    """The lines of a log, or of a trace, that tell of the fault in this line, from the first thing it caused."""
    key = [re.search(rf"{field}=\w+", fault_line)[0] for field in ("pid", "va", "case")]
    lines = log.splitlines()
    end = next(i for i, line in enumerate(lines) if "] fault " in line and all(k in line for k in key))
    start = max(i for i, line in enumerate(lines[:end]) if " fault " in line or " start " in line)
    return lines[start + 1:end + 1]


def same_for_every_build(text):
    """What compilers and unrelated changes may move is replaced: the time, lines of source, which header an inlined
    function is from, the place of arguments, machine code. Of other hexadecimal numbers, the first becomes H1, the next that differs H2,
    and so on: what was equal must stay equal. Addresses of the program's data and stack are left alone."""
    text = re.sub(r"\[ *\d+\.\d{6}\]", "[time]", text)
    text = re.sub(r"(ticks|\w+_us)=\d+", r"\1=N", text)
    text = re.sub(r"(\w+) \(.*\) at ([\w/]+\.[cS]):\d+", r"\1 (...) at \2:N", text)
    text = re.sub(r"([\w/]+\.[ch])(:| line |, line )\d+", r"\1:N", text)
    text = re.sub(r"^\d+(\t|\s+in ).*", r"N\1source", text, flags=re.MULTILINE)
    text = re.sub(r"(file|at) \./[\w/]+\.h\b", r"\1 HEADER", text)
    text = re.sub(r"<(\w+)\+\d+>:\t.*", r"<\1+N>: code", text)
    names = {}

    def rename(number):
        value = int(number[0], 16)
        if 0xb0000000 <= value < 0xc0000000:
            return number[0]
        return names.setdefault(value, f"H{len(names) + 1}")

    return re.sub(r"\b0x[0-9a-f]+", rename, text)


def as_text(pairs):
    """A session in one text. Where stepi stops is the compiler's business."""
    return "\n".join(f"{PROMPT}{command}\n{answer if command != 'stepi' else ''}"
                     for command, answer in pairs)


def update():
    doc = DOC.read_text()
    with tempfile.TemporaryDirectory(prefix="faultline-") as d:
        directory = pathlib.Path(d)
        answers, log = debug(variables_of(doc, "debug"), [c for c, _ in transcript(doc)], directory)
        fault = re.findall(r"\] fault pid=.*", "\n".join(answers))[-1]
        lines = story(make("run", *variables_of(doc, "run")), fault)
        lab = LAB.read_text()
        backwards, recorded = go_backwards(lab, directory)
    lab = with_answers(lab, backwards)
    words = [line.split("] ")[1].split()[0] for line in log_lines(lab)]
    LAB.write_text(with_log(lab, [line for word in words for line in recorded.splitlines() if f"] {word} " in line]))
    doc = with_answers(doc, answers)
    DOC.write_text(with_log(doc, lines))


if __name__ == "__main__":
    if sys.argv[1:] != ["--update"]:
        sys.exit(__doc__)
    update()
