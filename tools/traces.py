#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Page traces to try replacement policies on, in the simulator's plain format: a page number a line, w behind it
if it is written.

    tools/traces.py                 the synthetic ones, into build/traces
    tools/traces.py --captured      those of Faultline's programs too, as the MMU sees them; needs the kernel
    tools/traces.py --lackey        those of real programs too, taken under Valgrind
    tools/traces.py --list          what there is

Each synthetic trace shows one pattern that policies are known to differ on, and is small enough for a run of all
policies in a second. They are the same on every machine. Those of real programs depend on what is installed.
`make traces` runs it. Captured ones are modules (.flt): a program's true reference string, recorded in exact mode.
Another family of traces is a function with a line in FAMILIES and an option of its name.
"""
import argparse
import bisect
import itertools
import os
import pathlib
import random
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Synthetic -------------------------------------------------------------------------------------------
# Each takes its own generator of random numbers and yields (page, written). The first line of its comment becomes
# the file's.


def zipf(rng, pages, exponent=1.0):
    """=> a function that draws a rank, 0 the most frequent"""
    sums = list(itertools.accumulate(1 / (rank + 1) ** exponent for rank in range(pages)))
    return lambda: bisect.bisect_left(sums, rng.random() * sums[-1])


def loop(rng):
    """A loop over more pages than fit: the worst case of FIFO, LRU and CLOCK."""
    for _ in range(60):
        for page in range(500):
            yield page, False


def skewed(rng):
    """Zipf: independent references, few pages are most of them."""
    draw = zipf(rng, 1000)
    order = rng.sample(range(1000), 1000)
    for _ in range(50000):
        yield order[draw()], rng.random() < 0.2


def scan(rng):
    """A hot set, and now and then a scan of pages that are used once: who lets it flush the hot set?"""
    draw = zipf(rng, 80, 0.7)
    for _ in range(20):
        for _ in range(1200):
            yield draw(), rng.random() < 0.1
        for page in range(100, 700):
            yield page, False
            if rng.random() < 0.5:
                yield draw(), False


def phases(rng):
    """Phases: a program moves from one locality of 100 pages to the next, which shares a quarter with it."""
    for start in range(0, 900, 75):
        for _ in range(4000):
            yield start + int(100 * rng.random() ** 1.5), rng.random() < 0.3


def uniform(rng):
    """Uniform: nothing can be learnt, all policies but OPT are equal."""
    for _ in range(30000):
        yield rng.randrange(400), rng.random() < 0.25


def stack(rng):
    """LRU's own model: the more recently used, the likelier to be used again (geometric stack distances)."""
    recent = list(range(600))
    for _ in range(40000):
        distance = min(int(rng.expovariate(1 / 60)), len(recent) - 1)
        page = recent.pop(distance)
        recent.insert(0, page)
        yield page, page % 5 == 0


def sawtooth(rng):
    """Sweeps up and down: what was used last is used next, the opposite of a loop."""
    for _ in range(50):
        for page in range(300):
            yield page, False
        for page in reversed(range(300)):
            yield page, False


def log_writes(rng):
    """Reads of a skewed set, and a log that is written from end to end: who throws out the dirty pages first?"""
    draw = zipf(rng, 300, 0.9)
    for at in range(20000):
        yield draw(), False
        yield 300 + draw(), rng.random() < 0.5
        if at % 8 == 0:
            yield 600 + at // 64 % 200, True


def matrices(rng):
    """C = A * B by rows and columns: A stays, B comes round for each row, C is written once."""
    size, a, b, c = 20, 0, 400, 800  # a page is a block; 20 x 20 blocks a matrix
    for i in range(size):
        for j in range(size):
            for k in range(size):
                yield a + i * size + k, False
                yield b + k * size + j, False
            yield c + i * size + j, True


def merge_sort(rng):
    """Merge sort: each pass reads two runs side by side and writes a third, from one half of memory to the other."""
    half, run, source, target = 512, 1, 0, 512
    while run < half:
        for start in range(0, half, 2 * run):
            left, right = list(range(start, start + run)), list(range(start + run, start + 2 * run))
            for out in range(start, start + 2 * run):
                for _ in range(2):  # a page of records: both inputs are looked at in turn
                    yield source + (left or right)[0], False
                    yield source + (right or left)[0], False
                    yield target + out, True
                (left if not right or (left and rng.random() < 0.5) else right).pop(0)
        source, target, run = target, source, 2 * run


def graph(rng):
    """A random walk over a graph of clusters: short ways within one, now and then a jump to another."""
    cluster = 0
    for _ in range(40000):
        if rng.random() < 0.01:
            cluster = rng.randrange(20)
        yield 40 * cluster + int(40 * rng.random() ** 2), rng.random() < 0.15


