# SPDX-License-Identifier: MIT
"""Frames allotted to processes: equally, by working set, by page-fault frequency; and load control, which suspends
some when there are too few for all. Under icount, so the same on every machine."""
import re

import pytest
from scenario import boot, free_memory, printed_by_programs
from tools import qemu, thrash

LOCAL = ("equal", "ws", "pff")
SHORT = 1000  # milliseconds
CROWD = 10


def table(text):
    """=> the rows of the allot command, by pid"""
    rows = re.findall(r"^ *(\d+) (\S+) +(runs|suspended|asleep) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)$", text,
                      re.MULTILINE)
    keys = ("name", "state", "allotment", "resident", "working_set", "demand", "faults", "suspensions")
    return {int(pid): {k: int(v) if v.isdigit() else v for k, v in zip(keys, rest)} for pid, *rest in rows}


def head(text):
    """=> the figures of the allot command's first line"""
    line, = re.findall(r"^allot: (mode=.*)$", text, re.MULTILINE)
    return {k: int(v) if re.fullmatch(r"-?\d+", v) else v for k, v in (word.split("=") for word in line.split())}


def load_events(log):
    """=> [(seconds, suspend or resume, pid)] in order"""
    found = re.findall(r"^\[ *([\d.]+)\] (suspend|resume) pid=(\d+) ", log, re.MULTILINE)
    return [(float(seconds), what, int(pid)) for seconds, what, pid in found]


def run_allotted(mode, commands, append="", **options):
    """As scenario.programs, under this mode; what the mode itself keeps does not count. The thread that it needs is
    there from the start."""
    run = boot(["allot global", "slab reap", "buddy", "swap", f"allot {mode}", *commands, "allot global", "check",
                "slab reap", "buddy", "swap"], f"allot={mode} {append}", **options)
    assert run.output("check", -1).endswith("check: ok\n"), run.result.tail()
    assert free_memory(run, 0) == free_memory(run, 1), run.result.tail()
    return run


def many(program, count):
    return " & ".join([program] * count)


# Throughput -------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def point():
    known = {}

    def measure(programs, allot="global"):
        if (programs, allot) not in known:
            known[programs, allot] = thrash.measure(programs, ms=SHORT, allot=allot)
        return known[programs, allot]
    return measure


@pytest.mark.parametrize("allot", ["ws", "pff", "ws:4000"])
def test_past_the_knee_load_control_keeps_the_throughput(point, allot):
    peak = point(4).rounds
    for n in (8, 12):
        free, controlled = point(n), point(n, allot)
        assert free.rounds < 0.7 * peak
        assert controlled.rounds > 0.8 * peak and controlled.rounds > 1.5 * free.rounds
        assert controlled.suspensions > 0 == free.suspensions


def test_and_is_fairer(point):
    assert point(12, "ws").least > 3 * point(12).least


@pytest.mark.parametrize("allot", LOCAL)
def test_below_the_knee_it_costs_nothing(point, allot):
    for n in (1, 2):
        assert point(n, allot).rounds > 0.95 * point(n).rounds
        assert point(n, allot).suspensions == 0


def test_equal_shares_do_not_prevent_thrashing(point):
    assert point(12, "equal").rounds < 0.5 * point(4).rounds


def test_the_same_every_time(point):
    assert thrash.measure(8, ms=SHORT, allot="ws") == point(8, "ws")
    assert thrash.measure(8, ms=SHORT, allot="pff") == point(8, "pff")


# Load control -----------------------------------------------------------------------------------------

@pytest.fixture(scope="module", params=LOCAL)
def crowd(request):
    """Ten that would run for ever, looked at eight times."""
    frames = 40 if request.param == "equal" else 100
    looks = [word for _ in range(8) for word in ("wait 300", "allot", "check")]
    run = boot([f"run {many('thrash 20 600000', CROWD)} &", *looks, *(f"kill {pid}" for pid in range(1, CROWD + 1)), "wait",
                "allot", "allot global", "check"],
               f"frames={frames} allot={request.param} swapmb=32 swaplat=200 log=proc", icount=True, timeout=120)
    return frames, [run.output("allot", n) for n in range(8)], run


def test_frames_are_never_more_than_there_are(crowd):
    frames, looks, _ = crowd
    for look in looks:
        rows, figures = table(look), head(look)
        assert len(rows) == CROWD and figures["frames"] == frames
        assert figures["running"] == [r["state"] for r in rows.values()].count("runs") >= 1
        assert figures["suspended"] == CROWD - figures["running"] >= 1
        assert sum(r["resident"] for r in rows.values()) + figures["shared"] <= frames
        assert all(r["allotment"] == 0 for r in rows.values() if r["state"] != "runs")
        assert sum(r["allotment"] for r in rows.values()) + 6 <= frames


