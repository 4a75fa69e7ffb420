# SPDX-License-Identifier: MIT
# Everything is built from here, into build/. `make help` lists what there is.

.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all
MAKEFLAGS += --no-builtin-rules --no-print-directory

GOALS := $(filter-out deps,$(MAKECMDGOALS))
ifneq (,$(and $(filter deps,$(MAKECMDGOALS)),$(GOALS)))

# Until deps has run, tools may be missing: run it first, then start over with the other goals.
.PHONY: deps $(GOALS) after-deps
$(GOALS): after-deps
	@:
after-deps: deps
	@$(MAKE) $(GOALS)
deps:
	@tools/deps.sh

else

### What make is told ###################################################################################

#: Variables of run, debug, record and iso (others of the kernel go into APPEND):
#:   RUN=demo       monitor commands to run after boot, e.g. RUN="run matmul; ps"
#:   SCRIPT=        file with monitor commands, one a line, to run instead: the guest has it as /script
#:   FRAMES=        limit of the default pool, in frames
#:   POLICY=        replacement policy, e.g. fifo, clock, gip; make sim ARGS=--list lists them all
#:   SWAPMB=        size of the swap disk in MiB
#:   SWAPIMG=       file of the disk that APPEND=swap=hda uses: build/swap.img, made as large as SWAPMB or 64 MiB
#:   LOG=           event classes to log, e.g. quiet, all, +swap,-fault
#:   APPEND=        more of the kernel's command line, e.g. APPEND="seed=7"
#:   TRACEFILE=     file for what the kernel traces, classes by APPEND=trace=..., e.g. build/run.trace (docs/tracing.md)
#:   MEM=64M        memory of the machine, 16M to 3500M
#:   ISO=1          boot through GRUB from an ISO image instead of qemu -kernel
#:   ICOUNT=1       one tick = one instruction: the same run, tick for tick, every time
#:   WINDOW=auto    1, 0 or auto: a window for the VGA screen
#:   REPLAY=build/replay   directory of what record, replay-run and replay-debug keep and use
#:   TIMEOUT=600    seconds until a guest without a terminal is stopped as hung
RUN     ?= $(if $(SCRIPT),load script,demo)
MEM     ?= 64M
WINDOW  ?= auto
TIMEOUT ?= 600
REPLAY  ?= build/replay
SWAPIMG ?= build/swap.img

#: Variables of screenshot (RUN, FRAMES, POLICY, SWAPMB, LOG, APPEND and MEM as for run):
#:   PNG=build/screen.png   the file to write
#:   VIEW=overview  page of the memory viewer: overview frames swap space top events buddy, or console
#:   ROWS=25        25 or 50 rows of text

#: Variables of sim, replay, compare and capture (build/sim --help lists sim's own options):
#:   TRACE=         file with references, for sim or several: build/traces/*.txt, which make traces makes; of capture
#:                  the file to write
#:   POLICY=all     policies, with commas between them
#:   FRAMES=10%,25%,50%   numbers of frames, or percentages of the pages
#:   MODE=exact     of sim; exact: policies see every reference; sampled: accessed bits only
#:   EXACT=1        of replay: exact mode, otherwise it is sampled
#:   ACCESSED=a1    the accessed bit of the access that faulted: a1 stays set, ad is cleared at the next fault
#:   ARGS=          more arguments of sim, e.g. ARGS="--seed 7"; ARGS=--list: which policies there are
#:   SIM_EXTRA=     C files with more policies (tools/sim/sim.h: SIM_POLICY); runs build/sim-extra, with sanitizers
#:   WRITE=1        make comparison: writes docs/comparison.md
#:   CAPTURED=1     make traces: of our own programs too, captured in exact mode, build/traces/*.flt
#:   LACKEY=1       make traces: of real programs too, under Valgrind

#: Variables of alloc, and of the pictures of allocations (build/alloc --help says more):
#:   WORKLOAD=      uniform exponential ramp plateau sawtooth, or files: malloc traces (make malloc-traces), lists
#:   FIT=all        strategies, with commas between them: first,last,next,best,worst,instant
#:   BUDDY=off,on   sizes rounded up to powers of two
#:   COMPACT=enough,8  when an allocation fails for fragmentation only: enough or whole; N: N units after each operation
#:   ARGS=          more arguments, e.g. ARGS="--load 80 --move-cost 1500"

#: Variables of the build:
#:   V=1            show the commands
#:   LOCK_CHECK=1   the kernel that checks the order of its locks (docs/locking.md): build/faultline-lockcheck.elf
#:   TRACEPOINTS=0  the kernel without tracepoints, to see what they cost (docs/tracing.md): build/faultline-notrace.elf
#:   CROSS=         prefix of the cross compiler: i686-elf- if on PATH, else i686-linux-gnu-
#:   GLIBC_CC=      compiler with a C library for user/glibc: i686-linux-gnu-gcc
#:   HOSTCC=gcc     compiler for host tests and tools
#:   CLANG=clang    compiler for the fuzzers
#:   PYTHON=        a python3 that has pytest
#:   GDBFLAGS=      more arguments for the gdb of debug and replay-debug, e.g. GDBFLAGS="-batch -x script"
has       = $(shell command -v $(1) 2>/dev/null)
CROSS    ?= $(if $(call has,i686-elf-gcc),i686-elf-,i686-linux-gnu-)
CROSS    := $(CROSS)
GLIBC_CC ?= i686-linux-gnu-gcc
HOSTCC   ?= gcc
CLANG    ?= clang
HAS_PYTEST := -c 'import importlib.util as u, sys; sys.exit(u.find_spec("pytest") is None)'
PYTHON   ?= $(firstword $(foreach p,/usr/bin/python3 python3,$(if $(shell $p $(HAS_PYTEST) && echo y),$p)) python3)

