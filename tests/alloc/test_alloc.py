# SPDX-License-Identifier: MIT
"""Workloads against the strategies of contiguous arenas: known answers, sums, the same figures every time."""
import struct

import pytest
from conftest import FITS, WORKLOADS, make, output, rows, run

# Five blocks fill 85 of 100 units; a and c go. Holes, where allocation begins at the bottom: 20 at 0, 30 at 30,
# 15 at 85. Then x, y, z come.
LIST = """\
# as in OSTEP's chapter on free space
+a 20
+b 10
+c 30
+d 10
+e 15
-a
-c
+x 12
+y 18
+z 30
"""
WHERE = {  # of x, y, z
    "first": [0, 30, "-"],     # z: 8, 12 and 15 are left
    "best": [85, 0, 30],       # each hole is used up as far as it can be, and z finds one of its size
    "worst": [30, 0, "-"],     # z: 2, 18 and 15 are left
    "next": [85, 0, 30],       # x goes on behind e; y and z start over
    "last": [88, 52, "-"],     # the five begin at the top: holes are 15 at 0, 30 at 40, 20 at 80
    "instant": [30, 42, "-"],  # x: of 16 to 31 units, the hole that was made last; y: what that left
}


def saved(tmp_path, content):
    path = tmp_path / "ops"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("fit", FITS)
def test_where_each_strategy_puts_it(tmp_path, fit):
    log = rows("--log", "-f", fit, "-b", "off", "-c", "off", "--units", 100, "--unit-bytes", 1, saved(tmp_path, LIST))
    assert [row["at"] for row in log if row["what"] == "alloc"][5:] == WHERE[fit]


@pytest.mark.parametrize("fit", FITS)
def test_compaction_makes_room(tmp_path, fit):
    for compact in ("whole", "enough"):
        args = ("-f", fit, "-b", "off", "-c", compact, "--units", 100, "--unit-bytes", 1, saved(tmp_path, LIST))
        assert rows("--log", *args)[-1]["at"] != "-"
        off, row = rows("-s", "--check", *args)
        fails = WHERE[fit][-1] == "-"
        assert (off["failed"], off["fragmented"], off["first"], off["first_load"]) == \
            ((1, 1, 10, 650) if fails else (0, 0, 0, 0))
        assert (row["failed"], row["avoided"], row["moved"] > 0) == (0, int(fails), fails)


def test_buddy_rounding(tmp_path):
    args = ("-f", "first", "-b", "on", "-c", "off", "--units", 128, "--unit-bytes", 1, saved(tmp_path, LIST))
    assert [row["at"] for row in rows("--log", *args) if row["what"] == "alloc"] == [0, 32, 48, 80, 96, 0, 48, "-"]
    samples = rows("--series", 1, *args)
    assert samples[2]["used"] == 32 + 16 + 32 and samples[2]["internal"] == 1000 * 20 // 80


def test_sums_at_each_sample():
    samples = rows("--series", 97, "--check", "--allocs", 1500, "-c", "off,whole,enough,4", *WORKLOADS)
    assert {s["workload"] for s in samples} == set(WORKLOADS) and {s["fit"] for s in samples} == set(FITS)
    for s in samples:
        assert s["used"] + s["free"] == s["total"] == 4096
        assert s["largest"] <= s["free"] and (s["free"] == 0) == (s["holes"] == 0)
        assert 0 <= s["internal"] <= 1000 and 0 <= s["success"] <= 1000
        assert s["free"] == 0 or abs(s["external"] - 1000 * (s["free"] - s["largest"]) / s["free"]) <= 1
    assert max(s["used"] for s in samples) > 4096 * 0.85


@pytest.mark.parametrize("workload", WORKLOADS)
def test_the_same_every_time(workload):
    args = ("--log", "-f", "best", "-b", "off", "-c", "off", "--allocs", 800, workload)
    assert output(*args) == output(*args)
    assert output(*args) != output("--seed", 2, *args)


