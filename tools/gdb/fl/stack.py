# SPDX-License-Identifier: MIT
"""Backtraces from the kernel to the program, for the process on the CPU and for those that are not. Of the
former gdb knows all: arch/x86/entry.S tells it where a trap has put the registers. Of another process, gdb is
made to believe that the newest frame was called from where the process left the CPU. Its program's frames lie
in another address space than the CPU's; they are followed by EBP, through that space's page tables."""
import re

import gdb
import gdb.unwinder

from fl import symbols
from fl.command import Command
from fl.fault import code_words, error_words
from fl.guest import RING, WORD, at, label, number, register, symbol_at, words
from fl.paging import translate, user_word
from fl.process import channel_words, find, is_current, name_of, pid_of, processes, region_at, state_of

SWITCHED = ("edi", "esi", "ebx", "ebp", "eip")  # what context_switch in arch/x86/entry.S leaves at ESP
MOST_FRAMES = 40
SYSCALL = "VECTOR_SYSCALL"


# Kernel frames ---------------------------------------------------------------------------------------

class FrameId:
    """For gdb: below all stacks, so that no other frame is taken for an inner one."""

    def __init__(self, pc):
        kind = gdb.lookup_type("unsigned int")
        self.sp, self.pc = gdb.Value(0).cast(kind), gdb.Value(pc).cast(kind)


class Elsewhere(gdb.unwinder.Unwinder):
    """While `registers` is set, the caller of the newest frame is where a process left the CPU."""

    def __init__(self):
        super().__init__("faultline")
        self.registers = self.here = None

    def __call__(self, pending):
        if self.registers is None:
            return None
        here = tuple(int(pending.read_register(name)) & 0xffffffff for name in ("eip", "esp"))
        if here != self.here:
            return None
        info = pending.create_unwind_info(FrameId(here[0]))
        for name, value in self.registers.items():
            info.add_saved_register(name, gdb.Value(value).cast(gdb.lookup_type("unsigned int")))
        return info

    def look_from(self, registers):
        """Registers by name, or None for the CPU's own."""
        self.registers = None
        gdb.invalidate_cached_frames()
        self.here = register("eip"), register("esp")
        self.registers = registers
        gdb.invalidate_cached_frames()


ELSEWHERE = Elsewhere()
gdb.unwinder.register_unwinder(None, ELSEWHERE, replace=True)


def saved_registers(proc):
    """Those of the function that called context_switch for it."""
    esp = int(proc["esp"])
    saved = words(bytes(gdb.selected_inferior().read_memory(esp, WORD * len(SWITCHED))))
    return dict(zip(SWITCHED, saved), esp=esp + WORD * len(SWITCHED))


def trap_words(frame):
    """What came in through an entry stub, from the trap frame below the stub's call."""
    tf = at(int(frame.read_register("esp")) & 0xffffffff, "struct trapframe")
    vector = int(tf["vector"])
    if vector == number("VECTOR_PAGE_FAULT"):
        said = f"page fault, error {int(tf['error'])}: {error_words(int(tf['error']))}"
    elif vector == number(SYSCALL):
        said = "system call"
    elif vector < number("VECTOR_IRQ"):
        said = f"exception {vector}"
    else:
        said = f"interrupt {vector - number('VECTOR_IRQ')}"
    return f"<{said}>", tf


def frame_lines(first, stop_at_user):
    """gdb's own lines of its frames from number `first` on, numbered from 0, traps in words. => (lines, the
    trapframe in which a program was left, if stop_at_user)"""
    traps, level, frame, left = {}, 0, gdb.newest_frame(), None
    while frame is not None and level < first + MOST_FRAMES and left is None:
        if level >= first and level > 0 and frame.type() == gdb.SIGTRAMP_FRAME:
            traps[level], tf = trap_words(frame)
            left = tf if stop_at_user and int(tf["cs"]) & RING else None
        frame, level = frame.older() if left is None else None, level + 1
    lines = []
    for line in gdb.execute(f"backtrace {level}", to_string=True).splitlines():
        found = re.match(r"#(\d+) +(.*)", line)
        if not found:
            lines += [line] if not line.startswith("(More") else []
        elif int(found[1]) >= first:
            n = int(found[1])
            lines.append(f"#{n - first:<3}{traps.get(n, found[2])}")
    return lines, left


