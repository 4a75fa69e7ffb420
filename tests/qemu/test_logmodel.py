# SPDX-License-Identifier: MIT
"""The oracle itself: it takes a good log, and objects to every way of spoiling it."""
import random
import re

import logmodel
import pytest
from scenario import boot

LOG = """\
[    0.000001] faultline tsc=1000000kHz command-line="frames=2 policy=fifo log=all"
[    0.000002] ram total=65023K used=65023K beyond-direct-map=0K database=576K free=46300K
[    0.000003] pool name=main policy=fifo frames=2 swap=ramdisk slots=16
faultline> run a
[    0.000010] fault pid=1 va=0xbfffeff6 ip=0x00000000 access=write case=3 zero frame=0x10 slot=none ticks=9
[    0.000011] start pid=1 name=a entry=0x08048000
[    0.000012] fault pid=1 va=0x08048000 ip=0x08048000 access=read case=3 file frame=0x11 slot=none ticks=9
[    0.000013] swap-out slot=0 frame=0x10 disk=ramdisk
[    0.000014] evict pid=1 va=0xbfffe000 frame=0x10 dirty slot=0 policy=fifo
[    0.000015] fault pid=1 va=0x40000004 ip=0x08048010 access=write case=3 zero frame=0x10 slot=none ticks=9
[    0.000016] evict pid=1 va=0x08048000 frame=0x11 clean slot=none policy=fifo
[    0.000017] swap-in slot=0 frame=0x11 disk=ramdisk
[    0.000018] fault pid=1 va=0xbfffe008 ip=0x08048020 access=read case=4 swap-in frame=0x11 slot=0 ticks=9
[    0.000019] swap-out slot=1 frame=0x10 disk=ramdisk
[    0.000020] evict pid=1 va=0x40000000 frame=0x10 dirty slot=1 policy=fifo
[    0.000021] fault pid=1 va=0x08048024 ip=0x08048024 access=read case=3 file frame=0x10 slot=none ticks=9
[    0.000022] evict pid=1 va=0xbfffe000 frame=0x11 clean slot=0 policy=fifo
[    0.000023] swap-in slot=1 frame=0x11 disk=ramdisk
[    0.000024] fault pid=1 va=0x40000004 ip=0x08048028 access=read case=4 swap-in frame=0x11 slot=1 ticks=9
a: ok
[    0.000025] exit pid=1 name=a status=0
  pid name         status      minor    major  evictions write-backs      cpu-ms
    1 a            ok              4        2          4           2       0.010
      machine      1 of 1          4        2          4           2       0.010
summary programs=1 ok=1 policy=fifo frames=2 pgfault=6 pgmajfault=2 minor=4 evictions=4 writebacks=2 pswpin=2 \
pswpout=2 refused=0 cpu_us=10 elapsed_us=11
faultline> run b
[    0.000030] fault pid=2 va=0xbfffeff6 ip=0x00000000 access=write case=3 zero frame=0x11 slot=none ticks=9
[    0.000031] start pid=2 name=b entry=0x08048000
[    0.000032] fault pid=2 va=0x00000000 ip=0x08048000 access=read case=0 no-region frame=none slot=none ticks=9
[    0.000033] kill pid=2 name=b signal=SIGSEGV va=0x00000000 ip=0x08048000 cause="user read" reason="nothing there"
"""

