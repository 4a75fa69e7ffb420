# SPDX-License-Identifier: MIT
"""Page tables as the MMU finds them, in physical memory, so that every address space can be looked at; and what
the kernel knows about the frames and slots in them."""
import gdb

from fl.guest import (NONE, PAGE_SHIFT, PAGE_SIZE, WORD, elements, kernel_type, number, physical, physical_word, variable,
                      words)
from fl.process import named_pid, object_name, spaces

TABLE_SHIFT, ENTRIES = 22, 1024
UNUSED_BITS = {"PWT": 1 << 3, "PCD": 1 << 4, "PAT": 1 << 7}  # the kernel has no names for these (Intel SDM 3A, 4.3)
AVAILABLE_SHIFT, AVAILABLE = 9, 7                            # the CPU ignores these


class Entry:
    """A page-directory or page-table entry, and where it lies."""

    def __init__(self, kind, table, index):
        self.kind, self.at = kind, table + WORD * index
        self.raw = physical_word(self.at)
        self.present = self.has("P")
        self.large = self.present and kind == "PDE" and self.has("PS")
        self.swapped = not self.present and kind == "PTE" and self.has("SWAPPED")
        self.frame = self.raw >> PAGE_SHIFT
        self.slot = slot_of(self.raw) if self.swapped else None

    def has(self, name):
        return bool(self.raw & (UNUSED_BITS.get(name) or number(f"X86_{name}")))

    def bits(self):
        """Every bit by name."""
        if not self.present:
            return "P=0" + (f" swapped=1 slot={self.slot}" if self.swapped else "")
        names = ("P W U PWT PCD A D PAT G" if self.kind == "PTE" else
                 "P W U PWT PCD A D PS G" if self.large else "P W U PWT PCD A PS")
        available = self.raw >> AVAILABLE_SHIFT & AVAILABLE
        return " ".join(f"{name}={self.has(name):d}" for name in names.split()) + f" avl={available}"

    def words(self):
        """What the bits say together."""
        if self.swapped:
            return f"not present: in slot {self.slot}"
        if not self.present:
            why = "no page table" if self.kind == "PDE" else "never touched, or dropped clean"
            return f"not present: {why}"
        said = ["present", "writable" if self.has("W") else "read-only", "user" if self.has("U") else "kernel only"]
        if self.kind == "PDE" and not self.large:
            return ", ".join([*said, f"page table in frame {self.frame:#x}"])
        said += ["accessed" if self.has("A") else "not accessed", "dirty" if self.has("D") else "clean"]
        return ", ".join([*said, "4 MiB page" if self.large else f"frame {self.frame:#x}"])

    def __str__(self):
        return f"{self.kind}  {self.raw:#010x} at {self.at:#010x}  {self.bits()}\n     {self.words()}"


def walk(cr3, va):
    """What the MMU finds for va. => the entries: a PDE, and a PTE if there is a table"""
    root = cr3 & ~(PAGE_SIZE - 1)
    entries = [Entry("PDE", root, va >> TABLE_SHIFT)]
    if entries[0].present and not entries[0].large:
        entries.append(Entry("PTE", entries[0].frame << PAGE_SHIFT, (va >> PAGE_SHIFT) % ENTRIES))
    return entries


def translate(cr3, va):
    """=> the physical address; None if the page is not present"""
    last = walk(cr3, va)[-1]
    if not last.present:
        return None
    span = (1 << TABLE_SHIFT if last.large else PAGE_SIZE) - 1
    return (last.frame << PAGE_SHIFT) + (va & span)


def user_word(cr3, va):
    """A word of a program's memory. => None if the page is not present"""
    pa = translate(cr3, va) if va % WORD == 0 else None
    return physical_word(pa) if pa is not None else None


def slot_of(raw):
    """=> the slot that a PTE holds, None if none"""
    if raw & number("X86_P") or not raw & number("X86_SWAPPED"):
        return None
    return raw >> number("X86_SLOT_SHIFT")


class Pages:
    """All entries of a space's tables, read at once."""

    def __init__(self, space):
        present, large, user = number("X86_P"), number("X86_PS"), number("X86_U")
        self.tables = {}
        for i, pde in enumerate(words(physical(int(space["pmap"]["root_pa"]), PAGE_SIZE))):
            if not pde & present or not pde & user:
                continue
            if pde & large:
                self.tables[i] = [pde + (n << PAGE_SHIFT) for n in range(ENTRIES)]
            else:
                self.tables[i] = words(physical(pde & ~(PAGE_SIZE - 1), PAGE_SIZE))

    def between(self, start, end):
        """The entries that are not empty: (address, entry)."""
        for i in range(start >> TABLE_SHIFT, (end - 1 >> TABLE_SHIFT) + 1):
            for j, raw in enumerate(self.tables.get(i, ())):
                va = (i << TABLE_SHIFT) + (j << PAGE_SHIFT)
                if raw and start <= va < end:
                    yield va, raw


# Frames ----------------------------------------------------------------------------------------------

