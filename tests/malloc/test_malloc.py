# SPDX-License-Identifier: MIT
"""Malloc traces and the comparison that is made with them: what the shim records is what the program asked for, the
player plays it and notices a broken allocator, and kmalloc's count of instructions stays where it is."""
import os
import pathlib
import re
import signal
import struct
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "malloc"))
import bench  # noqa: E402

ENV = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")}
LIMIT = 60  # seconds for any command

# Instructions of a kmalloc and a kfree together, on average. What was measured, and room for another compiler.
OURS_AT_MOST = 70

MALLOC, CALLOC, REALLOC, FREE = range(1, 5)


@pytest.fixture(scope="module", autouse=True)
def built():
    tools = [str(path.relative_to(ROOT)) for path in (bench.SHIM, bench.REPLAY, bench.REPLAY_OURS)]
    done = subprocess.run(["make", "-j2", *tools], cwd=ROOT, env=ENV, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True)
    if done.returncode != 0:
        pytest.exit(f"the tools cannot be built:\n{done.stdout}{done.stderr}", returncode=1)


def run(*words, **env):
    return subprocess.run([str(word) for word in words], cwd=ROOT, env={**ENV, **env}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=LIMIT)


def dump(trace):
    done = run(bench.REPLAY, "--dump", trace)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def trace_file(tmp_path, operations, name="made.mtrace"):
    """Writes what trace.h describes. operations: (what, block, size, log2 of the alignment)"""
    path = tmp_path / name
    path.write_bytes(struct.pack("<8sII", b"FLMALLOC", 1, 8) + b"".join(
        struct.pack("<Q", align << 59 | what << 56 | block << 32 | size) for what, block, size, align in operations))
    return path


def compiled(tmp_path, text, *flags):
    source, out = tmp_path / "program.c", tmp_path / "program"
    source.write_text(text)
    done = run("gcc", "-O0", "-fno-builtin", "-w", *flags, source, "-o", out)
    assert done.returncode == 0, done.stderr
    return out


# The shim ----------------------------------------------------------------------------------------------

PROGRAM = r"""
#define _GNU_SOURCE
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc == 2) /* the child */
        return malloc(5) == NULL;
    char *a = malloc(100), *b = calloc(3, 7), *c, *d = aligned_alloc(64, 640);
    a = realloc(a, 1000);
    posix_memalign((void **)&c, 4096, 5);
    free(b);
    b = realloc(NULL, 11);
    free(NULL);
    free(d);
    if (fork() == 0) {
        free(malloc(77));
        execv(argv[0], (char *[]){argv[0], "child", NULL});
        _exit(1);
    }
    wait(NULL);
    d = reallocarray(b, 4, 25);
    if (argc > 2)
        raise(SIGKILL);
    realloc(d, 0);
    malloc(0);
    for (int i = 0; i < 5000; i++)
        malloc(i);
    free(c);
}
"""

EXPECTED = ["malloc 0 100", "calloc 1 21", "malloc 2 640 align 64", "realloc 0 1000", "malloc 3 5 align 4096", "free 1",
            "malloc 1 11", "free 2", "realloc 1 100"]


def test_shim_records_what_was_asked(tmp_path):
    program, trace = compiled(tmp_path, PROGRAM), tmp_path / "trace"
    bench.record([program], trace)
    lines = dump(trace)
    assert lines[:len(EXPECTED)] == EXPECTED
    rest = lines[len(EXPECTED):]
    assert rest[:2] == ["free 1", "malloc 1 0"] and rest[-1] == "free 3"
    assert [line.split()[2] for line in rest[2:-1]] == [str(i) for i in range(5000)]
    ids = [line.split()[1] for line in rest[2:-1]]
    assert len(set(ids)) == 5000 and max(map(int, ids)) == 5002  # blocks live: these, 0, 1, 3; numbers are used again
    assert trace.stat().st_size == 16 + 8 * len(lines)