FLAWS = {
    "resident again": ("fault pid=1 va=0x40000004 ip=0x08048010", "fault pid=1 va=0x08048004 ip=0x08048010"),
    "frame of another": ("case=3 zero frame=0x10 slot=none ticks=9\n[    0.000016]",
                         "case=3 zero frame=0x11 slot=none ticks=9\n[    0.000016]"),
    "beyond the limit": (r"\[    0.000016\] evict.*\n", ""),
    "wrong slot": (r"swap-in frame=0x11 slot=0", "swap-in frame=0x11 slot=1"),
    "source instead of slot": ("case=4 swap-in frame=0x11 slot=0", "case=3 zero frame=0x11 slot=none"),
    "swap-in of nothing": ("case=3 file frame=0x10 slot=none ticks=9\n[    0.000022]",
                           "case=4 swap-in frame=0x10 slot=3 ticks=9\n[    0.000022]"),
    "not the oldest": (r"0xbfffe000 frame=0x10 dirty slot=0", "0x08048000 frame=0x11 dirty slot=0"),
    "not its frame": (r"0xbfffe000 frame=0x10 dirty slot=0", "0xbfffe000 frame=0x12 dirty slot=0"),
    "written page dropped": (r"\[    0.000019\].*\n(.*) dirty slot=1", r"\1 clean slot=none"),
    "written for nothing": (r"\[    0.000020\].*\n", ""),
    "not written": (r"\[    0.000013\].*\n", ""),
    "not read": (r"\[    0.000017\].*\n", ""),
    "slot of another": (r"slot=1( frame=0x10 disk.*\n.*dirty) slot=1", r"slot=0\1 slot=0"),
    "slot given up": ("0xbfffe000 frame=0x11 clean slot=0", "0xbfffe000 frame=0x11 clean slot=none"),
    "clean into a new slot": (r"0x08048000 frame=0x11 clean slot=none", "0x08048000 frame=0x11 clean slot=5"),
    "text written back": (r"\[    0.000016\](.*)clean slot=none",
                          r"[    0.000016] swap-out slot=5 frame=0x11 disk=ramdisk\n[    0.000016]\1dirty slot=5"),
    "other policy": ("slot=1 policy=fifo", "slot=1 policy=clock"),
    "time goes back": (r"\[    0.000022\]", "[    0.000002]"),
    "unknown event": (r"\] exit pid=1", "] leave pid=1"),
    "malformed event": ("access=write case=3", "access=maybe case=3"),
    "event within a line": (r"a: ok\n", "a: o[    0.000024] exit pid=1 name=a status=0\n"),
    "after its end": (r"faultline> run b\n", "[    0.000029] exit pid=1 name=a status=0\nfaultline> run b\n"),
    "refused and alive": (r"\[    0.000033\].*\n", ""),
    "another killed": ("kill pid=2", "kill pid=1"),
    "killed elsewhere": (r"(kill .*) va=0x00000000", r"\1 va=0x00000004"),
    "refused with a frame": ("case=0 no-region frame=none", "case=0 no-region frame=0x13"),
    "case with another's name": ("case=0 no-region", "case=1 no-region"),
    "summary of faults": ("pgfault=6", "pgfault=7"),
    "summary of write-backs": ("writebacks=2 pswpin", "writebacks=1 pswpin"),
    "row of the table": ("ok              4        2", "ok              4        3"),
}


def test_good_log():
    model = logmodel.check(LOG)
    assert model.since_boot["pgfault"] == 8 and model.since_boot["pgsteal"] == 4
    assert not model.resident and not model.slots and not model.frames


@pytest.mark.parametrize("name", FLAWS)
def test_flaw(name):
    pattern, replacement = FLAWS[name]
    if "(" not in pattern and "\\" not in pattern:
        pattern = re.escape(pattern)
        replacement = replacement.replace("\\", r"\\")
    bad, n = re.subn(pattern, replacement, LOG, count=1)
    assert n == 1 and bad != LOG
    with pytest.raises(logmodel.Violation):
        logmodel.check(bad)


SHARED = """\
[    0.000001] faultline tsc=1000000kHz command-line="frames=6 policy=clock order=1 log=all"
[    0.000003] pool name=main policy=clock frames=6 swap=ramdisk slots=16
faultline> run a & a
[    0.000010] fault pid=1 va=0xbfffeff6 ip=0x00000000 access=write case=3 zero frame=0x20 slot=none ticks=9
[    0.000011] start pid=1 name=a entry=0x08048000
[    0.000012] fault pid=2 va=0xbfffeff6 ip=0x00000000 access=write case=3 zero frame=0x21 slot=none ticks=9
[    0.000013] start pid=2 name=a entry=0x08048000
[    0.000014] fault pid=1 va=0x08048000 ip=0x08048000 access=read case=3 file frame=0x22 slot=none ticks=9
[    0.000015] fault pid=2 va=0x08048000 ip=0x08048000 access=read case=3 file frame=0x22 slot=none ticks=9
[    0.000016] fault pid=1 va=0x40000000 ip=0x08048004 access=read case=3 zero-page frame=0x9 slot=none ticks=9
[    0.000017] fault pid=2 va=0x40000000 ip=0x08048004 access=read case=3 zero-page frame=0x9 slot=none ticks=9
[    0.000018] fault pid=1 va=0x40000000 ip=0x08048008 access=write case=5 cow-zero frame=0x23 slot=none ticks=9
[    0.000019] fault pid=1 va=0x40002000 ip=0x0804800c access=read case=3 zero frame=0x24 slot=none order=1 ticks=9
[    0.000020] fork pid=3 name=a ppid=1
[    0.000021] swap-out slot=0 frame=0x23 disk=ramdisk
[    0.000022] evict pid=1 va=0x40000000 frame=0x23 dirty slot=0 policy=clock
[    0.000023] fault pid=3 va=0xbfffeff0 ip=0x08048010 access=write case=5 cow frame=0x23 slot=none ticks=9
[    0.000024] fault pid=1 va=0xbfffeff0 ip=0x08048010 access=write case=5 reuse frame=0x20 slot=none ticks=9
[    0.000025] evict pid=1 va=0x40003000 frame=0x25 clean slot=none policy=clock
[    0.000026] swap-in slot=0 frame=0x25 disk=ramdisk
[    0.000027] fault pid=3 va=0x40000000 ip=0x08048014 access=read case=4 swap-in frame=0x25 slot=0 ticks=9
[    0.000028] fault pid=1 va=0x40000000 ip=0x08048014 access=read case=4 swap-cache frame=0x25 slot=none ticks=9
[    0.000029] oom reason="out of memory" for pid=2 name=a; badness is resident + swapped + page tables:
[    0.000030] oom spared pid=1 name=a badness=6 resident=4 swapped=0 tables=2
[    0.000031] oom spared pid=2 name=a badness=5 resident=3 swapped=0 tables=2
[    0.000032] oom victim pid=3 name=a badness=7 resident=3 swapped=0 tables=4
[    0.000033] kill pid=3 name=a signal=SIGKILL ip=0x08048018 reason="out of memory"
[    0.000034] exit pid=1 name=a status=0
[    0.000035] exit pid=2 name=a status=0
"""

