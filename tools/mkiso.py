#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes a bootable CD image: GRUB, the kernel, its initrd and a command line."""
import argparse
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile

# All that GRUB needs to read a CD and start a multiboot kernel; its default set is fifteen times as large.
MODULES = "multiboot iso9660 biosdisk normal configfile boot"
BIOS_DIRS = ("/usr/lib/grub/i386-pc", "/usr/lib/grub2/i386-pc", "/usr/share/grub/i386-pc")


def grub_words(append):
    """The command line in GRUB's syntax. Each word is put in single quotes, in which GRUB changes nothing;
    GRUB itself puts words that have spaces into double quotes before the kernel sees them."""
    return " ".join("'" + word.replace("'", "'\\''") + "'" for word in shlex.split(append))


def grub_cfg(append):
    return ("set timeout=0\n"
            "menuentry Faultline {\n"
            f"  multiboot /boot/faultline.elf {grub_words(append)}\n"
            "  module /boot/initrd.tar\n"
            "}\n")


def make_iso(out, append="", kernel="build/faultline.elf", initrd="build/initrd.tar"):
    """Writes the image `out`. => its path; raises RuntimeError with what the tools said if that fails."""
    mkrescue = shutil.which("grub-mkrescue") or shutil.which("grub2-mkrescue")
    if not mkrescue:
        raise RuntimeError("no grub-mkrescue here; `make deps` installs it")
    bios = next((d for d in BIOS_DIRS if pathlib.Path(d).is_dir()), None)
    with tempfile.TemporaryDirectory(prefix="faultline-iso-") as tree:
        boot = pathlib.Path(tree, "boot")
        (boot / "grub").mkdir(parents=True)
        shutil.copy(kernel, boot / "faultline.elf")
        shutil.copy(initrd, boot / "initrd.tar")
        (boot / "grub" / "grub.cfg").write_text(grub_cfg(append))
        command = [mkrescue, *(["-d", bios] if bios else []), f"--install-modules={MODULES}", "--locales=",
                   "--fonts=", "--themes=", "-o", str(out), tree]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace")
    if done.returncode != 0:
        raise RuntimeError(f"grub-mkrescue failed:\n{done.stdout}")
    return out


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--kernel", default="build/faultline.elf")
    ap.add_argument("--initrd", default="build/initrd.tar")
    ap.add_argument("--append", default="", help="the kernel's command line")
    ap.add_argument("out")
    args = ap.parse_args()
    try:
        make_iso(args.out, args.append, args.kernel, args.initrd)
    except (RuntimeError, OSError) as e:
        sys.exit(f"mkiso: {e}")


if __name__ == "__main__":
    main()
