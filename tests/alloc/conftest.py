# SPDX-License-Identifier: MIT
"""Tests of build/alloc, which they build."""
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
ALLOC = ROOT / "build" / "alloc"
LIMIT = 120  # seconds for any command
ENV = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")}
WORKLOADS = ("uniform", "exponential", "ramp", "plateau", "sawtooth")
FITS = ("first", "last", "next", "best", "worst", "instant")


def make(*words):
    return subprocess.run(["make", *words], cwd=ROOT, env=ENV, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=600)


@pytest.fixture(scope="session", autouse=True)
def built():
    done = make("build/alloc")
    if done.returncode != 0:
        pytest.exit(f"build/alloc cannot be built:\n{done.stdout}{done.stderr}", returncode=1)


def run(*words):
    return subprocess.run([str(ALLOC), *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=LIMIT)


def output(*words):
    """=> what it prints; it must succeed and complain of nothing"""
    done = run(*words)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def rows(*words):
    """=> its tab-separated lines as dictionaries, numbers as int"""
    head, *lines = [line.split("\t") for line in output(*words).splitlines()]
    assert all(len(line) == len(head) for line in lines)
    return [{key: int(value) if value.isdigit() else value for key, value in zip(head, line)} for line in lines]
