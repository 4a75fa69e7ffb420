# SPDX-License-Identifier: MIT
"""gdb commands that explain page faults and page tables in the kernel's own words.

`make debug` loads this file into gdb, with the guest stopped at its start. `faultline` lists the commands,
`help NAME` explains one. Nothing here changes the guest: it reads registers, kernel variables through the
debug information, and page tables through physical memory, so that every address space can be looked at.
"""
import os
import pathlib
import re

import gdb

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = ("build/user/bin", "build/user/glibc")
PAGE_SHIFT, TABLE_SHIFT, ENTRIES = 12, 22, 1024
PG = 1 << 31  # of CR0: paging is on

CASE_WORDS = {  # the header of mm/fault.c
    "CASE_NO_REGION": "no region: nothing is mapped there, the access is refused",
    "CASE_FORBIDDEN": "forbidden: the region does not allow it, the access is refused",
    "CASE_SPURIOUS": "spurious: the PTE allows it already, nothing to do",
    "CASE_FIRST_TOUCH": "first touch: {source}",
    "CASE_SWAPPED": "swapped out: {where}",
    "CASE_COW": "copy on write: {shared} is written",
}
NEEDS_FRAME = ("CASE_FIRST_TOUCH", "CASE_SWAPPED", "CASE_COW")


# What the kernel knows -------------------------------------------------------------------------------

def number(name):
    """An enumerator of the kernel."""
    return int(gdb.parse_and_eval(name))


def variable(name):
    """A global variable of the kernel, also when a program's symbols are loaded."""
    symbol = gdb.lookup_global_symbol(name)
    if symbol is None:
        raise gdb.GdbError(f"the kernel's symbols are not loaded: there is no {name}")
    return symbol.value()


def address(expression):
    """The value of an expression, as a 32-bit address."""
    try:
        value = gdb.parse_and_eval(expression)
        if value.type.strip_typedefs().code in (gdb.TYPE_CODE_ARRAY, gdb.TYPE_CODE_FUNC):
            value = value.address
        n = int(value)
    except gdb.error as e:
        raise gdb.GdbError(f"{expression!r} is not an address: {e}") from None
    if not -1 << 31 <= n < 1 << 32:
        raise gdb.GdbError(f"{expression!r} is not an address: it does not fit 32 bits")
    return n & 0xffffffff


