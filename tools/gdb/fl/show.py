# SPDX-License-Identifier: MIT
"""The commands that only show something, the list of all, and their registration."""
import gdb

from fl.command import COMMANDS, Command, parse_count, parse_filter, parse_number
from fl.guest import (NONE, PAGE_SHIFT, PAGE_SIZE, address, enumerator, flags, kernel_type, log_lines, number, register,
                      variable)
from fl.paging import (ENTRIES, TABLE_SHIFT, Pages, copy_words, frame_number, frame_record, frame_words, head_of, kept_in,
                       mapping_entries, mappings, page_words, slot_holders, slot_of, slot_record, walk, zero_frame)
from fl.policy import pool_words, pools, queue_lines
from fl.process import (channel_words, chosen, is_current, name_of, named_pid, object_name, pid_of, processes, region_at,
                        region_words, regions, rights, running, state_of)


class PsCommand(Command):
    """List the processes.

fl ps

* is on the CPU. A kernel thread has no pages. The last column says what one that is asleep waits for: a frame
on its way to or from the disk, a variable of the kernel."""
    name = "ps"

    def run(self, arguments):
        if arguments:
            self.expects("no argument")
        found = processes()
        if not found:
            raise gdb.GdbError("there are no processes yet")
        print(f"{'pid':>6} {'name':<15} {'state':<8} {'ppid':>5} {'pool':<8} {'resident':>8} {'swapped':>8} {'minor':>8} "
              f"{'major':>8} {'evicted':>8}  waits for")
        for proc in found:
            print(self.line(proc).rstrip())

    @staticmethod
    def line(proc):
        parent = pid_of(proc["parent"]) if int(proc["parent"]) else 0
        pages = f"{'-':<8} {'-':>8} {'-':>8} {'-':>8} {'-':>8} {'-':>8}"
        if int(proc["space"]):
            space, pmap = proc["space"], proc["space"]["pmap"]
            pages = (f"{space['pool']['name'].string():<8} {int(pmap['resident']):>8} {int(pmap['swapped']):>8} "
                     f"{int(space['minor']):>8} {int(space['major']):>8} {int(pmap['evictions']):>8}")
        return (f"{'*' if is_current(proc) else ' '}{pid_of(proc):>5} {name_of(proc):<15} {state_of(proc):<8} {parent:>5} "
                f"{pages}  {channel_words(proc)}")


class MapsCommand(Command):
    """List the regions of a process.

fl maps [PID]

For each: its addresses, what may be done there (p: private, s: shared), its name, where the first content of
its pages comes from, and how many pages it has, are in memory and in swap slots. Without a PID, of the program
on the CPU."""
    name = "maps"

    def run(self, arguments):
        if len(arguments) > 1:
            self.expects("at most one PID")
        proc = chosen(arguments)
        pages = Pages(proc["space"])
        print(f"pid {pid_of(proc)} {name_of(proc)}")
        for region in regions(proc["space"]):
            start, end = int(region["start"]), int(region["end"])
            entries = [raw for _, raw in pages.between(start, end)]
            resident = sum(1 for raw in entries if raw & number("X86_P") and not zero_frame(raw >> PAGE_SHIFT))
            swapped = sum(1 for raw in entries if slot_of(raw) is not None)
            kind = "s" if int(region["flags"]) & number("REGION_SHARED") else "p"
            print(f"{start:08x}-{end:08x} {rights(region)}{kind} {region['name'].string():<6} "
                  f"{object_name(region['object']):<6} pages={(end - start) >> PAGE_SHIFT} resident={resident} "
                  f"swapped={swapped}")


