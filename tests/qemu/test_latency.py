# SPDX-License-Identifier: MIT
"""A swap disk that takes its time (swaplat=): who waits, who runs meanwhile, and that both are counted right.
All times are the guest's, which under icount are exact."""
import re

import pytest
from scenario import NO_SCREEN, Run, boot, programs
from tools import qemu

FAULTING = "scan 100 10"       # far more pages than frames: it does nothing but wait for the disk
COMPUTING = "scan 8 1000000"   # stays in memory


def iostat(run, nth=0):
    words = re.findall(r"(\w+)=([\d.]+)", run.output("iostat", nth))
    return {key: float(value) for key, value in words}


def keep_busy(guest, questions=4000):
    """Asks QEMU for its name again and again, so that its main loop always runs beside the guest."""
    link = guest.connect_qmp()
    try:
        for _ in range(questions // 400):
            link.write(b'{"execute": "query-name"}\n' * 400)
            link.flush()
            for _ in range(400):
                link.readline()
    except OSError:
        pass  # it has ended


@pytest.mark.parametrize("commands, append", [
    (["run matmul 48 & qsort 8000 & stamp 50 2", "iostat", "cpu", "ps", "vmstat", "check"],
     "frames=48 swaplat=300 log=all"),
    (["run scan 100 30", "iostat", "cpu"], "frames=50 swaplat=20 log=quiet")])
def test_same_run_same_log(commands, append):
    """Also when QEMU's threads get in each other's way: see cpu_idle."""
    first = boot(commands, append, screen=False)
    with qemu.Guest(append=append, run="; ".join([*commands, "quit"]), qmp=True, extra=NO_SCREEN) as guest:
        keep_busy(guest)
        second = Run(guest.wait())
    assert first.log == second.log
    assert {status for _, status in first.statuses()} == {"ok"}
    assert iostat(first)["requests"] > 500


@pytest.mark.parametrize("latency", [1, 200, 5000])
def test_one_process_waits_for_every_transfer(latency):
    run = programs(["iostat reset", f"run {FAULTING}", "iostat", "vmstat"], f"frames=50 log=quiet swaplat={latency}")
    summary, disk = run.summaries()[0], iostat(run)
    requests = summary["pswpin"] + summary["pswpout"]
    assert summary["pswpin"] >= 900
    assert disk["requests"] == disk["pages"] == requests
    assert disk["busy_us"] == requests * latency and disk["wait_us"] == disk["service_us"] == latency
    assert summary["elapsed_us"] >= summary["cpu_us"] + summary["iowait_us"] >= requests * latency
    # nothing else keeps it waiting: a request is answered within a few microseconds of its end
    assert summary["iowait_us"] <= requests * (latency + 3)
    assert summary["idle_us"] == 0


def test_computing_overlaps_with_waiting():
    run = programs([f"run {FAULTING}", f"run {COMPUTING}", f"run {FAULTING} & {COMPUTING}"],
                   "frames=64 log=quiet swaplat=200")
    faulting, computing, both = run.summaries()
    assert faulting["iowait_us"] > 3 * faulting["busy_us"] and computing["iowait_us"] < computing["busy_us"] / 50
    alone = faulting["elapsed_us"], computing["elapsed_us"]
    assert min(alone) > max(alone) / 3, "no contest"
    assert both["elapsed_us"] < 1.2 * max(alone)
    assert both["pswpin"] < 1.1 * faulting["pswpin"]


def test_the_disk_serves_one_at_a_time():
    """Three that fault keep it busy all the time, and each waits for the other two."""
    run = programs(["iostat reset", f"run {FAULTING} & {FAULTING} & {FAULTING}", "iostat"],
                   "frames=60 log=quiet swaplat=500")
    disk, summary = iostat(run), run.summaries()[0]
    assert disk["utilisation"] > 95
    assert 2.5 < disk["queue"] <= 3
    assert 1250 < disk["wait_us"] <= 1500 and disk["service_us"] == 500
    assert summary["elapsed_us"] >= disk["requests"] * 500


def test_the_demo_is_correct():
    for command, frames in (("demo", 256), ("run matmul 100 & qsort 40000 & btree 5000 & hashjoin 8000", 64)):
        run = programs([command], f"frames={frames} log=quiet swaplat=100")
        assert run.rc == qemu.OK
        assert [status for _, status in run.statuses()] == ["ok"] * 4
        assert run.summaries()[0]["pswpin"] > 5000


def test_cpu_time_adds_up():
    run = programs(["run sleeper 30", "run hello", "run stamp 60 3", "cpu"], "frames=40 log=quiet swaplat=100")
    for s in run.summaries():
        assert abs(s["busy_us"] + s["iowait_us"] + s["idle_us"] - s["elapsed_us"]) <= 3
        assert s["cpu_us"] <= s["busy_us"]
    asleep, hello, stamp = run.summaries()
    assert asleep["iowait_us"] == 0 and 29000 < asleep["idle_us"] <= 30000
    assert hello["iowait_us"] == hello["idle_us"] == 0
    assert stamp["iowait_us"] > 0 and stamp["idle_us"] == 0
    total = {key: int(value) for key, value in re.findall(r"(\w+)_us=(\d+)", run.output("cpu"))}
    assert total["busy"] > sum(s["busy_us"] for s in run.summaries())
    use = float(re.search(r"use=([\d.]+)%", run.output("cpu"))[1])
    assert use == pytest.approx(100 * total["busy"] / sum(total.values()), abs=0.1)


def test_sleep_ends_in_time():
    """Not at the next tick, which is up to 10 ms later."""
    run = programs(["run sleeper 25", "run sleeper 3 & spin 30"], "log=quiet")
    alone, beside = run.summaries()
    assert 25000 <= alone["elapsed_us"] < 25500
    assert beside["elapsed_us"] < 30500


def test_without_latency_nothing_waits():
    run = programs(["run stamp 60 3", "iostat"], "frames=40 log=quiet swaplat=0")
    assert run.output("iostat").startswith("iostat: the swap disk takes no time (swaplat=0)\n")
    assert run.summaries()[0]["iowait_us"] == 0


def test_without_swap_latency_means_nothing():
    run = programs(["run hello", "iostat"], "swap=none swaplat=100")
    assert run.rc == qemu.OK and "takes no time" in run.output("iostat")


def test_kill_a_process_that_waits_for_the_disk():
    run = programs(["run scan 100 1000 &", "wait 50", "kill 1", "wait", "run stamp 60 2"],
                   "frames=40 log=quiet swaplat=5000")
    assert [kill["signal"] for kill in run.kills()] == ["SIGKILL"]
    assert run.statuses()[-1] == ("stamp", "ok")


@pytest.mark.parametrize("fault, reason", [("fail-read", "the swap disk failed"),
                                           ("corrupt", "the swap disk returned corrupt data")])
def test_errors_pass_through(fault, reason):
    run = programs([f"disk {fault} 30", "run stamp 70 3 & matmul 48", "vmstat"], "frames=48 log=quiet swaplat=100")
    kill, = run.kills()
    assert kill["reason"] == reason
    assert sorted(status for _, status in run.statuses()) == ["killed", "ok"]
