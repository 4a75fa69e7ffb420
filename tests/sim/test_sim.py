# SPDX-License-Identifier: MIT
"""The model and the command line: the textbooks' counts, the order of calls, what no policy can do, bad input."""
import functools
import random
import re

import pytest
from conftest import EXTRA, ROOT, SIM, complaint, faults, lines, make, output, policies

POLICIES = policies()

# (references, frames): faults with FIFO, LRU, OPT and CLOCK, frames empty at the start, the accessed bit set by the
# access that loads the page.
SILBERSCHATZ, SILBERSCHATZ_98 = "70120304230321201701", "12342156212376321236"
BELADY, SILBERSCHATZ_LAST = "123412512345", "72312534677105462301"
TEXTBOOK = {
    (SILBERSCHATZ, 3): (15, 12, 9, 14),
    (SILBERSCHATZ, 4): (10, 8, 8, 9),
    (BELADY, 3): (9, 10, 7, 9),
    (BELADY, 4): (10, 8, 6, 10),
    (SILBERSCHATZ_98, 1): (20, 20, 20, 20),
    (SILBERSCHATZ_98, 2): (18, 18, 15, 18),
    (SILBERSCHATZ_98, 3): (16, 15, 11, 16),
    (SILBERSCHATZ_98, 4): (14, 10, 8, 14),
    (SILBERSCHATZ_98, 5): (10, 8, 7, 9),
    (SILBERSCHATZ_98, 6): (10, 7, 7, 8),
    (SILBERSCHATZ_98, 7): (7, 7, 7, 7),
    (SILBERSCHATZ_LAST, 3): (17, 18, 13, 18),
    ("0172327103", 4): (6, 7, 6, 6),       # Tanenbaum
    ("232152453252", 3): (9, 7, 6, 8),     # Stallings
    ("01201303121", 3): (7, 5, 5, 7),      # OSTEP
    ("abcdcadbebabcdea", 4): (11, 9, 6, 9),  # uCore
}


def trace_file(tmp_path, references, name="trace.txt"):
    """references: pages, or (page, written)"""
    path = tmp_path / name
    pairs = [r if isinstance(r, tuple) else (r, False) for r in references]
    path.write_text("".join(f"{page}{' w' if written else ''}\n" for page, written in pairs))
    return path


@functools.cache
def opt_faults(pages, frames):
    """Belady's rule, the slow way: an implementation to hold the C one against."""
    resident, count = set(), 0
    for i, page in enumerate(pages):
        if page in resident:
            continue
        count += 1
        if len(resident) == frames:
            rest = pages[i + 1:]
            resident.remove(max(resident, key=lambda p: rest.index(p) if p in rest else len(rest)))
        resident.add(page)
    return count


def random_traces():
    """Different shapes of small traces."""
    rng = random.Random(2024)
    yield [rng.randrange(12) for _ in range(300)]
    yield [int(30 * rng.random() ** 3) for _ in range(400)]
    yield [p % 14 for p in range(250)]
    yield [(base + rng.randrange(6), rng.random() < 0.4) for base in range(0, 40, 5) for _ in range(40)]
    yield [rng.choice((p % 20, 20 + rng.randrange(3))) for p in range(300)]


TRACES = list(random_traces())


def pages_of(trace):
    return [r[0] if isinstance(r, tuple) else r for r in trace]


# Counts ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("column, policy", enumerate(("fifo", "lru", "opt", "clock")))
def test_textbook_counts(tmp_path, column, policy):
    if policy not in POLICIES:
        pytest.skip(f"there is no {policy} yet")
    for (references, frames), counts in TEXTBOOK.items():
        path = trace_file(tmp_path, [ord(c) for c in references])
        assert faults(path, policy, frames) == counts[column], (references, frames)


def test_opt_of_the_tests_themselves():
    for (references, frames), counts in TEXTBOOK.items():
        assert opt_faults(tuple(references), frames) == counts[2]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("options", [(), ("-a", "ad"), ("-m", "sampled"), ("-m", "sampled", "-a", "ad")])