class PtCommand(Command):
    """Walk the page tables for an address.

fl pt VA [PID | cr3=ADDRESS]

VA is any expression, in quotes if it has spaces: fl pt 0x804a000, fl pt f->va, fl pt "f->va + 4096". Shows the
page-directory entry and the page-table entry as they lie in memory, with each bit by name:
  P present   W writable   U user   PWT write through   PCD not cached   A accessed   D dirty
  PAT memory type   PS 4 MiB page   G global   avl three bits that the CPU leaves to the kernel
and of an entry that is not present, its swap slot. Then what the kernel knows about the frame or the slot.
The tables are those of the process PID, or at the physical address of cr3=; else those of the program on the
CPU, or what the register CR3 has if none runs."""
    name = "pt"
    complete_with = gdb.COMPLETE_EXPRESSION

    def run(self, arguments):
        if not 1 <= len(arguments) <= 2:
            self.expects("an address, and perhaps whose")
        va = address(arguments[0])
        proc, cr3 = self.whose(arguments[1:])
        entries = walk(cr3, va)
        print(f"va   {va:#010x} = directory entry {va >> TABLE_SHIFT}, "
              f"table entry {(va >> PAGE_SHIFT) % ENTRIES}, offset {va % PAGE_SIZE:#x}; cr3 {cr3:#010x}"
              f"{f', {named_pid(pid_of(proc))}' if proc is not None else ''}")
        for entry in entries:
            print(entry)
        last = entries[-1]
        if last.present and not last.large and frame_words(last.frame):
            print(f"frame {last.frame:#x}: {frame_words(last.frame)}")
        if last.swapped:
            keeper = kept_in(last.slot)
            print(f"slot {last.slot}: " + ("on the swap disk only" if keeper is None else
                                           f"the page is in memory, in frame {frame_number(keeper):#x}"))
        region = region_at(proc["space"], va) if proc is not None else None
        if region is not None:
            print(f"region {region_words(region)}")

    @staticmethod
    def whose(arguments):
        """=> (the process or None, the root of its tables)"""
        if arguments and arguments[0].startswith("cr3="):
            return None, parse_filter(arguments, {"cr3": (lambda text, _: address(text), "ADDRESS")})["cr3"]
        proc = chosen(arguments) if arguments else running()
        return proc, int(proc["space"]["pmap"]["root_pa"]) if proc is not None else register("cr3")


class FrameCommand(Command):
    """Tell what a frame holds and who maps it.

fl frame N

N is the number of a frame, that is its physical address / 4096, as the log has it: fl frame 0x2fd8. Shows its
kind and flags, its pool, each PTE that maps it, the object whose page it is, its swap slot, and what is the
policy's: flag and word."""
    name = "frame"

    def run(self, arguments):
        if len(arguments) != 1:
            self.expects("the number of a frame")
        pfn = parse_number(arguments[0], "frame")
        frame = frame_record(pfn)
        head = head_of(frame) if int(frame["kind"]) == number("FRAME_USER") else frame
        print(f"frame {pfn:#x}, physical {pfn << PAGE_SHIFT:#010x}")
        block = f", of a block of {1 << int(frame['order'])}" if int(frame["order"]) else ""
        print(f"kind    {enumerator(frame['kind'].cast(kernel_type('enum frame_kind')), 'FRAME_')}{block}")
        print(f"flags   {flags(int(frame['flags']), 'enum frame_flag', 'FRAME_')}")
        if zero_frame(pfn):
            print("the page of zeros, shared by all who only read")
        if int(frame["kind"]) != number("FRAME_USER"):
            return
        print(f"page    {page_words(frame)}")
        if int(frame["object"]):
            print(f"object  {object_name(frame['object'])}, page {int(frame['index'])}")
        for (pmap, va), entry in zip(mappings(frame), mapping_entries(frame)):
            print(f"mapped  {va:#010x} by {named_pid(int(pmap['tag']))}, {entry.kind} {entry.raw:#010x}: {entry.words()}")
        print(f"slot    {copy_words(frame)}")
        if int(frame["wired"]):
            print(f"wired   {int(frame['wired'])} times: it stays")
        pool = head["pool"]
        if int(pool):
            print(f"pool    {pool['name'].string()}, policy {pool['policy']['name'].string()}: "
                  f"flag={int(head['policy_flag'])} word={int(head['policy_word'])}")


class SlotCommand(Command):
    """Tell what a swap slot holds and who refers to it.

fl slot N

Shows its references, the checksum of its content, the frame that has the same page in memory if there is one,
and each PTE or object that holds the slot. Looks through all page tables for that."""
    name = "slot"

    def run(self, arguments):
        if len(arguments) != 1:
            self.expects("the number of a slot")
        n = parse_number(arguments[0], "slot")
        slot = slot_record(n)
        refs = int(slot["refs"])
        if not refs:
            print(f"slot {n} is free")
            return
        print(f"slot {n}: {refs} reference{'s' if refs > 1 else ''}, checksum {int(slot['sum']):#010x}")
        keeper = kept_in(n)
        if keeper is not None:
            print(f"held by frame {frame_number(keeper):#x}: {page_words(keeper)}")
        for holder in slot_holders(n):
            print(f"held by {holder}")


