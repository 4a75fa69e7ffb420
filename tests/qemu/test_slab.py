# SPDX-License-Identifier: MIT
"""Kernel objects: what `slab` shows, empty slabs given back, and what a guarded object tells about its user."""
import re

import pytest
from scenario import boot, programs
from tools import qemu

HEADER = ("slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : "
          "tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n")
ROW = re.compile(r"([\w-]+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) : tunables +0 +0 +0 : slabdata +(\d+) +(\d+) +0")
OBJECT = r"object 0x[0-9a-f]{8} of cache kmalloc-24"
TAKEN = r"allocated at take_object\+0x[0-9a-f]+"
FREED = r"freed at give_object\+0x[0-9a-f]+"

# misuse: the level that notices it, what is said
MISUSES = {
    "overflow": (1, rf"overflow: byte 20 of {OBJECT}, of 20 bytes, is 0x78; {TAKEN}"),
    "underflow": (1, rf"underflow: byte -1 of {OBJECT}, of 20 bytes, is 0x78; {TAKEN}"),
    "use-after-free": (2, rf"use after free: {OBJECT} was written to, at byte 19 or later; {TAKEN}, {FREED}"),
    "double-free": (1, rf"{OBJECT} is freed twice, now at give_object\+0x[0-9a-f]+; {TAKEN}, {FREED}"),
    "interior-free": (1, r"0x[0-9a-f]{8}, freed at give_object\+0x[0-9a-f]+, is no object of cache kmalloc-24: it is byte 8 "
                         rf"of 0x[0-9a-f]{{8}}, which was {TAKEN}"),
}


def slabinfo(text):
    """=> {cache: {column: number}}, {line below the table: its figures}"""
    assert text.startswith(HEADER)
    columns = "active_objs num_objs objsize objperslab pagesperslab active_slabs num_slabs".split()
    caches, totals = {}, {}
    for line in text.removeprefix(HEADER).splitlines():
        row = ROW.fullmatch(line)
        if row:
            caches[row[1]] = dict(zip(columns, map(int, row.groups()[1:])))
        else:
            totals[line.split(":")[0]] = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", line)}
    assert list(totals) == ["slabs", "big"]
    return caches, totals


def test_slabinfo():
    """The table adds up, and what programs needed is free again, kept, and given back when asked for."""
    run = boot(["slab", "run matmul 20", "slab", "slab reap", "slab", "slab reap", "check"], "log=quiet frames=64")
    before, used, reaped = (slabinfo(run.output("slab", nth)) for nth in range(3))
    for caches, totals in (before, used, reaped):
        for name, c in caches.items():
            assert c["active_objs"] <= c["num_objs"] == c["num_slabs"] * c["objperslab"], name
            assert c["active_slabs"] <= c["num_slabs"], name
            assert c["objsize"] * c["objperslab"] <= c["pagesperslab"] * 4096, name
        assert totals["slabs"]["frames"] == sum(c["num_slabs"] * c["pagesperslab"] for c in caches.values())
    for name in ("region", "space", "proc", "object"):
        assert used[0][name]["num_slabs"] > 0, name
    given = re.fullmatch(r"slab: frames=(\d+) given back\n", run.output("slab reap"))
    assert int(given[1]) == used[1]["slabs"]["frames"] - reaped[1]["slabs"]["frames"] > 0
    assert reaped[1]["slabs"]["reapable"] == 0 and reaped[0]["space"]["num_slabs"] == 0
    assert run.output("slab reap", 1) == "slab: frames=0 given back\n"
    assert run.output("check") == "check: ok\n"


@pytest.mark.parametrize("level", [1, 2])
def test_everything_runs_guarded(level):
    run = programs(["slab debug", "run matmul 60 & forktree & qsort 4000", "slab", "ktest", "slab debug 0", "run matmul 20",
                    f"slab debug {3 - level}", "run forktree", "slab"], f"log=quiet frames=64 slabdebug={level} check=200")
    assert run.rc == qemu.OK, run.result.tail()
    assert run.output("slab debug") == f"slab: debug={level}\n"
    caches, totals = slabinfo(run.output("slab"))
    assert totals["slabs"]["debug"] == level
    assert caches["region"]["objperslab"] < 50  # 127 without guards
    assert all(status == "ok" for _, status in run.statuses())


@pytest.mark.parametrize("what", MISUSES)
def test_misuse_is_reported(what):
    level, report = MISUSES[what]
    run = boot([f"slab debug {level}", f"provoke slab-{what}"], "log=quiet")
    assert run.rc == qemu.FAILED
    assert re.search(f"^PANIC: slab: {report}$", run.log, re.MULTILINE), run.result.tail()


def test_misuse_without_guards():
    """What only poison shows goes unnoticed; the same object freed twice in succession does not, at any level."""
    run = boot(["slab debug 1", "provoke slab-use-after-free", "slab debug 0", "provoke slab-double-free"], "log=quiet")
    assert run.output("provoke slab-use-after-free") == (
        "provoke: slab-use-after-free went unnoticed: expected slabdebug=2\n")
    assert re.search(rf"^PANIC: slab: {OBJECT} is freed twice, now at give_object\+0x[0-9a-f]+$", run.log, re.MULTILINE)


def test_bad_arguments():
    run = boot(["slab shrink", "slab debug 3", "slab debug x", "slab debug 1 2", "slab reap now"], "log=quiet")
    assert run.rc == qemu.FAILED
    assert [text for _, text in run.commands[:5]] == [
        "slab: shrink: expected reap, or debug and a level\n",
        "slab: debug 3: expected 0 to 2\n",
        "slab: debug x: expected 0 to 2\n",
        "slab: debug: expected reap, or debug and a level\n",
        "slab: reap: expected reap, or debug and a level\n"]