def collector(rng):
    """A heap with a garbage collector: new objects in a nursery, old ones by skew, at times a walk over all of it."""
    old = zipf(rng, 500, 0.8)
    for _ in range(15):
        for at in range(1000):
            yield 500 + at // 8 % 60, True
            yield old(), rng.random() < 0.1
        for page in range(560):
            yield page, page % 3 == 0


def bursts(rng):
    """Pages that are used a few times in a row and never again, beside a hot set: not all that is used twice is hot."""
    draw = zipf(rng, 100, 0.6)
    for _ in range(850):
        page = 100 + rng.randrange(900)
        for _ in range(rng.randint(3, 8)):
            yield page, rng.random() < 0.5
            for _ in range(rng.randint(1, 10)):
                yield draw(), False


def tree(rng):
    """Look-ups in a B-tree: the root always, a page of each level below it, the leaves by skew; few inserts."""
    leaf = zipf(rng, 800, 0.8)
    order = rng.sample(range(800), 800)
    for _ in range(15000):
        at = order[leaf()]
        yield 0, False
        yield 1 + at // 30, False
        yield 30 + at, rng.random() < 0.1


def switches(rng):
    """Three programs in turns, 500 references each: a loop, a skewed one and a walk that goes back and forth."""
    draw = zipf(rng, 200, 1.0)
    loop_at, walk_at = itertools.cycle(range(150)), 0
    for _ in range(30):
        for _ in range(500):
            yield next(loop_at), False
        for _ in range(500):
            yield 150 + draw(), rng.random() < 0.3
        for _ in range(500):
            walk_at = min(max(walk_at + rng.choice((-1, 1)), 0), 249)
            yield 350 + walk_at, True


SYNTHETIC = {"loop": loop, "zipf": skewed, "scan": scan, "phases": phases, "uniform": uniform, "stack": stack,
             "sawtooth": sawtooth, "logwrites": log_writes, "matrices": matrices, "mergesort": merge_sort,
             "graph": graph, "collector": collector, "bursts": bursts, "tree": tree, "switches": switches}


def speed(rng):
    """2 million references to 200,000 pages, skewed."""
    for _ in range(2_000_000):
        yield int(200_000 * rng.random() ** 3), False


def write(path, what, references):
    """=> how many; the file is there only when it is complete"""
    count = 0
    new = path.with_suffix(".new")
    with open(new, "w") as f:
        f.write(f"# {what}\n")
        for page, written in references:
            f.write(f"{page} w\n" if written else f"{page}\n")
            count += 1
    new.replace(path)
    return count


def synthetic(out, tell):
    for name, function in SYNTHETIC.items():
        count = write(out / f"{name}.txt", function.__doc__.splitlines()[0], function(random.Random(name)))
        tell(f"{name}: {count} references")


# Our own programs ------------------------------------------------------------------------------------
# Each is small enough to be captured in seconds, and has 20,000 to 1,000,000 references. What the compiler makes of
# a program decides how often code and data take turns, so they differ a little between compilers.

CAPTURED = ("matmul 32", "qsort 14000", "btree 2000", "hashjoin 4096", "scan 100 80", "swarm 64 600", "straddle 1500",
            "filecheck", "pipecheck")  # the last two are compiled against glibc
CAPTURE_MEMORY, CAPTURE_WITHIN = "768M", 600  # a word for each reference; seconds


def captured(out, tell):
    """Runs the programs in exact mode and records what they reference: NAME.flt."""
    import lab  # needs the kernel and the simulator, which the others do not
    for command in CAPTURED:
        name = command.split()[0]
        path = out / f"{name}.flt"
        try:
            facts = lab.info(lab.capture(command, path, CAPTURE_MEMORY, CAPTURE_WITHIN))
        except lab.LabError as e:
            sys.exit(f"traces.py: {command}: {e}")
        tell(f"{name}: {facts['refs']} references to {facts['unique']} pages, captured from {command}")


# Real programs ---------------------------------------------------------------------------------------
# Taken under Valgrind's lackey: instructions, loads and stores. A window of each, behind the start of the program.

SKIPPED_LINES = 400_000   # of lackey: the dynamic linker's work
TAKEN_REFERENCES = 1_000_000  # to another page than the one before
PAGE_SHIFT = 12
END_WITHIN = 10           # seconds, once it is killed


