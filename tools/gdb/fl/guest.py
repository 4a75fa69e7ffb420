# SPDX-License-Identifier: MIT
"""What the kernel and the machine know: variables, types, enumerators, memory. All through debug information,
so that a struct may get more fields, and an enumerator another value."""
import functools
import os
import pathlib
import re

import gdb

ROOT = pathlib.Path(__file__).resolve().parents[3]
PAGE_SHIFT = 12
PAGE_SIZE = 1 << PAGE_SHIFT
WORD = 4
NONE = 0xffffffff  # of frames and slots
PG = 1 << 31       # of CR0: paging is on
RING = 3           # of CS


# Names -----------------------------------------------------------------------------------------------

@functools.cache
def kernel_block():
    """Where the kernel's names are looked up: a program's symbols may be loaded beside them."""
    symbol = gdb.lookup_global_symbol("vm_fault")
    if symbol is None:
        raise gdb.GdbError("the kernel's symbols are not loaded: `file build/faultline.elf` loads them")
    return symbol.symtab.static_block()


@functools.cache
def number(name):
    """An enumerator of the kernel."""
    symbol = gdb.lookup_symbol(name, kernel_block())[0] or gdb.lookup_static_symbol(name)
    if symbol is None:
        raise gdb.GdbError(f"the kernel has no {name}")
    return int(symbol.value())


@functools.cache
def kernel_type(name):
    return gdb.lookup_type(name, kernel_block())


def forget_names(_event=None):
    """The kernel was loaded anew."""
    for cache in (kernel_block, number, kernel_type):
        cache.cache_clear()


gdb.events.clear_objfiles.connect(forget_names)


def variable(name):
    """A global variable or a function of the kernel."""
    symbol = gdb.lookup_global_symbol(name)
    if symbol is None:
        raise gdb.GdbError(f"the kernel's symbols are not loaded: there is no {name}")
    return symbol.value()


def label(name):
    """The address of a name that assembly code defines."""
    return int(gdb.parse_and_eval(f"(unsigned int) &{name}"))


def enumerator(value, prefix):
    """=> "ready" for PROC_READY"""
    return str(value).removeprefix(prefix).lower().replace("_", "-")


def flags(value, enum_name, prefix):
    """The names of the bits that are set in value, by an enum of flags. => "busy dirty", "none" """
    said = [f.name.removeprefix(prefix).lower().replace("_", "-") for f in kernel_type(enum_name).fields()
            if value & f.enumval]
    return " ".join(said) or "none"


# Values ----------------------------------------------------------------------------------------------

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


def register(name):
    """A register of the CPU, whatever frame is selected."""
    return int(gdb.newest_frame().read_register(name)) & 0xffffffff


def at(pointer, type_name):
    """=> the struct at an address"""
    return gdb.Value(int(pointer)).cast(kernel_type(type_name).pointer()).dereference()


def container(node, type_name, link):
    """=> the struct that has this list node as its field `link`"""
    offset = next(f.bitpos // 8 for f in kernel_type(type_name).fields() if f.name == link)
    return at(int(node) - offset, type_name)


def nodes(head):
    """The addresses of the nodes on an intrusive list; none if it was not set up yet."""
    node = head["next"]
    while int(node) and node != head.address:
        yield int(node)
        node = node["next"]


def elements(head, type_name, link):
    """The structures on an intrusive list."""
    for node in nodes(head):
        yield container(node, type_name, link)


def symbol_at(value):
    """=> "pager_channel" or "frame_table+0x20" for an address of the kernel's image; None for others"""
    said = gdb.execute(f"info symbol {value:#x}", to_string=True)
    found = re.match(r"(\S+)(?: \+ (\d+))? in section", said)
    if not found:
        return None
    return found[1] + (f"+{int(found[2]):#x}" if found[2] else "")


# Memory ----------------------------------------------------------------------------------------------

def is_paging():
    return bool(register("cr0") & PG)


def direct(pa):
    """Where the direct map shows a physical address; None if it does not."""
    if not is_paging() or pa >> PAGE_SHIFT >= int(variable("frame_direct_count")):
        return None
    return int(variable("frame_direct_map")) + pa


def physical(pa, size):
    """Bytes of physical memory, of one page."""
    shown = direct(pa)
    if shown is not None:
        return bytes(gdb.selected_inferior().read_memory(shown, size))
    said = gdb.execute(f"monitor xp/{size}xb {pa:#x}", to_string=True)
    found = [int(byte, 16) for line in said.splitlines()
             for byte in re.findall(r"\b0x([0-9a-f]{2})\b", line.partition(":")[2])]
    if len(found) != size:
        raise gdb.GdbError(f"cannot read physical memory at {pa:#x}: {said.strip()}")
    return bytes(found)


def words(data):
    """Bytes as 32-bit words."""
    return [int.from_bytes(data[i:i + WORD], "little") for i in range(0, len(data), WORD)]


def physical_word(pa):
    return words(physical(pa, WORD))[0]


# The log ---------------------------------------------------------------------------------------------

def log_lines():
    """The guest's serial log so far."""
    path = pathlib.Path(os.environ.get("FAULTLINE_LOG", ROOT / "build/debug.log"))
    if not path.exists():
        raise gdb.GdbError(f"there is no {path}")
    return path.read_text(errors="replace").splitlines()
