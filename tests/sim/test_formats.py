# SPDX-License-Identifier: MIT
"""Trace formats: each through every other, found out by content, bad input named with its line."""
import random
import struct

import pytest
from conftest import complaint, output

FORMATS = ("text", "lackey", "csv", "oracleGeneral", "module", "capture")
NO_WRITES = {"oracleGeneral"}
NO_NUMBERS = {"module"}  # only the order of the pages
NEVER = 0xffffffff


def example():
    """=> [(page, written)], no page twice in a row"""
    rng = random.Random(5)
    trace = [(2 ** 33, False)]
    while len(trace) < 500:
        page = rng.choice((0, 7, 1000 + rng.randrange(40), 2 ** 33 + rng.randrange(5)))
        if page != trace[-1][0]:
            trace.append((page, rng.random() < 0.3))
    return trace


EXAMPLE = example()


def save(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def text_of(trace):
    return "".join(f"{page}{' w' if written else ''}\n" for page, written in trace)


def read(path, *options):
    """=> [(page, written)] as the simulator reads it"""
    rows = [line.split() for line in output("convert", "--to", "text", *options, path, "-").splitlines()]
    return [(int(row[0]), len(row) > 1) for row in rows]


def info(path, *options):
    words = output("info", *options, path).split()
    assert words[0] == "info"
    return dict(word.split("=", 1) for word in words[1:])


def renumbered(trace):
    numbers = {}
    return [(numbers.setdefault(page, len(numbers)), written) for page, written in trace]


# There and back --------------------------------------------------------------------------------------

@pytest.mark.parametrize("first", FORMATS)
@pytest.mark.parametrize("second", FORMATS)
def test_round_trip(tmp_path, first, second):
    source = save(tmp_path, "source", text_of(EXAMPLE))
    one, two = tmp_path / "one", tmp_path / "two"
    output("convert", "--to", first, source, one)
    output("convert", "--to", second, one, two)
    assert info(one)["format"] == first and info(two)["format"] == second
    want = EXAMPLE
    if {first, second} & NO_WRITES:
        want = [(page, False) for page, _ in want]
    if {first, second} & NO_NUMBERS:
        want = renumbered(want)
    assert read(two) == want
    again = tmp_path / "again"
    output("convert", "--to", second, two, again)
    assert again.read_bytes() == two.read_bytes()


def test_the_format_follows_the_ending(tmp_path):
    source = save(tmp_path, "source", text_of(EXAMPLE))
    for name, want in (("a.txt", "text"), ("a.csv", "csv"), ("a.lackey", "lackey"), ("a.capture", "capture"),
                       ("a.oracleGeneral", "oracleGeneral"), ("a.module", "module"), ("a", "module"), ("a.bin", "module")):
        output("convert", source, tmp_path / name)
        assert info(tmp_path / name)["format"] == want
    assert output("convert", source, "-") == text_of(EXAMPLE)


def test_in_place(tmp_path):
    source = save(tmp_path, "source", text_of(EXAMPLE))
    output("convert", "--to", "csv", source, source)
    assert read(source) == EXAMPLE


def test_standard_input(tmp_path):
    data = text_of(EXAMPLE).encode()
    assert output("convert", "-", "-", stdin=data).encode() == data
    assert "trace=stdin" in output("info", "-", stdin=data)


def test_info(tmp_path):
    path = save(tmp_path, "my trace.v2.txt", "1\n1 w\n1\n2\n1 r\n3 w\n")
    assert output("info", path) == "info trace=my_trace.v2 format=text refs=6 entries=4 unique=3 written=2\n"


# Text ------------------------------------------------------------------------------------------------

def test_text(tmp_path):
    path = save(tmp_path, "t", "# a comment\n\n 5\n6w\n7 r # the rest, too\n8\tW\r\n0x3fff R\n0X4000 w\n9")
    assert read(path) == [(5, False), (6, True), (7, False), (8, True), (3, False), (4, True), (9, False)]
    assert read(path, "--page-size", 16384)[4:6] == [(0, False), (1, True)]
    assert read(path, "--page-size", "8K")[4:6] == [(1, False), (2, True)]


def test_in_a_row(tmp_path):
    path = save(tmp_path, "t", "1\n1\n2 w\n2\n2\n1\n1 w\n")
    assert read(path) == [(1, False), (2, True), (1, True)]
    assert (info(path)["refs"], info(path)["entries"]) == ("7", "3")


@pytest.mark.parametrize("content, line, shown", [
    ("1\n2\nthree\n", 3, '"three": expected a page number'),
    ("1\n2 x\n", 2, '"2 x"'),
    ("1 2\n", 1, '"1 2"'),
    ("0x\n", 1, '"0x"'),
    ("-1\n", 1, '"-1"'),
    ("18446744073709551616\n", 1, "18446744073709551616"),
    ("# fine\n1.5\n", 2, '"1.5"'),
    ("1\n\x01\x02\n", 2, '"??"'),
])
def test_bad_text(tmp_path, content, line, shown):
    path = save(tmp_path, "bad.txt", content)
    text = complaint(1, "info", path)
    assert f"{path}:{line}: " in text and shown in text
    assert f"{path}:{line}: " in complaint(1, "-s", path)


@pytest.mark.parametrize("content", ["", "\n", "# nothing\n\n"])
@pytest.mark.parametrize("form", FORMATS)
def test_empty(tmp_path, content, form):
    path = save(tmp_path, "empty", content)
    assert "no reference in it" in complaint(1, "info", path)
    assert str(path) in complaint(1, "--format", form, path)


# Lackey ----------------------------------------------------------------------------------------------

LACKEY = """\
==12== Lackey, an example Valgrind tool
I  00001ffe,4
 L 00005008,8
 S 1ffefffe50,8
 M 00007ffc,8
SB 04001090
 L 00008000,0
==12== bye
"""


def test_lackey(tmp_path):
    path = save(tmp_path, "log", LACKEY)
    assert info(path) == {"trace": "log", "format": "lackey", "refs": "9", "entries": "6", "unique": "6", "written": "3"}
    assert read(path) == [(1, False), (2, False), (5, False), (0x1ffefff, True), (7, True), (8, True)]
    assert read(path, "--page-size", 0x8000) == [(0, False), (0x3ffdff, True), (0, True), (1, True)]


def test_bad_lackey(tmp_path):
    path = save(tmp_path, "log", LACKEY + " X 1,2\n")
    assert f"{path}:9: \" X 1,2\": expected" in complaint(1, path)
    path = save(tmp_path, "log", " L 1000,4\n L ffffffffffffffff,8\n")
    assert f"{path}:2: " in complaint(1, path)
    assert "no address of 64 bits" in complaint(1, "convert", "--to", "lackey", save(tmp_path, "t", f"{2 ** 60}\n"), "-")


def test_lackey_written(tmp_path):
    assert output("convert", "--to", "lackey", save(tmp_path, "t", "5\n65536 w\n"), "-") == \
        " L 00005000,4\n S 10000000,4\n"


# CSV -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("content, options", [
    ("time,obj_id,size\n0,5,1\n1,6,1\n", ()),
    ("0,5,4096\n1,6,4096\n", ()),
    ("# note\n0;5;1\n\n1;6;1\n", ()),
    ("page,rw\n5,r\n6,w\n", ()),
    ("5,R\n6,W\n", ()),
    ("Op, Page\nread, 5\nWRITE, 6\n", ()),
    ("r,5\nw,6\n", ("--csv", "obj=2,op=1")),
    ("a,b,c\n0,set,6\n1,get,5\n1,set,6\n", ("--csv", "op=b,obj=c")),
    ("0\t5\n1\t6\n", ("--format", "csv")),
    ("t,page\r\n0,0x5123\r\n1,0x6000\r\n", ()),
    ("1,2,3,0,5\n1,2,3,1,6\n", ("--csv", "obj=5,op=4")),
])
def test_csv(tmp_path, content, options):
    got = read(save(tmp_path, "t.csv", content), *options)
    assert [page for page, _ in got][-2:] == [5, 6]
    assert [w for _, w in got][-2:] == [False, any(word in content.lower() for word in ("w\r", "w\n", "write", "w,", "set", "3,1,"))]


