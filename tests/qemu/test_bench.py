# SPDX-License-Identifier: MIT
"""`bench alloc`: allocating costs the same however many blocks live. One tick is one instruction."""
import re

from scenario import boot

LINE = re.compile(r"^bench name=(\S+) live=(\d+) mean=(\d+) median=(\d+) p99=(\d+) n=\d+ unit=ticks", re.MULTILINE)
MOST = 1.3  # times as much at 100,000 live blocks as at 1,000


def test_cost_does_not_grow():
    run = boot(["bench alloc 1000 100000", "check"], "log=quiet", mem="1024M", screen=False)
    assert run.output("check").endswith("check: ok\n")
    mean, median = {}, {}
    for name, live, a, b, _ in LINE.findall(run.output("bench alloc 1000 100000")):
        mean[name, int(live)], median[name, int(live)] = int(a), int(b)
    for name in ("buddy-pair", "buddy-block-pair", "vmem-instant-pair"):
        for cost in (mean, median):
            assert 50 < cost[name, 1000] < 1000
            assert cost[name, 100000] <= MOST * cost[name, 1000], (name, cost)
    assert mean["vmem-best-pair", 100000] < 2 * mean["vmem-best-pair", 1000]  # a tree's height


def test_as_many_as_there_is_room_for():
    run = boot(["buddy", "bench alloc 100000", "bench alloc 0", "bench alloc x", "bench nix", "check"], "log=quiet",
               mem="64M", screen=False)
    live = {name: int(n) for name, n, *_ in LINE.findall(run.output("bench alloc 100000"))}
    assert 10000 < live["buddy-pair"] < 16384 and abs(live["buddy-pair"] - 2 * live["buddy-block-pair"]) < 100
    for value in ("0", "x"):
        assert run.output(f"bench alloc {value}").startswith(f'bench alloc: "{value}" live blocks: expected 1 to 1000000')
    assert run.output("bench nix").startswith('bench: "nix": expected nothing, or alloc')
    assert run.output("check").endswith("check: ok\n")
