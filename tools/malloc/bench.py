#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The kernel's kmalloc beside glibc's malloc, jemalloc and mimalloc, on what real programs ask of malloc.

    bench.py capture            runs three programs under the shim: build/malloc/*.mtrace
    bench.py compare            captures what is missing, plays every trace against everybody, prints a table

What is counted is exact and has nothing to do with the speed of the machine:

instructions  Callgrind's inclusive counts of the calls that tools/malloc/replay.c makes to malloc, realloc and
              free, and of nothing else of it. A system call counts as one, whatever the kernel does in it; ours
              has none, it counts down to the frames.
memory        ours: frames taken from the buddy allocator, at most, in whole pages. The others: anonymous pages
              that the process has touched (/proc/self/smaps_rollup, 500 looks and at every new peak of live
              bytes), less those that glibc's process has before it allocates. Every page of a block is touched.
              Divided by the largest number of bytes that the program had allocated at once.
"""
import argparse
import ctypes
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "malloc"
SHIM, REPLAY, REPLAY_OURS = BUILD / "shim.so", BUILD / "replay", BUILD / "replay-ours"
LIMIT = 300  # seconds for any command

# Contestant: (program, library to preload)
CONTESTANTS = {
    "ours": (REPLAY_OURS, None),
    "glibc": (REPLAY, None),
    "jemalloc": (REPLAY, "libjemalloc.so.2"),
    "mimalloc": (REPLAY, "libmimalloc.so.2"),
}

CALLS = ("malloc", "realloc", "free")
ADDR_NO_RANDOMIZE = 0x0040000


def stop(text):
    sys.exit(f"bench: {text}")


def run(words, env=None, plain_addresses=False):
    """=> what it printed. Ends the program if it fails."""
    def personality():
        ctypes.CDLL(None).personality(ADDR_NO_RANDOMIZE)

    try:
        done = subprocess.run([str(w) for w in words], cwd=ROOT, env={**os.environ, **(env or {})},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                              timeout=LIMIT, preexec_fn=personality if plain_addresses else None)
    except (OSError, subprocess.TimeoutExpired) as e:
        stop(str(e))
    if done.returncode != 0 or "cannot be preloaded" in done.stderr:
        stop(f"{' '.join(map(str, words))} ended with status {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


# Traces ----------------------------------------------------------------------------------------------

def programs():
    """=> {trace: (what it is, command, environment)}. The compiler itself, as gcc would execute it; a Python that
    has no allocator of its own in front of malloc, and hashes strings as in the last run."""
    cc1 = run(["gcc", "-print-prog-name=cc1"]).strip()
    multiarch = run(["gcc", "-print-multiarch"]).strip()
    return {
        "cc1": ("gcc -O2 compiles mm/fault.c",
                [cc1, "-quiet", "-O2", "-I.", *(["-imultiarch", multiarch] if multiarch else []), "-DFAULTLINE_HOST",
                 "mm/fault.c", "-o", os.devnull], {}),
        "python": ("python3 runs tools/layers.py",
                   ["/usr/bin/python3", "-s", "-S", "-B", "tools/layers.py"],
                   {"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"}),
        "gdb": ("gdb reads the symbols of the kernel",
                ["gdb", "-nx", "-batch", "-ex", "maint set worker-threads 0", "-ex", "info functions fault",
                 "build/faultline.elf"], {}),
    }


def capture(names, traces):
    """Writes build/malloc/NAME.mtrace for each of these traces."""
    for name in names:
        _, command, env = traces[name]
        path = BUILD / f"{name}.mtrace"
        path.unlink(missing_ok=True)
        record(command, path, env)
        if not path.exists():
            stop(f"{command[0]} wrote no trace: does it use malloc of the C library?")


def record(command, path, env=None):
    """Runs a command under the shim, at the same addresses each time."""
    run(command, {**(env or {}), "LD_PRELOAD": SHIM, "MALLOC_TRACE_FILE": path}, plain_addresses=True)


# Measuring -------------------------------------------------------------------------------------------

def preloaded(library):
    return {"LD_PRELOAD": library} if library else {}


def figures(text):
    """=> the fields of replay's line"""
    line, = [line for line in text.splitlines() if line.startswith("replay ")]
    return {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", line)}


def play(contestant, trace):
    """=> replay's figures, with memory"""
    program, library = CONTESTANTS[contestant]
    return figures(run([program, "--memory", trace], preloaded(library)))


def instructions(contestant, trace):
    """=> {call: instructions in all calls of it}, exact"""
    program, library = CONTESTANTS[contestant]
    out = BUILD / f"callgrind.{contestant}.{pathlib.Path(trace).stem}"
    out.unlink(missing_ok=True)
    run(["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out}", program, trace], preloaded(library))
    return inclusive(out.read_text(errors="replace"))


def inclusive(profile):
    """=> {call: inclusive cost of what play_CALL calls} from a file in Callgrind's format: after `calls=` comes a
    line whose last number it is."""
    names, total, function, after_calls = {}, dict.fromkeys(CALLS, 0), None, False
    for line in profile.splitlines():
        named = re.match(r"fn=\((\d+)\)(?: (.*))?", line)
        any_name = re.match(r"c?fn=\((\d+)\) (.*)", line)
        if any_name:
            names[any_name[1]] = any_name[2]
        if named:
            function = names[named[1]].split("'")[0]
        elif line.startswith("calls="):
            after_calls = True
        elif after_calls:
            after_calls = False
            if function.startswith("play_"):
                total[function.removeprefix("play_")] += int(line.split()[-1])
    return total


def measure(contestant, trace):
    """=> figures of replay, with instructions for a call of each kind on average, and for a malloc and a free"""
    f, cost = play(contestant, trace), instructions(contestant, trace)
    for call in CALLS:
        f[call] = cost[call] / max(f[f"{call}s"], 1)
    f["pair"] = f["malloc"] + f["free"]
    f["all"] = sum(cost.values())
    return f


def table(name, what, rows):
    """Markdown. The pages that are no allocator's are those of a process with glibc at its start."""
    first, baseline = rows["ours"], rows["glibc"]["held_at_start"]
    print(f"\n**{name}**: {what}; {first['mallocs']:,} malloc, {first['reallocs']:,} realloc, {first['frees']:,} free, "
          f"at most {first['peak_live'] // 1024:,} KiB at once"
          + (f"; {first['left_out']:,} above 4 MiB left out" if first["left_out"] else "") + "\n")
    print("| allocator | malloc | free | pair | of ours | realloc | all, millions | of ours | memory / live |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for contestant, f in rows.items():
        held = f["peak_held"] - (0 if contestant == "ours" else baseline)
        print(f"| {contestant} | {f['malloc']:.1f} | {f['free']:.1f} | {f['pair']:.1f} | {f['pair'] / first['pair']:.2f} "
              f"| {f['realloc']:.0f} | {f['all'] / 1e6:.2f} | {f['all'] / first['all']:.2f} "
              f"| {held / f['peak_live']:.3f} |")
    sys.stdout.flush()


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("do", choices=("capture", "compare"))
    ap.add_argument("--trace", action="append", metavar="NAME", help="only this trace")
    ap.add_argument("--only", action="append", choices=list(CONTESTANTS), metavar="CONTESTANT",
                    help=f"only ours, glibc and this one: {' '.join(CONTESTANTS)}")
    args = ap.parse_args()
    for tool in ("gcc", "gdb", "valgrind"):
        if shutil.which(tool) is None:
            stop(f"{tool} is missing: make deps installs it")
    traces = programs()
    names = args.trace or list(traces)
    for name in names:
        if name not in traces:
            stop(f"{name}: expected one of: {' '.join(traces)}")
    if args.do == "capture":
        capture(names, traces)
        for name in names:
            print(f"{BUILD.relative_to(ROOT)}/{name}.mtrace: {traces[name][0]}; {play('glibc', BUILD / f'{name}.mtrace')['ops']:,} operations")
        return
    capture([name for name in names if not (BUILD / f"{name}.mtrace").exists()], traces)
    chosen = [c for c in CONTESTANTS if not args.only or c in ("ours", "glibc", *args.only)]
    for name in names:
        table(name, traces[name][0], {c: measure(c, BUILD / f"{name}.mtrace") for c in chosen})


if __name__ == "__main__":
    main()
