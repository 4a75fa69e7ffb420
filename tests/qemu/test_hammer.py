# SPDX-License-Identifier: MIT
"""Kernel threads that are preempted at random use the allocators, in a kernel that checks its locks; and what
happens when a lock is missing, or taken in the wrong order."""
import re

import pytest
from scenario import ROOT, boot, programs
from tools import qemu

CHECKED = "build/faultline-lockcheck.elf"
USUAL = ["buddy", "kmalloc", "slab", "swap", "vmem", "partition", "list"]


@pytest.fixture(scope="module", autouse=True)
def checked_kernel():
    if not (ROOT / CHECKED).exists():
        pytest.fail(f"{CHECKED} is missing: run make {CHECKED} first")


def hammered(command):
    run = programs([command], "log=quiet", screen=False, kernel=CHECKED)
    return run, run.output(command)


def kinds(output):
    """=> {name: {"taken": n, ...}}"""
    lines = re.findall(r"^hammer kind=(\S+) (.*)$", output, re.MULTILINE)
    return {name: {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", rest)} for name, rest in lines}


def preemptions(output):
    """=> (all, those that waited for the release of a lock)"""
    return tuple(map(int, re.search(r"^hammer preemptions=(\d+) deferred=(\d+)", output, re.MULTILINE).groups()))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_seeds(seed):
    run, output = hammered(f"hammer 4 6000 {seed}")
    assert run.rc == qemu.OK and output.endswith("hammer: ok\n"), run.result.tail()
    done, deferred = preemptions(output)
    assert done > 1000 and 0 < deferred < done
    assert re.findall(r"^hammer thread=(\d) ops=(\d+)$", output, re.MULTILINE) == [(str(i), "6000") for i in range(1, 5)]
    assert list(kinds(output)) == USUAL
    for name, figures in kinds(output).items():
        assert figures["taken"] == figures["given"] > 1000, name
        assert figures["refused"] == 0 or name == "partition", name  # that arena can be full


def test_the_same_seed_gives_the_same_log():
    first, second, other = (hammered(f"hammer 3 3000 {seed}")[0].log for seed in (7, 7, 8))
    assert first == second
    assert first.replace("3000 7", "3000 8").replace("seed=7", "seed=8") != other


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_missing_lock_is_found(seed):
    run = boot([f"hammer 4 100000 {seed} unlocked"], "log=quiet", screen=False)
    output = run.output(f"hammer 4 100000 {seed} unlocked")
    assert run.rc == qemu.FAILED and output.endswith("hammer: FAILED\n")
    assert re.search(r"^hammer: thread \d, operation \d+, unlocked: somebody else has it, too \(first=0x[0-9a-f]+ count=1\)$",
                     output, re.MULTILINE), output


def test_programs_go_on_meanwhile():
    """They fault, and take frames and slots, in the middle of the threads' calls."""
    command = "hammer 4 20000 5"
    run = programs(["run stamp 100 20 & qsort 30000 &", command, "wait"], "frames=48 log=quiet", screen=False,
                   kernel=CHECKED)
    output = run.output(command)
    assert run.rc == qemu.OK and output.endswith("hammer: ok\n"), run.result.tail()
    assert "(programs are running)" in output
    assert sorted(run.statuses()) == [("qsort", "ok"), ("stamp", "ok")]


def test_threads_end_and_leave_nothing():
    """One thread alone leaves the CPU idle when it sleeps, on its own stack."""
    run = programs(["hammer 8 200 1", "hammer 1 5000 1", "ps"], "log=quiet", screen=False)
    assert run.rc == qemu.OK
    assert "hammer" not in run.output("ps")


def test_wrong_arguments():
    usage = (r"expected \[THREADS, 1 to 8, \[OPS, at least 1, \[SEED, at least 1\]\]\] and names of: "
             + " ".join(USUAL) + " unlocked\n")
    wrong = {"0": "0", "9": "9", "4 0": "0", "4 1 0": "0", "1 2 3 4": "4", "dogs": "dogs", "4 list cats": "cats",
             "4294967296": "4294967296"}
    run = boot([f"hammer {words}" for words in wrong], "log=quiet", screen=False)
    assert f"quit: {len(wrong)} failures" in run.log
    for words, word in wrong.items():
        assert re.fullmatch(f"hammer: {word}: " + usage, run.output(f"hammer {words}"))


PROVOKED = {
    "lock-order": r"lock order: provoke-first \(rank \d+\) is taken while provoke-second \(rank \d+\) is held",
    "lock-sleep": "sleep_on sleeps with lock provoke held",
}


@pytest.mark.parametrize("what", PROVOKED)
def test_a_kernel_that_checks_its_locks_panics(what):
    run = boot([f"provoke {what}"], "log=quiet", screen=False, kernel=CHECKED)
    assert run.rc == qemu.FAILED
    assert re.search("^PANIC: " + PROVOKED[what] + "$", run.log, re.MULTILINE), run.result.tail()
    run = boot([f"provoke {what}"], "log=quiet", screen=False)
    assert run.rc == qemu.FAILED
    assert run.output(f"provoke {what}") == \
        "provoke: this kernel does not check its locks; expected one built with LOCK_CHECK=1\n"


def test_the_table_of_ranks_is_the_one_in_the_code():
    code = re.findall(r"^ +(RANK_\w+) = (\d+),", (ROOT / "lib" / "spin.h").read_text(), re.MULTILINE)
    table = re.findall(r"^\| (\d+) \| `(RANK_\w+)` \|", (ROOT / "docs" / "locking.md").read_text(), re.MULTILINE)
    assert code and table == [(rank, name) for name, rank in code]