def test_workloads_are_what_they_say():
    def used(workload, fit="best"):
        return [s["used"] / s["total"] for s in
                rows("--series", 200, "-f", fit, "-b", "off", "-c", "whole", workload)]
    ramp, plateau, teeth = used("ramp"), used("plateau"), used("sawtooth")
    assert ramp[len(ramp) // 10] < 0.25 and 0.4 < ramp[len(ramp) // 2] < 0.6 and 0.8 < ramp[-1] <= 0.95
    assert min(plateau[10:-10]) > 0.8 and max(plateau) <= 0.91 and plateau[-1] < 0.1
    assert max(teeth) > 0.8 and sum(a > b + 0.2 for a, b in zip(teeth, teeth[1:])) >= 5
    assert 0.8 < sum(used("uniform")[20:]) / len(used("uniform")[20:]) < 0.97


def test_small_steps_take_no_hole_out_of_use():
    """A partition that slides slowly into a large hole must leave the rest of it to others."""
    table = rows("-s", "-f", "best,last", "-b", "off", "-c", "8", "sawtooth")
    assert [row["failed"] for row in table] == [0, 0, 0, 0]
    assert [row["moved"] > 0 for row in table] == [False, True, False, True]


def test_worst_fit_fails_first():
    """Known since Knuth; and compaction on failure leaves nothing but what there is no room for."""
    table = rows("-s", "-f", "best,worst", "-b", "off", "-c", "whole", "plateau", "uniform")
    by = {(row["workload"], row["fit"], row["compact"]): row for row in table}
    for workload in ("plateau", "uniform"):
        best, worst = by[workload, "best", "off"], by[workload, "worst", "off"]
        assert worst["first"] < best["first"] and worst["failed"] > 3 * best["failed"]
        assert by[workload, "worst", "whole"]["fragmented"] == 0 < by[workload, "worst", "whole"]["avoided"]


# Files -----------------------------------------------------------------------------------------------

MALLOC, CALLOC, REALLOC, FREE = 1, 2, 3, 4


def malloc_trace(*records):
    """As tools/malloc/trace.h has it."""
    return b"FLMALLOC" + struct.pack("<II", 1, 8) + b"".join(
        struct.pack("<Q", op << 56 | block << 32 | size) for op, block, size in records)


def test_malloc_trace(tmp_path):
    path = saved(tmp_path, malloc_trace((MALLOC, 0, 100), (CALLOC, 1, 16), (REALLOC, 0, 40), (FREE, 1, 0),
                                        (MALLOC, 1, 0), (FREE, 0, 0)) + bytes(16) + b"rest")
    log = rows("--log", "-f", "first", "-b", "off", "-c", "off", "--load", 100, path)
    # Units of 16 bytes: 7 + 1, then 3 while there are still 8, which is the peak
    assert [(row["what"], row["id"], row["bytes"], row["at"]) for row in log] == [
        ("alloc", 0, 100, 0), ("alloc", 1, 16, 7), ("alloc", 2, 40, 8), ("free", 0, 0, 0), ("free", 1, 0, 7),
        ("alloc", 3, 1, 0), ("free", 2, 0, 8)]
    assert rows("--series", 100, "-b", "off", "-c", "off", "--load", 50, path)[0]["total"] == 2 * 11 + 1


@pytest.mark.parametrize("content, says", [
    ("+a 3\nx 4\n", 'ops:2: expected "+NAME BYTES" or "-NAME"'),
    ("+a 3\n+a 4\n", "ops:2: this name is allocated already"),
    ("-a\n", "ops:1: nothing of that name is allocated"),
    ("+a 0\n", "ops:1: expected at least 1 byte"),
    ("# nothing\n", "no operations in it"),
    (b"FLMALLOC" + struct.pack("<II", 9, 8), "version 9 of malloc traces; expected 1"),
])
def test_bad_files(tmp_path, content, says):
    done = run(saved(tmp_path, content))
    assert done.returncode == 2 and done.stderr.startswith("alloc: ") and says in done.stderr


@pytest.mark.parametrize("args, says", [
    (["nix"], 'no workload "nix", and no such file'),
    (["-f", "nix"], 'alloc: --fit "nix": expected all or some of first'),
    (["-b", "yes"], 'alloc: --buddy "yes": expected off or on'),
    (["-c", "0"], 'alloc: --compact "0": expected off, whole, enough, or 1 to'),
    (["--load", "101"], 'alloc: --load "101": expected 1 to 100'),
    (["--flat", "nix,5,5"], 'alloc: --flat "nix": expected buddy'),
    (["--flat", "buddy"], "alloc: --flat: expected WHAT,LIVE,PAIRS"),
    (["--nix"], "alloc: --help lists the options"),
])
def test_bad_options(args, says):
    done = run(*args)
    assert done.returncode == 2 and says in done.stderr


def test_help_names_everything():
    text = output("--help")
    assert all(word in text for word in (*WORKLOADS, *FITS, "malloc trace"))


def test_make_alloc():
    done = make("-s", "alloc", "WORKLOAD=ramp", "FIT=next,best", "BUDDY=off", "COMPACT=whole", "ARGS=--allocs 2000")
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert done.returncode == 0 and [line[1:4] for line in lines[1:]] == [
        [fit, "off", compact] for fit in ("next", "best") for compact in ("off", "whole")]
    text = make("alloc", "WORKLOAD=ramp", "FIT=next", "BUDDY=off", "COMPACT=enough", "ARGS=--allocs 2000").stdout
    assert "compaction enough" in text and "ramp          next     off" in text
