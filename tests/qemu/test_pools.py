# SPDX-License-Identifier: MIT
"""Pools: programs that share one, programs that each have their own, another policy while they run."""
import re

import pytest
from scenario import boot, programs
from tools import qemu

POLICIES = ("fifo", "clock", "random")


def pools(text):
    """=> the figures of each pool that was listed, by name"""
    found = {}
    for line in re.findall(r"^pool (name=.*)$", text, re.MULTILINE):
        figures = dict(word.split("=") for word in line.split())
        found[figures.pop("name")] = {k: int(v) if v.isdigit() else v for k, v in figures.items()}
    return found


def test_each_program_has_a_pool_of_its_own():
    """Figures in the summary are of one kind with those that the pools kept for themselves."""
    command = "with policy=fifo frames=30 accessed=ad seed=7 run matmul 120 & qsort 60000 & stamp 60 3"
    run = programs([command, "policy"], "frames=64 log=quiet")
    assert run.rc == qemu.OK
    of = pools(run.output(command))
    assert list(of) == ["matmul.1", "qsort.2", "stamp.3"]
    rows = {row["name"]: row for row in run.rows()}
    for name, pool in of.items():
        assert (pool["policy"], pool["limit"], pool["accessed"]) == ("fifo", 30, "ad")
        assert pool["resident"] == 0
        assert pool["evictions"] >= rows[name.split(".")[0]]["evictions"] > 0
        assert pool["evictions"] + 30 >= pool["insertions"] > pool["evictions"]
    assert run.summaries()[0]["policy"] == "fifo" and run.summaries()[0]["frames"] == 30
    assert list(pools(run.output("policy"))) == ["main"]  # theirs ended with them
    assert pools(run.output("policy"))["main"]["insertions"] == 0


def test_nobody_takes_from_another_pool():
    """A program in a pool of its own has the same faults whoever runs beside it. Its text is its own too: the
    others run something else."""
    alone = programs(["with policy=clock frames=20 run matmul 120"], "frames=64 log=quiet")
    crowd = programs(["with policy=clock frames=20 run matmul 120 & stamp 100 20 & qsort 30000"], "frames=64 log=quiet")
    faults = [next(p["insertions"] for name, p in pools(run.log).items() if name.startswith("matmul"))
              for run in (alone, crowd)]
    assert faults[0] == faults[1]
    shared = programs(["run matmul 120 & stamp 100 20 & qsort 30000"], "frames=60 log=quiet")
    assert shared.rows()[0]["evictions"] != alone.rows()[0]["evictions"]


def test_the_smallest_pools():
    run = programs(["with frames=6 run matmul 24 & qsort 3000 & stamp 20 2 & hello"], "frames=64 check=50 log=quiet")
    assert [status for _, status in run.statuses()] == ["ok"] * 4


def test_children_share_their_parents_pool():
    run = programs(["with frames=30 run forktree & forkwait"], "frames=64 log=quiet check=100")
    assert [status for _, status in run.statuses()] == ["ok"] * 2
    assert pools(run.log)["forktree.1"]["insertions"] > 30


def test_pages_that_others_still_use_go_to_the_shared_pool():
    """The text of a program that came in through a pool which is gone."""
    run = programs(["with frames=40 run stamp 10 2 & sleeper 200", "policy"], "frames=64 log=quiet")
    assert run.rc == qemu.OK


def test_another_policy_while_programs_run():
    """Every page stays, and every program finds what it wrote."""
    switches = [word for policy in POLICIES * 3 for word in (f"policy {policy}", "wait 20", "check")]
    run = programs(["run stamp 80 60 & qsort 60000 & matmul 120 &", "wait 20", *switches, "policy", "wait"],
                   "frames=64 log=quiet")
    assert run.rc == qemu.OK, run.result.tail()
    told = re.findall(r"^policy: pool main is under (\w+) now, was under (\w+); (\d+) pages stay$", run.log,
                      re.MULTILINE)
    assert [to for to, _, _ in told] == list(POLICIES * 3)
    assert [was for _, was, _ in told] == ["clock", *(POLICIES * 3)[:-1]]
    assert all(int(pages) > 40 for _, _, pages in told[:3])
    assert "* random" in run.output("policy") and "  clock " in run.output("policy")
    assert sorted(re.findall(r"^(\w+): ok ", run.log, re.MULTILINE)) == ["matmul", "qsort", "stamp"]


def test_another_policy_for_one_process():
    """Of two in pools of their own one gets another policy; by the pid of a shared one none is meant."""
    run = boot(["with frames=20 run stamp 60 200 & stamp 60 200 &", "wait 20", "policy fifo pid=1", "policy",
                "policy random pool=stamp.2", "check", "run stamp 100 100 &", "wait 10", "policy fifo pid=3",
                "policy fifo pool=main", "policy", "wait", "check"], "frames=64 log=quiet")
    of = pools(run.output("policy"))
    assert of["stamp.1"]["policy"] == "fifo" and of["stamp.2"]["policy"] == "clock" and of["main"]["policy"] == "clock"
    assert run.output("policy fifo pid=3").startswith(
        "policy: pid=3 is in pool main, which all share: say pool=main if that is meant\n")
    assert run.output("policy fifo pool=main").startswith("policy: pool main is under fifo now, was under clock; ")
    of = pools(run.output("policy", 1))
    assert of["main"]["policy"] == "fifo"
    assert run.output("check", 1).endswith("check: ok\n") and "quit: 1 failure\n" in run.log
    assert len(re.findall(r"^stamp: ok ", run.log, re.MULTILINE)) == 3


def test_accessed_bits_deferred():
    """What becomes of the bit that the faulting access sets changes CLOCK's choice, and not FIFO's. It is the same
    for the shared pool and for one's own."""
    def evictions(policy, accessed, own):
        key = f"accessed={accessed}"
        run = programs([f"with policy={policy} {key} run btree 3000" if own else "run btree 3000"],
                       f"frames=24 policy={policy} log=quiet {'' if own else key}", icount=True)
        return run.summaries()[0]["evictions"]
    clock = {(a, own): evictions("clock", a, own) for a in ("a1", "ad") for own in (False, True)}
    assert clock["a1", False] == clock["a1", True]
    assert clock["ad", False] == clock["ad", True]
    assert clock["ad", True] != clock["a1", True]
    assert evictions("fifo", "a1", True) == evictions("fifo", "ad", True)


@pytest.mark.parametrize("order", [0, 3])
def test_blocks_in_pools_of_their_own(order):
    run = programs(["with frames=64 run stamp 200 3 & qsort 30000"], f"frames=64 order={order} log=quiet check=200")
    assert [status for _, status in run.statuses()] == ["ok"] * 2


def test_programs_with_a_pool_each_take_no_turns():
    """On a slow disk, four programs in six frames each: the turn of one is nothing to the others."""
    many = " & ".join(["stamp 12 2"] * 4)
    own = programs([f"with frames=6 run {many}"], "frames=64 swaplat=300 log=quiet", icount=True, timeout=120)
    assert [status for _, status in own.statuses()] == ["ok"] * 4
    assert {row["major"] for row in own.rows()} != {0}
    shared = programs([f"run {many}"], "frames=6 swaplat=300 log=quiet", icount=True, timeout=120)
    assert [status for _, status in shared.statuses()] == ["ok"] * 4
