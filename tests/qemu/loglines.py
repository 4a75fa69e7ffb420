# SPDX-License-Identifier: MIT
"""The lines of the log: what each event and each figure looks like. What they mean together is logmodel.py."""
import re

STAMPED = re.compile(r"\[ *(\d+)\.(\d{6})\] (.*)")
EVENTS = {
    "fault": re.compile(r"fault pid=(?P<pid>\d+) va=0x(?P<va>[0-9a-f]{8}) ip=0x(?P<ip>[0-9a-f]{8}) "
                        r"access=(?P<access>read|write|exec) case=(?P<kase>[0-5]) (?P<what>[a-z][a-z/-]*) "
                        r"frame=(?P<frame>none|0x[0-9a-f]+) slot=(?P<slot>none|\d+)( order=(?P<order>\d+))? "
                        r"ticks=(?P<ticks>\d+)"),
    "evict": re.compile(r"evict pid=(?P<pid>\d+) va=0x(?P<va>[0-9a-f]{5}000) frame=(?P<frame>0x[0-9a-f]+) "
                        r"(?P<state>clean|dirty) slot=(?P<slot>none|\d+) policy=(?P<policy>[\w-]+)"),
    "explain": re.compile(r"explain policy=(?P<policy>[\w-]+) victim=(?P<owner>0x[0-9a-f]+|0):(?P<page>0x[0-9a-f]+|0) "
                          r"frame=(?P<frame>0x[0-9a-f]+) accessed=[01] dirty=[01] why=\"[^\"]*\" "
                          r"runner-up=(none|\w+:\w+)"),
    "block": re.compile(r"block pid=(?P<pid>\d+) va=0x(?P<va>[0-9a-f]{8}) order=(?P<wanted>\d+) is not to be had, "
                        r"order=(?P<order>\d+) instead"),
    "merge": re.compile(r"merge pid=(?P<pid>\d+) va=0x(?P<va>[0-9a-f]{5}000) frame=(?P<frame>0x[0-9a-f]+) "
                        r"into=(?P<into>0x[0-9a-f]+)"),
    "move": re.compile(r"move pid=(?P<pid>\d+) va=0x(?P<va>[0-9a-f]{5}000) frame=(?P<frame>0x[0-9a-f]+) "
                       r"to=(?P<to>0x[0-9a-f]+)"),
    "contig-init": re.compile(r"contig-init frames=\d+ at=0x[0-9a-f]+ strategy=\w+ moved=\d+"),
    "contig-alloc": re.compile(r"contig-alloc name=\S+ bytes=\d+ buddy=[01] strategy=\w+ result=.* ticks=\d+"),
    "contig-free": re.compile(r"contig-free name=\S+ bytes=\d+ at=(0x)?[0-9a-f]+ frames=\d+"),
    "contig-read": re.compile(r"contig-read name=\S+ offset=\d+ bytes=\d+"),
    "contig-write": re.compile(r"contig-write name=\S+ offset=\d+ bytes=\d+"),
    "contig-move": re.compile(r"contig-move name=\S+ page=\d+ frame=(?P<frame>0x[0-9a-f]+) to=(?P<to>0x[0-9a-f]+)"),
    "contig-compact": re.compile(r"contig-compact steps=\d+ moved=\d+ longest-ticks=\d+ largest=\d+"),
    "contig-status": re.compile(r"contig-status used=\d+ free=\d+ largest=\d+ partitions=\d+"),
    "contig-reset": re.compile(r"contig-reset partitions=\d+"),
    "start": re.compile(r"start pid=(?P<pid>\d+) name=(?P<name>\S+) entry=0x(?P<entry>[0-9a-f]{8})"),
    "fork": re.compile(r"fork pid=(?P<pid>\d+) name=(?P<name>\S+) ppid=(?P<ppid>\d+)(?P<shared> memory=shared)?"),
    "exec": re.compile(r"exec pid=(?P<pid>\d+) name=(?P<name>\S+) entry=0x(?P<entry>[0-9a-f]{8})"),
    "signal": re.compile(r"signal pid=(?P<pid>\d+) signal=(?P<signal>SIG[A-Z0-9]+) handler=0x[0-9a-f]{8}"),
    "exit": re.compile(r"exit pid=(?P<pid>\d+) name=\S+ status=(?P<status>\d+)"),
    "kill": re.compile(r"kill pid=(?P<pid>\d+) name=\S+ signal=(?P<signal>SIG[A-Z0-9]+)"
                       r"( va=0x(?P<va>[0-9a-f]{8}))? ip=0x(?P<ip>[0-9a-f]{8})"
                       r"( cause=\"[^\"]+\")? reason=\"(?P<reason>[^\"]+)\""),
    "oom": re.compile(r"oom (reason=\"(?P<reason>[^\"]+)\" for pid=(?P<pid>\d+) name=\S+; badness is .*:|"
                      r"(?P<verdict>victim|spared) pid=(?P<candidate>\d+) name=(?P<name>\S+) badness=(?P<badness>\d+) "
                      r"resident=(?P<resident>\d+) swapped=(?P<swapped>\d+) tables=(?P<tables>\d+))"),
    "swap-out": re.compile(r"swap-out slot=(?P<slot>\d+) frame=(?P<frame>0x[0-9a-f]+) disk=\w+(?P<failed> FAILED)?"),
    "swap-in": re.compile(r"swap-in slot=(?P<slot>\d+) frame=(?P<frame>0x[0-9a-f]+) disk=\w+(?P<failed> FAILED)?"),
    "swap": re.compile(r"swap slot=(?P<slot>\d+) checksum=0x[0-9a-f]{8} expected=0x[0-9a-f]{8}"),
    "syscall": re.compile(r"syscall pid=(?P<pid>\d+) number=(?P<number>\d+) "
                          r"(args=(?P<args>[0-9a-fx,]+) result=(?P<result>-?\d+)|ip=0x[0-9a-f]{8} unknown: .*)"),
    "faultline": re.compile(r"faultline tsc=\d+kHz command-line=\"(?P<command_line>.*)"),  # cut, if long
    "ram": re.compile(r"ram total=(?P<total>\d+)K used=(?P<used>\d+)K beyond-direct-map=(?P<beyond>\d+)K "
                      r"(?:[a-z-]+=\d+K )*free=(?P<free>\d+)K"),
    "disk": re.compile(r"disk name=(?P<name>\w+) model=\"(?P<model>[^\"]*)\" size=(?P<size>\d+)K mode=(?P<mode>dma|pio)"),
    "disk-error": re.compile(r"disk-error disk=(?P<disk>\w+) (?P<direction>read|write) sector=(?P<sector>\d+) "
                             r"count=(?P<count>\d+) attempt=(?P<attempt>\d+) status=0x(?P<status>[0-9a-f]{2}) "
                             r"error=0x(?P<error>[0-9a-f]{2})"),
    "trace-port": re.compile(r"trace-port (name=virtio pci=\S+ device=\S+ queue=\d+|name=com2 at=0x2f8|virtio-serial \S+ .*)"),
    "pool": re.compile(r"pool name=main policy=(?P<policy>[\w-]+) frames=(?P<frames>\d+) swap=(?P<swap>\w+) "
                       r"slots=(?P<slots>\d+)"),
}

