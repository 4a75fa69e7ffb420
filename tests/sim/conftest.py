# SPDX-License-Identifier: MIT
"""Tests of the simulator. They build what they run: build/sim, the same with sanitizers, and one that has the
policies of extra.c too."""
import functools
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
SIM, ASAN, EXTRA = (ROOT / "build" / name for name in ("sim", "sim-asan", "sim-extra"))
LIMIT = 120  # seconds for any command
ENV = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")}


def make(*words):
    return subprocess.run(["make", *words], cwd=ROOT, env=ENV, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=600)


@functools.cache
def built():
    done = make("build/sim", "build/sim-asan", "build/sim-extra", "SIM_EXTRA=tests/sim/extra.c")
    if done.returncode != 0:
        pytest.exit(f"the simulator cannot be built:\n{done.stdout}{done.stderr}", returncode=1)


@pytest.fixture(scope="session", autouse=True)
def simulators():
    built()


def run(*words, program=ASAN, stdin=b""):
    """=> CompletedProcess with bytes"""
    # Leaks are not looked for where the program ends with a message.
    return subprocess.run([str(program), *map(str, words)], input=stdin, capture_output=True, timeout=LIMIT,
                          env={**ENV, "ASAN_OPTIONS": "detect_leaks=0"})


def output(*words, **more):
    """=> what it prints; it must succeed and complain of nothing"""
    done = run(*words, **more)
    assert (done.returncode, done.stderr) == (0, b""), done.stderr.decode()
    return done.stdout.decode()


def complaint(status, *words, **more):
    """=> what it says; it must fail with this status, in one line of its own"""
    done = run(*words, **more)
    text = done.stderr.decode()
    assert done.returncode == status, text
    assert text.count("sim: ") >= 1 and "runtime error" not in text and "Sanitizer" not in text, text
    return text


def policies():
    """=> their names; for parametrize, which comes before fixtures"""
    built()
    return [line.split()[0] for line in output("--list").splitlines()]


def lines(text):
    """=> a dict for each line of -s"""
    return [dict(word.split("=", 1) for word in line.split()[1:]) for line in text.splitlines()
            if line.startswith("sim ")]


def faults(path, policy, frames, *more, **kw):
    result = lines(output("-s", "-p", policy, "-f", frames, *more, path, **kw))
    assert len(result) == 1
    return int(result[0]["faults"])