def frame_number(frame):
    return (int(frame.address) - int(variable("frame_table"))) // kernel_type("struct frame").sizeof


def frame_record(pfn):
    count = int(variable("frame_table_count"))
    if pfn >= count:
        raise gdb.GdbError(f"frame {pfn:#x}: expected one below {count:#x}, where memory ends")
    return variable("frame_table")[pfn]


def head_of(frame):
    """The first frame of its block."""
    pfn = frame_number(frame)
    return frame_record(pfn - pfn % (1 << int(frame["order"])))


def zero_frame(pfn):
    """Is it the page of zeros that all share who only read?"""
    return int((variable("frame_table") + pfn) == variable("zero_frame")) != 0


def mappings(frame):
    """Who maps a user frame: [(pmap, address)], the first one first."""
    head = head_of(frame)
    if int(frame["kind"]) != number("FRAME_USER") or not int(head["pmap"]):
        return []
    inside = (frame_number(frame) - frame_number(head)) << PAGE_SHIFT
    found = [(head["pmap"].dereference(), int(head["va"]) + inside)]
    node = head["more"]
    while int(node):
        found.append((node["pmap"].dereference(), int(node["va"]) + inside))
        node = node["next"]
    return found


def mapping_entries(frame):
    """The last entry of the walk, for each mapping."""
    return [walk(int(pmap["root_pa"]), va)[-1] for pmap, va in mappings(frame)]


def is_accessed(frame):
    return any(e.present and e.has("A") for e in mapping_entries(frame))


def is_dirty(frame):
    """Would its eviction need a write?"""
    return bool(int(frame["flags"]) & number("FRAME_DIRTY")) or any(e.present and e.has("D") for e in mapping_entries(frame))


def page_words(frame):
    """=> "page 0xb7fe7000 of pid 1", "page 3 of object file", or that nobody maps it"""
    found = mappings(frame)
    if found:
        more = len(found) - 1
        others = f" and {more} more mapping{'s' if more > 1 else ''}" if more else ""
        return f"page {found[0][1]:#010x} of pid {int(found[0][0]['tag'])}{others}"
    if int(frame["object"]):
        return f"page {int(frame['index'])} of object {object_name(frame['object'])}, mapped by nobody"
    return "a page that nobody maps"


def copy_words(frame):
    """Is what it holds on the swap disk?"""
    slot = int(frame["slot"]["n"])
    if slot == NONE:
        return "no copy on the swap disk"
    if int(frame["flags"]) & number("FRAME_BUSY"):
        return f"on its way to or from slot {slot}"
    return f"slot {slot}, where the copy is old" if is_dirty(frame) else f"a copy in slot {slot}"


def frame_words(pfn):
    """What the frame database says about a frame with a page of a process; None about others."""
    if pfn >= int(variable("frame_table_count")):
        return None
    if zero_frame(pfn):
        return "the page of zeros, shared by all who only read"
    frame = frame_record(pfn)
    if not mappings(frame):
        return None
    of_object = f", page {int(frame['index'])} of object {object_name(frame['object'])}" if int(frame["object"]) else ""
    return f"{page_words(frame)}{of_object}, {copy_words(frame)}"


# Slots -----------------------------------------------------------------------------------------------

def object_slots(obj):
    """The pages of an object that are in slots: (index, slot). As the table in mm/object.c has them."""
    leaf_type = gdb.lookup_type("unsigned int").array(number("OBJECT_LEAF") - 1)
    for i in range(int(obj["leaf_count"])):
        leaf = int(obj["leaves"][i])
        if not leaf:
            continue
        raw = bytes(gdb.selected_inferior().read_memory(leaf, leaf_type.sizeof))
        for j, word in enumerate(words(raw)):
            if word & number("ENTRY_KIND") == number("ENTRY_SLOT"):
                yield i * number("OBJECT_LEAF") + j, word >> number("ENTRY_SHIFT")


def slot_holders(slot):
    """Who holds a slot, besides the frame that keeps it: a line for each."""
    for space in spaces():
        for va, raw in Pages(space).between(0, NONE):
            if slot_of(raw) == slot:
                yield f"page {va:#010x} of {named_pid(int(space['pmap']['tag']))}: PTE {raw:#010x}"
    for obj in elements(variable("all_objects"), "struct object", "link"):
        for index, held in object_slots(obj):
            if held == slot:
                yield f"page {index} of object {object_name(obj.address)} (number {int(obj['number'])})"


def slot_record(slot):
    """=> the struct slot; GdbError if there is none"""
    if not int(variable("swap_slots")):
        raise gdb.GdbError("there is no swap disk")
    total = int(gdb.lookup_static_symbol("swap").value()["total"])
    if slot >= total:
        raise gdb.GdbError(f"slot {slot}: expected one below {total}, where the swap disk ends")
    return variable("swap_slots")[slot]


def kept_in(slot):
    """=> the frame that keeps the page of a slot, or None"""
    frame = slot_record(slot)["frame"]
    return frame.dereference() if int(frame) else None
