# SPDX-License-Identifier: MIT
"""Replacement policies a second time, each written from its paper, to hold mm/policy/ against. Slow and plain
on purpose, and no code is shared with what it judges.

    lru("abcab", 2).faults

A trace is a sequence of pages, which are anything hashable. The frames are empty at the start, and every page
that has to be brought in counts as a fault (demand paging)."""
import collections
import dataclasses


@dataclasses.dataclass
class Run:
    """What a policy did. Each eviction is (number of the reference that caused it, page)."""
    faults: int
    evictions: list

    @property
    def victims(self):
        return [page for _, page in self.evictions]

    def writebacks(self, trace, written):
        """=> how many of the evicted pages had been written since they came in; written[i] says that
        reference i was a write"""
        leaves = dict(self.evictions)
        dirty, count = set(), 0
        for i, page in enumerate(trace):
            if i in leaves and leaves[i] in dirty:
                dirty.remove(leaves[i])
                count += 1
            if written[i]:
                dirty.add(page)
        return count


def joined(trace, written):
    """References to one page in a row made one, which is a write if any of them was: an MMU cannot tell them
    apart. => (trace, written)"""
    pages, writes = [], []
    for page, write in zip(trace, written):
        if pages and pages[-1] == page:
            writes[-1] = writes[-1] or write
        else:
            pages.append(page)
            writes.append(write)
    return pages, writes


def fifo(trace, frames):
    """First in, first out (Belady 1966)."""
    queue, run = collections.deque(), Run(0, [])
    for i, page in enumerate(trace):
        if page in queue:
            continue
        run.faults += 1
        if len(queue) == frames:
            run.evictions.append((i, queue.popleft()))
        queue.append(page)
    return run


def lru(trace, frames):
    """Least recently used (Mattson, Gecsei, Slutz and Traiger 1970)."""
    last_use, run = {}, Run(0, [])  # of the pages in memory
    for i, page in enumerate(trace):
        if page not in last_use:
            run.faults += 1
            if len(last_use) == frames:
                oldest = min(last_use, key=last_use.get)
                del last_use[oldest]
                run.evictions.append((i, oldest))
        last_use[page] = i
    return run


def clock(trace, frames):
    """A circle of frames, a bit for each, and a hand (Corbato 1968). The access that brings a page in sets its
    bit like any other. The hand clears the bits that it finds set and stops at one that is clear; when the
    page has been replaced, it stands at the next frame."""
    held, used, hand, run = [None] * frames, [False] * frames, 0, Run(0, [])
    for i, page in enumerate(trace):
        if page not in held:
            run.faults += 1
            if None in held:
                place = held.index(None)
            else:
                while used[hand]:
                    used[hand] = False
                    hand = (hand + 1) % frames
                place, hand = hand, (hand + 1) % frames
                run.evictions.append((i, held[place]))
            held[place] = page
        used[held.index(page)] = True
    return run


def opt(trace, frames):
    """Belady's MIN (1966): the page goes that is wanted latest. Only the number of faults is unique: of pages
    that nobody wants any more, any may go."""
    never = len(trace)
    next_use, upcoming = [never] * len(trace), {}
    for i in range(len(trace) - 1, -1, -1):
        next_use[i] = upcoming.get(trace[i], never)
        upcoming[trace[i]] = i
    wanted, run = {}, Run(0, [])  # of the pages in memory: when next
    for i, page in enumerate(trace):
        if page not in wanted:
            run.faults += 1
            if len(wanted) == frames:
                latest = max(wanted, key=wanted.get)
                del wanted[latest]
                run.evictions.append((i, latest))
        wanted[page] = next_use[i]
    return run


def sieve(trace, frames):
    """SIEVE (Zhang, Yang, Yue, Vigfusson and Rashmi, NSDI 2024, algorithm 1). New pages come in at the head of
    a queue, not visited; a hit marks a page visited and moves nothing. The hand goes from the tail to the
    head, clears marks and takes the first page that has none; from the head it goes on at the tail. It stays
    where the victim was, at its neighbour towards the head."""
    queue, visited, run = [], {}, Run(0, [])  # queue[0] is the tail
    hand = None                               # a page; None: to begin at the tail
    for i, page in enumerate(trace):
        if page in visited:
            visited[page] = True
            continue
        run.faults += 1
        if len(queue) == frames:
            at = 0 if hand is None else queue.index(hand)
            while visited[queue[at]]:
                visited[queue[at]] = False
                at = (at + 1) % frames
            victim = queue[at]
            hand = queue[at + 1] if at + 1 < frames else None
            queue.remove(victim)
            del visited[victim]
            run.evictions.append((i, victim))
        queue.append(page)
        visited[page] = False
    return run


def arc(trace, frames):
    """ARC (Megiddo and Modha, FAST 2003, figure 4). T1 and T2 hold the pages in memory that were seen once and
    more than once, B1 and B2 those that left them; p is the length that T1 should have. In whole numbers:
    quotients are rounded down, and a step is at least 1."""
    c, p = frames, 0
    t1, t2, b1, b2 = [], [], [], []  # least recently used first
    run = Run(0, [])

    def replace(i, in_b2):
        if t1 and (len(t1) > p or (in_b2 and len(t1) == p)):
            victim = t1.pop(0)
            b1.append(victim)
        else:
            victim = t2.pop(0)
            b2.append(victim)
        run.evictions.append((i, victim))

    for i, x in enumerate(trace):
        if x in t1 or x in t2:  # case I
            (t1 if x in t1 else t2).remove(x)
            t2.append(x)
            continue
        run.faults += 1
        if x in b1:  # case II
            p = min(p + max(1, len(b2) // len(b1)), c)
            replace(i, False)
            b1.remove(x)
            t2.append(x)
        elif x in b2:  # case III
            p = max(p - max(1, len(b1) // len(b2)), 0)
            replace(i, True)
            b2.remove(x)
            t2.append(x)
        else:  # case IV
            if len(t1) + len(b1) == c:
                if len(t1) < c:
                    b1.pop(0)
                    replace(i, False)
                else:
                    run.evictions.append((i, t1.pop(0)))  # and B1, which is empty, does not remember it
            elif len(t1) + len(t2) + len(b1) + len(b2) >= c:
                if len(t1) + len(t2) + len(b1) + len(b2) == 2 * c:
                    b2.pop(0)
                replace(i, False)
            t1.append(x)
        assert len(t1) + len(t2) <= c and len(t1) + len(b1) <= c
        assert len(t1) + len(t2) + len(b1) + len(b2) <= 2 * c
    return run


POLICIES = {f.__name__: f for f in (fifo, lru, clock, opt, sieve, arc)}
