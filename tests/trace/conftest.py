# SPDX-License-Identifier: MIT
"""Tests of build/trace. They build what they run: build/trace, the same with sanitizers, the simulator, and a
program that writes traces with the kernel's own code."""
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
pytest.register_assert_rewrite("chrome")
TRACE, ASAN, SIM, WRITER = (ROOT / "build" / name for name in ("trace", "trace-asan", "sim", "host64/tracewriter"))
LIMIT = 120  # seconds for any command
ENV = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")}
# Leaks are not looked for: a program that ends leaves its memory to the system.
ENV["ASAN_OPTIONS"] = "detect_leaks=0"


@pytest.fixture(scope="session", autouse=True)
def built():
    done = subprocess.run(["make", *(str(p.relative_to(ROOT)) for p in (TRACE, ASAN, SIM, WRITER))], cwd=ROOT, env=ENV,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        pytest.exit(f"build/trace cannot be built:\n{done.stdout}{done.stderr}", returncode=1)


def run(*words, stdin=b"", program=ASAN):
    """=> CompletedProcess, with bytes; no sanitizer has complained"""
    done = subprocess.run([str(program), *map(str, words)], input=stdin, capture_output=True, timeout=LIMIT, env=ENV)
    assert b"Sanitizer" not in done.stderr and b"runtime error" not in done.stderr, done.stderr.decode()
    return done


def output(trace, *words, said=""):
    """Converts the trace, which is bytes. => what it prints; it must say `said` on stderr and nothing else"""
    done = run(*words, "-", stdin=trace)
    assert done.returncode == 0, done.stderr.decode()
    assert (done.stderr.decode() == "") if said == "" else (said in done.stderr.decode()), done.stderr.decode()
    return done.stdout.decode()
