# SPDX-License-Identifier: MIT
"""The page fault that is being handled, in words; and stopping at one that is looked for."""
import gdb

from fl import stop
from fl.command import Command, parse_filter, parse_number
from fl.guest import PAGE_SHIFT, PAGE_SIZE, at, number, register, variable
from fl.paging import frame_number, kept_in, walk, zero_frame
from fl.policy import pool_words
from fl.process import object_name, process_of, region_words, regions

CASE_WORDS = {  # the header of mm/fault.c
    "CASE_NO_REGION": "no region: nothing is mapped there, the access is refused",
    "CASE_FORBIDDEN": "forbidden: the region does not allow it, the access is refused",
    "CASE_SPURIOUS": "spurious: the PTE allows it already, nothing to do",
    "CASE_FIRST_TOUCH": "first touch: {source}",
    "CASE_SWAPPED": "swapped out: {where}",
    "CASE_COW": "copy on write: {shared} is written",
}
NEEDS_FRAME = ("CASE_FIRST_TOUCH", "CASE_SWAPPED", "CASE_COW")
ACCESS = {"read": "VM_READ", "write": "VM_WRITE", "exec": "VM_EXEC"}
ENTRY_FUNCTIONS = ("trap_page_fault", "vm_fault_in")


class Fault:
    """The fault that is being handled: found on the kernel stack, as the CPU or the kernel raised it."""

    def __init__(self):
        frame = gdb.newest_frame()
        while frame is not None and frame.name() not in ENTRY_FUNCTIONS:
            frame = frame.older()
        if frame is None:
            raise gdb.GdbError(f"not in a page fault: no {' and no '.join(ENTRY_FUNCTIONS)} on the stack; "
                               "`fl break-fault` and `continue` stop in the next one")
        if frame.name() == "vm_fault_in":  # no exception: the kernel touches a page for a process
            f = frame.read_var("f")
            self.error, self.ip, self.user = None, 0, True
            self.va, self.wanted, self.space = int(f["va"]), int(f["access"]), f["space"].dereference()
            return
        # entry.S pushes the trap frame, and nothing else
        tf = at(int(frame.older().read_register("esp")) & 0xffffffff, "struct trapframe")
        self.error, self.ip, self.user = int(tf["error"]), int(tf["eip"]), (int(tf["cs"]) & 3) != 0
        self.va, self.space = register("cr2"), variable("current")["space"].dereference()
        self.wanted = number("VM_WRITE" if self.error & number("PF_WRITE") else "VM_READ")

    @property
    def write(self):
        return bool(self.wanted & number("VM_WRITE"))

    def region(self):
        """=> the struct region that holds the address, or None"""
        below = None
        for region in regions(self.space):
            if self.va < int(region["end"]):
                return region if int(region["start"]) <= self.va or self.may_grow(region, below) else None
            below = region
        return None

    def may_grow(self, region, below):
        """Is it a stack, and may it grow down to the address? As space_grow_stack in mm/space.c has it."""
        start = self.va & ~(PAGE_SIZE - 1)
        guarded = below is not None and int(below["prot"]) and start - int(below["end"]) < number("STACK_GUARD")
        return (int(region["flags"]) & number("REGION_GROWSDOWN") and self.va >= 0x10000 and not guarded
                and int(region["end"]) - start <= int(self.space["stack_limit"]))

    def pte(self):
        """=> the last entry of the walk"""
        return walk(int(self.space["pmap"]["root_pa"]) if self.user else register("cr3"), self.va)[-1]

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
            return "CASE_COW" if self.write and not pte.has("W") else "CASE_SPURIOUS"
        return "CASE_SWAPPED" if pte.swapped else "CASE_FIRST_TOUCH"


# In words --------------------------------------------------------------------------------------------

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
    keeper = kept_in(slot)
    if keeper is not None:
        return f"the page of slot {slot} is found in memory, in frame {frame_number(keeper):#x}"
    return f"the page is read back from slot {slot} (a major fault)"


def case_words(case, region, pte, write):
    return CASE_WORDS[case].format(
        source=source_words(region, write) if case == "CASE_FIRST_TOUCH" else "",
        where=slot_words(pte.slot) if case == "CASE_SWAPPED" else "",
        shared="the page of zeros" if case == "CASE_COW" and zero_frame(pte.frame) else "a page that is or was shared")


