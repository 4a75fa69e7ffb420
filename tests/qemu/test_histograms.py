# SPDX-License-Identifier: MIT
"""The command hist, against the log, the counters and the reference string of the same run; and docs/histograms.md."""
import bisect
import collections
import re

import logmodel
import pytest
from scenario import ROOT, boot
from test_lab import make, stack_faults, strings
from test_labs import run as execute
from test_labs import says, sessions

SCAN = "exact run scan 12 3"
FRAMES = (6, 8, 12)  # of LRU on the MMU
SIZES = range(1, 17)
REUSE = "hist reuse " + " ".join(map(str, SIZES))

MIXED = "run stamp 60 3 & forktree 2 12 & crash null & crash write-text"
SCRIPT = ["hist", "run stamp 30 2", "vmstat", "hist on", MIXED, "vmstat", "hist", "hist reset", "run matmul 40", "vmstat",
          "hist fault", "hist refault", "hist residence", "hist off", "run stamp 30 2", "hist", "check", SCAN, "reftrace",
          REUSE, *(f"with policy=lru frames={n} {SCAN}" for n in FRAMES), "hist on", "hist"]


@pytest.fixture(scope="module")
def guest():
    return boot(SCRIPT, "frames=24 log=fault,evict", screen=False)


class Hist:
    """One distribution as it was printed."""

    def __init__(self, head, rows):
        self.__dict__.update({key: int(value) if value.isdigit() else value for key, value in
                              (word.split("=") for word in head.split())})
        self.rows = rows  # [(low, high, count, bar)], high exclusive
        self.counts = [count for _, _, count, _ in rows]

    def holds(self, values):
        """Is it that of these values?"""
        assert self.count == len(values) == sum(self.counts)
        if not values:
            return not self.rows
        edges = [low for low, _, _, _ in self.rows] + [self.rows[-1][1]]
        counts = collections.Counter(bisect.bisect_right(edges, value) - 1 for value in values)
        return ([counts[i] for i in range(len(self.rows))] == self.counts and
                (self.min, self.mean, self.max) == (min(values), sum(values) // len(values), max(values)))


UNIT = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
ROW = re.compile(r"\[(?:([01])\]|(\d+)([KMG]?), (\d+)([KMG]?)\)) +(\d+) \|(@*) *\|")


def row(line):
    assert len(line) == 68
    one, low, low_unit, high, high_unit, count, bar = ROW.fullmatch(line).groups()
    low = int(one or int(low) * UNIT[low_unit])
    return low, low + 1 if one else int(high) * UNIT[high_unit], int(count), len(bar)


def hists(output):
    """=> {name, or case and what: Hist}"""
    found = {}
    for head, text in re.findall(r"^hist (name=.* count=.*)\n((?:\[.*\n)*)", output, re.MULTILINE):
        h = Hist(head, [row(line) for line in text.splitlines()])
        found[(h.case, h.what) if h.name == "fault" else h.name] = h
    return found


NEW = {"zero", "swap-in", "cow", "cow-zero"}  # faults that bring a page into a frame
OBJECTS = {"file", "shared", "tmp"}  # those that may


class Model:
    """What the log says of the commands from..to of the script, with all that it said before."""

    def __init__(self, guest, first, last):
        self.ticks, self.refaults, self.residence, self.unknown = collections.defaultdict(list), [], [], 0
        faults = evictions = 0
        gone = {}  # slot: which eviction
        for i, (_, text) in enumerate(guest.commands):
            inside = first <= i < last
            arrived = {}  # frame: (at which fault, of an object); the pages of programs that ended are gone
            if i == first:
                gone = {}  # collecting begins
            for line in re.findall(r"^\[.*\] ((?:fault|evict) .*)$", text, re.MULTILINE):
                e = logmodel.EVENTS[line.split()[0]].fullmatch(line)
                if line.startswith("evict"):
                    evictions += 1
                    gone[e["slot"]] = evictions
                    if inside:
                        self.residence.append(faults - arrived.pop(e["frame"])[0])
                    continue
                of_object = e["what"] in OBJECTS
                if e["what"] in NEW or of_object and not arrived.get(e["frame"], (0, False))[1]:
                    arrived[e["frame"]] = faults, of_object
                faults += 1
                if inside:
                    self.ticks[int(e["kase"]), e["what"] == "swap-in"].append(int(e["ticks"]))
                if inside and e["what"] == "swap-in":
                    self.back(evictions - gone[e["slot"]] if e["slot"] in gone else None)

    def back(self, distance):
        if distance is None:
            self.unknown += 1
        else:
            self.refaults.append(distance)


def nth(guest, command, n=0):
    return [i for i, (name, _) in enumerate(guest.commands) if name == command][n]


def counters(guest, n):
    return {key: int(value) for key, value in
            re.findall(r"^(\w+) (\d+)$", guest.output("vmstat", n), re.MULTILINE)}


def spent(guest, n):
    """=> how much each counter grew between the nth vmstat and the next"""
    before, after = counters(guest, n), counters(guest, n + 1)
    return {key: after[key] - before[key] for key in after}


CASES = {"no-region": 0, "forbidden": 1, "spurious": 2, "first-touch": 3, "swap-in": 4, "swap-cache": 4, "copy-on-write": 5}


def compare(found, model, grew):
    assert {key for key in found if isinstance(key, tuple)} == {(case, what) for what, case in CASES.items()}
    for what, case in CASES.items():
        h = found[case, what]
        assert h.unit == "ticks" and h.holds(model.ticks[case, what == "swap-in"])
    for case in range(6):
        assert sum(found[key].count for key in found if key[0] == case) == grew[f"fault_case{case}"]
    assert found[4, "swap-in"].count == grew["pgmajfault"]
    refault = found["refault"]
    assert refault.unit == "evictions" and refault.holds(model.refaults) and refault.unknown == model.unknown
    assert refault.count + refault.unknown == grew["workingset_refault"]
    residence = found["residence"]
    assert residence.unit == "faults" and residence.count == grew["pgsteal"]
    return residence


def test_nothing_is_collected_before(guest):
    assert guest.output("hist").startswith("hist: off, nothing is collected; hist on begins\n")
    assert sum(h.count for h in hists(guest.output("hist")).values()) == 0


def test_all_cases_against_log_and_counters(guest):
    """Several programs at once, with forks, crashes, and pages that went before anybody asked."""
    since, found = spent(guest, 0), hists(guest.output("hist", 1))
    model = Model(guest, nth(guest, "hist on"), nth(guest, "hist", 1))
    compare(found, model, since)
    assert all(since[f"fault_case{case}"] > 0 for case in (0, 1, 3, 4, 5)) and since["pgsteal"] > 100


def test_reset_and_one_program(guest):
    """Now the log tells when every page came, too."""
    found = {}
    for what in ("fault", "refault", "residence"):
        found |= hists(guest.output(f"hist {what}"))
    model = Model(guest, nth(guest, "hist reset"), nth(guest, "hist fault"))
    assert compare(found, model, spent(guest, 1)).holds(model.residence)
    assert found["refault"].count > 1000 and found["refault"].unknown == 0
    assert guest.output("hist reset") == f"hist: on since fault {counters(guest, 1)['pgfault']}\n"


def test_off_keeps_and_collects_no_more(guest):
    """The same figures after a program ran unseen."""
    total = counters(guest, 2)["pgfault"]
    assert guest.output("hist off") == f"hist: off, collected from fault {counters(guest, 1)['pgfault']} to {total}\n"
    kept = guest.output("hist", 2).partition("\n")
    assert kept[0] + "\n" == guest.output("hist off")
    assert kept[2] == guest.output("hist fault") + guest.output("hist refault") + guest.output("hist residence")
    assert guest.output("check").endswith("check: ok\n")


def distances(string):
    """=> (distances, how many are first references), by the stack itself"""
    stack, found, cold = [], [], 0
    for page in string:
        if page in stack:
            found.append(stack.index(page))
            stack.remove(page)
        else:
            cold += 1
        stack.insert(0, page)
    return found, cold


def test_reuse_distances_of_the_recorded_string(guest):
    string = [page for page, _ in strings(guest.output("reftrace"))]
    wanted, cold = distances(string)
    reuse = hists(guest.output(REUSE))["reuse"]
    assert len(string) > 500 and reuse.holds(wanted) and reuse.cold == cold == len(set(string)) and reuse.lost == 0
    lru = {int(n): int(faults) for n, faults in
           re.findall(r"^hist name=reuse policy=lru frames=(\d+) faults=(\d+)$", guest.output(REUSE), re.MULTILINE)}
    assert lru == {n: cold + sum(d >= n for d in wanted) for n in SIZES} == {n: stack_faults(string, n) for n in SIZES}
    for low, _, _, _ in reuse.rows:  # a bucket begins where a power of two of frames ends
        assert stack_faults(string, low) == cold + sum(count for at, _, count, _ in reuse.rows if at >= low)


@pytest.mark.parametrize("frames", FRAMES)
def test_reuse_distances_tell_what_lru_needs_on_the_mmu(guest, frames):
    told = int(re.search(rf"^hist name=reuse policy=lru frames={frames} faults=(\d+)$", guest.output(REUSE), re.MULTILINE)[1])
    real = re.search(r"^pool name=scan\S* policy=lru .* insertions=(\d+) ",
                     guest.output(f"with policy=lru frames={frames} {SCAN}"), re.MULTILINE)
    assert told == int(real[1])


def test_bars(guest):
    """The fullest bucket has the whole bar, the others their part."""
    for h in hists(guest.output("hist", 1)).values():
        for _, _, count, bar in h.rows:
            assert bar == count * 40 // max(h.counts)
        assert not h.rows or (h.counts[0] > 0 and h.counts[-1] > 0)


def test_on_again_begins_anew(guest):
    found = hists(guest.output("hist", 3))
    assert "reuse" in found and sum(h.count for key, h in found.items() if key != "reuse") == 0


def test_on_from_the_start_and_short_of_memory():
    """All but a few frames go to an arena, then come back."""
    run = boot(["run hello", "hist fault", "vmstat", SCAN, "buddy"], "log=quiet hist=on")
    assert sum(h.count for h in hists(run.output("hist fault")).values()) == run.vmstat()["pgfault"] > 0
    free, reserve = map(int, re.search(r"^free (\d+) of \d+ frames, (\d+) in reserve", run.output("buddy"), re.MULTILINE).groups())
    run = boot([SCAN, f"contig init {(free - 3 * reserve // 2) * 4}", "hist on", "hist reuse", "contig reset", "hist on",
                "hist reuse"], "log=quiet")
    assert run.output("hist on").startswith("hist: no memory for the eviction times of ")
    assert re.fullmatch(r"hist: reuse: no memory for the distances of \d+ references\n", run.output("hist reuse"))
    assert run.output("hist on", 1).startswith("hist: on since fault ")
    assert hists(run.output("hist reuse", 1))["reuse"].count > 500 and "quit: 2 failures" in run.log


def test_the_page_shows_what_is_printed():
    """docs/histograms.md, command by command."""
    shown = sessions((ROOT / "docs" / "histograms.md").read_text())
    assert len(shown) >= 2
    make("all")  # or they would show how it is built
    for command, text in shown:
        assert says(execute(ROOT, command), text), command


def test_begins_in_the_middle_of_a_fault():
    """A fault that slept when collecting began has no time of its own, rather than all since boot."""
    run = boot(["run scan 60 3 &", "vmstat 1 300", "hist on", "vmstat 1 100", "hist fault", "hist off", "hist reset",
                "wait", "set hist off", "hist off"],
               "frames=16 log=quiet swaplat=5000", screen=False)
    swap_in, = re.findall(r"what=swap-in .* count=(\d+) .* max=(\d+)$", run.output("hist fault"), re.MULTILINE)
    assert int(swap_in[0]) > 5 and int(swap_in[1]) < 100_000_000  # collecting began 300 ms after boot
    assert run.output("hist off", 1) == "hist: off, nothing is collected; hist on begins\n"  # off is off, twice, too