@pytest.mark.parametrize("content, options, line, says", [
    ("time,what\n0,5\n", (), 1, "a column named page or obj_id"),
    ("time,obj_id\n0,5\n1,six\n", (), 3, '"six" is no page number'),
    ("page,op\n5,r\n6,maybe\n", (), 3, '"maybe" is neither a read'),
    ("time,obj_id\n0,5\n1\n", (), 3, "1 columns, but column 2 is wanted"),
    ("0,5\n", ("--csv", "obj=3"), 1, 'no column "3" among the 2'),
    ("a,b\n0,5\n", ("--csv", "obj=z"), 1, 'no column "z"'),
    ("page,x\n,1\n", (), 2, '"" is no page number'),
])
def test_bad_csv(tmp_path, content, options, line, says):
    path = save(tmp_path, "bad.csv", content)
    text = complaint(1, "info", *options, path)
    assert f"{path}:{line}: " in text and says in text


# libCacheSim -----------------------------------------------------------------------------------------

def test_oracle_general(tmp_path):
    path = tmp_path / "t.oracleGeneral"
    output("convert", save(tmp_path, "t", "5\n6 w\n5\n9\n6\n5\n"), path)
    records = list(struct.iter_unpack("<IQIq", path.read_bytes()))
    # The next request's number counts from 1, as libCacheSim's own converter has it.
    assert records == [(0, 5, 1, 3), (1, 6, 1, 5), (2, 5, 1, 6), (3, 9, 1, -1), (4, 6, 1, -1), (5, 5, 1, -1)]


