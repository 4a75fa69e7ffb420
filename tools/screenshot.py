#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Boots Faultline, runs monitor commands, and saves its screen as a PNG file: the back end of `make screenshot`.
One tick is one instruction, and the viewer stands still when the commands have run: the same picture each time."""
import argparse
import os
import sys
import time

import qemu

# What has to be there before the picture is taken: the script has ended, and the monitor waits for a person.
ATTENDED = "^help lists the commands"
SETTLE_S = 0.5  # the console is brought to the screen by the clock


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    ap.add_argument("png", help="the file to write")
    ap.add_argument("--kernel", default=qemu.KERNEL)
    ap.add_argument("--initrd", default=qemu.INITRD)
    ap.add_argument("--mem", default="64M")
    ap.add_argument("--append", default="", help="the kernel's command line, without run=")
    ap.add_argument("--run", default="", help="monitor commands, separated by ;")
    ap.add_argument("--view", default="overview", help="a page of the viewer, or console")
    ap.add_argument("--rows", default="25", help="25 or 50")
    ap.add_argument("--timeout", type=float, default=600, help="in seconds")
    args = ap.parse_args()
    run = "; ".join(part for part in (args.run, "view hz 0") if part)
    append = f"{args.append} view={args.view} viewrows={args.rows}"
    os.makedirs(os.path.dirname(os.path.abspath(args.png)), exist_ok=True)
    try:
        with qemu.Guest(append=append, run=run, mem=args.mem, kernel=args.kernel, initrd=args.initrd, icount=True,
                        qmp=True, timeout=args.timeout) as guest:
            guest.expect(ATTENDED)
            time.sleep(SETTLE_S)
            guest.screendump(args.png)
    except qemu.GuestError as e:
        sys.exit(f"screenshot: {e}\nscreenshot: the commands must come to an end, and not quit")
    print(args.png)


if __name__ == "__main__":
    main()
