#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs every test, in groups: a line for each group, details of what failed, and as the last line `N passed, M failed`.
A group that cannot run counts as one failure. Groups that keep one CPU busy run beside each other."""
import argparse
import concurrent.futures
import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tools import qemu  # noqa: E402

CPUS = os.cpu_count() or 1
STEP_LIMIT = 1500    # seconds for a build or a group of scenarios, on a busy machine
KTEST_LIMIT = 180    # for the in-kernel tests
SHOWN_LINES = 60     # of a failed command's output

# Nested makes start afresh: the jobs server of the make that runs us is not ours to use.
ENV = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")}


class Outcome:
    """What a group found. `failures` holds (name, details)."""

    def __init__(self):
        self.passed = 0
        self.failures = []
        self.skipped = 0

    def expect(self, ok, name, details=""):
        if ok:
            self.passed += 1
        else:
            self.failures.append((name, details))


def command(*words, limit=STEP_LIMIT, env=None):
    """Runs a command. => (ok, its output, or the end of it)"""
    try:
        done = subprocess.run(words, cwd=ROOT, env={**ENV, **(env or {})}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=limit, preexec_fn=qemu.die_with_parent())
    except subprocess.TimeoutExpired as e:
        return False, tail((e.output or b"").decode(errors="replace")) + f"\nstopped after {limit} s"
    except OSError as e:
        return False, str(e)
    return done.returncode == 0, done.stdout


def tail(text, lines=SHOWN_LINES):
    return "\n".join(text.splitlines()[-lines:])


def make(*targets):
    return command("make", f"-j{CPUS}", *targets)


# KTAP ------------------------------------------------------------------------------------------------

RESULT = re.compile(r"^(\s*)(not )?ok (\d+)\b[ \t]*(?:- )?([^#\n]*)(?:#\s*(.*))?$")
PLAN = re.compile(r"^(\s*)1\.\.(\d+)\b")


def read_ktap(text):
    """=> Outcome. A result that sums up indented results before it counts only if they hide its failure. A
    plan that is not met is a failure, and so is a stream without any result."""
    outcome = Outcome()
    plans, counts, failed_below = {}, {}, {}  # by depth of indentation
    notes = []
    saw_result = False

    def close_deeper(depth):
        """Ends the lists of tests below this depth. => (results there, failures there)"""
        results = failures = 0
        for d in [d for d in set(plans) | set(counts) if d > depth]:
            results += counts.pop(d, 0)
            failures += failed_below.pop(d, 0)
            plans.pop(d, None)
        return results, failures

    def check_plan(depth, name):
        planned, seen = plans.get(depth), counts.get(depth, 0)
        if planned is not None and planned != seen:
            outcome.failures.append((name, f"planned {planned} tests, saw {seen} results\n" + "\n".join(notes)))

    for line in text.splitlines():
        plan, result = PLAN.match(line), RESULT.match(line)
        if plan:
            plans[len(plan[1])] = int(plan[2])
        elif result:
            saw_result = True
            depth, bad, name = len(result[1]), bool(result[2]), result[4].strip() or f"test {result[3]}"
            for deeper in sorted(d for d in plans if d > depth):
                check_plan(deeper, name)
            below, failures_below = close_deeper(depth)
            counts[depth] = counts.get(depth, 0) + 1
            directive = (result[5] or "").strip().upper()
            if bad:
                failed_below[depth] = failed_below.get(depth, 0) + 1
            if bad and not failures_below:
                outcome.failures.append((name, "\n".join(notes)))
            elif not bad and not below:
                if directive.startswith("SKIP"):
                    outcome.skipped += 1
                else:
                    outcome.passed += 1
            notes = []
        elif line.lstrip().startswith("#"):
            notes.append(line.strip())
    for depth in sorted(plans):
        check_plan(depth, "the whole list")
    if not saw_result:
        outcome.failures.append(("the whole list", "no test results"))
    return outcome


# The groups ------------------------------------------------------------------------------------------

def group_build():
    outcome = Outcome()
    outcome.expect(*named("kernel, programs and ISO without warnings", make("all", "iso")))
    ok, text = make("all", "iso")
    outcome.expect(ok and not re.search(r"^  [A-Z]+ ", text, re.MULTILINE), "nothing is built twice", text)
    return outcome


def group_format():
    outcome = Outcome()
    outcome.expect(*named("clang-format", make("check-format")))
    return outcome


def group_layers():
    outcome = Outcome()
    outcome.expect(*named("layers", make("check-layers")))
    return outcome


def host_tests(bits):
    program = f"build/host{bits}/hosttests"
    ok, text = make(program)
    if not ok:
        outcome = Outcome()
        outcome.expect(False, f"build of {program}", tail(text))
        return outcome
    ok, text = command(f"./{program}")
    outcome = read_ktap(text)
    if not ok and not outcome.failures:
        outcome.expect(False, f"{program} failed", tail(text))
    return outcome


def group_host64():
    return host_tests(64)


def group_host32():
    return host_tests(32)


def group_ktest():
    ok, text = make("all")
    if not ok:
        outcome = Outcome()
        outcome.expect(False, "build", tail(text))
        return outcome
    result = qemu.run(run="ktest; quit", icount=True, timeout=KTEST_LIMIT)
    (ROOT / "build" / "ktest.log").write_text(result.log)
    outcome = read_ktap(result.log)
    if not result.ok and not (outcome.failures and result.rc == qemu.FAILED):
        outcome.expect(False, result.reason, result.stderr + result.tail())
    return outcome


def scenarios(folder, parallel):
    """Runs a folder of pytest files."""
    outcome = Outcome()
    report = ROOT / "build" / f"{folder.name}-tests.xml"
    report.unlink(missing_ok=True)
    jobs = ["-n", str(CPUS), "--dist", "loadgroup"] if parallel and CPUS > 1 and importlib.util.find_spec("xdist") else []
    ok, text = command(sys.executable, "-m", "pytest", str(folder), "-q", "-p", "no:cacheprovider",
                       f"--junitxml={report}", *jobs, env={"PYTHONDONTWRITEBYTECODE": "1"})
    cases = list(xml.parse(report).iter("testcase")) if report.exists() else []
    for case in cases:
        bad = case.find("failure") if case.find("failure") is not None else case.find("error")
        name = f"{case.get('classname', '')}::{case.get('name')}"
        if bad is not None:
            outcome.expect(False, name, tail(bad.text or bad.get("message") or ""))
        elif case.find("skipped") is not None:
            outcome.skipped += 1
        else:
            outcome.passed += 1
    if not cases or (not ok and not outcome.failures):
        outcome.expect(False, "pytest", tail(text))
    return outcome


# Inputs that each fuzzer tries, always the same ones; make fuzz goes on from there.
FUZZ_RUNS = {"fuzz_buddy": 6000, "fuzz_slab": 5000, "fuzz_vmem": 4000, "fuzz_contig": 8000}
FUZZ_FLAGS = ("-seed=1", "-max_len=512", "-len_control=0", "-timeout=60", "-artifact_prefix=build/fuzz/")


def group_fuzz():
    outcome = Outcome()
    ok, text = make("fuzzers")
    if not ok:
        outcome.expect(False, "build of the fuzzers", tail(text))
        return outcome
    names = sorted(path.stem for path in (ROOT / "tests" / "fuzz").glob("fuzz_*.c"))
    with concurrent.futures.ThreadPoolExecutor(CPUS) as threads:
        ran = threads.map(lambda name: command(f"build/fuzz/{name}", f"-runs={FUZZ_RUNS.get(name, 1000)}", *FUZZ_FLAGS),
                          names)
        for name, (ok, text) in zip(names, ran):
            outcome.expect(ok and "DONE" in text, name, tail(text))
    return outcome


def group_alloc():
    return scenarios(ROOT / "tests" / "alloc", parallel=False)  # they share what they build


def group_sim():
    return scenarios(ROOT / "tests" / "sim", parallel=False)  # they share what they build


def group_trace():
    return scenarios(ROOT / "tests" / "trace", parallel=False)  # they share what they build


def group_malloc():
    return scenarios(ROOT / "tests" / "malloc", parallel=False)  # they build what they run


def group_qemu():
    ok, text = make("all", "iso", "build/sim", "build/host64/mems", "build/faultline-lockcheck.elf",
                    "build/faultline-notrace.elf")
    if not ok:
        outcome = Outcome()
        outcome.expect(False, "build", tail(text))
        return outcome
    return scenarios(ROOT / "tests" / "qemu", parallel=True)


def named(name, ok_and_text):
    ok, text = ok_and_text
    return ok, name, tail(text)


GROUPS = {name[len("group_"):]: function for name, function in list(globals().items())
          if name.startswith("group_")}


# Groups of which several run at once, the longest first but for two that are done at once, with what they need built: two makes at once would be in each
# other's way. All others use every CPU themselves, or change what the rest needs.
BESIDE = {
    "format": [],
    "layers": [],
    "host64": ["build/host64/hosttests"],
    "sim": ["build/sim", "build/sim-asan", "build/sim-extra", "SIM_EXTRA=tests/sim/extra.c"],
    "host32": ["build/host32/hosttests"],
    "ktest": ["all"],
    "fuzz": ["fuzzers"],
    "alloc": ["build/alloc"],
    "malloc": ["build/malloc/replay", "build/malloc/replay-ours", "build/malloc/shim.so"],
}


def timed(name):
    """=> (what the group found, seconds)"""
    start = time.monotonic()
    try:
        outcome = GROUPS[name]()
    except Exception as e:  # a broken group is a failure, not the end of the run
        outcome = Outcome()
        outcome.expect(False, f"{name} crashed", f"{type(e).__name__}: {e}")
    return outcome, time.monotonic() - start


def outcomes(names):
    """Runs these groups. Yields (name, what it found, seconds) in their order, as soon as it can."""
    beside = [name for name in BESIDE if name in names] if CPUS > 1 else []
    running = {}
    threads = concurrent.futures.ThreadPoolExecutor(CPUS)
    try:
        for name in names:
            if name not in beside:
                concurrent.futures.wait(running.values())
                yield name, *timed(name)
                continue
            if not running:
                make(*(word for each in beside for word in BESIDE[each]))  # who cannot be built says so itself
                running = {each: threads.submit(timed, each) for each in beside}
            yield name, *running[name].result()
    finally:
        threads.shutdown(cancel_futures=True)


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--only", action="append", choices=list(GROUPS), metavar="GROUP",
                    help=f"run only this group: {' '.join(GROUPS)}")
    args = ap.parse_args()
    os.chdir(ROOT)
    passed = failed = 0
    for name, outcome, seconds in outcomes([name for name in GROUPS if not args.only or name in args.only]):
        passed += outcome.passed
        failed += len(outcome.failures)
        skipped = f", {outcome.skipped} skipped" if outcome.skipped else ""
        print(f"{name:8} {outcome.passed:4} passed, {len(outcome.failures):3} failed{skipped}  ({seconds:.1f} s)")
        for title, details in outcome.failures:
            print(f"  FAILED {title}")
            for line in details.splitlines():
                print(f"    {line}")
        sys.stdout.flush()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
