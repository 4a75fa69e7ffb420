#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows what a pair of allocating and freeing costs while more and more blocks live: instructions on this machine,
counted by Callgrind around the pairs alone (tools/alloc/flat.c), the loop over them included. `make flat`."""
import argparse
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAIRS = 1000
LIVE = (1000, 10000, 100000, 1000000)
WHAT = ("buddy", "buddy-block", "vmem-instant", "vmem-best", "vmem-first")
LIMIT = 600           # seconds for one run
MOST_FRAMES = 1 << 20  # 4 GiB


def fits(what, live):
    """Blocks of two frames: half a million is all there is room for."""
    return what != "buddy-block" or 2 * live < MOST_FRAMES


def instructions(program, what, live):
    """=> instructions of a pair"""
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no",
                           "--toggle-collect=flat_pairs", str(program), "--flat", f"{what},{live},{PAIRS}"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=LIMIT)
    collected = re.search(r"^==\d+== Collected : (\d+)$", done.stderr, re.MULTILINE)
    if done.returncode != 0 or not collected:
        sys.exit(f"flat: {what}, {live} live blocks:\n{done.stderr[-2000:]}")
    return int(collected[1]) / PAIRS


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--program", type=pathlib.Path, default=ROOT / "build" / "alloc")
    ap.add_argument("--live", type=lambda text: [int(n) for n in text.split(",")], default=LIVE)
    ap.add_argument("--what", type=lambda text: text.split(","), default=WHAT)
    args = ap.parse_args()
    print(f"{'live blocks':14}" + "".join(f"{n:>10,}" for n in args.live))
    for what in args.what:
        cells = (f"{instructions(args.program, what, n):10.0f}" if fits(what, n) else f"{'-':>10}" for n in args.live)
        print(f"{what:14}" + "".join(cells), flush=True)


if __name__ == "__main__":
    try:
        main()
    except (OSError, subprocess.TimeoutExpired) as e:
        sys.exit(f"flat: {e}")