CC    := $(CROSS)gcc
NM    := $(CROSS)nm
STRIP := $(CROSS)strip
AR    := $(CROSS)ar

# Kernels that are compiled differently lie beside the normal one.
VARIANT := $(if $(filter-out 0,$(LOCK_CHECK)),-lockcheck)$(if $(filter 0,$(TRACEPOINTS)),-notrace)

### Flags ###############################################################################################

WARN := -Wall -Wextra -Wshadow -Wundef -Wpointer-arith -Wcast-qual -Wwrite-strings -Wstrict-prototypes \
        -Wmissing-prototypes -Wredundant-decls -Wvla -Wformat=2 -Wimplicit-fallthrough=5 -Wlogical-op \
        -Wduplicated-cond -Wnull-dereference -Werror
HERE := -ffile-prefix-map=$(CURDIR)=.
BASE := -std=gnu11 -I. -MMD -MP -g $(HERE) -fno-strict-aliasing -fno-common \
        -fno-omit-frame-pointer

FREESTANDING := $(BASE) -O2 -ffreestanding -march=i686 -mgeneral-regs-only -fno-pic -fno-pie \
                -fcf-protection=none -fno-asynchronous-unwind-tables $(WARN)
KERNEL_FLAGS := $(FREESTANDING) -mregparm=3 -Wframe-larger-than=1024 -fstack-protector -mstack-protector-guard=global \
                $(if $(filter-out 0,$(LOCK_CHECK)),-DLOCK_CHECK) $(if $(filter 0,$(TRACEPOINTS)),-DNO_TRACE)
USER_FLAGS   := $(FREESTANDING) -fno-stack-protector
GLIBC_FLAGS  := -I. -O2 -g $(HERE) -MMD -MP -Wall -Wextra -Werror -static
ASM_FLAGS    := -I. -MMD -MP -g $(HERE) -march=i686 -Wall -Wundef -Werror -Wa,--noexecstack
HOST_FLAGS   := $(BASE) $(WARN) -DFAULTLINE_HOST
TEST_FLAGS   := -DLOCK_CHECK
HOST64_FLAGS := $(HOST_FLAGS) $(TEST_FLAGS) -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
HOST32_FLAGS := $(HOST_FLAGS) $(TEST_FLAGS) -O2 -static
SIM_FLAGS    := $(HOST_FLAGS) -O2
# clang knows fewer warnings.
FUZZ_FLAGS   := $(BASE) -Wall -Wextra -Wshadow -Wundef -Wstrict-prototypes -Wmissing-prototypes -Werror \
                -DFAULTLINE_HOST $(TEST_FLAGS) -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
SHIM_FLAGS   := $(HOST_FLAGS) -O2 -fPIC -fno-builtin

LINK := $(CC) -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,max-page-size=4096 -Wl,-z,noexecstack \
        -Wl,--fatal-warnings

### Sources #############################################################################################

B := build

