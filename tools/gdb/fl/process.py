# SPDX-License-Identifier: MIT
"""Processes, as kernel/proc.h has them, and their address spaces."""
import gdb

from fl.command import parse_number
from fl.guest import at, elements, enumerator, kernel_type, number, symbol_at, variable

STATE_WORDS = {"sleeping": "asleep", "zombie": "ended"}  # as the monitor's ps says it


def processes():
    return list(elements(variable("all_procs"), "struct proc", "all"))


def spaces():
    return list(elements(variable("all_spaces"), "struct space", "link"))


def pid_of(proc):
    return int(proc["result"]["pid"])


def name_of(proc):
    return proc["result"]["name"].string()


def state_of(proc):
    state = enumerator(proc["state"], "PROC_")
    return STATE_WORDS.get(state, state)


def is_current(proc):
    return int(variable("current")) == int(proc.address)


def find(text):
    """=> the process of a pid that somebody typed, or the kernel thread of a name, for those have no number;
    GdbError if there is none"""
    known = {str(pid_of(p) or name_of(p)): p for p in processes()}
    key = text if text in known else str(parse_pid(text, known))
    if key not in known:
        raise gdb.GdbError(f"pid {text}: no such process; there are: {' '.join(known) or 'none yet'}")
    return known[key]


def parse_pid(text, known):
    try:
        return parse_number(text, "pid")
    except gdb.GdbError:
        raise gdb.GdbError(f"{text}: expected a PID, or the name of a kernel thread; there are: "
                           f"{' '.join(known) or 'none yet'}") from None


def running():
    """=> the process whose program is on the CPU; None if it is a kernel thread, or nothing was started"""
    current = variable("current")
    return current.dereference() if int(current) and int(current["space"]) else None


def chosen(arguments):
    """=> the process that the optional argument names, which has a space; else the one on the CPU"""
    proc = find(arguments[0]) if arguments else running()
    if proc is None:
        raise gdb.GdbError("no program is on the CPU: name a PID, or `fl break-fault` and `continue` until there is")
    if not int(proc["space"]):
        raise gdb.GdbError(f"pid {pid_of(proc)}, {name_of(proc)}, has no address space: a kernel thread, or it has ended")
    return proc


def process_of(space_address):
    """=> "1 scan", the process that has this space"""
    for proc in processes():
        if int(proc["space"]) == space_address:
            return f"{pid_of(proc)} {name_of(proc)}"
    return f"{int(at(space_address, 'struct space')['pmap']['tag'])} (not started yet)"


def named_pid(pid):
    """=> "pid 1 scan" """
    found = next((p for p in processes() if pid_of(p) == pid), None)
    return f"pid {pid} {name_of(found)}" if found is not None else f"pid {pid}"


def channel_words(proc):
    """What it sleeps for."""
    channel = int(proc["channel"])
    if not channel:
        return ""
    table, count = int(variable("frame_table")), int(variable("frame_table_count"))
    index, rest = divmod(channel - table, kernel_type("struct frame").sizeof)
    if 0 <= index < count and not rest:
        return f"frame {index:#x}"
    for pool in elements(variable("all_pools"), "struct pool", "link"):
        if int(pool.address) == channel:
            return f"pool {pool['name'].string()}"
    for other in processes():
        if 0 <= channel - int(other.address) < other.type.sizeof:
            return "a child" if int(other.address) == int(proc.address) else f"pid {pid_of(other)}"
    return symbol_at(channel) or f"{channel:#010x}"


# Regions ---------------------------------------------------------------------------------------------

def regions(space):
    found = space["regions"]
    return [found["at"][i].dereference() for i in range(int(found["count"]))]


def object_name(obj):
    """What a region maps, in a word."""
    return obj["name"].string() if int(obj) else "zero"


def rights(region):
    return "".join(letter if int(region["prot"]) & number(bit) else "-"
                   for letter, bit in (("r", "VM_READ"), ("w", "VM_WRITE"), ("x", "VM_EXEC")))


def region_words(region):
    if region is None:
        return "none"
    return (f"{int(region['start']):#010x}-{int(region['end']):#010x} {rights(region)} {region['name'].string()}, "
            f"source {object_name(region['object'])}")


def region_at(space, va):
    """=> the region that contains the address, or None"""
    return next((r for r in regions(space) if int(r["start"]) <= va < int(r["end"])), None)
