#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that every file includes only what its place in the house allows.

    lib < mm < arch < drivers < kernel < boot      a file includes its own folder and those to its left
    user                                           includes user and lib
    tests, tools                                   include anything

Every quoted include names its file from the root of the repository. Inside mm/ each file says `mm-level: N`
in its header comment and includes only lower levels (a .c file its own header too). The kernel and user
programs use only the compiler's own headers. No header includes itself, directly or around a corner.

Prints one line per breach, `file:line: what`, and exits with 1 if there is any.
"""
import pathlib
import re
import sys

ORDER = ("lib", "mm", "arch", "drivers", "kernel", "boot")
ANYTHING = ORDER + ("user", "tests", "tools")
ALLOWED = {folder: ORDER[:i + 1] for i, folder in enumerate(ORDER)}
ALLOWED.update(user=("lib", "user"), tests=ANYTHING, tools=ANYTHING)

COMPILER_HEADERS = {"stdarg.h", "stdbool.h", "stddef.h", "stdint.h"}
SUFFIXES = {".c", ".h", ".S"}

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]*)"|<([^>]*)>|(\S+))')
MM_LEVEL = re.compile(r"\bmm-level:\s*(\d+)(?:\.(\d+))?\b")
COMMENT = re.compile(r"\s*/\*.*?\*/", re.DOTALL)


class Tree:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.files = {}   # path -> text
        self.breaches = []
        for folder in ANYTHING:
            for path in sorted((self.root / folder).rglob("*")):
                if path.suffix in SUFFIXES and path.is_file():
                    self.files[path.relative_to(self.root).as_posix()] = path.read_text(errors="replace")
        self.includes = {path: self._includes_of(text) for path, text in self.files.items()}
        self.levels = {path: self._level_of(text) for path, text in self.files.items()
                       if path.startswith("mm/") and not path.endswith(".S")}

    @staticmethod
    def _includes_of(text):
        """=> [(line number, quoted name or None, <name> or None)]"""
        found = []
        for number, line in enumerate(text.splitlines(), 1):
            match = INCLUDE.match(line)
            if match:
                found.append((number, match[1], match[2] if match[1] is None else None))
        return found

    @staticmethod
    def _level_of(text):
        """=> (major, decimals) from the first comment, or None; as text, decimals compare like a fraction's:
        4.05 is below 4.1"""
        header = COMMENT.match(text)
        match = header and MM_LEVEL.search(header[0])
        return (int(match[1]), match[2] or "") if match else None

    def breach(self, path, line, what):
        self.breaches.append(f"{path}:{line}: {what}")

    def check(self):
        """=> the list of breaches"""
        for path in self.levels:
            if self.levels[path] is None:
                self.breach(path, 1, "no `mm-level: N` in the header comment")
        for path, includes in self.includes.items():
            for line, quoted, system in includes:
                if quoted is not None:
                    self._check_quoted(path, line, quoted)
                elif system is not None:
                    self._check_system(path, line, system)
                else:
                    self.breach(path, line, "an include must be written out")
        self._check_cycles()
        return self.breaches

    def _check_quoted(self, path, line, name):
        folder, target = path.split("/")[0], name.split("/")[0]
        if target not in ANYTHING or ".." in name.split("/"):
            self.breach(path, line, f'"{name}" does not name its file from the root of the repository')
        elif name not in self.files:
            self.breach(path, line, f'"{name}" does not exist')
        elif target not in ALLOWED[folder]:
            self.breach(path, line, f'{folder} may not include {target} ("{name}")')
        elif folder == target == "mm":
            self._check_level(path, line, name)

    def _check_level(self, path, line, name):
        own, other = self.levels.get(path), self.levels.get(name)
        is_own_header = path.endswith(".c") and name == path[:-2] + ".h"
        if own and other and not is_own_header and other >= own:
            self.breach(path, line, f'mm-level {show(own)} may not include "{name}" of level {show(other)}')

    def _check_system(self, path, line, name):
        free = path.startswith(("tests/", "tools/", "user/glibc/"))
        if not free and name not in COMPILER_HEADERS:
            self.breach(path, line, f"<{name}> is not one of the compiler's own headers")

    def _check_cycles(self):
        done, trail = set(), []

        def visit(path):
            if path in trail:
                cycle = trail[trail.index(path):] + [path]
                line = next(n for n, quoted, _ in self.includes[trail[-1]] if quoted == path)
                self.breach(trail[-1], line, "include cycle: " + " -> ".join(cycle))
                return
            if path in done:
                return
            trail.append(path)
            for _, quoted, _ in self.includes[path]:
                if quoted in self.files:
                    visit(quoted)
            trail.pop()
            done.add(path)

        for path in self.files:
            visit(path)


def show(level):
    return f"{level[0]}.{level[1]}" if level[1] else str(level[0])


def check(root):
    """=> the breaches in the tree at root, as printable lines"""
    return Tree(root).check()


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent
    breaches = check(root)
    print("\n".join(breaches), end="\n" if breaches else "")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
