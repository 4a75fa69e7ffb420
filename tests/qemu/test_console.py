# SPDX-License-Identifier: MIT
"""The prompt over the serial line and the keyboard, and what the screen shows."""
import re
import time

import pytest
from PIL import Image
from scenario import ROOT
from tools import qemu

COMMANDS = ("help run demo ps kill wait maps vmstat frames buddy slab swap policy log disk check ktest provoke "
            "quit").split()
SHIFTED = {"&": "7"}
NAMED = {" ": "spc", "\n": "ret", "\b": "backspace", "^": "home", "$": "end", "~": "delete", "<": "left"}
COLUMNS, ROWS, VGA_TEXT = 80, 25, 0xb8000
WHITE_ON_RED = 0x4f


@pytest.fixture
def guest():
    with qemu.Guest(append="log=quiet frames=64", qmp=True, timeout=60) as g:
        g.expect("^faultline> ")
        yield g


def typed(guest, keys):
    """Sends raw bytes and waits for the next prompt. => what came before it"""
    start = len(guest.log)
    guest.process.stdin.write(keys)
    guest.process.stdin.flush()
    end = guest.expect(r"\nfaultline> ").start()
    return guest.log[start:end]


def press(guest, text):
    for c in text:
        keys = ["shift", SHIFTED[c]] if c in SHIFTED else ["shift", c.lower()] if c.isupper() else [NAMED.get(c, c)]
        guest.qmp("send-key", keys=[{"type": "qcode", "data": key} for key in keys], **{"hold-time": 10})
        time.sleep(0.03)


def screen(guest, path):
    """=> the rows of VGA's text, and the attributes of each"""
    guest.qmp("pmemsave", val=VGA_TEXT, size=COLUMNS * ROWS * 2, filename=str(path))
    cells = path.read_bytes()
    rows = [cells[at:at + COLUMNS * 2] for at in range(0, len(cells), COLUMNS * 2)]
    return [row[::2].decode("cp437") for row in rows], [set(row[1::2]) for row in rows]


def test_help_lists_every_command(guest):
    listed = [line.split()[0] for line in guest.command("help").splitlines()]
    assert listed == sorted(listed)
    assert set(COMMANDS) <= set(listed)
    assert guest.command("help ps").split()[0] == "ps" and guest.command("help ps").count("\n") == 1


def test_editing(guest):
    assert "  pid name" in typed(guest, b"pz\x7fs\r")
    assert "  pid name" in typed(guest, b"xx\x08\x08ps\n")
    assert "check: ok" in typed(guest, b"some rubbish\x15check\n")
    assert "check: ok" in typed(guest, b"\x7f\x08\x7fcheck\n")  # nothing to rub out
    assert "check: ok" in typed(guest, b"\x1b[5~\x1b[1;5Pch\x1b[Zeck\n")  # keys that mean nothing are swallowed
    assert typed(guest, b"rubbish\x03").endswith("^C")  # and the prompt again
    assert "check: ok" in typed(guest, b"ch\x04eck\n")  # Ctrl-D within a line is nothing
    assert typed(guest, b"\n") == "" and typed(guest, b"   \n").strip() == ""


def test_long_line_is_cut(guest):
    reply = typed(guest, b"y" * 400 + b"\n")
    assert re.search(r"^y{255}: no such command; help lists them$", reply, re.MULTILINE)


def test_bad_command(guest):
    assert guest.command("frobnicate now") == "frobnicate: no such command; help lists them\n"
    assert guest.command('run "hello"').startswith("hello: ok")
    assert "status" in guest.command("run hello & hello")


def test_typing_ahead(guest):
    """Commands that come while another runs are not lost."""
    guest.send("run spin 200")
    for command in ("ps", "check", "buddy"):
        guest.send(command)
    for wanted in ("spin: ok", "pid name +state", "check: ok", r"^free \d+ of \d+"):
        guest.expect(wanted)


def test_program_reads_the_line(guest):
    """badptr read asks for a line again and again, for a buffer that must be refused."""
    guest.send("run badptr read")
    for _ in range(40):
        guest.send("a line for whoever asks")
    guest.expect(r"badptr: ok cases=\d+")


def test_ctrl_d_powers_off(guest):
    guest.process.stdin.write(b"\x04")
    guest.process.stdin.flush()
    result = guest.wait()
    assert result.ok and "quit: 0 failures" in result.log


def test_status_is_that_of_the_last_command():
    for lines, rc in ((["nonsense", "ps", "quit"], qemu.OK), (["ps", "run exit 1", "quit"], qemu.OK),
                      (["quit now", "quit"], qemu.OK)):
        assert qemu.run("log=quiet", stdin_script=lines, timeout=30).rc == rc


