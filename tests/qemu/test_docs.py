# SPDX-License-Identifier: MIT
"""What docs/ says is true: the example policy compiles and does what the text claims, links lead somewhere,
and the glossary knows every counter."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from tools import layers, qemu  # noqa: E402

DOCS = sorted((ROOT / "docs").rglob("*.md"))
BUILT_FROM = ("Makefile", "linker.ld", ".clang-format", "lib", "mm", "arch", "drivers", "kernel", "boot",
              "user", "tests", "tools")
LIMIT = 120  # seconds for one build


def make(tree, *words):
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    done = subprocess.run(["make", f"-j{os.cpu_count()}", *words], cwd=tree, env=env, timeout=LIMIT,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, preexec_fn=qemu.die_with_parent())
    assert done.returncode == 0, done.stdout


def example(doc):
    """=> (file, its text, the line for POLICIES), as docs/policies.md gives them"""
    name = re.search(r"the\s+whole\s+of\s+`(mm/policy/\w+\.c)`", doc)[1]
    source, line = re.findall(r"^```c\n(.*?)^```$", doc, re.MULTILINE | re.DOTALL)
    return name, source, line


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the sources with the example added as docs/policies.md says, and its kernel."""
    tree = tmp_path_factory.mktemp("tree")
    for name in BUILT_FROM:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tree / name)
    name, source, line = example((ROOT / "docs" / "policies.md").read_text())
    assert not (tree / name).exists()
    (tree / name).write_text(source)
    header = tree / "mm" / "policy.h"
    text = header.read_text()
    with_line = re.sub(r"(?<=#define POLICIES\(X\)).*\n", lambda m: m[0] + line, text)
    assert with_line != text
    header.write_text(with_line)
    make(tree, "format", "build/faultline.elf", "build/host32/hosttests")
    assert (tree / name).read_text() == source, "the example is not laid out as make format does"
    assert [b for b in layers.check(tree) if name in b] == []
    return tree


def victims(log):
    return re.findall(r"\] evict (pid=\d+ va=\w+) frame=\w+ (dirty|clean)", log)


def test_example_policy_runs(tree):
    """The document's own command; and its claim that the victims are CLOCK's."""
    doc = (ROOT / "docs" / "policies.md").read_text()
    run, = re.findall(r'^make run RUN="(policy; [^"]*)" FRAMES=32 POLICY=second', doc, re.MULTILINE)
    logs = {}
    for policy in ("second", "clock", "fifo"):
        result = qemu.run(append=f"frames=32 policy={policy}", run=run,
                          kernel=tree / "build" / "faultline.elf", initrd=ROOT / "build" / "initrd.tar")
        assert result.ok, result.reason + "\n" + result.tail()
        assert re.search(rf"^\* {policy} +\w", result.log, re.MULTILINE)
        assert re.search(rf"^summary programs=1 ok=1 policy={policy} frames=32 ", result.log, re.MULTILINE)
        logs[policy] = victims(result.log)
    assert len(logs["second"]) > 100
    assert logs["second"] == logs["clock"]
    assert logs["second"] != logs["fifo"]


def test_example_policy_keeps_the_contract(tree):
    done = subprocess.run([tree / "build" / "host32" / "hosttests", "policy_"], timeout=LIMIT, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0 and "ok" in done.stdout, done.stdout


def anchors(path):
    """The #fragments of a page, as GitHub makes them of its headings."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("path", DOCS, ids=lambda p: str(p.relative_to(ROOT / "docs")))
def test_links_and_files_exist(path):
    """Links, and files that are named in `code`."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target, fragment in re.findall(r"\]\(([^)#:]*)(?:#([\w-]+))?\)", text):
        file = (path.parent / target).resolve() if target else path
        assert file.exists(), f"{path.name}: {target}"
        assert not fragment or fragment in anchors(file), f"{path.name}: {target}#{fragment}"
    example_file = example((ROOT / "docs" / "policies.md").read_text())[0]
    for name in re.findall(r"`((?:lib|mm|arch|drivers|kernel|boot|user|tests|tools)/[\w/]+\.\w+)`", text):
        assert (ROOT / name).exists() or name == example_file, f"{path.name}: {name}"


def test_glossary_knows_every_counter():
    glossary = (ROOT / "docs" / "glossary.md").read_text()
    counters = re.findall(r"^ +X\((\w+)\)", (ROOT / "mm" / "stats.h").read_text(), re.MULTILINE)
    assert len(counters) > 5
    assert [c for c in counters if f"`{c}`" not in glossary] == []


def test_the_six_cases_are_those_of_the_code():
    """Number and name of each case, as mm/fault.c opens with them."""
    code = re.findall(r"^ \*   (\d)  (\w+(?: \w+)*)  ", (ROOT / "mm" / "fault.c").read_text(), re.MULTILINE)
    text = (ROOT / "docs" / "life-of-a-fault.md").read_text()
    doc = re.findall(r"^\| (\d) \| ([^|]+) \|", text, re.MULTILINE)
    assert code == doc and len(doc) == 6
