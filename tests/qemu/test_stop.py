# SPDX-License-Identifier: MIT
"""Stopping in the fault path from the console: what is shown is what happens next, and can still be changed."""
import re

import logmodel
import pytest
from scenario import NO_SCREEN, ROOT, boot
from tools import qemu

PROMPT = r"^(faultline|stop)> "
STOP = re.compile(r"^stop \d+: pid (?P<pid>\d+) scan wants to (?P<access>\w+) (?P<va>\w+), (ip (?P<ip>\w+)|through the kernel)\n"
                  r"  region .*\n"
                  r"  case   (?P<case>\d), .*?(in slot (?P<slot>\d+))?\n"
                  r"  pool   main, \d+ of 8 frames, policy (?P<policy>\w+)(: a page must go)?\n", re.MULTILINE)
VICTIM = re.compile(r"^  victim page (?P<va>\w+) of pid (?P<pid>\d+)(?: = .*?)?, frame (?P<frame>\w+), (?P<dirty>clean|dirty), .*\n"
                    r"  why    (?P<policy>\w+): (?P<why>.*); (?:else page (?P<next>\w+) of pid \d+.*|nobody else)\n", re.MULTILINE)


class Console:
    """Types lines at prompts. Each answer is what came before the next one."""

    def __init__(self, guest):
        self.guest = guest
        guest.expect(PROMPT)

    def type(self, line):
        start = self.guest._seen
        self.guest.send(line)
        self.prompt = self.guest.expect(PROMPT)[1]
        return self.guest.log[start:self.guest._seen].split("\n", 1)[1].rsplit("\n", 1)[0] + "\n"


    def press(self, keys):
        start = self.guest._seen
        self.guest.process.stdin.write(keys)
        self.guest.process.stdin.flush()
        self.prompt = self.guest.expect(PROMPT)[1]
        return self.guest.log[start:self.guest._seen].removesuffix(self.prompt + "> ")


@pytest.fixture
def console():
    with qemu.Guest(append="frames=8 policy=clock log=fault,evict,explain", extra=NO_SCREEN, timeout=60) as guest:
        yield Console(guest)


def events(text, kind):
    """The log's lines of one kind => [{key: value}]"""
    return [dict((k, v.strip('"')) for k, v in re.findall(r'([\w-]+)=("[^"]*"|\S+)', line))
            for line in text.splitlines() if re.match(rf"\[ *[\d.]+\] {kind} ", line)]


def happened(text, stop, victim):
    """What was shown is what the log says next."""
    fault, evicted, why = (events(text, kind)[0] for kind in ("fault", "evict", "explain"))
    assert [fault[key] for key in ("pid", "va", "case", "access")] == [stop[key] for key in ("pid", "va", "case", "access")]
    assert fault["slot"] == (stop["slot"] or "none")
    assert [evicted[key] for key in ("pid", "va", "frame", "policy")] == [victim[key] for key in ("pid", "va", "frame", "policy")]
    assert (why["why"], why["policy"], why["frame"]) == (victim["why"], victim["policy"], victim["frame"])