KERNEL_SRC := $(wildcard lib/*.c mm/*.c mm/policy/*.c arch/x86/*.c arch/x86/*.S drivers/*.c kernel/*.c \
                         boot/*.c boot/*.S)
KERNEL_OBJ := $(KERNEL_SRC:%=$(B)/kernel$(VARIANT)/%.o)
KERNEL     := $(B)/faultline$(VARIANT).elf

# Every program is made of the runtime, and of the heap if it uses it.
HEAP_SRC := $(wildcard lib/fit*.c user/rt/heap*.c) user/rt/malloc.c
HEAP_OBJ := $(HEAP_SRC:%=$(B)/user/%.o)
HEAP_LIB := $(B)/user/heap.a
RT_SRC   := lib/print.c lib/string.c $(filter-out $(HEAP_SRC),$(wildcard user/rt/*.c user/rt/*.S))
RT_OBJ   := $(RT_SRC:%=$(B)/user/%.o)
# One program from each file, and from each folder that has a main.c.
USER_SRC  := $(wildcard user/*.c $(patsubst %/main.c,%/*.c,$(wildcard user/*/main.c)))
USER_OBJ  := $(USER_SRC:%=$(B)/user/%.o)
USER_NAME := $(sort $(foreach s,$(USER_SRC:user/%.c=%),$(firstword $(subst /, ,$s))))
USER_BIN  := $(USER_NAME:%=$(B)/user/bin/%)
# One program from each file and from each folder.
GLIBC_SRC  := $(wildcard user/glibc/*.c user/glibc/*/*.c)
GLIBC_OBJ  := $(GLIBC_SRC:%=$(B)/glibc/%.o)
GLIBC_NAME := $(sort $(foreach s,$(GLIBC_SRC:user/glibc/%.c=%),$(firstword $(subst /, ,$s))))
GLIBC_BIN  := $(if $(call has,$(GLIBC_CC)),$(GLIBC_NAME:%=$(B)/user/glibc/%))
# Monitor commands for load.
SCRIPTS  := $(wildcard user/scripts/*)
INITRD   := $(B)/initrd.tar

HOST_SRC   := $(filter-out lib/string.c,$(wildcard lib/*.c)) \
              $(wildcard mm/*.c mm/policy/*.c tests/host/*.c) drivers/inject.c drivers/zram.c \
              $(wildcard user/rt/heap*.c)
HOST64_OBJ := $(HOST_SRC:%=$(B)/host64/%.o)
HOST32_OBJ := $(HOST_SRC:%=$(B)/host32/%.o)

# Of the kernel: the policies, and all of level 4, which they are made of.
SIM_SRC  := $(wildcard tools/sim/*.c mm/policy/*.c) $(shell grep -lE 'mm-level: 4(\.0[0-9]*)?$$' mm/*.c) lib/print.c
SIM_OBJ  := $(SIM_SRC:%=$(B)/sim-obj/%.o)
ASAN_OBJ := $(SIM_SRC:%=$(B)/sim-asan-obj/%.o)
EXTRA_OBJ := $(SIM_EXTRA:%=$(B)/sim-asan-obj/%.o)
SIM      := $(B)/sim

# The allocators and what they are made of: levels 0 to 2 of mm/, but for the mappings. On the bare machine.
BARE_SRC := $(filter-out lib/string.c,$(wildcard lib/*.c)) tools/alloc/bare.c \
            $(filter-out mm/rmap.c,$(shell grep -lE 'mm-level: [012](\.[0-9]*)?$$' mm/*.c))
ALLOC_SRC := $(BARE_SRC) $(filter-out tools/alloc/bare.c,$(wildcard tools/alloc/*.c))
ALLOC_OBJ := $(ALLOC_SRC:%=$(B)/sim-obj/%.o)
ALLOC     := $(B)/alloc

# The reader of the kernel's traces: the table of events, and how they are printed, are the kernel's own.
TRACER     := $(B)/trace
TRACER_SRC := $(wildcard tools/trace/*.c) lib/trace_text.c lib/print.c lib/watch.c
TRACER_OBJ := $(TRACER_SRC:%=$(B)/sim-obj/%.o)
TRACER_ASAN_OBJ := $(TRACER_SRC:%=$(B)/sim-asan-obj/%.o)

FUZZ_SRC := $(BARE_SRC) $(wildcard tests/fuzz/*.c)
FUZZ_OBJ := $(FUZZ_SRC:%=$(B)/fuzz-obj/%.o)
FUZZERS  := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

# Contestants play malloc traces: one links the C library's malloc, the other all of mm/ on the fake machine.
MALLOC     := $(B)/malloc
MALLOC_OBJ := $(B)/sim-obj/tools/malloc/replay.c.o
LIBC_OBJ   := $(MALLOC_OBJ) $(B)/sim-obj/tools/malloc/libc.c.o
OURS_SRC   := $(filter-out lib/string.c,$(wildcard lib/*.c)) $(wildcard mm/*.c mm/policy/*.c) \
              $(addprefix tests/host/,machine.c disk.c high.c) tools/malloc/ours.c
OURS_OBJ   := $(MALLOC_OBJ) $(OURS_SRC:%=$(B)/sim-obj/%.o)
SHIM_OBJ   := $(MALLOC)/shim.c.o

ALL_OBJ := $(KERNEL_OBJ) $(RT_OBJ) $(HEAP_OBJ) $(USER_OBJ) $(GLIBC_OBJ) $(HOST64_OBJ) $(HOST32_OBJ) \
           $(SIM_OBJ) $(ASAN_OBJ) $(EXTRA_OBJ) $(LIBC_OBJ) $(OURS_OBJ) $(SHIM_OBJ) $(FUZZ_OBJ) \
           $(ALLOC_OBJ) $(TRACER_OBJ) $(TRACER_ASAN_OBJ)

### Helpers #############################################################################################

# "s" under make -s, which prints nothing but what the user asked for. One-letter flags are MAKEFLAGS' first word.
SILENT := $(findstring s,$(filter-out --%,$(firstword -$(MAKEFLAGS))))
Q     := $(if $(filter-out 0,$(V)),,@)
say    = @$(if $(and $(Q),$(if $(SILENT),,y)),printf '  %-7s %s\n' $(1) $(2),:)
quote  = '$(subst ','\'',$(1))'
comma := ,

# A stamp is a file that holds a variable; it changes, and so rebuilds what depends on it, only when the
# variable does. That is how new flags and deleted sources are noticed. Where the tree lies is not part of it: a
# copy, its build included, is not built again.
STAMP_kernel$(VARIANT) := $(CC) $(KERNEL_FLAGS) $(ASM_FLAGS)
STAMP_link$(VARIANT) := $(LINK) $(KERNEL_OBJ)
STAMP_user   := $(LINK) $(USER_FLAGS) $(ASM_FLAGS) $(RT_OBJ) $(HEAP_OBJ) $(USER_OBJ)
STAMP_glibc  := $(GLIBC_CC) $(GLIBC_FLAGS) $(GLIBC_OBJ)
STAMP_initrd := $(USER_BIN) $(GLIBC_BIN) $(SCRIPTS)
STAMP_host64 := $(HOSTCC) $(HOST64_FLAGS)
STAMP_host32 := $(GLIBC_CC) $(HOST32_FLAGS)
STAMP_tests  := $(HOST64_OBJ)
STAMP_sim    := $(HOSTCC) $(SIM_FLAGS)
STAMP_sims   := $(SIM_OBJ)
STAMP_asan   := $(HOSTCC) $(HOST64_FLAGS)
STAMP_extra  := $(EXTRA_OBJ)
STAMP_fuzz   := $(CLANG) $(FUZZ_FLAGS) $(FUZZ_OBJ)
STAMP_alloc  := $(ALLOC_OBJ)
STAMP_tracer := $(TRACER_OBJ)
STAMP_malloc := $(HOSTCC) $(SIM_FLAGS) $(SHIM_FLAGS) $(OURS_OBJ)
STAMP_compdb := $(CURDIR) $(STAMP_kernel$(VARIANT)) $(STAMP_user) $(KERNEL_SRC) $(USER_SRC) $(STAMP_host64) \
                $(HOST_SRC) $(SIM_SRC)
STAMP_iso     = $(CMDLINE) run="$(RUN)"

stamped = $(subst $(HERE) ,,$(STAMP_$*))
$(B)/stamp/%: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(call quote,$(stamped)) | cmp -s - $@ || printf '%s\n' $(call quote,$(stamped)) >$@

.PHONY: FORCE
FORCE:
.PRECIOUS: $(B)/stamp/%

#: Targets:
#:   all            (default) kernel, programs and initrd; compile_commands.json
.PHONY: all
all: $(KERNEL) $(INITRD) compile_commands.json

### Kernel ##############################################################################################

$(B)/kernel$(VARIANT)/%.c.o: %.c $(B)/stamp/kernel$(VARIANT)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(KERNEL_FLAGS) -c $< -o $@

$(B)/kernel$(VARIANT)/%.S.o: %.S $(B)/stamp/kernel$(VARIANT)
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ASM_FLAGS) -c $< -o $@

# Linked twice: with an empty symbol table to learn the addresses, then with the real one, which moves
# nothing that it names because it comes after the text. The last step proves that.
KSYMS       := $(B)/ksyms$(VARIANT)
LINK_KERNEL := $(LINK) -Wl,--orphan-handling=error -T linker.ld $(KERNEL_OBJ) $(KSYMS).o

$(KERNEL): $(KERNEL_OBJ) linker.ld tools/ksyms.py $(B)/stamp/link$(VARIANT)
	$(call say,LD,$@)
	$(Q)tools/ksyms.py </dev/null >$(KSYMS).S && $(CC) -c $(KSYMS).S -o $(KSYMS).o
	$(Q)$(LINK_KERNEL) -o $(KSYMS).elf
	$(Q)$(NM) $(KSYMS).elf | tools/ksyms.py >$(KSYMS).S && $(CC) -c $(KSYMS).S -o $(KSYMS).o
	$(Q)$(LINK_KERNEL) -o $@
	$(Q)$(NM) $@ | tools/ksyms.py | cmp - $(KSYMS).S

ifeq (,$(VARIANT))
$(B)/faultline-lockcheck.elf: FORCE
	@$(MAKE) LOCK_CHECK=1 $@
$(B)/faultline-notrace.elf: FORCE
	@$(MAKE) TRACEPOINTS=0 $@
endif

### Programs ############################################################################################

$(B)/user/%.c.o: %.c $(B)/stamp/user
	$(call say,CC,"$< (user)")
	@mkdir -p $(@D)
	$(Q)$(CC) $(USER_FLAGS) -c $< -o $@

$(B)/user/%.S.o: %.S $(B)/stamp/user
	$(call say,AS,"$< (user)")
	@mkdir -p $(@D)
	$(Q)$(CC) $(ASM_FLAGS) -c $< -o $@

$(foreach n,$(USER_NAME),$(eval \
    $(B)/user/bin/$n: $(filter $(B)/user/user/$n.c.o $(B)/user/user/$n/%,$(USER_OBJ))))
$(USER_BIN): $(RT_OBJ) $(HEAP_LIB) user/user.ld $(B)/stamp/user
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(LINK) -T user/user.ld $(filter-out $(RT_OBJ),$(filter %.o,$^)) $(RT_OBJ) $(HEAP_LIB) -lgcc -o $@

$(HEAP_LIB): $(HEAP_OBJ) $(B)/stamp/user
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcsD $@ $(HEAP_OBJ)

$(B)/glibc/%.c.o: %.c $(B)/stamp/glibc
	$(call say,CC,"$< (glibc)")
	@mkdir -p $(@D)
	$(Q)$(GLIBC_CC) $(GLIBC_FLAGS) -c $< -o $@

$(foreach n,$(GLIBC_NAME),$(eval \
    $(B)/user/glibc/$n: $(filter $(B)/glibc/user/glibc/$n.c.o $(B)/glibc/user/glibc/$n/%,$(GLIBC_OBJ))))
$(GLIBC_BIN): $(B)/stamp/glibc
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(GLIBC_CC) -static $(filter %.o,$^) -o $@ -Wl,--build-id=none

# The same bytes from the same programs: no times, no owners, a fixed order. Debug information stays behind.
$(INITRD): $(USER_BIN) $(GLIBC_BIN) $(SCRIPTS) $(B)/stamp/initrd
	$(call say,TAR,$@)
	$(if $(GLIBC_SRC),$(if $(GLIBC_BIN),,@echo '  SKIP    user/glibc: no $(GLIBC_CC) here (make deps installs it)'))
	@rm -rf $(B)/initrd && mkdir -p $(B)/initrd/bin $(B)/initrd/scripts
	$(Q)cp $(SCRIPTS) $(B)/initrd/scripts
	$(Q)for p in $(USER_BIN) $(GLIBC_BIN); do $(STRIP) -s $$p -o $(B)/initrd/bin/$${p##*/} || exit 1; done
	$(Q)tar -C $(B)/initrd --format=ustar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner \
		--mode=0755 -cf $@ bin scripts

