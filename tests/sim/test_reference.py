# SPDX-License-Identifier: MIT
"""The reference policies themselves: against textbooks, against examples worked by hand, and against what must
hold for any trace."""
import functools
import random

import pytest
import reference

SILBERSCHATZ = (7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1)
EXERCISE_98 = (1, 2, 3, 4, 2, 1, 5, 6, 2, 1, 2, 3, 7, 6, 3, 2, 1, 2, 3, 6)
BELADY = (1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5)

# trace, frames, faults: frames empty at the start, first touches counted; clock finds the bit set on load.
TEXTBOOK = [
    (SILBERSCHATZ, 3, {"fifo": 15, "lru": 12, "opt": 9, "clock": 14}),
    (SILBERSCHATZ, 4, {"fifo": 10, "lru": 8, "opt": 8, "clock": 9}),
    (BELADY, 3, {"fifo": 9, "lru": 10, "opt": 7, "clock": 9}),
    (BELADY, 4, {"fifo": 10, "lru": 8, "opt": 6, "clock": 10}),
    (EXERCISE_98, 1, {"fifo": 20, "lru": 20, "opt": 20, "clock": 20}),
    (EXERCISE_98, 2, {"fifo": 18, "lru": 18, "opt": 15, "clock": 18}),
    (EXERCISE_98, 3, {"fifo": 16, "lru": 15, "opt": 11, "clock": 16}),
    (EXERCISE_98, 4, {"fifo": 14, "lru": 10, "opt": 8, "clock": 14}),
    (EXERCISE_98, 5, {"fifo": 10, "lru": 8, "opt": 7, "clock": 9}),
    (EXERCISE_98, 6, {"fifo": 10, "lru": 7, "opt": 7, "clock": 8}),
    (EXERCISE_98, 7, {"fifo": 7, "lru": 7, "opt": 7, "clock": 7}),
    ((7, 2, 3, 1, 2, 5, 3, 4, 6, 7, 7, 1, 0, 5, 4, 6, 2, 3, 0, 1), 3, {"fifo": 17, "lru": 18, "opt": 13, "clock": 18}),
    ((0, 1, 7, 2, 3, 2, 7, 1, 0, 3), 4, {"fifo": 6, "lru": 7, "opt": 6, "clock": 6}),  # Tanenbaum
    ((2, 3, 2, 1, 5, 2, 4, 5, 3, 2, 5, 2), 3, {"fifo": 9, "lru": 7, "opt": 6, "clock": 8}),  # Stallings
    ((0, 1, 2, 0, 1, 3, 0, 3, 1, 2, 1), 3, {"fifo": 7, "lru": 5, "opt": 5, "clock": 7}),  # OSTEP
    ("abcdcadbebabcdea", 4, {"fifo": 11, "lru": 9, "opt": 6, "clock": 9}),  # uCore
]

# Worked by hand: trace, frames, victims in order.
WORKED = [
    ("fifo", "abcadbae", 3, "abc"),
    ("lru", "abcadbae", 3, "bcd"),
    ("clock", "abcadbe", 3, "ac"),  # all bits clear but b's: the hand passes b and stops at c
    # d: the mark of a is cleared, b goes. e: c, where the hand stands. f: past d, e at the head. g: from the tail
    # again.
    # i: once around, as all three are marked.
    ("sieve", "abcadedafghghai", 3, "bcedfg"),
    # Every case: IV.B (c), IV.A (d), II (c), III (a), T1 empty (d, e), B2 full (f), and at the end |T1| = p with the
    # page in B2, which is what makes g go.
    ("arc", "abacdcadefadefgd", 2, "bcadcadefadeg"),
    # d comes back with |B2| = 2, |B1| = 1: p grows by 2, so that at i a page of T2 goes.
    ("arc", "aabbcdcefdghbi", 3, "cabdcdefb"),
]


@pytest.mark.parametrize("trace, frames, faults", TEXTBOOK, ids=range(len(TEXTBOOK)))
def test_textbooks(trace, frames, faults):
    assert {name: reference.POLICIES[name](trace, frames).faults for name in faults} == faults


@pytest.mark.parametrize("name, trace, frames, victims", WORKED)
def test_worked_by_hand(name, trace, frames, victims):
    assert "".join(reference.POLICIES[name](trace, frames).victims) == victims


def random_traces(count, pages, length):
    for seed in range(count):
        rng = random.Random(seed)
        yield [rng.randrange(pages) for _ in range(length)]


def fewest_faults(trace, frames):
    """By trying everything."""
    @functools.lru_cache(None)
    def best(i, held):
        if i == len(trace):
            return 0
        page = trace[i]
        if page in held:
            return best(i + 1, held)
        if len(held) < frames:
            return 1 + best(i + 1, held | {page})
        return 1 + min(best(i + 1, held - {out} | {page}) for out in held)
    return best(0, frozenset())


def test_nothing_beats_opt():
    for trace in random_traces(60, 6, 16):
        for frames in range(1, 6):
            assert reference.opt(trace, frames).faults == fewest_faults(tuple(trace), frames)


def test_lru_is_a_stack():
    """A reference hits if fewer than `frames` other pages came since the last one to its page."""
    for trace in random_traces(20, 12, 200):
        for frames in (1, 2, 5, 9):
            hits = sum(1 for i, page in enumerate(trace) if page in trace[:i] and
                       len(set(trace[i - trace[:i][::-1].index(page):i])) < frames)
            assert reference.lru(trace, frames).faults == len(trace) - hits


@pytest.mark.parametrize("name", reference.POLICIES)
def test_demand_paging(name):
    """What was evicted was there, and comes back only by a fault; memory fills before anything goes."""
    for trace in random_traces(20, 15, 300):
        for frames in (1, 2, 3, 7, 14, 15, 20):
            run = reference.POLICIES[name](trace, frames)
            leaves, here, faults = dict(run.evictions), set(), 0
            assert len(leaves) == len(run.evictions)
            for i, page in enumerate(trace):
                if page in here:
                    assert i not in leaves
                    continue
                faults += 1
                assert (i in leaves) == (len(here) == frames)
                if i in leaves:
                    here.remove(leaves[i])
                here.add(page)
            assert faults == run.faults
            if frames >= 15:
                assert not run.evictions


def test_writebacks():
    """b is clean each time it goes; a was written, and again after it came back."""
    trace, written = "abcabc", (1, 0, 0, 1, 0, 0)
    run = reference.fifo(trace, 2)
    assert "".join(run.victims) == "abca"
    assert run.writebacks(trace, written) == 2
    assert run.writebacks(trace, (1, 0, 0, 0, 0, 0)) == 1


def test_joined():
    assert reference.joined("aabbbaa", (0, 1, 0, 0, 0, 1, 0)) == (["a", "b", "a"], [1, 0, 1])
    assert reference.joined("", ()) == ([], [])


def test_the_lab_on_beladys_anomaly():
    """What docs/labs/belady.md says of its long string: which pages of the loop fault, round by round."""
    start, pages = [0, 2, 3, 5, 4, 0, 1, 6, 4], 9

    def rounds(frames):
        """=> the pages that fault in each of the last ten of twenty rounds"""
        trace = start + list(range(pages)) * 20
        faults = [i for i in range(len(start) + pages * 10, len(trace))
                  if reference.fifo(trace[:i + 1], frames).faults > reference.fifo(trace[:i], frames).faults]
        return [{trace[i] for i in faults if (i - len(start)) // pages == n} for n in range(10, 20)]

    assert rounds(6) == [{0, 2, 3, 5, 7, 8}, {1, 4, 6}] * 5
    assert rounds(7) == [set(range(pages))] * 10
