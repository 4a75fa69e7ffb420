# SPDX-License-Identifier: MIT
"""The policies of mm/policy/ in the simulator, against the references: the same number of faults and of
write-backs on every trace, with every number of frames."""
import pathlib
import random
import re
import subprocess

import pytest
import reference

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIM = ROOT / "build" / "sim"
LIMIT = 120  # seconds for one run of the simulator
LINE = re.compile(r"^sim trace=(\S+) policy=(\S+) frames=(\d+) faults=(\d+) writebacks=(\d+) ", re.MULTILINE)

# Of second chance, too, the victims are CLOCK's.
PAIRS = {**reference.POLICIES, "second-chance": reference.clock}


# Each makes `length` references to about `pages` pages.

def uniform(rng, pages, length):
    return [rng.randrange(pages) for _ in range(length)]


def zipf(rng, pages, length):
    """The page of rank r is wanted 1/r times as often as the first."""
    names = rng.sample(range(pages), pages)
    return rng.choices(names, [1 / (rank + 1) for rank in range(pages)], k=length)


def loop(rng, pages, length):
    """Around and around, now and then elsewhere."""
    return [rng.randrange(pages) if rng.random() < 0.05 else i % pages for i in range(length)]


def phases(rng, pages, length):
    """A few pages for a while, then a few others."""
    trace = []
    while len(trace) < length:
        working_set = rng.sample(range(pages), 1 + rng.randrange(1 + pages // 3))
        trace += rng.choices(working_set, k=rng.randrange(1, 1 + length // 6))
    return trace[:length]


def scans(rng, pages, length):
    """Some hot pages, and long scans that never come back to them."""
    hot, trace, cold = max(1, pages // 6), [], 0
    while len(trace) < length:
        if rng.random() < 0.15:
            trace += [hot + (cold + i) % (pages - hot) for i in range(rng.randrange(pages))]
            cold = rng.randrange(pages)
        else:
            trace.append(rng.randrange(hot))
    return trace[:length]


SHAPES = (uniform, zipf, loop, phases, scans)
SIZES = ((4, 14, 30), (9, 60, 20), (30, 400, 8), (120, 1500, 3), (400, 4000, 1))  # pages, references, traces a shape
FRAMES = (1, 2, 3, 4, 5, 7, 10, 16, 29, 60, 110, 250, 400)


@pytest.fixture(scope="session")
def traces(tmp_path_factory):
    """=> {name of a file: (its path, trace, written)}"""
    folder, made = tmp_path_factory.mktemp("traces"), {}
    for pages, length, count in SIZES:
        for shape in SHAPES:
            for seed in range(count):
                name = f"{shape.__name__}-{pages}-{seed}"
                rng = random.Random(name)
                trace = shape(rng, pages, length)
                writers = rng.random()
                written = [rng.random() < writers for _ in trace]
                path = folder / name
                path.write_text("".join(f"{page}{' w' if write else ''}\n" for page, write in zip(trace, written)))
                made[name] = path, *reference.joined(trace, written)
    return made


def simulate(traces, policy, pages, *options):
    """Runs the traces of so many pages. => {(trace, frames): (faults, write-backs)}"""
    names = [name for name in traces if f"-{pages}-" in name]
    frames = [n for n in FRAMES if n <= pages + 1]
    assert SIM.exists(), "build/sim is missing: run make build/sim first"
    done = subprocess.run([SIM, "-s", "-p", policy, "-f", ",".join(map(str, frames)), *options,
                           *(traces[name][0] for name in names)],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 0, done.stderr
    results = {(m[1], int(m[3])): (int(m[4]), int(m[5])) for m in LINE.finditer(done.stdout) if m[2] == policy}
    assert results.keys() == {(name, n) for name in names for n in frames}
    return results


@pytest.mark.parametrize("pages", [pages for pages, _, _ in SIZES])
@pytest.mark.parametrize("policy", PAIRS)
def test_the_same_faults(traces, policy, pages):
    for (name, frames), (faults, writebacks) in simulate(traces, policy, pages).items():
        _, trace, written = traces[name]
        run = PAIRS[policy](trace, frames)
        where = f"{policy} with {frames} frames on {traces[name][0]}"
        assert faults == run.faults, where
        if policy != "opt":  # of pages that nobody wants any more, it may drop a dirty one or a clean one
            assert writebacks == run.writebacks(trace, written), where


@pytest.mark.parametrize("policy", ("fifo", "clock"))
def test_accessed_bits_are_enough(traces, policy):
    """Who needs no `touched` decides the same without it."""
    assert simulate(traces, policy, 30, "-m", "sampled") == simulate(traces, policy, 30)
