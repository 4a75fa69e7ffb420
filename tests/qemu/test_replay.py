# SPDX-License-Identifier: MIT
"""The replacement laboratory on the real MMU: textbook counts, and kernel against simulator, reference by reference."""
import itertools
import random
import subprocess
import sys

import pytest
from scenario import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import lab  # noqa: E402
import traces  # noqa: E402

SILBERSCHATZ = "7 0 1 2 0 3 0 4 2 3 0 3 2 1 2 0 1 7 0 1"
BELADY = "1 2 3 4 1 2 5 1 2 3 4 5"
EXERCISE = "1 2 3 4 2 1 5 6 2 1 2 3 7 6 3 2 1 2 3 6"
UCORE = "a b c d c a d b e b a b c d e a"

# (reference string, frames, {policy: faults}), the frames empty at the start; clock's bit is set on load, by the MMU
TEXTBOOK = [
    (SILBERSCHATZ, [3, 4], {"fifo": [15, 10], "lru": [12, 8], "opt": [9, 8], "clock": [14, 9]}),
    (BELADY, [3, 4], {"fifo": [9, 10], "lru": [10, 8], "opt": [7, 6], "clock": [9, 10]}),
    (EXERCISE, [1, 2, 3, 4, 5, 6, 7], {"fifo": [20, 18, 16, 14, 10, 10, 7], "lru": [20, 18, 15, 10, 8, 7, 7],
                                       "opt": [20, 15, 11, 8, 7, 7, 7]}),
    (UCORE, [4], {"fifo": [11], "lru": [9], "opt": [6]}),
]
FOUR_SIZES = "10%,25%,50%,75%"
CUT = 2500  # references of each trace of the suite
SUITE = ["loop", "zipf", "scan", "phases", "uniform", "stack", "logwrites", "matrices", "collector", "switches"]


def write_trace(path, references):
    path.write_text("".join(f"{page} w\n" if written else f"{page}\n" for page, written in references))
    return path


def string_trace(path, string):
    names = {c: str(i) for i, c in enumerate("abcde")}
    return write_trace(path, [(names.get(word, word), False) for word in string.split()])


@pytest.mark.parametrize("string, frames, counts", TEXTBOOK, ids=["silberschatz", "belady", "exercise-9.8", "ucore"])
def test_textbook_counts_on_the_real_mmu(tmp_path, string, frames, counts):
    trace = string_trace(tmp_path / "string.txt", string)
    lines = lab.replay_lines(trace, list(counts), frames, exact=True, accessed="a1")
    found = {policy: [v["faults"] for v in lines if v["policy"] == policy] for policy in counts}
    assert found == counts


def simulated(trace, frames, mode, accessed):
    out = lab.sim("-s", "--no-opt", "-p", "all", "-m", mode, "-a", accessed, "-f", ",".join(map(str, frames)), trace)
    return {(v["policy"], v["frames"]): (v["faults"], v["writebacks"]) for v in map(lab.values, out.splitlines())}


def real(trace, policies, frames, mode, accessed):
    lines = lab.replay_lines(trace, policies, frames, exact=mode == "exact", accessed=accessed)
    return {(v["policy"], v["frames"]): (v["faults"], v["writebacks"]) for v in lines}


def suite_trace(tmp_path, name):
    references = itertools.islice(traces.SYNTHETIC[name](random.Random(name)), CUT)
    return write_trace(tmp_path / f"{name}.txt", references)


@pytest.mark.parametrize("name", SUITE)
def test_kernel_and_simulator_agree_exactly(tmp_path, name):
    """In exact mode, for every policy: as many faults, as many write-backs."""
    trace = suite_trace(tmp_path, name)
    frames = lab.frames_of(FOUR_SIZES, lab.info(trace)["unique"])
    policies = lab.policies_of("all")
    assert len(policies) >= 23 and len(set(frames)) == 4
    assert real(trace, policies, frames, "exact", "a1") == simulated(trace, frames, "exact", "a1")


@pytest.mark.parametrize("accessed", ["a1", "ad"])
@pytest.mark.parametrize("name", ["zipf", "phases", "switches"])
def test_they_agree_on_accessed_bits_too(tmp_path, name, accessed):
    """One page at a time is referenced, so the MMU's bits are as exact as the simulator's."""
    trace = suite_trace(tmp_path, name)
    frames = lab.frames_of("10%,50%", lab.info(trace)["unique"])
    policies = lab.policies_of("all")
    assert real(trace, policies, frames, "sampled", accessed) == simulated(trace, frames, "sampled", accessed)


def make(*words):
    return subprocess.run(["make", "-s", *words], cwd=ROOT, capture_output=True, text=True)


def test_make_replay_prints_one_line(tmp_path):
    trace = string_trace(tmp_path / "belady.txt", BELADY)
    done = make("replay", f"TRACE={trace}", "POLICY=fifo", "FRAMES=4", "EXACT=1")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ("replay trace=belady refs=12 unique=5 policy=fifo frames=4 faults=10 evictions=6 "
                           "writebacks=0 opt=6 ratio=1.667 mode=exact accessed=a1\n")


@pytest.mark.parametrize("words, message", [
    (["TRACE=/nonexistent", "FRAMES=3"], "/nonexistent"),
    (["FRAMES=0"], "FRAMES=0: expected a number of frames from 1 on, or a percentage such as 25%"),
    (["FRAMES=3", "POLICY=atlantis"], "POLICY=atlantis: expected all, or a list of: fifo"),
])
def test_make_replay_says_what_is_wrong(tmp_path, words, message):
    trace = string_trace(tmp_path / "belady.txt", BELADY)
    done = make("replay", *([] if words[0].startswith("TRACE") else [f"TRACE={trace}"]), *words)
    assert done.returncode != 0 and message in done.stderr and "Traceback" not in done.stderr


def test_a_large_trace(tmp_path):
    """60,000 pages, half of them written, in 6,000 frames: a swap disk of 150 MB."""
    rng = random.Random(1)
    trace = write_trace(tmp_path / "large.txt", ((int(60_000 * rng.random() ** 2), rng.random() < 0.3)
                                                 for _ in range(150_000)))
    unique = lab.info(trace)["unique"]
    frames = unique // 10
    assert real(trace, ["clock", "gip"], [frames], "sampled", "a1") == {
        key: value for key, value in simulated(trace, [frames], "sampled", "a1").items() if key[0] in ("clock", "gip")}
