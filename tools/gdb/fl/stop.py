# SPDX-License-Identifier: MIT
"""What happens whenever the guest stops: the symbols of the program on the CPU are loaded, and a breakpoint of
ours says what it stopped at."""
import gdb

from fl import symbols


class Counted(gdb.Breakpoint):
    """A breakpoint that stops where `matches` says so; with n in `wanted`, once, at the nth."""

    def __init__(self, where, wanted):
        self.wanted, self.seen = wanted, 0
        super().__init__(where, temporary="n" in wanted)

    def stop(self):
        if not self.matches():
            return False
        self.seen += 1
        return self.seen == self.wanted.get("n", self.seen)


def on_stop(event):
    symbols.follow()
    for breakpoint in getattr(event, "breakpoints", ()):
        if isinstance(breakpoint, Counted):
            try:
                print("\n".join(breakpoint.explain()))
            except gdb.error as e:
                print(f"(it cannot be explained: {e})")


gdb.events.stop.connect(on_stop)