SHARED_FLAWS = {
    "text twice": (r"\[    0.000015\](.*)frame=0x22", r"[    0.000015]\1frame=0x23"),
    "another page of zeros": (r"\[    0.000017\](.*)frame=0x9", r"[    0.000017]\1frame=0xa"),
    "page of zeros written": ("access=read case=3 zero-page frame=0x9", "access=write case=3 zero-page frame=0x9"),
    "page of zeros owned": ("cow-zero frame=0x23", "cow-zero frame=0x9"),
    "copy of nothing": (r"\[    0.000016\].*\n", ""),
    "copy in the same frame": ("cow frame=0x23", "cow frame=0x20"),
    "copy in another's frame": ("cow frame=0x23", "cow frame=0x22"),
    "no copy though shared": (r"\[    0.000023\].*\n", ""),
    "reuse of another frame": ("reuse frame=0x20", "reuse frame=0x23"),
    "block out of line": ("zero frame=0x24", "zero frame=0x25"),
    "block too large": ("order=1 ticks", "order=2 ticks"),
    "block over a page": ("va=0x40002000", "va=0x40000004"),
    "read twice": ("case=4 swap-cache frame=0x25 slot=none", "case=4 swap-in frame=0x25 slot=0"),
    "found in another frame": ("swap-cache frame=0x25", "swap-cache frame=0x23"),
    "second mapping named": ("evict pid=1 va=0x40000000", "evict pid=3 va=0x40000000"),
    "text by another name": ("evict pid=1 va=0x40003000 frame=0x25 clean", "evict pid=0 va=0x00000000 frame=0x25 clean"),
    "not the worst": (r"spared pid=2 name=a badness=5 resident=3 swapped=0 tables=2",
                      "spared pid=2 name=a badness=8 resident=3 swapped=0 tables=5"),
    "two victims": ("oom spared pid=1", "oom victim pid=1"),
    "somebody was not heard": (r"\[    0.000031\].*\n", ""),
    "badness": ("badness=6 resident=4", "badness=7 resident=4"),
    "has less": ("badness=6 resident=4", "badness=5 resident=3"),
}


def test_good_log_of_shared_pages():
    model = logmodel.check(SHARED)
    assert model.since_boot["pgreuse"] == 1 and model.since_boot["fault_cow"] == 3
    assert not model.frames and not model.slots and not model.zeros


@pytest.mark.parametrize("name", SHARED_FLAWS)
def test_flaw_of_shared_pages(name):
    pattern, replacement = SHARED_FLAWS[name]
    bad, n = re.subn(pattern if "\\" in pattern else re.escape(pattern), replacement, SHARED, count=1)
    assert n == 1 and bad != SHARED
    with pytest.raises(logmodel.Violation):
        logmodel.check(bad)


@pytest.mark.parametrize("programs, append", [
    ("matmul 30 & stamp 20 2", "frames=16"), ("forktree 2 6 & stamp 20 2", "frames=20"),
    ("stamp 60 2 & matmul 30", "frames=48 order=2")])
def test_flaws_in_a_real_log(programs, append):
    """Loses or doubles single events of a real run."""
    run = boot([f"run {programs}", "vmstat"], f"{append} log=all", screen=False)
    logmodel.check(run.log)
    lines = run.log.splitlines(keepends=True)
    events = [n for n, line in enumerate(lines) if re.search(r"\] (fault|evict|swap-in|swap-out) ", line)]
    rng = random.Random(2)
    for n in rng.sample(events, 30):
        for spoiled in (lines[:n] + lines[n + 1:], lines[:n] + [lines[n]] + lines[n:]):
            with pytest.raises(logmodel.Violation):
                logmodel.check("".join(spoiled))
