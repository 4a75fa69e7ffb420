#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws what allocations do to an arena over time, one picture for each workload, as PNG and as SVG:

    tools/plot_alloc.py SERIES...    use, fragmentation, blocks and success, a line for each strategy

SERIES is what `build/alloc --series K` prints; `-` is standard input. Each kind of rounding and compaction in it
is a column of the picture. Files are named alloc-WORKLOAD. `make plots` draws them. Needs matplotlib.
"""
import argparse
import collections
import csv
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tools import plots  # noqa: E402

PANEL = (3.4, 2.1)  # inches
MARGIN = 1.5
NAMES = ("workload", "fit", "buddy", "compact")  # the other columns are numbers

# Rows of the picture: title, largest value of the axis (None: what there is), value of a sample, and of a second,
# dotted line.
ROWS = (
    ("in use, %", 100, lambda s: 100 * s["used"] / s["total"], None),
    ("external fragmentation, %", 100, lambda s: s["external"] / 10, None),
    ("internal fragmentation, %", None, lambda s: s["internal"] / 10, None),
    ("blocks (dotted: holes)", None, lambda s: s["partitions"], lambda s: s["holes"]),
    ("allocations that succeeded, %", None, lambda s: s["success"] / 10, None),
)


def read_series(lines):
    """=> the samples as dictionaries, numbers as int; several outputs may follow each other"""
    rows = csv.DictReader((line for line in lines), delimiter="\t")
    samples = []
    for row in rows:
        if None in row or None in row.values() or not (row.get("op") or "").isdigit():
            continue  # another output's heading
        samples.append({key: value if key in NAMES else int(value) for key, value in row.items()})
    return samples


def column_title(buddy, compact):
    """What a variant is, in words."""
    rounding = "powers of two" if buddy == "on" else "sizes as asked for"
    kinds = {"off": "no compaction", "whole": "compaction of all when one fails",
             "enough": "compaction when one fails"}
    return f"{rounding},\n{kinds.get(compact, f'{compact} units an operation')}"


def draw_workload(name, samples, out):
    """One picture. => the files"""
    plt = plots.matplotlib_pyplot()
    variants = list(dict.fromkeys((s["buddy"], s["compact"]) for s in samples))
    fits = list(dict.fromkeys(s["fit"] for s in samples))
    figure, grid = plt.subplots(len(ROWS), len(variants), sharex=True, sharey="row", squeeze=False,
                                figsize=(PANEL[0] * len(variants) + MARGIN, PANEL[1] * len(ROWS) + MARGIN))
    for x, variant in enumerate(variants):
        lines = collections.defaultdict(list)
        for s in samples:
            if (s["buddy"], s["compact"]) == variant:
                lines[s["fit"]].append(s)
        for y, (title, top, value, second) in enumerate(ROWS):
            axes = grid[y][x]
            for fit, line in lines.items():
                ops, colour = [s["op"] for s in line], plots.COLOURS[fits.index(fit) % len(plots.COLOURS)]
                axes.plot(ops, [value(s) for s in line], color=colour, linewidth=1, label=fit)
                if second:
                    axes.plot(ops, [second(s) for s in line], color=colour, linewidth=1, linestyle=":")
            if top:
                axes.set_ylim(0, top)
            if x == 0:
                axes.set_ylabel(title, fontsize=8)
            axes.tick_params(labelsize=7)
        grid[0][x].set_title(column_title(*variant), fontsize=9)
        grid[-1][x].set_xlabel("operations", fontsize=8)
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=len(labels), fontsize=9)
    figure.suptitle(f"Workload {name}, {samples[0]['total']} units")
    figure.tight_layout(rect=(0, 0.03, 1, 0.99))
    paths = plots.save(figure, out / f"alloc-{pathlib.Path(name).stem}")
    plt.close(figure)
    return paths


def draw_series(samples, out):
    """=> the files"""
    workloads = list(dict.fromkeys(s["workload"] for s in samples))
    if not workloads:
        raise plots.PlotError("no samples in the input: they are what build/alloc --series prints")
    paths = []
    for name in workloads:
        paths += draw_workload(name, [s for s in samples if s["workload"] == name], out)
    return paths


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("input", nargs="+", help="a file, or - for standard input")
    ap.add_argument("-o", "--out", type=pathlib.Path, default=plots.OUT, help="folder (build/plots)")
    args = ap.parse_args()
    for name in args.input:
        try:
            with sys.stdin if name == "-" else open(name, errors="replace") as lines:
                samples = read_series(lines)
            for path in draw_series(samples, args.out):
                print(path)
        except (OSError, plots.PlotError) as e:
            sys.exit(f"plots: {name}: {e}")


if __name__ == "__main__":
    main()
