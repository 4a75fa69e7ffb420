#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The replacement laboratory on the real MMU: the back end of `make replay`, `make capture` and `make compare`.

    lab.py replay TRACE     executes a trace as real loads and stores; one line for each policy and number of frames
    lab.py capture PROGRAM  records a program's true page-reference string, seen by the MMU
    lab.py compare PROGRAM  runs it under every policy, and holds each against Belady's optimum
"""
import argparse
import array
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import qemu  # noqa: E402

ROOT = qemu.ROOT
SIM = ROOT / "build/sim"
PAGE = 4096
REFTRACE_RAW = 2  # lib/reftrace.h
MIB = 1 << 20

# What the machine needs beside the pages: the kernel, the initrd, and a reserve; MiB.
BASE_MB = 40
FRAME_BYTES = 52   # of the frame database, for each frame of RAM
PAGE_BYTES = 300   # of kernel memory, at most, that a policy keeps for each frame it has
SLOT_BYTES = 16    # of the slot table
ZRAM_FROM_MB = 256  # a larger swap disk is kept compressed
MAX_MB = 3500
MIN_FRAMES = 6  # of a pool that runs a whole program
NEED_EXACT = ("lru", "opt")


class LabError(Exception):
    """Something the user should read; no stack trace."""


def sim(*arguments):
    """Runs the simulator. => its standard output"""
    done = subprocess.run([SIM, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        raise LabError(done.stderr.strip() or f"the simulator failed with status {done.returncode}")
    return done.stdout


def values(line):
    """=> the key=value words of a line, numbers as such"""
    found = dict(re.findall(r"(\S+?)=(\S+)", line))
    return {k: int(v) if v.isdigit() else v for k, v in found.items()}


def info(trace):
    """=> refs, unique, written ... of a trace"""
    return values(sim("info", trace).splitlines()[0])


def frames_of(text, unique):
    """Reads "3,4,25%". => numbers of frames; a percentage is of the trace's pages, rounded down, at least 1"""
    frames = []
    for item in text.split(","):
        number = item[:-1] if item.endswith("%") else item
        if not number.isdigit() or int(number) == 0:
            raise LabError(f"FRAMES={item}: expected a number of frames from 1 on, or a percentage such as 25%")
        n = max(1, int(number) * unique // 100) if item.endswith("%") else int(number)
        frames.append(n)
    return frames


def machine(unique, written, frames, module_bytes):
    """=> memory in MiB and words for the kernel's command line, enough to replay a trace"""
    swap_pages = written * 5 // 4 + 64
    swap_mb = max(1, -(-swap_pages * PAGE // MIB))
    compressed = swap_mb > ZRAM_FROM_MB
    need = (frames * (PAGE + PAGE_BYTES) + 3 * module_bytes + unique * 12 + swap_pages * SLOT_BYTES) / MIB + BASE_MB
    need += swap_mb / 2 if compressed else swap_mb
    need = int(need * (1 + FRAME_BYTES / PAGE) * 9 / 8) + 1
    if need > MAX_MB:
        raise LabError(f"{unique} pages, {written} of them written, in {frames} frames need a machine of {need} MiB; "
                       f"there may be {MAX_MB}")
    return max(64, need), f"swap={'zram' if compressed else 'ramdisk'} swapmb={swap_mb} log=quiet"


def replay_lines(trace, policies, frames, exact, accessed, seed=1, icount=True, timeout=600):
    """Executes the trace once for each policy and number of frames, in one boot. => the values of each run"""
    facts = info(trace)
    with tempfile.TemporaryDirectory(prefix="faultline-") as d:
        module = pathlib.Path(d) / "trace.flt"
        sim("convert", "--to", "module", trace, module)
        mem, append = machine(facts["unique"], facts["written"], max(frames), module.stat().st_size)
        command = (f"replay policy={','.join(policies)} frames={','.join(map(str, frames))} "
                   f"mode={'exact' if exact else 'sampled'} accessed={accessed} seed={seed}")
        result = qemu.run(append, run=command + "; quit", mem=f"{mem}M", modules=[module], icount=icount,
                          timeout=timeout)
    lines = [values(line) for line in result.log.splitlines() if line.startswith("replay trace=")]
    if not result.ok or len(lines) != len(policies) * len(frames):
        raise LabError(f"{result.reason}\n{result.tail(12)}")
    return lines


def faults_of(policy, trace, frames):
    """=> {frames: faults} of a policy that sees every reference"""
    out = sim("-s", "--no-opt", "-p", policy, "-f", ",".join(map(str, frames)), trace)
    return {v["frames"]: v["faults"] for v in map(values, out.splitlines())}


def policies_of(text):
    known = sim("--list").split("\n")
    known = [line.split()[0] for line in known if line.strip()]
    if text == "all":
        return known
    for name in text.split(","):
        if name not in known:
            raise LabError(f"POLICY={name}: expected all, or a list of: {' '.join(known)}")
    return text.split(",")


def do_replay(args):
    if not args.trace:
        raise LabError("expected a trace: make replay TRACE=file [POLICY=p] [FRAMES=n] [EXACT=1] (make traces makes some)")
    unique = info(args.trace)["unique"]
    frames = frames_of(args.frames, unique)
    policies = policies_of(args.policy)
    best = faults_of("opt", args.trace, frames)
    for v in replay_lines(args.trace, policies, frames, args.exact, args.accessed, args.seed, timeout=args.timeout):
        print(f"replay trace={v['trace']} refs={v['refs']} unique={v['unique']} policy={v['policy']} frames={v['frames']} "
              f"faults={v['faults']} evictions={v['evictions']} writebacks={v['writebacks']} opt={best[v['frames']]} "
              f"ratio={v['faults'] / best[v['frames']]:.3f} mode={v['mode']} accessed={v['accessed']}")


def capture(programs, out, mem, timeout, append=""):
    """Records a run in exact mode. => the file, in the kernel's own text"""
    words = array.array("I")
    with tempfile.TemporaryDirectory(prefix="faultline-") as d, \
            qemu.Guest(append=f"frames=all log=quiet {append}".strip(), mem=mem, icount=True, qmp=True,
                       timeout=timeout) as guest:
        try:
            guest.expect("^" + qemu.PROMPT)
            said = guest.command(f"exact run {programs}")
            if not re.search(r"^exact references=[1-9]\d* lost=0$", said, re.MULTILINE):
                raise LabError(said.strip())
            where = values(guest.command("reftrace memory"))
            addresses = str(where["at"]).split(",")
            for n, at in enumerate(addresses):
                file = pathlib.Path(d) / f"piece{n}"
                size = min(where["piece"], where["words"] - n * where["piece"]) * words.itemsize
                guest.qmp("pmemsave", val=int(at, 16), size=size, filename=str(file))
                words.frombytes(file.read_bytes())
                file.unlink()
        except qemu.GuestError as e:
            raise LabError(str(e)) from None
    write_trace(out, where["name"], words)
    return out


def write_trace(out, name, words):
    """Writes recorded words, page << 1 | written, as a trace module (lib/reftrace.h)."""
    raw, out = pathlib.Path(f"{out}.raw"), pathlib.Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with open(raw, "wb") as f:
        f.write(struct.pack("<4s4I44s", b"FLT1", REFTRACE_RAW, len(words), len(words), 0, name.encode()))
        words.tofile(f)
    sim("convert", "--to", "module", raw, out)
    raw.unlink()


def do_capture(args):
    out = capture(args.program, args.out, args.mem, args.timeout)
    facts = info(out)
    print(f"capture program={args.program.split()[0]} refs={facts['refs']} unique={facts['unique']} "
          f"written={facts['written']} file={args.out}")


# What a run of a program tells ------------------------------------------------------------------------

def runs(programs, policies, frames, accessed, mem, timeout):
    """Runs the programs under each policy with each number of frames, each time in a pool of its own, in one boot.
    => the values of each run's summary and pool line together"""
    commands = [f"with policy={policy} frames={n} accessed={accessed} zeros=own run {programs}"
                for n in frames for policy in policies]
    found = []
    with qemu.Guest(append="log=quiet", mem=mem, icount=True, timeout=timeout) as guest:
        try:
            guest.expect("^" + qemu.PROMPT)
            for command in commands:
                said = guest.command(command)
                summary = re.search(r"^summary .*$", said, re.MULTILINE)
                pool = re.search(r"^pool .*$", said, re.MULTILINE)
                if not summary or not pool or values(summary[0])["ok"] != values(summary[0])["programs"]:
                    raise LabError(f"{command}\n{said.strip()}")
                found.append({**values(pool[0]), **values(summary[0])})
        except qemu.GuestError as e:
            raise LabError(str(e)) from None
    return found


def do_compare(args):
    name = args.program.split()[0]
    trace = pathlib.Path("build/compare") / f"{name}.flt"
    capture(args.program, trace, args.mem, args.timeout)
    facts = info(trace)
    frames = [max(n, MIN_FRAMES) for n in frames_of(args.frames, facts["unique"])]
    policies = [p for p in policies_of(args.policy) if p not in NEED_EXACT]
    best, exact_lru = (faults_of(p, trace, frames) for p in ("opt", "lru"))
    print(f"{args.program}: {facts['refs']} references to {facts['unique']} pages, {facts['written']} of them written; "
          f"accessed={args.accessed}")
    measured = runs(args.program, policies, frames, args.accessed, "128M", args.timeout)
    quiet = runs(args.program, policies[:1], [facts["unique"] + 64], args.accessed, "128M", args.timeout)[0]
    for n in frames:
        rows = sorted((v["insertions"], v["writebacks"], v["cpu_us"], p)
                      for p, v in zip(policies * len(frames), measured) if v["frames"] == n)
        print(f"\n{n} frames{'':10} {'faults':>9} {'% of OPT':>9} {'write-backs':>11} {'instructions':>13} {'a fault':>8}")
        for faults, writebacks, cpu, policy in [(best[n], None, None, "OPT"), (exact_lru[n], None, None, "LRU, exact"), *rows]:
            more = faults - quiet["insertions"]
            cost = cpu and more > 0 and f"{(cpu - quiet['cpu_us']) * 1000 / more:.0f}"
            print(f"{policy:18} {faults:9} {100 * faults / best[n]:9.1f} {'-' if writebacks is None else writebacks:>11} "
                  f"{'-' if cpu is None else cpu * 1000:>13} {cost or '-':>8}")
    print("\nOPT and exact LRU: simulated on the reference string that the MMU showed. All others: real runs, which see\n"
          "accessed bits only. One instruction is one tick; \"a fault\" is what a run took beyond one with frames for all.")


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    sub = ap.add_subparsers(required=True, metavar="replay|capture|compare")
    p = sub.add_parser("replay")
    p.add_argument("trace")
    p.add_argument("--policy", default="clock")
    p.add_argument("--frames", default="25%")
    p.add_argument("--exact", action="store_true")
    p.add_argument("--accessed", choices=("a1", "ad"), default="a1")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--timeout", type=float, default=600)
    p.set_defaults(do=do_replay)
    p = sub.add_parser("capture")
    p.add_argument("program")
    p.add_argument("--out", required=True)
    p.add_argument("--mem", default="768M")
    p.add_argument("--timeout", type=float, default=600)
    p.set_defaults(do=do_capture)
    p = sub.add_parser("compare")
    p.add_argument("program")
    p.add_argument("--policy", default="all")
    p.add_argument("--frames", default="25%,50%")
    p.add_argument("--accessed", choices=("a1", "ad"), default="a1")
    p.add_argument("--mem", default="768M")
    p.add_argument("--timeout", type=float, default=600)
    p.set_defaults(do=do_compare)
    args = ap.parse_args()
    try:
        args.do(args)
    except LabError as e:
        sys.exit(f"lab: {e}")


if __name__ == "__main__":
    main()
