# SPDX-License-Identifier: MIT
"""Pools, and a policy's state without knowing the policy: the type of its instance is what most of its
functions have a local pointer to; in it every list_node is a queue, and every pointer to one a hand."""
import collections

import gdb

from fl.guest import at, elements, kernel_type, nodes, number, variable
from fl.paging import frame_number, frame_record, is_accessed, is_dirty, mappings, page_words

OPERATIONS = ("pick_victim", "removed", "inserted", "check")
OTHERS = ("frame", "list_node", "page_entry")


def pools():
    return list(elements(variable("all_pools"), "struct pool", "link"))


def pool_words(pool):
    resident, limit = int(pool["resident"]), int(pool["limit"])
    full = ": full, a page must go first" if resident >= limit else ""
    return f"{resident} of {limit} frames in use, policy {pool['policy']['name'].string()}{full}"


def local_types(function):
    """The structs that a function of the kernel has local pointers to."""
    block = gdb.block_for_pc(int(function))
    while block is not None and block.function is None:
        block = block.superblock
    for symbol in block or ():
        kind = symbol.type.strip_typedefs()
        if symbol.is_argument or kind.code != gdb.TYPE_CODE_PTR:
            continue
        target = kind.target().strip_typedefs()
        if target.code == gdb.TYPE_CODE_STRUCT and target.name not in OTHERS:
            yield target.name, target


def instance_of(pool):
    """=> the policy's instance; None if its type cannot be found"""
    found = collections.Counter()
    types = {}
    for operation in OPERATIONS:
        function = pool["policy"][operation]
        here = dict(local_types(function)) if int(function) else {}
        found.update(here.keys())
        types.update(here)
    if not found:
        return None
    return pool["state"].cast(types[found.most_common(1)[0][0]].pointer()).dereference()


def is_node(kind):
    return kind.strip_typedefs().name == "list_node"


def heads(name, value):
    """The queues in a field, which may be an array of them: (name, head)."""
    kind = value.type.strip_typedefs()
    if is_node(kind):
        yield name, value
    elif kind.code == gdb.TYPE_CODE_ARRAY:
        for i in range(kind.range()[1] + 1):
            if kind.target().strip_typedefs().code == gdb.TYPE_CODE_ARRAY or is_node(kind.target()):
                yield from heads(f"{name}[{i}]", value[i])


