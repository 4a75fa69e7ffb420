# SPDX-License-Identifier: MIT
"""The host tools that the other tests lean on: the layer check, the QEMU driver, the symbol table, the ISO."""
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from tools import ksyms, layers, mkiso, qemu, runtests  # noqa: E402


def tree(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return layers.check(root)


CLEAN = {
    "lib/list.h": "#include <stddef.h>\n",
    "mm/frame.h": '/* mm-level: 1 */\n#include "lib/list.h"\n',
    "mm/buddy.h": '/* The buddy.\n * mm-level: 1.1 */\n#include "mm/frame.h"\n',
    "mm/buddy.c": '/* mm-level: 1.1 */\n#include "mm/buddy.h"\n',
    "kernel/main.c": '#include "mm/buddy.h"\n#include "lib/list.h"\n',
    "user/sort.c": '#include "lib/list.h"\n',
    "user/glibc/hello.c": "#include <stdio.h>\n",
    "tests/host/main.c": '#include <stdio.h>\n#include "mm/buddy.h"\n',
}


def test_layers_clean(tmp_path):
    assert tree(tmp_path, CLEAN) == []


@pytest.mark.parametrize("files, breach", [
    ({"lib/a.c": '\n#include "mm/frame.h"\n'}, "lib/a.c:2: lib may not include mm"),
    ({"mm/port.c": '/* mm-level: 0 */\n#include "kernel/main.c"\n'}, "mm/port.c:2: mm may not include kernel"),
    ({"kernel/a.c": '#include "user/sort.c"\n'}, "kernel/a.c:1: kernel may not include user"),
    ({"user/a.c": '#include "mm/frame.h"\n'}, "user/a.c:1: user may not include mm"),
    ({"mm/frame.c": '/* mm-level: 1 */\n#include "mm/buddy.h"\n'}, "mm/frame.c:2: mm-level 1 may not include"),
    ({"mm/same.c": '/* mm-level: 1.1 */\n#include "mm/buddy.h"\n'}, "mm/same.c:2: mm-level 1.1 may not include"),
    ({"mm/policy/x.c": '/* mm-level: 0 */\n#include "mm/frame.h"\n'}, "mm/policy/x.c:2: mm-level 0 may not"),
    ({"mm/bare.h": "int x;\n"}, "mm/bare.h:1: no `mm-level: N`"),
    ({"kernel/a.c": '#include "main.h"\n'}, "kernel/a.c:1: \"main.h\" does not name its file from the root"),
    ({"kernel/a.c": '#include "lib/nix.h"\n'}, "kernel/a.c:1: \"lib/nix.h\" does not exist"),
    ({"kernel/a.c": "#include <stdio.h>\n"}, "kernel/a.c:1: <stdio.h> is not one of"),
    ({"user/a.c": "#include <string.h>\n"}, "user/a.c:1: <string.h> is not one of"),
    ({"lib/a.h": '#include "lib/b.h"\n', "lib/b.h": '#include "lib/a.h"\n'},
     "include cycle: lib/a.h -> lib/b.h -> lib/a.h"),
    ({"tests/a.h": '#include "tests/a.h"\n'}, "include cycle: tests/a.h -> tests/a.h"),
])
def test_layers_breach(tmp_path, files, breach):
    breaches = tree(tmp_path, {**CLEAN, **files})
    assert len(breaches) == 1 and breach in breaches[0]


def test_exit_status():
    assert qemu.explain(33)[0] == qemu.OK
    assert qemu.explain(35)[0] == qemu.FAILED
    assert qemu.explain(0)[0] == qemu.RESET  # what a triple fault looks like
    assert qemu.explain(1)[0] == qemu.BROKEN
    assert "SIGKILL" in qemu.explain(-9)[1]


@pytest.mark.parametrize("run, line", [
    ("", 'frames=8 run="quit"'),
    ("demo", 'frames=8 run="demo; quit"'),
    ("demo; quit", 'frames=8 run="demo; quit"'),
    ("demo;quit 1 ;", 'frames=8 run="demo;quit 1 ;"'),
    ("quitter", 'frames=8 run="quitter; quit"'),
])
def test_quit_is_added_without_a_terminal(run, line):
    assert qemu.kernel_command_line("frames=8", run, quit_at_end=True) == line


def test_command_line_is_left_alone_with_a_terminal():
    assert qemu.kernel_command_line("frames=8", "demo") == 'frames=8 run="demo"'
    assert qemu.kernel_command_line("frames=8", "") == "frames=8"


def test_icount_and_iso_exclude_each_other():
    with pytest.raises(ValueError):
        qemu.qemu_command(iso="x.iso", icount=True)


def test_grub_quoting():
    words = mkiso.grub_words('frames=8 run="a b; c" x=$y')
    assert words == "'frames=8' 'run=a b; c' 'x=$y'"


def test_symbol_table():
    nm = ["00000000 a absolute", "c0100000 T __text_start", "c0100010 t b_local", "c0100010 T b_global",
          "c0100000 T a", "c0200000 D data", "         U undefined"]
    assert ksyms.text_symbols(nm) == {0xC0100000: "a", 0xC0100010: "b_global"}


def test_ktap_counts_leaves():
    outcome = runtests.read_ktap("KTAP version 1\n1..2\n  1..3\n  ok 1 - a\n  ok 2 - b # SKIP why\n  # note\n"
                                 "  not ok 3 - c\nnot ok 1 - suite\nok 2 - d\n")
    assert (outcome.passed, outcome.skipped) == (2, 1)
    assert outcome.failures == [("c", "# note")]


@pytest.mark.parametrize("text", ["", "1..2\nok 1 - a\n", "1..1\n  1..2\n  ok 1 - x\nok 1 - suite\n"])
def test_ktap_that_stops_early_fails(text):
    assert runtests.read_ktap(text).failures


def test_help_lists_every_target():
    text = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^\.PHONY: (\w[\w-]*)$", text, re.MULTILINE)) - {"FORCE"}
    shown = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert targets and targets <= set(re.findall(r"^  ([\w-]+) ", shown, re.MULTILINE))
