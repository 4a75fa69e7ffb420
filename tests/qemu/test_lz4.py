# SPDX-License-Identifier: MIT
"""Our LZ4 against the real one: liblz4 reads what we write, we read what it writes, and we are not much worse."""
import ctypes
import pathlib
import random
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = 4096
ROOM = 2 * 65536
TABLE = 16384  # bytes; more than struct lz4_table
EINVAL = 22


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """lib/lz4.c, compiled for this machine. => the library"""
    path = tmp_path_factory.mktemp("lz4") / "lz4.so"
    subprocess.run(["gcc", "-std=gnu11", "-O2", "-Wall", "-Werror", "-I.", "-shared", "-fPIC", "lib/lz4.c", "-o", path],
                   cwd=ROOT, check=True)
    return ctypes.CDLL(str(path))


@pytest.fixture(scope="module")
def theirs():
    return ctypes.CDLL("liblz4.so.1")  # make deps installs it


TEXT = b"the page that goes out is the one that nobody will want for the longest time; who could know that? "


def pages():
    """=> [(kind, bytes)]: a few hundred pages of all kinds, and inputs that are no page"""
    rng = random.Random(4)
    found = [("zeros", bytes(PAGE)), ("ones", b"\xff" * PAGE)]
    for i in range(60):
        found += [
            ("random", rng.randbytes(PAGE)),
            ("sparse", bytes(rng.choice(b"\0\0\0\0\0\0\0\1") for _ in range(PAGE))),
            ("periodic", (rng.randbytes(1 + i) * PAGE)[:PAGE]),
            ("records", b"".join(rng.randbytes(4) + n.to_bytes(4, "little") + bytes(8) for n in range(PAGE // 16))),
            ("text", b" ".join(rng.choice(TEXT.split()) for _ in range(PAGE))[:PAGE]),
            ("halves", rng.randbytes(PAGE // 2) + bytes(PAGE // 2)),
            ("size", (TEXT * 700)[:rng.randrange(65536)]),
            ("small", rng.choice([TEXT, bytes(99), rng.randbytes(99)])[:i]),
        ]
    code = (ROOT / "build" / "faultline.elf").read_bytes()
    return found + [("code", code[at:at + PAGE]) for at in range(0, 60 * PAGE, PAGE)]


PAGES = pages()


def compress(function, data, *before):
    out = ctypes.create_string_buffer(ROOM)
    n = function(*before, data, len(data), out, ROOM) if before else function(data, out, len(data), ROOM)
    assert n > 0
    return out.raw[:n]


def test_liblz4_reads_what_we_write(ours, theirs):
    table = ctypes.create_string_buffer(TABLE)
    for kind, page in PAGES:
        block = compress(ours.lz4_compress, page, table)
        back = ctypes.create_string_buffer(len(page) + 1)
        assert theirs.LZ4_decompress_safe(block, back, len(block), len(page)) == len(page), kind
        assert back.raw[:len(page)] == page, kind


def test_we_read_what_liblz4_writes(ours, theirs):
    out = ctypes.create_string_buffer(ROOM)
    for kind, page in PAGES:
        fast = compress(theirs.LZ4_compress_default, page)
        n = theirs.LZ4_compress_HC(page, out, len(page), ROOM, 9)
        for block in fast, out.raw[:n]:
            back = ctypes.create_string_buffer(len(page) + 1)
            assert ours.lz4_decompress(block, len(block), back, len(page)) == len(page), kind
            assert back.raw[:len(page)] == page, kind


def has_offset_zero(block):
    """The description calls it invalid; liblz4 reads it as zeros."""
    def length(code, at):
        if code == 15:
            while True:
                code, at = code + block[at], at + 1
                if block[at - 1] != 255:
                    break
        return code, at
    at = 0
    while True:
        token = block[at]
        literals, at = length(token >> 4, at + 1)
        at += literals
        if at >= len(block):
            return False
        if block[at:at + 2] == b"\0\0":
            return True
        _, at = length(token & 15, at + 2)


def test_damaged_blocks(ours, theirs):
    """What both read is the same, and we read all that liblz4 does. We may read more: blocks that only break
    the rules for their end."""
    rng = random.Random(5)
    refused = agreed = 0
    for _, page in PAGES:
        block = bytearray(compress(theirs.LZ4_compress_default, page))
        for _ in range(3):
            block[rng.randrange(len(block))] = rng.randrange(256)
        block = bytes(block)
        mine, real = (ctypes.create_string_buffer(ROOM) for _ in range(2))
        a = ours.lz4_decompress(block, len(block), mine, ROOM)
        b = theirs.LZ4_decompress_safe(block, real, len(block), ROOM)
        assert a == -EINVAL or a >= 0
        if a >= 0 and b >= 0:
            assert a == b and mine.raw[:a] == real.raw[:b]
            agreed += 1
        elif b >= 0:
            assert has_offset_zero(block)
        refused += a < 0
    assert agreed > 50 and refused > 50


def test_we_compress_nearly_as_well(ours, theirs):
    table = ctypes.create_string_buffer(TABLE)
    mine = sum(len(compress(ours.lz4_compress, page, table)) for _, page in PAGES)
    real = sum(len(compress(theirs.LZ4_compress_default, page)) for _, page in PAGES)
    assert mine < real * 1.05
