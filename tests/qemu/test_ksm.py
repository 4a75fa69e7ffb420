# SPDX-License-Identifier: MIT
"""Same-page merging: frames come free, content stays, writing ends it, and evicted pages come back. twins checks every
word of its pages; with debug=1 a frame that was freed too early holds junk."""
import re

import pytest
from scenario import boot, printed_by_programs, programs

PAGES, CLASSES = 200, 8  # as in user/twins.c: a quarter of the pages holds zeros, a quarter one of the classes
ZEROS = TWINS = PAGES // 4
LOOK = 400  # milliseconds; twins sleeps 500 between its changes
ONE, TWO = f"run twins {PAGES} &", f"run twins {PAGES} & twins {PAGES} &"


def figures(run, nth=0):
    text = run.output("ksm", nth)
    merged, broken = re.search(r"^ksm: \w+, (\d+) pages merged so far, (\d+) broken", text).groups()
    counts = {key: int(value) for key, value in re.findall(r"^(\w+) (\d+)$", text, re.MULTILINE)}
    return {"merged": int(merged), "broken": int(broken), **counts}


def watch(start, append="", more=(), **options):
    """Looks at the programs once while they sleep, `more` included, and lets them end. => Run"""
    run = programs([start, f"wait {LOOK}", "buddy", "ksm", "check", *more, "wait", "ksm"],
                   f"log=quiet debug=1 {append}", icount=True, screen=False, **options)
    assert run.rc == 0, run.result.tail()
    count = start.count("twins")
    assert run.output("wait").count(f"twins: ok pages={PAGES} rounds=3\n") == count, run.result.tail()
    assert run.log.count("check: ok\n") == [name for name, _ in run.commands].count("check")
    return run


def used(run):
    """=> frames in use while the programs sleep"""
    before, asleep = (int(re.search(r"^free (\d+) of", run.output("buddy", nth), re.MULTILINE)[1]) for nth in (0, 1))
    return before - asleep


@pytest.fixture(scope="module")
def unmerged():
    return {start: watch(start, "frames=all ksm=off") for start in (ONE, TWO)}


def test_off_merges_nothing(unmerged):
    for run in unmerged.values():
        assert set(figures(run, 1).values()) == {0}


@pytest.mark.parametrize("start", [ONE, TWO], ids=["one", "two"])
def test_frames_come_free(unmerged, start):
    """Zeros cost nothing, the classes a frame each, also when two processes have them."""
    run = watch(start, "frames=all ksm=on")
    n = start.count("twins")
    f = figures(run)
    assert f["ksm_zero_pages"] == n * ZEROS
    assert f["pages_shared"] == CLASSES
    assert f["pages_sharing"] == n * TWINS - CLASSES
    assert f["merged"] == f["ksm_zero_pages"] + f["pages_sharing"]
    assert f["broken"] == 0
    assert n * PAGES // 2 <= f["pages_unshared"] <= n * PAGES // 2 + 8 * n, "stacks and data are no twins"
    saved = used(unmerged[start]) - used(run)
    assert f["merged"] - 4 <= saved <= f["merged"], "less a few frames for reverse mappings"


def test_writing_ends_it():
    """In the end each page was written: of a class, all but the last to be written are copied."""
    run = watch(TWO, "frames=all ksm=on")
    last = figures(run, 1)
    assert last["pages_shared"] == last["pages_sharing"] == 0
    assert 2 * TWINS - 2 * CLASSES <= last["broken"] <= 2 * TWINS
    assert last["full_scans"] > figures(run)["full_scans"]


def test_only_where_it_is_asked_for():
    """twins advises half of its pages."""
    f = figures(watch(ONE, "frames=all ksm=madvise"))
    assert f["ksm_zero_pages"] == ZEROS // 2
    assert f["pages_sharing"] == TWINS // 2 - CLASSES
    assert figures(watch(ONE, "frames=all ksm=on"))["ksm_zero_pages"] == ZEROS


PRESSURE = {
    "clock": "frames=300",
    "fifo-pager": "frames=300 policy=fifo pager=on readahead=8",
    "slow-disk": "frames=280 policy=random swaplat=200 swapmb=3",
    "tight": "frames=64",
    "blocks": "frames=300 order=3",
}


@pytest.mark.parametrize("append", PRESSURE.values(), ids=PRESSURE)
def test_merged_pages_go_out_and_come_back(append):
    """Another program pushes them out while they are shared."""
    push = "run stamp 260 2" if "frames=64" not in append else "run stamp 50 2"
    run = watch(TWO, f"ksm=on {append}", more=[push, "check", "vmstat"])
    assert "stamp: ok" in run.output(push)
    if "order" not in append and "frames=64" not in append:
        assert figures(run)["pages_shared"] == CLASSES, "there was nothing merged to push out"
        assert run.vmstat()["pswpout"] > CLASSES
    assert figures(run, 1)["merged"] > 0 or "order" in append


def test_no_swap_at_all():
    """What is merged needs no second frame: too many pages for the machine, but not for their content."""
    frames, more = 440, 150
    assert 2 * PAGES + more > frames
    push = f"run stamp {more} 2"
    assert "stamp: ok" in watch(TWO, f"ksm=on frames={frames} swap=none", more=[push]).output(push)


def test_the_same_every_time():
    def once():
        return boot([TWO, f"wait {LOOK}", "ksm", "frames map", "policy dump", "wait", "vmstat", "ksm", "check"],
                    "frames=300 ksm=on log=all", icount=True, screen=False)
    first, second = once(), once()
    assert first.rc == 0 and first.log == second.log
    merges = re.findall(r"merge pid=(\d+) va=0x[0-9a-f]{5}000 frame=0x[0-9a-f]+ into=0x[0-9a-f]+$", first.log,
                        re.MULTILINE)
    assert set(merges) == {"1", "2"}


def test_programs_do_not_notice():
    command = "run matmul 64 & qsort 30000 & btree 2000 & hashjoin 4000 & zero 80"
    plain, merging = (boot([command, "check"], f"frames=200 log=quiet ksm={ksm}", icount=True, screen=False)
                      for ksm in ("off", "on"))
    assert plain.rc == merging.rc == 0
    assert sorted(printed_by_programs(plain.output(command)).splitlines()) == sorted(
        printed_by_programs(merging.output(command)).splitlines())
