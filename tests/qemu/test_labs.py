# SPDX-License-Identifier: MIT
"""The labs in docs/labs/ are scripts: every command in a ```console block is run, in order, and must print what the
page says. A line `...` stands for any lines, `~98` for about 98, `~0x2800` for any hexadecimal number; a command
without output on the page is only run. The lab that adds a policy is run in test_own_policy.py."""
import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from tools import qemu  # noqa: E402

LABS = ROOT / "docs" / "labs"
CHANGES_SOURCES = {"write-your-own-policy.md"}
LIMIT = 600  # seconds for one command


def sessions(text):
    """=> [(command, what it prints)] of a page"""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        _, *parts = re.split(r"^\$ ", block, flags=re.MULTILINE)
        for part in parts:
            lines = part.splitlines(keepends=True)
            more = 1  # lines of the command
            while more < len(lines) and (lines[more - 1].endswith("\\\n") or lines[more].startswith("> ")):
                more += 1
            found.append(("".join(line.removeprefix("> ") for line in lines[:more]), "".join(lines[more:])))
    return found


ABOUT = re.compile(r"~(0x[0-9a-f]+|\d+(?:\.\d+)?)")


def about(got, want):
    """Numbers within a tenth. Of an address or a frame, only that it is one."""
    if want.startswith("0x"):
        return got.startswith("0x")
    return not got.startswith("0x") and abs(float(got) - float(want)) <= max(1, float(want) / 10)


def line_says(line, shown):
    """The same, but for numbers that the page marks with ~, and columns by what these make longer."""
    wanted = ABOUT.findall(shown)
    if not wanted:
        return line == shown
    line, shown = " ".join(line.split()), " ".join(shown.split())
    between = map(re.escape, re.split(ABOUT, shown)[::2])
    match = re.fullmatch(r"(0x[0-9a-f]+|\d+(?:\.\d+)?)".join(between), line)
    return match is not None and all(map(about, match.groups(), wanted))


def says(output, expected):
    """Is it what the page shows?"""
    def fits(lines, shown):
        if not shown:
            return not lines
        if shown[0] == "...":
            return any(fits(lines[skip:], shown[1:]) for skip in range(len(lines) + 1))
        return bool(lines) and line_says(lines[0], shown[0]) and fits(lines[1:], shown[1:])
    return fits(output.rstrip().splitlines(), expected.rstrip().splitlines())


def run(tree, command):
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    done = subprocess.run(["sh", "-c", command], cwd=tree, env=env, timeout=LIMIT, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=qemu.die_with_parent())
    assert done.returncode == 0, f"$ {command}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
    return done.stdout


def test_says():
    assert says("a\nb\nc\n", "a\n...\nc\n") and says("a\nc\n", "a\n...\nc\n") and says("a.\n\n", "a.\n")
    assert not says("a\nb\n", "a\n") and not says("ab\n", "a.\n") and not says("b\na\n", "a\n...\n")
    assert says("faults=105 x\n", "faults=~98 x\n") and not says("faults=120 x\n", "faults=~98 x\n")
    assert says("a   9  102.5\n", "a   9  ~98.5\n") and not says("a  10  98.5\n", "a   9  ~98.5\n")
    assert says("frame 0x2f8b\n", "frame ~0x2800\n") and not says("frame 12\n", "frame ~0x2800\n")
    assert not says("faults=98 y\n", "faults=~98 x\n") and not says("faults=97\n", "faults=98\n")


def test_sessions():
    page = "```console\n$ a \\\n  b\nx\ny\n$ c\n```\n```sh\n$ no\n```\n```console\n$ d\n> e\n...\n```\n"
    assert sessions(page) == [("a \\\n  b\n", "x\ny\n"), ("c\n", ""), ("d\ne\n", "...\n")]


def follow(page, tree=ROOT):
    """Runs what the page says, in this tree."""
    for command, expected in sessions((LABS / page).read_text()):
        output = run(tree, command)
        assert not expected or says(output, expected), f"{page}: $ {command}\n{output}\nthe page says:\n{expected}"


@pytest.mark.parametrize("page", sorted(p.name for p in LABS.glob("*.md") if "```console" in p.read_text()
                                        and p.name not in CHANGES_SOURCES))
def test_lab(page):
    follow(page)


def test_the_labs_policy_is_the_example():
    """What the page shows of it is in the file, and the file is laid out as make format does."""
    text = (LABS / "write-your-own-policy.md").read_text()
    file = LABS / "example" / "probation.c"
    parts = re.findall(r"^```c\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(parts) >= 3
    assert [part for part in parts if part not in file.read_text()] == []
    subprocess.run(["clang-format", "--dry-run", "-Werror", "--style=file", file], cwd=ROOT, check=True, timeout=LIMIT)