def test_no_policy_beats_opt(tmp_path, policy, options):
    for trace in TRACES:
        pages = pages_of(trace)
        unique = len(set(pages))
        sizes = sorted({1, 2, 3, 5, unique // 2, unique - 1, unique, unique + 3})
        joined = 1 + sum(a != b for a, b in zip(pages, pages[1:]))
        got = lines(output("-s", "-p", policy, "-f", ",".join(map(str, sizes)), "--check", 1, *options,
                           trace_file(tmp_path, trace)))
        assert [int(run["frames"]) for run in got] == sizes
        for run in got:
            best = opt_faults(tuple(pages), int(run["frames"]))
            assert best <= int(run["faults"]) <= joined
            assert int(run["writebacks"]) <= int(run["faults"])
            assert run["policy"] == policy and run["unique"] == str(unique) and run["refs"] == str(len(pages))
            if int(run["frames"]) >= unique:
                assert (int(run["faults"]), int(run["writebacks"])) == (unique, 0)
            if "opt" in POLICIES:
                assert int(run["opt"]) == best
            if policy == "opt":
                assert int(run["faults"]) == best


@pytest.mark.parametrize("policy", ("lru", "opt"))
def test_more_frames_never_fault_more(tmp_path, policy):
    if policy not in POLICIES:
        pytest.skip(f"there is no {policy} yet")
    for trace in TRACES:
        unique = len(set(pages_of(trace)))
        got = lines(output("-s", "-p", policy, "-f", ",".join(map(str, range(1, unique + 1))),
                           trace_file(tmp_path, trace)))
        counts = [int(run["faults"]) for run in got]
        assert len(counts) == unique and counts == sorted(counts, reverse=True)


def test_checking_changes_nothing(tmp_path):
    """`explain` and `check` must not, nor may a second run in one process be another."""
    for trace in TRACES:
        path = trace_file(tmp_path, trace)
        plain = output("-s", "-f", "3,50%", path)
        assert output("-s", "-f", "3,50%", "--check", 1, path) == plain
        assert output("-s", "-f", "3,50%", "--check", 1, path, path) == plain * 2
        assert output("-s", "-f", "3,50%", path, program=SIM) == plain


def test_seed(tmp_path):
    path = trace_file(tmp_path, TRACES[0])
    runs = {output("-s", "-p", "random", "-f", 5, "--seed", seed, path) for seed in range(1, 9)}
    assert len(runs) > 1
    assert output("-s", "-p", "random", "-f", 5, path) == output("-s", "-p", "random", "-f", 5, "--seed", 1, path)


def test_writebacks(tmp_path):
    """A page that was written since it came in is written back when it goes; what is left at the end is not."""
    def writebacks(trace, frames):
        return int(lines(output("-s", "-p", "fifo", "-f", frames, trace_file(tmp_path, trace)))[0]["writebacks"])
    assert writebacks([1, 2, 3, 4], 2) == 0
    assert writebacks([(1, True), 2, 3, 4], 2) == 1
    assert writebacks([1, 2, (1, True), 3, 4], 2) == 1         # written by a hit
    assert writebacks([(1, True), 2, 3, 1, 4, 5], 2) == 1       # clean the second time
    assert writebacks([(1, True), 2, 3, (1, True), 4, 5], 2) == 2
    assert writebacks([2, (1, True), 1, 3], 2) == 0             # never evicted
    assert writebacks([1, (1, True), 2, 3], 2) == 1             # joined, and written
    assert writebacks([(1, True)] + list(range(2, 60)), 2) == 1  # others in its frame are clean


# The order of calls ----------------------------------------------------------------------------------

REFERENCES = [5, (6, True), 5, 7, 8, 5]
DIARY_A1 = """\
missed 0: NOW0
inserted 0: 0 NOW0
missed 1: 0a NOW1
inserted 1: 0a 1 NOW1
touched 0: 0a 1ad NOW2
missed 2: 0a 1ad NOW3
picked 0: 0a 1ad NOW3
evicted 0: 0a 1ad NOW3
inserted 2: 1ad 2 NOW3
missed 3: 1ad 2a NOW4
picked 1: 1ad 2a NOW4
evicted 1: 1ad 2a NOW4
inserted 3: 2a 3 NOW4
missed 0: 2a 3a NOW5
picked 2: 2a 3a NOW5
evicted 2: 2a 3a NOW5
inserted 0: 3a 0 NOW5
"""
# The bit of the page that came in last goes at the next miss, before anything else, and comes with a touch.
DIARY_AD = """\
missed 0: NOW0
inserted 0: 0 NOW0
missed 1: 0 NOW1
inserted 1: 0 1 NOW1
touched 0: 0 1ad NOW2
missed 2: 0a 1d NOW3
picked 0: 0a 1d NOW3
evicted 0: 0a 1d NOW3
inserted 2: 1d 2 NOW3
missed 3: 1d 2 NOW4
picked 1: 1d 2 NOW4
evicted 1: 1d 2 NOW4
inserted 3: 2 3 NOW4
missed 0: 2 3 NOW5
picked 2: 2 3 NOW5
evicted 2: 2 3 NOW5
inserted 0: 3 0 NOW5
"""
FUTURE = {0: (0, 2), 1: (1, -1), 2: (2, 5), 3: (3, -1), 4: (4, -1), 5: (5, -1)}


def diary(tmp_path, policy, *options):
    text = output("-s", "-p", policy, "-f", 2, "--no-opt", *options, trace_file(tmp_path, REFERENCES), program=EXTRA)
    return "".join(line + "\n" for line in text.splitlines() if not line.startswith("sim "))


def without_future(text):
    return re.sub(r" NOW\d", "", text)


def test_order_of_calls(tmp_path):
    assert diary(tmp_path, "diary") == without_future(DIARY_A1)
    assert diary(tmp_path, "diary", "-a", "ad") == without_future(DIARY_AD)


def test_sampled_policies_are_not_told_of_touches(tmp_path):
    silent = "".join(line for line in without_future(DIARY_A1).splitlines(True) if not line.startswith("touched"))
    assert diary(tmp_path, "diary", "-m", "sampled") == silent
    assert diary(tmp_path, "diary-touches", "-m", "sampled") == without_future(DIARY_A1)


def test_the_future(tmp_path):
    told = re.sub(r"NOW(\d)", lambda m: "now={} next={}".format(*FUTURE[int(m[1])]), DIARY_A1)
    assert diary(tmp_path, "diary-oracle") == told
    assert diary(tmp_path, "diary-oracle", "-m", "sampled") == told


@pytest.mark.parametrize("policy, says", [
    ("broken-nobody", "picked nobody"),
    ("broken-gone", "not resident"),
    ("broken-stranger", "no frame of the pool"),
    ("broken-crooked", "no frame of the pool"),
    ("broken-count", "more or fewer frames"),
    ("broken-check", "its own check fails"),
    ("broken-leak", "does not give back all its memory"),
    ("broken-reason", "runner-up is the victim"),
    ("broken-create", "no memory for 2 frames"),
])
def test_broken_policies_are_named(tmp_path, policy, says):
    path = trace_file(tmp_path, [1, 2, 3, 4, 5, 1, 2])
    text = complaint(1, "-p", policy, "-f", 2, "--check", 1, path, program=EXTRA)
    assert f"policy {policy}" in text and says in text
    if policy not in ("broken-reason", "broken-count", "broken-check"):  # found without being asked to look
        assert says in complaint(1, "-p", policy, "-f", 2, path, program=EXTRA)


# What is printed -------------------------------------------------------------------------------------

def test_lines_begin_with_five_keys(tmp_path):
    path = trace_file(tmp_path, [int(c) for c in SILBERSCHATZ], "silber.txt")
    text = output("-s", "-p", "fifo,clock", "-f", "3,4", "--no-opt", path)
    tail = "mode=exact accessed=a1 refs=20 unique=6"
    assert text == (f"sim trace=silber policy=fifo frames=3 faults=15 writebacks=0 {tail}\n"
                    f"sim trace=silber policy=clock frames=3 faults=14 writebacks=0 {tail}\n"
                    f"sim trace=silber policy=fifo frames=4 faults=10 writebacks=0 {tail}\n"
                    f"sim trace=silber policy=clock frames=4 faults=9 writebacks=0 {tail}\n")
    assert "mode=sampled accessed=ad" in output("-s", "-m", "sampled", "-a", "ad", "-f", 3, path)


def test_table_is_sorted(tmp_path):
    path = trace_file(tmp_path, [int(c) for c in SILBERSCHATZ])
    text = output("-p", "fifo,clock", "-f", "3,4", path).splitlines()
    assert "20 references, 6 pages, 0 of them written; exact mode, accessed=a1" in text[0]
    assert text[1].split() == ["3", "frames", "4", "frames"]
    rows = [line.split() for line in text[3:5]]
    assert [(row[0], row[1], row[4]) for row in rows] == [("clock", "14", "9"), ("fifo", "15", "10")]
    if "opt" in POLICIES:
        assert [row[2] for row in rows] == ["155.6", "166.7"]


def test_several_traces_are_summed_up(tmp_path):
    one, two = (trace_file(tmp_path, t, f"{i}.txt") for i, t in enumerate(TRACES[:2]))
    text = output("-f", "3,50%", one, two)
    assert ("2 traces: geometric mean" in text) == ("opt" in POLICIES)
    assert "geometric mean" not in output("-f", 3, one)


def test_percentages(tmp_path):
    path = trace_file(tmp_path, range(30))
    got = lines(output("-s", "-p", "fifo", "-f", "1%,10%,25%,99%,100%,7", path))
    assert [int(run["frames"]) for run in got] == [1, 3, 7, 29, 30, 7]


def test_curve(tmp_path):
    path = trace_file(tmp_path, [p % 10 for p in range(40)])
    rows = [line.split("\t") for line in output("--curve", 5, "-p", "fifo", path).splitlines()]
    assert rows[0] == ["policy", "frames", "faults", "ratio"]
    assert rows[1:] == [["fifo", str(f), str(n), f"{n / 40:.6f}"] for f, n in
                        ((2, 40), (4, 40), (6, 40), (8, 40), (10, 10))]
    assert len(output("--curve", 1000, "-p", "fifo", path).splitlines()) == 11


def test_list_and_help():
    listed = output("--list").splitlines()
    table = (ROOT / "mm" / "policy.h").read_text()
    assert len(listed) == len(re.findall(r"X\(policy_\w+\)", table)) >= 3
    assert all(len(line.split()) > 3 for line in listed)
    text = output("--help")
    for word in ("convert", "info", "--curve", "lackey", "oracleGeneral", "Exit status"):
        assert word in text


def test_all_and_repeated_policies(tmp_path):
    path = trace_file(tmp_path, [1, 2, 3])
    assert [run["policy"] for run in lines(output("-s", "-f", 2, path))] == POLICIES
    assert [run["policy"] for run in lines(output("-s", "-f", 2, "-p", "clock,fifo", path))] == ["clock", "fifo"]


# Bad options -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("words, says", [
    (["-p", "klock"], f'no policy "klock"; there are {" ".join(POLICIES)}, and all'),
    (["-p", ""], "no policy"),
    (["-f", "0"], '"0" frames: expected 1 to '),
    (["-f", "0%"], '"0%" frames'),
    (["-f", "101%"], '"101%" frames'),
    (["-f", "12x"], '"12x" frames'),
    (["-f", "-3"], '"-3" frames'),
    (["-f", "99999999"], '"99999999" frames'),
    (["-f", ","], "no number of frames"),
    (["-m", "fast"], '--mode "fast": expected exact or sampled'),
    (["-a", "a0"], '--accessed "a0": expected a1 or ad'),
    (["--seed", "x"], '--seed "x"'),
    (["--curve", "0"], '--curve "0": expected 1 to'),
    (["--check", "0"], '--check "0"'),
    (["--format", "lisp"], 'no format "lisp"; there are module'),
    (["--page-size", "3000"], '--page-size "3000": expected a power of two'),
    (["--csv", "page:3"], '--csv "page:3"'),
    (["--nonsense"], "--help lists the options"),
])
def test_bad_options(tmp_path, words, says):
    assert says in complaint(2, *words, trace_file(tmp_path, [1, 2]))


