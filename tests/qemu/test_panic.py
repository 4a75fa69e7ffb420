# SPDX-License-Identifier: MIT
"""The kernel's last words, and that a guest which says nothing any more is stopped."""
import re

import logmodel
import pytest
from scenario import boot
from tools import qemu

WHO_CALLED = ["run_line", "monitor_run", "first_thread"]

# cause, further line, functions at the top of the backtrace
PANICS = {
    "panic": (r"provoked: 2 \+ 2 is 4, expected 5", None, []),
    "null": ("page fault in the kernel at address 0x00000000",
             r"vector 14 \(page fault\) error=0x2: kernel write to a page that is not present", ["write_to"]),
    "write-text": ("page fault in the kernel at address 0xc0100000",
                   r"vector 14 \(page fault\) error=0x3: kernel write to a present page whose rights forbid it",
                   ["write_to"]),
    "undefined": ("invalid opcode in the kernel", r"vector 6 \(invalid opcode\) error=0", []),
    "stack": ("kernel stack overflow: the guard page at 0x[0-9a-f]{5}000 was hit",
              r"vector 8 \(double fault\) error=0", ["overflow_stack"]),
    "double-fault": ("double fault", r"vector 8 \(double fault\) error=0", []),
    "double-free": (r"buddy_free: frame 0x[0-9a-f]+ is not allocated .*", None, ["buddy_free"]),
}


# What a wrong policy is told at the next eviction. The frame of a victim is mostly used again at once, and so
# is its pool's again; the pager, which asks for several victims in a row, notices one that is named twice.
WRONG_POLICIES = {
    "policy-none": (r"policy wrong: picked nothing of 32 pages in pool main", ""),
    "policy-foreign": (r"policy wrong: picked frame 0, which is not pool main's \(kind 0, pool none\)", ""),
    "policy-nonsense": (r"policy wrong: picked 0x[0-9a-f]+, which is no frame", ""),
    "policy-twice": (r"policy wrong: picked frame 0x[0-9a-f]+, which it was told has left \(flags 0x[0-9a-f]+\)", "pager=on"),
}


@pytest.mark.parametrize("what", WRONG_POLICIES)
def test_a_wrong_policy_is_named(what):
    cause, append = WRONG_POLICIES[what]
    run = boot([f"provoke {what}", "run matmul"], f"frames=32 log=quiet {append}")
    assert run.rc == qemu.FAILED
    assert re.search("^PANIC: " + cause + "$", run.log, re.MULTILINE), run.result.tail()


@pytest.mark.parametrize("what", PANICS)
def test_panic(what):
    cause, detail, functions = PANICS[what]
    run = boot(["run matmul 20", f"provoke {what}"], "frames=16")
    assert run.rc == qemu.FAILED  # neither a pass nor a reset
    words = run.output(f"provoke {what}").splitlines()
    assert words[0] == "" and re.fullmatch("PANIC: " + cause, words[1])
    trapped = detail is not None
    if trapped:
        assert re.fullmatch(detail, words[2])
        registers = " ".join(words[3:6])
        for name in "eip cs eflags esp ebp eax ebx ecx edx esi edi cr0 cr2 cr3 cr4".split():
            assert re.search(rf"\b{name}=[0-9a-f]+\b", registers), name
    backtrace = words[words.index("backtrace:") + 1:words.index("last faults:")]
    names = [re.fullmatch(r"  c01[0-9a-f]{5} (\w+)\+(?:0x)?[0-9a-f]+", line)[1] for line in backtrace]
    assert names[:len(functions)] == functions
    assert [n for n in names if n in WHO_CALLED] == WHO_CALLED
    if trapped:
        assert words[3].startswith("eip=" + backtrace[0].split()[0])
    faults = words[words.index("last faults:") + 1:-1]
    logged = [re.sub(r" ticks=\d+$", "", e[0]) for e in logmodel.events(run.log, "fault")]
    assert [line.strip() for line in faults] == logged[-16:]
    assert words[-1] == "panic: the machine stops here"


def test_panic_on_a_quiet_machine():
    """The last faults are remembered without a log; without any fault there is nothing to list."""
    run = boot(["provoke panic"], "log=quiet")
    assert "last faults:\npanic: the machine stops here" in run.log
    run = boot(["run hello", "provoke panic"], "log=quiet")
    assert len(re.findall(r"^  fault pid=1 ", run.log, re.MULTILINE)) == int(run.rows()[0]["minor"])


def test_hang_is_stopped():
    result = qemu.run("log=quiet", run="run hello; provoke hang; quit", timeout=3)
    assert (result.rc, result.ok) == (qemu.HUNG, False)
    assert result.reason == "guest hung: stopped after 3 s"
    assert result.tail().endswith("faultline> provoke hang")
    assert "hello: ok" in result.tail()


def test_program_that_never_ends_does_not_hang_the_monitor():
    run = boot(["run spin 3600000 &", "wait 30", "ps"], "log=quiet", timeout=30)
    assert re.search(r"^ +1 spin +ready ", run.output("ps"), re.MULTILINE)


def test_unknown_provocation():
    run = boot(["provoke", "provoke nonsense"], "log=quiet")
    assert run.rc == qemu.FAILED
    assert run.output("provoke") == run.output("provoke nonsense") == (
        "provoke: expected panic, null, write-text, undefined, stack, double-fault, double-free, hang, locks misused: lock-order, lock-sleep, an object misused: slab-overflow, slab-underflow, slab-use-after-free, slab-double-free, slab-interior-free, a page misused: use-after-evict, or a wrong policy: policy-none, policy-foreign, policy-nonsense, policy-twice\n")
