# SPDX-License-Identifier: MIT
"""tools/plot_alloc.py draws what build/alloc measured."""
import subprocess
import sys
import xml.etree.ElementTree as xml

import pytest
from conftest import FITS, LIMIT, ROOT, output

PLOT = ROOT / "tools" / "plot_alloc.py"


def plot(*words):
    return subprocess.run([sys.executable, PLOT, *map(str, words)], capture_output=True, text=True, timeout=LIMIT,
                          stdin=subprocess.DEVNULL)


def test_picture(tmp_path):
    PIL = pytest.importorskip("PIL.Image", reason="make deps installs python3-pil")
    series = tmp_path / "series.tsv"
    series.write_text(output("--series", 100, "--allocs", 1500, "-b", "off", "-c", "off,enough", "plateau") +
                      output("--series", 100, "--allocs", 1500, "-b", "on", "-c", "off", "plateau"))
    done = plot(series, "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    png, svg = done.stdout.split()
    assert (png, svg) == tuple(str(tmp_path / "out" / f"alloc-plateau{end}") for end in (".png", ".svg"))
    with PIL.open(png) as image:
        image.load()
        assert min(image.size) > 800 and len(image.convert("RGB").getcolors(1 << 20)) > 20
    parser = xml.XMLParser(target=xml.TreeBuilder(insert_comments=True))
    texts = [node.text.strip() for node in xml.parse(svg, parser).iter() if not isinstance(node.tag, str)]
    seen = (*FITS, "Workload plateau, 4096 units", "sizes as asked for,", "powers of two,", "no compaction",
            "compaction when one fails", "in use, %", "external fragmentation, %", "internal fragmentation, %",
            "blocks (dotted: holes)", "allocations that succeeded, %")
    assert [word for word in seen if word not in "\n".join(texts)] == []


def test_nothing_to_draw(tmp_path):
    given = tmp_path / "input"
    given.write_text("nothing of interest\n")
    done = plot(given, "-o", tmp_path / "out")
    assert done.returncode == 1 and done.stderr.startswith(f"plots: {given}: ") and "Traceback" not in done.stderr