class State:
    """A policy's instance, taken apart: its queues, hands and numbers, the directories that have further records
    of pages, and its arrays of other structs that can be on a queue."""

    def __init__(self, pool):
        self.queues, self.hands, self.numbers, self.directories, self.arrays = [], {}, {}, [], []
        instance = instance_of(pool)
        for field in instance.type.fields() if instance is not None else ():
            self.take(field.name, instance[field.name])

    def take(self, name, value):
        kind = value.type.strip_typedefs()
        if kind.code == gdb.TYPE_CODE_PTR and is_node(kind.target()):
            self.hands[name] = int(value)
        elif kind.code in (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_BOOL):
            self.numbers[name] = int(value)
        elif kind.name == "directory":
            self.directories.append(value)
        elif kind.code == gdb.TYPE_CODE_ARRAY and list(links_of(kind.target())):
            self.arrays.append((name, int(value.address), kind.target().strip_typedefs()))
        else:
            self.queues += [(n, head) for n, head in heads(name, value) if int(head["next"])]

    def frame_at(self, node):
        """=> the frame whose page a node of a queue stands for; None if it is not in memory, or not a page"""
        table, record = int(variable("frame_table")), kernel_type("struct frame").sizeof
        index = (node - table) // record
        if 0 <= index < int(variable("frame_table_count")):
            return frame_record(index)
        entry = self.entry_at(node)
        return entry["frame"].dereference() if entry is not None and int(entry["frame"]) else None

    def entry_at(self, node):
        """=> the directory entry that has this node as one of its links, or None"""
        kind = kernel_type("struct page_entry")
        for directory in self.directories:
            chunk_size = number("DIRECTORY_CHUNK") * kind.sizeof
            for i in range(-(-int(directory["capacity"]) // number("DIRECTORY_CHUNK"))):
                start = int(directory["chunks"][i])
                if start <= node < start + chunk_size:
                    return at(start + (node - start) // kind.sizeof * kind.sizeof, "struct page_entry")
        return None

    def struct_at(self, node):
        """=> (name, the struct of one of the arrays whose link this node is), or None"""
        for name, start, kind in self.arrays:
            index, offset = divmod(node - start, kind.sizeof)
            if index >= 0 and offset == next(iter(links_of(kind))).bitpos // 8:
                found = gdb.Value(start + index * kind.sizeof).cast(kind.pointer()).dereference()
                return f"{name}[{index}]", found
        return None

    def queues_inside(self):
        """All queues, and those in structs on them."""
        for name, head in self.queues:
            yield name, head
            for node in nodes(head):
                found = self.struct_at(node)
                if found is not None:
                    for field in list(links_of(found[1].type))[1:]:
                        numbers = " ".join(f"{f.name}={int(found[1][f.name])}" for f in found[1].type.fields()
                                           if f.type.strip_typedefs().code == gdb.TYPE_CODE_INT)
                        yield f"{found[0]}.{field.name}, {numbers}", found[1][field.name]

    def words_of(self, node):
        """One place in a queue."""
        frame = self.frame_at(node)
        if frame is not None:
            return frame_line(frame)
        entry, other = self.entry_at(node), self.struct_at(node)
        if entry is not None:  # as the log's explain has it
            return f"ghost of {int(entry['id']['owner']):#x}:{int(entry['id']['page']):#x}"
        return other[0] if other is not None else "?"

    def numbers_words(self):
        return " ".join(f"{name}={value}" for name, value in self.numbers.items())

    def place(self, frame):
        """Where a frame is in the queues, in words."""
        pfn, said = frame_number(frame), []
        for name, head in self.queues_inside():
            found = [i for i, node in enumerate(nodes(head), 1) if stands_for(self.frame_at(node), pfn)]
            said += [f"number {i} of {len(list(nodes(head)))} in {name}" for i in found]
        said += [f"{name} is at it" for name, node in self.hands.items() if stands_for(self.frame_at(node), pfn)]
        return ", ".join(said)


def stands_for(frame, pfn):
    return frame is not None and frame_number(frame) == pfn


def links_of(kind):
    """The fields of a struct by which it is on queues, or that are queues; none for other types."""
    kind = kind.strip_typedefs()
    return (f for f in kind.fields() if is_node(f.type)) if kind.code == gdb.TYPE_CODE_STRUCT and not is_node(kind) else ()


def frame_line(frame):
    """One page in a queue."""
    found = mappings(frame)
    page = f"pid {int(found[0][0]['tag'])} {found[0][1]:#010x}" if len(found) == 1 else page_words(frame)
    return (f"frame {frame_number(frame):#x}  {page}  A={is_accessed(frame):d} D={is_dirty(frame):d} "
            f"flag={int(frame['policy_flag'])} word={int(frame['policy_word'])}")


def queue_lines(pool, most):
    """The policy's state, with at most so many pages of each queue."""
    state, shown = State(pool), set()
    if state.numbers:
        yield f"  {state.numbers_words()}"
    for name, head in state.queues_inside():
        inside = list(nodes(head))
        shown.update(frame_number(f) for f in map(state.frame_at, inside) if f is not None)
        if inside or "[" not in name:
            yield f"  {name}: {len(inside)}"
        starts = [i for i, node in enumerate(inside) if node in state.hands.values()]
        if len(starts) == 1:  # a ring begins where its hand is
            inside = inside[starts[0]:] + inside[:starts[0]]
        for node in inside[:most]:
            marks = "".join(f"  <- {hand}" for hand, place in state.hands.items() if place == node)
            yield f"    {state.words_of(node)}{marks}"
        if len(inside) > most:
            yield f"    ... {len(inside) - most} more"
        yield from (f"    {hand} is at the end" for hand, place in state.hands.items()
                    if inside and place == int(head.address))
    if len(shown) < int(pool["queued"]):
        yield f"  {int(pool['queued']) - len(shown)} pages that it keeps in no list: `fl frame N` shows one"


def reason(pool, frame):
    """Why this frame, as far as the policy's state tells."""
    state = State(pool)
    facts = [f"accessed={is_accessed(frame):d} dirty={is_dirty(frame):d}", state.numbers_words(), state.place(frame)]
    return "; ".join(fact for fact in facts if fact)
