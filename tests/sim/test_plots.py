# SPDX-License-Identifier: MIT
"""tools/plots.py draws what it was given: files that are PNG and SVG, with every policy and event in them."""
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as xml

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from tools import plots  # noqa: E402

LIMIT = 60  # seconds

CURVE = "policy\tframes\tfaults\tratio\n" + "".join(
    f"{policy}\t{frames}\t{120 - step * frames}\t{(120 - step * frames) / 120:.6f}\n"
    for policy, step in (("clock", 4), ("opt", 9)) for frames in range(1, 11))
LINES = """\
something else
sim trace=a policy=opt frames=3 faults=10 writebacks=1 mode=exact accessed=a1 refs=50 unique=9 opt=10
sim trace=a policy=second-chance frames=3 faults=20 writebacks=1 mode=exact accessed=a1 refs=50 unique=9 opt=10
sim trace=b policy=opt frames=3 faults=20 writebacks=1 mode=exact accessed=a1 refs=70 unique=9 opt=20
sim trace=b policy=second-chance frames=3 faults=160 writebacks=1 mode=exact accessed=a1 refs=70 unique=9 opt=20
"""
LOG = """\
[    0.000901] start pid=1 name=scan entry=0x08048194
[    0.001000] fault pid=1 va=0x08048194 ip=0x08048194 access=exec case=3 file frame=0x2fb0 slot=none ticks=991
[    0.001100] fault pid=1 va=0xb7fb4ffc ip=0x080481a0 access=write case=3 zero frame=0x2fb1 slot=none ticks=891
[    0.001200] evict pid=1 va=0xb7fb4000 frame=0x2fb1 dirty slot=0 policy=second-chance
[    0.001250] evict pid=1 va=0x08048000 frame=0x2fb0 clean slot=none policy=second-chance
faultline> a line of somebody else's
[    0.001300] fault pid=1 va=0xb7fb4004 ip=0x080481a0 access=read case=4 swap-in frame=0x2fb0 slot=0 ticks=3991
[    0.001400] fault pid=2 va=0xbffff000 ip=0x080481a0 access=write case=5 cow frame=0x2fb1 slot=none ticks=1350
"""


def draw(tmp_path, picture, *texts):
    """Runs the tool on a file for each text. => [(PNG, SVG)]"""
    given = [tmp_path / f"input-{i}.log" for i in range(len(texts))]
    for path, text in zip(given, texts):
        path.write_text(text)
    done = subprocess.run([sys.executable, ROOT / "tools" / "plots.py", picture, *given, "-o", tmp_path / "out"],
                          capture_output=True, text=True, timeout=LIMIT, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    paths = [tmp_path / "out" / (path.stem + end) for path in given for end in (".png", ".svg")]
    assert done.stdout.split() == list(map(str, paths))
    files = [path.read_bytes() for path in paths]
    return list(zip(files[::2], files[1::2]))


def svg_texts(svg):
    """The texts of the picture: matplotlib draws letters as shapes, and says in comments what they say."""
    parser = xml.XMLParser(target=xml.TreeBuilder(insert_comments=True))
    root = xml.fromstring(svg, parser)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    return [node.text.strip() for node in root.iter() if not isinstance(node.tag, str)]


@pytest.mark.parametrize("picture, text, seen", [
    ("curve", CURVE, ["clock", "opt", "frames"]),
    ("bars", LINES, ["opt 1.000", "second-chance 4.000"]),  # the geometric mean of 2 and 8
    ("timeline", LOG, ["1 scan 0x08048000", "2  0xbffff000", "fault, case 3: first touch (2)",
                       "fault, case 4: swapped out (1)", "fault, case 5: copy on write (1)", "eviction, dirty (1)",
                       "eviction, clean (1)"]),
])
def test_pictures(tmp_path, picture, text, seen):
    PIL = pytest.importorskip("PIL.Image", reason="make deps installs python3-pil")
    (png, svg), = draw(tmp_path, picture, text)
    (tmp_path / "copy.png").write_bytes(png)
    with PIL.open(tmp_path / "copy.png") as image:
        image.load()  # the whole file is sound
        colours = len(image.convert("RGB").getcolors(1 << 20))
        assert image.format == "PNG" and min(image.size) > 300 and colours > 20
    texts = svg_texts(svg)
    assert [word for word in seen if word not in texts] == []


def test_the_same_picture_twice(tmp_path):
    one, two = draw(tmp_path, "bars", LINES, LINES)
    assert one == two


def test_many_points_do_not_make_a_huge_svg(tmp_path):
    lines = "".join(f"[{i / 1000:12.6f}] fault pid=1 va=0x{0x8048000 + i % 99 * 4096:08x} ip=0x08048194 access=read "
                    "case=4 swap-in frame=0x2fb0 slot=0 ticks=3991\n" for i in range(plots.SVG_POINTS + 1))
    (_, svg), = draw(tmp_path, "timeline", lines)
    assert len(svg) < 1 << 20


def test_places_leave_out_empty_space():
    pages = {(1, 100), (1, 103), (1, 0xbfff0), (2, 100)}
    where, parts = plots.places(pages)
    assert where[1, 103] - where[1, 100] == 3
    assert [(pid, page) for _, pid, page in parts] == [(1, 100), (1, 0xbfff0), (2, 100)]
    assert len(set(where.values())) == 4 and max(where.values()) < 20


@pytest.mark.parametrize("picture", plots.PICTURES)
def test_nothing_to_draw(tmp_path, picture):
    given = tmp_path / "input"
    given.write_text("nothing of interest\n")
    done = subprocess.run([sys.executable, ROOT / "tools" / "plots.py", picture, given], capture_output=True, text=True,
                          timeout=LIMIT, stdin=subprocess.DEVNULL, cwd=tmp_path)
    assert done.returncode == 1 and done.stderr.startswith(f"plots: {given}: ") and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == [given]