def test_a_killed_program_leaves_its_trace(tmp_path):
    program, trace = compiled(tmp_path, PROGRAM), tmp_path / "trace"
    done = run(program, "and", "die", LD_PRELOAD=str(bench.SHIM), MALLOC_TRACE_FILE=str(trace))
    assert done.returncode == -signal.SIGKILL
    assert dump(trace) == EXPECTED


def test_shim_says_where_it_cannot_write(tmp_path):
    program = compiled(tmp_path, PROGRAM)
    done = run(program, LD_PRELOAD=str(bench.SHIM), MALLOC_TRACE_FILE=str(tmp_path / "nowhere" / "trace"))
    assert (done.returncode, done.stderr) == (0, "malloc trace: MALLOC_TRACE_FILE cannot be written\n")


def test_threads(tmp_path):
    """Their records are whole, and no block is allocated twice."""
    program = compiled(tmp_path, r"""
#include <pthread.h>
#include <stdlib.h>
void *work(void *arg)
{
    void *p[64] = {0};
    for (int i = 0; i < 20000; i++) {
        p[i % 64] = i % 3 ? realloc(p[i % 64], i % 500 + 1) : (free(p[i % 64]), malloc(i % 700 + 1));
    }
    for (int i = 0; i < 64; i++)
        free(p[i]);
    return NULL;
}
int main()
{
    pthread_t t[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, work, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
}
""", "-pthread")
    trace = tmp_path / "trace"
    bench.record([program], trace)
    for replay in (bench.REPLAY, bench.REPLAY_OURS):
        figures = bench.figures(run(replay, trace).stdout)
        assert figures["mallocs"] - figures["frees"] < 10 and figures["reallocs"] > 40000


# The player --------------------------------------------------------------------------------------------

def test_file_made_by_hand(tmp_path):
    operations = [(MALLOC, 0, 10, 0), (CALLOC, 0xffffff, 0xffffffff, 0), (MALLOC, 2, 64, 6), (REALLOC, 0, 20, 0),
                  (FREE, 0, 0, 0)]
    assert dump(trace_file(tmp_path, operations)) == [
        "malloc 0 10", "calloc 16777215 4294967295", "malloc 2 64 align 64", "realloc 0 20", "free 0"]


def test_figures(tmp_path):
    big = 5 << 20  # larger than kmalloc's largest: left out, until it is small
    trace = trace_file(tmp_path, [(MALLOC, 0, 10, 0), (MALLOC, 1, big, 0), (CALLOC, 2, 100, 0), (REALLOC, 1, 50, 0),
                                  (FREE, 2, 0, 0), (REALLOC, 0, big, 0), (FREE, 0, 0, 0), (MALLOC, 0, 0, 0)])
    for replay in (bench.REPLAY, bench.REPLAY_OURS):
        figures = bench.figures(run(replay, "--memory", trace).stdout)
        assert {key: figures[key] for key in ("ops", "mallocs", "reallocs", "frees", "left_out", "live", "peak_live")} == {
            "ops": 8, "mallocs": 4, "reallocs": 0, "frees": 2, "left_out": 2, "live": 51, "peak_live": 160}
        assert 0 < figures["peak_held"] - figures["held_at_start"] < 1 << 20


@pytest.mark.parametrize("content, message", [
    (b"", "not a malloc trace"),
    (b"FLMALLOC", "not a malloc trace"),
    (b"NOMALLOC" + struct.pack("<II", 1, 8), "not a malloc trace"),
    (b"FLMALLOC" + struct.pack("<II", 2, 8), "a malloc trace of another version"),
    (b"FLMALLOC" + struct.pack("<IIQ", 1, 8, 7 << 56), "a record asks for nothing that is known"),
    (b"FLMALLOC" + struct.pack("<IIQQ", 1, 8, 1 << 56 | 5, 1 << 56 | 5), "a block is allocated twice"),
])
def test_bad_files(tmp_path, content, message):
    path = tmp_path / "bad"
    path.write_bytes(content)
    done = run(bench.REPLAY, path)
    assert done.returncode == 1 and message in done.stderr