# Frames of a program in another address space --------------------------------------------------------

def code_line(pc, call):
    """A frame that gdb does not see. call: pc follows a call, which may be a function's last instruction."""
    said = code_words(pc - call)
    if not said:
        return f"{pc:#010x} in {(symbol_at(pc) or '??').split('+')[0]} ()"
    function, where = said.removeprefix(" in ").split(", ", 1)
    return f"{pc:#010x} in {function} () at {where}"


def saved_in_sys_call(cr3, eip, esp):
    """In sys_call (user/rt/start.S) EBP is an argument. => the caller's EBP and EIP; None elsewhere"""
    if not (symbol_at(eip) or "").startswith("sys_call"):
        return None
    return user_word(cr3, esp + 3 * WORD), user_word(cr3, esp + 4 * WORD)


def is_code(proc, pc):
    region = region_at(proc["space"], pc)
    return region is not None and bool(int(region["prot"]) & number("VM_EXEC"))


def program_lines(proc, tf, number_from):
    """The program's frames, by EBP."""
    cr3, ebp = int(proc["space"]["pmap"]["root_pa"]), int(tf["ebp"])
    yield f"#{number_from:<3}{code_line(int(tf['eip']), False)}"
    saved = saved_in_sys_call(cr3, int(tf["eip"]), int(tf["user_esp"]))
    for n in range(number_from + 1, number_from + MOST_FRAMES):
        if saved is None and translate(cr3, ebp) is None:
            yield f"(the rest of its stack, at {ebp:#010x}, is not in memory)"
            return
        caller, pc = saved or (user_word(cr3, ebp), user_word(cr3, ebp + WORD))
        if caller is None or pc is None or not is_code(proc, pc) or saved is None and 0 < caller <= ebp:
            return
        yield f"#{n:<3}{code_line(pc, True)}"
        if not caller:
            return
        ebp, saved = caller, None


# Processes -------------------------------------------------------------------------------------------

def header(proc):
    waits = channel_words(proc)
    return f"pid {pid_of(proc)} {name_of(proc)}, {state_of(proc)}{f', waits for {waits}' if waits else ''}"


def lines_of_running():
    lines, _ = frame_lines(0, False)
    return lines


def frames_from(registers):
    """What frame_lines says with these registers."""
    ELSEWHERE.look_from(registers)
    try:
        return frame_lines(1, True)
    finally:
        ELSEWHERE.look_from(None)


def select(level):
    frame = gdb.newest_frame()
    while frame.level() < level:
        frame = frame.older()
    frame.select()


def lines_of_other(proc):
    """The frames of a process that is not on the CPU."""
    state = state_of(proc)
    if state in ("new", "ended") or not int(proc["esp"]):
        return [f"(it is {state}: it has no frames)"]
    registers = saved_registers(proc)
    if registers["eip"] == label("context_start"):
        begins = gdb.find_pc_line(registers["ebx"])
        return [f"(it has not run yet: it begins in {code_words(registers['ebx']).removeprefix(' in ')})"]
    loaded, selected = symbols.Symbols.path, gdb.selected_frame().level()
    try:
        symbols.load(symbols.path_of(name_of(proc)))
        lines, tf = frames_from(registers)
        if tf is not None and int(proc["space"]):
            lines += program_lines(proc, tf, len(lines))
    finally:
        symbols.load(loaded)
        select(selected)
    return lines


class BtCommand(Command):
    """Backtrace of a process, from the kernel to its program.

fl bt [PID | all]

Without an argument, of what is on the CPU: as gdb's own bt, with the trap in words. A process that is not on
the CPU is shown from where it left it. Its program lies in another address space: those frames have no
arguments, and code without frame pointers is passed over. Nothing is changed for it, in the guest or in gdb."""
    name = "bt"

    def run(self, arguments):
        if len(arguments) > 1:
            self.expects("at most one argument")
        if not arguments:
            print("\n".join(lines_of_running()))
            return
        for i, proc in enumerate(processes() if arguments == ["all"] else [find(arguments[0])]):
            print(("\n" if i else "") + header(proc))
            print("\n".join(lines_of_running() if is_current(proc) else lines_of_other(proc)))
