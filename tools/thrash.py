#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The thrashing experiment: N programs share a fixed number of frames and one slow disk. More of them keep the
CPU busier, until their working sets no longer fit together; then each more makes all of them wait for the disk.

    tools/thrash.py                     one guest for each N, under icount; prints a Markdown table
    tools/thrash.py --most 16 --policy fifo
    tools/thrash.py --allot ws          with load control: working sets decide how many programs run

docs/thrashing.md explains it. `make thrash` runs it.
"""
import argparse
import dataclasses
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import qemu  # noqa: E402

FRAMES, PAGES, MILLISECONDS, LATENCY, MOST = 200, 20, 2000, 500, 12
TIMEOUT = 300


@dataclasses.dataclass
class Point:
    """What was measured with one number of programs."""
    programs: int
    cpu_use: float       # busy / (busy + iowait + idle), in percent
    disk_use: float      # in percent
    queue: float         # mean number of requests at the disk
    major_faults: float  # per second
    rounds: float        # per second, of all programs together
    least: float         # rounds per second of the program with the fewest
    suspensions: int     # by load control


def numbers(line):
    """=> the figures of a line of key=value words"""
    return {key: float(value) for key, value in re.findall(r"(\w+)=([\d.]+)", line)}


def measure(programs, *, frames=FRAMES, pages=PAGES, ms=MILLISECONDS, latency=LATENCY, policy="clock",
            allot="global"):
    """Runs that many at once. => Point; qemu.GuestError if any of them fails"""
    together = " & ".join([f"thrash {pages} {ms}"] * programs)
    result = qemu.run(f"frames={frames} policy={policy} allot={allot} swapmb=32 swaplat={latency} log=quiet",
                      run=f"iostat reset; run {together}; iostat; allot; check; quit", icount=True, timeout=TIMEOUT)
    if not result.ok:
        raise qemu.GuestError(f"{programs} programs: {result.reason}\n{result.tail()}")
    summary = numbers(re.search(r"^summary .*", result.log, re.MULTILINE)[0])
    disk = numbers(re.search(r"^iostat: .*", result.log, re.MULTILINE)[0])
    rounds = [int(n) for n in re.findall(r"^thrash: ok .*\brounds=(\d+)", result.log, re.MULTILINE)]
    control = numbers(re.search(r"^allot: .*", result.log, re.MULTILINE)[0])
    seconds = summary["elapsed_us"] / 1e6
    all_time = summary["busy_us"] + summary["iowait_us"] + summary["idle_us"]
    return Point(programs, 100 * summary["busy_us"] / all_time, disk["utilisation"], disk["queue"],
                 summary["pgmajfault"] / seconds, sum(rounds) / seconds, min(rounds) / seconds,
                 int(control.get("suspensions", 0)))


HEAD = """\
| programs | CPU use | disk use | mean queue | major faults/s | rounds/s |
|---:|---:|---:|---:|---:|---:|"""


def row(p):
    return (f"| {p.programs} | {p.cpu_use:.0f} % | {p.disk_use:.0f} % | {p.queue:.1f} | {p.major_faults:.0f} "
            f"| {p.rounds:.0f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=int, default=FRAMES, help=f"frames for all of them ({FRAMES})")
    parser.add_argument("--pages", type=int, default=PAGES, help=f"hot pages of each program ({PAGES})")
    parser.add_argument("--ms", type=int, default=MILLISECONDS, help=f"length of a run ({MILLISECONDS})")
    parser.add_argument("--latency", type=int, default=LATENCY, help=f"microseconds per request ({LATENCY})")
    parser.add_argument("--policy", default="clock", help="replacement policy (clock)")
    parser.add_argument("--allot", default="global",
                        help="how frames are allotted: global, equal, ws, pff; ws:MICROS, pff:MICROS (global)")
    parser.add_argument("--most", type=int, default=MOST, help=f"programs in the last run ({MOST})")
    args = vars(parser.parse_args())
    most = args.pop("most")
    print(HEAD, flush=True)
    try:
        for n in range(1, most + 1):
            print(row(measure(n, **args)), flush=True)
    except qemu.GuestError as e:
        sys.exit(f"thrash: {e}")


if __name__ == "__main__":
    main()
