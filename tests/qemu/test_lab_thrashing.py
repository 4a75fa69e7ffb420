# SPDX-License-Identifier: MIT
"""The commands of docs/labs/thrashing-and-load-control.md run, and print lines like those that it shows. Its figures
change with the kernel; what the lab makes of them is what test_allot.py holds to."""
import re
import shlex

import pytest
from scenario import ROOT
from tools import qemu, thrash

TEXT = (ROOT / "docs" / "labs" / "thrashing-and-load-control.md").read_text()
STEPS = re.findall(r"^```sh\nmake run ([^\n]*)\n```\n\n(?:```\n(.*?)```)?", TEXT, re.MULTILINE | re.DOTALL)


def shape(line):
    return re.sub(r"\s+", " ", re.sub(r"\d+", "N", line)).strip()


def test_there_are_steps():
    assert len(STEPS) == TEXT.count("make run") >= 6


@pytest.mark.parametrize("words, shown", STEPS, ids=range(len(STEPS)))
def test_step(words, shown):
    values = dict(word.split("=", 1) for word in shlex.split(words))
    append = f"frames={values.get('FRAMES', 256)} log={values['LOG']} {values.get('APPEND', '')}"
    result = qemu.run(append, run=values["RUN"], icount=values["ICOUNT"] == "1", timeout=120)
    assert result.ok, result.tail()
    printed = {shape(line) for line in result.log.splitlines()}
    assert [line for line in shown.splitlines() if shape(line) not in printed] == []


def test_the_table_is_that_of_the_tool():
    """One column of step 4, roughly: it is one of the things that the lab argues with."""
    rows = {int(cells[0]): [int(n) for n in cells[1:]] for cells in
            (re.findall(r"\d+", row) for row in re.findall(r"^\|( *\d+ \|.*)\|$", TEXT, re.MULTILINE)) if len(cells) == 6}
    assert sorted(rows) == [1, 4, 6, 8, 10, 12]
    assert thrash.measure(8, allot="ws").rounds == pytest.approx(rows[8][3], rel=0.1)
    assert thrash.measure(8).rounds == pytest.approx(rows[8][0], rel=0.1)