def test_bad_options_come_before_the_trace():
    assert "no policy" in complaint(2, "-p", "klock", "/nowhere")


@pytest.mark.parametrize("words, says", [
    ([], "no trace given"),
    (["info"], "no trace given"),
    (["convert", "one"], "convert takes two files, IN and OUT; there are 1"),
    (["--curve", "3", "one", "two"], "--curve is for one trace; there are 2"),
])
def test_missing_words(words, says):
    assert says in complaint(2, *words)


def test_unreadable(tmp_path):
    assert "No such file" in complaint(1, tmp_path / "nowhere.txt")
    assert "Is a directory" in complaint(1, tmp_path)
    assert "No such file" in complaint(1, "convert", trace_file(tmp_path, [1]), tmp_path / "no" / "where")
    assert "/dev/full" in complaint(1, "convert", "--to", "text", trace_file(tmp_path, [1]), "/dev/full")


# Size, and make --------------------------------------------------------------------------------------

def test_two_million_references(tmp_path):
    """To 200,000 pages, which come round: FIFO and OPT are known exactly."""
    pages, rounds = 200_000, 10
    path = tmp_path / "big.txt"
    path.write_text("".join(f"{7 * page + 2 ** 40}\n" for page in range(pages)) * rounds)
    got = lines(output("-s", "-f", "50%", "-p", "fifo,clock", "--no-opt", path, program=SIM))
    assert [int(run["faults"]) for run in got] == [pages * rounds] * 2
    assert got[0]["refs"] == str(pages * rounds) and got[0]["unique"] == str(pages)
    if "opt" in POLICIES:
        # The first round, then of each page's next rounds (frames - 1) / (pages - 1) hit.
        best = int(lines(output("-s", "-f", "50%", "-p", "opt", path, program=SIM))[0]["faults"])
        hits = (rounds - 1) * pages * (pages // 2 - 1) / (pages - 1)
        assert abs(pages * rounds - best - hits) < pages


def test_make_sim(tmp_path):
    path = trace_file(tmp_path, [int(c) for c in SILBERSCHATZ], "silber.txt")
    quiet = make("-s", "sim", f"TRACE={path}", "POLICY=fifo,clock", "FRAMES=3,50%", "MODE=sampled", "ACCESSED=ad",
                 "ARGS=--no-opt")
    assert (quiet.returncode, quiet.stderr) == (0, "")
    assert [line.split()[:5] for line in quiet.stdout.splitlines()] == [
        ["sim", "trace=silber", f"policy={policy}", "frames=3", f"faults={count}"]
        for _ in range(2) for policy, count in (("fifo", 15), ("clock", 11))]
    assert "mode=sampled accessed=ad" in quiet.stdout
    table = make("sim", f"TRACE={path}", "POLICY=fifo", "FRAMES=3")
    assert table.returncode == 0 and "1 frame" not in table.stdout and "fifo" in table.stdout
    mine = make("-s", "sim", f"TRACE={path}", "POLICY=broken-gone", "FRAMES=3", "SIM_EXTRA=tests/sim/extra.c")
    assert mine.returncode != 0 and "policy broken-gone" in mine.stderr
    everything = make("-s", "sim", f"TRACE={path}")
    assert [run["policy"] for run in lines(everything.stdout)] == POLICIES * 3


def test_traces(tmp_path):
    """The suite is the same whenever it is made."""
    from tools import traces
    kept = {}
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        traces.synthetic(tmp_path / folder, lambda text: None)
        kept[folder] = {p.name: p.read_text() for p in (tmp_path / folder).iterdir()}
    assert kept["a"] == kept["b"] and len(kept["a"]) >= 10
    for line in output("info", *sorted((tmp_path / "a").iterdir()), program=SIM).splitlines():
        keys = dict(word.split("=") for word in line.split()[1:])
        assert keys["format"] == "text" and 200 <= int(keys["unique"]) <= 1200 and 15_000 <= int(keys["refs"]) <= 60_000
