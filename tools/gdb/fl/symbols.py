# SPDX-License-Identifier: MIT
"""The symbols of programs. They all lie at the same addresses, so that only one program's are loaded at a time."""
import gdb

from fl.command import Command
from fl.guest import ROOT, is_paging
from fl.process import name_of, running

PROGRAMS = ("build/user/bin", "build/user/glibc")


class Symbols:
    """What is loaded. `automatic`: that of the program on the CPU, at every stop."""
    path = None
    automatic = True


def path_of(name):
    """=> where the program with its symbols is, from the root; None if it was not built here"""
    name = name.rsplit("/", 1)[-1]
    return next((f"{d}/{name}" for d in PROGRAMS if name and (ROOT / d / name).is_file()), None)


def load(path):
    """Loads a program's symbols; None: only drops those of another."""
    if path == Symbols.path:
        return
    if Symbols.path is not None:
        dropped, Symbols.path = Symbols.path, None
        gdb.execute(f'remove-symbol-file "{ROOT / dropped}"', to_string=True)
    if path is not None:
        gdb.execute(f'add-symbol-file "{ROOT / path}" -o 0', to_string=True)
        Symbols.path = path


def follow():
    """Loads what belongs to the program on the CPU. Says nothing, whatever happens."""
    if not Symbols.automatic:
        return
    try:
        if gdb.selected_inferior().pid and is_paging():
            proc = running()
            if proc is not None:
                load(path_of(name_of(proc)))
    except (gdb.error, gdb.GdbError):  # the guest is not far enough, or has ended
        pass


class SymbolsCommand(Command):
    """Load the symbols of a program.

fl symbols [PROGRAM | auto | off]

At every stop those of the program on the CPU are loaded, and those of another dropped, for programs lie at
the same addresses. PROGRAM, such as scan, loads that one's and keeps them, so that breakpoints in it work
before it runs. auto: again at every stop. off: none. Without an argument it says which are loaded. They are
looked for in build/user."""
    name = "symbols"
    needs_paging = False

    def run(self, arguments):
        if len(arguments) > 1:
            self.expects("at most one argument")
        if arguments == ["auto"]:
            Symbols.automatic = True
            follow()
        elif arguments == ["off"]:
            Symbols.automatic = False
            load(None)
        elif arguments:
            path = path_of(arguments[0])
            if path is None:
                raise gdb.GdbError(f"no program {arguments[0]} in {' or '.join(PROGRAMS)}")
            Symbols.automatic = False
            load(path)
        print(f"symbols of {Symbols.path or 'no program'}, {'automatic' if Symbols.automatic else 'not automatic'}")
