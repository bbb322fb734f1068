# Host tests: mm/ and some files of the kernel, compiled for this machine, on simulated parts.
#
#   make host-test        build and run all of tests/host/test_*.c
#   make host-test T=pt   only those whose name contains "pt"
#
# A test says in its first 15 lines how it is built (tests/host/run.py reads it):
#   /* host-test: kernel/cpio.c ... */   these sources in place of mm/ and the simulator
#   /* host-build: 9/4 2/3-fast */       bits per level / levels; -fast: no sanitizers

B ?= build
T ?=

HOST_RUN := python3 tests/host/run.py --build $(B)/host $(if $(T),--only $(T))

.PHONY: host-test host-build
host-test: host-build
	@$(HOST_RUN) run

host-build:
	@$(HOST_RUN) make
	+@$(MAKE) --no-print-directory -j2 -f $(B)/host/programs.mk
