# SPDX-License-Identifier: MIT
"""Files, pipes and descriptors: Linux's answers, and nothing left behind."""
import re
import subprocess

import pytest
from scenario import ROOT, boot, free_memory, printed_by_programs, programs

FILECHECK = ROOT / "build" / "user" / "glibc" / "filecheck"

pytestmark = pytest.mark.skipif(not FILECHECK.exists(), reason="there was no C library for i386 when this was built")


def test_calls_answer_as_on_linux():
    """Every line: the call, what it returned, and errno's name if it failed."""
    try:
        linux = subprocess.run([FILECHECK], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, timeout=60)
    except OSError as e:
        pytest.skip(f"this machine does not run i386 Linux programs: {e}")
    run = programs(["run filecheck", "ls /tmp"], "frames=64 log=quiet")
    assert run.statuses() == [("filecheck", "ok")] and linux.returncode == 0
    ours = printed_by_programs(run.output("run filecheck")).splitlines()
    theirs = linux.stdout.splitlines()
    assert len(theirs) > 400
    assert ours == theirs
    assert run.output("ls /tmp") == ""


@pytest.mark.parametrize("frames", [16, 40, 400])
def test_processes_share_pipes_and_files(frames):
    """With few frames and a slow disk every copy to or from a program may fault, and sleep, halfway."""
    run = programs(["run pipecheck", "ls /tmp"], f"frames={frames} swaplat=100 log=quiet", screen=False)
    assert printed_by_programs(run.output("run pipecheck")).splitlines() == [
        "stream: bytes=200000 wrong=0 end=0 writer=0",
        "reader goes: signal 13",
        "reader goes: exit 2",
        "writer goes: reader=0",
        "records: count=1200 torn=0 failed=0",
        "append: length=240000 torn=0 failed=0",
        "shared offset: length=240000 torn=0 failed=0",
        "cut while read: errors=0 too-long=0",
        "pipecheck: done",
    ]
    assert run.output("ls /tmp") == ""
    assert frames > 40 or run.summaries()[0]["pswpin"] > 0


def test_initrd_is_read_only():
    run = programs(["run filecheck initrd"], "frames=64 log=quiet")
    said = dict(line.rsplit(": ", 1) for line in printed_by_programs(run.output("run filecheck initrd")).splitlines())
    wrong = {
        "EROFS": ['open("/bin/hello", O_RDWR)', 'open("/bin/hello", O_RDONLY | O_TRUNC)',
                  'open("/bin/no-such", O_WRONLY | O_CREAT, 0600)', 'unlink("/bin/hello")', 'unlink("/bin")',
                  'rmdir("/bin")', 'mkdir("/new", 0700)', 'truncate("/bin/hello", 0)', 'chmod("/bin/hello", 0777)',
                  'rename("/bin/hello", "/bin/bye")', 'access("/bin/hello", W_OK)', 'access("/", W_OK)'],
        "EBADF": ["write(fd, data, 1)"],
        "EINVAL": ["ftruncate(fd, 0)"],
        "EEXIST": ['open("/bin/hello", O_RDONLY | O_CREAT | O_EXCL, 0600)'],
        "ENOENT": ['open("/no-such", O_RDONLY)'],
        "ENOTDIR": ['open("/bin/hello/below", O_RDONLY)'],
        "EISDIR": ['open("/bin", O_WRONLY)'],
        "EPERM": ['mkdir("/tmp/new", 0700)'],
        "EXDEV": ['rename("/bin/hello", "/tmp/hello")'],
        "ESPIPE": ["lseek(STDIN_FILENO, 0, SEEK_SET)"],
    }
    expected = {call: f"-1 {name}" for name, calls in wrong.items() for call in calls}
    # what is left says yes, or how much
    right = {'memcmp(back, "\\177ELF", 4)': "0", "memcmp(back, back + 4, 4)": "0", "read(fd, back, 4)": "4",
             "lseek(fd, 0, SEEK_END) == st.st_size": "1", "read(fd, back, 1)": "0", 'access("hello", F_OK)': "0",
             'strcmp(getcwd(back, 100), "/bin")': "0", "S_ISCHR(st.st_mode)": "1"}
    assert {call: said.get(call) for call in expected | right} == expected | right
    assert sum(answer.startswith("-1") for answer in said.values()) == len(expected)