def programs(work):
    """=> {name: command}. Their inputs lie in `work`."""
    rng = random.Random("inputs")
    text = work / "text"
    text.write_text("".join(f"{rng.randrange(10**9):09d} {'x' * rng.randrange(40)}\n" for _ in range(20000)))
    source = work / "source.c"
    source.write_text("".join(f"static int f{i}(int a) {{ int s = {i}; for (int k = 0; k < a; k++) s += k * a; return s; }}\n"
                              for i in range(300)) + "int main(void) { return f0(1) + f299(2); }\n")
    compiler = subprocess.run(["gcc", "-print-prog-name=cc1"], capture_output=True, text=True).stdout.strip() \
        if shutil.which("gcc") else ""
    script = "d = {}\nfor i in range(30000): d[str(i * 7919 % 10007)] = [i] * 3\nprint(len(sorted(d)))"
    perl = 'my %h; $h{$_ * 7919 % 10007} .= $_ for 1 .. 40000; print scalar(sort keys %h), "\\n";'
    awk = "{ n[substr($1, 1, 4)]++ } END { for (k in n) s += n[k]; print s }"
    commands = {
        "sort": ["sort", "--parallel=1", str(text)],
        "gzip": ["gzip", "-c", str(text)],
        "python": [sys.executable, "-S", "-c", script],
        "perl": ["perl", "-e", perl],
        "awk": ["awk", awk, str(text)],
        "grep": ["grep", "-c", "1.*2.*3", str(text)],
        "gcc": [compiler, "-O2", "-quiet", str(source), "-o", os.devnull],
    }
    return {name: command for name, command in commands.items() if command[0] and shutil.which(command[0])}


def lackey_lines(command):
    """Runs the program until whoever takes the lines has enough. Yields them."""
    end, log = os.pipe()
    valgrind = ["valgrind", "--tool=lackey", "--trace-mem=yes", f"--log-fd={log}", *command]
    run = subprocess.Popen(valgrind, pass_fds=[log], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL,
                           env={**os.environ, "LC_ALL": "C", "PYTHONHASHSEED": "0", "PERL_HASH_SEED": "0"})
    os.close(log)
    try:
        with open(end) as lines:
            yield from lines
    finally:
        run.kill()
        run.wait(END_WITHIN)


def pages_of(lines):
    """Yields (page, written), once for references to one page in a row."""
    last, written = None, False
    for line in lines:
        kind = line[:3]
        if kind not in ("I  ", " L ", " S ", " M "):
            continue
        address, size = line[3:].split(",")
        first = int(address, 16)
        for page in range(first >> PAGE_SHIFT, ((first + max(int(size), 1) - 1) >> PAGE_SHIFT) + 1):
            if page != last:
                if last is not None:
                    yield last, written
                last, written = page, False
            written |= kind in (" S ", " M ")
    if last is not None:
        yield last, written


def lackey(out, tell):
    if not shutil.which("valgrind"):
        sys.exit("traces.py: --lackey needs valgrind, which is not installed")
    work = out / "work"
    work.mkdir(exist_ok=True)
    for name, command in programs(work).items():
        lines = lackey_lines(command)
        window = itertools.islice(pages_of(itertools.islice(lines, SKIPPED_LINES, None)), TAKEN_REFERENCES)
        path = out / f"real-{name}.txt"
        count = write(path, f"{name}, a window of it under Valgrind's lackey", window)
        lines.close()
        if count == 0:
            path.unlink()
        tell(f"real-{name}: {count} references")
    shutil.rmtree(work)


FAMILIES = {"synthetic": synthetic, "captured": captured, "lackey": lackey}


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", type=pathlib.Path, default=ROOT / "build" / "traces", metavar="FOLDER")
    ap.add_argument("--captured", action="store_true", help="our own programs in exact mode too")
    ap.add_argument("--lackey", action="store_true", help="real programs under Valgrind too")
    ap.add_argument("--speed", action="store_true", help="only the long one that measures the simulator's speed")
    ap.add_argument("--list", action="store_true", help="say what there is")
    ap.add_argument("--quiet", action="store_true")
    args = ap.parse_args()
    if args.list:
        for name, function in SYNTHETIC.items():
            print(f"{name:10} {function.__doc__.splitlines()[0]}")
        for command in CAPTURED:
            print(f"{command.split()[0]:10} captured: {command}")
        return
    args.out.mkdir(parents=True, exist_ok=True)
    tell = (lambda text: None) if args.quiet else print
    if args.speed:
        if not (args.out / "speed.txt").exists():
            write(args.out / "speed.txt", speed.__doc__, speed(random.Random("speed")))
        return
    for name, family in FAMILIES.items():
        if name == "synthetic" or getattr(args, name):
            family(args.out, tell)


if __name__ == "__main__":
    main()
