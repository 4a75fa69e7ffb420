# SPDX-License-Identifier: MIT
"""The memory viewer: what it draws is what the kernel's other commands say, the same on the VGA screen and as text;
colours, flashes, function keys, 50 rows, and what it costs."""
import re
import subprocess
import time

import pytest
from PIL import Image
from scenario import ROOT, Run, boot
from tools import qemu

GOLDEN = ROOT / "tests" / "qemu" / "golden" / "view.txt"  # deleted, it is written anew, and the test fails once
PAGES = ("overview", "frames", "swap", "space", "top", "events", "buddy")
COLUMNS, VGA_TEXT, BRIGHT = 80, 0xb8000, 0x80
BLUE, GREEN, CYAN, RED, MAGENTA, BROWN = range(1, 7)
OWNERS = (BLUE, GREEN, CYAN, RED, MAGENTA, BROWN)  # by pid % 6
MAP_COLUMN, MAP_COLUMNS = 6, 64
PROGRAMS = "run stamp 100 1000 & stamp 40 1000 & sleeper 100000 &"


class Screen:
    """VGA memory: rows of text, and of attributes."""

    def __init__(self, guest, rows, path):
        guest.qmp("pmemsave", val=VGA_TEXT, size=COLUMNS * rows * 2, filename=str(path))
        cells = path.read_bytes()
        lines = [cells[at:at + COLUMNS * 2] for at in range(0, len(cells), COLUMNS * 2)]
        self.text = [line[::2].decode("ascii").rstrip() for line in lines]
        self.attributes = [line[1::2] for line in lines]


def frame_map(text):
    """The rows of a map with 64 cells => {first frame or slot: row of text, number of the row}"""
    return {int(m[1], 16): (m[2], at) for at, line in enumerate(text)
            if (m := re.match(r"([0-9a-f]{5}) (.{64})", line))}


def lines_of(text, page):
    lines = text.splitlines()
    assert f"[F{PAGES.index(page) + 2} {page}]" in lines[0]
    return lines