### Running #############################################################################################

CMDLINE    = $(strip $(if $(FRAMES),frames=$(FRAMES)) $(if $(POLICY),policy=$(POLICY)) \
             $(if $(SWAPMB),swapmb=$(SWAPMB)) $(if $(LOG),log=$(LOG)) $(APPEND))
QEMU       = exec $(PYTHON) tools/qemu.py --kernel $(KERNEL) --initrd $(INITRD) --mem $(MEM)
SWAP_DISK  = $(filter swap=hda swap=hdb swap=hdc swap=hdd,$(APPEND))
RECORD     = exec $(PYTHON) tools/record.py --directory $(call quote,$(REPLAY))
RUN_FLAGS  = --append $(call quote,$(CMDLINE)) --run $(call quote,$(RUN)) --window $(WINDOW) --timeout $(TIMEOUT) \
             --swap-image $(call quote,$(SWAPIMG)) $(if $(filter-out 0,$(ISO)),--iso) $(if $(filter-out 0,$(ICOUNT)),--icount) \
             $(if $(SCRIPT),--script $(call quote,$(SCRIPT))) \
             $(if $(TRACEFILE),--trace $(call quote,$(TRACEFILE))) $(if $(filter traceport=com2,$(APPEND)),--trace-uart)

#:   run            build, boot in QEMU, run RUN; then the monitor, or power off if there is no terminal
.PHONY: run
run: all $(if $(SWAP_DISK),swap-image)
	@$(QEMU) $(RUN_FLAGS)