# Words of a resolved fault, by case. In case 3 the others are names of objects.
WHAT = {0: {"no-region"}, 1: {"forbidden"}, 2: {"spurious"}, 3: {"zero", "zero-page", "file", "shared", "tmp"},
        4: {"swap-in", "swap-cache"}, 5: {"cow", "cow-zero", "reuse"}}
OBJECTS = {"file", "shared", "tmp"}

ROW = re.compile(r" *(?P<pid>\d+) +(?P<name>\S+) +(?P<status>ok|killed|exit \d+) +(?P<minor>\d+) +(?P<major>\d+) +"
                 r"(?P<evictions>\d+) +(?P<writebacks>\d+) +\d+\.\d{3}(  (?P<reason>.*))?")
PS_ROW = re.compile(r" *(?P<pid>\d+) +\S+ +(new|ready|running|asleep|ended) +\d+ +(?P<resident>\d+) +(?P<minor>\d+) +"
                    r"(?P<major>\d+) +(?P<evictions>\d+) +(?P<writebacks>\d+) +\d+\.\d{3}")
VMSTAT_ROW = re.compile(r"(pgfault|pgmajfault|pgsteal|pgsteal_clean|pgreuse|psw\w+|fault_\w+) (\d+)")
POOL_ROW = re.compile(r"pool main: .* resident=(\d+) evictions=(\d+)")
SWAP_ROW = re.compile(r"swap: disk=\w+ slots=(\d+) used=(\d+) free=(\d+) .*")
MISPLACED = re.compile(r"(fault|evict|start|fork|exec|signal|exit|kill) pid=\d+ ")


def number(text, base=10):
    return None if text == "none" else int(text, base)


def integers(match):
    return {name: int(text) for name, text in match.groupdict().items() if text is not None and text.isdigit()}


def summaries(log):
    """=> the `summary` lines as dictionaries"""
    return [{key: int(value) if value.isdigit() else value
             for key, value in (word.split("=") for word in line.split()[1:])}
            for line in log.splitlines() if line.startswith("summary ")]


def rows(log):
    """=> the rows of every table that run and wait printed, as dictionaries"""
    found = (ROW.fullmatch(line) for line in log.splitlines())
    return [{**match.groupdict(), **integers(match)} for match in found if match]


def events(log, kind):
    """=> the matches of all events of one kind"""
    found = (STAMPED.fullmatch(line) for line in log.splitlines())
    return [m for m in (EVENTS[kind].fullmatch(stamped[3]) for stamped in found if stamped) if m]