def test_nobody_starves(crowd):
    """Each goes on again and again, after less than a quantum (250 ms) for each of the others, and nearly in the
    order in which they were suspended."""
    _, _, run = crowd
    waiting, resumed = {}, dict.fromkeys(range(1, CROWD + 1), 0)
    for seconds, what, pid in load_events(run.log.split("faultline> kill 1\n")[0]):
        if what == "suspend":
            waiting[pid] = seconds
        elif pid in waiting:
            assert list(waiting).index(pid) < 3, "those that came before were passed over"
            assert seconds - waiting.pop(pid) < 0.25 * CROWD
            resumed[pid] += 1
    assert min(resumed.values()) >= 1 and sum(resumed.values()) > CROWD
    assert max(resumed.values()) <= 2 * min(resumed.values()) + 1


def test_the_suspended_can_be_killed(crowd):
    _, looks, run = crowd
    assert "suspended" in looks[-1]
    ended = [row for row in run.rows() if row["name"] == "thrash"]
    assert len(ended) == CROWD and {row["status"] for row in ended} == {"killed"}
    figures = head(run.output("allot", 8))
    assert figures["running"] == figures["suspended"] == 0 and figures["free"] == figures["frames"] - 6
    assert run.output("check", 8).endswith("check: ok\n") and "quit: 1 failure\n" in run.log


@pytest.mark.parametrize("allot", LOCAL)
def test_a_single_program_always_runs(allot):
    """It needs far more than there is, and may have it all."""
    run = run_allotted(allot, ["run qsort 60000", "allot"], "frames=30 log=proc swaplat=20", icount=True)
    assert run.statuses() == [("qsort", "ok")]
    assert load_events(run.log) == [] and head(run.output("allot"))["suspensions"] == 0


@pytest.mark.parametrize("allot", LOCAL)
def test_programs_that_need_all_there_is_take_turns(allot):
    run = run_allotted(allot, [f"run {many('stamp 60 25', 4)} & btree 4000", "allot"],
                       "frames=12 log=quiet swaplat=50 swapmb=8 check=100", icount=True, timeout=120)
    assert [status for _, status in run.statuses()] == ["ok"] * 5
    assert head(run.output("allot"))["suspensions"] > 0


@pytest.mark.parametrize("allot", LOCAL)
def test_families(allot):
    """fork, exec, wait, signals, alarms, pipes: whoever is suspended, all of it works, and every child has an
    allotment of its own."""
    run = run_allotted(allot, ["run forktree & forkwait & swarm & twins & sleeper", "allot"],
                       "frames=48 log=proc swaplat=50 check=200", icount=True, timeout=120)
    assert [status for _, status in run.statuses()] == ["ok"] * 5
    suspended = {pid for _, what, pid in load_events(run.log) if what == "suspend"}
    assert max(suspended) > 5, "no child was ever suspended"


@pytest.mark.parametrize("program", ["proccheck", "pipecheck", "filecheck"])
def test_a_linux_program_answers_the_same(program):
    texts, command = [], f"run {program} & {many('thrash 20 1500', 4)}"
    for allot in ("global", "ws"):
        run = run_allotted(allot, [command],
                           "frames=60 log=quiet swaplat=100 swapmb=8", timeout=120)
        assert {status for _, status in run.statuses()} == {"ok"}
        # what the others print may come in the middle of a line
        texts.append(re.sub(r"thrash: ok [^\n]*\n", "", printed_by_programs(run.output(command))).splitlines())
    assert texts[0] == texts[1]


@pytest.mark.parametrize("allot", LOCAL)
def test_locked_pages(allot):
    """vmcheck's checks of mlock pass, however few frames its allotment has when it calls."""
    run = run_allotted(allot, [f"run vmcheck & {many('stamp 40 30', 3)}"], "frames=100 log=quiet check=100",
                       timeout=120)
    assert not re.search(r"^\d+ .*lock.* EXPECTED", run.log, re.MULTILINE)
    assert [status for name, status in run.statuses() if name == "stamp"] == ["ok"] * 3


# Working sets -----------------------------------------------------------------------------------------

def test_the_working_set_is_what_is_used():
    """thrash uses 20 pages all the time, and few others: with a longer TAU more of the cold ones belong."""
    sets = {}
    for tau in (2000, 10000, 40000):
        run = boot(["run thrash 20 900 &", "wait 800", "allot", "wait"], f"frames=200 allot=ws:{tau} log=quiet swaplat=200",
                   icount=True)
        row = table(run.output("allot"))[1]
        assert row["resident"] <= row["allotment"] + 1
        sets[tau] = row["working_set"]
    assert 20 <= sets[2000] < 35 < sets[10000] < 60 < sets[40000] < 130


