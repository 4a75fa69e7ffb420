# SPDX-License-Identifier: MIT
"""The thrashing curve of docs/thrashing.md: rise, peak, collapse. Under icount it is the same on every machine."""
import pytest
from scenario import ROOT
from tools import thrash

SHORT = 1000  # milliseconds


@pytest.fixture(scope="module")
def curve():
    return {n: thrash.measure(n, ms=SHORT) for n in (1, 2, 4, 8, 12)}


def test_more_programs_keep_the_cpu_busier(curve):
    one, two, four = curve[1], curve[2], curve[4]
    assert 30 < one.cpu_use < 60
    assert one.cpu_use + 10 < two.cpu_use < four.cpu_use - 5
    assert one.rounds * 1.2 < two.rounds < four.rounds / 1.1


def test_until_their_working_sets_no_longer_fit(curve):
    four, eight, twelve = curve[4], curve[8], curve[12]
    assert four.cpu_use > 75
    assert eight.cpu_use < 0.75 * four.cpu_use
    assert twelve.cpu_use < 0.6 * eight.cpu_use
    assert twelve.cpu_use < curve[1].cpu_use
    assert twelve.rounds < 0.4 * four.rounds


def test_then_all_of_them_wait_for_the_disk(curve):
    assert curve[1].disk_use < 60 and curve[1].queue < 0.6
    assert curve[12].disk_use > 90 and curve[12].queue > 10


def test_it_is_the_memory_that_is_missing():
    """Twelve programs with enough of it: the CPU is busy again."""
    assert thrash.measure(12, ms=SHORT, frames=520).cpu_use > 75


def test_the_same_every_time(curve):
    assert thrash.measure(8, ms=SHORT) == curve[8]


def test_the_document_has_the_tables_shape():
    assert thrash.HEAD in (ROOT / "docs" / "thrashing.md").read_text()


def test_a_failing_program_fails_the_experiment():
    with pytest.raises(thrash.qemu.GuestError, match="1 programs: the guest reported failure"):
        thrash.measure(1, pages=5000)
