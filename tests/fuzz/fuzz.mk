# Fuzzing: bytes that libFuzzer makes up, against mm/ beside its model and against the readers of foreign bytes.
#
#   make fuzz SECONDS=60     all targets, the time split between them; findings go to build/fuzz/found/
#   make fuzz T=elf          only those whose name contains "elf"
#   make fuzz-replay         every input of tests/fuzz/regress and tests/fuzz/corpus once, without libFuzzer; those
#                            of mm also as programs on this machine's Linux
#
# A finding as a program:  build/fuzz/replay-mm-3x3 --program FILE > p.c

SECONDS ?= 60
FUZZ := build/fuzz
FUZZ_CC = $(firstword $(foreach c,clang clang-19 clang-18 clang-17 clang-16 clang-15 clang-14,$(shell command -v $(c))))
FUZZ_FLAGS := -g -O2 -I. -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
# Attributes in brackets are C23's to clang.
FUZZ_CLANG_FLAGS := -std=gnu2x -w $(FUZZ_FLAGS)
FUZZ_GCC_FLAGS := -std=gnu17 -Wall -Wextra -Werror -Wno-unused-parameter $(FUZZ_FLAGS)
FUZZ_HEADERS := $(wildcard mm/*.h kernel/*.h kernel/abi/*.h tests/host/*.h tests/fuzz/*.h) tests/fuzz/fuzz.mk

FUZZ_MM := tests/fuzz/fuzz_mm.c tests/fuzz/program.c tests/fuzz/program_differs.c $(wildcard mm/*.c) \
           $(filter-out tests/host/sim_test.c tests/host/sim_vmas.c tests/host/sim_world.c,$(wildcard tests/host/sim*.c))
FUZZ_SOURCES_mm-3x3 := $(FUZZ_MM)
FUZZ_SOURCES_mm-2x4 := $(FUZZ_MM)
FUZZ_SOURCES_mm-9x4 := $(FUZZ_MM)
FUZZ_SOURCES_elf := tests/fuzz/fuzz_elf.c kernel/elf.c
FUZZ_SOURCES_script := tests/fuzz/fuzz_script.c kernel/script.c
FUZZ_SOURCES_cpio := tests/fuzz/fuzz_cpio.c kernel/cpio.c
FUZZ_SOURCES_bootinfo := tests/fuzz/fuzz_bootinfo.c kernel/bootinfo.c kernel/ranges.c
FUZZ_SOURCES_ranges := tests/fuzz/fuzz_ranges.c kernel/ranges.c
FUZZ_GEOMETRY_mm-3x3 := -DPT_BITS=3 -DPT_LEVELS=3
FUZZ_GEOMETRY_mm-2x4 := -DPT_BITS=2 -DPT_LEVELS=4
FUZZ_TARGETS := mm-3x3 mm-2x4 mm-9x4 elf script cpio bootinfo ranges

# Each source is compiled twice per target: by clang with libFuzzer's instrumentation, by the host's compiler to replay.
define FUZZ_TARGET
FUZZ_OBJECTS_$1 := $$(FUZZ_SOURCES_$1:%.c=$$(FUZZ)/$1/%.o)
REPLAY_OBJECTS_$1 := $$(FUZZ_SOURCES_$1:%.c=$$(FUZZ)/$1-replay/%.o) $$(FUZZ)/$1-replay/tests/fuzz/replay.o

$$(FUZZ)/$1/%.o: %.c $$(FUZZ_HEADERS)
	@mkdir -p $$(@D)
	$$(Q)$$(FUZZ_CC) $$(FUZZ_CLANG_FLAGS) $$(FUZZ_GEOMETRY_$1) -fsanitize=fuzzer-no-link -c $$< -o $$@

$$(FUZZ)/$1-replay/%.o: %.c $$(FUZZ_HEADERS)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(FUZZ_GCC_FLAGS) $$(FUZZ_GEOMETRY_$1) -c $$< -o $$@

$$(FUZZ)/fuzz-$1: $$(FUZZ_OBJECTS_$1)
	@echo '  FUZZ    $$@'
	$$(Q)$$(FUZZ_CC) -fsanitize=fuzzer,address,undefined $$^ -o $$@

$$(FUZZ)/replay-$1: $$(REPLAY_OBJECTS_$1)
	@echo '  REPLAY  $$@'
	$$(Q)$$(CC) -fsanitize=address,undefined $$^ -o $$@
endef
$(foreach t,$(FUZZ_TARGETS),$(eval $(call FUZZ_TARGET,$t)))

.PHONY: fuzz fuzz-build fuzz-replay fuzz-replay-build
fuzz-build: $(FUZZ_TARGETS:%=$(FUZZ)/fuzz-%) $(FUZZ_TARGETS:%=$(FUZZ)/replay-%)
fuzz-replay-build: $(FUZZ_TARGETS:%=$(FUZZ)/replay-%)

fuzz:
	+@$(SUBMAKE) fuzz-build
	@python3 tests/fuzz/run.py fuzz --seconds $(SECONDS) $(if $(T),--only $(T)) $(FUZZ_TARGETS)

fuzz-replay:
	+@$(SUBMAKE) fuzz-replay-build
	@python3 tests/fuzz/run.py replay $(if $(T),--only $(T)) $(FUZZ_TARGETS)
