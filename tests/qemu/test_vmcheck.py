# SPDX-License-Identifier: MIT
"""What Linux answers to every memory call that vmcheck makes, Faultline answers too, whatever is swapped out."""
import re
import subprocess

import pytest
from scenario import ROOT, printed_by_programs, programs
from tools import qemu

BINARY = ROOT / "build" / "user" / "glibc" / "vmcheck"

# Where Faultline means to differ: "section what" -> (Faultline's result, why).
ALLOWED = {}

CHECK = re.compile(r"\d{3} (\w+ .*): ([^:]+?)( EXPECTED [^:]+)?")
TIMEOUT = 300   # seconds for some hundred forks with pages that come and go
SMALLEST = 200  # fewer checks than this and something was cut off


def results(text):
    """=> {"section what": result}, in order, and the lines that are no checks"""
    checks, others = {}, []
    for line in text.splitlines():
        match = CHECK.fullmatch(line)
        if match:
            assert match[1] not in checks, f"two checks are called {match[1]!r}"
            checks[match[1]] = match[2]
        else:
            others.append(line)
    return checks, others


def differences(linux, ours, allowed):
    """=> lines that say where two texts differ, other than as allowed; and which allowances are of no use"""
    (want, want_others), (got, got_others) = results(linux), results(ours)
    found = []
    for name, result in want.items():
        expected, why = allowed.get(name, (result, ""))
        if got.get(name, "missing") != expected:
            found.append(f"{name}: Linux {result}, Faultline {got.get(name, 'missing')}"
                         + (f", allowed {expected} because {why}" if why else ""))
        elif why and expected == result:
            found.append(f"{name}: allowed to differ, but does not")
    found += [f"{name}: only on Faultline" for name in got if name not in want]
    found += [f"{name}: allowed to differ, but is not a check" for name in allowed if name not in want]
    if not allowed and want_others != got_others:
        found.append(f"Linux ends with {want_others}, Faultline with {got_others}")
    return found


@pytest.fixture(scope="module")
def linux():
    if not BINARY.exists():
        pytest.skip("there was no C library for i386 when this was built")
    try:
        run = subprocess.run([BINARY], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=120)
    except OSError as e:
        pytest.skip(f"this machine does not run i386 Linux programs: {e}")
    assert run.returncode == 0, run.stdout
    assert len(results(run.stdout)[0]) >= SMALLEST
    return run.stdout


@pytest.mark.parametrize("policy", ["fifo", "clock"])
@pytest.mark.parametrize("frames", [64, 256])
def test_as_on_linux(linux, frames, policy):
    run = programs(["run vmcheck"], f"frames={frames} policy={policy} log=quiet", screen=False, timeout=TIMEOUT)
    found = differences(linux, printed_by_programs(run.output("run vmcheck")), ALLOWED)
    assert not found, "\n".join(found)
    assert run.rc == (qemu.FAILED if ALLOWED else qemu.OK)
    if frames == 64:
        assert run.summaries()[0]["pswpin"] > 0


LINES = "001 mmap anonymous: yes\n002 mmap fd 999, shared: EBADF\nvmcheck: 2 checks\n"


@pytest.mark.parametrize("change, says", [
    (("EBADF", "EBADF"), None),
    (("EBADF", "EINVAL EXPECTED EBADF"), "mmap fd 999, shared: Linux EBADF, Faultline EINVAL"),
    (("001 mmap anonymous: yes\n", ""), "mmap anonymous: Linux yes, Faultline missing"),
    (("vmcheck: ", "003 mmap more: yes\nvmcheck: "), "mmap more: only on Faultline"),
    (("vmcheck: 2 checks\n", ""), "Linux ends with ['vmcheck: 2 checks'], Faultline with []"),
])
def test_a_difference_is_noticed(change, says):
    assert differences(LINES, LINES.replace(*change), {}) == ([says] if says else [])


def test_a_difference_may_be_allowed():
    ours, allowed = LINES.replace("EBADF", "EINVAL EXPECTED EBADF"), {"mmap fd 999, shared": ("EINVAL", "of a reason")}
    assert differences(LINES, ours, allowed) == []
    assert len(differences(LINES, LINES, allowed)) == 1
    assert len(differences(LINES, ours, {**allowed, "mmap nothing": ("yes", "of no reason")})) == 1
