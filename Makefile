# Realign's build. `make help` lists what can be asked for.
#
# All output goes to build/ (build/debug with BUILD=debug, as make debug, gdb and replay have it); V=1 shows whole commands.

BUILD ?= $(if $(LAB),release,$(if $(filter debug gdb replay,$(MAKECMDGOALS)),debug,release))
ifneq ($(BUILD),release)
ifneq ($(BUILD),debug)
$(error BUILD=$(BUILD): neither release nor debug)
endif
endif
B := build/$(BUILD)
VERSION := 0.1

.DEFAULT_GOAL := all
.SUFFIXES:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '%-8s%s\n' '$(1)' '$(2)'
endif

# What is linked, by the list of sources when it was linked last: one more or fewer is a reason to link again.
SOURCES := $(sort $(wildcard kernel/*.c mm/*.c user/*.c))
.PHONY: FORCE
FORCE:
$(B)/sources.list: FORCE
	@mkdir -p $(@D)
	@echo '$(SOURCES)' | cmp -s - $@ || echo '$(SOURCES)' > $@

# ---- The kernel -----------------------------------------------------------------------------------------------------

CC := gcc
NASM := nasm

CFLAGS := -std=gnu17 -ffreestanding -fno-pic -fno-pie -mcmodel=kernel -mno-red-zone -mgeneral-regs-only \
          -fcf-protection=none -fno-optimize-sibling-calls -fno-asynchronous-unwind-tables -fno-strict-aliasing \
          -fno-common -fstack-protector-strong -mstack-protector-guard=global -Wall -Wextra -Werror \
          -Wmissing-prototypes -Wstrict-prototypes -Wvla -g -I. -ffile-prefix-map='$(CURDIR)/=' -DREALIGN_VERSION='"$(VERSION)"'
ifeq ($(BUILD),debug)
CFLAGS += -Og -DREALIGN_DEBUG=1
else
# What fills the space before an aligned loop is executed and counted, too.
CFLAGS += -O2 -funswitch-loops -fno-align-loops -fno-align-jumps -fno-align-labels -DREALIGN_DEBUG=0 \
          -DPORT_DIRECT_BASE=0xffff800000000000ull
endif
LDFLAGS := -nostdlib -static -z max-page-size=4096 -z noexecstack --build-id=none

KERNEL := $(B)/kernel.elf
C_SOURCES := $(filter-out kernel/asm_offsets.c user/%,$(SOURCES))
ASM_SOURCES := boot/boot.asm kernel/entry.asm
# A tree for students has some of the files as objects only: make student-tree.
GIVEN := $(patsubst given/$(BUILD)/%,$(B)/%,$(wildcard given/$(BUILD)/mm/*.o))
OBJECTS := $(C_SOURCES:%.c=$(B)/%.o) $(ASM_SOURCES:%.asm=$(B)/%.asm.o) $(GIVEN)

# mm/ and what it stands on are optimised as one unit, so that a line in another file costs no call; not for debugging.
# Each object can be linked by itself too, as labs do.
UNIT := $(if $(filter release,$(BUILD)),$(patsubst %.c,$(B)/%.o,$(filter mm/%,$(C_SOURCES)) \
        $(addprefix kernel/,port.c frames.c slab.c sys_mm.c)))
$(UNIT): CFLAGS += -flto -ffat-lto-objects
LINKED := $(filter-out $(UNIT),$(OBJECTS)) $(if $(UNIT),$(B)/unit.o)

$(B)/unit.o: $(UNIT) $(B)/sources.list
	$(call say,CC,$@)
	$(Q)$(CC) $(CFLAGS) -flto=2 -flinker-output=nolto-rel -r -nostdlib $(UNIT) -o $@

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

$(GIVEN): $(B)/%.o: given/$(BUILD)/%.o
	@mkdir -p $(@D)
	$(Q)cp $< $@

$(B)/%.asm.o: %.asm Makefile
	@mkdir -p $(@D)
	$(call say,NASM,$<)
	$(Q)$(NASM) -f elf64 -g -F dwarf -I$(B)/ -MD $(@:.o=.d) -MP -MT $@ $< -o $@

$(B)/kernel/entry.asm.o: $(B)/asm_offsets.inc

$(B)/asm_offsets.inc: kernel/asm_offsets.c Makefile
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)$(CC) $(filter-out -g,$(CFLAGS)) -MMD -MP -MT $@ -MF $(B)/asm_offsets.d -S $< -o - | \
		sed -n 's/^#EQU \([A-Z0-9_]*\) \(.*\)/\1 equ \2/p' > $@

# Linked twice: the first link tells where the functions are and what they keep on the stack, the second has tables of it.
$(B)/symbols0.asm: tools/symbols.py
	@mkdir -p $(@D)
	$(Q)python3 tools/symbols.py > $@

$(B)/symbols1.asm: $(B)/kernel0.elf tools/symbols.py
	$(call say,GEN,$@)
	$(Q)python3 tools/symbols.py $< > $@

$(B)/symbols%.o: $(B)/symbols%.asm
	$(Q)$(NASM) -f elf64 $< -o $@

$(B)/kernel0.elf: $(LINKED) $(B)/symbols0.o linker.ld $(B)/sources.list
	$(call say,LD,$@)
	$(Q)ld $(LDFLAGS) -T linker.ld $(LINKED) $(B)/symbols0.o -o $@

$(KERNEL): $(LINKED) $(B)/symbols1.o linker.ld $(B)/sources.list
	$(call say,LD,$@)
	$(Q)ld $(LDFLAGS) -T linker.ld $(LINKED) $(B)/symbols1.o -o $@

-include $(OBJECTS:.o=.d) $(B)/asm_offsets.d

# ---- User programs --------------------------------------------------------------------------------------------------
#
# Each user/NAME.c is a program, except testlib.c, suitelib.c and the parts that a program is split into:
# user/NAME_cases_*.c belong to NAME.c or to NAME_test.c. All are linked with testlib.c and suitelib.c. Those in PIES
# are built a second time, as position-independent NAME_pie; those in GLIBCS with Debian's C library, as NAME_glibc;
# those in DYNAMICS for the dynamic linkers of both, as NAME_dyn and NAME_glibc_dyn.

MUSL_GCC := musl-gcc
MUSL := /usr/lib/x86_64-linux-musl
USER_SOURCES := $(filter user/%,$(SOURCES))
PROGRAMS := $(filter-out testlib suitelib,$(foreach f,$(USER_SOURCES),$(if $(findstring _cases_,$f),,$(basename $(notdir $f)))))
PIES := $(filter abi_test scene stack_test start_test,$(PROGRAMS))
GLIBCS := $(filter process_test proc_test cow_test thread_test signal_test start_test file_test huge_test mm_test,$(PROGRAMS))
DYNAMICS := $(filter start_test dyn_demo,$(PROGRAMS))
USER := $(B)/user
USER_CFLAGS := -std=gnu17 -O2 -g -Wall -Wextra -Werror -fno-strict-aliasing -I. -ffile-prefix-map='$(CURDIR)/='
USER_BINARIES := $(PROGRAMS:%=$(USER)/%) $(PIES:%=$(USER)/%_pie) $(GLIBCS:%=$(USER)/%_glibc) \
                 $(DYNAMICS:%=$(USER)/%_dyn) $(DYNAMICS:%=$(USER)/%_glibc_dyn)

$(USER)/%.o: user/%.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(MUSL_GCC) $(USER_CFLAGS) -fno-pie -MMD -MP -c $< -o $@

$(USER)/%.pie.o: user/%.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$< (PIE))
	$(Q)$(MUSL_GCC) $(USER_CFLAGS) -fPIE -MMD -MP -c $< -o $@

$(USER)/%.glibc.o: user/%.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$< (glibc))
	$(Q)$(CC) $(USER_CFLAGS) -fno-pie -MMD -MP -c $< -o $@

USER_LIBRARY := user/testlib.c user/suitelib.c

# The objects of program $1, with suffix $2.
user_objects = $(patsubst user/%.c,$(USER)/%$2,$(filter user/$1.c user/$(1:_test=)_cases_% $(USER_LIBRARY),$(USER_SOURCES)))

define USER_PROGRAM
$(USER)/$1: $(call user_objects,$1,.o) $(B)/sources.list
	$$(call say,LD,$$@)
	$$(Q)$(MUSL_GCC) -static -no-pie $$(filter %.o,$$^) -o $$@
endef

define USER_PIE
$(USER)/$1_pie: $(call user_objects,$1,.pie.o) $(B)/sources.list
	$$(call say,LD,$$@)
	$$(Q)$(MUSL_GCC) -static -nostartfiles -Wl,-pie,--no-dynamic-linker,-z,text \
		$(MUSL)/rcrt1.o $(MUSL)/crti.o $$(filter %.o,$$^) $(MUSL)/crtn.o -o $$@
endef

define USER_GLIBC
$(USER)/$1_glibc: $(call user_objects,$1,.glibc.o) $(B)/sources.list
	$$(call say,LD,$$@)
	$$(Q)$(CC) -static -no-pie -pthread -s $$(filter %.o,$$^) -lm -o $$@
endef

# For the dynamic linkers: position-independent with musl's, with a fixed address with glibc's.
define USER_DYNAMIC
$(USER)/$1_dyn: $(call user_objects,$1,.pie.o) $(B)/sources.list
	$$(call say,LD,$$@)
	$$(Q)$(MUSL_GCC) -pie $$(filter %.o,$$^) -o $$@

$(USER)/$1_glibc_dyn: $(call user_objects,$1,.glibc.o) $(B)/sources.list
	$$(call say,LD,$$@)
	$$(Q)$(CC) -no-pie -s $$(filter %.o,$$^) -o $$@
endef

$(foreach p,$(PROGRAMS),$(eval $(call USER_PROGRAM,$p)))
$(foreach p,$(PIES),$(eval $(call USER_PIE,$p)))
$(foreach p,$(GLIBCS),$(eval $(call USER_GLIBC,$p)))
$(foreach p,$(DYNAMICS),$(eval $(call USER_DYNAMIC,$p)))

# The language of scenes.
SCENES := $(wildcard user/scenes/*.scene)
$(USER)/scene: $(USER)/scenes/scene.o
$(USER)/scene_pie: $(USER)/scenes/scene.pie.o

-include $(wildcard $(USER)/*.d $(USER)/scenes/*.d)
.SECONDARY:

# Malformed programs for exec to refuse.
BAD_ELFS := $(if $(wildcard user/make_bad_elfs.py),$(USER)/bad/.made)
$(USER)/bad/.made: user/make_bad_elfs.py
	$(call say,GEN,$(@D))
	$(Q)rm -rf $(@D) && mkdir -p $(@D) && python3 $< $(@D) > /dev/null && touch $@

# ---- What is booted -------------------------------------------------------------------------------------------------

INITRAMFS := $(B)/initramfs.cpio
include user/rootfs.mk
ISO := $(B)/realign.iso
UEFI_ISO := $(B)/realign-uefi.iso
GRUB_BIOS := /usr/lib/grub/i386-pc
GRUB_UEFI := /usr/lib/grub/x86_64-efi

$(INITRAMFS): $(USER_BINARIES) $(SCENES) $(BAD_ELFS) $(ROOTFS) $(ROOTFS_FILES) tools/mkcpio.py $(B)/sources.list
	$(call say,CPIO,$@)
	$(Q)python3 tools/mkcpio.py $@ --list $(ROOTFS) init=$(USER)/mremap_test sbin/init=$(USER)/init \
		$(foreach b,$(filter-out %/init,$(USER_BINARIES)),bin/$(notdir $b)=$b) $(if $(BAD_ELFS),bad=$(USER)/bad) \
		$(foreach s,$(SCENES),scenes/$(notdir $s)=$s)

$(B)/iso/.made: $(KERNEL) $(INITRAMFS) boot/grub.cfg
	$(Q)mkdir -p $(@D)/boot/grub
	$(Q)strip --strip-debug -o $(@D)/boot/kernel.elf $(KERNEL)
	$(Q)cp $(INITRAMFS) $(@D)/boot/initramfs.cpio
	$(Q)cp boot/grub.cfg $(@D)/boot/grub/grub.cfg
	$(Q)touch $@

# The modules that are named keep it at 1 MB; GRUB's default set makes it 10 MB.
$(ISO): $(B)/iso/.made
	$(call say,ISO,$@)
	$(Q)grub-mkrescue -d $(GRUB_BIOS) --install-modules="multiboot2 normal iso9660 biosdisk part_msdos" \
		--locales= --fonts= --themes= -o $@ $(@D)/iso > $(B)/grub.log 2>&1 || { cat $(B)/grub.log; false; }

$(UEFI_ISO): $(B)/iso/.made
	$(call say,ISO,$@)
	$(Q)grub-mkrescue -d $(GRUB_UEFI) --install-modules="multiboot2 normal iso9660 part_gpt part_msdos fat" \
		--locales= --fonts= --themes= -o $@ $(@D)/iso > $(B)/grub-uefi.log 2>&1 || { cat $(B)/grub-uefi.log; false; }

# ---- Commands -------------------------------------------------------------------------------------------------------

QEMU := python3 tools/qemu.py
MEMORY ?= 256M
APPEND ?=
export MEMORY APPEND    # whatever is in them, the shell sees it in quotes
JOBS := $(shell nproc 2>/dev/null || echo 2)
SUBMAKE := $(MAKE) --no-print-directory -j$(JOBS)

.PHONY: all kernel user initramfs iso iso-uefi run run-uefi run-kernel shell linux linux-shell debug gdb demo-warn \
        abi-status docs storm oracle bench bench-quick bench-record test check host-test boot-test format doctor setup \
        clean help

all: kernel initramfs
kernel: $(KERNEL)
user: $(USER_BINARIES)
initramfs: $(INITRAMFS)
iso: $(ISO)
iso-uefi: $(UEFI_ISO)

ifndef LAB
run:
	@tools/setup.sh
	+@$(SUBMAKE) $(ISO)
	@$(QEMU) --iso $(ISO) --memory="$$MEMORY" --tap
endif

run-uefi:
	@tools/setup.sh
	+@$(SUBMAKE) $(UEFI_ISO)
	@$(QEMU) --iso $(UEFI_ISO) --uefi --memory="$$MEMORY" --tap

run-kernel: $(KERNEL) $(INITRAMFS)
	@$(QEMU) --kernel $(KERNEL) --initrd $(INITRAMFS) --memory="$$MEMORY" --append="$$APPEND"

# The serial port is this terminal: ^C goes to the programs in the machine.
shell:
	@tools/setup.sh
	+@$(SUBMAKE) $(KERNEL) $(INITRAMFS)
	@echo "Realign's shell; to leave it: exit, poweroff, or Ctrl-a x, which ends QEMU"
	@$(QEMU) --kernel $(KERNEL) --initrd $(INITRAMFS) --memory="$$MEMORY" --shell \
		--append="init=/sbin/init loglevel=warn $$APPEND"

LINUX := build/linux/vmlinuz
$(LINUX):
	@tools/fetch_linux.sh $(@D)

linux: $(LINUX)

linux-shell:
	@tools/setup.sh
	+@$(SUBMAKE) $(LINUX) $(INITRAMFS)
	@echo "Linux's shell, in some seconds; to leave it: exit, poweroff, or Ctrl-a x, which ends QEMU"
	@$(QEMU) --linux --kernel $(LINUX) --initrd $(INITRAMFS) --memory="$$MEMORY" --shell \
		--append="$$APPEND"

GDB_SOCKET := $(B)/gdb.socket
GDB_ARGS ?=

ifndef LAB
debug: $(KERNEL) $(INITRAMFS)
	@echo "QEMU waits for GDB: make gdb$(if $(filter release,$(BUILD)), BUILD=release), in another terminal"
	@$(QEMU) --kernel $(KERNEL) --initrd $(INITRAMFS) --memory="$$MEMORY" --append="norandmaps trace_ring=all $$APPEND" \
		--gdb $(GDB_SOCKET)
endif

# On the machine of make debug; where none waits, on one of its own. GDB_ARGS: more arguments of GDB's.
gdb: $(KERNEL) $(INITRAMFS)
	@python3 tools/gdb/session.py --kernel $(KERNEL) --initrd $(INITRAMFS) --memory="$$MEMORY" --append="$$APPEND" \
		--socket $(GDB_SOCKET) -- $(GDB_ARGS)

# Records PROG, a file of the initramfs and its arguments, and opens GDB on the recording.
.PHONY: replay
replay: PROG ?= demo
replay: SECONDS ?= 60
replay: export PROG := $(PROG)
replay: $(KERNEL) $(INITRAMFS)
	@python3 tools/gdb/recording.py --kernel $(KERNEL) --initrd $(INITRAMFS) --memory="$$MEMORY" --append="$$APPEND" \
		--program="$$PROG" --seconds=$(SECONDS) --recordings $(B) -- $(GDB_ARGS)

# What PROG, a file of the initramfs and its arguments, does to its memory, as JSON to the file OUT.
.PHONY: trace
trace: PROG ?= demo
trace: KINDS ?= all,state
trace: OUT ?= $(B)/trace.jsonl
trace: export PROG := $(PROG)
trace: $(KERNEL) $(INITRAMFS)
	@set -- $$PROG; first="$$1"; shift; $(QEMU) --kernel $(KERNEL) --initrd $(INITRAMFS) --memory="$$MEMORY" \
		--trace="$(OUT)" --append="norandmaps init=/bin/$$first trace_json=$(KINDS) $$APPEND$${1:+ -- $$*}"
	@echo "$$(wc -l < '$(OUT)') events in $(OUT)"

demo-warn: $(KERNEL) $(INITRAMFS)
	@python3 tools/demo_warn.py $(KERNEL) $(INITRAMFS)

# COUNT sequences of calls, made from SEED, on this machine's Linux and on Realign.
oracle: $(KERNEL) $(USER)/oracle
	@python3 tools/oracle.py --build $(B) $(if $(SEED),--seed $(SEED)) $(if $(COUNT),--count $(COUNT))

abi-status:
	@python3 tools/abi_status.py

docs:
	@python3 tools/docs.py

# Half of the time with huge pages where they are asked for, half with them everywhere.
storm: SECONDS ?= 60
storm: SEED ?= $(shell date +%s)
storm: $(KERNEL) $(INITRAMFS)
	@for thp in madvise always; do \
		echo "storm: seed $(SEED), thp=$$thp, $$(($(SECONDS) / 2)) seconds"; \
		$(QEMU) --kernel $(KERNEL) --initrd $(INITRAMFS) --timeout=$$(($(SECONDS) + 60)) --tap \
			--append="init=/bin/storm check=1 hugepages=20 thp=$$thp loglevel=err -- seed=$(SEED) seconds=$$(($(SECONDS) / 2))" \
			|| exit 1; \
	done

# What calls cost here and on Debian's Linux 6.1 and 6.12, in instructions; C: cases whose name contains it.
bench: $(KERNEL) $(USER)/bench $(USER)/init
	@python3 tools/bench.py --build $(B) $(if $(C),--only='$(C)')
	+@$(SUBMAKE) build/bench.html && echo 'build/bench.html has it as plots'

# Realign alone, against tests/golden/bench.json, which bench-record writes, with README.md's rows.
bench-quick: $(KERNEL) $(USER)/bench $(USER)/init
	@python3 tools/bench.py --build $(B) --quick

bench-record: $(KERNEL) $(USER)/bench $(USER)/init
	@python3 tools/bench.py --build $(B) --record

# Which functions spend a case's instructions; F: also one function's, one by one; ALL=1: in all measurements.
.PHONY: profile
profile: CASE ?= move/4K
profile: $(KERNEL) $(USER)/bench $(USER)/init
	@python3 tools/profile.py --build $(B) '$(CASE)' $(if $(F),--function='$(F)') $(if $(ALL),--all)

ifndef LAB
test:
	@tools/setup.sh
	@python3 tools/total.py "$(SUBMAKE) check" "$(SUBMAKE) host-test" "$(SUBMAKE) exhaust-slice" \
		"$(SUBMAKE) fuzz-replay" "$(SUBMAKE) mutants-slice" "$(SUBMAKE) boot-test" "$(SUBMAKE) web-test" "$(SUBMAKE) lab-test" \
		"$(SUBMAKE) bench-quick"
endif

check:
	@python3 tools/check.py

-include tests/host/host.mk
-include tests/mutants/mutants.mk
-include tests/exhaust/exhaust.mk
-include tests/fuzz/fuzz.mk
include labs/labs.mk
include tools/web/web.mk

# The suites in GDB want the kernel that is made for it, and a program.
.PHONY: debug-kernel
debug-kernel:
	+@$(MAKE) --no-print-directory BUILD=debug B=build/debug kernel build/debug/user/demo

boot-test: $(KERNEL) $(INITRAMFS) $(ISO) $(if $(wildcard $(GRUB_UEFI)),$(UEFI_ISO)) debug-kernel
	@python3 tests/boot/run.py --build $(B) $(if $(T),--only='$(T)')

format:
	@clang-format -i $(wildcard boot/*.[ch] tools/*.c kernel/*.[ch] kernel/abi/*.h mm/*.[ch] user/*.[ch] tests/host/*.[ch] \
		tests/exhaust/*.[ch] tests/fuzz/*.[ch] tools/web/wasm/*.[ch] tests/web/*.[ch] user/scenes/*.[ch] labs/*/start.c tools/labs/*.c)

doctor:
	@tools/doctor.sh

setup:
	@tools/setup.sh

clean:
	rm -rf build

help:
	@echo 'make run         boots the ISO in QEMU; /init is the mremap test; its TAP, then a line of counts'
	@echo 'make test        all checks and tests; a line of counts at the end'
	@echo "make shell       busybox's shell on Realign, in this terminal, with /proc and the tests in /bin"
	@echo "make linux-shell the same on Debian's Linux; tools/run-on-linux PROGRAM [ARG]...: one program there"
	@echo 'make demo-warn   the historic warning with realign=off, and without it with realign=full'
	@echo 'make exhaust     every small case of a move, of mremap and of a stack shift; goes on where it was stopped'
	@echo 'make fuzz        libFuzzer on mm/, ELF, cpio and boot information; SECONDS=60 in all; T=elf: some of them'
	@echo 'make mutants     historic mistakes put into mm/, each noticed by the host tests; M=flush: some of them'
	@echo 'make coverage    lines and branches of mm/ that the host tests run; build/coverage/index.html'
	@echo 'make oracle      the same calls on Linux and on Realign, compared; COUNT=20000 SEED=1'
	@echo 'make storm       calls at random, right ones and wrong ones, under mm_check; SECONDS=60 SEED=1'
	@echo 'make trace       the events of PROG="demo" as JSON in OUT=trace.jsonl; KINDS=mremap,pt: these; docs/trace.md'
	@echo "make bench       instructions that calls cost, on Linux 6.1, Linux 6.12 and Realign; C=move: some of them"
	@echo 'make bench-quick Realign alone, compared with tests/golden/bench.json; make bench-record writes that, and the README'
	@echo 'make profile     which functions spend the instructions of a case of bench; CASE=move/4K, CASE=boot, F=do_step'
	@echo 'make playground  build/playground.html: a page to play with mm/, compiled to WebAssembly'
	@echo 'make debug       QEMU waiting for GDB, with BUILD=debug'
	@echo 'make gdb         GDB attached to it, or to a QEMU of its own; its commands: realign, docs/gdb.md'
	@echo 'make picture     a run as a page to look at: PROG="demo" OUT=demo.html; docs/pictures.md'
	@echo "make replay      a recording of PROG=\"demo\" in GDB, which goes back as well: who-moved, reverse-step"
	@echo
	@echo 'make all         kernel and initramfs        make check       layers, format, lengths'
	@echo 'make iso         the GRUB CD for a BIOS      make host-test   tests on the host; T=pt: some of them'
	@echo 'make iso-uefi    the GRUB CD for UEFI        make boot-test   tests in QEMU; T=bad: some of them'
	@echo 'make run-uefi    make run under UEFI         make run-kernel  by -kernel; APPEND="options of the kernel"'
	@echo 'make format      clang-format on all files   make web-test    pages in Chromium; T=play: some of them'
	@echo 'make clean       removes build/              make docs        brings what documents quote up to date'
	@echo 'make doctor      tools, versions, missing    make setup       installs what is missing'
	@echo
	@echo 'make LAB=NAME grade     points for labs/NAME; run, test, debug TEST=T, solution-check; SUBMISSION=file'
	@echo 'make LAB=NAME grade-class DIR=submissions OUT=results.csv HOSTS=...     a whole class'
	@echo 'make student-tree OUT=dir LABS="walk fault"     a copy to be handed out, without solutions'
	@echo 'make lab-test    the labs, their grader, hostile submissions; T=class: some of them'
	@echo
	@echo 'BUILD=debug      -Og, poisoned memory        V=1  whole commands        MEMORY=256M  of the machine'
