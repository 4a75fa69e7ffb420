# SPDX-License-Identifier: MIT
"""gdb commands that explain page faults, page tables and evictions in the kernel's own words.

`make debug` loads this file into gdb, with the guest stopped at its start. `fl help` lists the commands,
`fl help NAME` explains one. They are in the package fl beside this file."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from fl import evict, fault, show, stack, stop, symbols  # noqa: E402, F401 they define commands

show.register_commands()
