#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns `nm` output (stdin) into the assembly source of the kernel's own symbol table (stdout).

The table is what kernel/symbols.c reads: `ksyms`, an array of (address, pointer to name) sorted by
address, one entry per address, and `ksyms_count`. Empty input gives an empty table, for the first link.
"""
import sys

LAYOUT_SYMBOLS = ("__text_start", "__text_end")  # marks of the link script, not functions


def text_symbols(lines):
    """=> {address: name} of the text symbols; of several at one address a global one wins."""
    chosen = {}
    for line in lines:
        fields = line.split()
        if len(fields) != 3 or fields[1] not in "tTwW" or fields[2] in LAYOUT_SYMBOLS:
            continue
        address, kind, name = int(fields[0], 16), fields[1], fields[2]
        rank = (kind != "T", name)
        if address not in chosen or rank < chosen[address]:
            chosen[address] = rank
    return {address: rank[1] for address, rank in sorted(chosen.items())}


def main():
    symbols = text_symbols(sys.stdin)
    print("/* Made by tools/ksyms.py. */")
    print('\t.section .ksyms, "a"\n\t.balign 4\n\t.globl ksyms, ksyms_count\nksyms:')
    for i, address in enumerate(symbols):
        print(f"\t.long {address:#x}, .Lname{i}")
    print(f"ksyms_count:\n\t.long {len(symbols)}")
    for i, name in enumerate(symbols.values()):
        print(f'.Lname{i}:\t.asciz "{name}"')


if __name__ == "__main__":
    main()