def elements(head, type_name, link):
    """The structures on an intrusive list."""
    kind = gdb.lookup_type(type_name)
    offset = next(f.bitpos // 8 for f in kind.fields() if f.name == link)
    node = head["next"]
    while node != head.address:
        yield gdb.Value(int(node) - offset).cast(kind.pointer()).dereference()
        node = node["next"]


def process_of(space_address):
    """=> "1 scan", the process that has this space"""
    for proc in elements(variable("all_procs"), "struct proc", "all"):
        if int(proc["space"]) == space_address:
            return f"{int(proc['result']['pid'])} {proc['result']['name'].string()}"
    space = gdb.Value(space_address).cast(gdb.lookup_type("struct space").pointer())
    return f"{int(space['pmap']['tag'])} (not started yet)"


def current_process():
    """=> the struct proc on the CPU; GdbError if it runs no program"""
    try:
        current = variable("current")
        if int(current) and current["space"]:
            return current.dereference()
    except gdb.MemoryError:  # paging is off
        pass
    raise gdb.GdbError("no program is on the CPU; after `break vm_fault` and `continue` there is")


# Page tables -----------------------------------------------------------------------------------------

def physical_word(pa):
    """32 bits of physical memory."""
    said = gdb.execute(f"monitor xp/1xw {pa:#x}", to_string=True)
    found = re.search(r":\s*(0x[0-9a-f]+)", said)
    if not found:
        raise gdb.GdbError(f"cannot read physical memory at {pa:#x}: {said.strip()}")
    return int(found[1], 16)


class Entry:
    """A page-directory or page-table entry, and where it lies."""

    def __init__(self, kind, table, index):
        self.kind, self.at = kind, table + 4 * index
        self.raw = physical_word(self.at)
        self.present = self.has("X86_P")
        self.large = self.present and kind == "PDE" and self.has("X86_PS")
        self.swapped = not self.present and kind == "PTE" and self.has("X86_SWAPPED")
        self.frame = self.raw >> PAGE_SHIFT
        self.slot = self.raw >> number("X86_SLOT_SHIFT")

    def has(self, bit):
        return bool(self.raw & number(bit))

    def bits(self):
        """Every bit by name."""
        if not self.present:
            return "P=0" + (f" swapped=1 slot={self.slot}" if self.swapped else "")
        names = "P W U A D G" if self.kind == "PTE" else "P W U A D PS G" if self.large else "P W U A PS"
        return " ".join(f"{name}={self.has('X86_' + name):d}" for name in names.split())

    def words(self):
        """What the bits say together."""
        if self.swapped:
            return f"not present: in slot {self.slot}"
        if not self.present:
            why = "no page table" if self.kind == "PDE" else "never touched, or dropped clean"
            return f"not present: {why}"
        said = ["present", "writable" if self.has("X86_W") else "read-only", "user" if self.has("X86_U") else "kernel only"]
        if self.kind == "PDE" and not self.large:
            return ", ".join([*said, f"page table in frame {self.frame:#x}"])
        said += ["accessed" if self.has("X86_A") else "not accessed",
                 "dirty" if self.has("X86_D") else "clean"]
        return ", ".join([*said, "4 MiB page" if self.large else f"frame {self.frame:#x}"])

    def __str__(self):
        return f"{self.kind}  {self.raw:#010x} at {self.at:#010x}  {self.bits()}\n     {self.words()}"


def walk(cr3, va):
    """What the MMU finds for va. => the entries: a PDE, and a PTE if there is a table"""
    root = cr3 & ~((1 << PAGE_SHIFT) - 1)
    entries = [Entry("PDE", root, va >> TABLE_SHIFT)]
    if entries[0].present and not entries[0].large:
        entries.append(Entry("PTE", entries[0].frame << PAGE_SHIFT, (va >> PAGE_SHIFT) % ENTRIES))
    return entries


def zero_frame(pfn):
    """Is it the page of zeros that all share who only read?"""
    return int((variable("frame_table") + pfn) == variable("zero_frame")) != 0


def frame_words(pfn):
    """What the frame database says about a frame with a page of a process; None about others."""
    if pfn >= int(variable("frame_table_count")):
        return None
    if zero_frame(pfn):
        return "the page of zeros, shared by all who only read"
    first = pfn - pfn % (1 << int(variable("frame_table")[pfn]["order"]))  # of its block
    frame, head = variable("frame_table")[pfn], variable("frame_table")[first]
    if int(frame["kind"]) != number("FRAME_USER") or not int(head["pmap"]):
        return None
    slot, node, more = int(frame["slot"]["n"]), head["more"], 0
    while int(node):
        node, more = node["next"], more + 1
    copy = f"a copy in slot {slot}" if slot != 0xffffffff else "no copy on the swap disk"
    others = f" and {more} more mapping{'s' if more > 1 else ''}" if more else ""
    page = int(head["va"]) + ((pfn - first) << PAGE_SHIFT)
    of_object = f", page {int(frame['index'])} of object {object_name(frame['object'])}" if int(frame["object"]) else ""
    return f"page {page:#010x} of pid {int(head['pmap']['tag'])}{others}{of_object}, {copy}"


def object_name(obj):
    """What a region maps, in a word."""
    return obj["name"].string() if int(obj) else "zero"


# Faults ----------------------------------------------------------------------------------------------

class Fault:
    """The fault that is being handled: found on the kernel stack, as the CPU or the kernel raised it."""

    def __init__(self):
        frame = gdb.newest_frame()
        while frame is not None and frame.name() not in ("trap_page_fault", "vm_fault_in"):
            frame = frame.older()
        if frame is None:
            raise gdb.GdbError("not in a page fault: no trap_page_fault and no vm_fault_in on the stack; "
                               "`break vm_fault` and `continue` stop in the next one")
        if frame.name() == "vm_fault_in":  # no exception: the kernel touches a page for a process
            f = frame.read_var("f")
            self.error, self.ip, self.user = None, 0, True
            self.va, self.wanted, self.space = int(f["va"]), int(f["access"]), f["space"].dereference()
            return
        # entry.S pushes the trap frame, and nothing else
        tf = gdb.Value(int(frame.older().read_register("esp")) & 0xffffffff).cast(gdb.lookup_type("struct trapframe").pointer())
        self.error, self.ip, self.user = int(tf["error"]), int(tf["eip"]), (int(tf["cs"]) & 3) != 0
        self.va, self.space = address("$cr2"), variable("current")["space"].dereference()
        self.wanted = number("VM_WRITE" if self.error & number("PF_WRITE") else "VM_READ")

    @property
    def write(self):
        return bool(self.wanted & number("VM_WRITE"))

    def region(self):
        """=> the struct region that holds the address, or None"""
        regions = self.space["regions"]
        for i in range(int(regions["count"])):
            region = regions["at"][i].dereference()
            if self.va < int(region["end"]):
                below = regions["at"][i - 1].dereference() if i > 0 else None
                return region if int(region["start"]) <= self.va or self.may_grow(region, below) else None
        return None

    def may_grow(self, region, below):
        """Is it a stack, and may it grow down to the address? As space_grow_stack in mm/space.c has it."""
        start = self.va & ~((1 << PAGE_SHIFT) - 1)
        guarded = below is not None and int(below["prot"]) and start - int(below["end"]) < number("STACK_GUARD")
        return (int(region["flags"]) & number("REGION_GROWSDOWN") and self.va >= 0x10000 and not guarded
                and int(region["end"]) - start <= int(self.space["stack_limit"]))

    def pte(self):
        """=> the last entry of the walk"""
        return walk(int(self.space["pmap"]["root_pa"]) if self.user else address("$cr3"), self.va)[-1]

    def case(self):
        """=> the name of its case, decided as mm/fault.c does: by the region first, then by the PTE. None if
        the kernel itself did it, which is a panic"""
        if not self.user:
            return None
        region = self.region()
        if region is None:
            return "CASE_NO_REGION"
        if not int(region["prot"]) & self.wanted:
            return "CASE_FORBIDDEN"
        pte = self.pte()
        if pte.present:
            return "CASE_COW" if self.write and not pte.has("X86_W") else "CASE_SPURIOUS"
        return "CASE_SWAPPED" if pte.swapped else "CASE_FIRST_TOUCH"


def error_words(error):
    """A page-fault error code in words (Intel SDM 3A, 4.7)."""
    said = ["write" if error & number("PF_WRITE") else "read",
            "by the user" if error & number("PF_USER") else "by the kernel",
            "the page is present but forbids it" if error & number("PF_PRESENT") else "no page is present"]
    if error & number("PF_RESERVED"):
        said.append("a reserved bit is set in a page table")
    if error & number("PF_FETCH"):
        said.append("fetching an instruction")
    return ", ".join(said)


def code_words(ip):
    """=> " in main, user/scan.c:23" if the symbols of what runs there are loaded, else "" """
    line = gdb.find_pc_line(ip)
    block = gdb.block_for_pc(ip)
    while block is not None and block.function is None:
        block = block.superblock
    if line.symtab is None or block is None:
        return ""
    return f" in {block.function.name}, {line.symtab.filename}:{line.line}"


def source_words(region, write):
    """How the first content of a page comes."""
    if int(region["object"]):
        name = object_name(region["object"])
        private = write and not int(region["flags"]) & number("REGION_SHARED")
        return f"a copy of the page of object {name}" if private else f"the page of object {name} is mapped"
    return "zeros fill a new frame" if write else "the page of zeros is mapped until it is written"


def slot_words(slot):
    """Where the page of a slot is."""
    keeper = variable("swap_slots")[slot]["frame"]
    if int(keeper):
        return f"the page of slot {slot} is found in memory, in frame {int(keeper - variable('frame_table')):#x}"
    return f"the page is read back from slot {slot} (a major fault)"


def case_words(case, region, pte, write):
    return CASE_WORDS[case].format(
        source=source_words(region, write) if case == "CASE_FIRST_TOUCH" else "",
        where=slot_words(pte.slot) if case == "CASE_SWAPPED" else "",
        shared="the page of zeros" if case == "CASE_COW" and zero_frame(pte.frame) else "a page that is or was shared")


def region_words(region):
    if region is None:
        return "none"
    rights = "".join(letter if int(region["prot"]) & number(bit) else "-"
                     for letter, bit in (("r", "VM_READ"), ("w", "VM_WRITE"), ("x", "VM_EXEC")))
    return (f"{int(region['start']):#010x}-{int(region['end']):#010x} {rights} {region['name'].string()}, "
            f"source {object_name(region['object'])}")


def pool_words(pool):
    resident, limit = int(pool["resident"]), int(pool["limit"])
    full = ": full, a page must go first" if resident >= limit else ""
    return f"{resident} of {limit} frames in use, policy {pool['policy']['name'].string()}{full}"


# Commands --------------------------------------------------------------------------------------------

COMMANDS = {}


class Command(gdb.Command):
    """A subclass's docstring is its help; `name` is what one types."""

    def __init_subclass__(cls):
        COMMANDS[cls.name] = cls

    def __init__(self):
        super().__init__(self.name, gdb.COMMAND_DATA)

    def invoke(self, arguments, from_tty):
        self.dont_repeat()
        try:
            self.run(arguments.strip())
        except (gdb.error, gdb.GdbError) as e:  # gdb.error: the guest has ended, a variable is not there
            raise gdb.GdbError(f"{self.name}: {e}") from None


class FaultCommand(Command):
    """Explain the page fault that is being handled.

fault

Shows the address (CR2), the error code in words, the process, the instruction, the region and the PTE of
the page, which of the numbered cases of mm/fault.c it is, and whether the pool has room. Works anywhere
between the exception and the return to the program. When the kernel itself touches a page for a process
(ip 0 in the log) there is no exception, and no error code."""
    name = "fault"

    def run(self, arguments):
        if arguments:
            raise gdb.GdbError("expected no argument")
        f = Fault()
        exception = f.error is not None
        if exception:
            print(f"error    {f.error}: {error_words(f.error)}")
        else:
            print(f"error    none: the kernel {'writes' if f.write else 'reads'} for the process")
        print(f"va       {f.va:#010x}{' (CR2)' if exception else ''}")
        if exception:
            print(f"ip       {f.ip:#010x} {'user' if f.user else 'kernel'}{code_words(f.ip)}")
        pte, case = f.pte(), f.case()
        if case is None:
            print(f"{pte.kind.lower()}      {pte.raw:#010x}  {pte.words()}")
            print("case     none: a page fault of the kernel itself is a panic")
            return
        region = f.region()
        print(f"process  {process_of(int(f.space.address))}")
        print(f"region   {region_words(region)}")
        print(f"{pte.kind.lower()}      {pte.raw:#010x}  {pte.words()}")
        print(f"case     {number(case)} {case_words(case, region, pte, f.write)}")
        if case in NEEDS_FRAME:
            print(f"pool     {pool_words(f.space['pool'])}")


class PteCommand(Command):
    """Walk the page tables for an address.

pte VA [CR3]

VA is any expression, in quotes if it has spaces: pte 0x804a000, pte f->va, pte "f->va + 4096". Shows the
page-directory entry and the page-table entry as they lie in memory, with each bit by name:
  P present   W writable   U user   A accessed   D dirty   PS 4 MiB page   G global
and of an entry that is not present, its swap slot. Then, if a frame is mapped, what the kernel knows about
it. CR3 is the physical address of the page directory; without it, that of the process on the CPU is used,
or the register if no program runs."""
    name = "pte"

    def run(self, arguments):
        words = gdb.string_to_argv(arguments)
        if not 1 <= len(words) <= 2:
            raise gdb.GdbError("expected an address, and perhaps the CR3 to use: pte VA [CR3]")
        va = address(words[0])
        if not address("$cr0") & PG:
            raise gdb.GdbError("paging is off: the guest has not come that far yet")
        cr3 = address(words[1]) if len(words) == 2 else self.default_cr3()
        entries = walk(cr3, va)
        print(f"va   {va:#010x} = directory entry {va >> TABLE_SHIFT}, "
              f"table entry {(va >> PAGE_SHIFT) % ENTRIES}, offset {va & 0xfff:#x}; cr3 {cr3:#010x}")
        for entry in entries:
            print(entry)
        if entries[-1].present and not entries[-1].large:
            known = frame_words(entries[-1].frame)
            if known:
                print(f"frame {entries[-1].frame:#x}: {known}")

    @staticmethod
    def default_cr3():
        try:
            return int(current_process()["space"]["pmap"]["root_pa"])
        except gdb.GdbError:
            return address("$cr3")


class UsersymsCommand(Command):
    """Load the symbols of the program on the CPU.

usersyms [PROGRAM]

Looks in build/user. PROGRAM overrides the name of the current process. The symbols of the program that was
loaded before are dropped, for programs lie at the same addresses. Use it again when another process is on
the CPU."""
    name = "usersyms"
    loaded = None

    def run(self, arguments):
        name = arguments or current_process()["result"]["name"].string()
        name = name.rsplit("/", 1)[-1]
        path = next((d + "/" + name for d in PROGRAMS if (ROOT / d / name).is_file()), None)
        if path is None:
            raise gdb.GdbError(f"no program {name} in {' or '.join(PROGRAMS)}")
        if UsersymsCommand.loaded is not None:
            gdb.execute(f'remove-symbol-file "{UsersymsCommand.loaded}"', to_string=True)
            UsersymsCommand.loaded = None
        gdb.execute(f'add-symbol-file "{ROOT / path}" -o 0', to_string=True)
        UsersymsCommand.loaded = ROOT / path
        print(f"symbols of {path}")


class LogCommand(Command):
    """Show the end of the guest's serial log.

log [LINES]

The last line, or the last LINES lines. The whole log is in build/debug.log."""
    name = "log"

    def run(self, arguments):
        if arguments and not (arguments.isdigit() and int(arguments) > 0):
            raise gdb.GdbError(f"expected a number of lines from 1 on, not {arguments!r}")
        path = pathlib.Path(os.environ.get("FAULTLINE_LOG", ROOT / "build/debug.log"))
        if not path.exists():
            raise gdb.GdbError(f"there is no {path}")
        for line in path.read_text(errors="replace").splitlines()[-int(arguments or 1):]:
            print(line)


class FaultlineCommand(Command):
    """List the commands that know this kernel."""
    name = "faultline"

    def run(self, arguments):
        for name, command in sorted(COMMANDS.items()):
            print(f"{name:<15}{command.__doc__.splitlines()[0]}")
        print("$fault_case()  The number of the fault's case, for conditions: condition 1 $fault_case() == 4")


class FaultCase(gdb.Function):
    """The number of the case that the page fault being handled is, as in mm/fault.c; -1 outside a fault.

condition 1 $fault_case() == 4"""

    def __init__(self):
        super().__init__("fault_case")

    def invoke(self):
        try:
            case = Fault().case()
            return number(case) if case is not None else -1
        except gdb.GdbError:
            return -1
        except gdb.error as e:
            raise gdb.GdbError(str(e)) from None


for command_class in COMMANDS.values():
    command_class()
FaultCase()