def test_oracle_general_of_others(tmp_path):
    data = b"".join(struct.pack("<IQIq", 1_600_000_000 + i, page, 0, 2 ** 63 - 1)
                    for i, page in enumerate((2 ** 64 - 1, 3, 3, 2 ** 64 - 1)))
    path = save(tmp_path, "t.bin", data)
    assert info(path)["format"] == "oracleGeneral" and info(path)["refs"] == "4"
    assert read(path) == [(2 ** 64 - 1, False), (3, False), (2 ** 64 - 1, False)]


def test_bad_oracle_general(tmp_path):
    path = save(tmp_path, "t.bin", bytes(25))
    assert "25 bytes are not a whole number of oracleGeneral's 24-byte records" in complaint(1, path)


# The kernel's ----------------------------------------------------------------------------------------

def module(words, refs=None, unique=None, flags=0, name=b"example", magic=0x31544c46, count=None):
    count = len(words) if count is None else count
    unique = len({w >> 1 for w in words}) if unique is None else unique
    header = struct.pack("<5I44s", magic, flags, count if refs is None else refs, count, unique, name)
    return header + struct.pack(f"<{len(words)}I", *words)


def test_module(tmp_path):
    path = tmp_path / "t.module"
    output("convert", save(tmp_path, "some-name.txt", "900\n5 w\n5\n900\n6\n5\n"), path)
    want = module([0, 3, 0, 4, 2], refs=6, name=b"some-name", flags=1) + struct.pack("<5I", 2, 4, NEVER, NEVER, NEVER)
    assert path.read_bytes() == want
    assert info(path) == {"trace": "some-name", "format": "module", "refs": "6", "entries": "5", "unique": "3",
                          "written": "1"}
    output("convert", "--name", "another one", path, tmp_path / "b.module")
    assert info(tmp_path / "b.module")["trace"] == "another_one"


def test_module_without_the_future(tmp_path):
    assert read(save(tmp_path, "m", module([0, 2, 1]))) == [(0, False), (1, False), (0, True)]


def test_raw_module(tmp_path):
    """What the kernel recorded: any page numbers, some in a row, and nobody has counted the pages."""
    assert read(save(tmp_path, "m", module([0x90, 0x91, 4, 0x90], flags=2, unique=0))) == [(72, True), (2, False), (72, False)]


