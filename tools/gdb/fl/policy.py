# SPDX-License-Identifier: MIT
"""Pools, and a policy's state without knowing the policy: the type of its instance is what most of its
functions have a local pointer to; in it every list_node is a queue, and every pointer to one a hand."""
import collections

import gdb

from fl.guest import elements, kernel_type, nodes, number, variable
from fl.paging import frame_number, frame_record, mapping_entries, mappings, page_words

OPERATIONS = ("pick_victim", "removed", "inserted", "check")
OTHERS = ("frame", "list_node", "page_entry")


def pools():
    return list(elements(variable("all_pools"), "struct pool", "link"))


def pool_words(pool):
    resident, limit = int(pool["resident"]), int(pool["limit"])
    full = ": full, a page must go first" if resident >= limit else ""
    return f"{resident} of {limit} frames in use, policy {pool['policy']['name'].string()}{full}"


def is_accessed(frame):
    return any(e.present and e.has("A") for e in mapping_entries(frame))


def is_dirty(frame):
    """Would its eviction need a write?"""
    return bool(int(frame["flags"]) & number("FRAME_DIRTY")) or any(e.present and e.has("D") for e in mapping_entries(frame))


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
    """A policy's instance, taken apart."""

    def __init__(self, pool):
        self.queues, self.hands, self.numbers, self.directories = [], {}, {}, []
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
        else:
            self.queues += [(n, head) for n, head in heads(name, value) if int(head["next"])]

    def page(self, node):
        """What a node of a queue is. => (a frame or None, words for what is not in memory)"""
        table, record = int(variable("frame_table")), kernel_type("struct frame").sizeof
        index = (node - table) // record
        if 0 <= index < int(variable("frame_table_count")):
            return frame_record(index), ""
        entry = self.entry(node)
        if entry is None:
            return None, "not a page"
        if int(entry["frame"]):
            return entry["frame"].dereference(), ""
        return None, f"ghost of page {int(entry['id']['page']) << 12:#010x} of owner {int(entry['id']['owner']):#x}"

    def entry(self, node):
        """=> the directory entry that has this node as one of its links, or None"""
        kind = kernel_type("struct page_entry")
        for directory in self.directories:
            chunk_size = number("DIRECTORY_CHUNK") * kind.sizeof
            for i in range(-(-int(directory["capacity"]) // number("DIRECTORY_CHUNK"))):
                start = int(directory["chunks"][i])
                if start <= node < start + chunk_size:
                    at = start + (node - start) // kind.sizeof * kind.sizeof
                    return gdb.Value(at).cast(kind.pointer()).dereference()
        return None

    def numbers_words(self):
        return " ".join(f"{name}={value}" for name, value in self.numbers.items())

    def place(self, frame):
        """Where a frame is in the queues, in words."""
        link, said = int(frame["link"].address), []
        for name, head in self.queues:
            inside = list(nodes(head))
            if link in inside:
                said.append(f"number {inside.index(link) + 1} of {len(inside)} in {name}")
        said += [f"{name} is at it" for name, node in self.hands.items() if node == link]
        return ", ".join(said)


def frame_line(frame):
    """One page in a queue."""
    found = mappings(frame)
    page = f"pid {int(found[0][0]['tag'])} {found[0][1]:#010x}" if len(found) == 1 else page_words(frame)
    return (f"frame {frame_number(frame):#x}  {page}  A={is_accessed(frame):d} D={is_dirty(frame):d} "
            f"flag={int(frame['policy_flag'])} word={int(frame['policy_word'])}")


def queue_lines(pool, most):
    """The policy's state, with at most so many pages of each queue."""
    state, shown = State(pool), 0
    if state.numbers:
        yield f"  {state.numbers_words()}"
    for name, head in state.queues:
        inside = list(nodes(head))
        if not inside and "[" in name:
            continue
        yield f"  {name}: {len(inside)}"
        for node in inside[:most]:
            frame, other = state.page(node)
            marks = "".join(f"  <- {hand}" for hand, at in state.hands.items() if at == node)
            yield f"    {frame_line(frame) if frame is not None else other}{marks}"
        if len(inside) > most:
            yield f"    ... {len(inside) - most} more"
        shown += sum(1 for node in inside if state.page(node)[0] is not None)
        at_head = [hand for hand, at in state.hands.items() if at == int(head.address)]
        if at_head:
            yield f"    {', '.join(at_head)} {'is' if len(at_head) == 1 else 'are'} at the end of {name}"
    if shown < int(pool["queued"]):
        yield f"  {int(pool['queued']) - shown} pages that it keeps in no list: `fl frame N` shows one"


def reason(pool, frame):
    """Why this frame, as far as the policy's state tells."""
    state = State(pool)
    facts = [f"accessed={is_accessed(frame):d} dirty={is_dirty(frame):d}", state.numbers_words(), state.place(frame)]
    return "; ".join(fact for fact in facts if fact)