#:   debug          boot in QEMU, stopped, with gdb attached
.PHONY: debug
debug: all $(if $(SWAP_DISK),swap-image)
	@$(QEMU) $(RUN_FLAGS) --gdb=$(call quote,$(GDBFLAGS))

#:   screenshot     the VGA screen after RUN (by default four programs in the middle of their work) as PNG
SCREENSHOT_RUN = run matmul 200 & qsort 400000 & stamp 60 200 & twins 60 200 &; wait 120
.PHONY: screenshot
screenshot: all
	@$(PYTHON) tools/screenshot.py --kernel $(KERNEL) --initrd $(INITRD) --mem $(MEM) --timeout $(TIMEOUT) \
		--append $(call quote,$(CMDLINE)) --run $(call quote,$(if $(filter demo,$(RUN)),$(SCREENSHOT_RUN),$(RUN))) \
		$(if $(VIEW),--view $(call quote,$(VIEW))) $(if $(ROWS),--rows $(ROWS)) $(call quote,$(or $(PNG),$(B)/screen.png))
#:   record         as run, and keeps in REPLAY what it takes to run the very same again, instruction for instruction
.PHONY: record
record: all $(if $(SWAP_DISK),swap-image)
	@$(RECORD) record --kernel $(KERNEL) --initrd $(INITRD) --mem $(MEM) $(RUN_FLAGS)

#:   replay-run     what was recorded, again: prints its serial log, and fails if a byte of it differs
.PHONY: replay-run
replay-run:
	@$(RECORD) replay --timeout $(TIMEOUT)

#:   replay-debug   what was recorded, stopped at its start, with gdb attached, which can also go backwards
.PHONY: replay-debug
replay-debug:
	@$(RECORD) debug --gdb=$(call quote,$(GDBFLAGS))

#:   trace          RUN, traced: its events as text, or ARGS="--to csv" and so on; classes by APPEND=trace=CLASSES; the
#:                  trace stays in TRACEFILE=build/run.trace
.PHONY: trace
trace: TRACEFILE := $(or $(TRACEFILE),$(B)/run.trace)
trace: all $(B)/trace $(if $(SWAP_DISK),swap-image)
	@mkdir -p $(B) && ($(QEMU) $(RUN_FLAGS)) </dev/null >$(B)/trace.log || { tail $(B)/trace.log; exit 1; }
	@$(B)/trace $(ARGS) $(call quote,$(TRACEFILE))

#:   swap-image     build/swap.img, the disk for APPEND=swap=hda; run and debug make it themselves
# Our own file is given the size that was asked for, and 4 KiB for the kernel's mark; a file of somebody
# else's is left as it is.
.PHONY: swap-image
swap-image:
	$(Q)image=$(call quote,$(SWAPIMG)); if [ "$$image" = $(B)/swap.img ] || [ ! -e "$$image" ]; then \
		truncate -s $$(($(or $(SWAPMB),64) * 1024 + 4))K "$$image"; fi

LAB_FLAGS = $(if $(POLICY),--policy $(call quote,$(POLICY))) $(if $(FRAMES),--frames $(call quote,$(FRAMES))) \
            $(if $(ACCESSED),--accessed $(call quote,$(ACCESSED))) --timeout $(TIMEOUT)
LAB       = $(Q)$(PYTHON) tools/lab.py

#:   replay         TRACE=file on the real MMU: POLICY=p FRAMES=n [EXACT=1] [ACCESSED=ad]; one line for each run
.PHONY: replay
replay: all $(SIM)
	$(LAB) replay $(call quote,$(TRACE)) $(LAB_FLAGS) $(if $(filter 1,$(EXACT)),--exact)

#:   capture        RUN="program ..." in exact mode: its true page-reference string into TRACE=build/capture.flt
.PHONY: capture
capture: all $(SIM)
	$(LAB) capture $(call quote,$(RUN)) --out $(call quote,$(or $(TRACE),$(B)/capture.flt)) --timeout $(TIMEOUT)

#:   compare        RUN="program ..." under every policy, for real, against Belady's optimum; POLICY= FRAMES=
.PHONY: compare
compare: all $(SIM)
	$(LAB) compare $(call quote,$(if $(filter demo,$(RUN)),matmul,$(RUN))) $(LAB_FLAGS)

#:   bench          cost of the basic operations, in guest instructions
.PHONY: bench
bench: all
	@$(QEMU) --append $(call quote,log=quiet $(APPEND)) --run 'bench; quit' --icount --timeout $(TIMEOUT) --only 'bench '