@pytest.mark.parametrize("data, says", [
    (module([0, 2])[:-1], "a module of 2 entries has 72 bytes, this one has 71"),
    (module([0, 2]) + b"\0", "has 72 bytes, this one has 73"),
    (module([0, 2], flags=1), "has 80 bytes, this one has 72"),
    (module([0, 2], flags=4), "unknown flags 0x4"),
    (module([0, 4, 2]), "entry 1 is page 2"),
    (module([0, 2], unique=1), "entry 1 is page 1"),
    (module([0, 2], unique=3), "has 2 pages, its header says 3"),
    (module([0, 1]), "entry 1 is the same page"),
    (module([0, 2], refs=1), "header is damaged"),
    (module([0, 2], name=b"x" * 44), "header is damaged"),
    (module([0, 2])[:30], "no module's header"),
    (module([]), "no reference in it"),
])
def test_bad_module(tmp_path, data, says):
    assert says in complaint(1, "info", save(tmp_path, "m", data))


def test_foreign_magic(tmp_path):
    assert "begins with 0x1" in complaint(1, "info", "--format", "module", save(tmp_path, "m", module([0], magic=1)))


LOG = """\
Faultline, a kernel
[0.000100] boot memory=64M, clock
faultline> trace
reftrace begin name=matmul pool=2
10 2aw 10 2a
[0.000200] swap something
fffff 10w
reftrace end refs=100 entries=6
faultline> quit
"""


def test_capture(tmp_path):
    path = save(tmp_path, "serial.log", LOG)
    assert info(path) == {"trace": "matmul", "format": "capture", "refs": "100", "entries": "6", "unique": "3",
                          "written": "2"}
    assert read(path) == [(0x10, False), (0x2a, True), (0x10, False), (0x2a, False), (0xfffff, False), (0x10, True)]
    assert read(save(tmp_path, "crlf.log", LOG.replace("\n", "\r\n"))) == read(path)
    plain = "[1.5] reftrace begin\n1 2\n3w\n[1.6] reftrace end\n"
    assert info(save(tmp_path, "plain", plain)) == {"trace": "plain", "format": "capture", "refs": "3",
                                                    "entries": "3", "unique": "3", "written": "1"}


def test_capture_written(tmp_path):
    source = save(tmp_path, "name.txt", "".join(f"{16 + p}{' w' if p == 1 else ''}\n" for p in range(18)))
    assert output("convert", "--to", "capture", source, "-") == (
        "reftrace begin name=name\n10 11w " + " ".join(f"{16 + p:x}" for p in range(2, 16)) + "\n20 21\n"
        "reftrace end refs=18 entries=18\n")


def test_several_captures(tmp_path):
    path = save(tmp_path, "log", LOG + LOG.replace("matmul", "sort").replace("fffff", "12"))
    assert "there are 2 captures in it" in complaint(1, "info", path)
    assert "there are 2 captures in it" in complaint(1, "info", "--capture", 3, path)
    assert info(path, "--capture", 1)["trace"] == "matmul"
    assert info(path, "--capture", 2)["trace"] == "sort"
    assert read(path, "--capture", 2)[4] == (0x12, False)


@pytest.mark.parametrize("log, line, says", [
    (LOG.replace("reftrace end", "reftrace"), 8, '"reftrace refs=100 entries=6": expected hexadecimal'),
    (LOG[:LOG.index("reftrace end")], 7, "the capture is cut off"),
    (LOG.replace("fffff 10w", "fffff 10x"), 7, "expected"),
    (LOG.replace("fffff 10w", "10w"), 8, "printed 6 page numbers, but 5 are there"),
])
def test_bad_capture(tmp_path, log, line, says):
    path = save(tmp_path, "log", log)
    text = complaint(1, "info", path)
    assert f"{path}:{line}: " in text and says in text


def test_no_capture(tmp_path):
    assert 'no line "reftrace begin"' in complaint(1, "--format", "capture", save(tmp_path, "t", "1\n"))
