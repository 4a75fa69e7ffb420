# SPDX-License-Identifier: MIT
"""Scenarios: each boots the kernel in QEMU, lets it work, and reads its serial line. `make` builds what they
boot; every test has guests of its own, so they may run in parallel (-n 2)."""
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
pytest.register_assert_rewrite("scenario")


@pytest.fixture(scope="session", autouse=True)
def built():
    for name in ("faultline.elf", "initrd.tar"):
        if not (ROOT / "build" / name).exists():
            pytest.exit(f"build/{name} is missing: run make first", returncode=1)