def test_pages_out_of_use_are_released():
    """A program that has written many pages and then uses few of them."""
    run = boot(["run thrash 100 100 & thrash 5 1500 &", "wait 1000", "allot", "wait"],
               "frames=200 allot=ws:5000 log=quiet swaplat=200", icount=True)
    assert table(run.output("allot"))[2]["resident"] < 60


def test_page_fault_frequency():
    """The smaller T, the more a program has to use its pages to keep them."""
    sizes = []
    for t in (500, 5000):
        run = boot(["run thrash 20 900 &", "wait 800", "allot", "wait"], f"frames=200 allot=pff:{t} log=quiet swaplat=200",
                   icount=True)
        sizes.append(table(run.output("allot"))[1]["allotment"])
    assert sizes[0] < sizes[1]


def test_equal_shares_are_split_anew():
    run = boot([f"run {many('thrash 10 400', 2)} & {many('thrash 10 1200', 2)} &", "wait 300", "allot", "wait 500",
                "allot", "wait"], "frames=126 allot=equal log=quiet swaplat=100", icount=True)
    first, second = table(run.output("allot", 0)), table(run.output("allot", 1))
    assert [row["allotment"] for row in first.values()] == [30] * 4
    assert [row["allotment"] for row in second.values()] == [60] * 2


# Switching --------------------------------------------------------------------------------------------

def test_the_mode_can_be_changed_while_nothing_runs():
    words = [word for mode in ("ws", "pff:2000", "equal", "global") * 2
             for word in (f"allot {mode}", "run stamp 80 3 & qsort 20000", "check")]
    run = boot([*words, "slab reap", "buddy", "swap", *words, "slab reap", "buddy", "swap", "run stamp 40 200 &", "allot ws", "wait", "policy"],
               "frames=64 log=quiet")
    assert free_memory(run, 0) == free_memory(run, 1)
    assert run.output("allot pff:2000").startswith("allot: mode=pff t_us=2000 frames=64 shared=0 free=58 running=0 ")
    assert run.output("allot ws", 4) == "allot: programs are running: wait lets them end\n"
    assert "pool name=main policy=clock limit=64 resident=0 " in run.output("policy")
    assert {status for _, status in run.statuses()} == {"ok"} and "quit: 1 failure\n" in run.log


def test_the_balancer_may_still_write_what_a_program_left():
    """On so slow a disk it nearly always writes a page. That program is over, and the mode can be changed."""
    words = [word for n, ms in enumerate((200, 230, 260, 290))
             for word in (f"run {many('thrash 60 600000', 3)} &", f"wait {ms}",
                          *(f"kill {pid}" for pid in range(3 * n + 1, 3 * n + 4)), "wait", "allot", "allot global", "allot ws")]
    run = boot(words, "frames=100 allot=ws swaplat=20000 log=quiet", icount=True)
    for n in range(4):
        figures = head(run.output("allot", n))
        assert figures["running"] == figures["suspended"] == 0 and figures["suspensions"] > 0
        assert run.output("allot global", n) == "allot: mode=global frames=100\n"


def test_programs_with_pools_of_their_own_are_left_alone():
    run = run_allotted("ws", [f"with frames=40 run stamp 60 10 & {many('thrash 20 500', 2)}"],
                       "frames=40 log=proc swaplat=100", icount=True)
    assert load_events(run.log) == [] and [status for _, status in run.statuses()] == ["ok"] * 3


@pytest.mark.parametrize("append", ["order=3 frames=256", "readahead=8 frames=64", "swap=zram frames=64",
                                    "ksm=on frames=64", "pager=on frames=64", "policy=random accessed=ad frames=64"])
def test_with_other_options(append):
    run = run_allotted("ws", ["run stamp 100 4 & qsort 40000 & twins 60 2 & swarm"], f"log=quiet check=300 {append}",
                       timeout=120)
    assert [status for _, status in run.statuses()] == ["ok"] * 4


def test_what_a_program_leaves_is_in_nobodys_way():
    """The text of a C program that others still use is the shared pool's when the first of them ends. It goes when
    frames are wanted."""
    run = boot(["run sorts 500 & sorts 200000 &", "wait 90", "allot", "wait 210", "allot", "wait", "check"],
               "frames=260 allot=ws log=quiet swaplat=20", icount=True, timeout=120)
    before, after = head(run.output("allot", 0)), head(run.output("allot", 1))
    assert before["shared"] > 6 >= after["shared"] and run.output("check").endswith("check: ok\n")
