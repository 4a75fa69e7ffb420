#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws what the simulator and the kernel measured, each picture as PNG and as SVG:

    tools/plots.py curve CURVE           miss-ratio curves: the share of references that fault, against frames
    tools/plots.py bars SIM_LINES        policies against each other: faults as a multiple of OPT's
    tools/plots.py timeline SERIAL_LOG   the faults and evictions of a run: time against page

CURVE is what `build/sim --curve` prints, SIM_LINES what `build/sim -s` does, SERIAL_LOG the log of `make run`;
`-` is standard input. Files are named after the input. `make plots` draws all three. Needs matplotlib.
"""
import argparse
import collections
import dataclasses
import math
import pathlib
import re
import sys

OUT = pathlib.Path("build/plots")
SIZE = (11, 6.5)      # inches
DPI = 130
SVG_POINTS = 20000    # more points than this are drawn as an image inside the SVG
PAGE_SHIFT = 12
GAP = 64              # pages: parts of an address space that are further apart are drawn as blocks of their own
LABELS = 40           # that find room on an axis
WIDE = 10             # largest to smallest value from which an axis is logarithmic

# Okabe and Ito's colours, which the colour-blind can tell apart.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442", "#999999")
STYLES = ("-", "--", ":", "-.")
CASES = {0: ("no region", "#cc79a7"), 1: ("forbidden", "#cc79a7"), 2: ("spurious", "#f0e442"),
         3: ("first touch", "#56b4e9"), 4: ("swapped out", "#d55e00"), 5: ("copy on write", "#009e73")}
EVICTIONS = {"clean": "#aaaaaa", "dirty": "#000000"}


class PlotError(Exception):
    """The input has not what the picture needs."""


# Input -----------------------------------------------------------------------------------------------

@dataclasses.dataclass
class Event:
    seconds: float
    pid: int
    page: int   # its number in the address space
    kind: str   # "fault" or "evict"
    state: object  # of a fault its case; of an eviction "clean" or "dirty"


LOG_LINE = re.compile(r"\[ *(?P<seconds>\d+\.\d{6})\] (?P<kind>fault|evict|start|fork|exec) pid=(?P<pid>\d+) "
                      r"(?:va=0x(?P<va>[0-9a-f]{8}) .*?\b(?:case=(?P<case>\d)|(?P<state>clean|dirty)\b)|"
                      r"name=(?P<name>\S+))")


def read_log(lines):
    """=> (the faults and evictions of a serial log, in order; {pid: name of the process})"""
    events, names = [], {}
    for m in filter(None, map(LOG_LINE.match, lines)):
        pid = int(m["pid"])
        if m["name"]:
            names[pid] = m["name"]
        else:
            state = m["state"] if m["kind"] == "evict" else int(m["case"])
            events.append(Event(float(m["seconds"]), pid, int(m["va"], 16) >> PAGE_SHIFT, m["kind"], state))
    return events, names


def read_sim(lines):
    """=> the `sim` lines as dictionaries, numbers as int"""
    rows = []
    for line in lines:
        if line.startswith("sim "):
            words = dict(word.split("=", 1) for word in line.split()[1:] if "=" in word)
            rows.append({key: int(value) if value.isdigit() else value for key, value in words.items()})
    return rows


CURVE_HEAD = ["policy", "frames", "faults", "ratio"]


def read_curve(lines):
    """=> the points of a miss-ratio curve, as build/sim --curve prints them, as dictionaries"""
    rows = [line.rstrip("\n").split("\t") for line in lines]
    return [{"policy": row[0], "frames": int(row[1]), "faults": int(row[2]), "ratio": float(row[3])}
            for row in rows if len(row) == len(CURVE_HEAD) and row != CURVE_HEAD]


def places(pages):
    """Where to draw each (pid, page): those of one part of an address space next to each other, the empty space
    between parts left out. => ({(pid, page): y}, [(y, pid, first page of a part)])"""
    y, where, parts, last = 0, {}, [], None
    margin = max(2, len(pages) // 50)
    for pid, page in sorted(pages):
        if last is None or last[0] != pid or page - last[1] > GAP:
            y += margin if last else 0
            parts.append((y, pid, page))
        else:
            y += page - last[1]
        where[pid, page] = y
        last = pid, page
    return where, parts


# Pictures --------------------------------------------------------------------------------------------

def matplotlib_pyplot():
    """=> matplotlib.pyplot, told to draw the same file from the same input. Ends the program if it is missing."""
    try:
        import matplotlib
    except ImportError:
        sys.exit(f"plots: {sys.executable} has no matplotlib (make deps installs Debian's python3-matplotlib, "
                 "for /usr/bin/python3)")
    matplotlib.use("Agg")
    from matplotlib import pyplot
    pyplot.rcParams.update({"svg.hashsalt": "faultline", "figure.dpi": DPI, "axes.grid": True, "grid.alpha": 0.3,
                            "axes.axisbelow": True, "legend.framealpha": 0.9})
    return pyplot


def save(figure, out):
    """Writes OUT.png and OUT.svg. => their paths"""
    out.parent.mkdir(parents=True, exist_ok=True)
    paths = [out.with_name(out.name + end) for end in (".png", ".svg")]
    for path in paths:
        figure.savefig(path, bbox_inches="tight", metadata={"Date": None} if path.suffix == ".svg" else None)
    return paths


def draw_timeline(log, out, title=""):
    """One mark an event. => the files"""
    events, names = log
    if not any(e.kind == "fault" for e in events):
        raise PlotError("no fault lines in the log (were they switched off by log=?)")
    plt = matplotlib_pyplot()
    where, parts = places({(e.pid, e.page) for e in events})
    figure, axes = plt.subplots(figsize=SIZE)
    marks = collections.defaultdict(list)
    for e in events:
        marks[e.kind, e.state].append((e.seconds, where[e.pid, e.page]))
    small = len(events) > SVG_POINTS // 10
    for (kind, state), points in sorted(marks.items(), key=lambda item: (item[0][0], str(item[0][1]))):
        if kind == "fault":
            name, colour = CASES[state]
            look = {"marker": "o", "s": 3 if small else 16, "linewidths": 0, "color": colour, "zorder": 3}
            name = f"fault, case {state}: {name}"
        else:
            look = {"marker": "x", "s": 5 if small else 20, "linewidths": 0.5 if small else 1,
                    "color": EVICTIONS[state], "zorder": 2}
            name = f"eviction, {state}"
        axes.scatter(*zip(*points), label=f"{name} ({len(points)})", rasterized=len(events) > SVG_POINTS, **look)
    height = max(where.values()) + 1
    ticks, last = [], -math.inf
    for y, pid, page in parts:
        if y - last >= height / LABELS:  # else the labels would overlap
            ticks.append((y, f"{pid} {names.get(pid, '')} 0x{page << PAGE_SHIFT:08x}"))
            last = y
    axes.set_yticks(*zip(*ticks))
    axes.set_yticklabels(axes.get_yticklabels(), family="monospace", fontsize=7)
    axes.set_xlabel("time (seconds)")
    axes.set_ylabel("page (process, address; empty space left out)")
    axes.set_title(title or "Faults and evictions")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.09), ncols=3, fontsize=8, markerscale=2)
    paths = save(figure, out)
    plt.close(figure)
    return paths


def plain_numbers(axis):
    """Labels of a logarithmic axis: 0.1, 0.2, 0.5, 1."""
    from matplotlib import ticker
    axis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(ticker.NullFormatter())


def draw_curves(rows, out, title=""):
    """One line a policy, the best first in the list, OPT in black. => the files"""
    curves = collections.defaultdict(list)
    for row in rows:
        curves[row["policy"]].append((row["frames"], row["ratio"]))
    if not curves:
        raise PlotError("no curve in the input: it is what build/sim --curve prints")
    plt = matplotlib_pyplot()
    figure, axes = plt.subplots(figsize=SIZE)
    names = sorted(curves, key=lambda name: (name != "opt", sum(ratio for _, ratio in curves[name])))
    given = [name for name in curves if name != "opt"]  # in every picture the same colours
    for name in names:
        i = given.index(name) if name in given else 0
        look = {"color": "#000000", "linewidth": 2} if name == "opt" else {
            "color": COLOURS[i % len(COLOURS)], "linestyle": STYLES[i // len(COLOURS) % len(STYLES)], "linewidth": 1.3}
        axes.plot(*zip(*sorted(curves[name])), label=name, **look)
    ratios = [row["ratio"] for row in rows]
    if max(ratios) > WIDE * min(ratios):
        axes.set_yscale("log")
        plain_numbers(axes.yaxis)
    else:
        axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    axes.set_xlabel("frames")
    axes.set_ylabel("faults / references")
    axes.set_title(title or f"Faults against frames: {out.name.removeprefix('curve-')}")
    axes.legend(fontsize=8, ncols=1 + len(names) // 16)
    paths = save(figure, out)
    plt.close(figure)
    return paths


def ratios_to_opt(rows):
    """=> {policy: [faults / OPT's faults, for each trace and number of frames]}, best geometric mean first"""
    ratios = collections.defaultdict(list)
    for row in rows:
        if row.get("opt"):
            ratios[row["policy"]].append(row["faults"] / row["opt"])
    return dict(sorted(ratios.items(), key=lambda item: (geometric_mean(item[1]), item[0])))


def geometric_mean(values):
    return math.exp(sum(math.log(v) for v in values) / len(values))


def draw_bars(rows, out, title=""):
    """One bar a policy, as long as the geometric mean, and a dot for each run. => the files"""
    ratios = ratios_to_opt(rows)
    if not ratios:
        raise PlotError("no `sim` lines with policy=, faults= and opt= in the input")
    plt = matplotlib_pyplot()
    figure, axes = plt.subplots(figsize=(SIZE[0], max(2.5, 0.32 * len(ratios) + 1.5)))
    for y, (name, values) in enumerate(ratios.items()):
        # From 1, not 0: nothing can be below OPT.
        axes.barh(y, geometric_mean(values) - 1, left=1, height=0.65, color="#000000" if name == "opt" else COLOURS[5], zorder=2)
        axes.scatter(values, [y] * len(values), s=9, color=COLOURS[0], alpha=0.55, linewidths=0, zorder=3)
    axes.set_yticks(range(len(ratios)), [f"{name} {geometric_mean(values):.3f}" for name, values in ratios.items()])
    axes.invert_yaxis()
    largest = max(max(values) for values in ratios.values())
    if largest > WIDE:
        axes.set_xscale("log")
        plain_numbers(axes.xaxis)
    axes.set_xlim(left=1, right=largest * 1.05 + 0.05)
    axes.set_xlabel("faults / OPT's faults (bar: geometric mean; dots: each trace and number of frames)")
    axes.set_title(title or f"Policies against OPT, {max(map(len, ratios.values()))} runs each")
    paths = save(figure, out)
    plt.close(figure)
    return paths


# Command line ----------------------------------------------------------------------------------------

PICTURES = {"curve": (read_curve, draw_curves), "bars": (read_sim, draw_bars), "timeline": (read_log, draw_timeline)}


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("picture", choices=PICTURES)
    ap.add_argument("input", nargs="+", help="a file, or - for standard input; one picture for each")
    ap.add_argument("-o", "--out", type=pathlib.Path, default=OUT, help="folder (build/plots)")
    ap.add_argument("-t", "--title", default="")
    args = ap.parse_args()
    read, draw = PICTURES[args.picture]
    for name in args.input:
        try:
            with sys.stdin if name == "-" else open(name, errors="replace") as lines:
                given = read(lines)
            stem = args.picture if name == "-" else pathlib.Path(name).stem
            for path in draw(given, args.out / stem, args.title):
                print(path)
        except (OSError, PlotError) as e:
            sys.exit(f"plots: {name}: {e}")


if __name__ == "__main__":
    main()
