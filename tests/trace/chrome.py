# SPDX-License-Identifier: MIT
"""A strict reader of Chrome's Trace Event Format, by its documented rules: what each phase must have, of which type;
slices of one track nest; every arrow leads from a slice or instant to a slice; every track has a name."""
import collections
import decimal
import json

COMMON = {"name": str, "ph": str, "pid": int, "tid": int}
PHASES = {  # what a phase has besides: fields that it must have, fields that it may have
    "X": ({"cat": str, "ts": decimal.Decimal, "dur": decimal.Decimal}, {"args": dict}),
    "B": ({"cat": str, "ts": decimal.Decimal}, {"args": dict}),
    "E": ({"cat": str, "ts": decimal.Decimal}, {}),
    "i": ({"cat": str, "ts": decimal.Decimal, "s": str}, {"args": dict}),
    "C": ({"cat": str, "ts": decimal.Decimal, "args": dict}, {}),
    "s": ({"cat": str, "ts": decimal.Decimal, "id": int}, {}),
    "f": ({"cat": str, "ts": decimal.Decimal, "id": int, "bp": str}, {}),
    "M": ({"args": dict}, {}),
}
METADATA = {"process_name": str, "thread_name": str}


def no_duplicates(pairs):
    keys = [key for key, _ in pairs]
    assert len(set(keys)) == len(keys), f"a key twice: {keys}"
    return dict(pairs)


def refuse(word):
    raise ValueError(f"{word} is no JSON")


def check_event(e):
    assert isinstance(e, dict) and all(isinstance(e.get(key), kind) for key, kind in COMMON.items()), e
    assert e["ph"] in PHASES, e
    must, may = PHASES[e["ph"]]
    assert set(COMMON) | set(must) <= set(e) <= set(COMMON) | set(must) | set(may), e
    assert all(isinstance(e[key], kind) for key, kind in {**must, **may}.items() if key in e), e
    assert e["name"] and 0 <= e["pid"] < 2 ** 31 and 0 <= e["tid"] < 2 ** 31, e
    for key in ("ts", "dur"):
        if key in must:
            assert e[key] >= 0 and e[key].as_tuple().exponent == -3, e  # microseconds, to the nanosecond
    if e["ph"] == "i":
        assert e["s"] in ("t", "p", "g"), e
    if e["ph"] == "C":
        assert e["args"] and all(isinstance(v, int) for v in e["args"].values()), e
    if e["ph"] == "f":
        assert e["bp"] == "e", e
    if e["ph"] == "M":
        assert isinstance(e["args"].get("name"), METADATA[e["name"]]), e


def check_nesting(slices):
    """Slices of one track: the next begins in the one that is open, and ends in it too, or begins after it."""
    open_ends = []
    for e in sorted(slices, key=lambda e: e["ts"]):  # stable: at one time the order of the file counts
        start, end = e["ts"], e["ts"] + e["dur"]
        while open_ends and open_ends[-1] <= start:
            open_ends.pop()
        assert not open_ends or end <= open_ends[-1], f"overlaps another on its track: {e}"
        if end > start:
            open_ends.append(end)


def joined(events):
    """Makes one slice of each beginning and its end, by their order in time. => all slices of a track"""
    slices, begun = [e for e in events if e["ph"] == "X"], []
    for e in sorted((e for e in events if e["ph"] in "BE"), key=lambda e: e["ts"]):
        if e["ph"] == "B":
            begun.append(e)
        else:
            assert begun and (begun[-1]["name"], begun[-1]["cat"]) == (e["name"], e["cat"]), f"ends what did not begin: {e}"
            b = begun.pop()
            slices.append({**b, "dur": e["ts"] - b["ts"]})
    assert not begun, f"no end: {begun}"
    return slices


def check_arrows(events, tracks):
    begins = {e["id"]: e for e in events if e["ph"] == "s"}
    ends = {e["id"]: e for e in events if e["ph"] == "f"}
    assert len(begins) == sum(e["ph"] == "s" for e in events) and len(ends) == sum(e["ph"] == "f" for e in events)
    assert set(begins) == set(ends)
    for number, s in begins.items():
        f = ends[number]
        assert (s["name"], s["cat"]) == (f["name"], f["cat"]) and s["ts"] <= f["ts"]
        for end in (s, f):
            assert any(x["ts"] <= end["ts"] <= x["ts"] + x.get("dur", 0)
                       for x in tracks[end["pid"], end["tid"]] if x["ts"] <= end["ts"]), end


def load(text):
    """=> (events, otherData), or an assertion fails"""
    whole = json.loads(text, parse_float=decimal.Decimal, object_pairs_hook=no_duplicates, parse_constant=refuse)
    assert set(whole) == {"traceEvents", "displayTimeUnit", "otherData"} and whole["displayTimeUnit"] in ("ms", "ns")
    events = whole["traceEvents"]
    tracks, names = collections.defaultdict(list), set()
    owners = {}
    for e in events:
        check_event(e)
        if e["ph"] in "XBEi":
            tracks[e["pid"], e["tid"]].append(e)
        if e["ph"] == "M":
            names.add((e["pid"], e["tid"] if e["name"] == "thread_name" else None))
        assert owners.setdefault(e["tid"], e["pid"]) == e["pid"], f"two processes have a track of this number: {e}"
    for (pid, tid), inside in tracks.items():
        check_nesting(joined(inside))
        assert (pid, tid) in names and (pid, None) in names, f"no name for the track {tid} of {pid}"
    check_arrows(events, tracks)
    return events, whole["otherData"]