def explain(f):
    """What is known of a fault, a line at a time."""
    exception = f.error is not None
    if exception:
        yield f"error    {f.error}: {error_words(f.error)}"
    else:
        yield f"error    none: the kernel {'writes' if f.write else 'reads'} for the process"
    yield f"va       {f.va:#010x}{' (CR2)' if exception else ''}"
    if exception:
        yield f"ip       {f.ip:#010x} {'user' if f.user else 'kernel'}{code_words(f.ip)}"
    pte, case = f.pte(), f.case()
    entry = f"{pte.kind.lower()}      {pte.raw:#010x}  {pte.words()}"
    if case is None:
        yield entry
        yield "case     none: a page fault of the kernel itself is a panic"
        return
    region = f.region()
    yield f"process  {process_of(int(f.space.address))}"
    yield f"region   {region_words(region)}"
    yield entry
    yield f"case     {number(case)} {case_words(case, region, pte, f.write)}"
    if case in NEEDS_FRAME:
        yield f"pool     {pool_words(f.space['pool'])}"


class WhyCommand(Command):
    """Explain the page fault that is being handled.

fl why

Shows the address (CR2), the error code in words, the process, the instruction, the region and the PTE of
the page, which of the numbered cases of mm/fault.c it is, and whether the pool has room. Works anywhere
between the exception and the return to the program. When the kernel itself touches a page for a process
(ip 0 in the log) there is no exception, and no error code."""
    name = "why"

    def run(self, arguments):
        if arguments:
            self.expects("no argument")
        print("\n".join(explain(Fault())))


# Stopping at one -------------------------------------------------------------------------------------

def parse_page(text, key):
    return parse_number(text, key) & ~(PAGE_SIZE - 1)


def parse_case(text, key):
    return parse_number(text, key, 0, max(map(number, CASE_WORDS)))


def parse_access(text, key):
    if text not in ACCESS:
        raise gdb.GdbError(f"{key}={text}: expected read, write or exec")
    return number(ACCESS[text])


def parse_nth(text, key):
    return parse_number(text, key, 1)


FILTER = {"pid": (parse_number, "PID"), "va": (parse_page, "ADDRESS"), "case": (parse_case, "0..5"),
          "access": (parse_access, "read|write|exec"), "n": (parse_nth, "COUNT")}


class FaultStop(stop.Counted):
    """In vm_fault, for faults that are looked for."""

    def __init__(self, wanted):
        super().__init__("vm_fault", wanted)

    def matches(self):
        f = gdb.newest_frame().read_var("f")
        wanted = self.wanted
        if "pid" in wanted and int(f["space"]["pmap"]["tag"]) != wanted["pid"]:
            return False
        if "va" in wanted and int(f["va"]) >> PAGE_SHIFT != wanted["va"] >> PAGE_SHIFT:
            return False
        if "access" in wanted and not int(f["access"]) & wanted["access"]:
            return False
        return "case" not in wanted or case_number() == wanted["case"]

    def explain(self):
        return explain(Fault())


class BreakFaultCommand(Command):
    """Stop at page faults, or at those that are looked for.

fl break-fault [pid=PID] [va=ADDRESS] [case=0..5] [access=read|write|exec] [n=COUNT]

All that is said must hold: fl break-fault pid=2 case=4. va is any address of the page. With n it stops once,
at the COUNTth from now on. It stops in vm_fault, before anything is done about the fault, and says what
`fl why` says. It is a breakpoint: info breakpoints, disable, delete."""
    name = "break-fault"
    needs_paging = False

    def run(self, arguments):
        FaultStop(parse_filter(arguments, FILTER))


def case_number():
    """=> the number of the case that the fault being handled is; -1 outside a fault"""
    try:
        case = Fault().case()
        return number(case) if case is not None else -1
    except gdb.GdbError:
        return -1


class FaultCase(gdb.Function):
    """The number of the case that the page fault being handled is, as in mm/fault.c; -1 outside a fault.

condition 1 $fault_case() == 4"""

    def __init__(self):
        super().__init__("fault_case")

    def invoke(self):
        try:
            return case_number()
        except gdb.error as e:
            raise gdb.GdbError(str(e)) from None


FaultCase()
