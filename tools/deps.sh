#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what building and testing needs. Silent and quick when nothing is missing; otherwise installs
# with apt on Debian and Ubuntu, and elsewhere prints what to install and fails.
set -eu

missing=

# need PACKAGE TEST...: the package is missing if the test fails
need() {
	package=$1
	shift
	"$@" >/dev/null 2>&1 || missing="$missing $package"
}

have() { command -v "$1"; }

some_file() { # true if one of the arguments, globs already expanded, exists
	for f; do
		[ -e "$f" ] && return 0
	done
	return 1
}

python_has() {
	for p in /usr/bin/python3 python3; do
		"$p" -c 'import importlib.util as u, sys; sys.exit(any(u.find_spec(m) is None for m in sys.argv[1:]))' \
			pytest "$1" && return 0
	done
	return 1
}

python_loads() { # $1: shared library
	for p in /usr/bin/python3 python3; do
		"$p" -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "$1" && return 0
	done
	return 1
}

preloads() { # $1: shared library; the loader only complains
	[ -z "$(env LD_PRELOAD="$1" sh -c : 2>&1)" ]
}

fuzzes() { # clang with libFuzzer and the sanitizers' libraries
	echo 'int LLVMFuzzerTestOneInput(const char *p, long n) { return p == 0 && n > 0; }' |
		clang -fsanitize=fuzzer,address,undefined -x c - -o /dev/null
}

host_compiles() { # $1: header; a bare gcc has no C library
	echo "#include <$1>" | gcc -E -x c - -o /dev/null
}

need make have make
need gcc have gcc
need binutils have nm
need libc6-dev host_compiles stdio.h
need gcc-i686-linux-gnu have i686-linux-gnu-gcc
need libc6-dev-i386-cross some_file /usr/i686-linux-gnu/lib/libc.a /usr/lib/i386-linux-gnu/libc.a
need qemu-system-x86 have qemu-system-i386
need qemu-utils have qemu-img
need grub-common have grub-mkrescue
need grub-pc-bin some_file /usr/lib/grub/i386-pc /usr/lib/grub2/i386-pc /usr/share/grub/i386-pc
need xorriso have xorriso
need mtools have mformat
need bochs have bochs
need bochsbios some_file /usr/share/bochs/BIOS-bochs-latest /usr/local/share/bochs/BIOS-bochs-latest
need vgabios some_file /usr/share/vgabios/vgabios.bin /usr/share/bochs/VGABIOS-lgpl-latest*
need gdb have gdb
need clang-format have clang-format
need clang have clang
need libclang-rt-dev fuzzes
need python3 have python3
need python3-pytest python_has pytest
need python3-pytest-xdist python_has xdist
need python3-pil python_has PIL
need python3-matplotlib python_has matplotlib
need liblz4-1 python_loads liblz4.so.1
need valgrind have valgrind
need libjemalloc2 preloads libjemalloc.so.2
need libmimalloc2.0 preloads libmimalloc.so.2

[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
	echo "deps: missing, by their Debian names:$missing" >&2
	echo "deps: this is not a system with apt; please install them and try again" >&2
	exit 1
fi

as_root=
if [ "$(id -u)" != 0 ]; then
	as_root=sudo
	if ! command -v sudo >/dev/null; then
		echo "deps: please install as root:$missing" >&2
		exit 1
	fi
fi

echo "deps: installing$missing"
$as_root apt-get update -qq
# --no-remove: gcc-i686-linux-gnu and gcc-multilib exclude each other; never take a compiler away unasked.
# shellcheck disable=SC2086
if ! $as_root env DEBIAN_FRONTEND=noninteractive \
	apt-get install -qq -y --no-install-recommends --no-remove $missing; then
	echo "deps: apt could not install:$missing" >&2
	echo "deps: if gcc-multilib is installed, it is in the way of gcc-i686-linux-gnu; remove it first" >&2
	exit 1
fi