def test_keyboard(guest):
    press(guest, "ps\n")
    guest.expect(r"^ +pid name +state")
    guest.expect("^faultline> ")
    press(guest, "run heq\bllo & exit 0\n")
    guest.expect("hello: ok from ring 3")
    guest.expect("^faultline> ")
    press(guest, "PS\n")
    guest.expect("^PS: no such command")
    guest.expect("^faultline> ")
    press(guest, "xekk^~ch$<\bc\n")  # the keys for editing: x goes at the start, a k in the middle
    guest.expect("^check: ok")
    guest.expect("^faultline> ")
    guest.qmp("send-key", keys=[{"type": "qcode", "data": key} for key in ("ctrl", "d")])
    assert guest.wait().ok


def test_screen_follows_the_console(guest, tmp_path):
    guest.command("run hello")
    guest.command("vmstat")
    printed = [line.rstrip() for line in guest.log.splitlines()]
    expected = [*printed[-4:-1], "faultline>"]
    for _ in range(50):  # the clock tick brings text to the screen, twenty times a second
        text, attributes = screen(guest, tmp_path / "vga")
        shown = [row.rstrip() for row in text[:ROWS - 1]]
        while shown and not shown[-1]:
            shown.pop()
        status = re.match(r" clock \d+/64 .*\bfaults \d+ ", text[ROWS - 1])
        if shown[-4:] == expected and status:
            break
        time.sleep(0.1)
    assert shown[-4:] == expected
    assert status
    assert attributes[ROWS - 1] != attributes[0]


def test_screenshot_of_the_demo():
    """The picture in the README is a copy of this one."""
    png = ROOT / "build" / "screenshot.png"
    with qemu.Guest(append="frames=256 log=boot,proc", run="demo", qmp=True, timeout=100) as g:
        g.expect("^summary ")
        g.expect("^faultline> ")
        time.sleep(0.5)  # the status line is redrawn ten times a second
        g.screendump(png)
    with Image.open(png) as image:
        assert image.size == (720, 400)
        colors = image.convert("RGB").getcolors()
        assert len(colors) > 2
        status = image.convert("RGB").crop((0, 384, 720, 400)).getcolors()
        assert max(status)[1] != max(colors)[1]  # the status line has a background of its own


@pytest.fixture
def no_exit_device(monkeypatch):
    """Without it the guest cannot leave QEMU, so that one can look at what it left behind."""
    build = qemu.qemu_command

    def command(**options):
        words = build(**options)
        at = next(i for i, word in enumerate(words) if word.startswith("isa-debug-exit"))
        return words[:at - 1] + words[at + 1:]

    monkeypatch.setattr(qemu, "qemu_command", command)


def test_screen_after_a_panic(no_exit_device, tmp_path):
    with qemu.Guest(append="log=quiet", run="view overview; provoke write-text", qmp=True, timeout=60) as g:
        g.expect("^It is now safe to turn off the machine.\n")
        text, attributes = screen(g, tmp_path / "vga")
    shown = [(row.rstrip(), colors) for row, colors in zip(text, attributes)]
    start = next(i for i, (row, _) in enumerate(shown) if row.startswith("PANIC: page fault in the kernel"))
    assert "kernel write to a present page whose rights forbid it" in "".join(text)  # it goes over two rows
    assert any(re.match(r"  c01\w+ write_to\+", row) for row, _ in shown)
    assert any(row == "panic: the machine stops here" for row, _ in shown)
    assert WHITE_ON_RED in shown[start][1]


def test_machine_without_an_exit_device_powers_off(no_exit_device):
    """Then ACPI does it, and QEMU ends with status 0, which is no pass."""
    result = qemu.run("log=quiet", run="quit", timeout=30)
    assert result.rc == qemu.RESET and "quit: 0 failures" in result.log


def test_partitions_are_drawn_in_colour(guest, tmp_path):
    """Each partition of contig status has a background of its own; what is free has none."""
    for command in ("contig init 64 first", "contig alloc a 16", "contig alloc b 16", "contig status"):
        guest.command(command)
    time.sleep(0.5)
    guest.qmp("pmemsave", val=VGA_TEXT, size=COLUMNS * ROWS * 2, filename=str(tmp_path / "vga"))
    cells = (tmp_path / "vga").read_bytes()
    rows = [cells[at:at + COLUMNS * 2] for at in range(0, len(cells), COLUMNS * 2)]
    row = next(row for row in rows if b"AAAABBBB........" in row[::2])
    backgrounds = {chr(c): attribute >> 4 for c, attribute in zip(row[::2], row[1::2])}
    assert backgrounds["."] == 0 and len({backgrounds["A"], backgrounds["B"], 0}) == 3