#:   thrash         CPU use by number of programs on a slow disk, as a table (docs/thrashing.md); FRAMES=, POLICY=, ALLOT=
.PHONY: thrash
thrash: all
	@$(PYTHON) tools/thrash.py $(if $(FRAMES),--frames $(FRAMES)) $(if $(POLICY),--policy $(POLICY)) $(if $(ALLOT),--allot $(ALLOT))

#:   iso            build/faultline.iso, a bootable CD image with GRUB
.PHONY: iso
iso: $(B)/faultline.iso
$(B)/faultline.iso: $(KERNEL) $(INITRD) tools/mkiso.py $(B)/stamp/iso
	$(call say,ISO,$@)
	$(Q)$(PYTHON) tools/mkiso.py --kernel $(KERNEL) --initrd $(INITRD) --append $(call quote,$(STAMP_iso)) $@

### Simulator ###########################################################################################

TRACES     := $(B)/traces
SIM_RUN    := $(SIM)$(if $(SIM_EXTRA),-extra)
SIM_FRAMES := $(if $(FRAMES),$(FRAMES),10%$(comma)25%$(comma)50%)

#:   sim            page traces through the policies, on this machine; a table, or with make -s a line for each run
.PHONY: sim
sim: $(SIM_RUN) $(if $(TRACE),,$(TRACES)/.made)
	@$(SIM_RUN) $(if $(SILENT),-s) -p $(or $(POLICY),all) -f $(SIM_FRAMES) $(if $(MODE),-m $(MODE)) \
		$(if $(ACCESSED),-a $(ACCESSED)) $(ARGS) $(or $(TRACE),$(TRACES)/*.txt)

#:   traces         the synthetic page traces, in build/traces/*.txt; CAPTURED=1, LACKEY=1 for others too
MAKE_TRACES = $(PYTHON) tools/traces.py --out $(TRACES)
.PHONY: traces
traces: $(if $(filter-out 0,$(CAPTURED)),all $(SIM))
	@$(MAKE_TRACES) $(if $(filter-out 0,$(CAPTURED)),--captured) $(if $(filter-out 0,$(LACKEY)),--lackey) \
		$(if $(SILENT),--quiet)
	@touch $(TRACES)/.made
$(TRACES)/.made: tools/traces.py
	@$(MAKE_TRACES) --quiet
	@touch $@

#:   comparison     the whole suite on the real MMU, every policy, sampled and exact; WRITE=1: into docs/comparison.md;
#:                  POLICY=p: these again, with the other counts that docs/comparison.tsv has
.PHONY: comparison
comparison: all $(SIM)
	@$(MAKE_TRACES) --captured --quiet
	@$(PYTHON) tools/comparison.py --traces $(TRACES) $(if $(POLICY),--only $(POLICY)) \
		$(if $(filter-out 0,$(WRITE)),--write)

#:   sim-speed      nanoseconds for each reference: 2 million, 200,000 pages
.PHONY: sim-speed
sim-speed: $(SIM)
	@$(PYTHON) tools/traces.py --out $(B)/traces-speed --speed --quiet
	@$(SIM) -s --time --no-opt -p $(or $(POLICY),all) -f $(SIM_FRAMES) $(ARGS) $(B)/traces-speed/speed.txt

#:   plots          pictures in build/plots, PNG and SVG: faults against frames for each trace, policies against OPT,
#:                  and those of timeline and plots-alloc; TRACE=, POLICY=, FRAMES= as for sim
PLOTS        := $(B)/plots
CURVE_SIZES  := 60
CURVE_POLICY := fifo$(comma)clock$(comma)lru$(comma)sieve$(comma)arc$(comma)opt
.PHONY: plots
plots: $(SIM) $(if $(TRACE),,$(TRACES)/.made)
	@mkdir -p $(PLOTS) && rm -f $(PLOTS)/curve-*.tsv
	@$(SIM) -s -p $(or $(POLICY),all) -f $(SIM_FRAMES) $(ARGS) $(or $(TRACE),$(TRACES)/*.txt) >$(PLOTS)/policies.log
	@$(PYTHON) tools/plots.py bars $(PLOTS)/policies.log -o $(PLOTS)
	@for t in $(or $(TRACE),$(TRACES)/*.txt); do \
		$(SIM) --curve $(CURVE_SIZES) -p $(or $(POLICY),$(CURVE_POLICY)) $(ARGS) $$t \
			>$(PLOTS)/curve-$$(basename $${t%.*}).tsv || exit 1; \
	done
	@$(PYTHON) tools/plots.py curve $(PLOTS)/curve-*.tsv -o $(PLOTS)
	@$(MAKE) timeline FRAMES= POLICY=
	@$(MAKE) plots-alloc ARGS=

#:   plots-alloc    build/plots/alloc-*: use, fragmentation, blocks and success over time, for each WORKLOAD, strategy,
#:                  rounding and compaction
ALLOC_WORKLOADS := uniform exponential ramp plateau sawtooth
ALLOC_SAMPLES   := 100
ALLOC_SERIES     = $(ALLOC) --series $(ALLOC_SAMPLES) $(if $(FIT),-f $(FIT)) $(ARGS)
.PHONY: plots-alloc
plots-alloc: $(ALLOC)
	@mkdir -p $(PLOTS)
	@for w in $(or $(WORKLOAD),$(ALLOC_WORKLOADS)); do \
		for v in "off -c off" "on -c off" "off -c enough" "on -c enough" "off -c 8"; do \
			$(ALLOC_SERIES) -b $$v $$w || exit 1; \
		done >$(PLOTS)/alloc-$$(basename $${w%.*}).tsv || exit 1; \
		$(PYTHON) tools/plot_alloc.py $(PLOTS)/alloc-$$(basename $${w%.*}).tsv -o $(PLOTS) || exit 1; \
	done

#:   timeline       build/plots/timeline: every fault and eviction of RUN, time against page; variables as for run
.PHONY: timeline
timeline: all
	@mkdir -p $(PLOTS)
	@($(QEMU) $(RUN_FLAGS)) </dev/null >$(PLOTS)/timeline.log || { tail $(PLOTS)/timeline.log; exit 1; }
	@$(PYTHON) tools/plots.py timeline $(PLOTS)/timeline.log -o $(PLOTS) \
		-t $(call quote,$(RUN) ($(or $(CMDLINE),default options)))

$(B)/sim-obj/%.c.o: %.c $(B)/stamp/sim
	$(call say,HOSTCC,"$< (simulator)")
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(SIM_FLAGS) -c $< -o $@
$(SIM): $(SIM_OBJ) $(B)/stamp/sim $(B)/stamp/sims
	$(call say,LD,$@)
	$(Q)$(HOSTCC) $(SIM_FLAGS) $(SIM_OBJ) -lm -o $@

$(B)/sim-asan-obj/%.c.o: %.c $(B)/stamp/asan
	$(call say,HOSTCC,"$< (simulator with sanitizers)")
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST64_FLAGS) -c $< -o $@
$(SIM)-extra: $(ASAN_OBJ) $(EXTRA_OBJ) $(B)/stamp/asan $(B)/stamp/sims $(B)/stamp/extra
	$(call say,LD,$@)
	$(Q)$(HOSTCC) $(HOST64_FLAGS) $(ASAN_OBJ) $(EXTRA_OBJ) -lm -o $@
$(SIM)-asan: $(ASAN_OBJ) $(B)/stamp/asan $(B)/stamp/sims
	$(call say,LD,$@)
	$(Q)$(HOSTCC) $(HOST64_FLAGS) $(ASAN_OBJ) -lm -o $@

### Allocations #######################################################################################

ALLOC_FLAGS = $(if $(FIT),-f $(FIT)) $(if $(BUDDY),-b $(BUDDY)) $(if $(COMPACT),-c $(COMPACT))

#:   alloc          workloads of allocations through the strategies of contiguous arenas, on this machine; a table, or
#:                  with make -s tab-separated lines
.PHONY: alloc
alloc: $(ALLOC)
	@$(ALLOC) $(if $(SILENT),-s) $(ALLOC_FLAGS) $(ARGS) $(WORKLOAD)

#:   flat           instructions of a pair of allocating and freeing while 1,000 to 1,000,000 blocks live, by Callgrind
.PHONY: flat
flat: $(ALLOC)
	@$(PYTHON) tools/flat.py

$(ALLOC): $(ALLOC_OBJ) $(B)/stamp/sim $(B)/stamp/alloc
	$(call say,LD,$@)
	$(Q)$(HOSTCC) $(SIM_FLAGS) $(ALLOC_OBJ) -lm -o $@

### Traces of the kernel ##############################################################################

# build/trace --help tells what it makes of a trace; docs/trace-tool.md shows it.
$(TRACER): $(TRACER_OBJ) $(B)/stamp/sim $(B)/stamp/tracer
	$(call say,LD,$@)
	$(Q)$(HOSTCC) $(SIM_FLAGS) $(TRACER_OBJ) -o $@
$(TRACER)-asan: $(TRACER_ASAN_OBJ) $(B)/stamp/asan $(B)/stamp/tracer
	$(call say,LD,$@)
	$(Q)$(HOSTCC) $(HOST64_FLAGS) $(TRACER_ASAN_OBJ) -o $@

# What the kernel's lib/trace.c writes, for the tests of build/trace.
WRITER_SRC   := tests/trace/writer.c lib/log.c lib/trace.c lib/trace_text.c lib/watch.c lib/print.c lib/spin.c
WRITER_OBJ   := $(WRITER_SRC:%=$(B)/host64/%.o)
STAMP_writer := $(HOSTCC) $(HOST64_FLAGS) $(WRITER_OBJ)
$(B)/host64/tracewriter: $(WRITER_OBJ) $(B)/stamp/writer
	$(call say,LD,$@)
	$(Q)$(HOSTCC) $(HOST64_FLAGS) $(WRITER_OBJ) -o $@

### Malloc ############################################################################################

MALLOC_TOOLS := $(MALLOC)/replay $(MALLOC)/replay-ours $(MALLOC)/shim.so
MALLOC_BENCH  = $(PYTHON) tools/malloc/bench.py

#:   malloc-traces  what three real programs ask of malloc, in build/malloc/*.mtrace (tools/malloc/trace.h)
.PHONY: malloc-traces
malloc-traces: $(KERNEL) $(MALLOC_TOOLS)
	@$(MALLOC_BENCH) capture

#:   malloc-bench   kmalloc beside glibc, jemalloc and mimalloc on these traces: instructions, memory
.PHONY: malloc-bench
malloc-bench: $(KERNEL) $(MALLOC_TOOLS)
	@$(MALLOC_BENCH) compare

$(MALLOC)/shim.c.o: tools/malloc/shim.c $(B)/stamp/malloc
	$(call say,HOSTCC,"$< (shared)")
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(SHIM_FLAGS) -c $< -o $@
$(MALLOC)/shim.so: $(SHIM_OBJ)
	$(call say,LD,$@)
	$(Q)$(HOSTCC) -shared $< -o $@
$(MALLOC)/replay: $(LIBC_OBJ) $(B)/stamp/malloc
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(SIM_FLAGS) $(LIBC_OBJ) -o $@
$(MALLOC)/replay-ours: $(OURS_OBJ) $(B)/stamp/malloc
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(SIM_FLAGS) $(OURS_OBJ) -o $@

### Testing #############################################################################################

#:   test           everything below, the in-kernel tests and the QEMU scenarios
.PHONY: test
test:
	@$(PYTHON) tools/runtests.py

#:   host-tests     unit tests of mm/ and lib/ on this machine: 64 bit with sanitizers, 32 bit without
.PHONY: host-tests
host-tests: $(B)/host64/hosttests $(B)/host32/hosttests
	$(Q)$(B)/host64/hosttests
	$(Q)$(B)/host32/hosttests

$(B)/host64/%.c.o: %.c $(B)/stamp/host64
	$(call say,HOSTCC,"$< (64 bit)")
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST64_FLAGS) -c $< -o $@
$(B)/host64/hosttests: $(HOST64_OBJ) $(B)/stamp/host64 $(B)/stamp/tests
	$(call say,LD,$@)
	$(Q)$(HOSTCC) $(HOST64_FLAGS) $(HOST64_OBJ) -o $@

$(B)/host32/%.c.o: %.c $(B)/stamp/host32
	$(call say,HOSTCC,"$< (32 bit)")
	@mkdir -p $(@D)
	$(Q)$(GLIBC_CC) $(HOST32_FLAGS) -c $< -o $@
$(B)/host32/hosttests: $(HOST32_OBJ) $(B)/stamp/host32 $(B)/stamp/tests
	$(call say,LD,$@)
	$(Q)$(GLIBC_CC) $(HOST32_FLAGS) $(HOST32_OBJ) -o $@

#:   fuzz           each fuzzer of tests/fuzz for FUZZ_SECONDS=60, under sanitizers; what it learns stays in build/fuzz
FUZZ_SECONDS := 60
.PHONY: fuzz fuzzers
fuzzers: $(FUZZERS)
fuzz: $(FUZZERS)
	$(Q)for f in $(FUZZERS); do \
		mkdir -p $$f.corpus && $$f -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=30 \
			-artifact_prefix=$$f. $$f.corpus || exit 1; \
	done

$(B)/fuzz-obj/%.c.o: %.c $(B)/stamp/fuzz
	$(call say,CLANG,"$< (fuzzers)")
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_FLAGS) -c $< -o $@
$(FUZZERS): $(B)/fuzz/%: $(B)/fuzz-obj/tests/fuzz/%.c.o $(BARE_SRC:%=$(B)/fuzz-obj/%.o) $(B)/stamp/fuzz
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_FLAGS) $(filter %.o,$^) -o $@

#:   mutants        break the code on purpose, one way at a time, and show which test notices
.PHONY: mutants
mutants:
	@$(PYTHON) tests/mutants.py

FORMATTED = $(sort $(shell find lib mm arch drivers kernel boot user tests tools -name '*.[ch]'))

# MeMS as a program of this machine, with sanitizers: the runtime's printf and exit under other names.
MEMS_SRC   := $(filter-out user/mems/port.c,$(wildcard user/mems/*.c)) user/rt/output.c lib/print.c tests/mems/port.c
MEMS_OBJ   := $(MEMS_SRC:%=$(B)/host64-user/%.o)
STAMP_mems := $(HOSTCC) $(HOST64_FLAGS) $(MEMS_OBJ)
$(B)/host64-user/%.c.o: %.c $(B)/stamp/mems
	$(call say,HOSTCC,"$< (64 bit)")
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST64_FLAGS) -Dprintf=rt_printf -Dexit=rt_exit -c $< -o $@
$(B)/host64/mems: $(MEMS_OBJ) $(B)/stamp/mems
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST64_FLAGS) $(MEMS_OBJ) -o $@

#:   check-format   is every C file laid out as .clang-format says?
.PHONY: check-format
check-format:
	@clang-format --dry-run -Werror $(FORMATTED)

#:   check-layers   does every file include only what its layer may?
.PHONY: check-layers
check-layers:
	@$(PYTHON) tools/layers.py

### Odds and ends #######################################################################################

#:   format         lay out every C file as .clang-format says
.PHONY: format
format:
	@clang-format -i $(FORMATTED)

#:   deps           install what is missing (Debian, Ubuntu), or say what to install
.PHONY: deps
deps:
	@tools/deps.sh

#:   clean          remove everything that was built
.PHONY: clean
clean:
	rm -rf $(B) compile_commands.json

#:   help           this list
.PHONY: help
help:
	@sed -n 's/^#: \{0,1\}//p' Makefile

# For editors and clangd: how each file is compiled, for the kernel, a program or the host.
compdb = {"directory": "$(CURDIR)", "file": "$(1)", "command": "$(2) -c $(1)"}
define COMPDB
[$(foreach s,$(filter %.c,$(KERNEL_SRC)),
$(call compdb,$s,$(CC) $(KERNEL_FLAGS))$(comma))$(foreach s,$(USER_SRC) $(filter user/%.c,$(RT_SRC) $(HEAP_SRC)),
$(call compdb,$s,$(CC) $(USER_FLAGS))$(comma))$(foreach s,$(filter tests/% tools/%,$(HOST_SRC) $(SIM_SRC)),
$(call compdb,$s,$(HOSTCC) $(HOST_FLAGS))$(comma))
$(call compdb,$(B)/ksyms.S,$(CC))
]
endef
compile_commands.json: $(B)/stamp/compdb
	$(file >$@,$(COMPDB))@:

-include $(ALL_OBJ:.o=.d) $(MEMS_OBJ:.o=.d) $(WRITER_OBJ:.o=.d)

endif