def test_broken_allocators_are_noticed(tmp_path):
    """One that gives the same memory twice, and one that loses what it moves."""
    library = compiled(tmp_path, r"""
#define _GNU_SOURCE
#include <stddef.h>
extern void *__libc_malloc(size_t);
void *malloc(size_t n) { static void *last; return n != 333 ? __libc_malloc(n) : last ? last : (last = __libc_malloc(n)); }
void *realloc(void *p, size_t n) { return __libc_malloc(n); }
""", "-shared", "-fPIC")
    twice = trace_file(tmp_path, [(MALLOC, 0, 333, 0), (MALLOC, 2, 333, 0), (FREE, 0, 0, 0)])
    moved = trace_file(tmp_path, [(MALLOC, 0, 40, 0), (REALLOC, 0, 4000, 0)], "moved")
    for trace in (twice, moved):
        assert run(bench.REPLAY, trace).returncode == 0
        done = run(bench.REPLAY, trace, LD_PRELOAD=str(library))
        assert done.returncode == 1 and re.search(r"the content of block 0, \d+ bytes at \w+, changed", done.stderr)


# The counts --------------------------------------------------------------------------------------------

def test_inclusive_counts_of_a_profile():
    profile = """\
fn=(1) play_malloc
10 3
cfn=(2) malloc
calls=2 5
10 70
fn=(3) main
cfn=(1)
calls=2 9
4 75
fn=(4) play_free'2
cfn=(5) free
calls=1 5
+3 11
fn=(1)
cfn=(6)
calls=1 1
* 7
"""
    assert bench.inclusive(profile) == {"malloc": 77, "realloc": 0, "free": 11}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    path = tmp_path_factory.mktemp("python") / "python.mtrace"
    bench.record(["/usr/bin/python3", "-s", "-S", "-B", "-c", "x = [str(i) * (i % 40) for i in range(4000)]; x.sort()"],
                 path, {"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"})
    return path


def test_ours_beside_glibc(small):
    """The same calls by both, exactly the same count every time, and ours needs fewer instructions."""
    ours, glibc = (bench.measure(who, small) for who in ("ours", "glibc"))
    same = ("ops", "mallocs", "reallocs", "frees", "left_out", "live", "peak_live")
    assert [ours[key] for key in same] == [glibc[key] for key in same]
    assert ours["mallocs"] > 20000 and ours["reallocs"] > 100
    assert bench.instructions("ours", small) == bench.instructions("ours", small)
    assert 10 < ours["pair"] < OURS_AT_MOST
    assert ours["pair"] < glibc["pair"]
    assert 1 < ours["peak_held"] / ours["peak_live"] < 2
    assert 1 < (glibc["peak_held"] - glibc["held_at_start"]) / glibc["peak_live"] < 2


def test_pairs_of_one_size(tmp_path):
    """The fast path alone: a block that is freed and allocated again, and a thousand in turn."""
    again = [(MALLOC, 0, 100, 0), (FREE, 0, 0, 0)] * 5000
    turns = [(what, i, 100, 0) for _ in range(5) for what in (MALLOC, FREE) for i in range(1000)]
    for name, operations in (("again", again), ("turns", turns)):
        assert bench.measure("ours", trace_file(tmp_path, operations, name))["pair"] < OURS_AT_MOST


@pytest.mark.parametrize("who", bench.CONTESTANTS)
def test_every_contestant_is_there(who, small):
    """With a library that was not found, glibc would run under another name."""
    program, library = bench.CONTESTANTS[who]
    if library is None:
        return
    done = run("sh", "-c", f"{program} {small} && LD_PRELOAD={library} ldd {program}")
    assert done.returncode == 0 and library in done.stdout
    assert bench.play(who, small)["mallocs"] > 20000
