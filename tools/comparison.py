#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every policy against every other on the real MMU: replays the trace suite in the kernel, in sampled and in exact
mode, and holds each run's faults against Belady's optimum. The back end of `make comparison`.

    tools/comparison.py                     measures, and prints the tables
    tools/comparison.py --write             ... and puts them into docs/comparison.md, the counts beside it
    tools/comparison.py --only gip --write  measures one policy again, the other counts stay
    tools/comparison.py --from FILE         makes the tables again from counts that were kept

One boot for each trace and mode. The counts depend on nothing but the traces, the policies and this file.
"""
import argparse
import array
import collections
import concurrent.futures
import math
import os
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import lab  # noqa: E402
import traces  # noqa: E402

DOC = lab.ROOT / "docs" / "comparison.md"
COUNTS = lab.ROOT / "docs" / "comparison.tsv"
BEGIN, END = "<!-- make comparison WRITE=1 writes from here -->\n", "<!-- to here -->\n"
SIZES = "10%,25%,50%,75%"
MODES = {"a1": (False, "a1"), "ad": (False, "ad"), "exact": (True, "a1")}  # (exact, accessed) of lab.replay_lines
HEADINGS = {"a1": "Sampled mode, a1", "ad": "Sampled mode, ad", "exact": "Exact mode"}
# The most references that are replayed: of a synthetic trace its first ones; of a program its middle, where it is
# neither starting nor ending.
REFERENCES = 20_000
# In that part qsort and straddle have fewer than ten pages; pipecheck is several processes, and the order in which
# they run, and so the string, changes with every instruction of the kernel.
LEFT_OUT = {"qsort", "straddle", "pipecheck"}
HEADER_BYTES = 64  # lib/reftrace.h
TIMEOUT = 3600     # seconds for one boot, on a busy machine
BASELINE = ("clock", "a1")

# One replay: `kind` is synthetic or captured, the trace a name or NAME.flt; faults is {policy: count}.
Row = collections.namedtuple("Row", "kind trace mode refs unique frames opt faults")


def window(path, kind, out):
    """Cuts a trace to what is replayed. => the module"""
    whole = out.with_suffix(".whole")
    lab.sim("convert", "--to", "module", path, whole)
    words = array.array("I")
    words.frombytes(whole.read_bytes()[HEADER_BYTES:])
    del words[lab.info(whole)["entries"]:]  # the table of next references
    whole.unlink()
    start = max(0, (len(words) - REFERENCES) // 2) if kind == "captured" else 0
    lab.write_trace(out, path.stem, words[start:start + REFERENCES])
    return out


def measure(path, kind, mode, policies):
    """Replays one trace in one mode, with each of the policies that can run in it. => rows, one for each number of frames"""
    exact, accessed = MODES[mode]
    policies = [p for p in policies if exact or p not in lab.NEED_EXACT]
    with tempfile.TemporaryDirectory(prefix="faultline-") as d:
        trace = window(path, kind, pathlib.Path(d) / f"{path.stem}.flt")
        facts = lab.info(trace)
        frames = lab.frames_of(SIZES, facts["unique"])
        best = lab.faults_of("opt", trace, frames)
        lines = lab.replay_lines(trace, policies, frames, exact, accessed, timeout=TIMEOUT)
    found = {(v["policy"], v["frames"]): v["faults"] for v in lines}
    return [Row(kind, name_of(path, kind), mode, facts["refs"], facts["unique"], n, best[n],
                {p: found[p, n] for p in policies}) for n in frames]


def suite(folder):
    """=> [(file, kind)]"""
    programs = [command.split()[0] for command in traces.CAPTURED]
    return [*((folder / f"{name}.txt", "synthetic") for name in traces.SYNTHETIC),
            *((folder / f"{name}.flt", "captured") for name in programs if name not in LEFT_OUT)]


def name_of(path, kind):
    """=> how the trace is called in the tables: there is a scan of each kind"""
    return path.stem if kind == "synthetic" else path.name


def measure_all(folder, policies, jobs):
    """=> rows of the whole suite, in a fixed order"""
    work = [(path, kind, mode) for path, kind in suite(folder) for mode in MODES]
    rows = []
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for job, done in zip(work, pool.map(lambda job: measure(*job, policies), work)):
            print(f"{job[0].stem} {job[2]}", file=sys.stderr, flush=True)
            rows += done
    return rows


def renewed(kept, rows):
    """=> the kept rows with the new counts in them; the traces must be the same"""
    if [row._replace(faults={}) for row in kept] != [row._replace(faults={}) for row in rows]:
        raise lab.LabError("the traces are not those of the counts that were kept: measure all policies")
    return [old._replace(faults=old.faults | new.faults) for old, new in zip(kept, rows)]


# The counts, as they are kept ------------------------------------------------------------------------

def to_text(rows):
    policies = list(max((r.faults for r in rows), key=len))
    lines = [[*Row._fields[:-1], *policies]]
    lines += [[*row[:-1], *(row.faults.get(p, "-") for p in policies)] for row in rows]
    return "".join("\t".join(map(str, line)) + "\n" for line in lines)


def from_text(text):
    head, *lines = (line.split("\t") for line in text.splitlines())
    known = len(Row._fields) - 1
    rows = []
    for line in lines:
        kind, trace, mode, *numbers = line[:known]
        counts = {p: int(c) for p, c in zip(head[known:], line[known:]) if c != "-"}
        rows.append(Row(kind, trace, mode, *map(int, numbers), counts))
    return rows


# Tables ----------------------------------------------------------------------------------------------

def mean(ratios):
    """Geometric: twice as good here and half as good there is no better."""
    ratios = list(ratios)
    return math.exp(math.fsum(map(math.log, ratios)) / len(ratios))


def against_opt(rows, policy):
    return mean(r.faults[policy] / r.opt for r in rows)


def table_of_mode(rows, mode):
    """One line for each policy, best first."""
    policy, base_mode = BASELINE
    clock = {(r.trace, r.frames): r.faults[policy] for r in rows if r.mode == base_mode}
    rows = [r for r in rows if r.mode == mode]
    lines = []
    for p in rows[0].faults:
        kinds = [against_opt((r for r in rows if kind in (r.kind, "all")), p) for kind in ("synthetic", "captured", "all")]
        worst = max(rows, key=lambda r: r.faults[p] / clock[r.trace, r.frames])
        ratio = worst.faults[p] / clock[worst.trace, worst.frames]
        cells = "".join(f" {value:.3f} |" for value in kinds)
        lines.append((round(kinds[-1], 3), p, f"| `{p}` |{cells} {ratio:.2f} | {worst.trace}, {worst.frames} |"))
    return ["| policy | synthetic | captured | all | worst / clock | where: trace, frames |", "|---|---:|---:|---:|---:|---|",
            *(line for *_, line in sorted(lines))]


SHOWN = ("fifo", "clock", "twolist", "arc", "lirs", "gip")  # those of the table of traces, with exact LRU


def table_of_traces(rows):
    """One line for each trace: what sort of a problem it is, and who solves it."""
    lines = ["| trace | references | pages | OPT's faults | " + " | ".join(f"`{p}`" for p in SHOWN) + " | exact `lru` | best sampled |",
             "|---|---:|---:|---|" + "---:|" * (len(SHOWN) + 1) + "---|"]
    for trace in dict.fromkeys(r.trace for r in rows):
        own = [r for r in rows if r.trace == trace]
        sampled, exact = ([r for r in own if r.mode == mode] for mode in ("a1", "exact"))
        means = {p: against_opt(sampled, p) for p in sampled[0].faults}
        best = min(means, key=lambda p: (round(means[p], 3), p))
        lines.append(f"| {trace} | {own[0].refs:,} | {own[0].unique} | {' '.join(str(r.opt) for r in sampled)} | " +
                     " | ".join(f"{means[p]:.2f}" for p in SHOWN) +
                     f" | {against_opt(exact, 'lru'):.2f} | `{best}` {means[best]:.2f} |")
    return lines


def tables(rows):
    parts = [["### The traces", "", *table_of_traces(rows)]]
    parts += [[f"### {HEADINGS[mode]}", "", *table_of_mode(rows, mode)] for mode in MODES]
    return "\n".join("\n".join(part) + "\n" for part in parts)


def in_page(page, text):
    """=> the page with the text between the marks"""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return before + BEGIN + "\n" + text + "\n" + END + after


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--traces", type=pathlib.Path, default=lab.ROOT / "build" / "traces", metavar="FOLDER")
    ap.add_argument("--jobs", type=int, default=os.cpu_count(), help="guests at a time")
    ap.add_argument("--only", metavar="POLICY,...", help="measure these again, and keep the other counts")
    ap.add_argument("--from", dest="counts", type=pathlib.Path, metavar="FILE", help="counts that were kept")
    ap.add_argument("--write", action="store_true", help="into docs/comparison.md and docs/comparison.tsv")
    args = ap.parse_args()
    try:
        if args.counts:
            rows = from_text(args.counts.read_text())
        else:
            rows = measure_all(args.traces, lab.policies_of(args.only or "all"), args.jobs)
        if args.only:
            rows = renewed(from_text(COUNTS.read_text()), rows)
    except lab.LabError as e:
        sys.exit(f"comparison: {e}")
    if args.write:
        COUNTS.write_text(to_text(rows))
        DOC.write_text(in_page(DOC.read_text(), tables(rows)))
    else:
        print(tables(rows), end="")


if __name__ == "__main__":
    main()