class PolicyCommand(Command):
    """Show the pools, their policies, and the pages in a policy's queues.

fl policy [POOL] [n=COUNT]

For each pool, or that of this name: its frames and counts; then the policy's state: its numbers, and each of
its queues with its first COUNT pages, 16 if not said, in the queue's order. A= and D= are the accessed and
dirty bits, flag= and word= what the policy keeps with a frame; <- marks where a hand is. What the queues mean
says the file of the policy in mm/policy."""
    name = "policy"

    def run(self, arguments):
        names = [word for word in arguments if "=" not in word]
        if len(names) > 1:
            self.expects("at most one pool")
        most = parse_filter([word for word in arguments if "=" in word],
                            {"n": (lambda text, key: parse_number(text, key, 0), "COUNT")}).get("n", 16)
        known = [pool["name"].string() for pool in pools()]
        if names and names[0] not in known:
            raise gdb.GdbError(f"{names[0]}: no such pool; there are: {' '.join(known)}")
        for pool in pools():
            if not names or pool["name"].string() == names[0]:
                self.show(pool, most)

    @staticmethod
    def show(pool, most):
        counts = " ".join(f"{name}={int(pool[name])}" for name in ("queued", "wired", "insertions", "evictions"))
        print(f"pool {pool['name'].string()}: {pool_words(pool)}")
        print(f"  {counts}")
        for line in queue_lines(pool, most):
            print(line)


class FaultsCommand(Command):
    """Show the last faults.

fl faults [N]

The last N of those that the kernel remembers, 16 at most, the newest last: the lines of the log without time and
ticks. They are there even if the log is quiet."""
    name = "faults"

    def run(self, arguments):
        count = parse_count(arguments, self, number("FAULT_HISTORY"))
        size, following = number("FAULT_HISTORY"), int(variable("fault_history_next"))
        history = variable("fault_history")
        found = [history[(following + i) % size] for i in range(size)]
        lines = [self.line(record) for record in found if int(record["what"])]
        if not lines:
            raise gdb.GdbError("there was no fault yet")
        print("\n".join(lines[-count:]))

    @staticmethod
    def line(record):
        access = next((word for word, bit in (("write", "VM_WRITE"), ("exec", "VM_EXEC"))
                       if int(record["access"]) & number(bit)), "read")
        frame, slot = int(record["frame"]), int(record["slot"]["n"])
        order = f" order={int(record['order'])}" if int(record["order"]) else ""
        return (f"fault pid={int(record['pid'])} va={int(record['va']):#010x} ip={int(record['ip']):#010x} "
                f"access={access} case={int(record['kase'])} {record['what'].string()} "
                f"frame={f'{frame:#x}' if frame != NONE else 'none'} slot={slot if slot != NONE else 'none'}{order}")


class LogCommand(Command):
    """Show the end of the guest's serial log.

fl log [N]

The last line, or the last N lines. The whole log is in build/debug.log."""
    name = "log"
    needs_paging = False

    def run(self, arguments):
        for line in log_lines()[-parse_count(arguments, self, 1):]:
            print(line)


class HelpCommand(Command):
    """List the commands, or explain one.

fl help [COMMAND]

`help fl COMMAND` does the same."""
    name = "help"
    needs_paging = False

    def run(self, arguments):
        if len(arguments) > 1:
            self.expects("at most one command")
        if arguments:
            if arguments[0] not in COMMANDS:
                raise gdb.GdbError(f"{arguments[0]}: there is no such command; `fl help` lists them")
            gdb.execute(f"help fl {arguments[0]}")
            return
        for name, command in sorted(COMMANDS.items()):
            print(f"fl {name:<12} {command.summary()}")
        print("$fault_case()   The number of the fault's case, for conditions: condition 1 $fault_case() == 4")


class Prefix(gdb.Command):
    """Commands that know this kernel: memory, page tables, faults, evictions, processes.

fl COMMAND ...

fl help lists them."""

    def __init__(self):
        super().__init__("fl", gdb.COMMAND_DATA, gdb.COMPLETE_NONE, True)

    def invoke(self, arguments, from_tty):
        self.dont_repeat()
        if arguments:
            raise gdb.GdbError(f"fl {arguments.split()[0]}: there is no such command; `fl help` lists them")
        gdb.execute("fl help")


def register_commands():
    Prefix()
    for command in COMMANDS.values():
        command()
