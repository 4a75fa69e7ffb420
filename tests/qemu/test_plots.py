# SPDX-License-Identifier: MIT
"""`make plots` from end to end, and that it sees in a real log what is there."""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
import loglines  # noqa: E402
from test_labs import run  # noqa: E402
from tools import plots  # noqa: E402


def test_make_plots(tmp_path):
    trace, folder = tmp_path / "loop.txt", tmp_path / "plots"
    trace.write_text("".join(f"{page}\n" for page in range(9)) * 4)
    printed = run(ROOT, f"make -s plots PLOTS={folder} TRACE={trace} POLICY=fifo,opt FRAMES=3,6 RUN='run scan 24; quit' "
                        "ICOUNT=1 LOG= WORKLOAD=plateau FIT=best,worst ALLOC_SAMPLES=1000")
    pictures = {folder / (name + end) for name in ("policies", "curve-loop", "timeline", "alloc-plateau")
                for end in (".png", ".svg")}
    assert set(map(pathlib.Path, printed.split())) == pictures
    assert all(path.stat().st_size > 5000 for path in pictures)
    assert "opt 1.000" in (folder / "policies.svg").read_text()

    # scan's default is 256 frames: all faults are first touches
    log = (folder / "timeline.log").read_text()
    events, names = plots.read_log(log.splitlines())
    assert names == {1: "scan"}
    assert len([e for e in events if e.kind == "fault"]) == len(loglines.events(log, "fault")) > 24
    assert f"first touch ({len(events)})" in (folder / "timeline.svg").read_text()


def test_timeline_of_evictions(tmp_path):
    log = run(ROOT, "make -s run RUN='run scan 24; quit' FRAMES=16 POLICY=second-chance ICOUNT=1")
    events, _ = plots.read_log(log.splitlines())
    for kind in ("fault", "evict"):
        seen = [(e.pid, e.page, str(e.state)) for e in events if e.kind == kind]
        assert seen == [(int(m["pid"]), int(m["va"], 16) >> 12, m["kase"] if kind == "fault" else m["state"])
                        for m in loglines.events(log, kind)]
        assert len(seen) > 24