@pytest.mark.parametrize("append", ["frames=256", "frames=256 swaplat=100", "frames=256 order=2"])
def test_proc_answers_as_on_linux(append):
    """What /proc says about memory whose state the program knows, and wrong calls on its files."""
    linux = subprocess.run([FILECHECK, "proc"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, timeout=60)
    theirs = linux.stdout.splitlines()
    assert len(theirs) > 130 and theirs[-1] == "proc: done"
    run = programs(["run filecheck proc"], f"{append} log=quiet")
    ours = printed_by_programs(run.output("run filecheck proc")).splitlines()
    if "order" in append:  # what a page's neighbours bring in with it is there without having been touched
        ours, theirs = ([line for line in text if not any(word in line for word in ("present", "entries", "pgfault"))]
                        for text in (ours, theirs))
    assert ours == theirs


def test_proc_is_read_only():
    run = programs(["run filecheck procwrite"], "frames=64 log=quiet")
    answers = [line.rsplit(": ", 1)[1] for line in printed_by_programs(run.output("run filecheck procwrite")).splitlines()]
    assert answers == ["-1 EACCES"] * 15


def test_proc_in_the_monitor():
    run = boot(["ls /proc", "cat /proc/vmstat", "vmstat", "cat /proc/buddyinfo", "buddy", "cat /proc/slabinfo", "slab", "run sleeper 1000 &", "wait 50", "ls /proc", "ls /proc/1",
                "cat /proc/1/maps", "maps 1", "cat /proc/1/pagemap", "cat /proc/self/maps", "kill 1", "wait",
                "cat /proc/1/maps", "rm /proc/vmstat", "check"], "log=quiet")
    assert run.output("ls /proc").split() == ["0", "buddyinfo", "0", "slabinfo", "0", "vmstat"]
    assert re.fullmatch(r"Node 0, zone +Normal( +\d+){11} \n", run.output("cat /proc/buddyinfo"))
    assert run.output("buddy").startswith("Node 0, zone   Normal ")
    assert run.output("slab").startswith(run.output("cat /proc/slabinfo").splitlines()[0])
    assert run.output("cat /proc/vmstat") == run.output("vmstat")
    assert run.output("ls /proc", 1).split()[-4:] == ["0", "vmstat", "0", "1/"]
    assert run.output("ls /proc/1").split() == ["0", "maps", "0", "pagemap"]
    linux, ours = run.output("cat /proc/1/maps").splitlines(), run.output("maps 1").splitlines()
    assert [line.split()[:2] for line in linux] == [line.split()[:2] for line in ours[:-1]]
    assert [line.split()[-1] for line in linux] == ["/bin/sleeper"] * 3 + ["[stack]"]
    assert run.output("cat /proc/1/pagemap") == "cat: /proc/1/pagemap: not text, or its process is gone\n"
    for gone in (run.output("cat /proc/self/maps"), run.output("cat /proc/1/maps", 1)):
        assert "no such file" in gone
    assert run.output("rm /proc/vmstat") == "rm: /proc/vmstat: only files in /tmp can be removed\n"


def test_what_programs_leave_open_is_closed():
    """Also in a program that is killed, asleep in a pipe or for writing to one."""
    run = programs(["run filecheck leave & filecheck leave", "run filecheck sigpipe", "run filecheck block &", "wait 30",
                    "ps", "kill 4", "wait"], "frames=200 log=quiet")
    assert run.statuses()[:3] == [("filecheck", "ok")] * 2 + [("filecheck", "killed")]
    assert "still here" not in run.log and "woken" not in run.log
    assert "    4 filecheck    asleep " in run.output("ps")
    assert [(kill["pid"], kill["signal"]) for kill in run.kills()] == [("3", "SIGPIPE"), ("4", "SIGKILL")]


def test_commands():
    run = boot(["ls", "ls /bin/hello", "ls /no-such", "cat /bin", "cat /tmp/x", "rm /bin/hello", "rm /tmp/x", "ls a b",
                "cat", "rm", "check"], "log=quiet")
    size = (ROOT / "build" / "initrd" / "bin" / "hello").stat().st_size
    assert [line.split()[-1] for line in run.output("ls").splitlines()] == ["bin/", "scripts/", "tmp/", "proc/"]
    assert run.output("ls /bin/hello").split() == [str(size), "/bin/hello"]
    assert run.output("ls /no-such") == "ls: /no-such: no such file; ls / and ls /tmp list them\n"
    assert run.output("cat /bin") == "cat: /bin: a directory; expected a file\n"
    assert run.output("rm /bin/hello") == "rm: /bin/hello: only files in /tmp can be removed\n"
    for command in ("cat /tmp/x", "rm /tmp/x", "ls a b", "cat", "rm"):
        assert run.output(command).startswith(command.split()[0] + ": ")
    assert run.output("check").endswith("check: ok\n")


def test_files_outlive_programs():
    """A file in /tmp stays, and takes memory, until somebody removes it."""
    free = ["slab reap", "buddy", "swap"]
    run = boot([*free, "run filecheck keep", "ls /tmp", "cat /tmp/kept", *free, "rm /tmp/kept", "ls /tmp", *free, "check"],
               "log=quiet frames=64")
    assert run.output("ls /tmp").split() == ["8195", "kept"]
    letters = "".join(chr(ord("a") + i % 23) for i in range(8192))
    assert run.output("cat /tmp/kept") == letters + "end\n"
    assert run.output("ls /tmp", 1) == ""
    before, with_file, after = (free_memory(run, i) for i in range(3))
    assert with_file != before and after == before
    assert run.output("check").endswith("check: ok\n")