def fold(text):
    """A page without what the compiler or the machine decides: numbers, cells of maps, runs of pages."""
    text = re.sub(r"^[0-9a-f]{5} .{64}", "MAP", text, flags=re.MULTILINE)
    text = re.sub(r"^[-K.c0-9Sobw]{70,80}$", "MAP", text, flags=re.MULTILINE)
    text = re.sub(r"^[ .:#]*[.:#]$", "CHART", text, flags=re.MULTILINE)
    text = re.sub(r"^(\w{8}-\w{8} .{18}) .*$", r"\1 RUNS", text, flags=re.MULTILINE)
    text = re.sub(r"^ {37}\S.*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"\b(0x)?[0-9a-f]*\d[0-9a-f]*\b", "N", text)
    text = re.sub(r"( N)+", " N", re.sub(r" +", " ", text))
    return re.sub(r"^((?:.*\n)?)(?:\1)+", r"\1", text, flags=re.MULTILINE)


@pytest.fixture(scope="module")
def script():
    """Nobody runs between commands that do not wait: all show the same moment."""
    return boot([PROGRAMS, "wait 60", "frames map", "ps", "swap", "maps 1", "buddy", "view text"] +
                [f"view text {page}" for page in PAGES] + ["view text 3", "contig init 50", "frames map", "view text"],
                "log=quiet frames=120 swapmb=1", mem="16M", screen=False)


def frames_of(run, nth=0):
    """frames map: one character for each frame"""
    return "".join(line.split(" ", 1)[1] for line in run.output("frames map", nth).splitlines()[1:])


def telling(frames):
    """What a cell shows of these frames, as far as frames map knows it: S and w are somebody's pages, too."""
    if any(c.isdigit() for c in frames):
        return set("0123456789Swb")
    best = next(c for c in "?cK.-" if c in frames)
    return {"o"} if best == "?" else {best}


def test_maps_of_frames(script):
    for nth in (0, 1):
        frames = frames_of(script, nth)
        lines = script.output("view text", nth).splitlines()
        all_group, group = map(int, re.findall(r"a cell = (\d+)", lines[3]))
        assert len(frames) > 4000 and all_group == -(-len(frames) // 80) and group == 1 + nth
        for n, cell in enumerate(lines[2]):
            assert cell in telling(frames[n * all_group:(n + 1) * all_group]), n
        assert len(lines[2]) == -(-len(frames) // all_group)
        shown = frame_map(lines[:12])
        for first, (row, _) in shown.items():
            for n, cell in enumerate(row):
                at = first + n * group
                assert cell in telling(frames[at:at + group]), at
                assert group > 1 or not cell.isdigit() or cell == frames[at]
        outside = frames[:min(shown)] + frames[max(shown) + 64 * group:]
        assert len(shown) == 7 and not set("0123456789c") & set(outside)
        assert "".join(row for row, _ in shown.values()).count("2") > 5
    states = lines_of(script.output("view text frames"), "frames")
    pairs = "".join(line[6:70].ljust(64) for line in states if re.match("[0-9a-f]{5} ", line))
    seen = {pairs[i:i + 2] for i in range(0, len(pairs), 2)}
    assert {". ", "1D"} <= seen and "2" in {owner for owner, _ in seen} and {state for _, state in seen} <= set(" dDcCAwb")
    frames = frames_of(script)
    first = int(re.search("^([0-9a-f]{5}) ", "\n".join(states), re.MULTILINE)[1], 16)
    owners = "".join(pairs[::2])
    assert all(a == b or (a in "oS" and b in "?12") for a, b in zip(owners, frames[first:])) and len(owners) == 32 * 20


def test_swap_map(script):
    used = int(re.search(r" used=(\d+) ", script.output("swap"))[1])
    lines = lines_of(script.output("view text swap"), "swap")
    assert lines[1].startswith(f"swap: 256 slots, {used} used, cell = 1;")
    cells = "".join(row for row, _ in frame_map(lines).values())
    assert len(cells) == 256 and cells.count(".") == 256 - used < 256
    assert cells.count("o") > 20 and set(cells) <= set(".oS123b")


def test_address_space(script):
    """Runs of pages against what maps counts."""
    regions = re.findall(r"^(\w{8}-\w{8}) (\S+) +(\w+) .*pages=(\d+) resident=(\d+) .* swapped=(\d+)",
                         script.output("maps 1"), re.MULTILINE)
    lines = lines_of(script.output("view text space"), "space")
    assert lines[1].startswith("pid 1 stamp: in memory ")
    drawn, here = {}, None
    for line in lines[3:-1]:
        if line[:1].strip():
            here = line.split()[0]
            drawn[here] = line[:36].split()[1:]
        for state, count in re.findall(r"(\S)(\d+)", line[36:]):
            drawn[here].append((state, int(count)))
    assert list(drawn) == [r[0] for r in regions]
    for where, prot, name, pages, resident, swapped in regions:
        assert drawn[where][:3] == [prot, name, pages]
        runs = drawn[where][3:]
        count = {state: sum(n for s, n in runs if s == state) for state in "drSwsc.z"}
        assert sum(count.values()) == int(pages) and all(a[0] != b[0] for a, b in zip(runs, runs[1:]))
        assert sum(count[s] for s in "drSw") == int(resident) and count["s"] + count["c"] == int(swapped)
    assert any(name == "anon" and int(pages) == 101 for _, _, name, pages, _, _ in regions)
    assert "pid 3 sleeper: " in script.output("view text 3").splitlines()[1]


def test_top_and_buddy(script):
    ps = {m[1]: m for m in re.finditer(r"^ +(\d+) (\w+) +\w+ +\d+ +(\d+) +(\d+) +(\d+) +(\d+) ", script.output("ps"),
                                       re.MULTILINE)}
    lines = lines_of(script.output("view text top"), "top")
    shown = [line.split() for line in lines if re.match(r" +\d+ \w+ +[RS] ", line)]
    assert sorted(row[0] for row in shown) == ["1", "2", "3"]
    rates = [int(row[-1]) for row in shown]
    assert rates == sorted(rates, reverse=True) and rates[0] > 0
    for pid, name, state, resident, _, minor, major, evictions, _ in shown:
        assert (name, resident, minor, major, evictions) == ps[pid].groups()[1:]
        assert state == ("S" if name == "sleeper" else "R")
    total = int(re.search(r"^faults: (\d+) in \d+ ms; .* at most \1$", "\n".join(lines), re.MULTILINE)[1])
    status = re.search(r"\| faults (\d+) ", lines[-1])
    assert total == int(status[1]), "the first refresh is the first to count"
    free = int(re.search(r"^free (\d+) of", script.output("buddy"), re.MULTILINE)[1])
    lines = lines_of(script.output("view text buddy"), "buddy")
    blocks = [sum(map(int, line.split()[2:])) << int(line.split()[0]) for line in lines[2:13]]
    cached = int(re.search(r"in front of the lists: (\d+)", lines[13])[1])
    assert sum(blocks) + cached == free


def test_golden_text(script):
    """All pages, less what depends on the build."""
    text = "".join(fold(script.output(f"view text {page}")) for page in PAGES)
    if not GOLDEN.exists():
        GOLDEN.write_text(text)
        pytest.fail(f"{GOLDEN} was missing: written")
    assert text == GOLDEN.read_text()


def wait_for(guest, rows, path, wanted):
    """Until a row of the screen matches. => Screen"""
    for _ in range(50):
        screen = Screen(guest, rows, path)
        if any(re.search(wanted, line) for line in screen.text):
            return screen
        time.sleep(0.05)
    raise AssertionError(f"{wanted!r} is not on the screen:\n" + "\n".join(screen.text))


def attended(guest):
    """Waits until the script has ended and the prompt is there."""
    guest.expect("^help lists the commands.*\n")
    guest.expect("^faultline> ")


def press(guest, key):
    guest.qmp("send-key", keys=[{"type": "qcode", "data": key}], **{"hold-time": 10})


def type_raw(guest, keys):
    guest.process.stdin.write(keys)
    guest.process.stdin.flush()


def status_line(png):
    """=> the picture of the first word of the last of 25 rows"""
    with Image.open(png) as image:
        return image.convert("RGB").crop((0, 384, 6 * 9, 400)).tobytes()


def test_screen_and_keys(tmp_path):
    """The same cells on the screen and as text, on every page, also with 50 rows; and function keys."""
    with qemu.Guest(append="log=quiet frames=64 view=top", run=PROGRAMS, qmp=True, timeout=60) as g:
        attended(g)
        wait_for(g, 25, tmp_path / "vga", r"\[F6 top\]")
        g.command("view hz 0")
        g.screendump(tmp_path / "first.png")
        for rows, pages in ((50, ("overview", "space")), (25, PAGES)):
            g.command(f"view rows {rows}")
            for page in pages:
                g.command(f"view {page}")
                text = lines_of(g.command("view text"), page)
                screen = Screen(g, rows, tmp_path / "vga")
                assert len(text) == rows and screen.text == text
                assert screen.text[-1].startswith(" clock ") and set(screen.attributes[-1]) == {GREEN << 4 | 15}
        g.screendump(tmp_path / "again.png")
        assert status_line(tmp_path / "first.png") == status_line(tmp_path / "again.png"), "the large font is back"
        g.command("view hz 10")
        for key, title in (("f3", r"\[F3 frames\]"), ("f8", r"\[F8 buddy\]"), ("f1", "^faultline>"), ("f2", r"\[F2 over")):
            press(g, key)
            wait_for(g, 25, tmp_path / "vga", title)
        for keys, title in ((b"\x1bOR", r"\[F3 frames\]"), (b"\x1b[15~", r"\[F5 space\]"), (b"\x1b[[D", r"\[F4 swap\]"),
                            (b"\x1b[11~", "^faultline>")):
            type_raw(g, keys)
            wait_for(g, 25, tmp_path / "vga", title)
        type_raw(g, b"che\x1bOQck\n")  # a key in the middle of a word is not part of it
        g.expect("^check: ok")
        g.expect("^faultline> ")
        wait_for(g, 25, tmp_path / "vga", r"\[F2 overview\]")
        assert g.command("view").startswith("view: page=overview rows=25 hz=10;")
        g.send("run spin 700")  # nobody reads the console now
        press(g, "f7")
        wait_for(g, 25, tmp_path / "vga", r"\[F7 events\]")
        g.expect("^spin: ok")
        g.expect("^faultline> ")
        g.command("view off")
        wait_for(g, 25, tmp_path / "vga", "^spin: ok")


def shade(color):
    """A VGA colour as red, green, blue. The DAC knows 64 shades; QEMU makes 256 of them, repeating the last bit."""
    if color == BROWN:
        dac = 42, 21, 0
    else:
        dac = [(21 if color & 8 else 0) + (42 if color >> bit & 1 else 0) for bit in (2, 1, 0)]
    return tuple(shade << 2 | (shade & 1) * 3 for shade in dac)


def colors_of_cells(png, rows):
    """=> a function that gives the colours in the cell of a row and a column"""
    with Image.open(png) as image:
        picture = image.convert("RGB")
    assert picture.size == (720, 400)
    height = 400 // rows
    return lambda row, column: {color for _, color in picture.crop(
        (column * 9, row * height, column * 9 + 9, (row + 1) * height)).getcolors()}


def check_picture(screen, png, rows):
    """Each cell has the two colours that its attribute says: so its glyph is there, and no higher than the row."""
    colors = colors_of_cells(png, rows)
    seen = 0
    for row, line in enumerate(screen.text):
        for column, char in enumerate(line):
            attribute = screen.attributes[row][column]
            wanted = {shade(attribute >> 4)} | ({shade(attribute & 15)} if char != " " else set())
            assert colors(row, column) == wanted, (row, column, char, hex(attribute))
            seen += char != " "
    assert seen > 800
    return colors


def font_of(guest, path):
    """The VGA BIOS's font of 8 lines, found by its full block and half blocks. => a function from a character to lines"""
    guest.qmp("pmemsave", val=0xc0000, size=0x10000, filename=str(path))
    rom = path.read_bytes()
    blocks = bytes([255] * 8 + [0] * 4 + [255] * 4 + [0xf0] * 8 + [0x0f] * 8 + [255] * 4 + [0] * 4)  # db to df
    assert rom.count(blocks) == 1
    start = rom.index(blocks) - 8 * 0xdb
    return lambda char: rom[start + 8 * ord(char):start + 8 * ord(char) + 8]


def check_glyphs(screen, png, glyph):
    with Image.open(png) as image:
        picture = image.convert("RGB").load()
    for row in (0, 1, 3, 49):
        for column, char in enumerate(screen.text[row]):
            foreground = shade(screen.attributes[row][column] & 15)
            drawn = [sum(0x80 >> x for x in range(8) if picture[column * 9 + x, row * 8 + y] == foreground)
                     for y in range(8)]
            assert bytes(drawn) == glyph(char), (row, column, char)


def test_colours_and_flashes(tmp_path):
    """Every program has its background; what the last faults and evictions touched is bright. With 50 rows and 25."""
    commands = [PROGRAMS, "wait 60", "view hz 0", "view overview", "wait 30", "view text", "view text events", "ps"]
    with qemu.Guest(append="log=quiet frames=64 viewrows=50", run="; ".join(commands), qmp=True, timeout=60) as g:
        attended(g)
        run = Run(qemu.Result(0, True, g.log, ""))
        screen = Screen(g, 50, tmp_path / "vga")
        assert screen.text == run.output("view text").splitlines()
        g.screendump(tmp_path / "50.png")
        colors = check_picture(screen, tmp_path / "50.png", 50)
        check_glyphs(screen, tmp_path / "50.png", font_of(g, tmp_path / "rom"))
        events = run.output("view text events")
        touched = [int(frame, 16) for frame in re.findall(r"^ +\d+ (?:read|write|exec|dirty|clean) .* 0x(\w+) +\w+", events,
                                                          re.MULTILINE)]
        assert len(touched) == 32 and len(set(touched)) > 8
        owners, flashing = {}, []
        for first, (row, at) in frame_map(screen.text[:20]).items():
            for n, cell in enumerate(row):
                attribute = screen.attributes[at][MAP_COLUMN + n]
                if attribute & BRIGHT:
                    flashing.append(first + n)
                    continue
                owners.setdefault(cell, set()).add(attribute >> 4)
                assert shade(attribute >> 4) in colors(at, MAP_COLUMN + n)
        assert sorted(flashing) == sorted(set(touched))
        assert owners["."] == {0} and owners["1"] == {OWNERS[1]} and owners["2"] == {OWNERS[2]}
        slots = [int(slot) for slot in re.findall(r" 0x\w+ +(\d+)(?= +swap-in|$)", events, re.MULTILINE)]
        swap_rows = {first: at for first, (_, at) in frame_map(screen.text[20:]).items()}
        group = int(re.search(r"cell = (\d+);", "\n".join(screen.text))[1])
        cells = {(at + 20, MAP_COLUMN + n) for first, at in swap_rows.items() for n in range(MAP_COLUMNS)
                 if screen.attributes[at + 20][MAP_COLUMN + n] & BRIGHT}
        wanted = {(20 + swap_rows[slot // group // 64 * 64 * group], MAP_COLUMN + slot // group % 64) for slot in slots}
        assert cells == wanted and len(slots) > 8
        g.command("view rows 25")
        screen = Screen(g, 25, tmp_path / "vga")
        g.screendump(tmp_path / "25.png")
        check_picture(screen, tmp_path / "25.png", 25)


def test_cost():
    """Ten refreshes a second are to cost less than 3 % of a busy machine, whatever is shown."""
    def busy(append):
        run = boot(["run matmul 250 & qsort 300000 & btree & hashjoin"], f"log=quiet frames=256 {append}")
        return run.summaries()[0]["busy_us"]

    off = busy("")
    assert off > 250000
    assert abs(busy("view=off viewhz=100") - off) < 1000
    for page in ("overview viewrows=50", "space"):
        assert off < busy(f"view={page}") < 1.03 * off, page


def test_page_of_the_documentation(tmp_path):
    """The commands of docs/viewer.md that need no window; its picture is what the kernel draws, less the numbers."""
    text = (ROOT / "docs" / "viewer.md").read_text()
    shown = re.search(r"^```\n( F1 .*?)^```$", text, re.MULTILINE | re.DOTALL)[1]
    commands = re.search(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)[1].splitlines()
    printed = {}
    for command in commands[1:]:
        done = subprocess.run(f"{command} PNG={tmp_path / 'screen.png'}", shell=True, cwd=ROOT, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=100)
        assert done.returncode == 0, done.stdout
        printed[command.split()[1]] = done.stdout
    assert fold(shown) in fold(printed["run"])
    with Image.open(tmp_path / "screen.png") as made, Image.open(ROOT / "docs" / "images" / "view.png") as picture:
        assert made.size == picture.size == (720, 400)
        assert made.convert("RGB").getpixel((0, 0)) == picture.convert("RGB").getpixel((0, 0)) == shade(BLUE)
