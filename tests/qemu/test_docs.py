# SPDX-License-Identifier: MIT
"""What docs/ says is true: links lead somewhere, and the glossary knows every counter. The example policy is built in
test_own_policy.py."""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCS = sorted((ROOT / "docs").rglob("*.md"))

def example(doc):
    """=> (file, its text, the line for POLICIES), as docs/policies.md gives them"""
    name = re.search(r"the\s+whole\s+of\s+`(mm/policy/\w+\.c)`", doc)[1]
    source, line = re.findall(r"^```c\n(.*?)^```$", doc, re.MULTILINE | re.DOTALL)
    return name, source, line


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