def test_step_shows_each_fault_before_it_happens(console):
    """Twenty faults with their victims; half way the policy changes, and the new one chooses, at once."""
    console.type("step")
    shown, text = 0, console.type("run scan 30 2")
    while shown < 20:
        assert console.prompt == "stop"
        stop, victim = STOP.search(text), VICTIM.search(text)
        if victim and shown == 9:
            assert victim["policy"] == "clock"
            assert re.search(r"^ +1 scan .* [01]\.\d{3}$", console.type(" ps "), re.MULTILINE)  # ms: waiting is not work
            for command in ("run scan 1 1", '"run" scan 1 1', ' "ls"/bin'):  # quotes change nothing
                assert "not while a fault is stopped" in console.type(command)
            busy, = re.findall(r"busy_us=(\d+) ", console.type("cpu"))
            assert int(busy) < 20000  # nor is it the machine's: also not before the stop has ended
            assert "\n clock 8/8 | faults " in console.type("view text")
            console.type("policy fifo")
            text = console.type("")
            assert "policy fifo is asked again\n" in text and not events(text, "evict")
            victim = VICTIM.search(text)
        if victim:
            assert victim["policy"] == ("clock" if shown < 9 else "fifo")
            shown += 1
        text = console.type("")
        if victim:
            happened(text, stop, victim)
    text = console.type("c")
    assert console.prompt == "faultline" and "\nscan: ok " in text and "stop " not in text
    shown_there, = re.findall(r"^(stop 9: .*?)^stop> ", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert shown_there in console.guest.log
    summary, = logmodel.summaries(console.guest.log)
    stops = len(re.findall(r"^stop \d+: pid 1 ", console.guest.log, re.MULTILINE))
    assert stops == len(events(console.guest.log.split("\nfaultline> c\n")[0].split("stop> c\n")[0], "fault")) + 1
    assert summary["cpu_us"] < 20000  # a person's time is nobody's
    assert console.type("check").endswith("check: ok\n")
    console.guest.send("quit")
    assert console.guest.wait().rc == qemu.OK


def test_breakpoints(console):
    """By pid, page, case and frame; stops show what was asked for and nothing else."""
    console.type("log quiet")
    assert console.type("break fault case=4 va=b7fe3abc") == "break: fault case=4 va=0xb7fe3000\n"
    text = console.type("run scan 30 3")
    assert [(s["case"], s["va"][:7]) for s in STOP.finditer(text)] == [("4", "0xb7fe3")]
    slot, victim = STOP.search(text)["slot"], VICTIM.search(text)
    assert slot and victim
    frame = victim["frame"]
    console.type("break off")
    assert console.type(f"break evict 1 frame={frame}") == f"break: evict pid=1 frame={frame}\n"
    for _ in range(3):
        text = console.type("")
        assert console.prompt == "stop" and len(VICTIM.findall(text)) == 1
        assert VICTIM.search(text)["frame"] == frame
    assert console.press(b"pol\x03") == "pol^C\n"  # gives up the command, not the stop
    text = console.type("s")  # from here on at every fault
    assert console.prompt == "stop" and len(STOP.findall(text)) == 1
    console.type("break off")
    text = console.type("step 3")
    text = console.type("")
    assert console.prompt == "faultline" and len(STOP.findall(text)) == 3 and "scan: ok" in text
    assert console.type("break") == "break: none\n" and console.type("step off") == "step: off\n"
    assert console.type("check").endswith("check: ok\n")


def test_a_fault_that_sleeps_before_its_victim_is_known():
    """Others fault meanwhile, and the pager evicts: each fault that is shown still waits for a line of its own."""
    append = "frames=16 log=quiet swaplat=2000 pager=on"
    with qemu.Guest(append=append, extra=NO_SCREEN, timeout=60) as guest:
        console = Console(guest)
        console.type("break fault 1")
        text, waited = console.type("run scan 30 2 & scan 30 3"), 0
        while console.prompt == "stop":
            assert len(re.findall(r"^stop \d+: pid 1 ", text, re.MULTILINE)) == 1
            assert len(VICTIM.findall(text)) <= 1 and "makes room" not in text
            waited += 1
            text = console.type("")
        assert waited > 60 and text.count("scan: ok") == 2
        assert "  done   " in guest.log  # it was on its way out, and stays


ERRORS = {
    "step fast": "step: fast: expected on, off, or how many faults to show without waiting",
    "step 0": "step: 0: expected on, off, or how many faults to show without waiting",
    "step on now": "step: now: expected on, off, or how many faults to show without waiting",
    "break everything": "break: everything: expected fault, evict or off",
    "break fault case=6": "break: case=6: expected a pid, pid=N, va=ADDRESS, or case=0 to case=5",
    "break evict case=4": "break: case=4: expected a pid, pid=N, va=ADDRESS, or frame=N",
    "break fault scan": "break: scan: expected a pid, pid=N, va=ADDRESS, or case=0 to case=5",
}


def test_errors():
    run = boot(list(ERRORS), "log=quiet", screen=False)
    assert run.rc == qemu.FAILED
    assert [run.output(command) for command in ERRORS] == [message + "\n" for message in ERRORS.values()]


def test_show_without_waiting():
    """step N for scripts that nobody attends."""
    run = boot(["step 12", "run scan 30 2"], "frames=8 log=quiet", screen=False)
    assert run.rc == qemu.OK and len(STOP.findall(run.log)) == 12 and len(VICTIM.findall(run.log)) >= 3
