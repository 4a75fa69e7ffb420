# SPDX-License-Identifier: MIT
"""The two policies that docs/ adds, the example of docs/policies.md and that of the lab, do what the text claims. Both
are in one copy of the tree, so that all that knows of policies is built anew once: by the lab."""
import os
import re
import shutil
import subprocess

import pytest
from scenario import ROOT
from test_docs import example
from test_labs import CHANGES_SOURCES, LIMIT, follow, run
from tools import layers, qemu

SOURCES = ("Makefile", "linker.ld", ".clang-format", "lib", "mm", "arch", "drivers", "kernel", "boot", "user", "tests",
           "tools", "docs")
# What make has built of them, if it has. The rest of build/ may change under our hands.
BUILT = ("stamp", "kernel", "user", "glibc", "host32", "sim-obj", "initrd", "initrd.tar")

pytestmark = pytest.mark.long


def copy(name, tree):
    if (ROOT / name).is_dir():
        shutil.copytree(ROOT / name, tree / name)
    elif (ROOT / name).exists():
        shutil.copy2(ROOT / name, tree / name)  # with its time, for make


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the sources and of what is built. The example is added as docs/policies.md says, but not built."""
    tree = tmp_path_factory.mktemp("tree")
    (tree / "build").mkdir()
    for name in (*SOURCES, *(f"build/{name}" for name in BUILT)):
        copy(name, tree)
    name, source, line = example((ROOT / "docs" / "policies.md").read_text())
    assert not (tree / name).exists()
    (tree / name).write_text(source)
    header = tree / "mm" / "policy.h"
    text = header.read_text()
    with_line = re.sub(r"(?<=#define POLICIES\(X\)).*\n", lambda m: m[0] + line, text)
    assert with_line != text
    header.write_text(with_line)
    assert name in run(tree, "make -n format").split()
    run(tree, f"clang-format -i {name} mm/policy.h")
    assert (tree / name).read_text() == source, "the example is not laid out as make format does"
    os.utime(header, ns=(0, (ROOT / "mm" / "policy.h").stat().st_mtime_ns))  # the lab changes it again before it builds
    return tree


@pytest.fixture(scope="module")
def followed(tree):
    """The lab has been followed in this tree: in the end there are a kernel and host tests with both policies."""
    page, = CHANGES_SOURCES
    follow(page, tree)
    return tree


def victims(log):
    return re.findall(r"\] evict (pid=\d+ va=\w+) frame=\w+ (dirty|clean)", log)


def test_the_example_fits_in(tree):
    name, _, _ = example((ROOT / "docs" / "policies.md").read_text())
    assert [b for b in layers.check(tree) if name in b] == []


def test_the_lab(followed):
    """The fixture has followed it."""


def test_the_example_runs(followed):
    """The document's own command; and its claim that the victims are CLOCK's."""
    doc = (ROOT / "docs" / "policies.md").read_text()
    commands, = re.findall(r'^make run RUN="(policy; [^"]*)" FRAMES=32 POLICY=second', doc, re.MULTILINE)
    logs = {}
    for policy in ("second", "clock", "fifo"):
        result = qemu.run(append=f"frames=32 policy={policy}", run=commands,
                          kernel=followed / "build" / "faultline.elf", initrd=ROOT / "build" / "initrd.tar")
        assert result.ok, result.reason + "\n" + result.tail()
        assert re.search(rf"^\* {policy} +\w", result.log, re.MULTILINE)
        assert re.search(rf"^summary programs=1 ok=1 policy={policy} frames=32 ", result.log, re.MULTILINE)
        logs[policy] = victims(result.log)
    assert len(logs["second"]) > 100
    assert logs["second"] == logs["clock"]
    assert logs["second"] != logs["fifo"]


def test_the_example_keeps_the_contract(followed):
    done = subprocess.run([followed / "build" / "host32" / "hosttests", "policy_"], timeout=LIMIT, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0 and "ok" in done.stdout, done.stdout
