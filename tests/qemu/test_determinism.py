# SPDX-License-Identifier: MIT
"""Under icount the same scenario gives the same log, byte for byte, however the programs preempt each other."""
import logmodel
import pytest
from scenario import boot

PROGRAMS = "run matmul 64 & qsort 30000 & btree 2000 & stamp 50 3"
EVERYTHING = [PROGRAMS, "ps", "vmstat", "frames map", "policy dump", "slab", "buddy", "swap", "check"]


def evictions(run):
    return [e.groups() for e in logmodel.events(run.log, "evict")]


@pytest.mark.parametrize("policy", ["clock", "random"])
def test_same_scenario_same_log(policy):
    first, second = (boot(EVERYTHING, f"frames=48 policy={policy} log=all seed=7", screen=False) for _ in range(2))
    pids = [e["pid"] for e in logmodel.events(first.log, "fault")]
    assert sum(a != b for a, b in zip(pids, pids[1:])) > 8, "the programs hardly preempted each other"
    assert first.log == second.log
    assert first.statuses() == [(name, "ok") for name in ("matmul", "qsort", "btree", "stamp")]


def test_seed_matters_to_random_alone():
    def run(policy, seed):
        return evictions(boot(["run stamp 60 2"], f"frames=32 policy={policy} seed={seed}", screen=False))
    assert run("random", 1) != run("random", 2)
    assert run("fifo", 1) == run("fifo", 2)
